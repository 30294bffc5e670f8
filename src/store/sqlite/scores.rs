//! The columns of `sentiment_analysis`: written for analyses and for generated texts alike.
//!
//! SQLite keeps a NaN as NULL, so NULL is read back as NaN and a row with an odd figure is stored
//! rather than lost.

use std::borrow::Cow;

use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::count::Count;
use crate::score::{Readability, Scores, Sentiment};

/// What belongs to a row beside the figures.
pub(super) struct Scored<'a> {
    pub(super) tenant: &'a str,
    pub(super) id: Uuid,
    pub(super) search_term_id: Uuid,
    pub(super) created_ms: i64,
    pub(super) subject: Subject<'a>,
}

/// What was scored.
pub(super) enum Subject<'a> {
    /// The generated text of the same id.
    Generated,
    /// These words, which are stored nowhere else.
    Content(&'a str),
}

const INSERT: &str = "
    INSERT INTO sentiment_analysis (
        tenant, id, search_term_id, generated_content_id, content, created_ms,
        sentiment_label, compound, pos, neu, neg,
        readability_label, flesch_reading_ease, flesch_kincaid_grade, gunning_fog, smog_index,
        automated_readability_index, coleman_liau_index, dale_chall_readability_score, lix,
        linsear_write_formula, syllable_count, sentence_count, lexicon_count
    ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
        ?19, ?20, ?21, ?22, ?23, ?24)
    ON CONFLICT (tenant, id) DO NOTHING";

/// The columns that [`read`] wants, of a table called `s`.
pub(super) const COLUMNS: &str = "
    s.sentiment_label, s.compound, s.pos, s.neu, s.neg,
    s.readability_label, s.flesch_reading_ease, s.flesch_kincaid_grade, s.gunning_fog,
    s.smog_index, s.automated_readability_index, s.coleman_liau_index,
    s.dale_chall_readability_score, s.lix, s.linsear_write_formula,
    s.syllable_count, s.sentence_count, s.lexicon_count";

/// Adds one row; leaves one that is already there as it is.
pub(super) fn insert(
    conn: &Connection,
    row: &Scored<'_>,
    scores: &Scores,
) -> rusqlite::Result<usize> {
    let (generated, content) = match row.subject {
        Subject::Generated => (Some(row.id), None),
        Subject::Content(content) => (None, Some(content)),
    };
    let Scores {
        readability: r,
        sentiment: s,
    } = scores;
    conn.prepare_cached(INSERT)?.execute(params![
        row.tenant,
        row.id.as_bytes(),
        row.search_term_id.as_bytes(),
        generated.as_ref().map(Uuid::as_bytes),
        content,
        row.created_ms,
        s.label,
        s.compound,
        s.pos,
        s.neu,
        s.neg,
        r.label,
        r.flesch_reading_ease,
        r.flesch_kincaid_grade,
        r.gunning_fog,
        r.smog_index,
        r.automated_readability_index,
        r.coleman_liau_index,
        r.dale_chall_readability_score,
        r.lix,
        r.linsear_write_formula,
        Count(r.syllable_count),
        Count(r.sentence_count),
        Count(r.lexicon_count),
    ])
}

/// The scores in a row, if the outer join found any.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Option<Scores>> {
    let Some(label) = row.get::<_, Option<String>>("sentiment_label")? else {
        return Ok(None);
    };
    let figure = |name: &str| -> rusqlite::Result<f64> {
        Ok(row.get::<_, Option<f64>>(name)?.unwrap_or(f64::NAN))
    };
    let count = |name: &str| Ok::<_, rusqlite::Error>(row.get::<_, Count>(name)?.0);
    let sentiment = Sentiment {
        label: Cow::Owned(label),
        compound: figure("compound")?,
        pos: figure("pos")?,
        neu: figure("neu")?,
        neg: figure("neg")?,
    };
    let readability = Readability {
        label: Cow::Owned(row.get("readability_label")?),
        flesch_reading_ease: figure("flesch_reading_ease")?,
        flesch_kincaid_grade: figure("flesch_kincaid_grade")?,
        gunning_fog: figure("gunning_fog")?,
        smog_index: figure("smog_index")?,
        automated_readability_index: figure("automated_readability_index")?,
        coleman_liau_index: figure("coleman_liau_index")?,
        dale_chall_readability_score: figure("dale_chall_readability_score")?,
        lix: figure("lix")?,
        linsear_write_formula: figure("linsear_write_formula")?,
        syllable_count: count("syllable_count")?,
        sentence_count: count("sentence_count")?,
        lexicon_count: count("lexicon_count")?,
    };
    Ok(Some(Scores {
        readability,
        sentiment,
    }))
}
