//! A text into the words that VADER looks at, character by character.
//!
//! A token stands between white space. Punctuation around it is dropped, unless two characters or
//! fewer would be left: then it was likely an emoticon, and all of it stays. Since nobody knows
//! before its end which of the two a token is, both spellings are kept while it is read.

use super::Heard;
use super::emoji;
use super::lexicon::Word;
use crate::score::classes::{Step, is_space, step};
use crate::score::table::Key;

/// A token with this many characters or fewer between its punctuation keeps the punctuation.
const EMOTICON_CHARS: usize = 2;

/// Reads tokens, with emoji turned into the words of their names.
#[derive(Debug, Default)]
pub(in crate::score) struct Tokens {
    heard: Heard,
    token: Token,
    /// The last character was anything but a blank.
    not_after_blank: bool,
}

impl Tokens {
    /// The next character.
    pub(in crate::score) fn push(&mut self, c: char) {
        let Some(name) = emoji::name(c) else {
            self.push_plain(c);
            self.not_after_blank = c != ' ';
            return;
        };
        // The name starts a token of its own, but what follows it sticks to its last word. That
        // is how the reference pastes names into the text.
        if self.not_after_blank {
            self.push_plain(' ');
        }
        let mut unread = name;
        while let Some((step, others)) = step(unread) {
            match step {
                Step::Letters(letters) => self.token.push_letters(letters),
                Step::Char(c) => self.push_plain(c),
            }
            unread = others;
        }
        self.not_after_blank = true;
    }

    /// A run of the letters a to z.
    pub(in crate::score) fn push_letters(&mut self, letters: &str) {
        self.token.push_letters(letters);
        self.not_after_blank = true;
    }

    /// What was heard, now that the text has ended.
    pub(in crate::score) fn finish(mut self) -> Heard {
        self.heard.words.extend(self.token.take());
        self.heard
    }

    fn push_plain(&mut self, c: char) {
        if is_space(c) {
            self.heard.words.extend(self.token.take());
            return;
        }
        self.heard.exclamations += u64::from(c == '!');
        self.heard.questions += u64::from(c == '?');
        self.token.push(c);
    }
}

/// The token that is being read.
#[derive(Debug, Default)]
struct Token {
    /// In lower case, with all punctuation.
    whole: Key,
    /// In lower case, from the first to the last character that is not punctuation.
    core: Key,
    /// Characters of the core.
    core_chars: usize,
    /// Punctuation after the core, which belongs to it only if it goes on.
    after: Key,
    after_chars: usize,
    capital: bool,
    small: bool,
    contraction: Contraction,
}

/// How much of "n't" has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Contraction {
    #[default]
    Nothing,
    N,
    NApostrophe,
    Found,
}

impl Token {
    fn push(&mut self, c: char) {
        if c.is_ascii() {
            self.capital |= c.is_ascii_uppercase();
            self.small |= c.is_ascii_lowercase();
            self.push_lower(c.to_ascii_lowercase());
        } else {
            self.capital |= c.is_uppercase();
            self.small |= c.is_lowercase() || is_titlecase(c);
            c.to_lowercase().for_each(|c| self.push_lower(c));
        }
    }

    fn push_letters(&mut self, letters: &str) {
        self.small = true;
        self.whole.push_str(letters);
        self.resume_core();
        self.core.push_str(letters);
        self.core_chars += letters.len();
        // Only the first letter can end "n't", and only the last can begin it.
        for end in [letters.chars().next(), letters.chars().next_back()]
            .into_iter()
            .flatten()
        {
            self.contraction = self.contraction.after(end);
        }
    }

    fn push_lower(&mut self, c: char) {
        self.whole.push(c);
        self.contraction = self.contraction.after(c);
        if !c.is_ascii_punctuation() {
            self.resume_core();
            self.core.push(c);
            self.core_chars += 1;
        } else if self.core_chars > 0 {
            self.after.push(c);
            self.after_chars += 1;
        }
    }

    /// The punctuation after the core was inside it.
    fn resume_core(&mut self) {
        if self.after_chars > 0 {
            self.core.append(&self.after);
            self.core_chars += self.after_chars;
            self.after.clear();
            self.after_chars = 0;
        }
    }

    fn clear(&mut self) {
        self.whole.clear();
        self.core.clear();
        self.core_chars = 0;
        self.after.clear();
        self.after_chars = 0;
        (self.capital, self.small) = (false, false);
        self.contraction = Contraction::Nothing;
    }

    /// The word that was read, if any; the next character begins another.
    fn take(&mut self) -> Option<Word> {
        if self.whole.is_empty() {
            return None;
        }
        let key = if self.core_chars <= EMOTICON_CHARS {
            &self.whole
        } else {
            &self.core
        };
        let capitals = self.capital && !self.small;
        let word = Word::new(key, capitals, self.contraction == Contraction::Found);
        self.clear();
        Some(word)
    }
}

impl Contraction {
    fn after(self, c: char) -> Self {
        match (self, c) {
            (Self::Found, _) | (Self::NApostrophe, 't') => Self::Found,
            (Self::N, '\'') => Self::NApostrophe,
            (_, 'n') => Self::N,
            _ => Self::Nothing,
        }
    }
}

/// Letters like 'ǅ', which are neither capital nor small.
fn is_titlecase(c: char) -> bool {
    !c.is_lowercase() && !c.is_uppercase() && !c.to_lowercase().eq([c])
}
