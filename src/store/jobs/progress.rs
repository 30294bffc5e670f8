//! How far a job is, for those who watch it: its row, and the items that have ended since they looked.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ItemState, JobRow};

/// A job as it stands, and items of it that have ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// The job.
    pub job: JobRow,
    /// Items that somebody has in hand.
    pub running: u64,
    /// Items that have ended and were not known to have, in their order.
    pub ended: Vec<EndedItem>,
    /// Whether there are more of them.
    pub more: bool,
}

/// An item that has ended, well or not. One that was given up with its job is not among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedItem {
    /// Its place in the job.
    pub position: u32,
    /// How it has ended.
    pub state: ItemState,
    /// The id of the row that it has left, if it ended well.
    pub row_id: Uuid,
    /// Why it did not.
    pub error_code: Option<String>,
}

impl JobProgress {
    /// With at most `limit` items, of which there is one more if there are others.
    pub(in crate::store) fn new(
        job: JobRow,
        running: u64,
        mut ended: Vec<EndedItem>,
        limit: usize,
    ) -> Self {
        let more = ended.len() > limit;
        ended.truncate(limit);
        JobProgress {
            job,
            running,
            ended,
            more,
        }
    }
}
