//! The connection that answers questions.
//!
//! One question is one statement, and so one consistent state of the file. No statement stays open
//! between two calls: an open one would keep the write-ahead log from being emptied. Each walks an
//! index and stops at its limit, so a page costs the same in a small store and in a large one; but
//! for two kinds of search, see `search.rs`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::count::Count;
use super::errors::explain;
use super::search::{self, Matches, Search};
use super::{cached, expire, idempotency, jobs, open, scores};
use crate::limits::jobs::REPORT_ROWS;
use crate::limits::{EXPORT_BYTES, GENERATION_BYTES, PAGE_ROWS, SQLITE_BUSY_MS};
use crate::store::{Found, Listed, Query, StoreError, TextRow, TextState, Unscored, term_key};

/// Reads one file. Blocks for the disk. Dropped before the writer, it lets the writer put the log
/// away; the other way round the log stays beside the file until the next start.
#[derive(Debug)]
pub struct Reader {
    pub(super) conn: Connection,
    path: PathBuf,
}

impl Reader {
    /// Opens a file that a [`super::Writer`] has opened before, and so made and migrated.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let conn = open::for_reading(path, Duration::from_millis(SQLITE_BUSY_MS))?;
        Ok(Reader {
            conn,
            path: path.to_owned(),
        })
    }

    /// Answers one question from the last commit.
    pub fn run(&mut self, query: &Query) -> Result<Found, StoreError> {
        let conn = &self.conn;
        let found = match query {
            Query::List {
                tenant,
                term,
                words: None,
                limit,
                before,
            } => list(conn, tenant, term.as_deref(), *limit, *before),
            Query::List {
                tenant,
                term,
                words: Some(words),
                limit,
                before,
            } => {
                let search = Search {
                    tenant,
                    words,
                    limit: (*limit).clamp(1, PAGE_ROWS),
                    before: *before,
                };
                matches(conn, &search, term.as_deref())
            }
            Query::Export {
                tenant,
                after,
                until,
            } => export(conn, tenant, *after, *until),
            Query::Survey {
                tenant,
                term,
                after,
                until,
            } => survey(conn, tenant, term.as_deref(), *after, *until),
            Query::One { tenant, id } => one(conn, tenant, *id),
            Query::Job(query) => jobs::answer(conn, query).map(Found::Job),
            Query::Unscored { after, limit } => unscored(conn, *after, *limit),
            Query::Cached {
                tenant,
                prompt,
                since_ms,
            } => cached::find(conn, tenant, prompt, *since_ms),
            Query::Answer(scope) => idempotency::read(conn, scope).map(Found::Answer),
            Query::Weigh { before } => expire::weigh(conn, *before),
        };
        found.map_err(|error| explain(&self.path, &error))
    }
}

/// A list without a filter: the primary key, backwards.
pub(super) const ALL: &str = "WHERE g.tenant = ?1 AND g.id < ?2 ORDER BY g.id DESC LIMIT ?3";
/// A list of one term: the index `generated_content_by_key`, backwards.
pub(super) const BY_TERM: &str =
    "WHERE g.tenant = ?1 AND g.term_key = ?4 AND g.id < ?2 ORDER BY g.id DESC LIMIT ?3";
const ONE: &str = "WHERE g.tenant = ?1 AND g.id = ?2";
/// One text, unless it is about another term than is asked for.
const ONE_OF_TERM: &str = "WHERE g.tenant = ?1 AND g.id = ?2 AND (?3 IS NULL OR g.term_key = ?3)";
/// A report: the primary key, forwards, …
pub(super) const SURVEY: &str =
    "WHERE g.tenant = ?1 AND g.id > ?2 AND g.id < ?3 ORDER BY g.id LIMIT ?4";
const SURVEY_TERM: &str =
    "WHERE g.tenant = ?1 AND g.term_key = ?5 AND g.id > ?2 AND g.id < ?3 ORDER BY g.id LIMIT ?4";
/// An export: the primary key, forwards.
pub(super) const EXPORT: &str = "WHERE g.tenant = ?1 AND g.id > ?2 AND g.id <= ?3 ORDER BY g.id";
const LAST: &str = "SELECT max(id) FROM generated_content WHERE tenant = ?1";
/// The partial index `generated_content_unscored`; its condition has to stand here word by word.
pub(super) const UNSCORED: &str = "
    SELECT tenant, id, text FROM generated_content
    WHERE scored = FALSE AND id > ?1 ORDER BY id LIMIT ?2";

