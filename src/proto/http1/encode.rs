//! Writing what is not a reply head: requests, chunks, and single fields that cannot break out.
//!
//! A request carries values from elsewhere (a model's name, a key from the configuration), so
//! [`write_request`] checks every piece before it writes the first byte, and says which one is not
//! fit to be sent. It refuses to repair anything.

use std::fmt;

use super::message::{Method, is_token, is_value, is_value_byte};
use super::target::{Target, authority};
use crate::proto::Sink;

/// The whole interim response that an `Expect: 100-continue` waits for.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Why a request was not written. Nothing of it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwritable {
    /// [`Method::Other`] has no name to write.
    Method,
    /// The target is malformed, or does not fit the method.
    Target,
    /// The host is not `host` or `host:port`.
    Host,
    /// A field name is not a token.
    FieldName,
    /// A field value holds CR, LF, NUL or another control byte.
    FieldValue,
    /// A field that this function writes itself: `Host`, `Content-Length`, `Transfer-Encoding`.
    ReservedField,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "the request has no method that can be written",
            Self::Target => "the target of the request is malformed",
            Self::Host => "the host of the request is malformed",
            Self::FieldName => "a field name of the request is malformed",
            Self::FieldValue => "a field value of the request holds a control character",
            Self::ReservedField => "a field of the request would contradict its framing",
        })
    }
}

impl std::error::Error for Unwritable {}

/// Writes the head of an HTTP/1.1 request.
///
/// `target` is `/path?query`, already percent-encoded; `host` is `host` or `host:port`.
/// `body_length` is the number of bytes of the body that the caller writes next; `None` writes no
/// `Content-Length`, which is right for a GET and wrong for a POST (RFC 9110 §8.6).
///
/// # Errors
/// A piece that could end its line early, or that is malformed: nothing was written.
pub fn write_request(
    out: &mut impl Sink,
    method: Method,
    target: &str,
    host: &str,
    fields: &[(&str, &[u8])],
    body_length: Option<u64>,
) -> Result<(), Unwritable> {
    begin_request(out, method, target, host, fields)?;
    end_request(out, body_length);
    Ok(())
}

/// Writes all of a head but its end, which is [`end_request`]'s. Who sends the same head again and
/// again keeps what this has written.
///
/// # Errors
/// As [`write_request`].
pub fn begin_request(
    out: &mut impl Sink,
    method: Method,
    target: &str,
    host: &str,
    fields: &[(&str, &[u8])],
) -> Result<(), Unwritable> {
    if method == Method::Other {
        return Err(Unwritable::Method);
    }
    Target::parse(method, target.as_bytes()).ok_or(Unwritable::Target)?;
    authority(host.as_bytes()).ok_or(Unwritable::Host)?;
    for (name, value) in fields {
        check_field(name, value)?;
    }
    for piece in [
        method.as_str(),
        " ",
        target,
        " HTTP/1.1\r\nhost: ",
        host,
        "\r\n",
    ] {
        out.put(piece.as_bytes());
    }
    for (name, value) in fields {
        put_field(out, name, value);
    }
    Ok(())
}

/// Ends the head of a request, before a body of this length if there is one.
pub fn end_request(out: &mut impl Sink, body_length: Option<u64>) {
    if let Some(bytes) = body_length {
        put_field(
            out,
            "content-length",
            itoa::Buffer::new().format(bytes).as_bytes(),
        );
    }
    out.put(b"\r\n");
}

fn check_field(name: &str, value: &[u8]) -> Result<(), Unwritable> {
    let ours = ["host", "content-length", "transfer-encoding"];
    if !is_token(name.as_bytes()) {
        Err(Unwritable::FieldName)
    } else if ours.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
        Err(Unwritable::ReservedField)
    } else if !is_value(value) {
        Err(Unwritable::FieldValue)
    } else {
        Ok(())
    }
}

/// Writes one chunk. Without bytes it writes nothing, because an empty chunk is the last one.
pub fn put_chunk(out: &mut impl Sink, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let mut digits = [0; 16];
    out.put(hexadecimal(bytes.len(), &mut digits));
    out.put(b"\r\n");
    out.put(bytes);
    out.put(b"\r\n");
}

/// Ends a chunked body, without trailers.
pub fn put_last_chunk(out: &mut impl Sink) {
    out.put(b"0\r\n\r\n");
}

/// Writes one field line. Control bytes in the value become spaces, so that no value can ever end
/// its line: a second guard, behind callers that have no business passing such a value.
pub(super) fn put_field(out: &mut impl Sink, name: &str, value: &[u8]) {
    debug_assert!(is_token(name.as_bytes()), "{name:?} is not a field name");
    out.put(name.as_bytes());
    out.put(b": ");
    if is_value(value) {
        out.put(value);
    } else {
        for (index, clean) in value.split(|byte| !is_value_byte(*byte)).enumerate() {
            if index > 0 {
                out.put(b" ");
            }
            out.put(clean);
        }
    }
    out.put(b"\r\n");
}

fn hexadecimal(mut number: usize, digits: &mut [u8; 16]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b"0123456789abcdef"[number & 0xf];
        number >>= 4;
        if number == 0 {
            return &digits[start..];
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_as_it_goes_out() {
        let mut out = Vec::new();
        let fields = [("accept", &b"text/event-stream"[..])];
        write_request(&mut out, Method::Post, "/v1/x?y", "h:1", &fields, Some(2)).unwrap();
        assert_eq!(
            out.escape_ascii().to_string(),
            r"POST /v1/x?y HTTP/1.1\r\nhost: h:1\r\naccept: text/event-stream\r\ncontent-length: 2\r\n\r\n"
        );
    }

    #[test]
    fn a_request_that_could_break_out_is_not_written() {
        let mut out = Vec::new();
        let mut write = |target, host, name, value: &[u8]| {
            write_request(&mut out, Method::Get, target, host, &[(name, value)], None)
        };
        assert_eq!(write("/a b", "h", "a", b"b"), Err(Unwritable::Target));
        assert_eq!(write("/a\r\nx:y", "h", "a", b"b"), Err(Unwritable::Target));
        assert_eq!(write("/", "h\r\nx:y", "a", b"b"), Err(Unwritable::Host));
        assert_eq!(write("/", "h", "a\r\n", b"b"), Err(Unwritable::FieldName));
        assert_eq!(
            write("/", "h", "a", b"b\r\nc: d"),
            Err(Unwritable::FieldValue)
        );
        assert_eq!(write("/", "h", "a", b"b\0"), Err(Unwritable::FieldValue));
        assert_eq!(
            write("/", "h", "Transfer-Encoding", b"chunked"),
            Err(Unwritable::ReservedField)
        );
        assert_eq!(out, b"");
        let other = write_request(&mut out, Method::Other, "/", "h", &[], None);
        assert_eq!(other, Err(Unwritable::Method));
    }

    #[test]
    fn chunks() {
        let mut out = Vec::new();
        put_chunk(&mut out, b"");
        put_chunk(&mut out, &[b'x'; 26]);
        put_last_chunk(&mut out);
        assert_eq!(out, b"1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n");
        assert_eq!(hexadecimal(usize::MAX, &mut [0; 16]), b"ffffffffffffffff");
        assert_eq!(hexadecimal(0, &mut [0; 16]), b"0");
    }

    #[test]
    fn no_value_ends_its_line() {
        let mut out = Vec::new();
        put_field(&mut out, "a", b"b\r\nc: d\0\t\xff");
        assert_eq!(out, b"a: b  c: d \t\xff\r\n");
    }
}
