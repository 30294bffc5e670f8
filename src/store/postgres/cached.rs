//! The statements of the answer cache.

use uuid::Uuid;

use super::answer::Kind;
use super::{Cell, Part, many, one};
use crate::limits::{CACHE_AGE_MAX_S, CACHE_BYTES, CACHE_SWEEP_ROWS};
use crate::proto::postgres::Scalar::{self, Bytea, Int8, Text, Uuid as Id};
use crate::store::CachedText;

/// The newest text is the one that is found, in whatever order they are written. Of two in one
/// statement too: it may change a row only once.
pub(super) const KEEP: &str = "
    INSERT INTO answer_cache AS c (
        tenant, prompt, text_id, created_ms, provider, model, body_bytes, body)
    SELECT DISTINCT ON (n.tenant, n.prompt) *
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
        AS n (tenant, prompt, text_id, created_ms, provider, model, body_bytes, body)
    ORDER BY n.tenant, n.prompt, n.created_ms DESC
    ON CONFLICT (tenant, prompt) DO UPDATE SET
        text_id = excluded.text_id, created_ms = excluded.created_ms,
        provider = excluded.provider, model = excluded.model,
        body_bytes = excluded.body_bytes, body = excluded.body
    WHERE c.created_ms <= excluded.created_ms";
const CACHED: &[Scalar] = &[Text, Bytea, Id, Int8, Text, Text, Int8, Text];
const FIND_CHAT: &str = "
    SELECT text_id, created_ms, provider, model, body FROM answer_cache
    WHERE tenant = $1 AND prompt = $2 AND created_ms >= $3 AND body IS NOT NULL";
/// A text was deleted: nobody gets what was told of it either. A row for each answer to a chat.
pub(super) const FORGET_TEXT: &str = "
    WITH gone AS (
        DELETE FROM answer_cache WHERE tenant = $1 AND text_id = $2 RETURNING body IS NOT NULL AS told)
    SELECT told FROM gone WHERE told";
/// The oldest ones, past the bytes that there may be.
const FORGET_MUCH: &str = "
    DELETE FROM answer_cache WHERE (tenant, prompt) IN (
        SELECT tenant, prompt FROM (
            SELECT tenant, prompt, created_ms,
                sum(body_bytes) OVER (ORDER BY created_ms DESC, tenant, prompt) AS bytes
            FROM answer_cache WHERE body_bytes > 0) AS n
        WHERE bytes > $1 ORDER BY created_ms LIMIT $2)";
const EXPIRE: &str = "
    WITH gone AS (
        DELETE FROM answer_cache WHERE (tenant, prompt) IN (
            SELECT tenant, prompt FROM answer_cache WHERE text_id < $1
            ORDER BY text_id LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING text_id)
    SELECT count(*) FROM gone";
const FORGET: &str = "
    DELETE FROM answer_cache WHERE (tenant, prompt) IN (
        SELECT tenant, prompt FROM answer_cache WHERE created_ms < $1
        ORDER BY created_ms LIMIT $2 FOR UPDATE SKIP LOCKED)";

pub(super) fn keep(cached: &CachedText) -> Part<'_> {
    let chat = cached.chat.as_deref();
    let row = vec![
        Cell::text(&cached.tenant),
        Cell::Hash(cached.prompt),
        Cell::Uuid(cached.text),
        Cell::Int8(cached.created_ms),
        Cell::maybe(chat, |chat| Cell::text(&chat.provider)),
        Cell::maybe(chat, |chat| Cell::text(&chat.model)),
        Cell::count(chat.map_or(0, |chat| chat.body.len() as u64)),
        Cell::maybe(chat, |chat| Cell::text(&chat.body)),
    ];
    many(KEEP, CACHED, vec![row])
}

pub(super) fn find_chat<'a>(tenant: &'a str, prompt: [u8; 32], since_ms: i64) -> Part<'a> {
    let row = vec![Cell::text(tenant), Cell::Hash(prompt), Cell::Int8(since_ms)];
    one(FIND_CHAT, &[Text, Bytea, Int8], row)
}

pub(super) fn forget<'a>(now_ms: i64) -> [Part<'a>; 2] {
    let before = now_ms - (CACHE_AGE_MAX_S * 1000) as i64;
    let rows = Cell::Int8(CACHE_SWEEP_ROWS as i64);
    let much = vec![Cell::Int8(CACHE_BYTES as i64), rows.clone()];
    [
        one(FORGET, &[Int8, Int8], vec![Cell::Int8(before), rows]),
        one(FORGET_MUCH, &[Int8, Int8], much),
    ]
}

pub(super) fn expire<'a>(before: Uuid, limit: usize) -> (Vec<Part<'a>>, Kind) {
    let row = vec![Cell::Uuid(before), Cell::Int8(limit as i64)];
    (vec![one(EXPIRE, &[Id, Int8], row)], Kind::Expired)
}
