//! What must not come back out of a provider's mouth: the keys, and pieces of them.
//!
//! ```text
//!   sk-planted-canary  ──▶  sk-plant  k-plante  -planted  …      every piece of eight bytes
//! ```
//! A message is searched for all pieces of all keys at once, in one pass over it. It refuses to know
//! which message is searched, and what is said instead.

use std::collections::BTreeSet;

use crate::config::Config;

/// A shorter piece of a key is found in places that have nothing to do with it.
const PIECE_BYTES: usize = 8;

/// The pieces of all keys.
#[derive(Debug)]
pub(in crate::engine) struct Secrets {
    pieces: BTreeSet<[u8; PIECE_BYTES]>,
    /// Keys that are shorter than a piece.
    short: Vec<String>,
}

impl Secrets {
    /// Of every key of every provider.
    pub(in crate::engine) fn of(config: &Config) -> Self {
        let upstreams = config.providers.iter().filter_map(|p| p.upstream());
        let keys = upstreams.flat_map(|upstream| &upstream.keys);
        Self::new(keys.map(|key| key.secret.expose()))
    }

    fn new<'k>(keys: impl Iterator<Item = &'k str>) -> Self {
        // Keys are blotted out of what is recorded, and some providers do so by themselves: what was
        // withheld is withheld when the recording is played, and a blot is not for clients either.
        let mut pieces = BTreeSet::from([[b'*'; PIECE_BYTES]]);
        let mut short = Vec::new();
        for key in keys.map(str::to_ascii_lowercase) {
            if key.len() < PIECE_BYTES {
                short.push(key);
            } else {
                pieces.extend(key.as_bytes().windows(PIECE_BYTES).filter_map(piece));
            }
        }
        Secrets { pieces, short }
    }

    /// Whether `text` quotes any of them. Large and small letters are the same.
    pub(in crate::engine) fn are_in(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        let mut pieces = text.as_bytes().windows(PIECE_BYTES).filter_map(piece);
        pieces.any(|piece| self.pieces.contains(&piece))
            || self.short.iter().any(|key| text.contains(key))
    }
}

fn piece(window: &[u8]) -> Option<[u8; PIECE_BYTES]> {
    window.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_a_piece_of_it_and_a_blot_are_found_and_less_is_not() {
        let secrets = Secrets::new(["sk-planted-canary", "k3y"].into_iter());
        for text in [
            "Incorrect key sk-planted-canary.",
            "Incorrect key SK-PLANT…",
            "(nted-can)",
            "ted-canary",
            "the key k3y",
            "the key sk-pl**********ry",
        ] {
            assert!(secrets.are_in(text), "{text}");
        }
        for text in [
            "",
            "sk-plan",
            "canary",
            "a planted canary",
            "*** Tea ***",
            "äöü",
        ] {
            assert!(!secrets.are_in(text), "{text}");
        }
    }
}
