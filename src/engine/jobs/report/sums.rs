//! What is counted of the texts of a topic, of a day, or of all.

use std::ops::{AddAssign, SubAssign};

use serde::{Deserialize, Serialize};

use crate::score::Scores;

/// Counts, and sums from which means are made. As JSON it is a list: there are hundreds of them in a
/// report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub(super) struct Sums {
    pub(super) texts: u64,
    /// Those that have scores, all of which are numbers. The sums are theirs.
    pub(super) scored: u64,
    pub(super) positive: u64,
    pub(super) neutral: u64,
    pub(super) negative: u64,
    compound: f64,
    ease: f64,
    grade: f64,
}

/// The fields in their order.
#[derive(Serialize, Deserialize)]
struct Row(u64, u64, u64, u64, u64, f64, f64, f64);

impl From<Row> for Sums {
    fn from(row: Row) -> Self {
        Sums {
            texts: row.0,
            scored: row.1,
            positive: row.2,
            neutral: row.3,
            negative: row.4,
            compound: row.5,
            ease: row.6,
            grade: row.7,
        }
    }
}

impl From<Sums> for Row {
    fn from(sums: Sums) -> Self {
        Row(
            sums.texts,
            sums.scored,
            sums.positive,
            sums.neutral,
            sums.negative,
            sums.compound,
            sums.ease,
            sums.grade,
        )
    }
}

impl Sums {
    /// Counts a text.
    pub(super) fn add(&mut self, scores: Option<&Scores>) {
        self.texts += 1;
        let Some(Scores {
            readability,
            sentiment,
        }) = scores
        else {
            return;
        };
        match &*sentiment.label {
            "positive" => self.positive += 1,
            "neutral" => self.neutral += 1,
            "negative" => self.negative += 1,
            _ => {}
        }
        let figures = [
            sentiment.compound,
            readability.flesch_reading_ease,
            readability.flesch_kincaid_grade,
        ];
        if figures.iter().all(|figure| figure.is_finite()) {
            self.scored += 1;
            self.compound += figures[0];
            self.ease += figures[1];
            self.grade += figures[2];
        }
    }

    /// The mean compound, reading ease and grade; `None` without any text that has them.
    pub(super) fn means(&self) -> [Option<f64>; 3] {
        let mean = |sum: f64| (self.scored > 0).then(|| sum / self.scored as f64);
        [self.compound, self.ease, self.grade].map(mean)
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Sums) {
        self.texts += other.texts;
        self.scored += other.scored;
        self.positive += other.positive;
        self.neutral += other.neutral;
        self.negative += other.negative;
        self.compound += other.compound;
        self.ease += other.ease;
        self.grade += other.grade;
    }
}

impl SubAssign for Sums {
    /// Takes away what is part of it.
    fn sub_assign(&mut self, part: Sums) {
        self.texts -= part.texts;
        self.scored -= part.scored;
        self.positive -= part.positive;
        self.neutral -= part.neutral;
        self.negative -= part.negative;
        self.compound -= part.compound;
        self.ease -= part.ease;
        self.grade -= part.grade;
    }
}
