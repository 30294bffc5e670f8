//! Bounds of jobs.

use super::{BODY_BYTES, PAGE_ROWS, STORE_MS};

/// Items of one job. More: 422. Their bytes are bounded by the body that brings them.
pub const JOB_ITEMS: usize = 1_000;
/// Items that one process has in hand at a time, unless configured; the others wait in the database.
pub const JOB_PARALLEL: usize = 4;
/// The same, whatever is configured.
pub const JOB_PARALLEL_MAX: usize = 64;
/// How long an item is its owner's after a sign of life, unless configured. Over: somebody else takes
/// it.
pub const JOB_LEASE_MS: u64 = 30_000;
/// How often it is looked for items that others have brought, or left.
pub const JOB_POLL_MS: u64 = 2_000;
/// The same, where others tell when there are any.
pub const JOB_POLL_TOLD_MS: u64 = 15_000;
/// However much others tell: so long from one look to the next.
pub const JOB_TOLD_MS: u64 = 100;
/// … and so long from one sign of life to the next, if it is about a job of which there is something in
/// hand: it may have been cancelled.
pub const JOB_TOLD_HOLD_MS: u64 = 1_000;
/// No item is begun for so long after one found no turn at its provider: clients go first.
pub const JOB_REST_MS: u64 = 1_000;
/// How often an item is tried. Then it has failed.
pub const JOB_ATTEMPTS: u32 = 5;
/// The bound of the wait before an item is tried for the second time, which doubles each time …
pub const JOB_RETRY_BASE_MS: u64 = 2_000;
/// … up to this.
pub const JOB_RETRY_CAP_MS: u64 = 120_000;
/// Texts that a report reads at a time: so few that whoever comes behind them hardly waits.
pub const REPORT_ROWS: usize = 256;
/// How often it is put away how far a report is: so much is read again after a crash.
pub const REPORT_NOTE_MS: u64 = 2_000;
/// Topics that a report counts at a time. More: the least frequent ones are among the others.
pub const REPORT_TOPICS: usize = 128;
/// Topics that a report shows, unless it is asked for another number, …
pub const REPORT_TOP: usize = 20;
/// … which is no more than this.
pub const REPORT_TOP_MAX: usize = 100;
/// What is shown of a topic.
pub const REPORT_TOPIC_CHARS: usize = 100;
/// Days or hours of a report: a year, or two weeks. What is earlier is one piece.
pub const REPORT_TIMES: usize = 366;
/// Labels of a kind that a report counts. The scorers have fewer.
pub const REPORT_LABELS: usize = 16;
/// What a report takes in its row, whatever it is about.
pub const REPORT_BYTES: usize = 128 * 1024;

// --- watching (docs/decisions/0045-an-id-names-what-has-ended.md) ------------------------------------

/// Clients that watch jobs at a time. More: 503.
pub const JOB_WATCHERS: usize = 256;
/// Between two looks at a job that is watched, however much happens to it here.
pub const JOB_LOOK_GAP_MS: u64 = 100;
/// The same while nothing is heard of it: others may be at it. Doubled with each look that finds nothing
/// new …
pub const JOB_LOOK_MS: u64 = 1_000;
/// … up to this.
pub const JOB_LOOK_MAX_MS: u64 = 8_000;
/// Items that have ended, in the answer to one look. The others come with the next one, at once.
pub const JOB_LOOK_ROWS: usize = 256;
/// Unsent bytes of one watcher at which it is told nothing more until it reads.
pub const JOB_WATCH_BYTES: usize = 16 * 1024;
/// When a client whose stream ended is to come again; half as much to half as much more, so that those of
/// a server that stopped do not all come at once.
pub const JOB_WATCH_RETRY_MS: u64 = 2_000;

const _: () = {
    assert!(JOB_PARALLEL <= JOB_PARALLEL_MAX && PAGE_ROWS <= JOB_ITEMS);
    // A sign of life that the store takes its time with still comes within the lease.
    assert!(JOB_LEASE_MS / 3 + STORE_MS < JOB_LEASE_MS && JOB_POLL_MS < JOB_LEASE_MS);
    assert!(JOB_TOLD_MS < JOB_POLL_MS && JOB_POLL_MS < JOB_POLL_TOLD_MS);
    assert!(REPORT_TOP <= REPORT_TOP_MAX && REPORT_TOP_MAX <= REPORT_TOPICS);
    assert!(JOB_RETRY_BASE_MS <= JOB_RETRY_CAP_MS && JOB_ITEMS < BODY_BYTES);
    assert!(JOB_LOOK_GAP_MS < JOB_LOOK_MS && JOB_LOOK_MS < JOB_LOOK_MAX_MS);
    // A place of an item has four digits in the `id` of an event.
    assert!(JOB_ITEMS < 10_000);
};
