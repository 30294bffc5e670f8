//! The one connection that changes the file.
//!
//! Many writes share one transaction, because the fsync at its end is what costs. They do not
//! share their failures: see the picture in [`super`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use uuid::Uuid;

use super::count::Count;
use super::errors::explain;
use super::scores::{self, Scored, Subject};
use super::{cached, idempotency};
use super::{expire, jobs, open, search, writer_sql as sql};
use crate::limits::SQLITE_BUSY_MS;
use crate::score::Scores;
use crate::store::{
    AnalysisRow, KeywordsRow, RequestRow, StoreError, Tally, TextRow, Write, Written, excerpt,
    term_hash, term_key,
};

/// Writes to one file. Blocks: for the disk, and up to [`SQLITE_BUSY_MS`] for another process.
#[derive(Debug)]
pub struct Writer {
    pub(super) conn: Connection,
    path: PathBuf,
    /// Whether anything was committed since the last checkpoint.
    dirty: bool,
}

impl Writer {
    /// Opens the file, makes it if there is none, and brings its tables up to date.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, Duration::from_millis(SQLITE_BUSY_MS))
    }

    /// The same for somebody with another patience with the locks of other processes.
    pub fn open_with(path: &Path, busy: Duration) -> Result<Self, StoreError> {
        let conn = open::for_writing(path, busy)?;
        Ok(Writer {
            conn,
            path: path.to_owned(),
            dirty: true,
        })
    }

    /// Carries out the writes in one transaction and says, in their order, what became of each.
    ///
    /// A write that fails is undone alone; the others are not touched by it. If the transaction as
    /// a whole fails, all of them did, with the same error. One exception: when there is no room,
    /// each write is tried once more by itself, so that a small one, or a deletion, is not refused
    /// because of a large neighbour.
    pub fn apply(&mut self, batch: &[Write]) -> Vec<Result<Written, StoreError>> {
        match self.apply_together(batch) {
            Ok(results) => results,
            Err(StoreError::Full { .. }) if batch.len() > 1 => {
                batch.chunks(1).flat_map(|one| self.apply(one)).collect()
            }
            Err(error) => vec![Err(error); batch.len()],
        }
    }

    /// First as if nothing could go wrong: then no write needs a savepoint of its own, which would be a
    /// fifth of the work. If something does, all is undone and done again with them.
    fn apply_together(
        &mut self,
        batch: &[Write],
    ) -> Result<Vec<Result<Written, StoreError>>, StoreError> {
        if let Some(written) = self.apply_at_once(batch)? {
            return Ok(written.into_iter().map(Ok).collect());
        }
        self.apply_one_by_one(batch)
    }

    /// `None` if one of the writes failed, and none was carried out.
    fn apply_at_once(&mut self, batch: &[Write]) -> Result<Option<Vec<Written>>, StoreError> {
        let Writer { conn, path, dirty } = self;
        let explain = |error| explain(path, &error);
        // Dropped without a commit, a transaction rolls back.
        let transaction = conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(explain)?;
        let written = batch.iter().map(|write| carry_out(&transaction, write));
        let Ok(written) = written.collect() else {
            return Ok(None);
        };
        transaction.commit().map_err(explain)?;
        *dirty = true;
        Ok(Some(written))
    }

    fn apply_one_by_one(
        &mut self,
        batch: &[Write],
    ) -> Result<Vec<Result<Written, StoreError>>, StoreError> {
        let Writer { conn, path, dirty } = self;
        let explain = |error| explain(path, &error);
        let mut transaction = conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(explain)?;
        let mut results = Vec::with_capacity(batch.len());
        for write in batch {
            let savepoint = transaction.savepoint().map_err(explain)?;
            let result = carry_out(&savepoint, write)
                .and_then(|written| savepoint.commit().map(|()| written))
                .map_err(explain);
            // Some errors (no room, disk failure) end the whole transaction. Going on would run
            // the rest outside of any, and report as done what was undone.
            if let Err(error) = &result
                && transaction.is_autocommit()
            {
                return Err(error.clone());
            }
            results.push(result);
        }
        transaction.commit().map_err(explain)?;
        *dirty = true;
        Ok(results)
    }

    /// Texts of an older version that are not in the search index yet.
    pub fn unindexed(&self) -> Result<u64, StoreError> {
        search::backlog(&self.conn).map_err(|error| explain(&self.path, &error))
    }

    /// Takes some of them into the index, in a transaction of a few hundredths of a second. For when
    /// nothing else waits. Returns whether there may be more.
    pub fn index_some(&mut self) -> Result<bool, StoreError> {
        let explain = |error| explain(&self.path, &error);
        let transaction = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(explain)?;
        let more = search::index_some(&transaction).map_err(explain)?;
        transaction.commit().map_err(explain)?;
        self.dirty = true;
        Ok(more)
    }

    /// Frees all idempotency keys that were not answered. For the start of the only process that writes
    /// to this file: whoever had them is dead, and nobody has to wait for their leases.
    pub fn free_keys(&mut self) -> Result<(), StoreError> {
        idempotency::free_all(&self.conn).map_err(|error| explain(&self.path, &error))
    }

    /// Copies the write-ahead log into the database. For when nothing else waits: it may take some
    /// tens of milliseconds, but never waits for readers. Past
    /// [`crate::limits::SQLITE_WAL_BYTES`] a commit does the same by itself.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        if !self.dirty {
            return Ok(());
        }
        let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
        let (log, copied): (i64, i64) = self
            .conn
            .query_row(checkpoint, (), |row| Ok((row.get(1)?, row.get(2)?)))
            .map_err(|error| explain(&self.path, &error))?;
        // A reader that is still at an older commit keeps the rest; the next call takes it.
        self.dirty = copied < log;
        Ok(())
    }
}

