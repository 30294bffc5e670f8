//! Bounds of what is done about rows that are kept no longer.

use super::WRITE_GROUP;

/// Rows that are removed in one transaction: some hundredths of a second of the writer.
pub const EXPIRE_ROWS: usize = 128;
/// Texts that are weighed at a time. Their sizes come from an index.
pub const WEIGH_ROWS: usize = 1_000;
/// From the end of one look at what is too old to the beginning of the next.
pub const RETENTION_MS: u64 = 10 * 60 * 1000;
/// The least pause between two transactions, in which rows of clients are written. A transaction that
/// took longer is followed by a pause as long as itself.
pub const EXPIRE_PAUSE_MS: u64 = 5;

const _: () = assert!(EXPIRE_ROWS <= WRITE_GROUP);