/// The statement that reads texts with their terms and, where there are any, their scores.
/// `words` is what differs between a list and a single text: the columns that hold the words.
pub(super) fn select(words: &str, which: &str) -> String {
    format!(
        "SELECT g.tenant, g.id, g.search_term_id, t.term, g.provider, g.model, g.offline,
            g.finish_reason, g.state, g.prompt_tokens, g.completion_tokens, g.created_ms,
            {words}, {scores}
        FROM generated_content AS g
        JOIN search_terms AS t ON t.tenant = g.tenant AND t.id = g.search_term_id
        LEFT JOIN sentiment_analysis AS s ON s.tenant = g.tenant AND s.id = g.id
        {which}",
        scores = scores::COLUMNS,
    )
}

/// The columns of a report, which needs no words.
pub(super) const NO_WORDS: &str = "'' AS excerpt, g.text_bytes";
/// … or the index of a term, which has to be named: two bounds on the id would make SQLite, which has no
/// statistics, take the primary key.
pub(super) fn survey_of_term() -> String {
    let table = "generated_content AS g";
    let indexed = format!("{table} INDEXED BY generated_content_by_key");
    select(NO_WORDS, SURVEY_TERM).replacen(table, &indexed, 1)
}

/// The columns of a list: they come before the text on the disk.
pub(super) const EXCERPT: &str = "g.excerpt, g.text_bytes";

fn list(
    conn: &Connection,
    tenant: &str,
    term: Option<&str>,
    limit: usize,
    before: Option<Uuid>,
) -> rusqlite::Result<Found> {
    let limit = limit.clamp(1, PAGE_ROWS);
    // Every id is below the greatest UUID.
    let before = before.unwrap_or(Uuid::max());
    // One row more than asked for tells whether there is another page.
    let fetch = limit as i64 + 1;
    let rows: rusqlite::Result<Vec<Listed>> = match term {
        None => conn
            .prepare_cached(&select(EXCERPT, ALL))?
            .query_map(params![tenant, before.as_bytes(), fetch], listed)?
            .collect(),
        Some(term) => conn
            .prepare_cached(&select(EXCERPT, BY_TERM))?
            .query_map(
                params![tenant, before.as_bytes(), fetch, term_key(term)],
                listed,
            )?
            .collect(),
    };
    Ok(page(rows?, limit))
}

fn survey(
    conn: &Connection,
    tenant: &str,
    term: Option<&str>,
    after: Option<Uuid>,
    until: Uuid,
) -> rusqlite::Result<Found> {
    let after = after.unwrap_or(Uuid::nil());
    let fetch = REPORT_ROWS as i64 + 1;
    let rows: rusqlite::Result<Vec<Listed>> = match term {
        None => conn
            .prepare_cached(&select(NO_WORDS, SURVEY))?
            .query_map(
                params![tenant, after.as_bytes(), until.as_bytes(), fetch],
                listed,
            )?
            .collect(),
        Some(term) => conn
            .prepare_cached(&survey_of_term())?
            .query_map(
                params![
                    tenant,
                    after.as_bytes(),
                    until.as_bytes(),
                    fetch,
                    term_key(term)
                ],
                listed,
            )?
            .collect(),
    };
    Ok(page(rows?, REPORT_ROWS))
}

/// A page of at most `limit` rows, of which there is one more if there is another page.
fn page(mut rows: Vec<Listed>, limit: usize) -> Found {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id);
    Found::Page {
        rows,
        next,
        indexing: false,
    }
}

fn matches(conn: &Connection, wanted: &Search<'_>, term: Option<&str>) -> rusqlite::Result<Found> {
    let key = term.map(term_key);
    let mut one = conn.prepare_cached(&select(EXCERPT, ONE_OF_TERM))?;
    let Matches {
        rows,
        next,
        indexing,
    } = search::find(conn, wanted, |id| {
        one.query_row(params![wanted.tenant, id.as_bytes(), key], listed)
            .optional()
    })?;
    Ok(Found::Page {
        rows,
        next,
        indexing,
    })
}

