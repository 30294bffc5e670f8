//! Bounds of the answer cache.

/// How old a stored text may be that answers a request with `"cache": "use"`, in seconds, where nothing
/// is configured: a day.
pub const CACHE_AGE_S: u64 = 24 * 60 * 60;
/// The most that can be configured: 30 days.
pub const CACHE_AGE_MAX_S: u64 = 30 * CACHE_AGE_S;
/// What is older is forgotten, so many rows at a time. The texts stay.
pub const CACHE_SWEEP_ROWS: u64 = 1_000;
