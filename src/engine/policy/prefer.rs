//! The best of several texts: how far each is from what the client would like.
//!
//! A wish names a figure and the value it should have. The distance of a text is the sum, over all
//! wishes, of how far the figure is off, measured on the scale of that figure: a grade of school
//! too much weighs as much as eight points of reading ease. The text with the least distance is
//! the best; of equals, the one that was asked for first.

use serde::{Deserialize, Serialize};

use crate::score::Scores;

/// What a client would like a text to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prefer(Vec<(Figure, f64)>);

/// A figure that can be wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Figure {
    /// 0 (hard) to 100 (easy).
    FleschReadingEase,
    /// Years of school.
    FleschKincaidGrade,
    /// Years of school.
    GunningFog,
    /// Years of school.
    SmogIndex,
    /// Years of school.
    AutomatedReadabilityIndex,
    /// Years of school.
    ColemanLiauIndex,
    /// Below 5 (easy) to above 9 (hard).
    DaleChallReadabilityScore,
    /// Below 30 (easy) to above 60 (hard).
    Lix,
    /// Years of school.
    LinsearWriteFormula,
    /// Words.
    LexiconCount,
    /// Sentences.
    SentenceCount,
    /// Minus one (negative) to one (positive).
    Compound,
}

use Figure::{
    AutomatedReadabilityIndex, ColemanLiauIndex, Compound, DaleChallReadabilityScore,
    FleschKincaidGrade, FleschReadingEase, GunningFog, LexiconCount, LinsearWriteFormula, Lix,
    SentenceCount, SmogIndex,
};

impl Figure {
    /// Every figure, with its name in answers and wishes.
    pub const ALL: [(&'static str, Figure); 12] = [
        ("flesch_reading_ease", FleschReadingEase),
        ("flesch_kincaid_grade", FleschKincaidGrade),
        ("gunning_fog", GunningFog),
        ("smog_index", SmogIndex),
        ("automated_readability_index", AutomatedReadabilityIndex),
        ("coleman_liau_index", ColemanLiauIndex),
        ("dale_chall_readability_score", DaleChallReadabilityScore),
        ("lix", Lix),
        ("linsear_write_formula", LinsearWriteFormula),
        ("lexicon_count", LexiconCount),
        ("sentence_count", SentenceCount),
        ("compound", Compound),
    ];

    /// The figure with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Figure> {
        let mut all = Figure::ALL.iter();
        all.find(|(known, _)| *known == name)
            .map(|(_, figure)| *figure)
    }

    /// Its value.
    pub(in crate::engine) fn of(self, scores: &Scores) -> f64 {
        let (r, s) = (&scores.readability, &scores.sentiment);
        match self {
            FleschReadingEase => r.flesch_reading_ease,
            FleschKincaidGrade => r.flesch_kincaid_grade,
            GunningFog => r.gunning_fog,
            SmogIndex => r.smog_index,
            AutomatedReadabilityIndex => r.automated_readability_index,
            ColemanLiauIndex => r.coleman_liau_index,
            DaleChallReadabilityScore => r.dale_chall_readability_score,
            Lix => r.lix,
            LinsearWriteFormula => r.linsear_write_formula,
            LexiconCount => r.lexicon_count as f64,
            SentenceCount => r.sentence_count as f64,
            Compound => s.compound,
        }
    }

    /// How much of the figure counts as one: the width of what texts usually have. Counts are
    /// measured by what was wished for.
    fn scale(self, wished: f64) -> f64 {
        match self {
            FleschReadingEase => 100.0,
            DaleChallReadabilityScore => 10.0,
            Lix => 60.0,
            Compound => 2.0,
            LexiconCount | SentenceCount => wished.abs().max(1.0),
            _ => 12.0,
        }
    }
}

impl Prefer {
    /// These wishes. None at all means plain English: a reading ease of 65, the middle of what
    /// Flesch's scale calls "standard".
    #[must_use]
    pub fn new(wishes: Vec<(Figure, f64)>) -> Prefer {
        if wishes.is_empty() {
            return Prefer::default();
        }
        Prefer(wishes)
    }

    /// How far a text is off. Zero is just as wished.
    #[must_use]
    pub fn distance(&self, scores: &Scores) -> f64 {
        let off = |(figure, wished): &(Figure, f64)| {
            (figure.of(scores) - wished).abs() / figure.scale(*wished)
        };
        self.0.iter().map(off).sum()
    }

    /// The place of the best of several texts; `None` if there is none. One without scores is
    /// taken only if none has any.
    #[must_use]
    pub fn best<'a>(
        &self,
        texts: impl Iterator<Item = (usize, Option<&'a Scores>)>,
    ) -> Option<usize> {
        let distance =
            |scores: Option<&Scores>| scores.map_or(f64::INFINITY, |scores| self.distance(scores));
        texts
            .map(|(place, scores)| (place, distance(scores)))
            .min_by(|(_, a), (_, b)| a.total_cmp(b)) // of equals, the first
            .map(|(place, _)| place)
    }
}

impl Default for Prefer {
    fn default() -> Self {
        Prefer(vec![(FleschReadingEase, 65.0)])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn scores(text: &str) -> Scores {
        crate::score::score(text, &|| false).unwrap()
    }

    #[test]
    fn the_wish_decides_which_text_is_the_best() {
        let easy = scores("The cat sat on the mat. It was good. I love it so much.");
        let hard = scores(
            "Institutional considerations notwithstanding, representative methodologies \
             necessitate terrible, horrible and disastrous compromises.",
        );
        let texts = || [(0, Some(&hard)), (1, None), (2, Some(&easy))].into_iter();
        let best = |figure, value| Prefer::new(vec![(figure, value)]).best(texts());
        assert_eq!(best(FleschKincaidGrade, 1.0), Some(2));
        assert_eq!(best(FleschKincaidGrade, 30.0), Some(0));
        assert_eq!(best(Compound, 1.0), Some(2));
        assert_eq!(best(Compound, -1.0), Some(0));
        assert_eq!(best(LexiconCount, 14.0), Some(2));
    }

    #[test]
    fn of_equals_the_first_and_without_scores_the_first_of_all() {
        let same = scores("One text. Twice the same.");
        let prefer = Prefer::default();
        assert_eq!(
            prefer.best([(3, Some(&same)), (5, Some(&same))].into_iter()),
            Some(3)
        );
        assert_eq!(prefer.best([(4, None), (6, None)].into_iter()), Some(4));
        assert_eq!(prefer.best([].into_iter()), None);
    }

    #[test]
    fn every_figure_is_found_by_the_name_it_has_in_answers() {
        let scores = scores("A few words.");
        let document = serde_json::to_value(&scores).unwrap();
        for (name, figure) in Figure::ALL {
            assert_eq!(Figure::named(name), Some(figure));
            let shown = document["readability"].get(name);
            let shown = shown.or_else(|| document["sentiment"].get(name)).unwrap();
            assert_eq!(shown.as_f64(), Some(figure.of(&scores)), "{name}");
        }
        assert_eq!(Figure::named("label"), None);
    }
}
