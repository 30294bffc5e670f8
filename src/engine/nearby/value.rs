//! A stored text as it stands in Redis: bytes of a peer, of which nothing is believed that does not
//! prove itself.
//!
//! ```text
//!  "maitred answer 1\n" │ edition, 32 │ SHA-256 of key, edition and row, 64 │ the row as JSON
//! ```
//! The checksum covers the key, so that a value which was copied to another key answers nobody. It is
//! no signature: whoever has the password of the server can write what he likes, as in the database.
//! What this file refuses to know: connections, time, and whether an edition is the present one.

use std::io::Write as _;

use sha2::{Digest, Sha256};

use crate::limits::CACHE_SHARED_BYTES;
use crate::store::{TextRow, TextState};

const MAGIC: &[u8] = b"maitred answer 1\n";
const EDITION_BYTES: usize = 32;
/// In hexadecimal, so that a value is a text for whoever looks at it.
const SUM_BYTES: usize = 64;
const HEAD_BYTES: usize = MAGIC.len() + EDITION_BYTES + SUM_BYTES;

/// The name of the time between two deletions: what was written down in one edition is not true in
/// another. It is chance and no number, so that none comes back after the server has lost it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition([u8; EDITION_BYTES]);

impl Edition {
    /// One that nobody else has.
    #[must_use]
    pub fn new(random: &mut fastrand::Rng) -> Self {
        let mut name = [0; EDITION_BYTES];
        name.fill_with(|| b"0123456789abcdef"[random.usize(..16)]);
        Edition(name)
    }

