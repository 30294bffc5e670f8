//! The statements of the answer cache.

use super::{Cell, Part, many, one};
use crate::limits::{CACHE_AGE_MAX_S, CACHE_SWEEP_ROWS};
use crate::proto::postgres::Scalar::{self, Bytea, Int8, Text, Uuid as Id};
use crate::store::CachedText;

/// The newest text is the one that is found, in whatever order they are written. Of two in one
/// statement too: it may change a row only once.
pub(super) const KEEP: &str = "
    INSERT INTO answer_cache AS c (tenant, prompt, text_id, created_ms)
    SELECT DISTINCT ON (n.tenant, n.prompt) n.tenant, n.prompt, n.text_id, n.created_ms
    FROM unnest($1, $2, $3, $4) AS n (tenant, prompt, text_id, created_ms)
    ORDER BY n.tenant, n.prompt, n.created_ms DESC
    ON CONFLICT (tenant, prompt) DO UPDATE SET
        text_id = excluded.text_id, created_ms = excluded.created_ms
    WHERE c.created_ms <= excluded.created_ms";
const CACHED: &[Scalar] = &[Text, Bytea, Id, Int8];
const FORGET: &str = "
    DELETE FROM answer_cache WHERE (tenant, prompt) IN (
        SELECT tenant, prompt FROM answer_cache WHERE created_ms < $1
        ORDER BY created_ms LIMIT $2 FOR UPDATE SKIP LOCKED)";

pub(super) fn keep(cached: &CachedText) -> Part<'_> {
    let row = vec![
        Cell::text(&cached.tenant),
        Cell::Hash(cached.prompt),
        Cell::Uuid(cached.text),
        Cell::Int8(cached.created_ms),
    ];
    many(KEEP, CACHED, vec![row])
}

pub(super) fn forget<'a>(now_ms: i64) -> Part<'a> {
    let before = now_ms - (CACHE_AGE_MAX_S * 1000) as i64;
    let row = vec![Cell::Int8(before), Cell::Int8(CACHE_SWEEP_ROWS as i64)];
    one(FORGET, &[Int8, Int8], row)
}
