//! The statements of changes.

use std::collections::HashSet;

use uuid::Uuid;

use super::answer::Kind;
use super::{Cell, Part, cached, idempotency, jobs, many, one, rows};
use crate::proto::postgres::Scalar::{self, Bool, Bytea, Float8, Int4, Int8, Text, Uuid as Id};
use crate::store::{AnalysisRow, RequestRow, TextRow, Write};

const INSERT_REQUESTS: &str = "
    INSERT INTO requests (
        tenant, id, route, generation_id, outcome, status, streamed, provider, model,
        prompt_tokens, completion_tokens, error_code, started_ms, duration_us,
        inbound, asked_model, key_name, attempts, finish_reason, native_finish_reason,
        cached_tokens, reasoning_tokens, cost,
        queue_us, connect_us, lost_us, first_byte_us, first_content_us)
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
        $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)
    ON CONFLICT DO NOTHING";
const REQUEST: &[Scalar] = &[
    Text, Id, Text, Id, Text, Int4, Bool, Text, Text, Int8, Int8, Text, Int8, Int8, Text, Text,
    Text, Int8, Text, Text, Int8, Int8, Float8, Int8, Int8, Int8, Int8, Int8,
];

const INSERT_TERMS: &str = "
    INSERT INTO search_terms (tenant, id, term, term_hash, created_ms)
    SELECT n.tenant, n.id, n.term, n.term_hash, n.created_ms
    FROM unnest($1, $2, $3, $4, $5, $6) AS n (tenant, id, term, term_hash, created_ms, text_id)
    WHERE NOT EXISTS (SELECT 1 FROM generated_content AS g
                      WHERE g.tenant = n.tenant AND g.id = n.text_id)
    ON CONFLICT DO NOTHING";
const TERM: &[Scalar] = &[Text, Id, Text, Bytea, Int8, Id];

const INSERT_TEXTS: &str = "
    INSERT INTO generated_content (
        tenant, id, search_term_id, term_key, state, provider, model, offline, finish_reason,
        prompt_tokens, completion_tokens, created_ms, scored, text_bytes, excerpt, text, words)
    SELECT n.tenant, n.id, n.search_term_id, n.term_key, n.state, n.provider, n.model, n.offline,
        n.finish_reason, n.prompt_tokens, n.completion_tokens, n.created_ms, n.scored, n.text_bytes,
        n.excerpt, n.text, maitred_words(n.term, n.text)
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        AS n (tenant, id, search_term_id, term_key, state, provider, model, offline, finish_reason,
              prompt_tokens, completion_tokens, created_ms, scored, text_bytes, excerpt, text, term)
    ON CONFLICT DO NOTHING
    RETURNING scored";
const TEXT: &[Scalar] = &[
    Text, Id, Id, Bytea, Text, Text, Text, Bool, Text, Int8, Int8, Int8, Bool, Int8, Text, Text,
    Text,
];

/// A text that was there before without scores keeps to be without.
const INSERT_SCORES: &str = "
    INSERT INTO sentiment_analysis (
        tenant, id, search_term_id, generated_content_id, content, created_ms,
        sentiment_label, compound, pos, neu, neg,
        readability_label, flesch_reading_ease, flesch_kincaid_grade, gunning_fog, smog_index,
        automated_readability_index, coleman_liau_index, dale_chall_readability_score, lix,
        linsear_write_formula, syllable_count, sentence_count, lexicon_count)
    SELECT n.* FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
        $18, $19, $20, $21, $22, $23, $24) AS n (tenant, id, term, text_id)
    WHERE n.text_id IS NULL
       OR EXISTS (SELECT 1 FROM generated_content AS g
                  WHERE g.tenant = n.tenant AND g.id = n.text_id AND g.scored)
    ON CONFLICT DO NOTHING";
const SCORES: &[Scalar] = &[
    Text, Id, Id, Id, Text, Int8, Text, Float8, Float8, Float8, Float8, Text, Float8, Float8,
    Float8, Float8, Float8, Float8, Float8, Float8, Float8, Int8, Int8, Int8,
];

const INSERT_KEYWORDS: &str = "
    INSERT INTO generated_keywords (
        tenant, id, position, search_term_id, method, keyword, score, created_ms)
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT DO NOTHING";
const KEYWORD: &[Scalar] = &[Text, Id, Int4, Id, Text, Text, Float8, Int8];

