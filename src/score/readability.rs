//! The readability formulas: arithmetic over [`Counts`], nothing else.
//!
//! Each formula is a regression of somebody's measurements on school texts, so figures outside
//! the range of school texts (negative grades, grade 80) are normal and are not cut off.

use super::counts::Counts;
use super::labels;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How hard a text is to read.
///
/// *Grade* means a year of a school in the USA. A text without words has zeros, except where the
/// reference has its formula's constant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Readability {
    /// The reading ease in words, from "very easy" to "very difficult"; "no words" without any.
    pub label: Cow<'static, str>,
    /// Flesch 1948: 100 is very easy, 0 very difficult.
    pub flesch_reading_ease: f64,
    /// Kincaid et al. 1975, a grade.
    pub flesch_kincaid_grade: f64,
    /// Gunning 1952, a grade.
    pub gunning_fog: f64,
    /// McLaughlin 1969, a grade.
    pub smog_index: f64,
    /// Smith and Senter 1967, a grade.
    pub automated_readability_index: f64,
    /// Coleman and Liau 1975, a grade.
    pub coleman_liau_index: f64,
    /// Dale and Chall 1948: 4.9 and less for grade 4, 10 and more for college.
    pub dale_chall_readability_score: f64,
    /// Björnsson 1968: 20 is very easy, 60 very difficult.
    pub lix: f64,
    /// Linsear Write, of the first hundred words, a grade.
    pub linsear_write_formula: f64,
    /// Syllables of all words.
    pub syllable_count: u64,
    /// Sentences of three words and more; at least 1 unless the text is empty.
    pub sentence_count: u64,
    /// Words.
    pub lexicon_count: u64,
}

impl From<&Counts> for Readability {
    fn from(counts: &Counts) -> Self {
        let flesch_reading_ease = flesch_reading_ease(counts);
        Self {
            label: labels::reading_ease(flesch_reading_ease, counts.words).into(),
            flesch_reading_ease,
            flesch_kincaid_grade: flesch_kincaid_grade(counts),
            gunning_fog: gunning_fog(counts),
            smog_index: smog_index(counts),
            automated_readability_index: automated_readability_index(counts),
            coleman_liau_index: coleman_liau_index(counts),
            dale_chall_readability_score: dale_chall_readability_score(counts),
            lix: lix(counts),
            linsear_write_formula: linsear_write_formula(counts),
            syllable_count: counts.syllables,
            sentence_count: counts.sentences,
            lexicon_count: counts.words,
        }
    }
}

/// Zero without words; a text with words has sentences.
fn per(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        100.0 * part as f64 / whole as f64
    }
}

fn flesch_reading_ease(counts: &Counts) -> f64 {
    // Words without a vowel ("hmm") are words without syllables.
    if counts.words == 0 || counts.syllables == 0 {
        return 0.0;
    }
    206.835
        - 1.015 * per(counts.words, counts.sentences)
        - 84.6 * per(counts.syllables, counts.words)
}

fn flesch_kincaid_grade(counts: &Counts) -> f64 {
    if counts.words == 0 || counts.syllables == 0 {
        return 0.0;
    }
    0.39 * per(counts.words, counts.sentences) + 11.8 * per(counts.syllables, counts.words) - 15.59
}

fn gunning_fog(counts: &Counts) -> f64 {
    0.4 * (per(counts.words, counts.sentences) + percent(counts.difficult, counts.words))
}

fn smog_index(counts: &Counts) -> f64 {
    if counts.sentences == 0 {
        return 0.0;
    }
    1.043 * (30.0 * per(counts.many_syllables, counts.sentences)).sqrt() + 3.1291
}

fn automated_readability_index(counts: &Counts) -> f64 {
    if counts.words == 0 {
        return 0.0;
    }
    4.71 * per(counts.characters, counts.tokens) + 0.5 * per(counts.words, counts.sentences) - 21.43
}

fn coleman_liau_index(counts: &Counts) -> f64 {
    if counts.words == 0 {
        return 0.0;
    }
    0.058 * percent(counts.letters, counts.words)
        - 0.296 * percent(counts.sentences, counts.words)
        - 15.8
}

fn dale_chall_readability_score(counts: &Counts) -> f64 {
    let uneasy = percent(counts.uneasy, counts.words);
    let adjustment = if uneasy > 5.0 { 3.6365 } else { 0.0 };
    0.1579 * uneasy + 0.0496 * per(counts.words, counts.sentences) + adjustment
}

fn lix(counts: &Counts) -> f64 {
    per(counts.words, counts.sentences) + percent(counts.long, counts.words)
}

fn linsear_write_formula(counts: &Counts) -> f64 {
    if counts.tokens == 0 {
        return 0.0;
    }
    let linsear = &counts.linsear;
    let weight = per(linsear.easy + 3 * linsear.hard, linsear.sentences);
    if weight > 20.0 {
        weight / 2.0
    } else {
        (weight - 2.0) / 2.0
    }
}