fn carry_out(conn: &Connection, write: &Write) -> rusqlite::Result<Written> {
    match write {
        Write::Save {
            requests,
            text,
            analysis,
        } => {
            for request in requests {
                insert_request(conn, request)?;
            }
            if let Some(text) = text {
                insert_text(conn, text)?;
            }
            if let Some(analysis) = analysis {
                insert_analysis(conn, analysis)?;
            }
            Ok(Written::Saved)
        }
        Write::Keywords { requests, row } => {
            for request in requests {
                insert_request(conn, request)?;
            }
            insert_keywords(conn, row)?;
            Ok(Written::Saved)
        }
        Write::Import(rows) => {
            let mut tally = Tally::default();
            for row in rows {
                if insert_text(conn, row)? {
                    tally.imported += 1;
                    tally.scored += u64::from(row.scores.is_some());
                } else {
                    tally.skipped += 1;
                }
            }
            Ok(Written::Imported(tally))
        }
        Write::Replay(writes) => {
            for write in writes {
                carry_out(conn, write)?;
            }
            Ok(Written::Saved)
        }
        Write::Job(write) => jobs::carry_out(conn, write).map(Written::Job),
        Write::Answered {
            rows,
            answers,
            cached,
        } => {
            let written = carry_out(conn, rows)?;
            if let Some(cached) = cached {
                cached::keep(conn, cached)?;
            }
            for kept in answers {
                idempotency::keep(conn, kept, write.text())?;
            }
            Ok(written)
        }
        Write::Keys(change) => idempotency::change(conn, change),
        Write::Delete { tenant, id } => delete(conn, tenant, *id).map(Written::Deleted),
        Write::Rescore { tenant, id, scores } => {
            rescore(conn, tenant, *id, scores).map(Written::Rescored)
        }
        Write::Expire {
            table,
            before,
            limit,
        } => expire::expire(conn, *table, *before, *limit),
    }
}

pub(super) fn insert_request(conn: &Connection, row: &RequestRow) -> rusqlite::Result<()> {
    conn.prepare_cached(sql::INSERT_REQUEST)?.execute(params![
        row.tenant,
        row.id.as_bytes(),
        row.route,
        row.generation_id.as_ref().map(Uuid::as_bytes),
        row.outcome.as_str(),
        row.status,
        row.streamed,
        row.provider,
        row.model,
        row.prompt_tokens.map(Count),
        row.completion_tokens.map(Count),
        row.error_code,
        row.started_ms,
        Count(row.duration_us),
        row.inbound.as_str(),
        row.calls.asked_model,
        row.calls.key_name,
        row.calls.attempts,
        row.calls.finish_reason,
        row.calls.native_finish_reason,
        row.calls.cached_tokens.map(Count),
        row.calls.reasoning_tokens.map(Count),
        row.calls.cost,
        row.calls.queue_us.map(Count),
        row.calls.connect_us.map(Count),
        row.calls.lost_us.map(Count),
        row.calls.first_byte_us.map(Count),
        row.calls.first_content_us.map(Count),
    ])?;
    Ok(())
}

fn has_text(conn: &Connection, row: &TextRow) -> rusqlite::Result<bool> {
    conn.prepare_cached(sql::HAS_TEXT)?
        .query_row(params![row.tenant, row.id.as_bytes()], |row| row.get(0))
}

