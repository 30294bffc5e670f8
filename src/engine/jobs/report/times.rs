//! Texts by the day or the hour in which they were asked for, in UTC.
//!
//! Only pieces of time that have texts are kept, and of these the latest [`REPORT_TIMES`]; what is
//! earlier is one piece. As a piece is given up only when so many later ones are there, what is kept is
//! exact, in whatever order the texts come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sums::Sums;
use crate::limits::jobs::REPORT_TIMES;
use crate::score::Scores;

/// How long a piece of time is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// From midnight to midnight.
    #[default]
    Day,
    /// From one full hour to the next.
    Hour,
}

impl Per {
    /// All of them.
    pub const ALL: [Per; 2] = [Per::Day, Per::Hour];

    /// The word in requests and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Per::Day => "day",
            Per::Hour => "hour",
        }
    }

    /// The beginning of the piece that a time is in.
    pub(super) fn start_of(self, ms: i64) -> i64 {
        let length = match self {
            Per::Day => 86_400_000,
            Per::Hour => 3_600_000,
        };
        ms - ms.rem_euclid(length)
    }
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Times {
    /// By their beginning, in milliseconds of Unix time.
    pub(super) pieces: BTreeMap<i64, Sums>,
    /// What there was before the first of them.
    pub(super) earlier: Sums,
}

impl Times {
    /// Counts a text of the piece that begins with `start`.
    pub(super) fn add(&mut self, start: i64, scores: Option<&Scores>) {
        if self.pieces.len() == REPORT_TIMES && !self.pieces.contains_key(&start) {
            let first = self
                .pieces
                .first_entry()
                .filter(|first| *first.key() < start);
            match first {
                Some(first) => self.earlier += first.remove(),
                None => return self.earlier.add(scores),
            }
        }
        self.pieces.entry(start).or_default().add(scores);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_begins_at_midnight_or_with_the_hour() {
        let ms = 1_700_000_000_123; // 2023-11-14T22:13:20.123Z
        assert_eq!(Per::Day.start_of(ms), 1_699_920_000_000);
        assert_eq!(Per::Hour.start_of(ms), 1_699_999_200_000);
        assert_eq!(Per::Day.start_of(-1), -86_400_000);
    }

    #[test]
    fn the_latest_pieces_are_exact_in_whatever_order_texts_come() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut days: Vec<i64> = (0..3).flat_map(|_| 0..2 * REPORT_TIMES as i64).collect();
        random.shuffle(&mut days);
        let mut times = Times::default();
        days.iter().for_each(|day| times.add(*day, None));
        assert_eq!(times.pieces.len(), REPORT_TIMES);
        assert_eq!(times.pieces.keys().next(), Some(&(REPORT_TIMES as i64)));
        assert!(times.pieces.values().all(|sums| sums.texts == 3));
        assert_eq!(times.earlier.texts, 3 * REPORT_TIMES as u64);
    }
}
