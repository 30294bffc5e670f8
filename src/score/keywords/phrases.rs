//! Phrases of one to three words, counted and weighed.
//!
//! A phrase stands between two gaps of the [row](super::tally). In a text of some length it has to
//! occur twice to be one; in a short one, once will do if nothing else stands between its gaps.
//! Three words are only counted where both pairs in them are phrases, so a long text has not many
//! more phrases than it has words.

use std::collections::HashMap;

use super::stops::Class;
use super::tally::{GAP, Keyed, Tally};
use crate::limits::SCORE_POLL_BYTES;

/// From this many words on, a phrase that occurs once is none.
const LONG_TEXT_WORDS: usize = 300;

/// One candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Phrase {
    /// Its words; the rest is [`GAP`].
    words: [u32; 3],
    /// How often it occurs.
    pub(super) count: u32,
    /// Its first place in the row.
    pub(super) first: u32,
    /// How telling it is; greater is better.
    pub(super) merit: f64,
    /// Whether it stands alone between two gaps, once at least.
    alone: bool,
    /// How often the most frequent of the longer phrases around it occurs.
    inside: u32,
}

/// The length of a phrase with a link in it.
const LINKED: usize = 3;

impl Phrase {
    /// The numbers of its words.
    pub(super) fn words(&self) -> &[u32] {
        let len = self.words.iter().take_while(|word| **word != GAP).count();
        &self.words[..len]
    }

    /// YAKE's figure for a phrase, upside down. In terms of the weights `w` of those of its words
    /// that have one: count × (1 + Σ 1/w) × Π w.
    fn weigh(&mut self, weights: &[f64]) {
        let weights = self.words().iter().map(|word| weights[*word as usize]);
        let weights = weights.filter(|weight| *weight > 0.0);
        let product: f64 = weights.clone().product();
        let sum: f64 = weights.map(f64::recip).sum();
        self.merit = f64::from(self.count) * (1.0 + sum) * product;
    }
}

/// All candidates with their merits, in the order of the text; `None` if it was cancelled.
pub(super) fn find(
    tally: &Tally,
    weights: &[f64],
    cancelled: &dyn Fn() -> bool,
) -> Option<Vec<Phrase>> {
    let words = tally.row.iter().filter(|number| **number != GAP).count();
    let least = if words < LONG_TEXT_WORDS { 1 } else { 2 };
    let mut table = Table::new(tally);
    table.count_pairs(tally, cancelled)?;
    table.count_triples(tally, least, cancelled)?;
    let is_candidate = |phrase: &Phrase| is_candidate(tally, phrase, least);
    table.note_nesting(&is_candidate);
    let mut phrases = table.phrases;
    phrases.retain(|phrase| {
        // Three of four times it is a part of the same longer phrase: that one is enough.
        let nested = u64::from(phrase.inside) * 4 >= u64::from(phrase.count) * 3;
        is_candidate(phrase) && !nested
    });
    for phrase in &mut phrases {
        phrase.weigh(weights);
    }
    phrases.sort_by_key(|phrase| (phrase.first, phrase.words));
    (!cancelled()).then_some(phrases)
}

/// Whether it can be a keyword at all.
fn is_candidate(tally: &Tally, phrase: &Phrase, least: u32) -> bool {
    let words = phrase.words();
    let class = |number: &u32| tally.word(*number).map(|word| word.class);
    let content = words.iter().any(|n| class(n) == Some(Class::Content));
    let number = |n: &u32| class(n) == Some(Class::Number);
    // Digits or a letter may end a phrase: "Python 3" and "vitamin C", but not "3 words".
    let numbers = words
        .split_last()
        .is_some_and(|(_, rest)| rest.iter().any(number));
    let links = words.iter().filter(|word| tally.is_link(**word)).count();
    if links > 0 {
        let [_, middle, _] = phrase.words;
        let between = words.len() == LINKED && links == 1 && tally.is_link(middle);
        return between && content && !numbers && phrase.alone && phrase.count > 1;
    }
    let [a, b, c] = phrase.words;
    if a == b || (b == c && c != GAP) || a == c {
        return false; // "no no", "tea, tea": said again, not said of
    }
    let often = phrase.count > 1 || phrase.alone || words.len() == 1;
    content && !numbers && often && (phrase.count >= least || words.len() == 1)
}

