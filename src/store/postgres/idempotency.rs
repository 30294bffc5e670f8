//! The statements of idempotency keys. Leases are told by the server's clock, which all who share it
//! have in common.

use uuid::Uuid;

use super::answer::Kind;
use super::{Cell, Part, cached, many, one};
use crate::limits::{KEY_LEASE_MS, KEY_SWEEP_ROWS, KEYS_BYTES};
use crate::proto::postgres::Scalar::{self, Bool, Bytea, Int4, Int8, Text, Uuid as Id};
use crate::store::{KeptAnswer, KeyChange, KeyScope};

/// A key that nobody has, or whose time is over. Whoever claims twice by the same name has it.
const CLAIM: &str = "
    INSERT INTO idempotency_keys AS k (tenant, route, key, fingerprint, owner, until_ms)
    VALUES ($1, $2, $3, $5, $4, (extract(epoch FROM clock_timestamp()) * 1000)::bigint + $6)
    ON CONFLICT (tenant, route, key) DO UPDATE SET
        fingerprint = excluded.fingerprint, owner = excluded.owner, until_ms = excluded.until_ms,
        text_id = NULL, status = NULL, streamed = FALSE, body_bytes = 0, body = NULL
    WHERE k.until_ms <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint
       OR (k.owner = excluded.owner AND k.status IS NULL)";
/// A statement of its own, because it has to see what the first one has waited for.
const STANDING: &str = "
    SELECT owner = $4, fingerprint = $5, status IS NOT NULL
    FROM idempotency_keys WHERE tenant = $1 AND route = $2 AND key = $3";
const RENEW: &str = "
    UPDATE idempotency_keys AS k
    SET until_ms = (extract(epoch FROM clock_timestamp()) * 1000)::bigint + n.lease
    FROM unnest($1, $2, $3, $4, $5) AS n (tenant, route, key, owner, lease)
    WHERE k.tenant = n.tenant AND k.route = n.route AND k.key = n.key AND k.owner = n.owner
      AND k.status IS NULL";
const FREE: &str = "
    DELETE FROM idempotency_keys
    WHERE tenant = $1 AND route = $2 AND key = $3 AND owner = $4 AND status IS NULL";
/// Texts in answers that were found. Whoever is deleting one is waited for, and whoever comes to delete one
/// waits: so each sees what the other has done.
pub(super) const HOLD_TEXTS: &str = "
    SELECT 1 FROM generated_content AS g
    WHERE (g.tenant, g.id) IN (SELECT * FROM unnest($1, $2))
    ORDER BY g.tenant, g.id FOR KEY SHARE";
/// The same for answers to chats.
pub(super) const HOLD_CHATS: &str = "
    SELECT 1 FROM answer_cache AS c
    WHERE (c.tenant, c.text_id) IN (SELECT * FROM unnest($1, $2))
    ORDER BY c.tenant, c.prompt FOR KEY SHARE";
/// An answer that is there stays: the same rows may come twice, and their owner may be late. One with a text
/// that was found is kept if that is still there.
pub(super) const ANSWERS: &str = "
    INSERT INTO idempotency_keys AS k (
        tenant, route, key, fingerprint, owner, until_ms, text_id, status, streamed, body_bytes, body)
    SELECT n.tenant, n.route, n.key, n.fingerprint, n.owner, n.until_ms, n.text_id, n.status,
        n.streamed, n.body_bytes, n.body
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        AS n (tenant, route, key, fingerprint, owner, until_ms, text_id, status, streamed, body_bytes,
              body, found)
    WHERE n.found IS NULL
       OR EXISTS (SELECT 1 FROM generated_content AS g WHERE g.tenant = n.tenant AND g.id = n.found)
       OR EXISTS (SELECT 1 FROM answer_cache AS c
                  WHERE c.tenant = n.tenant AND c.text_id = n.found AND c.body IS NOT NULL)
    ON CONFLICT (tenant, route, key) DO UPDATE SET
        until_ms = excluded.until_ms, text_id = excluded.text_id, status = excluded.status,
        streamed = excluded.streamed, body_bytes = excluded.body_bytes, body = excluded.body
    WHERE k.owner = excluded.owner AND k.status IS NULL";
const ANSWER: &[Scalar] = &[
    Text, Text, Text, Bytea, Id, Int8, Id, Int4, Bool, Int8, Text, Id,
];
/// Keys whose answer could not be kept.
pub(super) const FREE_UNKEPT: &str = "
    DELETE FROM idempotency_keys AS k USING unnest($1, $2, $3, $4) AS n (tenant, route, key, owner)
    WHERE k.tenant = n.tenant AND k.route = n.route AND k.key = n.key AND k.owner = n.owner
      AND k.status IS NULL";
/// A text was deleted: nobody gets it by an old key either. Behind the deletion of the text, because only
/// then what was kept before it is seen.
pub(super) const FORGET_TEXT: &str =
    "DELETE FROM idempotency_keys WHERE tenant = $1 AND text_id = $2";
