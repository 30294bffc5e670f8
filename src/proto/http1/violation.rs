//! How a provider broke the protocol.

use std::fmt;

use super::fault::Fault;

/// A response that cannot be used. The culprit is always the provider (or the way to it); the
/// connection has to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// Head or framing is wrong in a way that has nothing to do with being a response.
    Fault(Fault),
    /// The first line is not `HTTP/1.x SP status SP reason`: HTTP/0.9, or no HTTP at all.
    StatusLine,
    /// A version of HTTP that was not asked for.
    UnsupportedVersion,
    /// More informational responses than
    /// [`INFORMATIONAL_RESPONSES`](crate::limits::INFORMATIONAL_RESPONSES).
    TooManyInformational,
    /// 101: it switched to a protocol that nobody asked for.
    SwitchedProtocols,
    /// `Transfer-Encoding` names a coding that was not asked for.
    UnknownTransferCoding,
    /// Bytes came while no request was waiting for a response.
    Unsolicited,
    /// The connection ended before the first byte of the response. The request may or may not
    /// have been read; a pooled connection that the provider had just given up ends like this.
    NoResponse,
    /// The connection ended inside the response.
    Truncated,
}

impl Violation {
    /// A stable name for logs, metrics and JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.code(),
            Self::StatusLine => "bad_status_line",
            Self::UnsupportedVersion => "unsupported_version",
            Self::TooManyInformational => "too_many_informational",
            Self::SwitchedProtocols => "switched_protocols",
            Self::UnknownTransferCoding => "unknown_transfer_coding",
            Self::Unsolicited => "unsolicited_bytes",
            Self::NoResponse => "no_response",
            Self::Truncated => "truncated",
        }
    }

    /// The same for a person.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.detail(),
            Self::StatusLine => "The response does not begin with a status line.",
            Self::UnsupportedVersion => {
                "The response is in a version of HTTP that was not asked for."
            }
            Self::TooManyInformational => {
                "Too many informational responses came before the real one."
            }
            Self::SwitchedProtocols => "The provider switched to another protocol.",
            Self::UnknownTransferCoding => {
                "`Transfer-Encoding` names a coding other than `chunked`."
            }
            Self::Unsolicited => "The provider sent bytes that nobody asked for.",
            Self::NoResponse => "The connection ended before the response began.",
            Self::Truncated => "The connection ended in the middle of the response.",
        }
    }
}

impl From<Fault> for Violation {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl std::error::Error for Violation {}
