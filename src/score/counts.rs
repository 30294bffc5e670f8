//! Everything that the readability figures are computed from, counted in one walk.
//!
//! A *token* is what stands between white space; a *word* is a token without its punctuation, if
//! anything is left. Hyphens are punctuation, so "well-known" is one word, as in the reference.

use super::classes::{Class, class};
use super::sentences::Sentences;
use super::syllables::WordReader;

/// A word is long, for LIX, from this many letters on.
const LONG_LETTERS: u64 = 7;
/// A word is difficult, for most figures, from this many syllables on.
const MANY_SYLLABLES: u64 = 3;
/// Linsear Write looks at this many words of a text.
const LINSEAR_WORDS: u64 = 100;

/// The counts of one text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    /// Characters that are not white space.
    pub(super) characters: u64,
    /// Word characters.
    pub(super) letters: u64,
    pub(super) tokens: u64,
    pub(super) words: u64,
    /// At least 1, unless the text is empty.
    pub(super) sentences: u64,
    pub(super) syllables: u64,
    /// Words of seven letters or more.
    pub(super) long: u64,
    /// Words of three syllables or more.
    pub(super) many_syllables: u64,
    /// Words that are not on the list of easy words.
    pub(super) uneasy: u64,
    /// Words that are both.
    pub(super) difficult: u64,
    pub(super) linsear: Linsear,
}

/// What Linsear Write wants to know about the first hundred words of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Linsear {
    /// Words of one or two syllables.
    pub(super) easy: u64,
    /// Words of three syllables or more.
    pub(super) hard: u64,
    /// Sentences up to the hundredth word, what is open there included.
    pub(super) sentences: u64,
}

/// Counts while the text goes by.
#[derive(Debug, Default)]
pub(super) struct Counter {
    counts: Counts,
    sentences: Sentences,
    word: WordReader,
    /// Word characters of the token that is open.
    letters: u64,
    in_token: bool,
    /// Anything went by at all.
    started: bool,
}

impl Counter {
    /// The next character, and the bytes that follow it (to tell whether an apostrophe belongs to
    /// a contraction).
    pub(super) fn push(&mut self, c: char, following: &[u8]) {
        self.started = true;
        let class = class(c);
        if class == Class::Space {
            self.end_token();
            self.sentences.space();
            return;
        }
        self.in_token = true;
        self.counts.characters += 1;
        match class {
            Class::Word => {
                self.letters += 1;
                self.word.push(c);
                self.sentences.word();
            }
            Class::Apostrophe if is_contraction(following) => self.word.push(c),
            Class::Stop => self.sentences.stop(),
            Class::Apostrophe | Class::Other | Class::Space => {}
        }
    }

    /// A run of the letters a to z.
    pub(super) fn push_letters(&mut self, letters: &str) {
        self.started = true;
        self.in_token = true;
        self.counts.characters += letters.len() as u64;
        self.letters += letters.len() as u64;
        self.word.push_letters(letters);
        self.sentences.word();
    }

    /// The counts, now that the text has ended.
    pub(super) fn finish(mut self) -> Counts {
        self.end_token();
        if self.started {
            self.counts.sentences = self.sentences.count();
        }
        if self.counts.words < LINSEAR_WORDS {
            self.counts.linsear.sentences = self.counts.sentences;
        }
        self.counts
    }

    fn end_token(&mut self) {
        let counts = &mut self.counts;
        counts.tokens += u64::from(self.in_token);
        self.in_token = false;
        if self.letters == 0 {
            return;
        }
        let facts = self.word.finish();
        let many = facts.syllables >= MANY_SYLLABLES;
        counts.words += 1;
        counts.letters += self.letters;
        counts.syllables += facts.syllables;
        counts.long += u64::from(self.letters >= LONG_LETTERS);
        counts.many_syllables += u64::from(many);
        counts.uneasy += u64::from(!facts.easy);
        counts.difficult += u64::from(many && !facts.easy);
        if counts.words <= LINSEAR_WORDS {
            counts.linsear.hard += u64::from(many);
            counts.linsear.easy += u64::from(!many && facts.syllables > 0);
        }
        if counts.words == LINSEAR_WORDS {
            counts.linsear.sentences = self.sentences.count();
        }
        self.letters = 0;
    }
}

/// Whether an apostrophe before these bytes is kept: "it's" and "they've", but not "rock 'n' roll".
fn is_contraction(following: &[u8]) -> bool {
    matches!(
        following,
        [b't' | b's' | b'd', ..] | [b'v' | b'r', b'e', ..] | [b'l', b'l', ..]
    )
}
