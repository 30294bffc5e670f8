//! Counting sentences.
//!
//! A stretch between two runs of `.`, `!` and `?` is a sentence when it has at least three words.
//! The reference drops shorter ones, which keeps "Mr.", "3.14" and "Oh no!" from counting; a text
//! that has nothing else is one sentence.

/// How many words a stretch needs to be a sentence.
const WORDS: u64 = 3;

/// Counts sentences while the text goes by.
#[derive(Clone, Debug, Default)]
pub(super) struct Sentences {
    closed: u64,
    words: u64,
    in_word: bool,
}

impl Sentences {
    /// A word character went by.
    pub(super) fn word(&mut self) {
        self.words += u64::from(!self.in_word);
        self.in_word = true;
    }

    /// White space went by.
    pub(super) fn space(&mut self) {
        self.in_word = false;
    }

    /// `.`, `!` or `?` went by.
    pub(super) fn stop(&mut self) {
        self.closed += u64::from(self.words >= WORDS);
        self.words = 0;
        self.in_word = false;
    }

    /// The sentences so far, in a text that is not empty. What is still open counts.
    pub(super) fn count(&self) -> u64 {
        (self.closed + u64::from(self.words >= WORDS)).max(1)
    }
}
