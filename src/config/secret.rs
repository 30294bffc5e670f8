//! A value that is used but never shown.

use std::fmt;

use serde::{Serialize, Serializer};

const SHOWN: &str = "***";

/// A provider key. Whatever prints it prints `***`; only [`Secret::expose`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a key that can stand in an HTTP header: visible ASCII, at least one character.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let words = "holds a space, a line break or a character beyond ASCII, which no key has";
            return Err(words.to_owned());
        }
        Ok(Secret(text.to_owned()))
    }

    /// Whether it is no key but what is shown in the place of one.
    pub(super) fn is_shown(&self) -> bool {
        self.0 == SHOWN
    }

    /// The key itself, for the one place that writes it into a request.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SHOWN)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn is_shown_by_nothing() {
        let secret = Secret::parse("sk-very-secret").unwrap();
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "*** *** Some(***)"
        );
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"***\"");
        assert_eq!(secret.expose(), "sk-very-secret");
    }

    #[test]
    fn could_not_break_a_header() {
        for text in ["", "sk a", "sk\r\nX: y", "sk\n", "schlüssel", "\u{7f}"] {
            let problem = Secret::parse(text).unwrap_err();
            assert!(text.is_empty() || !problem.contains(text), "{problem}");
        }
    }
}
