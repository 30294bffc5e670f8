//! Keys are blotted out of what is written down.
//!
//! A provider that refuses a key may quote it in its answer, and a recording has every byte that
//! came in. Each key becomes as many asterisks, so that lengths stay what they were.
//!
//! What it refuses to know: where the bytes come from. It sees one piece at a time, so a key that
//! came in two pieces is blotted out by its halves; a piece of fewer than [`LEAST`] bytes may be
//! anything and stays.

use memchr::memmem;

/// A shorter key, or piece of one, is found in places that have nothing to do with it.
const LEAST: usize = 8;

/// The keys that must not be seen.
#[derive(Default)]
pub(super) struct Mask {
    keys: Vec<Vec<u8>>,
}

impl Mask {
    /// Keys of fewer than [`LEAST`] bytes are no secrets.
    pub(super) fn of<'k>(keys: impl Iterator<Item = &'k str>) -> Mask {
        let long = keys.filter(|key| key.len() >= LEAST);
        Mask {
            keys: long.map(|key| key.as_bytes().to_vec()).collect(),
        }
    }

    /// Blots out every key in `bytes`, the end of one at their beginning, and the beginning of one
    /// at their end.
    pub(super) fn apply(&self, bytes: &mut [u8]) {
        for key in &self.keys {
            // Onwards only: what was blotted out is not looked at again, whatever a key is made of.
            let mut from = 0;
            while let Some(at) = memmem::find(&bytes[from..], key) {
                let to = from + at + key.len();
                bytes[from + at..to].fill(b'*');
                from = to;
            }
            let pieces = (LEAST..key.len()).rev();
            let first = pieces
                .clone()
                .find(|n| bytes.starts_with(&key[key.len() - n..]));
            if let Some(n) = first {
                bytes[..n].fill(b'*');
            }
            let last = pieces.clone().find(|n| bytes.ends_with(&key[..*n]));
            if let Some(n) = last {
                let from = bytes.len() - n;
                bytes[from..].fill(b'*');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mask = Mask::of(["sk-0123456789abcdefg", "other-key", "short"].into_iter());
        let mut bytes = text.as_bytes().to_vec();
        mask.apply(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn every_key_and_nothing_else() {
        assert_eq!(
            masked("a sk-0123456789abcdefg b other-keyother-key, short, sk-01234"),
            "a ******************** b ******************, short, ********"
        );
        assert_eq!(masked(""), "");
        assert_eq!(masked("sk-01"), "sk-01");
    }

    #[test]
    fn a_key_of_asterisks_ends_too() {
        let mask = Mask::of(["************"].into_iter());
        let mut bytes = b"a ************************ b".to_vec();
        mask.apply(&mut bytes);
        assert_eq!(bytes, b"a ************************ b");
    }

    #[test]
    fn a_key_in_two_pieces_leaves_less_than_a_piece() {
        let key = "sk-0123456789abcdefg";
        for at in 1..key.len() {
            let both = masked(&format!("x{}", &key[..at])) + &masked(&format!("{}y", &key[at..]));
            let left = both.trim_start_matches('x').trim_end_matches('y');
            let seen = left.bytes().filter(|byte| *byte != b'*').count();
            assert!(seen < LEAST, "{at}: {both}");
        }
    }
}
