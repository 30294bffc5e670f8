//! Jobs: how much of this process is theirs.

use super::ConfigError;
use super::layers::Layers;
use super::limits::bounded;
use crate::limits::jobs as default;

bounded! {
    /// The settings of jobs.
    pub struct Jobs {
        /// Items in hand at a time; with 0 this process takes jobs in and leaves them to others.
        parallel: usize = default::JOB_PARALLEL, 0..=default::JOB_PARALLEL_MAX as u64;
        /// How long an item is its owner's after a sign of life.
        lease_ms: u64 = default::JOB_LEASE_MS, 1_000..=3_600_000;
    }
}
