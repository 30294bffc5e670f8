//! Keywords: the words and phrases that say what an English text is about.
//!
//! Two ways lead to them. [`extract`] computes them from the text alone; [`from_answer`] reads the
//! list that a language model has written. Neither knows who asks.
//!
//! ```text
//!   text ─► words ─► tally: how often, where, how written ─► weights ─► choose ─► keywords
//!           cut at punctuation        (phrases of up to        of words    no two that say
//!           and at stop words          three words)            and phrases  the same
//! ```
//! The method has its phrases from RAKE (Rose et al. 2010: what stands between stop words) and its
//! weights from YAKE (Campos et al. 2020: early, often, in many sentences, with capitals), and
//! a few rules of its own, because lists of either repeat themselves: singular and plural are one
//! word; a phrase that mostly stands inside a longer one is left to it; each keyword that is
//! chosen makes its words count for less in the rest. docs/decisions/0023-local-keywords.md has
//! the comparison.
//!
//! Reading order: [`words`], [`fold`], [`stops`], [`tally`], [`weights`], [`choose`]; [`answer`]
//! stands apart.

mod answer;
mod choose;
mod fold;
mod phrases;
mod stops;
mod tally;
mod weights;
mod words;

#[cfg(test)]
mod tests;

pub use answer::from_answer;

use serde::{Deserialize, Serialize};

/// One keyword of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Keyword {
    /// One to three words as the text writes them most often, with single spaces; of a model's
    /// list, whatever stands there.
    pub keyword: String,
    /// How telling it is beside the best one, which has 1: above 0, rounded to four places.
    pub score: f64,
}

/// The keywords of a text, the best first, at most `limit`. What is equally good stands in the
/// order of the text. A text without content words has none.
///
/// Time is linear in the text. `cancelled` is asked at least once in every 64 KiB of it; the result
/// is `None` when it said yes.
///
/// ```
/// let text = "An event loop waits for events. One event loop serves every client.";
/// let found = maitred::score::keywords::extract(text, 5, &|| false).unwrap();
/// assert_eq!(found[0].keyword, "event loop");
/// assert_eq!(found[0].score, 1.0);
/// ```
pub fn extract(text: &str, limit: usize, cancelled: &dyn Fn() -> bool) -> Option<Vec<Keyword>> {
    let tally = tally::read(text, cancelled)?;
    let weights = weights::of_words(&tally);
    let phrases = phrases::find(&tally, &weights, cancelled)?;
    choose::best(text, &tally, &phrases, limit, cancelled)
}

/// A figure between 0 and 1 as it is shown. What is above zero stays above it.
fn rounded(score: f64) -> f64 {
    ((score * 1e4).round() / 1e4).max(1e-4)
}
