//! From many weighed phrases to a short list that does not repeat itself.
//!
//! The best one is taken first. Each time a keyword is taken, its words count for less in all that
//! are left: after "event loop", "event" alone has to be twice as good to come next. Then the text
//! is read once more, for how each keyword is written most often.

use std::collections::BTreeMap;

use super::phrases::Phrase;
use super::tally::Tally;
use super::words::{Piece, Pieces};
use super::{Keyword, rounded};
use crate::limits::SCORE_POLL_BYTES;

/// How many candidates are looked at for each keyword that is wanted.
const CANDIDATES: usize = 8;

/// The best `limit` phrases as keywords; `None` if it was cancelled.
pub(super) fn best(
    text: &str,
    tally: &Tally,
    phrases: &[Phrase],
    limit: usize,
    cancelled: &dyn Fn() -> bool,
) -> Option<Vec<Keyword>> {
    let chosen = choose(phrases, limit);
    let spellings = spellings(text, tally, &chosen, cancelled)?;
    let best = chosen.first().map_or(1.0, |(_, merit)| *merit);
    let keywords = chosen.iter().zip(spellings);
    Some(
        keywords
            .map(|((_, merit), keyword)| Keyword {
                keyword,
                score: rounded(merit / best),
            })
            .collect(),
    )
}

/// The phrases that are taken, in this order, each with the merit that it had when it was.
fn choose(phrases: &[Phrase], limit: usize) -> Vec<(Phrase, f64)> {
    let mut left: Vec<&Phrase> = phrases.iter().collect();
    let better = |a: &&Phrase, b: &&Phrase| b.merit.total_cmp(&a.merit);
    left.sort_by(better); // stable: what is equal stays in the order of the text
    left.truncate(CANDIDATES * limit);
    let mut uses: BTreeMap<u32, u32> = BTreeMap::new();
    let mut chosen = Vec::new();
    while chosen.len() < limit && !left.is_empty() {
        let (mut at, mut most) = (0, f64::MIN);
        for (candidate, phrase) in left.iter().enumerate() {
            let words = phrase.words();
            let used = words
                .iter()
                .map(|word| uses.get(word).copied().unwrap_or(0));
            let repeated = f64::from(used.sum::<u32>()) / words.len() as f64;
            let merit = phrase.merit / (1.0 + repeated);
            if merit > most {
                (at, most) = (candidate, merit);
            }
        }
        let phrase = left.remove(at);
        for word in phrase.words() {
            *uses.entry(*word).or_default() += 1;
        }
        chosen.push((*phrase, most));
    }
    chosen
}

/// How each of the chosen phrases is written most often; of equals, what comes first in the text.
fn spellings(
    text: &str,
    tally: &Tally,
    chosen: &[(Phrase, f64)],
    cancelled: &dyn Fn() -> bool,
) -> Option<Vec<String>> {
    let mut by_last: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, (phrase, _)) in chosen.iter().enumerate() {
        let last = phrase.words().last().copied().unwrap_or_default();
        by_last.entry(last).or_default().push(index);
    }
    let mut written: Vec<BTreeMap<[&str; 3], (u32, usize)>> = vec![BTreeMap::new(); chosen.len()];
    let mut last_three = [""; 3];
    let mut pieces = Pieces::new(text);
    let mut poll_at = 0;
    for at in 0..tally.row.len() {
        let piece = pieces.next()?;
        if pieces.position() >= poll_at {
            if cancelled() {
                return None;
            }
            poll_at = pieces.position() + SCORE_POLL_BYTES;
        }
        last_three.rotate_left(1);
        last_three[2] = match piece {
            Piece::Word(word) => word,
            Piece::Break | Piece::Stop => "",
        };
        for index in by_last.get(&tally.row[at]).into_iter().flatten() {
            let words = chosen[*index].0.words();
            let here = &tally.row[(at + 1).saturating_sub(words.len())..=at];
            if here == words {
                let mut spelling = last_three;
                spelling[..3 - words.len()].fill("");
                let entry = written[*index].entry(spelling).or_insert((0, at));
                entry.0 += 1;
            }
        }
    }
    Some(written.iter().map(most_written).collect())
}

fn most_written(written: &BTreeMap<[&str; 3], (u32, usize)>) -> String {
    let best = written
        .iter()
        .min_by_key(|(_, (count, at))| (u32::MAX - count, *at));
    let words = best.map_or([""; 3], |(words, _)| *words);
    let phrase = words.join(" ");
    let phrase = phrase.trim_start();
    // "Python's" is written for what belongs to Python.
    let bare = phrase.strip_suffix("'s").or(phrase.strip_suffix("’s"));
    bare.unwrap_or(phrase).to_owned()
}
