//! Bounds of the spill journal.

use super::{GENERATION_BYTES, SQLITE_BUSY_MS};

/// Bytes that wait in the spill journal, unless configured, with room for the texts in flight among
/// them. Full: requests whose result has to be stored get the error of the database.
pub const JOURNAL_BYTES: u64 = 256 * 1024 * 1024;
/// Records that wait in it, because the memory for their places is bounded too. Full: the same.
pub const JOURNAL_ROWS: u64 = 262_144;
/// The room that is kept for a text in flight, some three times what a text takes. A longer one is
/// taken in all the same: it was paid for, and the memory for texts is bounded (`LEDGER_BYTES`).
pub const JOURNAL_TEXT_BYTES: u64 = 16 * 1024;
/// One file of the journal, unless a single group of rows is longer. Its room is taken in advance.
pub const JOURNAL_SEGMENT_BYTES: u64 = 4 * 1024 * 1024;
/// One record: the longest text, each byte of it written as `\u0000`, with the rows of all who asked
/// for it. Longer: the row is not taken in.
pub const JOURNAL_RECORD_BYTES: usize = 64 * 1024 * 1024;
/// Rows that are written to the journal with one sync: no further one past this many bytes.
pub const JOURNAL_GROUP_BYTES: usize = 1024 * 1024;
/// Rows that are replayed at a time: no further one past this many bytes, and `WRITE_GROUP` of them
/// at most.
pub const JOURNAL_BATCH_BYTES: u64 = 1024 * 1024;
/// Rows that the database refuses as such and that are kept in files of their own. Past it the trouble
/// is taken for the database's, and what waits goes on waiting.
pub const JOURNAL_ASIDE_ROWS: u64 = 100;
/// SQLite waits this long for a lock of another process where rows that cannot be written go to the
/// journal: it is enough for what other programs do in passing, and a client is not kept waiting for
/// the others.
pub const SQLITE_SPILL_BUSY_MS: u64 = 1_000;
/// A database that takes no rows is tried again after this, …
pub const SPILL_PROBE_MS: u64 = 250;
/// … which doubles with each try that fails, up to this.
pub const SPILL_PROBE_MAX_MS: u64 = 4_000;

const _: () = {
    assert!(SQLITE_SPILL_BUSY_MS < SQLITE_BUSY_MS);
    assert!(SPILL_PROBE_MS <= SPILL_PROBE_MAX_MS);
    // The longest text fits into a record, however it is written.
    assert!(6 * GENERATION_BYTES < JOURNAL_RECORD_BYTES);
    assert!(JOURNAL_BATCH_BYTES <= JOURNAL_SEGMENT_BYTES);
    assert!(JOURNAL_GROUP_BYTES as u64 <= JOURNAL_SEGMENT_BYTES);
};