fn export(
    conn: &Connection,
    tenant: &str,
    after: Option<Uuid>,
    until: Option<Uuid>,
) -> rusqlite::Result<Found> {
    let until = match until {
        Some(until) => until,
        None => last(conn, tenant)?,
    };
    let after = after.unwrap_or(Uuid::nil());
    let mut statement = conn.prepare_cached(&select("g.text", EXPORT))?;
    let mut rows = statement.query(params![tenant, after.as_bytes(), until.as_bytes()])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if bytes >= EXPORT_BYTES {
            return Ok(Found::Texts {
                rows: found,
                more: Some(until),
            });
        }
        let row = text(row)?;
        // Its other columns and its place in memory count too: there may be no text to speak of.
        bytes += row.text.len() + row.term.len() + size_of::<TextRow>();
        found.push(row);
    }
    Ok(Found::Texts {
        rows: found,
        more: None,
    })
}

fn one(conn: &Connection, tenant: &str, id: Uuid) -> rusqlite::Result<Found> {
    let row = conn
        .prepare_cached(&select("g.text", ONE))?
        .query_row(params![tenant, id.as_bytes()], text)
        .optional()?;
    Ok(Found::One(row.map(Box::new)))
}

/// The greatest id that a tenant has. Not the present time: texts that were imported may come from a
/// clock that is ahead of ours.
fn last(conn: &Connection, tenant: &str) -> rusqlite::Result<Uuid> {
    let id: Option<[u8; 16]> = conn
        .prepare_cached(LAST)?
        .query_row([tenant], |row| row.get(0))?;
    Ok(id.map_or(Uuid::nil(), Uuid::from_bytes))
}

fn unscored(conn: &Connection, after: Option<Uuid>, limit: usize) -> rusqlite::Result<Found> {
    let after = after.unwrap_or(Uuid::nil());
    let limit = limit.clamp(1, PAGE_ROWS) as i64;
    let mut statement = conn.prepare_cached(UNSCORED)?;
    let mut rows = statement.query(params![after.as_bytes(), limit])?;
    let mut found = Vec::new();
    let mut bytes = 0;
    while bytes < GENERATION_BYTES
        && let Some(row) = rows.next()?
    {
        let text: String = row.get("text")?;
        bytes += text.len();
        found.push(Unscored {
            tenant: row.get("tenant")?,
            id: id(row, "id")?,
            text,
        });
    }
    Ok(Found::Unscored(found))
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        id: id(row, "id")?,
        search_term_id: id(row, "search_term_id")?,
        term: row.get("term")?,
        excerpt: row.get("excerpt")?,
        text_bytes: row.get::<_, Count>("text_bytes")?.0,
        provider: row.get("provider")?,
        model: row.get("model")?,
        offline: row.get("offline")?,
        finish_reason: row.get("finish_reason")?,
        state: state(row)?,
        prompt_tokens: tokens(row, "prompt_tokens")?,
        completion_tokens: tokens(row, "completion_tokens")?,
        created_ms: row.get("created_ms")?,
        scores: scores::read(row)?,
    })
}

pub(super) fn text(row: &Row<'_>) -> rusqlite::Result<TextRow> {
    Ok(TextRow {
        id: id(row, "id")?,
        tenant: row.get("tenant")?,
        search_term_id: id(row, "search_term_id")?,
        term: row.get("term")?,
        text: row.get("text")?,
        provider: row.get("provider")?,
        model: row.get("model")?,
        offline: row.get("offline")?,
        finish_reason: row.get("finish_reason")?,
        state: state(row)?,
        prompt_tokens: tokens(row, "prompt_tokens")?,
        completion_tokens: tokens(row, "completion_tokens")?,
        created_ms: row.get("created_ms")?,
        scores: scores::read(row)?,
    })
}

fn id(row: &Row<'_>, column: &str) -> rusqlite::Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

fn tokens(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<u64>> {
    Ok(row
        .get::<_, Option<Count>>(column)?
        .map(|Count(tokens)| tokens))
}

/// A word that no version of the program has written is damage, like a column of another type.
fn state(row: &Row<'_>) -> rusqlite::Result<TextState> {
    let column = row.as_ref().column_index("state")?;
    let word: String = row.get(column)?;
    TextState::from_word(&word).ok_or_else(|| {
        rusqlite::Error::InvalidColumnType(column, "state".to_owned(), rusqlite::types::Type::Text)
    })
}
