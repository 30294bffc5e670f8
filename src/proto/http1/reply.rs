//! Writing the head of a reply.
//!
//! ```
//! use maitred::proto::http1::{After, HttpDate, ReplyBody, Version, reply_head};
//!
//! let mut out = Vec::new();
//! reply_head(&mut out, 200)
//!     .date(&HttpDate::from_unix(0))
//!     .field("content-type", "text/plain")
//!     .finish(ReplyBody::Exact(2), After::KeepAlive(Version::Http11));
//! out.extend_from_slice(b"ok");
//! assert_eq!(out, b"HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
//!     content-type: text/plain\r\ncontent-length: 2\r\n\r\nok");
//! ```

use super::date::HttpDate;
use super::encode::put_field;
use super::message::Version;
use crate::proto::Sink;

/// How the client will find the end of the reply's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyBody {
    /// There is none, because of the status: 204 and 304.
    None,
    /// This many bytes follow; in reply to a HEAD they are only spoken of.
    Exact(u64),
    /// Chunks follow. Not for a client that speaks HTTP/1.0.
    Chunked,
    /// All that follows is body, and then the connection closes.
    UntilClose,
}

impl ReplyBody {
    /// For a body whose length is not known yet: chunks where the client understands them.
    #[must_use]
    pub const fn streamed(version: Version) -> Self {
        match version {
            Version::Http11 => Self::Chunked,
            Version::Http10 => Self::UntilClose,
        }
    }
}

/// What becomes of the connection after the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It stays open, for a client that speaks this version: HTTP/1.0 has to be told so.
    KeepAlive(Version),
    /// It is closed, and the reply says so.
    Close,
}

/// A reply head that is being written; it is not whole before [`ReplyHead::finish`].
#[must_use = "a head that is not finished leaves the client waiting"]
pub struct ReplyHead<'s, S> {
    out: &'s mut S,
    status: u16,
}

/// Begins a reply. `status` is 200 to 599; for 100 there is [`CONTINUE`](super::CONTINUE).
pub fn reply_head<S: Sink>(out: &mut S, status: u16) -> ReplyHead<'_, S> {
    debug_assert!(
        (200..=599).contains(&status),
        "{status} is not the status of a reply"
    );
    out.put(b"HTTP/1.1 ");
    out.put(itoa::Buffer::new().format(status).as_bytes());
    out.put(b" ");
    out.put(reason(status).as_bytes());
    out.put(b"\r\n");
    ReplyHead { out, status }
}

impl<S: Sink> ReplyHead<'_, S> {
    /// Writes a field. The name comes from our own code. A control byte in the value (CR, LF and
    /// NUL among them) is our bug: it stops a debug build, and a release build writes a space in
    /// its place, so that a value never becomes a second field.
    pub fn field(self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        debug_assert!(
            value.iter().copied().all(super::message::is_value_byte),
            "the value of {name} holds a control byte"
        );
        put_field(self.out, name, value);
        self
    }

    /// Writes a field whose value is a decimal number.
    pub fn number(self, name: &'static str, value: u64) -> Self {
        self.field(name, itoa::Buffer::new().format(value))
    }

    /// Writes `Date`. A server with a clock has to send it (RFC 9110 §6.6.1).
    pub fn date(self, date: &HttpDate) -> Self {
        self.field("date", date.as_str())
    }

    /// Writes the framing, what becomes of the connection, and the empty line.
    pub fn finish(self, body: ReplyBody, after: After) {
        let bodiless = matches!(self.status, 204 | 304);
        debug_assert_eq!(
            body == ReplyBody::None,
            bodiless,
            "the status rules the framing"
        );
        debug_assert!(
            (body, after) != (ReplyBody::Chunked, After::KeepAlive(Version::Http10)),
            "HTTP/1.0 has no chunks"
        );
        match body {
            ReplyBody::None | ReplyBody::UntilClose => {}
            ReplyBody::Exact(bytes) => {
                put_field(
                    self.out,
                    "content-length",
                    itoa::Buffer::new().format(bytes).as_bytes(),
                );
            }
            ReplyBody::Chunked => put_field(self.out, "transfer-encoding", b"chunked"),
        }
        match after {
            After::Close => put_field(self.out, "connection", b"close"),
            // The close is the end of the body, so there is nothing to keep.
            After::KeepAlive(_) if body == ReplyBody::UntilClose => {
                put_field(self.out, "connection", b"close");
            }
            After::KeepAlive(Version::Http10) => put_field(self.out, "connection", b"keep-alive"),
            After::KeepAlive(Version::Http11) => {}
        }
        self.out.put(b"\r\n");
    }
}

/// The phrase that goes with a status (RFC 9110 §15); empty for one that we never send.
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(status: u16, body: ReplyBody, after: After) -> String {
        let mut out = Vec::new();
        reply_head(&mut out, status).finish(body, after);
        out.escape_ascii().to_string()
    }

    #[test]
    fn framing_and_connection() {
        let open = After::KeepAlive(Version::Http11);
        let old = After::KeepAlive(Version::Http10);
        assert_eq!(
            written(204, ReplyBody::None, open),
            r"HTTP/1.1 204 No Content\r\n\r\n"
        );
        assert_eq!(
            written(200, ReplyBody::Chunked, open),
            r"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        assert_eq!(
            written(503, ReplyBody::Exact(0), After::Close),
            r"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(
            written(200, ReplyBody::Exact(7), old),
            r"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: keep-alive\r\n\r\n"
        );
        assert_eq!(
            written(200, ReplyBody::streamed(Version::Http10), old),
            r"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
        );
        // The reason may be empty, the space before it may not.
        assert_eq!(
            written(299, ReplyBody::Exact(0), open),
            r"HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n"
        );
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "the value of location holds a control byte")]
    fn a_value_with_a_line_end_is_a_bug() {
        drop(reply_head(&mut Vec::new(), 302).field("location", "/a\r\nset-cookie: b"));
    }
}
