//! The full-text index: which texts have these words.
//!
//! A text is numbered by its time, so that the index gives the newest matches first and a page
//! ends the walk as soon as it is full. A word that is in every text costs no more than a rare one.
//! Neither does a beginning of two or three characters: these are in the index like words.
//!
//! Two kinds of search cost more the more texts there are. For a longer beginning, SQLite collects
//! all places of all words that begin so, before it gives the first match. Words of which each is in
//! many texts, but seldom all in one, have it pass over the texts that lack one of them.
//!
//! ```text
//!  id (UUIDv7)   48 bits of time | 12 bits of counter | … random …
//!  doc           48 bits of time | 12 bits of counter | 3 of them        an i64, never negative
//! ```
//!
//! What a client types is never FTS5's query language: each word is put into quotes, and only the
//! last one may be the beginning of a longer word, if it has two characters or more.
//!
//! Texts that were stored before there was an index are on a list, the backlog, and are taken into
//! the index by [`index_some`], a few at a time.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::limits::{INDEX_BYTES, INDEX_ROWS, SEARCH_WALK_ROWS};
use crate::store::Listed;
use crate::store::words::{Wanted, wanted};

const INSERT_DOCUMENT: &str = "
    INSERT INTO search_documents (doc, tenant, id) VALUES (?1, ?2, ?3)
    ON CONFLICT (doc) DO NOTHING";
const INSERT_WORDS: &str = "INSERT INTO search (rowid, topic, text) VALUES (?1, ?2, ?3)";
const DOCUMENT_OF: &str = "SELECT doc FROM search_documents WHERE tenant = ?1 AND id = ?2";
/// Newest first, by the order of the index itself. `CROSS JOIN` keeps it the outer loop.
pub(super) const MATCHES: &str = "
    SELECT d.doc, d.tenant, d.id
    FROM search CROSS JOIN search_documents AS d ON d.doc = search.rowid
    WHERE search MATCH ?1 AND search.rowid < ?2
    ORDER BY search.rowid DESC";
const NEXT_OF_BACKLOG: &str = "
    SELECT b.tenant, b.id, t.term, g.text
    FROM search_backlog AS b
    JOIN generated_content AS g ON g.tenant = b.tenant AND g.id = b.id
    JOIN search_terms AS t ON t.tenant = g.tenant AND t.id = g.search_term_id
    ORDER BY b.tenant, b.id LIMIT ?1";
const OFF_THE_BACKLOG: &str = "DELETE FROM search_backlog WHERE tenant = ?1 AND id = ?2";
const BACKLOG: &str = "SELECT count(*) FROM search_backlog";
const HAS_BACKLOG: &str = "SELECT EXISTS (SELECT 1 FROM search_backlog)";

/// What is looked for.
pub(super) struct Search<'a> {
    pub(super) tenant: &'a str,
    pub(super) words: &'a str,
    pub(super) limit: usize,
    pub(super) before: Option<Uuid>,
}

/// A page of matches, or a part of one: see [`crate::store::Found::Page`].
pub(super) struct Matches {
    pub(super) rows: Vec<Listed>,
    pub(super) next: Option<Uuid>,
    /// Texts of an older version are not in the index yet.
    pub(super) indexing: bool,
}

/// Takes a text into the index.
pub(super) fn insert(
    conn: &Connection,
    tenant: &str,
    id: Uuid,
    topic: &str,
    text: &str,
) -> rusqlite::Result<()> {
    let mut numbered = conn.prepare_cached(INSERT_DOCUMENT)?;
    // Ids of other programs may give the same number. Each round has twice the room of the one
    // before, so that however many they are, a free number is found in a few.
    for round in 0..=40 {
        let doc = doc_of(id).saturating_add(spread(id, round));
        if numbered.execute(params![doc, tenant, id.as_bytes()])? == 1 {
            conn.prepare_cached(INSERT_WORDS)?
                .execute(params![doc, topic, text])?;
            return Ok(());
        }
    }
    Err(rusqlite::Error::StatementChangedRows(0))
}

/// Walks the matches from the newest, or from `before`, and keeps those that `wanted` gives a row
/// for. After [`SEARCH_WALK_ROWS`] it stops with what it has: `next` goes on from there.
pub(super) fn find(
    conn: &Connection,
    search: &Search<'_>,
    mut wanted: impl FnMut(Uuid) -> rusqlite::Result<Option<Listed>>,
) -> rusqlite::Result<Matches> {
    let indexing = conn
        .prepare_cached(HAS_BACKLOG)?
        .query_row((), |row| row.get(0))?;
    let mut found = Matches {
        rows: Vec::new(),
        next: None,
        indexing,
    };
    let Some(words) = quoted(search.words) else {
        return Ok(found);
    };
    let start = match search.before {
        Some(id) => document(conn, search.tenant, id)?.unwrap_or(doc_of(id)),
        None => i64::MAX,
    };
    let mut matches = conn.prepare_cached(MATCHES)?;
    let mut matches = matches.query(params![words, start])?;
    let mut walked = 0;
    while let Some(row) = matches.next()? {
        let (doc, tenant): (i64, String) = (row.get(0)?, row.get(1)?);
        let id = Uuid::from_bytes(row.get(2)?);
        if tenant == search.tenant
            && let Some(row) = wanted(id)?
        {
            if found.rows.len() == search.limit {
                found.next = found.rows.last().map(|row| row.id);
                return Ok(found);
            }
            found.rows.push(row);
        }
        walked += 1;
        if walked == SEARCH_WALK_ROWS {
            found.next = Some(place(doc));
            return Ok(found);
        }
    }
    Ok(found)
}

