//! How a server broke the protocol, or asked for what it does not get.

use std::fmt;

use super::auth::{Method, ScramFault};

/// Why a connection cannot be used any further. The culprit is the server, or whoever plays it; the
/// connection has to be closed. What a server *says* is wrong is a [`super::Report`] instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The length of a message is smaller than the length field itself.
    Length,
    /// A message of this type is longer than it may be.
    TooLong(u8),
    /// A message of a type that does not exist, or that nobody asked for (replication, GSSAPI).
    Unknown(u8),
    /// A message of a type that does not belong here.
    Unexpected(u8),
    /// A message that is not made as its type says.
    Malformed(u8),
    /// The answer to the request for TLS is neither S nor N.
    NotPostgres,
    /// The server has no TLS, and the settings demand it.
    NoTls,
    /// Bytes came between the promise of TLS and its handshake: somebody on the way may have put
    /// them there (CVE-2021-23222).
    BytesBeforeTls,
    /// The server wants to be convinced in a way that the settings do not allow.
    MethodRefused(Method),
    /// The server wants to be convinced in a way that is not known here (GSSAPI, SSPI, OAuth).
    MethodUnknown,
    /// The server wants a password, and there is none.
    NoPassword,
    /// The settings demand that the server proves that it is the end of the TLS connection, and it
    /// does not.
    NoChannelBinding,
    /// SCRAM went wrong.
    Scram(ScramFault),
    /// The server does not send UTF-8, which was asked for.
    Encoding,
}

impl Fault {
    /// A stable name for logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Length => "bad_length",
            Self::TooLong(_) => "message_too_long",
            Self::Unknown(_) => "unknown_message",
            Self::Unexpected(_) => "unexpected_message",
            Self::Malformed(_) => "malformed_message",
            Self::NotPostgres => "not_postgresql",
            Self::NoTls => "no_tls",
            Self::BytesBeforeTls => "bytes_before_tls",
            Self::MethodRefused(_) => "method_refused",
            Self::MethodUnknown => "method_unknown",
            Self::NoPassword => "no_password",
            Self::NoChannelBinding => "no_channel_binding",
            Self::Scram(fault) => fault.code(),
            Self::Encoding => "not_utf8",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tag = |tag: &u8| char::from(*tag).escape_default();
        match self {
            Self::Length => f.write_str("the server sent a message with an impossible length"),
            Self::TooLong(t) => write!(f, "a message '{}' of the server is too long", tag(t)),
            Self::Unknown(t) => write!(f, "the server sent an unknown message '{}'", tag(t)),
            Self::Unexpected(t) => write!(f, "the server sent '{}' out of turn", tag(t)),
            Self::Malformed(t) => write!(f, "a message '{}' of the server is malformed", tag(t)),
            Self::NotPostgres => f.write_str("this is not a PostgreSQL server"),
            Self::NoTls => f.write_str("the server has no TLS, and sslmode demands it"),
            Self::BytesBeforeTls => f.write_str("the server spoke before TLS was set up"),
            Self::MethodRefused(method) => {
                write!(
                    f,
                    "the server asks for {method}, which require_auth does not allow"
                )
            }
            Self::MethodUnknown => f.write_str("the server asks for an unknown authentication"),
            Self::NoPassword => f.write_str("the server asks for a password, and there is none"),
            Self::NoChannelBinding => {
                f.write_str("the server offers no channel binding, and channel_binding demands it")
            }
            Self::Scram(fault) => fault.fmt(f),
            Self::Encoding => f.write_str("the server does not use UTF-8 for this connection"),
        }
    }
}

impl std::error::Error for Fault {}