/// Of which tenant, and which text.
const WHICH: &[Scalar] = &[Text, Id];
const DELETE_SCORES: &str =
    "DELETE FROM sentiment_analysis WHERE tenant = $1 AND generated_content_id = $2";
/// A term is what somebody typed: it does not outlive what was made of it. The table's trigger sees to it.
const DELETE_TEXT: &str =
    "DELETE FROM generated_content WHERE tenant = $1 AND id = $2 RETURNING search_term_id";
const MARK_SCORED: &str =
    "UPDATE generated_content SET scored = TRUE WHERE tenant = $1 AND id = $2";
const INSERT_NEW_SCORES: &str = "
    INSERT INTO sentiment_analysis (
        tenant, id, search_term_id, generated_content_id, created_ms,
        sentiment_label, compound, pos, neu, neg,
        readability_label, flesch_reading_ease, flesch_kincaid_grade, gunning_fog, smog_index,
        automated_readability_index, coleman_liau_index, dale_chall_readability_score, lix,
        linsear_write_formula, syllable_count, sentence_count, lexicon_count)
    SELECT g.tenant, g.id, g.search_term_id, g.id, g.created_ms,
        $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
    FROM generated_content AS g WHERE g.tenant = $1 AND g.id = $2";
const NEW_SCORES: &[Scalar] = &[
    Text, Id, Text, Float8, Float8, Float8, Float8, Text, Float8, Float8, Float8, Float8, Float8,
    Float8, Float8, Float8, Float8, Int8, Int8, Int8,
];

/// Which texts a change has been seen to hold, by tenant and id.
type Seen<'a> = HashSet<(&'a str, Uuid)>;

pub(super) fn of(write: &Write) -> (Vec<Part<'_>>, Kind) {
    let mut seen = Seen::new();
    match write {
        Write::Save { .. } | Write::Keywords { .. } => (saved(write, &mut seen), Kind::Saved),
        Write::Answered { rows, answers, .. } => match &**rows {
            Write::Job(made) => {
                let (mut parts, kind) = jobs::of_write(made);
                parts.extend(idempotency::answers(answers, None));
                (parts, Kind::Job(kind))
            }
            _ => (saved(write, &mut seen), Kind::Saved),
        },
        Write::Keys(change) => idempotency::change(change),
        Write::Replay(all) => {
            let parts = all.iter().flat_map(|write| saved(write, &mut seen));
            let mut parts = together(parts.collect());
            // A journal has these for texts that are before them in it.
            parts.extend(all.iter().flat_map(deleted_or_scored));
            (parts, Kind::Saved)
        }
        Write::Job(write) => {
            let (parts, kind) = jobs::of_write(write);
            (parts, Kind::Job(kind))
        }
        Write::Import(rows) => {
            let parts = texts(rows.iter(), &mut seen);
            (parts, Kind::Imported(rows.len() as u64))
        }
        Write::Delete { .. } => (deleted_or_scored(write), Kind::Deleted),
        Write::Rescore { .. } => (deleted_or_scored(write), Kind::Rescored),
        Write::Expire {
            table,
            before,
            limit,
        } => super::expire::expire(*table, *before, *limit),
    }
}

/// What changes a text that is stored, or will be by what comes before it.
fn deleted_or_scored(write: &Write) -> Vec<Part<'_>> {
    match write {
        Write::Delete { tenant, id } => {
            let which = vec![Cell::text(tenant), Cell::Uuid(*id)];
            vec![
                one(DELETE_SCORES, WHICH, which.clone()),
                one(DELETE_TEXT, WHICH, which.clone()),
                one(cached::FORGET_TEXT, WHICH, which.clone()),
                one(idempotency::FORGET_TEXT, WHICH, which),
            ]
        }
        Write::Rescore { tenant, id, scores } => {
            let which = vec![Cell::text(tenant), Cell::Uuid(*id)];
            let mut all = which.clone();
            all.extend(rows::figures(scores));
            vec![
                one(MARK_SCORED, WHICH, which.clone()),
                one(DELETE_SCORES, WHICH, which),
                one(INSERT_NEW_SCORES, NEW_SCORES, all),
            ]
        }
        _ => Vec::new(),
    }
}

