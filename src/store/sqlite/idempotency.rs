//! Idempotency keys in SQLite: the statements behind [`KeyChange`] and [`KeptAnswer`].

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::limits::{KEY_LEASE_MS, KEY_SWEEP_ROWS, KEYS_BYTES};
use crate::store::{Answer, Claimed, KeptAnswer, KeyChange, KeyScope, Written};

/// A key that nobody has, or whose time is over. Whoever claims twice by the same name has it.
const CLAIM: &str = "
    INSERT INTO idempotency_keys (tenant, route, key, fingerprint, owner, until_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (tenant, route, key) DO UPDATE SET
        fingerprint = excluded.fingerprint, owner = excluded.owner, until_ms = excluded.until_ms,
        text_id = NULL, status = NULL, streamed = FALSE, body_bytes = 0, body = NULL
    WHERE until_ms <= ?7 OR (owner = excluded.owner AND status IS NULL)";
const STANDING: &str = "
    SELECT owner = ?4, fingerprint = ?5, status IS NOT NULL
    FROM idempotency_keys WHERE tenant = ?1 AND route = ?2 AND key = ?3";
const RENEW: &str = "
    UPDATE idempotency_keys SET until_ms = ?5
    WHERE tenant = ?1 AND route = ?2 AND key = ?3 AND owner = ?4 AND status IS NULL";
const FREE: &str = "
    DELETE FROM idempotency_keys
    WHERE tenant = ?1 AND route = ?2 AND key = ?3 AND owner = ?4 AND status IS NULL";
/// An answer that is there stays: the same rows may come twice, and their owner may be late. One with a text
/// that was found is kept if that is still there.
const ANSWER: &str = "
    INSERT INTO idempotency_keys (
        tenant, route, key, fingerprint, owner, until_ms, text_id, status, streamed, body_bytes, body
    ) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11
    WHERE ?12 IS NULL
       OR EXISTS (SELECT 1 FROM generated_content WHERE tenant = ?1 AND id = ?12)
       OR EXISTS (SELECT 1 FROM answer_cache
                  WHERE tenant = ?1 AND text_id = ?12 AND body IS NOT NULL)
    ON CONFLICT (tenant, route, key) DO UPDATE SET
        until_ms = excluded.until_ms, text_id = excluded.text_id, status = excluded.status,
        streamed = excluded.streamed, body_bytes = excluded.body_bytes, body = excluded.body
    WHERE owner = excluded.owner AND status IS NULL";
const FORGET_TEXT: &str = "DELETE FROM idempotency_keys WHERE tenant = ?1 AND text_id = ?2";
const FORGET_OLD: &str = "
    DELETE FROM idempotency_keys WHERE rowid IN (
        SELECT rowid FROM idempotency_keys WHERE until_ms <= ?1 ORDER BY until_ms LIMIT ?2)";
/// Those that end first, past the bytes that there may be. The index has all that is looked at.
const FORGET_MUCH: &str = "
    DELETE FROM idempotency_keys WHERE rowid IN (
        SELECT id FROM (
            SELECT rowid AS id, until_ms,
                sum(body_bytes) OVER (ORDER BY until_ms DESC, rowid DESC) AS bytes
            FROM idempotency_keys WHERE body_bytes > 0)
        WHERE bytes > ?1 ORDER BY until_ms LIMIT ?2)";
const READ: &str = "
    SELECT status, streamed, body FROM idempotency_keys
    WHERE tenant = ?1 AND route = ?2 AND key = ?3 AND status IS NOT NULL";

pub(super) fn free_all(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM idempotency_keys WHERE status IS NULL", ())?;
    Ok(())
}

pub(super) fn change(conn: &Connection, change: &KeyChange) -> rusqlite::Result<Written> {
    match change {
        KeyChange::Claim {
            scope,
            fingerprint,
            owner,
            now_ms,
        } => claim(conn, scope, fingerprint, *owner, *now_ms).map(Written::Claimed),
        KeyChange::Renew { held, now_ms } => {
            let mut renew = conn.prepare_cached(RENEW)?;
            for (scope, owner) in held {
                let (tenant, route, key) = (&scope.tenant, &scope.route, &scope.key);
                let until_ms = now_ms + KEY_LEASE_MS as i64;
                renew.execute(params![tenant, route, key, owner.as_bytes(), until_ms])?;
            }
            Ok(Written::Keys)
        }
        KeyChange::Free { scope, owner } => {
            free(conn, scope, *owner)?;
            Ok(Written::Keys)
        }
        KeyChange::Sweep { now_ms } => {
            let rows = KEY_SWEEP_ROWS as i64;
            conn.prepare_cached(FORGET_OLD)?
                .execute(params![now_ms, rows])?;
            super::cached::forget(conn, *now_ms)?;
            conn.prepare_cached(FORGET_MUCH)?
                .execute(params![KEYS_BYTES as i64, rows])?;
            Ok(Written::Keys)
        }
    }
}

fn claim(
    conn: &Connection,
    scope: &KeyScope,
    fingerprint: &[u8; 32],
    owner: Uuid,
    now_ms: i64,
) -> rusqlite::Result<Claimed> {
    let (tenant, route, key) = (&scope.tenant, &scope.route, &scope.key);
    let until_ms = now_ms + KEY_LEASE_MS as i64;
    conn.prepare_cached(CLAIM)?.execute(params![
        tenant,
        route,
        key,
        fingerprint,
        owner.as_bytes(),
        until_ms,
        now_ms
    ])?;
    conn.prepare_cached(STANDING)?.query_row(
        params![tenant, route, key, owner.as_bytes(), fingerprint],
        |row| Ok(Claimed::of_row(row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

fn free(conn: &Connection, scope: &KeyScope, owner: Uuid) -> rusqlite::Result<()> {
    let (tenant, route, key) = (&scope.tenant, &scope.route, &scope.key);
    conn.prepare_cached(FREE)?
        .execute(params![tenant, route, key, owner.as_bytes()])?;
    Ok(())
}

/// Keeps an answer with rows that are there already, the text `own` perhaps among them.
pub(super) fn keep(
    conn: &Connection,
    kept: &KeptAnswer,
    own: Option<Uuid>,
) -> rusqlite::Result<()> {
    let found = kept.found(own);
    conn.prepare_cached(ANSWER)?.execute(params![
        kept.scope.tenant,
        kept.scope.route,
        kept.scope.key,
        kept.fingerprint,
        kept.owner.as_bytes(),
        kept.until_ms,
        kept.text.as_ref().map(Uuid::as_bytes),
        kept.answer.status,
        kept.answer.streamed,
        kept.answer.body.len() as i64,
        kept.answer.body,
        found.as_ref().map(Uuid::as_bytes),
    ])?;
    if found.is_some() {
        free(conn, &kept.scope, kept.owner)?; // unless it was answered
    }
    Ok(())
}

/// A text was deleted: nobody gets it by an old key either.
pub(super) fn forget_text(conn: &Connection, tenant: &str, id: Uuid) -> rusqlite::Result<()> {
    conn.prepare_cached(FORGET_TEXT)?
        .execute(params![tenant, id.as_bytes()])?;
    Ok(())
}

pub(super) fn read(conn: &Connection, scope: &KeyScope) -> rusqlite::Result<Option<Box<Answer>>> {
    conn.prepare_cached(READ)?
        .query_row(params![scope.tenant, scope.route, scope.key], |row| {
            Ok(Box::new(Answer {
                status: row.get(0)?,
                streamed: row.get(1)?,
                body: row.get(2)?,
            }))
        })
        .optional()
}
