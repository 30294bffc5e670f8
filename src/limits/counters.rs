//! Bounds of limits that several processes share by way of PostgreSQL, and of giving blocks back.

use super::{REDIS_OP_MS, STORE_MS};

/// Counters that one statement is about. More: the next one.
pub const COUNTERS_PER_DRAW: usize = 256;
/// Questions that wait for the next statement. More: they are decided without it.
pub const COUNTERS_WAITING: usize = 4_096;
/// The answer to a statement, as for Redis. Later: what it was for is decided without it.
pub const COUNTERS_DRAW_MS: u64 = REDIS_OP_MS;
/// A database that will not count is asked again after so long.
pub const COUNTERS_REST_MS: u64 = 1_000;
/// How often counters are removed whose windows are over …
pub const COUNTERS_SWEEP_MS: u64 = 60_000;
/// … so many in one go, …
pub const COUNTERS_SWEEP_ROWS: usize = 256;
/// … with a pause if there are more.
pub const COUNTERS_SWEEP_PAUSE_MS: u64 = 250;
/// Addresses whose blocks are given back in one go. A connection to Redis takes twice that at once.
pub const RATE_BACK_SUBJECTS: usize = 64;
/// How long the end of the process waits for that.
pub const RATE_BACK_MS: u64 = 1_000;

const _: () = {
    assert!(COUNTERS_PER_DRAW <= COUNTERS_WAITING && COUNTERS_DRAW_MS < COUNTERS_REST_MS);
    assert!(2 * RATE_BACK_SUBJECTS * super::RATE_METERS <= super::REDIS_PIPELINE);
    assert!(RATE_BACK_MS < STORE_MS);
};
