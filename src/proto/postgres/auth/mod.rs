//! How a client proves who it is.
//!
//! ```text
//!   scram     SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677): the messages
//!   stretch   its key stretching, which takes milliseconds and belongs on a thread
//!   binding   tls-server-end-point (RFC 5929): the hash of the server's certificate
//!   md5       the old way, for servers that know no other
//! ```

pub mod binding;
pub(super) mod md5;
pub(super) mod scram;
mod stretch;

use std::fmt;

pub use scram::ScramFault;
pub use stretch::{Stretch, StretchedKey};

/// A way to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Neither side shows its secret, and the server proves that it knows it too.
    Scram,
    /// A hash that can be tried out offline by whoever hears it.
    Md5,
    /// The password itself.
    Clear,
    /// The server lets everybody in.
    None,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The words of `require_auth`.
        f.write_str(match self {
            Self::Scram => "scram-sha-256",
            Self::Md5 => "md5",
            Self::Clear => "password",
            Self::None => "none",
        })
    }
}

/// A password. Whatever prints it prints `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes a password as the operator wrote it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Password(text)
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
