//! SCRAM-SHA-256: both sides prove that they know the password, and neither says it.
//!
//! ```text
//!   Proposal ──n=,r=nonce──►  server  ──r=nonce+,s=salt,i=rounds──►  Proposal::challenged
//!                                                                        │ Stretch, on a thread
//!                                                                        ▼
//!   Proof ◄──v=signature──   server  ◄──c=binding,r=nonce+,p=proof──  Challenge::prove
//!     └─ verify: the server knows it too
//! ```
//! RFC 5802 with the numbers of RFC 7677. With `-PLUS` the client's proof covers the hash of the
//! server's certificate as well, so nobody can stand in between with another one.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{Password, Stretch, StretchedKey};
use crate::limits::PG_SCRAM_ITERATIONS;

pub(crate) const PLAIN: &str = "SCRAM-SHA-256";
pub(crate) const PLUS: &str = "SCRAM-SHA-256-PLUS";

/// What is wrong with a message of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScramFault {
    /// It is not made as RFC 5802 says, or demands an extension.
    Malformed,
    /// Its nonce does not begin with ours, or is no longer than it.
    Nonce,
    /// It wants no iterations, or more than [`PG_SCRAM_ITERATIONS`].
    Iterations,
    /// It refuses: the server says so in SCRAM instead of in an error of its own.
    Refused,
    /// Its signature is wrong: it does not know the password.
    Signature,
}

impl ScramFault {
    pub(in super::super) const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "scram_malformed",
            Self::Nonce => "scram_nonce",
            Self::Iterations => "scram_iterations",
            Self::Refused => "scram_refused",
            Self::Signature => "scram_signature",
        }
    }
}

impl fmt::Display for ScramFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the server's SCRAM message is malformed",
            Self::Nonce => "the server's SCRAM nonce is not made from ours",
            Self::Iterations => "the server wants an impossible number of SCRAM iterations",
            Self::Refused => "the server refuses our SCRAM proof",
            Self::Signature => "the server does not know the password",
        })
    }
}

/// What the proof covers beside the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Binding {
    /// We cannot, or do not want to: no TLS, or a certificate without a hash.
    Unsupported,
    /// We could, and the server has not offered it. A server that has will notice that somebody
    /// took its offer away.
    NotOffered,
    /// The hash of the server's certificate.
    EndPoint(Vec<u8>),
}

impl Binding {
    fn header(&self) -> &'static str {
        match self {
            Self::Unsupported => "n,,",
            Self::NotOffered => "y,,",
            Self::EndPoint(_) => "p=tls-server-end-point,,",
        }
    }
}

/// The first message is on its way.
pub(in super::super) struct Proposal {
    nonce: String,
    binding: Binding,
}

/// The server has answered it, and the key is being stretched.
pub(in super::super) struct Challenge {
    /// Client's first, server's first, client's last without the proof: what is signed.
    signed: String,
    /// Where the client's last begins in it.
    last_at: usize,
}

/// The proof is on its way; what the server has to answer.
pub(in super::super) struct Proof {
    signature: Hmac<Sha256>,
}

impl Proposal {
    /// `nonce` has to be one that nobody can guess, and was never used before.
    pub(in super::super) fn new(nonce: [u8; 18], binding: Binding) -> Self {
        Proposal {
            nonce: BASE64.encode(nonce),
            binding,
        }
    }

    pub(in super::super) fn mechanism(&self) -> &'static str {
        match self.binding {
            Binding::EndPoint(_) => PLUS,
            Binding::Unsupported | Binding::NotOffered => PLAIN,
        }
    }

    pub(in super::super) fn message(&self) -> String {
        // The name is that of the start-up message; PostgreSQL ignores this one.
        format!("{}n=,r={}", self.binding.header(), self.nonce)
    }

    /// Reads the server's first message.
    pub(in super::super) fn challenged(
        self,
        message: &[u8],
        password: &Password,
    ) -> Result<(Challenge, Stretch), ScramFault> {
        let message = str::from_utf8(message).map_err(|_| ScramFault::Malformed)?;
        let mut parts = message.split(',');
        let mut part = |name: &str| {
            let part = parts.next().and_then(|part| part.strip_prefix(name));
            part.ok_or(ScramFault::Malformed)
        };
        let (nonce, salt, iterations) = (part("r=")?, part("s=")?, part("i=")?);
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramFault::Nonce);
        }
        let salt = BASE64.decode(salt).map_err(|_| ScramFault::Malformed)?;
        let iterations = iterations.parse().map_err(|_| ScramFault::Iterations)?;
        if !(1..=PG_SCRAM_ITERATIONS).contains(&iterations) {
            return Err(ScramFault::Iterations);
        }
        let mut binding = self.binding.header().as_bytes().to_vec();
        if let Binding::EndPoint(hash) = &self.binding {
            binding.extend_from_slice(hash);
        }
        let mut signed = format!("n=,r={},{message},", self.nonce);
        let last_at = signed.len();
        signed.push_str(&format!("c={},r={nonce}", BASE64.encode(binding)));
        let stretch = Stretch::new(password.expose(), salt, iterations);
        Ok((Challenge { signed, last_at }, stretch))
    }
}

impl Challenge {
    /// The client's last message, and what the server has to answer.
    pub(in super::super) fn prove(self, key: &StretchedKey) -> (String, Proof) {
        let client_key = keyed(&key.0, b"Client Key");
        let stored_key: [u8; 32] = Sha256::digest(client_key).into();
        let mut proof = keyed(&stored_key, self.signed.as_bytes());
        proof
            .iter_mut()
            .zip(client_key)
            .for_each(|(byte, key)| *byte ^= key);
        let message = format!(
            "{},p={}",
            &self.signed[self.last_at..],
            BASE64.encode(proof)
        );
        let server_key = keyed(&key.0, b"Server Key");
        (
            message,
            Proof {
                signature: mac(&server_key, self.signed.as_bytes()),
            },
        )
    }
}

impl Proof {
    /// Reads the server's last message.
    pub(in super::super) fn verify(self, message: &[u8]) -> Result<(), ScramFault> {
        let message = str::from_utf8(message).map_err(|_| ScramFault::Malformed)?;
        let first = message.split(',').next().unwrap_or_default();
        if first.starts_with("e=") {
            return Err(ScramFault::Refused);
        }
        let signature = first.strip_prefix("v=").ok_or(ScramFault::Malformed)?;
        let signature = BASE64
            .decode(signature)
            .map_err(|_| ScramFault::Malformed)?;
        self.signature
            .verify_slice(&signature)
            .map_err(|_| ScramFault::Signature)
    }
}

fn mac(key: &[u8; 32], message: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(key).expect("a key of any length does");
    mac.update(message);
    mac
}

fn keyed(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    mac(key, message).finalize().into_bytes().into()
}
