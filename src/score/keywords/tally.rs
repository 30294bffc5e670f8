//! What one reading of a text leaves: its words, counted, and the text as a row of their numbers.
//!
//! ```text
//!   "A loop waits. Loops are fast."      words   0 loop (2 times)  1 wait …
//!                                        row     GAP 0 1 GAP 0 GAP 2 GAP
//! ```
//! One entry of the row per [piece](super::words::Piece), so that the spelling of an entry can be
//! found again by reading the text a second time. Stop words and breaks are gaps: no phrase crosses
//! them. Memory is a number per piece and an entry per different word.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasher, Hasher};

use sha2::{Digest, Sha256};

use super::fold::Folded;
use super::stops::Class;
use super::words::{Piece, Pieces};
use crate::limits::SCORE_POLL_BYTES;

/// Where the row has no word that a phrase could hold.
pub(super) const GAP: u32 = u32::MAX;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The words by their numbers.
    pub(super) words: Vec<Word>,
    /// The text, piece by piece.
    pub(super) row: Vec<u32>,
    pub(super) sentences: u32,
    pub(super) keyed: Keyed,
}

/// One word, in all its spellings.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) class: Class,
    pub(super) count: u32,
    /// How often it begins with a capital though no sentence begins with it.
    pub(super) capitals: u32,
    /// How often it is capitals only.
    pub(super) acronyms: u32,
    /// In how many sentences it is.
    pub(super) sentences: u32,
    /// The sum of their numbers, from 0.
    pub(super) positions: u64,
    /// Its first place in the row.
    pub(super) first: u32,
    last_sentence: u32,
}

/// Reads a text; `None` if it was cancelled.
pub(super) fn read(text: &str, cancelled: &dyn Fn() -> bool) -> Option<Tally> {
    let mut tally = Tally {
        keyed: Keyed::of(text, cancelled)?,
        ..Tally::default()
    };
    let mut numbers: HashMap<Box<str>, u32, Keyed> = HashMap::with_hasher(tally.keyed);
    let mut folded = Folded::default();
    let mut pieces = Pieces::new(text);
    let mut begins = true;
    let mut poll_at = 0;
    while let Some(piece) = pieces.next() {
        if pieces.position() >= poll_at {
            if cancelled() {
                return None;
            }
            poll_at = pieces.position() + SCORE_POLL_BYTES;
        }
        let Piece::Word(word) = piece else {
            tally.row.push(GAP);
            // A mark at the start of a text or a line ends no sentence.
            tally.sentences += u32::from(piece == Piece::Stop && !begins);
            begins |= piece == Piece::Stop;
            continue;
        };
        let class = folded.read(word);
        let number = match class {
            Class::Stop => GAP,
            _ => match numbers.get(folded.key()) {
                Some(number) => *number,
                None => {
                    let number = tally.add(class);
                    numbers.insert(folded.key().into(), number);
                    number
                }
            },
        };
        tally.note(number, word, begins);
        tally.row.push(number);
        begins = false;
    }
    tally.sentences += u32::from(!begins);
    Some(tally)
}

impl Tally {
    /// A word that was not met before.
    fn add(&mut self, class: Class) -> u32 {
        let Ok(number) = u32::try_from(self.words.len()) else {
            return GAP;
        };
        self.words.push(Word {
            class,
            count: 0,
            capitals: 0,
            acronyms: 0,
            sentences: 0,
            positions: 0,
            first: u32::try_from(self.row.len()).unwrap_or(GAP),
            last_sentence: u32::MAX,
        });
        number
    }

    fn note(&mut self, number: u32, spelling: &str, begins: bool) {
        let sentence = self.sentences;
        let Some(word) = self.words.get_mut(number as usize) else {
            return;
        };
        word.count += 1;
        word.capitals += u32::from(!begins && spelling.starts_with(char::is_uppercase));
        word.acronyms += u32::from(is_acronym(spelling));
        if word.last_sentence != sentence {
            word.last_sentence = sentence;
            word.sentences += 1;
            word.positions += u64::from(sentence);
        }
    }

    /// Whether a number of the row is a word like "of".
    pub(super) fn is_link(&self, number: u32) -> bool {
        self.word(number)
            .is_some_and(|word| word.class == Class::Link)
    }

    /// The word behind a number of the row; `None` for a gap.
    pub(super) fn word(&self, number: u32) -> Option<&Word> {
        self.words.get(number as usize)
    }
}

/// Two letters and more, capitals all of them; a plural s may follow.
fn is_acronym(word: &str) -> bool {
    let word = word.strip_suffix('s').unwrap_or(word);
    let mut letters = word.chars().filter(|c| c.is_alphabetic());
    let first_two = letters.by_ref().take(2);
    first_two.filter(|c| c.is_uppercase()).count() == 2 && letters.all(char::is_uppercase)
}

/// Hashing keyed by the text itself. Whoever writes a text in which words collide changes the key
/// by writing it, so nobody can make the tables slow; and the same text has the same tables on
/// every machine.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keyed([u8; 16]);

impl Keyed {
    fn of(text: &str, cancelled: &dyn Fn() -> bool) -> Option<Self> {
        let mut hash = Sha256::new();
        for piece in text.as_bytes().chunks(SCORE_POLL_BYTES) {
            if cancelled() {
                return None;
            }
            hash.update(piece);
        }
        let hash: [u8; 32] = hash.finalize().into();
        let (key, _) = hash.split_first_chunk().expect("32 bytes are more than 16");
        Some(Self(*key))
    }
}

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.0);
        hasher
    }
}
