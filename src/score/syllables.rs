//! Syllables of a word: the dictionary first, the hyphenator for the rest.
//!
//! The table holds the 124,000 words of the CMU Pronouncing Dictionary that can occur here, with
//! the syllables of their first pronunciation, and marks the words of the Dale-Chall list, which
//! American fourth graders know.
//!
//! ```text
//!   letters --> fits a key? --yes--> in the table? --yes--> its count
//!                  | no                  | no
//!                  +-----> hyphenator <--+
//! ```

use super::hyphenation::Hyphenator;
use super::table::{Key, Table};

/// Numbers agreed with `data/make_tables.py`.
static WORDS: Table<1> = Table::new(include_bytes!("data/words.bin"), 1 << 15);
const SYLLABLES: u8 = 31;
const ASK_THE_HYPHENATOR: u8 = 31;
const EASY: u8 = 32;

/// What the counts want to know of a word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WordFacts {
    pub(super) syllables: u64,
    /// On the Dale-Chall list of easy words.
    pub(super) easy: bool,
}

/// A word that comes letter by letter.
#[derive(Clone, Debug, Default)]
pub(super) struct WordReader {
    key: Key,
    /// Present once the word has become too long for the table.
    long: Option<Hyphenator>,
}

impl WordReader {
    /// The next letter, in any case.
    pub(super) fn push(&mut self, c: char) {
        if c.is_ascii() {
            self.push_lower(c.to_ascii_lowercase());
        } else {
            c.to_lowercase().for_each(|c| self.push_lower(c));
        }
    }

    /// A run of the letters a to z.
    pub(super) fn push_letters(&mut self, letters: &str) {
        if !self.key.push_str(letters) {
            let mut hyphenator = self.hyphenator();
            letters.chars().for_each(|c| hyphenator.push(c));
            self.long = Some(hyphenator);
        }
    }

    /// The word has ended; the next letter begins another.
    pub(super) fn finish(&mut self) -> WordFacts {
        let payload = self
            .key
            .whole()
            .and_then(|word| WORDS.find(word))
            .map_or(ASK_THE_HYPHENATOR, |[byte]| byte);
        let syllables = match payload & SYLLABLES {
            ASK_THE_HYPHENATOR => self.hyphenator().finish(),
            count => u64::from(count),
        };
        self.key.clear();
        self.long = None;
        WordFacts {
            syllables,
            easy: payload & EASY != 0,
        }
    }

    fn push_lower(&mut self, c: char) {
        if !self.key.push(c) {
            let mut hyphenator = self.hyphenator();
            hyphenator.push(c);
            self.long = Some(hyphenator);
        }
    }

    /// The hyphenator after all letters so far.
    fn hyphenator(&mut self) -> Hyphenator {
        self.long.take().unwrap_or_else(|| {
            let mut hyphenator = Hyphenator::new();
            self.key.kept().chars().for_each(|c| hyphenator.push(c));
            hyphenator
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(word: &str) -> WordFacts {
        let mut reader = WordReader::default();
        word.chars().for_each(|c| reader.push(c));
        reader.finish()
    }

    #[test]
    fn the_dictionary_knows_what_spelling_does_not_tell() {
        assert_eq!(facts("Area").syllables, 3);
        assert_eq!(facts("strengths").syllables, 1);
        assert_eq!(facts("hmm").syllables, 0); // no vowel among its phones
        assert_eq!(facts("DON'T"), facts("don't"));
    }

    #[test]
    fn easy_words_are_marked() {
        assert!(facts("father").easy);
        assert!(!facts("parliament").easy);
    }

    #[test]
    fn every_word_of_the_table_is_found() {
        let words = WORDS.words();
        assert!(words.len() > 120_000);
        assert!(words.iter().all(|word| WORDS.find(word).is_some()));
        assert!(words.iter().all(|word| {
            let mut longer = word.clone();
            longer.push(b'#');
            WORDS.find(&longer).is_none()
        }));
    }

    #[test]
    fn a_reader_starts_afresh_after_a_long_word() {
        let mut reader = WordReader::default();
        "x".repeat(500).chars().for_each(|c| reader.push(c));
        assert_eq!(
            reader.finish(),
            WordFacts {
                syllables: 1,
                easy: false
            }
        );
        "table".chars().for_each(|c| reader.push(c));
        assert_eq!(reader.finish(), facts("table"));
    }
}
