//! Bounds of idempotency keys, and of the answers that are kept for them.

use super::{PG_REQUEST_BYTES, STORE_MS};

/// Bytes of an `Idempotency-Key`. Longer: 400.
pub const KEY_BYTES: usize = 255;
/// A key that nobody has renewed for so long is free: whoever had it is dead.
pub const KEY_LEASE_MS: u64 = 15_000;
/// Keys in use are renewed this often, so that two renewals may be lost.
pub const KEY_BEAT_MS: u64 = 4_000;
/// An answer is kept for so long, and then forgotten with its key.
pub const KEY_KEPT_MS: u64 = 24 * 60 * 60 * 1000;
/// Bytes of one answer. A longer one is not kept: its key is free again.
pub const KEY_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Requests that wait for the first one with their key. More: 409.
pub const KEY_WAITERS: usize = 16;
/// Bytes of all answers. Past it the oldest ones are forgotten.
pub const KEYS_BYTES: u64 = 256 * 1024 * 1024;
/// Keys that are forgotten in one go, so that other writes do not wait for it.
pub const KEY_SWEEP_ROWS: u64 = 1_000;

const _: () = {
    assert!(3 * KEY_BEAT_MS < KEY_LEASE_MS && STORE_MS < KEY_LEASE_MS);
    assert!(2 * KEY_ANSWER_BYTES < PG_REQUEST_BYTES);
    assert!(KEY_ANSWER_BYTES as u64 <= KEYS_BYTES);
};
