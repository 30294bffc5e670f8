//! Why a request is refused, and the answer that it deserves.

use std::fmt;

use super::fault::Fault;

/// A request that is not going to be answered in earnest. The culprit is always the client.
///
/// Whatever the reason, the connection has to be closed after the answer: nobody knows where the
/// next request would start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Head or framing is wrong in a way that has nothing to do with being a request.
    Fault(Fault),
    /// The connection does not begin with a method: TLS on a plain port, for example.
    Method,
    /// More than one empty line before the request line (RFC 9112 §2.2 asks to skip one).
    EmptyLines,
    /// The request line is not `method SP target SP version`.
    RequestLine,
    /// The request line is longer than
    /// [`REQUEST_LINE_BYTES`](crate::limits::REQUEST_LINE_BYTES).
    RequestLineTooLong,
    /// The target has a byte that it must not have, or a form that its method must not have.
    Target,
    /// The version does not look like `HTTP/1.1` at all.
    Version,
    /// A version of HTTP that is not spoken here.
    UnsupportedVersion,
    /// An HTTP/1.1 request without `Host`.
    MissingHost,
    /// More than one `Host`.
    RepeatedHost,
    /// `Host` is not `host` or `host:port`.
    Host,
    /// `Transfer-Encoding` names a coding besides chunked.
    UnknownTransferCoding,
    /// `Expect` asks for something other than `100-continue`.
    UnknownExpectation,
    /// The body is longer than its route allows.
    PayloadTooLarge,
}

impl Refusal {
    /// The status to answer with.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::PayloadTooLarge => 413,
            Self::RequestLineTooLong => 414,
            Self::UnknownExpectation => 417,
            Self::Fault(Fault::HeadTooLarge | Fault::TooManyFields | Fault::TrailersTooLarge) => {
                431
            }
            Self::UnknownTransferCoding => 501,
            Self::UnsupportedVersion => 505,
            Self::Fault(_)
            | Self::Method
            | Self::EmptyLines
            | Self::RequestLine
            | Self::Target
            | Self::Version
            | Self::MissingHost
            | Self::RepeatedHost
            | Self::Host => 400,
        }
    }

    /// A stable name for logs, metrics and JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.code(),
            Self::Method => "bad_method",
            Self::EmptyLines => "empty_lines",
            Self::RequestLine => "bad_request_line",
            Self::RequestLineTooLong => "request_line_too_long",
            Self::Target => "bad_target",
            Self::Version => "bad_version",
            Self::UnsupportedVersion => "unsupported_version",
            Self::MissingHost => "missing_host",
            Self::RepeatedHost => "repeated_host",
            Self::Host => "bad_host",
            Self::UnknownTransferCoding => "unknown_transfer_coding",
            Self::UnknownExpectation => "unknown_expectation",
            Self::PayloadTooLarge => "payload_too_large",
        }
    }

    /// The same for a person: what is wrong, and what to do.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.detail(),
            Self::Method => {
                "The request does not begin with a method. Speak plain HTTP/1.1 here, without TLS."
            }
            Self::EmptyLines => {
                "More than one empty line stands before the request line. Leave them out."
            }
            Self::RequestLine => {
                "The request line is not a method, a space, a target, a space and a version. \
                 Encode spaces in the target as %20."
            }
            Self::RequestLineTooLong => "The request line is too long. Send a shorter target.",
            Self::Target => {
                "The target of the request is malformed. Send a path that begins with a slash, \
                 and percent-encode what is not ASCII."
            }
            Self::Version => {
                "The request line does not end with a version of HTTP. Send `HTTP/1.1`."
            }
            Self::UnsupportedVersion => {
                "Only HTTP/1.0 and HTTP/1.1 are spoken here. Send `HTTP/1.1`."
            }
            Self::MissingHost => "The `Host` field is missing. HTTP/1.1 requires it.",
            Self::RepeatedHost => "The `Host` field is given more than once. Send it once.",
            Self::Host => {
                "The `Host` field is not a name or address with an optional port. \
                 Send it as `host:port`."
            }
            Self::UnknownTransferCoding => {
                "`Transfer-Encoding` names a coding other than `chunked`. Send the body as it is."
            }
            Self::UnknownExpectation => {
                "`Expect` asks for something other than `100-continue`. Leave it out."
            }
            Self::PayloadTooLarge => {
                "The body is longer than this path allows. Send a shorter one."
            }
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl std::error::Error for Refusal {}
