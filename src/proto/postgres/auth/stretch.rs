//! Key stretching: what makes a stolen table of passwords slow to guess, and a log-in slow too.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A computation of milliseconds: PBKDF2 of a password with HMAC-SHA-256 (`Hi` of RFC 5802 §2.2).
///
/// It is pure, and not for the loop: give it to a thread, and its result to
/// [`super::super::Session::stretched`]. Equal ones have equal results, so whoever keeps the last
/// pair saves every log-in after the first to the same server.
#[derive(Clone, PartialEq, Eq)]
pub struct Stretch {
    password: Vec<u8>,
    salt: Vec<u8>,
    iterations: u32,
}

/// What comes out. As good as the password to the server that it was made for.
#[derive(Clone, PartialEq, Eq)]
pub struct StretchedKey(pub(in super::super) [u8; 32]);

impl Stretch {
    /// `iterations` is what the server wants; [`super::scram`] has bounded it.
    ///
    /// The password goes through SASLprep (RFC 4013), so that it is the same however a keyboard
    /// spells its letters. One that SASLprep refuses is taken as it is, as PostgreSQL does.
    pub(super) fn new(password: &str, salt: Vec<u8>, iterations: u32) -> Self {
        let prepared = stringprep::saslprep(password).unwrap_or(password.into());
        Stretch {
            password: prepared.into_owned().into_bytes(),
            salt,
            iterations,
        }
    }

    /// Does it. About half a microsecond for each iteration.
    #[must_use]
    pub fn run(&self) -> StretchedKey {
        let mac = Hmac::<Sha256>::new_from_slice(&self.password).expect("a key of any length does");
        let mut first = mac.clone();
        first.update(&self.salt);
        first.update(&1_u32.to_be_bytes());
        let mut last: [u8; 32] = first.finalize().into_bytes().into();
        let mut key = last;
        for _ in 1..self.iterations {
            let mut next = mac.clone();
            next.update(&last);
            last = next.finalize().into_bytes().into();
            key.iter_mut()
                .zip(last)
                .for_each(|(sum, byte)| *sum ^= byte);
        }
        StretchedKey(key)
    }
}

impl fmt::Debug for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stretch of {} iterations", self.iterations)
    }
}

impl fmt::Debug for StretchedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