/// Takes some of the backlog into the index. Returns whether there may be more.
pub(super) fn index_some(conn: &Connection) -> rusqlite::Result<bool> {
    let mut next = conn.prepare_cached(NEXT_OF_BACKLOG)?;
    let mut rows = next.query([INDEX_ROWS as i64])?;
    let (mut taken, mut bytes) = (Vec::new(), 0);
    while bytes < INDEX_BYTES
        && let Some(row) = rows.next()?
    {
        let (tenant, id): (String, _) = (row.get(0)?, Uuid::from_bytes(row.get(1)?));
        let (term, text): (String, String) = (row.get(2)?, row.get(3)?);
        bytes += term.len() + text.len();
        taken.push((tenant, id, term, text));
    }
    drop(rows);
    let more = bytes >= INDEX_BYTES || taken.len() == INDEX_ROWS;
    for (tenant, id, term, text) in taken {
        insert(conn, &tenant, id, &term, &text)?;
        conn.prepare_cached(OFF_THE_BACKLOG)?
            .execute(params![tenant, id.as_bytes()])?;
    }
    Ok(more)
}

/// Texts that are not in the index yet.
pub(super) fn backlog(conn: &Connection) -> rusqlite::Result<u64> {
    let count: i64 = conn.query_row(BACKLOG, (), |row| row.get(0))?;
    Ok(count.max(0) as u64)
}

fn document(conn: &Connection, tenant: &str, id: Uuid) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached(DOCUMENT_OF)?
        .query_row(params![tenant, id.as_bytes()], |row| row.get(0))
        .optional()
}

/// What a client typed, in FTS5's words. `None` if there is nothing to be found.
fn quoted(typed: &str) -> Option<String> {
    let Wanted { words, beginning } = wanted(typed);
    let last = words.len().checked_sub(1)?;
    let mut query = String::new();
    for (n, word) in words.into_iter().enumerate() {
        query.push('"');
        query.push_str(word); // has no quotation mark in it
        query.push('"');
        query.push_str(if beginning && n == last { "*" } else { " " });
    }
    Some(query)
}

/// The number that a text would like to have. See the picture of the module.
fn doc_of(id: Uuid) -> i64 {
    let bits = id.as_u128();
    let (time, counter) = ((bits >> 80) as u64, (bits >> 64) as u64 & 0xfff);
    let random = (bits >> 59) as u64 & 0b111;
    (time << 15 | counter << 3 | random) as i64
}

/// An id whose number is `doc`, for a page that ends between two texts of its tenant.
fn place(doc: i64) -> Uuid {
    let (time, counter, random) = (doc as u128 >> 15, doc as u128 >> 3 & 0xfff, doc as u128 & 7);
    Uuid::from_u128(time << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | random << 59)
}

/// How far from its own number a text is put in this round.
fn spread(id: Uuid, round: u32) -> i64 {
    let mut hash = Sha256::new();
    hash.update(id.as_bytes());
    hash.update(round.to_be_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let (first, _) = hash.split_first_chunk().expect("32 bytes are more than 8");
    (u64::from_be_bytes(*first) & ((1 << round) - 1)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_quotes() {
        assert_eq!(quoted("green te").as_deref(), Some(r#""green" "te"*"#));
        assert_eq!(quoted(r#"a"b OR"#).as_deref(), Some(r#""a" "b" "OR"*"#));
        assert_eq!(quoted("vitamin C").as_deref(), Some(r#""vitamin" "C" "#));
        assert_eq!(quoted(" -\0"), None);
    }

    #[test]
    fn numbers_have_the_order_of_the_ids() {
        let ids = [
            "00000000-0001-7000-8000-000000000000",
            "0190d6a5-6f27-7ad0-8a5e-0123456789ab",
            "0190d6a5-6f27-7ad1-8000-000000000000",
            "0190d6a5-6f28-7000-8000-000000000000",
            "ffffffff-ffff-7fff-bfff-ffffffffffff",
        ];
        let docs = ids.map(|id| doc_of(Uuid::try_parse(id).expect("an id")));
        assert!(docs.is_sorted_by(|a, b| a < b), "{docs:?}");
        assert!(docs.iter().all(|doc| *doc >= 0));
        for doc in docs {
            assert_eq!(doc_of(place(doc)), doc);
        }
        assert_eq!(
            spread(Uuid::nil(), 0),
            0,
            "the first choice is its own number"
        );
    }
}
