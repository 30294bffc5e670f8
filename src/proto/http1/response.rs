//! The head of a response: status line and fields, checked as a whole.

use super::control::Control;
use super::fields::Fields;
use super::message::{BadVersion, BodyLength, Version, is_value_byte, version};
use super::request::split_first_line;
use super::violation::Violation;

/// What a provider answers. Borrows the caller's bytes; copy what has to outlive them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    /// 100 to 999, though nothing above 599 has a meaning. The reason phrase is not kept: it
    /// means nothing either (RFC 9112 §4).
    pub status: u16,
    /// The version.
    pub version: Version,
    /// Whether the provider leaves the connection open after this response.
    pub keep_alive: bool,
    /// How the body ends.
    pub length: BodyLength,
    /// All fields.
    pub fields: Fields<'a>,
}

impl<'a> ResponseHead<'a> {
    /// Parses a head that ends with its empty line. `\r` and `\n` stand in it only as CRLF.
    /// `to_head` says that the request was a HEAD, whose response never has a body.
    pub(super) fn parse(head: &'a [u8], to_head: bool) -> Result<Self, Violation> {
        let (line, block) = split_first_line(head);
        let (version, status) = parse_status_line(line)?;
        let fields = Fields::parse(block)?;
        let control = Control::read(&fields)?;
        let framed = control.body_length(
            version,
            BodyLength::UntilClose,
            Violation::UnknownTransferCoding,
        )?;
        // RFC 9112 §6.3, rule 1: these never have a body, whatever their fields say.
        let has_no_body = to_head || matches!(status, 100..=199 | 204 | 304);
        let length = if has_no_body {
            BodyLength::None
        } else {
            framed
        };
        Ok(Self {
            status,
            version,
            keep_alive: control.keeps_alive(version) && length != BodyLength::UntilClose,
            length,
            fields,
        })
    }
}

/// `HTTP/1.1 200 OK`. Servers are known to leave out the reason together with the space before
/// it; nothing depends on that, so it is accepted.
fn parse_status_line(line: &[u8]) -> Result<(Version, u16), Violation> {
    let (word, rest) = line.split_at_checked(8).ok_or(Violation::StatusLine)?;
    let version = version(word).map_err(|bad| match bad {
        BadVersion::Unsupported => Violation::UnsupportedVersion,
        BadVersion::NotHttp => Violation::StatusLine,
    })?;
    let [
        b' ',
        first @ b'1'..=b'9',
        second @ b'0'..=b'9',
        third @ b'0'..=b'9',
        rest @ ..,
    ] = rest
    else {
        return Err(Violation::StatusLine);
    };
    let reason_is_valid = match rest {
        [] => true,
        [b' ', reason @ ..] => reason.iter().copied().all(is_value_byte),
        _ => false,
    };
    if !reason_is_valid {
        return Err(Violation::StatusLine);
    }
    let digit = |byte: &u8| u16::from(byte - b'0');
    Ok((
        version,
        digit(first) * 100 + digit(second) * 10 + digit(third),
    ))
}
