//! Work that may have been carried out although nobody was told: the connection was lost in between.
//!
//! ```text
//!  sent ─(lost, and not answered)─► doubtful ─► sent again, or failed, or kept in the journal
//! ```
//! That stays true of it whatever comes later: a second run that fails says nothing of the first, and one
//! that finds nothing to do may find nothing because the first has done it.

use super::{WorkResult, Works};
use crate::engine::WorkId;
use crate::store::StoreError;

impl Works {
    /// Nobody knows whether this piece was carried out.
    pub(in crate::engine) fn doubt(&mut self, id: WorkId) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.doubtful = true;
        }
    }

    /// What a result means, if there was ever doubt about its piece.
    pub(in crate::engine) fn in_doubt(&self, id: WorkId, result: WorkResult) -> WorkResult {
        let is_doubtful = self.entries.get(id).is_some_and(|entry| entry.doubtful);
        match result {
            WorkResult::Written(Err(_)) if is_doubtful => {
                WorkResult::Written(Err(StoreError::Unknown))
            }
            result => result,
        }
    }
}
