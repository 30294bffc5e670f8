//! A provider's failure, sorted by what can be done about it.
//!
//! Providers explain their errors in prose, and the prose may repeat anything that was sent to
//! them: the prompt, an inner address, a part of the key. So none of it leaves this folder. What
//! leaves is a [`FailureKind`], at most one short [`ErrorCode`], and how long to wait if the
//! provider said so in a field made for it.

use std::fmt;
use std::time::Duration;

/// An error answer, or an error inside an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderError {
    /// What can be done about it.
    pub kind: FailureKind,
    /// Of a limit or a quota: what it is about.
    pub reach: Reach,
    /// The provider's own name for it, if that is short and harmless.
    pub code: Option<ErrorCode>,
    /// How long the *body* asks to wait. Headers are not seen here and come first where both
    /// exist.
    pub retry_after: Option<Duration>,
}

/// What a limit or a quota is about.
///
/// The vendors limit each model by itself (OpenAI "rate limits vary by the model being used",
/// Anthropic "applied separately for each model", Gemini `…PerProjectPerModel`), and bill the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The model that was asked.
    Model,
    /// Whatever is asked with the same key.
    Account,
}

impl Reach {
    /// What is so where nothing more exact is said.
    #[must_use]
    pub const fn of(kind: FailureKind) -> Self {
        match kind {
            FailureKind::RateLimited => Self::Model,
            _ => Self::Account,
        }
    }
}

/// What can be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The provider does not accept the key, or the key may not do this. Never retried; the
    /// operator has to act.
    Auth,
    /// No such model or no such path. Never retried; the configuration is wrong.
    NotFound,
    /// The provider refuses this very request: it is too long, a parameter is wrong, a policy
    /// forbids it. Never retried as it stands.
    Invalid,
    /// Too fast. Retried after the wait that was asked for.
    RateLimited,
    /// The account is empty or has reached the limit of its day. Waiting seconds does not help:
    /// never retried.
    QuotaExceeded,
    /// The provider is too busy or gave up waiting for itself. Retried with back-off.
    Overloaded,
    /// The provider broke, in its own words or with a 5xx. Retried with back-off.
    Internal,
    /// A status that has no place in this protocol: a redirect, an answer without content. Never
    /// retried; something between us and the provider is not what it should be.
    Unexpected {
        /// The HTTP status.
        status: u16,
    },
}

impl FailureKind {
    /// What an HTTP status says when nothing more exact is known.
    ///
    /// 408 and 409 count as busy because the vendors' own clients retry them.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Auth,
            402 => Self::QuotaExceeded,
            404 => Self::NotFound,
            429 => Self::RateLimited,
            408 | 409 | 503 | 529 => Self::Overloaded,
            400..=499 => Self::Invalid,
            500..=599 => Self::Internal,
            _ => Self::Unexpected { status },
        }
    }

    /// Whether the same request may succeed a little later.
    #[must_use]
    pub const fn heals(self) -> bool {
        matches!(self, Self::RateLimited | Self::Overloaded | Self::Internal)
    }
}

/// The longest code that is passed on. Known ones are half as long.
const CODE_BYTES: usize = 64;
/// Names such as `error_4290` have a few digits; keys and ids have many.
const CODE_DIGITS: usize = 4;
/// A secret such as `key` is a part of honest codes.
const CODE_WORD_BYTES: usize = 8;

/// A provider's short name for an error, such as `model_not_found`.
///
/// Only `[a-z0-9_.-]{1,64}` that looks like a name and not like a key: at most four digits, and
/// not the `sk-` that keys begin with. Anything else is not shown at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    bytes: [u8; CODE_BYTES],
    len: u8,
}

impl ErrorCode {
    /// The code in `text`, if it is harmless.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let harmless = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let is_name = !text.is_empty() && text.bytes().all(harmless) && digits <= CODE_DIGITS;
        if !is_name || text.starts_with("sk-") || text.starts_with("sk_") {
            return None;
        }
        let mut bytes = [0; CODE_BYTES];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).ok()?;
        Some(Self { bytes, len })
    }

    /// Whether it has `secret` in it; one that is no longer than a word only if it is nothing else.
    #[must_use]
    pub fn quotes(&self, secret: &str) -> bool {
        let text = self.as_str();
        let folded = secret.to_ascii_lowercase();
        text == folded || (folded.len() > CODE_WORD_BYTES && text.contains(&folded))
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)])
            .expect("a code is made from ASCII letters, digits and signs only")
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_code_is_a_name_and_never_a_key_or_prose() {
        for name in ["model_not_found", "server_error", "a", "error.4290", "x-1"] {
            assert_eq!(ErrorCode::new(name).unwrap().as_str(), name);
        }
        assert!(ErrorCode::new(&"a".repeat(64)).is_some());
        for other in [
            "",
            "Incorrect API key",
            "sk-planted-canary",
            "sk_live",
            "0123456789abcdef0123456789abcdef",
            "aB",
            "caf\u{e9}",
            "a\\nb",
        ] {
            assert_eq!(ErrorCode::new(other), None, "{other}");
        }
        assert_eq!(ErrorCode::new(&"a".repeat(65)), None);
    }

    #[test]
    fn only_what_can_heal_is_retried() {
        let healing: Vec<u16> = (100..600)
            .filter(|&status| FailureKind::of_status(status).heals())
            .collect();
        let expected: Vec<u16> = [408, 409, 429].into_iter().chain(500..600).collect();
        assert_eq!(healing, expected);
        assert_eq!(
            FailureKind::of_status(302),
            FailureKind::Unexpected { status: 302 }
        );
    }
}
