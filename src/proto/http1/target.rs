//! The target of a request and the host it is for (RFC 9112 §3.2, RFC 9110 §7.2).
//!
//! Four forms, of which a server has to know all: `/path?query` (origin), `http://host/path`
//! (absolute), `host:port` (authority, CONNECT only) and `*` (OPTIONS only).

use core::net::Ipv6Addr;

use memchr::memchr;

use super::message::Method;

/// A target taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// Begins with `/`; or is `*`; or is empty for CONNECT.
    pub(super) path: &'a str,
    /// Without its `?`.
    pub(super) query: Option<&'a str>,
    /// Only from the absolute and the authority form. It takes the place of `Host`.
    pub(super) authority: Option<&'a str>,
    /// An absolute target with the scheme `https`.
    pub(super) https: bool,
}

impl<'a> Target<'a> {
    /// `None` when the target is not well-formed, or its form does not belong to the method.
    pub(super) fn parse(method: Method, bytes: &'a [u8]) -> Option<Self> {
        // No space, no control byte, nothing beyond ASCII, and no fragment: that one is for the
        // client alone. Percent-encoding is left to whoever reads the path.
        if !bytes
            .iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b'#')
        {
            return None;
        }
        let text = str::from_utf8(bytes).ok()?;
        match (method, bytes) {
            (Method::Connect, _) => {
                let authority = Some(authority(bytes)?);
                Some(Self {
                    path: "",
                    query: None,
                    authority,
                    https: false,
                })
            }
            (_, [b'/', ..]) => Some(Self::from_path(text)),
            (Method::Options, b"*") => Some(Self {
                path: "*",
                query: None,
                authority: None,
                https: false,
            }),
            _ => Self::absolute(method, text),
        }
    }

    fn from_path(text: &'a str) -> Self {
        match text.split_once('?') {
            Some((path, query)) => Self {
                path,
                query: Some(query),
                authority: None,
                https: false,
            },
            None => Self {
                path: text,
                query: None,
                authority: None,
                https: false,
            },
        }
    }

    /// `http://host`, `http://host/path?query`, `http://host?query`; `https` likewise.
    fn absolute(method: Method, text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let https = scheme.eq_ignore_ascii_case("https");
        if !https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host = authority(host.as_bytes())?;
        let mut target = Self::from_path(rest);
        if target.path.is_empty() {
            // RFC 9112 §3.2.4: without a path OPTIONS asks about the server as a whole.
            let asks_for_server = method == Method::Options && target.query.is_none();
            target.path = if asks_for_server { "*" } else { "/" };
        }
        Some(Self {
            authority: Some(host),
            https,
            ..target
        })
    }
}

/// Checks `uri-host [ ":" port ]` (RFC 3986 §3.2.2). An empty host is not accepted: that is
/// meant for schemes without an authority, and HTTP is not one of them.
pub(super) fn authority(bytes: &[u8]) -> Option<&str> {
    let text = str::from_utf8(bytes).ok()?;
    let port = if let Some(literal) = text.strip_prefix('[') {
        let (address, port) = literal.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        port
    } else {
        let (name, port) = text.split_at(memchr(b':', bytes).unwrap_or(text.len()));
        if name.is_empty() || !is_registered_name(name.as_bytes()) {
            return None;
        }
        port
    };
    is_port(port).then_some(text)
}

/// Nothing, or `:` and digits that fit 16 bits; RFC 3986 allows no digits at all.
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        None => text.is_empty(),
        Some("") => true,
        Some(digits) => {
            digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
        }
    }
}

/// `*( unreserved / pct-encoded / sub-delims )`. An IPv4 address is one of these too.
fn is_registered_name(mut name: &[u8]) -> bool {
    loop {
        name = match name {
            [] => return true,
            [byte, rest @ ..] if PLAIN[usize::from(*byte)] => rest,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            _ => return false,
        }
    }
}

/// `unreserved / sub-delims`, as a table: every request has a host, and each of its bytes is looked at.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        plain[byte as usize] = byte.is_ascii_alphanumeric() || is_mark(byte);
        byte += 1;
    }
    plain
};

const fn is_mark(byte: u8) -> bool {
    const MARKS: &[u8] = b"-._~!$&'()*+,;=";
    let mut at = 0;
    while at < MARKS.len() {
        if MARKS[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_four_forms() {
        let parse = |method, text: &'static str| {
            Target::parse(method, text.as_bytes()).map(|t| (t.path, t.query, t.authority))
        };
        let https = |text: &str| Target::parse(Method::Get, text.as_bytes()).unwrap().https;
        assert!(https("HTTPS://h/") && !https("http://h/") && !https("/https://h/"));
        assert_eq!(
            parse(Method::Get, "/a?b?c"),
            Some(("/a", Some("b?c"), None))
        );
        assert_eq!(parse(Method::Get, "//a"), Some(("//a", None, None)));
        assert_eq!(parse(Method::Get, "/?"), Some(("/", Some(""), None)));
        assert_eq!(
            parse(Method::Post, "HTTP://h:1/a?b"),
            Some(("/a", Some("b"), Some("h:1")))
        );
        assert_eq!(
            parse(Method::Get, "https://h?b"),
            Some(("/", Some("b"), Some("h")))
        );
        assert_eq!(
            parse(Method::Options, "http://h"),
            Some(("*", None, Some("h")))
        );
        assert_eq!(parse(Method::Options, "*"), Some(("*", None, None)));
        assert_eq!(
            parse(Method::Connect, "h:443"),
            Some(("", None, Some("h:443")))
        );
    }

    #[test]
    fn targets_that_are_refused() {
        for bad in [
            "",
            "*",
            "a",
            "h:443",
            "ftp://h/",
            "http:///a",
            "http://u@h/",
            "http://h:x/",
            "/a#b",
            "/a b",
            "/\t",
            "/\u{7f}",
            "/\u{e4}",
            "?a",
            "://h/",
            "javascript:alert(1)",
        ] {
            assert_eq!(Target::parse(Method::Get, bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(Target::parse(Method::Connect, b"/a"), None);
    }

    #[test]
    fn hosts() {
        for good in [
            "h",
            "a.example:80",
            "a_b",
            "127.0.0.1:",
            "[::1]",
            "[fe80::1]:65535",
            "%41",
        ] {
            assert_eq!(authority(good.as_bytes()), Some(good));
        }
        for bad in [
            "",
            ":80",
            "h:65536",
            "h:+1",
            "h:-1",
            "h:8:8",
            "::1",
            "[::1",
            "[::1]x",
            "[::1]:x",
            "[]",
            "[1.2.3.4]",
            "[v1.a]",
            "a b",
            "a/b",
            "a@b",
            "a\\b",
            "%4",
            "%zz",
            "h\u{e4}",
            "a\"b",
        ] {
            assert_eq!(authority(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
