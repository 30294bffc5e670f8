//! The statements of questions. Each walks an index and stops at its limit.

use uuid::Uuid;

use super::answer::Kind;
use super::{Cell, Part, cached, idempotency, jobs, one};
use crate::limits::jobs::REPORT_ROWS;
use crate::limits::{EXPORT_BYTES, GENERATION_BYTES, IMPORT_BATCH_ROWS, PAGE_ROWS};
use crate::proto::postgres::Scalar::{self, Bool, Bytea, Int8, Text, Uuid as Id};
use crate::store::words::{Wanted, wanted};
use crate::store::{Query, term_key};

/// Texts with their terms and, where there are any, their scores; in the order in which `answer.rs`
/// reads them.
macro_rules! select {
    ($words:literal, $from:literal) => {
        concat!(
            "SELECT g.tenant, g.id, g.search_term_id, t.term, g.provider, g.model, g.offline,
                g.finish_reason, g.state, g.prompt_tokens, g.completion_tokens, g.created_ms,
                s.sentiment_label, s.compound, s.pos, s.neu, s.neg,
                s.readability_label, s.flesch_reading_ease, s.flesch_kincaid_grade, s.gunning_fog,
                s.smog_index, s.automated_readability_index, s.coleman_liau_index,
                s.dale_chall_readability_score, s.lix, s.linsear_write_formula,
                s.syllable_count, s.sentence_count, s.lexicon_count, ",
            $words,
            " FROM generated_content AS g
            JOIN search_terms AS t ON t.tenant = g.tenant AND t.id = g.search_term_id
            LEFT JOIN sentiment_analysis AS s ON s.tenant = g.tenant AND s.id = g.id ",
            $from
        )
    };
}

const ONE: &str = select!("g.text", "WHERE g.tenant = $1 AND g.id = $2");
/// The text that answers a prompt.
const CACHED: &str = select!(
    "g.text",
    "JOIN answer_cache AS c ON c.tenant = g.tenant AND c.text_id = g.id
     WHERE c.tenant = $1 AND c.prompt = $2 AND c.created_ms >= $3"
);
const ALL: &str = select!(
    "g.excerpt, g.text_bytes",
    "WHERE g.tenant = $1 AND g.id < $2 ORDER BY g.id DESC LIMIT $3"
);
const BY_TERM: &str = select!(
    "g.excerpt, g.text_bytes",
    "WHERE g.tenant = $1 AND g.id < $2 AND g.term_key = $4 ORDER BY g.id DESC LIMIT $3"
);
const BY_WORDS: &str = select!(
    "g.excerpt, g.text_bytes",
    "WHERE g.tenant = $1 AND g.id < $2 AND ($4::bytea IS NULL OR g.term_key = $4)
       AND g.words @@ maitred_query(string_to_array($5, ' '), $6)
     ORDER BY g.id DESC LIMIT $3"
);
const SURVEY: &str = select!(
    "''::text, g.text_bytes",
    "WHERE g.tenant = $1 AND g.id > $2 AND g.id < $3 ORDER BY g.id LIMIT $4"
);
const SURVEY_TERM: &str = select!(
    "''::text, g.text_bytes",
    "WHERE g.tenant = $1 AND g.id > $2 AND g.id < $3 AND g.term_key = $5 ORDER BY g.id LIMIT $4"
);
/// The pages are found by their ids and sizes alone; only then their texts are read. One id more than
/// a page may have tells whether there is another one.
const EXPORT: &str = select!(
    "g.text, CASE WHEN p.next IS NOT NULL THEN p.until END",
    "JOIN (SELECT n.id, n.until, sum(n.text_bytes) OVER in_order - n.text_bytes AS before,
                  lead(n.id) OVER in_order AS next, row_number() OVER in_order AS place
           FROM (SELECT c.id, c.text_bytes, u.until
                 FROM generated_content AS c,
                      (SELECT coalesce($3, (SELECT l.id FROM generated_content AS l
                                            WHERE l.tenant = $1 ORDER BY l.id DESC LIMIT 1)) AS until)
                      AS u
                 WHERE c.tenant = $1 AND c.id > $2 AND c.id <= u.until
                 ORDER BY c.id LIMIT $5 + 1) AS n
           WINDOW in_order AS (ORDER BY n.id)) AS p ON p.id = g.id
     WHERE g.tenant = $1 AND p.before < $4 AND p.place <= $5 ORDER BY g.id"
);
const UNSCORED: &str = "
    SELECT p.tenant, p.id, g.text
    FROM (SELECT n.tenant, n.id, sum(n.text_bytes) OVER (ORDER BY n.id) - n.text_bytes AS before
          FROM (SELECT tenant, id, text_bytes FROM generated_content
                WHERE scored = FALSE AND id > $1 ORDER BY id LIMIT $2) AS n) AS p
    JOIN generated_content AS g ON g.tenant = p.tenant AND g.id = p.id
    WHERE p.before < $3 ORDER BY p.id";

