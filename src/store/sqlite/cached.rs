//! The answer cache in SQLite.

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::count::Count;
use super::reader::{select, text};
use crate::limits::{CACHE_AGE_MAX_S, CACHE_BYTES, CACHE_SWEEP_ROWS};
use crate::store::{CachedText, Found, FoundChat, ToldChat, Written};

/// The newest text is the one that is found, in whatever order they are written.
const KEEP: &str = "
    INSERT INTO answer_cache (
        tenant, prompt, text_id, created_ms, provider, model, body_bytes, body
    ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (tenant, prompt) DO UPDATE SET
        text_id = excluded.text_id, created_ms = excluded.created_ms,
        provider = excluded.provider, model = excluded.model,
        body_bytes = excluded.body_bytes, body = excluded.body
    WHERE created_ms <= excluded.created_ms";
const FIND: &str = "
    JOIN answer_cache AS c ON c.tenant = g.tenant AND c.text_id = g.id
    WHERE c.tenant = ?1 AND c.prompt = ?2 AND c.created_ms >= ?3";
const FIND_CHAT: &str = "
    SELECT text_id, created_ms, provider, model, body FROM answer_cache
    WHERE tenant = ?1 AND prompt = ?2 AND created_ms >= ?3 AND body IS NOT NULL";
/// A text was deleted: nobody gets what was told of it either.
const FORGET_TEXT: &str =
    "DELETE FROM answer_cache WHERE tenant = ?1 AND text_id = ?2 RETURNING body IS NOT NULL";
const FORGET: &str = "
    DELETE FROM answer_cache WHERE rowid IN (
        SELECT rowid FROM answer_cache WHERE created_ms < ?1 ORDER BY created_ms LIMIT ?2)";
/// The oldest ones, past the bytes that there may be. The index has all that is looked at.
const FORGET_MUCH: &str = "
    DELETE FROM answer_cache WHERE rowid IN (
        SELECT id FROM (
            SELECT rowid AS id, created_ms,
                sum(body_bytes) OVER (ORDER BY created_ms DESC, rowid DESC) AS bytes
            FROM answer_cache WHERE body_bytes > 0)
        WHERE bytes > ?1 ORDER BY created_ms LIMIT ?2)";
const EXPIRE: &str = "
    DELETE FROM answer_cache WHERE rowid IN (
        SELECT rowid FROM answer_cache WHERE text_id < ?1 ORDER BY text_id LIMIT ?2)";

pub(super) fn keep(conn: &Connection, cached: &CachedText) -> rusqlite::Result<()> {
    let chat = cached.chat.as_deref();
    conn.prepare_cached(KEEP)?.execute(params![
        cached.tenant,
        cached.prompt,
        cached.text.as_bytes(),
        cached.created_ms,
        chat.map(|chat| &chat.provider),
        chat.map(|chat| &chat.model),
        Count(chat.map_or(0, |chat| chat.body.len() as u64)),
        chat.map(|chat| &chat.body),
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

pub(super) fn find_chat(
    conn: &Connection,
    tenant: &str,
    prompt: &[u8; 32],
    since_ms: i64,
) -> rusqlite::Result<Found> {
    let found = conn
        .prepare_cached(FIND_CHAT)?
        .query_row(params![tenant, prompt, since_ms], |row| {
            Ok(FoundChat {
                text: row.get(0).map(Uuid::from_bytes)?,
                created_ms: row.get(1)?,
                told: ToldChat {
                    provider: row.get(2)?,
                    model: row.get(3)?,
                    body: row.get(4)?,
                },
            })
        })
        .optional()?;
    Ok(Found::CachedChat(found.map(Box::new)))
}

/// Whether what is gone was an answer to a chat.
pub(super) fn forget_text(conn: &Connection, tenant: &str, id: Uuid) -> rusqlite::Result<bool> {
    let mut forget = conn.prepare_cached(FORGET_TEXT)?;
    let mut gone = forget.query_map(params![tenant, id.as_bytes()], |row| row.get(0))?;
    // All of them: a statement that is left in the middle has not deleted the rest.
    gone.try_fold(false, |any, was_chat: rusqlite::Result<bool>| {
        Ok(any | was_chat?)
    })
}

pub(super) fn forget(conn: &Connection, now_ms: i64) -> rusqlite::Result<()> {
    let before_ms = now_ms - (CACHE_AGE_MAX_S * 1000) as i64;
    conn.prepare_cached(FORGET)?
        .execute(params![before_ms, CACHE_SWEEP_ROWS as i64])?;
    conn.prepare_cached(FORGET_MUCH)?
        .execute(params![CACHE_BYTES as i64, CACHE_SWEEP_ROWS as i64])?;
    Ok(())
}

pub(super) fn expire(conn: &Connection, before: Uuid, limit: usize) -> rusqlite::Result<Written> {
    let rows = conn
        .prepare_cached(EXPIRE)?
        .execute(params![before.as_bytes(), limit as i64])?;
    Ok(Written::Expired(rows as u64))
}
