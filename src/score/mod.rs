//! Text into numbers: how hard an English text is to read, how it feels, and (in [`keywords`]) what
//! it is about.
//!
//! The figures are those of two well-known Python libraries, `textstat` 0.7.13 and
//! `vaderSentiment` 3.3.2, so that they can be compared with everybody else's. The code is our
//! own: it reads the text once, character by character, and keeps four bytes of each word. Where
//! it differs from them on purpose: the syllables of a word with a Turkish "İ" are counted in one
//! way, not in two.
//!
//! This layer knows no socket, no clock and no thread. Somebody who waits for a score may give up,
//! and that is all it knows about the outside: `cancelled` is asked between two pieces of text.
//!
//! ```text
//!                         +--> counts ---------------------> readability
//!   text --- char by char-+      | syllables: table, then hyphenation
//!   (asks `cancelled`     |
//!    every 64 KiB)        +--> tokens --> [Word] --> rules -> sentiment
//!                                emoji become words
//! ```
//!
//! Reading order: [`classes`] (what is a word character), [`counts`], [`readability`], then
//! [`table`], [`syllables`], [`hyphenation`], then [`sentiment`]; [`keywords`] stands apart.

mod classes;
mod counts;
mod hyphenation;
pub mod keywords;
mod labels;
mod readability;
mod sentences;
mod sentiment;
mod syllables;
mod table;

#[cfg(test)]
mod tests;

pub use readability::Readability;
pub use sentiment::Sentiment;

use crate::limits::SCORE_POLL_BYTES;
use classes::Step;
use serde::{Deserialize, Serialize};

/// Everything this module can say about one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// How hard the text is to read.
    pub readability: Readability,
    /// How the text feels.
    pub sentiment: Sentiment,
}

/// Scores a text, in time linear in its length (times a logarithm where it says "but").
///
/// `cancelled` is asked at least once in every 64 KiB of text; the result is `None` when it said
/// yes. Any text is fine: an empty one has zeros.
///
/// ```
/// let scores = maitred::score::score("The food was great!", &|| false).unwrap();
/// assert_eq!(scores.sentiment.label, "positive");
/// assert_eq!(scores.readability.label, "very easy");
/// ```
pub fn score(text: &str, cancelled: &dyn Fn() -> bool) -> Option<Scores> {
    let mut counter = counts::Counter::default();
    let mut tokens = sentiment::Tokens::default();
    let mut rest = text;
    while !rest.is_empty() {
        if cancelled() {
            return None;
        }
        let (piece, after) = rest.split_at(rest.floor_char_boundary(SCORE_POLL_BYTES));
        let mut unread = piece;
        while let Some((step, others)) = classes::step(unread) {
            match step {
                Step::Letters(letters) => {
                    counter.push_letters(letters);
                    tokens.push_letters(letters);
                }
                Step::Char(c) => {
                    counter.push(c, &rest.as_bytes()[piece.len() - others.len()..]);
                    tokens.push(c);
                }
            }
            unread = others;
        }
        rest = after;
    }
    Some(Scores {
        readability: Readability::from(&counter.finish()),
        sentiment: tokens.finish().feel(cancelled)?,
    })
}
