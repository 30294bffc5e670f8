//! Chance: all of it comes from one seed, but not all of it may be seen by the same eyes.
//!
//! Clients see numbers of the run's generator in the ids of their texts, and that generator can be
//! computed backwards. A number that only works while it is a secret therefore comes from a stream
//! of its own, behind a one-way function: whoever knows the one stream knows nothing of the other.

use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasher, Hasher};

use sha2::{Digest, Sha256};

/// The seed of the generator for everything that may be seen.
#[must_use]
pub fn open_seed(seed: u64) -> u64 {
    let [first, ..] = hash(&[b"open", &seed.to_be_bytes()]);
    first
}

/// Numbers that nobody can guess who has seen others of this run.
#[derive(Debug)]
pub struct Secrets {
    key: [u64; 4],
    drawn: u64,
}

impl Secrets {
    /// The stream of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Secrets {
            key: hash(&[b"secret", &seed.to_be_bytes()]),
            drawn: 0,
        }
    }

    /// A stream of its own for this purpose: the other one tells nothing about it either.
    #[must_use]
    pub fn of(purpose: &[u8], seed: u64) -> Self {
        Secrets {
            key: hash(&[b"secret of ", purpose, &seed.to_be_bytes()]),
            drawn: 0,
        }
    }

    /// The next bytes, for a log-in that is to be like no other.
    pub fn nonce(&mut self) -> [u8; 18] {
        self.drawn += 1;
        let key = self.key.map(u64::to_be_bytes);
        let words = hash(&[key.as_flattened(), &self.drawn.to_be_bytes()]);
        let bytes = words.map(u64::to_be_bytes);
        std::array::from_fn(|at| bytes.as_flattened()[at])
    }

    /// The next number.
    pub fn draw(&mut self) -> u16 {
        self.drawn += 1;
        let key = self.key.map(u64::to_be_bytes);
        let [first, ..] = hash(&[key.as_flattened(), &self.drawn.to_be_bytes()]);
        first as u16
    }
}

/// Hashing keyed by the seed of the run: not predictable from outside, the same in a replay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed(pub(super) u64);

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}

fn hash(parts: &[&[u8]]) -> [u64; 4] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let bytes: [u8; 32] = hash.finalize().into();
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|at| u64::from_be_bytes(words[at]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_another_seed_gives_others() {
        let draw = |seed| {
            let mut secrets = Secrets::new(seed);
            [(); 64].map(|()| secrets.draw())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mut seen = draw(1).to_vec();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() > 60, "they hardly ever repeat");
        assert_ne!(open_seed(1), open_seed(2));
    }
}
