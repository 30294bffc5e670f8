//! Bounds of webhooks.

/// Deliveries that one process makes at a time; the others wait in the database.
pub const HOOK_PARALLEL: usize = 4;
/// How long a webhook may take from the request to the end of its answer, unless configured.
pub const HOOK_ANSWER_MS: u64 = 10_000;
/// The same, whatever is configured.
pub const HOOK_ANSWER_MS_MAX: u64 = 60_000;
/// Bytes of its answer that are read. More: the connection is closed, and its status counts.
pub const HOOK_ANSWER_BYTES: usize = 64 * 1024;
/// How often a delivery is attempted. Then it is given up.
pub const HOOK_ATTEMPTS: u32 = 10;
/// The longest wait before the second attempt, unless configured; four times as long each time …
pub const HOOK_RETRY_MS: u64 = 5_000;
/// … whatever is configured, …
pub const HOOK_RETRY_MS_MAX: u64 = 3_600_000;
/// … up to this.
pub const HOOK_RETRY_CAP_MS: u64 = 6 * 3_600_000;
/// How often it is looked for deliveries that are due.
pub const HOOK_POLL_MS: u64 = 2_000;
/// So long after an item has ended here it is looked whether its job has.
pub const HOOK_SOON_MS: u64 = 200;

const _: () = {
    assert!(HOOK_ANSWER_MS <= HOOK_ANSWER_MS_MAX && HOOK_RETRY_MS <= HOOK_RETRY_MS_MAX);
    assert!(HOOK_RETRY_MS_MAX <= HOOK_RETRY_CAP_MS && HOOK_SOON_MS < HOOK_POLL_MS);
};
