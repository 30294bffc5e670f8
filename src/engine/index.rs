//! Finds texts by what is known of them: their ids, or what they were asked for.
//!
//! Every text is put in, looked for and taken out under both, so what counts here is how long a hash
//! takes. The keys are ids or hashes that were made here, and need no strong one: each word is multiplied
//! with what came of those before it, and folded, which is a few instructions where SipHash takes two
//! hundred. Ids of others come in with texts that were imported, and could be chosen so that they fall
//! into one place; then that place is searched, and the table is never longer than that of the texts in
//! memory. Where peers choose all keys (addresses, names) there is [`Keyed`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, Hasher};

use super::chance::Keyed;
use super::slots::GenerationId;

/// Texts by a key of theirs. Newer ones take the place of older ones with the same key.
#[derive(Debug)]
pub struct Index<K> {
    by_key: HashMap<K, GenerationId, Folded>,
}

impl<K: Eq + Hash> Index<K> {
    /// An empty one, for a run with this seed.
    pub(super) fn new(seed: u64) -> Self {
        Index {
            by_key: HashMap::with_hasher(Folded(seed)),
        }
    }

    /// The text with this key.
    pub fn get(&self, key: &K) -> Option<GenerationId> {
        self.by_key.get(key).copied()
    }

    /// Puts a text in.
    pub fn insert(&mut self, key: K, id: GenerationId) {
        self.by_key.insert(key, id);
    }

    /// Takes a text out, unless the key is another one's by now.
    pub fn forget(&mut self, key: K, id: GenerationId) {
        if let Entry::Occupied(entry) = self.by_key.entry(key)
            && *entry.get() == id
        {
            entry.remove();
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }
}

impl Index<u128> {
    /// What makes such keys, out of what a peer has asked for.
    pub(super) fn keyed(&self) -> Keyed {
        Keyed(self.by_key.hasher().0)
    }
}

/// Hashing by multiplying and folding.
#[derive(Clone, Copy, Debug)]
struct Folded(u64);

impl BuildHasher for Folded {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding(self.0)
    }
}

struct Folding(u64);

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        // An odd number with its ones spread evenly: the digits of the golden ratio.
        const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15;
        let wide = u128::from(self.0 ^ word) * SPREAD;
        self.0 = (wide >> 64) as u64 ^ wide as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::slots::Key;

    #[test]
    fn a_key_that_has_become_anothers_is_not_forgotten_with_the_first() {
        let [old, new] = [1, 2].map(|word| GenerationId(Key::unpack(word)));
        let mut index = Index::new(7);
        index.insert("tea", old);
        index.insert("tea", new);
        index.forget("tea", old);
        assert_eq!(index.get(&"tea"), Some(new));
        index.forget("tea", new);
        assert_eq!((index.get(&"tea"), index.len()), (None, 0));
    }

    #[test]
    fn keys_that_differ_little_have_hashes_that_differ_much() {
        let keys = (0..10_000u128).flat_map(|n| [n, n << 48, n << 96]);
        let hashes: Vec<u64> = keys.map(|key| Folded(1).hash_one(key)).collect();
        // What a table looks at: seven bits from above, the place from below.
        for shift in [0, 57] {
            let mut filled = [0usize; 128];
            for hash in &hashes {
                filled[(hash >> shift) as usize % 128] += 1;
            }
            let fair = hashes.len() / 128;
            assert!(filled.iter().all(|n| (fair / 2..fair * 2).contains(n)));
        }
        assert_ne!(Folded(1).hash_one(7u128), Folded(2).hash_one(7u128));
        assert_ne!(Folded(1).hash_one("ab"), Folded(1).hash_one("ba"));
    }
}
