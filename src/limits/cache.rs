//! Bounds of the answer cache.

/// How old a stored text may be that answers a request with `"cache": "use"`, in seconds, where nothing
/// is configured: a day.
pub const CACHE_AGE_S: u64 = 24 * 60 * 60;
/// The most that can be configured: 30 days.
pub const CACHE_AGE_MAX_S: u64 = 30 * CACHE_AGE_S;
/// How long a text that is kept in Redis may answer, in seconds, unless configured. It bounds for how long
/// one is found there that another process has deleted and could not tell.
pub const CACHE_SHARED_S: u64 = 60;
/// The most that can be configured: an hour.
pub const CACHE_SHARED_MAX_S: u64 = 60 * 60;
/// The largest value that is kept there, and that is believed. A longer text is found in the store.
pub const CACHE_SHARED_BYTES: usize = 32 * 1024;
/// For how long an edition lasts if nothing is deleted, in milliseconds: a day. Then the next one begins.
pub const CACHE_EDITION_MS: u64 = 24 * 60 * 60 * 1000;
/// What is older is forgotten, so many rows at a time. The texts stay.
pub const CACHE_SWEEP_ROWS: u64 = 1_000;
