//! The answer cache in SQLite.

use rusqlite::{Connection, OptionalExtension, params};

use super::reader::{select, text};
use crate::limits::{CACHE_AGE_MAX_S, CACHE_SWEEP_ROWS};
use crate::store::{CachedText, Found};

/// The newest text is the one that is found, in whatever order they are written.
const KEEP: &str = "
    INSERT INTO answer_cache (tenant, prompt, text_id, created_ms) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (tenant, prompt) DO UPDATE SET
        text_id = excluded.text_id, created_ms = excluded.created_ms
    WHERE created_ms <= excluded.created_ms";
const FIND: &str = "
    JOIN answer_cache AS c ON c.tenant = g.tenant AND c.text_id = g.id
    WHERE c.tenant = ?1 AND c.prompt = ?2 AND c.created_ms >= ?3";
const FORGET: &str = "
    DELETE FROM answer_cache WHERE rowid IN (
        SELECT rowid FROM answer_cache WHERE created_ms < ?1 ORDER BY created_ms LIMIT ?2)";

pub(super) fn keep(conn: &Connection, cached: &CachedText) -> rusqlite::Result<()> {
    conn.prepare_cached(KEEP)?.execute(params![
        cached.tenant,
        cached.prompt,
        cached.text.as_bytes(),
        cached.created_ms
    ])?;
    Ok(())
}

pub(super) fn find(
    conn: &Connection,
    tenant: &str,
    prompt: &[u8; 32],
    since_ms: i64,
) -> rusqlite::Result<Found> {
    let row = conn
        .prepare_cached(&select("g.text", FIND))?
        .query_row(params![tenant, prompt, since_ms], text)
        .optional()?;
    Ok(Found::One(row.map(Box::new)))
}

pub(super) fn forget(conn: &Connection, now_ms: i64) -> rusqlite::Result<()> {
    let before_ms = now_ms - (CACHE_AGE_MAX_S * 1000) as i64;
    conn.prepare_cached(FORGET)?
        .execute(params![before_ms, CACHE_SWEEP_ROWS as i64])?;
    Ok(())
}