/// What is stored and never changed.
fn saved<'a>(write: &'a Write, seen: &mut Seen<'a>) -> Vec<Part<'a>> {
    match write {
        Write::Save {
            requests,
            text,
            analysis,
        } => {
            let mut parts = self::requests(requests);
            parts.extend(texts(text.iter().map(|row| &**row), seen));
            if let Some(analysis) = analysis {
                parts.extend(self::analysis(analysis));
            }
            parts
        }
        Write::Keywords { requests, row } => {
            let mut parts = self::requests(requests);
            if !row.keywords.is_empty() {
                let (term, ms) = (&row.term, row.created_ms);
                let term = rows::term(&row.tenant, row.search_term_id, term, ms, Uuid::nil());
                parts.push(many(INSERT_TERMS, TERM, vec![term]));
                parts.push(many(INSERT_KEYWORDS, KEYWORD, rows::keywords(row)));
            }
            parts
        }
        Write::Answered {
            rows,
            answers,
            cached,
        } => {
            let mut parts = saved(rows, seen);
            parts.extend(cached.as_ref().map(cached::keep));
            if !answers.is_empty() {
                parts.extend(idempotency::answers(answers, write.text()));
            }
            parts
        }
        // The journal keeps none of these, or they come after all that is stored.
        Write::Import(_)
        | Write::Delete { .. }
        | Write::Rescore { .. }
        | Write::Replay(_)
        | Write::Keys(_)
        | Write::Expire { .. }
        | Write::Job(_) => Vec::new(),
    }
}

/// The rows of many changes as few statements: each table once, and what is referred to first.
fn together(parts: Vec<Part<'_>>) -> Vec<Part<'_>> {
    let order = [
        INSERT_REQUESTS,
        INSERT_TERMS,
        INSERT_TEXTS,
        INSERT_SCORES,
        INSERT_KEYWORDS,
        cached::KEEP,
        idempotency::HOLD_TEXTS,
        idempotency::HOLD_CHATS,
        idempotency::ANSWERS,
        idempotency::FREE_UNKEPT,
    ];
    let mut all: Vec<Part<'_>> = Vec::new();
    for part in parts {
        match all.iter_mut().find(|other| other.sql == part.sql) {
            Some(other) => other.rows.extend(part.rows),
            None => all.push(part),
        }
    }
    all.sort_by_key(|part| order.iter().position(|sql| *sql == part.sql));
    all
}

pub(super) fn requests(all: &[RequestRow]) -> Vec<Part<'_>> {
    let cells: Vec<_> = all.iter().map(rows::request).collect();
    if cells.is_empty() {
        return Vec::new();
    }
    vec![many(INSERT_REQUESTS, REQUEST, cells)]
}

/// Of two with one id the first is stored, as if they had come in changes of their own. All of a statement
/// sees the tables as they were before it, so the database cannot tell: it would keep the term of one beside
/// the text of the other.
fn texts<'a>(all: impl Iterator<Item = &'a TextRow>, seen: &mut Seen<'a>) -> Vec<Part<'a>> {
    let mut sorted: Vec<&TextRow> = all
        .filter(|row| seen.insert((&row.tenant, row.id)))
        .collect();
    // All writers lock terms in the same order, or two imports would wait for each other.
    sorted.sort_by_key(|row| row.search_term_id);
    if sorted.is_empty() {
        return Vec::new();
    }
    let terms = sorted.iter().map(|row| {
        let (term, ms) = (&row.term, row.created_ms);
        rows::term(&row.tenant, row.search_term_id, term, ms, row.id)
    });
    let scored = sorted.iter().filter_map(|row| {
        let (term, ms) = (row.search_term_id, row.created_ms);
        let mut cells = rows::subject(&row.tenant, row.id, term, ms, None);
        cells.extend(rows::figures(row.scores.as_ref()?));
        Some(cells)
    });
    let scored: Vec<_> = scored.collect();
    let mut parts = vec![
        many(INSERT_TERMS, TERM, terms.collect()),
        many(
            INSERT_TEXTS,
            TEXT,
            sorted.iter().map(|row| rows::text(row)).collect(),
        ),
    ];
    if !scored.is_empty() {
        parts.push(many(INSERT_SCORES, SCORES, scored));
    }
    parts
}

pub(super) fn analysis(row: &AnalysisRow) -> Vec<Part<'_>> {
    let (id, ms) = (row.search_term_id, row.created_ms);
    let term = rows::term(&row.tenant, id, &row.term, ms, Uuid::nil());
    let mut cells = rows::subject(&row.tenant, row.id, id, ms, Some(&row.content));
    cells.extend(rows::figures(&row.scores));
    vec![
        many(INSERT_TERMS, TERM, vec![term]),
        many(INSERT_SCORES, SCORES, vec![cells]),
    ]
}
