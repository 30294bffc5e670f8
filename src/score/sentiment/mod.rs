//! How a text feels, by the rules of VADER 3.3.2 (Hutto and Gilbert, ICWSM 2014).
//!
//! VADER gives each word of a lexicon a valence between -4 and 4, bends it by the words around it
//! (boosters, negations, capitals, "but"), adds the valences up and presses the sum into -1 to 1.
//!
//! ```text
//!   chars --tokens--> [Word] --rules--> valences --but--> valences --here--> Sentiment
//! ```
//!
//! Figures equal those of the reference to the last digit, so arithmetic is done in its order.

mod but;
mod emoji;
mod lexicon;
mod rules;
mod tokens;

#[cfg(test)]
mod tests;

pub(super) use tokens::Tokens;

use super::labels;
use lexicon::{Name, Word};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Words weighed between two looks at `cancelled`. A word has two bytes at least with the space
/// after it, and six on average.
const WORDS_PER_POLL: usize = 8 * 1024;

/// How a text feels. All zero for a text without words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// "positive", "negative" or "neutral".
    pub label: Cow<'static, str>,
    /// The whole text, from -1 (most negative) to 1, with four decimals.
    pub compound: f64,
    /// Share of the text that is positive, with three decimals.
    pub pos: f64,
    /// Share that is neutral.
    pub neu: f64,
    /// Share that is negative.
    pub neg: f64,
}

/// The words of a text, and its exclamation and question marks.
#[derive(Debug, Default)]
pub(super) struct Heard {
    words: Vec<Word>,
    exclamations: u64,
    questions: u64,
}

/// A word that is not neutral.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Feeling {
    /// Which word of the text.
    at: usize,
    valence: f64,
}

impl Heard {
    /// The sentiment of the text, or `None` if `cancelled` said yes.
    pub(super) fn feel(&self, cancelled: &dyn Fn() -> bool) -> Option<Sentiment> {
        let mut feelings = self.feelings(cancelled)?;
        if let Some(but) = self.words.iter().position(|word| word.name == Name::But) {
            but::shift_weight(&mut feelings, but, cancelled)?;
        }
        Some(self.sum_up(&feelings))
    }

    fn feelings(&self, cancelled: &dyn Fn() -> bool) -> Option<Vec<Feeling>> {
        let capitals_matter = capitals_matter(&self.words);
        let mut feelings = Vec::new();
        for at in 0..self.words.len() {
            if at % WORDS_PER_POLL == 0 && cancelled() {
                return None;
            }
            let valence = rules::valence(&self.words, at, capitals_matter);
            if valence != 0.0 {
                feelings.push(Feeling { at, valence });
            }
        }
        Some(feelings)
    }

    fn sum_up(&self, feelings: &[Feeling]) -> Sentiment {
        let emphasis = self.emphasis();
        let (mut sum, mut positive, mut negative) = (0.0, 0.0, 0.0);
        for Feeling { valence, .. } in feelings {
            sum += valence;
            // One more for each word, because a neutral word counts as one.
            if *valence > 0.0 {
                positive += valence + 1.0;
            } else {
                negative += valence - 1.0;
            }
        }
        if sum > 0.0 {
            sum += emphasis;
        } else if sum < 0.0 {
            sum -= emphasis;
        }
        if positive > -negative {
            positive += emphasis;
        } else if positive < -negative {
            negative -= emphasis;
        }
        let neutral = (self.words.len() - feelings.len()) as f64;
        let total = positive - negative + neutral;
        let share = |part: f64| {
            if total == 0.0 {
                0.0
            } else {
                rounded(part / total, 3)
            }
        };
        let compound = rounded(normalised(sum), 4);
        Sentiment {
            label: labels::feeling(compound).into(),
            compound,
            pos: share(positive),
            neu: share(neutral),
            neg: share(-negative),
        }
    }

    /// What exclamation and question marks add, wherever they are in the text.
    fn emphasis(&self) -> f64 {
        let exclamations = self.exclamations.min(4) as f64 * 0.292;
        let questions = match self.questions {
            0 | 1 => 0.0,
            few @ 2..=3 => few as f64 * 0.18,
            _ => 0.96,
        };
        exclamations + questions
    }
}

/// Capitals stress a word only where other words are not in capitals.
fn capitals_matter(words: &[Word]) -> bool {
    words.iter().any(|word| word.capitals) && words.iter().any(|word| !word.capitals)
}

/// Presses a sum into -1 to 1; 15 is about the largest sum expected of a sentence.
fn normalised(sum: f64) -> f64 {
    (sum / (sum * sum + 15.0).sqrt()).clamp(-1.0, 1.0)
}

/// Rounds to so many decimals: the decimal that is nearest to the binary number, ties to even.
/// Multiplying and dividing by a power of ten would be off by one in the last digit now and then,
/// so this goes through decimal digits, as the reference does.
fn rounded(number: f64, decimals: usize) -> f64 {
    let digits = format!("{number:.decimals$}");
    let rounded: f64 = digits.parse().expect("a printed number can be read");
    // No negative zero: it would show as "-0.0".
    rounded + 0.0
}