/// Whether the text was not there before.
fn insert_text(conn: &Connection, row: &TextRow) -> rusqlite::Result<bool> {
    // Asked first: the term of a text that is left out would be left behind. The other text keeps the
    // scores that it has.
    if has_text(conn, row)? {
        return Ok(false);
    }
    insert_term(
        conn,
        &row.tenant,
        row.search_term_id,
        &row.term,
        row.created_ms,
    )?;
    conn.prepare_cached(sql::INSERT_TEXT)?.execute(params![
        row.tenant,
        row.id.as_bytes(),
        row.search_term_id.as_bytes(),
        term_key(&row.term),
        row.state.as_str(),
        row.provider,
        row.model,
        row.offline,
        row.finish_reason,
        row.prompt_tokens.map(Count),
        row.completion_tokens.map(Count),
        row.created_ms,
        row.scores.is_some(),
        Count(row.text.len() as u64),
        excerpt(&row.text),
        row.text,
    ])?;
    search::insert(conn, &row.tenant, row.id, &row.term, &row.text)?;
    if let Some(scores) = &row.scores {
        let scored = Scored {
            tenant: &row.tenant,
            id: row.id,
            search_term_id: row.search_term_id,
            created_ms: row.created_ms,
            subject: Subject::Generated,
        };
        scores::insert(conn, &scored, scores)?;
    }
    Ok(true)
}

pub(super) fn insert_analysis(conn: &Connection, row: &AnalysisRow) -> rusqlite::Result<()> {
    insert_term(
        conn,
        &row.tenant,
        row.search_term_id,
        &row.term,
        row.created_ms,
    )?;
    let scored = Scored {
        tenant: &row.tenant,
        id: row.id,
        search_term_id: row.search_term_id,
        created_ms: row.created_ms,
        subject: Subject::Content(&row.content),
    };
    scores::insert(conn, &scored, &row.scores)?;
    Ok(())
}

fn insert_keywords(conn: &Connection, row: &KeywordsRow) -> rusqlite::Result<()> {
    if row.keywords.is_empty() {
        return Ok(()); // a term that nothing refers to would stay for ever
    }
    insert_term(
        conn,
        &row.tenant,
        row.search_term_id,
        &row.term,
        row.created_ms,
    )?;
    let mut insert = conn.prepare_cached(sql::INSERT_KEYWORD)?;
    for (position, found) in (0_i64..).zip(&row.keywords) {
        insert.execute(params![
            row.tenant,
            row.id.as_bytes(),
            position,
            row.search_term_id.as_bytes(),
            row.method.as_str(),
            found.keyword,
            found.score,
            row.created_ms,
        ])?;
    }
    Ok(())
}

fn insert_term(
    conn: &Connection,
    tenant: &str,
    id: Uuid,
    term: &str,
    created_ms: i64,
) -> rusqlite::Result<()> {
    conn.prepare_cached(sql::INSERT_TERM)?.execute(params![
        tenant,
        id.as_bytes(),
        term,
        term_hash(term),
        created_ms,
    ])?;
    Ok(())
}

fn delete(conn: &Connection, tenant: &str, id: Uuid) -> rusqlite::Result<bool> {
    let was_told = cached::forget_text(conn, tenant, id)?;
    idempotency::forget_text(conn, tenant, id)?;
    let term: Option<[u8; 16]> = conn
        .prepare_cached(sql::DELETE_TEXT)?
        .query_row(params![tenant, id.as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(term) = term else {
        return Ok(was_told);
    };
    conn.prepare_cached(sql::DELETE_UNUSED_TERM)?
        .execute(params![tenant, term])?;
    Ok(true)
}

fn rescore(conn: &Connection, tenant: &str, id: Uuid, scores: &Scores) -> rusqlite::Result<bool> {
    let marked = conn
        .prepare_cached(sql::MARK_SCORED)?
        .query_row(params![tenant, id.as_bytes()], |row| {
            Ok((Uuid::from_bytes(row.get(0)?), row.get(1)?))
        })
        .optional()?;
    let Some((search_term_id, created_ms)) = marked else {
        return Ok(false);
    };
    conn.prepare_cached(sql::DELETE_SCORES)?
        .execute(params![tenant, id.as_bytes()])?;
    let subject = Subject::Generated;
    scores::insert(
        conn,
        &Scored {
            tenant,
            id,
            search_term_id,
            created_ms,
            subject,
        },
        scores,
    )?;
    Ok(true)
}
