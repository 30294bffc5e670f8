//! The head of a request: request line and fields, checked as a whole.

use super::control::Control;
use super::fields::Fields;
use super::message::{BadVersion, BodyLength, Method, Version, is_token, version};
use super::refusal::Refusal;
use super::target::{Target, authority};

/// What a client asks for. Borrows the caller's bytes; copy what has to outlive them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: Method,
    /// Not percent-decoded. Begins with `/`; or is `*` (OPTIONS only); or is empty (CONNECT).
    pub path: &'a str,
    /// What follows the first `?`, not decoded.
    pub query: Option<&'a str>,
    /// The version.
    pub version: Version,
    /// Whom the client means, as `host` or `host:port`: the authority of an absolute target, which
    /// overrides `Host` (RFC 9112 §3.2.2), or else `Host`. Empty only in HTTP/1.0 without `Host`.
    pub host: &'a str,
    /// Whether the target is absolute and its scheme `https`, on whatever connection it came.
    pub https: bool,
    /// Whether the client is ready to send another request on this connection. Never after
    /// CONNECT: what follows may be the bytes of the tunnel (RFC 9110 §9.3.6).
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends its body.
    pub expect_continue: bool,
    /// How the body ends; never [`BodyLength::UntilClose`].
    pub length: BodyLength,
    /// All fields.
    pub fields: Fields<'a>,
}

impl<'a> RequestHead<'a> {
    /// Parses a head that ends with its empty line. `\r` and `\n` stand in it only as CRLF.
    pub(super) fn parse(head: &'a [u8]) -> Result<Self, Refusal> {
        let (line, block) = split_first_line(head);
        let (method, target, version) = parse_request_line(line)?;
        let fields = Fields::parse(block)?;
        let control = Control::read(&fields)?;
        let length =
            control.body_length(version, BodyLength::None, Refusal::UnknownTransferCoding)?;
        if control.expect_unknown {
            return Err(Refusal::UnknownExpectation);
        }
        Ok(Self {
            method,
            path: target.path,
            query: target.query,
            version,
            host: effective_host(&control, version, target.authority)?,
            https: target.https,
            keep_alive: control.keeps_alive(version) && method != Method::Connect,
            // RFC 9110 §10.1.1: an expectation in HTTP/1.0 is ignored, and without a body there
            // is nothing to wait with.
            expect_continue: control.expect_continue
                && version == Version::Http11
                && length != BodyLength::None,
            length,
            fields,
        })
    }
}

/// The first line without its CRLF, and the rest.
pub(super) fn split_first_line(head: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\r', head).unwrap_or(head.len());
    (&head[..end], head.get(end + 2..).unwrap_or_default())
}

/// Exactly two spaces: a third one would have to be part of the target.
fn parse_request_line(line: &[u8]) -> Result<(Method, Target<'_>, Version), Refusal> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version_word), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refusal::RequestLine);
    };
    if !is_token(method) {
        return Err(Refusal::Method);
    }
    let version = version(version_word).map_err(|bad| match bad {
        BadVersion::Unsupported => Refusal::UnsupportedVersion,
        BadVersion::NotHttp => Refusal::Version,
    })?;
    let method = Method::from_token(method);
    let target = Target::parse(method, target).ok_or(Refusal::Target)?;
    Ok((method, target, version))
}

/// `Host` has to be there once and well-formed, also when the target overrides it.
fn effective_host<'a>(
    control: &Control<'a>,
    version: Version,
    from_target: Option<&'a str>,
) -> Result<&'a str, Refusal> {
    if control.host_repeated {
        return Err(Refusal::RepeatedHost);
    }
    let host = match control.host {
        Some(value) => authority(value).ok_or(Refusal::Host)?,
        None if version == Version::Http10 => "",
        None => return Err(Refusal::MissingHost),
    };
    Ok(from_target.unwrap_or(host))
}