/// Phrases and where they are in the list of them.
struct Table {
    phrases: Vec<Phrase>,
    places: HashMap<[u32; 3], u32, Keyed>,
}

impl Table {
    /// With all single words, whose place is their number.
    fn new(tally: &Tally) -> Self {
        let singles = (0..).zip(&tally.words).map(|(number, word)| Phrase {
            words: [number, GAP, GAP],
            count: word.count,
            first: word.first,
            merit: 0.0,
            alone: false,
            inside: 0,
        });
        Self {
            phrases: singles.collect(),
            places: HashMap::with_hasher(tally.keyed),
        }
    }

    fn count_pairs(&mut self, tally: &Tally, cancelled: &dyn Fn() -> bool) -> Option<()> {
        for (at, pair) in (0..).zip(tally.row.windows(2)) {
            if at % SCORE_POLL_BYTES == 0 && cancelled() {
                return None;
            }
            if let &[a, b] = pair
                && a != GAP
                && b != GAP
            {
                self.count([a, b, GAP], tally, at);
            }
        }
        Some(())
    }

    fn count_triples(
        &mut self,
        tally: &Tally,
        least: u32,
        cancelled: &dyn Fn() -> bool,
    ) -> Option<()> {
        for (at, triple) in (0..).zip(tally.row.windows(3)) {
            if at % SCORE_POLL_BYTES == 0 && cancelled() {
                return None;
            }
            let &[a, b, c] = triple else { continue };
            if a == GAP || b == GAP || c == GAP {
                continue;
            }
            let often = |pair| self.find(pair).is_some_and(|pair| pair.count >= least);
            if often([a, b, GAP]) && often([b, c, GAP]) {
                self.count([a, b, c], tally, at);
            }
        }
        Some(())
    }

    /// One occurrence of `words`, at `at` of the row.
    fn count(&mut self, words: [u32; 3], tally: &Tally, at: usize) {
        let len = if words[2] == GAP { 2 } else { 3 };
        let gap = |at: Option<usize>| {
            let word = at.and_then(|at| tally.row.get(at));
            word.is_none_or(|word| *word == GAP || tally.is_link(*word))
        };
        let alone = gap(at.checked_sub(1)) && gap(at.checked_add(len));
        if let Some(place) = self.places.get(&words) {
            let phrase = &mut self.phrases[*place as usize];
            phrase.count += 1;
            phrase.alone |= alone;
            return;
        }
        let (Ok(place), Ok(first)) = (u32::try_from(self.phrases.len()), u32::try_from(at)) else {
            return; // past four thousand million phrases no new ones are taken in
        };
        self.places.insert(words, place);
        self.phrases.push(Phrase {
            words,
            count: 1,
            first,
            merit: 0.0,
            alone,
            inside: 0,
        });
    }

    fn find(&self, words: [u32; 3]) -> Option<&Phrase> {
        self.phrases.get(*self.places.get(&words)? as usize)
    }

    /// Tells each phrase how often the candidates around it occur.
    fn note_nesting(&mut self, is_candidate: &dyn Fn(&Phrase) -> bool) {
        for at in 0..self.phrases.len() {
            let phrase = self.phrases[at];
            if phrase.words().len() == 1 || !is_candidate(&phrase) {
                continue;
            }
            let [a, b, c] = phrase.words;
            for word in phrase.words() {
                self.surround(Some(*word), phrase.count);
            }
            if c != GAP {
                for pair in [[a, b, GAP], [b, c, GAP]] {
                    self.surround(self.places.get(&pair).copied(), phrase.count);
                }
            }
        }
    }

    fn surround(&mut self, place: Option<u32>, count: u32) {
        if let Some(phrase) = place.and_then(|place| self.phrases.get_mut(place as usize)) {
            phrase.inside = phrase.inside.max(count);
        }
    }
}