const FORGET_OLD: &str = "
    DELETE FROM idempotency_keys WHERE (tenant, route, key) IN (
        SELECT tenant, route, key FROM idempotency_keys
        WHERE until_ms <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint
        ORDER BY until_ms LIMIT $1 FOR UPDATE SKIP LOCKED)";
/// Those that end first, past the bytes that there may be.
const FORGET_MUCH: &str = "
    DELETE FROM idempotency_keys WHERE (tenant, route, key) IN (
        SELECT tenant, route, key FROM (
            SELECT tenant, route, key, until_ms,
                sum(body_bytes) OVER (ORDER BY until_ms DESC, tenant, route, key) AS bytes
            FROM idempotency_keys WHERE body_bytes > 0) AS n
        WHERE bytes > $1 ORDER BY until_ms LIMIT $2)";
const READ: &str = "
    SELECT status, streamed, body FROM idempotency_keys
    WHERE tenant = $1 AND route = $2 AND key = $3 AND status IS NOT NULL";

pub(super) fn change(change: &KeyChange) -> (Vec<Part<'_>>, Kind) {
    match change {
        KeyChange::Claim {
            scope,
            fingerprint,
            owner,
            ..
        } => {
            let mut row = named(scope);
            row.extend([Cell::Uuid(*owner), Cell::Hash(*fingerprint)]);
            let mut claim = row.clone();
            claim.push(Cell::Int8(KEY_LEASE_MS as i64));
            let parts = vec![
                one(CLAIM, &[Text, Text, Text, Id, Bytea, Int8], claim),
                one(STANDING, &[Text, Text, Text, Id, Bytea], row),
            ];
            (parts, Kind::Claimed)
        }
        KeyChange::Renew { held, .. } => {
            let mut sorted: Vec<&(KeyScope, Uuid)> = held.iter().collect();
            sorted.sort(); // all lock rows in the same order
            let rows = sorted.into_iter().map(|(scope, owner)| {
                let mut row = named(scope);
                row.extend([Cell::Uuid(*owner), Cell::Int8(KEY_LEASE_MS as i64)]);
                row
            });
            let kinds = &[Text, Text, Text, Id, Int8];
            (vec![many(RENEW, kinds, rows.collect())], Kind::Keys)
        }
        KeyChange::Free { scope, owner } => {
            let mut row = named(scope);
            row.push(Cell::Uuid(*owner));
            (vec![one(FREE, &[Text, Text, Text, Id], row)], Kind::Keys)
        }
        KeyChange::Sweep { now_ms } => {
            let rows = Cell::Int8(KEY_SWEEP_ROWS as i64);
            let much = vec![Cell::Int8(KEYS_BYTES as i64), rows.clone()];
            let mut parts = vec![
                one(FORGET_OLD, &[Int8], vec![rows]),
                one(FORGET_MUCH, &[Int8, Int8], much),
            ];
            parts.extend(cached::forget(*now_ms));
            (parts, Kind::Keys)
        }
    }
}

/// What is kept with rows that come before it, the text `own` perhaps among them.
pub(super) fn answers(all: &[KeptAnswer], own: Option<Uuid>) -> Vec<Part<'_>> {
    let mut sorted: Vec<&KeptAnswer> = all.iter().collect();
    sorted.sort_by(|a, b| a.scope.cmp(&b.scope)); // all lock rows in the same order
    let found = sorted.iter().filter(|kept| kept.found(own).is_some());
    let (texts, keys): (Vec<_>, Vec<_>) = found
        .map(|kept| {
            let text = vec![
                Cell::text(&kept.scope.tenant),
                Cell::maybe(kept.text, Cell::Uuid),
            ];
            let mut key = named(&kept.scope);
            key.push(Cell::Uuid(kept.owner));
            (text, key)
        })
        .unzip();
    let rows = sorted.iter().map(|kept| {
        let mut row = named(&kept.scope);
        row.extend([
            Cell::Hash(kept.fingerprint),
            Cell::Uuid(kept.owner),
            Cell::Int8(kept.until_ms),
            Cell::maybe(kept.text, Cell::Uuid),
            Cell::Int4(i32::from(kept.answer.status)),
            Cell::Bool(kept.answer.streamed),
            Cell::count(kept.answer.body.len() as u64),
            Cell::text(&kept.answer.body),
            Cell::maybe(kept.found(own), Cell::Uuid),
        ]);
        row
    });
    let answers = many(ANSWERS, ANSWER, rows.collect());
    if keys.is_empty() {
        return vec![answers];
    }
    vec![
        many(HOLD_TEXTS, &[Text, Id], texts.clone()),
        many(HOLD_CHATS, &[Text, Id], texts),
        answers,
        many(FREE_UNKEPT, &[Text, Text, Text, Id], keys),
    ]
}

pub(super) fn read(scope: &KeyScope) -> Part<'_> {
    one(READ, &[Text, Text, Text], named(scope))
}

fn named(scope: &KeyScope) -> Vec<Cell<'_>> {
    vec![
        Cell::text(&scope.tenant),
        Cell::text(&scope.route),
        Cell::text(&scope.key),
    ]
}
