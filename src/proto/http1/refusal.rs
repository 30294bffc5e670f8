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

    /// The same for a person.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.detail(),
            Self::Method => "the request does not begin with a method",
            Self::EmptyLines => "more than one empty line stands before the request line",
            Self::RequestLine => "the request line is not: method, space, target, space, version",
            Self::RequestLineTooLong => "the request line is too long",
            Self::Target => "the target of the request is malformed",
            Self::Version => "the request line does not end with an HTTP version",
            Self::UnsupportedVersion => "only HTTP/1.0 and HTTP/1.1 are spoken here",
            Self::MissingHost => "the Host field is missing",
            Self::RepeatedHost => "the Host field is given more than once",
            Self::Host => "the Host field is not a host name with an optional port",
            Self::UnknownTransferCoding => "Transfer-Encoding names a coding other than chunked",
            Self::UnknownExpectation => "Expect asks for something other than 100-continue",
            Self::PayloadTooLarge => "the body of the request is too long",
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
