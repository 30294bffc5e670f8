//! How telling a word is: YAKE's features of it, as one figure.
//!
//! ```text
//!             capitals + frequency + spread
//!   weight = ───────────────────────────────
//!                     lateness
//! ```
//! Campos et al., "YAKE! Keyword extraction from single documents using multiple local features",
//! Information Sciences 509 (2020). Left out is its fifth feature, how many different neighbours a
//! word has: it finds stop words, which are on a list here.

use super::stops::Class;
use super::tally::{Tally, Word};

/// The weight of each word, by its number. Zero if it neither adds to a phrase nor takes from it:
/// "greatest improvement" is as telling as "improvement".
pub(super) fn of_words(tally: &Tally) -> Vec<f64> {
    let content = || {
        let words = tally.words.iter();
        words
            .filter(|word| word.class == Class::Content)
            .map(|word| f64::from(word.count))
    };
    let many = content().count().max(1) as f64;
    let mean = content().sum::<f64>() / many;
    let variance = content().map(|count| (count - mean).powi(2)).sum::<f64>() / many;
    let usual = (mean + variance.sqrt()).max(1.0);
    let sentences = f64::from(tally.sentences.max(1));
    let weigh = |word: &Word| weight(word, usual, sentences);
    tally.words.iter().map(weigh).collect()
}

fn weight(word: &Word, usual: f64, sentences: f64) -> f64 {
    let count = f64::from(word.count);
    let capitals = f64::from(word.capitals.max(word.acronyms)) / (1.0 + count.ln());
    let frequency = count / usual;
    let spread = f64::from(word.sentences) / sentences;
    let position = word.positions as f64 / f64::from(word.sentences.max(1));
    let lateness = (3.0 + position).ln().ln();
    match word.class {
        Class::Content => (capitals + frequency + spread) / lateness,
        Class::Weak | Class::Number | Class::Link | Class::Stop => 0.0,
    }
}