pub(super) fn of(query: &Query) -> (Part<'_>, Kind) {
    match query {
        Query::One { tenant, id } => {
            let row = vec![Cell::text(tenant), Cell::Uuid(*id)];
            (one(ONE, &[Text, Id], row), Kind::One)
        }
        Query::List {
            tenant,
            term,
            words,
            limit,
            before,
        } => {
            let limit = (*limit).clamp(1, PAGE_ROWS);
            let row = vec![
                Cell::text(tenant),
                // Every id is below the greatest UUID.
                Cell::Uuid(before.unwrap_or(Uuid::max())),
                // One row more than asked for tells whether there is another page.
                Cell::Int8(limit as i64 + 1),
            ];
            let page = list(row, term.as_deref(), words.as_deref());
            (page, Kind::Page { limit })
        }
        Query::Export {
            tenant,
            after,
            until,
        } => {
            let row = vec![
                Cell::text(tenant),
                Cell::Uuid(after.unwrap_or(Uuid::nil())),
                Cell::maybe(*until, Cell::Uuid),
                Cell::Int8(EXPORT_BYTES as i64),
                Cell::Int8(IMPORT_BATCH_ROWS as i64),
            ];
            (one(EXPORT, &[Text, Id, Id, Int8, Int8], row), Kind::Texts)
        }
        Query::Survey {
            tenant,
            term,
            after,
            until,
        } => {
            let limit = REPORT_ROWS;
            let page = survey(tenant, term.as_deref(), *after, *until);
            (page, Kind::Page { limit })
        }
        Query::Job(query) => jobs::of_query(query),
        Query::Weigh { before } => super::expire::weigh(*before),
        Query::Unscored { after, limit } => {
            let row = vec![
                Cell::Uuid(after.unwrap_or(Uuid::nil())),
                Cell::Int8((*limit).clamp(1, PAGE_ROWS) as i64),
                Cell::Int8(GENERATION_BYTES as i64),
            ];
            (one(UNSCORED, &[Id, Int8, Int8], row), Kind::Unscored)
        }
        Query::Cached {
            tenant,
            prompt,
            since_ms,
        } => (cached_text(tenant, *prompt, *since_ms), Kind::One),
        Query::CachedChat {
            tenant,
            prompt,
            since_ms,
        } => (
            cached::find_chat(tenant, *prompt, *since_ms),
            Kind::CachedChat,
        ),
        Query::Answer(scope) => (idempotency::read(scope), Kind::KeptAnswer),
    }
}

/// The text that was stored for this prompt, not before that time.
fn cached_text(tenant: &str, prompt: [u8; 32], since_ms: i64) -> Part<'_> {
    let row = vec![Cell::text(tenant), Cell::Hash(prompt), Cell::Int8(since_ms)];
    one(CACHED, &[Text, Bytea, Int8], row)
}

/// A page of a report.
fn survey<'a>(tenant: &'a str, term: Option<&str>, after: Option<Uuid>, until: Uuid) -> Part<'a> {
    let mut row = vec![
        Cell::text(tenant),
        Cell::Uuid(after.unwrap_or(Uuid::nil())),
        Cell::Uuid(until),
        Cell::Int8(REPORT_ROWS as i64 + 1),
    ];
    match term {
        None => one(SURVEY, &[Text, Id, Id, Int8], row),
        Some(term) => {
            row.push(Cell::Hash(term_key(term)));
            one(SURVEY_TERM, &[Text, Id, Id, Int8, Bytea], row)
        }
    }
}

/// A page of a list, which `row` says the bounds of.
fn list<'a>(mut row: Vec<Cell<'a>>, term: Option<&str>, words: Option<&str>) -> Part<'a> {
    let key = Cell::maybe(term.map(term_key), Cell::Hash);
    let (sql, kinds): (_, &'static [Scalar]) = match (words, term) {
        (None, None) => (ALL, &[Text, Id, Int8]),
        (None, Some(_)) => {
            row.push(key);
            (BY_TERM, &[Text, Id, Int8, Bytea])
        }
        (Some(words), _) => {
            row.push(key);
            let Wanted { words, beginning } = wanted(words);
            row.push(Cell::Text(words.join(" ").into()));
            row.push(Cell::Bool(beginning));
            (BY_WORDS, &[Text, Id, Int8, Bytea, Text, Bool])
        }
    };
    one(sql, kinds, row)
}
