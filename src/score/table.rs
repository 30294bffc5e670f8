//! Words looked up in a table that is part of the binary.
//!
//! The table is a list of buckets. The hash of a word names its bucket, and a bucket is its few
//! records one after the other:
//!
//! ```text
//!   offsets   | 0 | 31 | 31 | 58 | ...        one u32 per bucket, and one for the end
//!                     \
//!   records   ... | 4 | payload | "food" | 5 | payload | "great" | ...
//! ```
//!
//! About four records share a bucket, so a look-up reads one cache line of offsets and one or two
//! of records. A perfect hash would save the comparisons but need an offset per word (a third
//! more bytes), an automaton would be smaller but touch a cache line per letter. Nothing is built
//! when the program starts: the file is used as it is.

/// Longest word a table can hold, in bytes. Longer words are in no table.
pub(super) const KEY_BYTES: usize = 32;

/// A table whose records carry `PAYLOAD` bytes each.
pub(super) struct Table<const PAYLOAD: usize> {
    bytes: &'static [u8],
    buckets: usize,
}

impl<const PAYLOAD: usize> Table<PAYLOAD> {
    /// A table of a file made by `data/make_tables.py`, with the number of buckets named there.
    pub(super) const fn new(bytes: &'static [u8], buckets: usize) -> Self {
        assert!(buckets.is_power_of_two());
        assert!(bytes.len() > 4 * (buckets + 1));
        Self { bytes, buckets }
    }

    /// The payload of a word, if the table has it.
    pub(super) fn find(&self, word: &[u8]) -> Option<[u8; PAYLOAD]> {
        let hash = hash(word);
        let mut records = self.bucket((hash ^ (hash >> 15)) as usize & (self.buckets - 1));
        while let Some((&length, rest)) = records.split_first() {
            let (payload, rest) = rest.split_first_chunk()?;
            let (key, rest) = rest.split_at_checked(usize::from(length))?;
            if key == word {
                return Some(*payload);
            }
            records = rest;
        }
        None
    }

    fn bucket(&self, number: usize) -> &'static [u8] {
        let records = &self.bytes[4 * (self.buckets + 1)..];
        &records[self.offset(number)..self.offset(number + 1)]
    }

    fn offset(&self, number: usize) -> usize {
        let bytes = self.bytes[4 * number..]
            .first_chunk()
            .expect("one offset per bucket");
        u32::from_le_bytes(*bytes) as usize
    }
}

/// 32-bit FNV-1a. The words in a bucket were chosen when the table was made, so no text can make
/// a bucket longer.
fn hash(word: &[u8]) -> u32 {
    word.iter().fold(0x811c_9dc5, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// A word in the making, in lower case: the bytes that a table is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Key {
    bytes: [u8; KEY_BYTES],
    len: usize,
    /// A character did not fit. Nothing is added after that.
    full: bool,
}

impl Key {
    /// Adds a character as it is. False when the word has become too long for any table.
    pub(super) fn push(&mut self, c: char) -> bool {
        self.push_str(c.encode_utf8(&mut [0; 4]))
    }

    /// Adds characters as they are, all or none. False when the word has become too long for any
    /// table.
    pub(super) fn push_str(&mut self, part: &str) -> bool {
        let end = self.len + part.len();
        self.full |= end > KEY_BYTES;
        if !self.full {
            self.bytes[self.len..end].copy_from_slice(part.as_bytes());
            self.len = end;
        }
        !self.full
    }

    /// Adds another word; a gap in it is a gap here.
    pub(super) fn append(&mut self, other: &Self) {
        self.push_str(other.kept());
        self.full |= other.full;
    }

    /// Whether there was nothing to add: a word that did not fit is not empty.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0 && !self.full
    }

    /// The word, or `None` when it is too long for any table.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        (!self.full).then_some(&self.bytes[..self.len])
    }

    /// What was kept of the word, which is all of it unless [`Key::push`] said false.
    pub(super) fn kept(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).expect("only whole characters are kept")
    }

    /// Forgets the word.
    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.full = false;
    }
}

#[cfg(test)]
impl<const PAYLOAD: usize> Table<PAYLOAD> {
    /// Every word of the table, by walking its buckets.
    pub(super) fn words(&self) -> Vec<Vec<u8>> {
        let mut words = Vec::new();
        for number in 0..self.buckets {
            let mut records = self.bucket(number);
            while let Some((&length, rest)) = records.split_first() {
                let (word, rest) = rest[PAYLOAD..].split_at(usize::from(length));
                words.push(word.to_vec());
                records = rest;
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_given_up_as_a_whole() {
        let mut key = Key::default();
        assert!((0..KEY_BYTES - 1).all(|_| key.push('a')));
        assert!(!key.push('é'), "two bytes do not fit into one");
        assert!(!key.push('a'), "and nothing is added after the gap");
        assert_eq!(key.whole(), None);
        assert_eq!(key.kept().len(), KEY_BYTES - 1);
        key.clear();
        assert_eq!(key.whole(), Some(&b""[..]));
    }
}