    /// The one that a server names; `None`: that is none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let name: [u8; EDITION_BYTES] = bytes.try_into().ok()?;
        name.iter().all(hex).then_some(Edition(name))
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `row` as a value for `key`. `None`: it is not to be kept, because it is not whole, has no scores
/// yet, which would be missing for as long as the value is there, or is too large.
#[must_use]
pub fn write(row: &TextRow, key: &str, edition: &Edition) -> Option<Vec<u8>> {
    if !is_keepable(row) || row.text.len() > CACHE_SHARED_BYTES {
        return None;
    }
    let json = serde_json::to_vec(row).ok()?;
    if HEAD_BYTES + json.len() > CACHE_SHARED_BYTES {
        return None;
    }
    let sum = checksum(key, edition, &json);
    Some([MAGIC, &edition.0, &sum, &json].concat())
}

/// The edition that a value says it is of.
#[must_use]
pub fn edition_of(value: &[u8]) -> Option<Edition> {
    let rest = value.strip_prefix(MAGIC)?;
    Edition::read(rest.get(..EDITION_BYTES)?)
}

/// The row in `value`, which was found under `key` while `edition` was the present one. `None`: it is
/// of another edition, or not what it should be.
#[must_use]
pub fn read(value: &[u8], key: &str, edition: &Edition, tenant: &str) -> Option<TextRow> {
    if value.len() > CACHE_SHARED_BYTES {
        return None;
    }
    let rest = value.strip_prefix(MAGIC)?.strip_prefix(&edition.0)?;
    let (sum, json) = rest.split_at_checked(SUM_BYTES)?;
    if sum != checksum(key, edition, json) {
        return None;
    }
    let row: TextRow = serde_json::from_slice(json).ok()?;
    (is_keepable(&row) && row.tenant == tenant).then_some(row)
}

/// Whether the text may answer somebody who was not there when it was written.
fn is_keepable(row: &TextRow) -> bool {
    row.state == TextState::Complete && row.scores.is_some() && !row.text.is_empty()
}

fn checksum(key: &str, edition: &Edition, json: &[u8]) -> [u8; SUM_BYTES] {
    let mut sum = Sha256::new_with_prefix(MAGIC);
    sum.update((key.len() as u64).to_be_bytes());
    sum.update(key);
    sum.update(edition.0);
    sum.update(json);
    let mut hex = [0; SUM_BYTES];
    let mut rest = &mut hex[..];
    for byte in sum.finalize() {
        let _ = write!(rest, "{byte:02x}"); // two digits for each of 32 bytes, which is all there is room for
    }
    hex
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::score::score;
    use uuid::Uuid;

    const KEY: &str = "maitred:answer1:{r:local}:00";

    fn row() -> TextRow {
        TextRow {
            id: Uuid::from_u128(7),
            tenant: "local".to_owned(),
            search_term_id: Uuid::from_u128(8),
            term: "tea".to_owned(),
            text: "Tea is good.\0 It is \u{1f375}.".to_owned(),
            provider: "llm".to_owned(),
            model: "m".to_owned(),
            offline: false,
            finish_reason: Some("stop".to_owned()),
            state: TextState::Complete,
            prompt_tokens: Some(0),
            completion_tokens: None,
            created_ms: 1,
            scores: score("Tea is good. It is very good.", &|| false),
        }
    }

    fn edition(seed: u64) -> Edition {
        Edition::new(&mut fastrand::Rng::with_seed(seed))
    }

    #[test]
    fn what_was_written_is_read() {
        let value = write(&row(), KEY, &edition(1)).unwrap();
        assert_eq!(read(&value, KEY, &edition(1), "local"), Some(row()));
        assert_eq!(Edition::read(edition(1).as_bytes()), Some(edition(1)));
    }

    #[test]
    fn another_edition_key_or_tenant_is_answered_by_nothing() {
        let value = write(&row(), KEY, &edition(1)).unwrap();
        assert_eq!(edition_of(&value), Some(edition(1)));
        assert_eq!(read(&value, KEY, &edition(2), "local"), None);
        assert_eq!(read(&value, "another", &edition(1), "local"), None);
        assert_eq!(read(&value, KEY, &edition(1), "another"), None);
    }

    #[test]
    fn every_byte_counts_and_no_part_is_the_whole() {
        let value = write(&row(), KEY, &edition(1)).unwrap();
        for at in 0..value.len() {
            assert_eq!(read(&value[..at], KEY, &edition(1), "local"), None, "{at}");
            let mut other = value.clone();
            other[at] ^= 1;
            assert_eq!(read(&other, KEY, &edition(1), "local"), None, "{at}");
        }
        let longer = [&value[..], b" "].concat();
        assert_eq!(read(&longer, KEY, &edition(1), "local"), None);
        let large = vec![b'm'; CACHE_SHARED_BYTES + 1];
        assert_eq!(read(&large, KEY, &edition(1), "local"), None);
    }

    #[test]
    fn what_is_not_whole_is_neither_written_nor_believed() {
        let sealed = |row: &TextRow| {
            let json = serde_json::to_vec(row).unwrap();
            let sum = checksum(KEY, &edition(1), &json);
            [MAGIC, &edition(1).0, &sum, &json].concat()
        };
        assert!(read(&sealed(&row()), KEY, &edition(1), "local").is_some());
        let cut = TextRow {
            state: TextState::Truncated,
            ..row()
        };
        let unscored = TextRow {
            scores: None,
            ..row()
        };
        let empty = TextRow {
            text: String::new(),
            ..row()
        };
        for wrong in [cut, unscored, empty] {
            assert_eq!(write(&wrong, KEY, &edition(1)), None, "{wrong:?}");
            assert_eq!(read(&sealed(&wrong), KEY, &edition(1), "local"), None);
        }
        let large = TextRow {
            text: "\0".repeat(CACHE_SHARED_BYTES / 4),
            ..row()
        };
        assert_eq!(
            write(&large, KEY, &edition(1)),
            None,
            "as JSON it is longer"
        );
    }

    #[test]
    fn an_edition_is_a_name_of_its_own_kind() {
        for wrong in [&b""[..], &[b'a'; 31], &[b'a'; 33], &[b'A'; 32], &[0xff; 32]] {
            assert_eq!(Edition::read(wrong), None, "{wrong:?}");
        }
    }
}
