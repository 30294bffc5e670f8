//! Work that may have been carried out although nobody was told: the connection was lost in between.
//!
//! ```text
//!  sent ─(lost, and not answered)─► doubtful ─► sent again, or failed, or kept in the journal
//! ```
//! That stays true of it whatever comes later: a second run that fails says nothing of the first, and one
//! that finds nothing to do may find nothing because the first has done it.

use super::{WorkResult, Works};
use crate::engine::WorkId;
use crate::store::{JobWritten, StoreError, Written};

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
            result if !is_doubtful => result,
            // How many rows the first run has removed is not known.
            WorkResult::Written(Err(_) | Ok(Written::Expired(_))) => {
                WorkResult::Written(Err(StoreError::Unknown))
            }
            // What has ended is nobody's, so the second run finds nobody whose end it could be. That
            // somebody else has taken it meanwhile is less likely by far: a lease lasts longer.
            WorkResult::Written(Ok(Written::Job(JobWritten::Ended(false)))) => {
                WorkResult::Written(Ok(Written::Job(JobWritten::Ended(true))))
            }
            result => result,
        }
    }
}

impl WorkResult {
    /// Whether nobody knows what has come of it.
    pub(in crate::engine) fn is_unknown(&self) -> bool {
        matches!(self, WorkResult::Written(Err(StoreError::Unknown)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::work::tests::works;
    use crate::engine::work::{Work, WorkOwner};
    use crate::store::{Query, Write};

    fn told(written: &Result<Written, StoreError>) -> [WorkResult; 2] {
        let mut works = works();
        let work = || Work::Write(Box::new(Write::Replay(Vec::new())));
        let ids = [(); 2].map(|()| works.submit(WorkOwner::Nobody, work()).unwrap());
        works.doubt(ids[1]);
        ids.map(|id| works.in_doubt(id, WorkResult::Written(written.clone())))
    }

    #[test]
    fn a_second_run_is_understood_by_what_the_first_may_have_done() {
        let ended = |heard| Ok(Written::Job(JobWritten::Ended(heard)));
        let unknown = || Err(StoreError::Unknown);
        for (said, meant) in [
            (Err(StoreError::TimedOut), unknown()),
            (Ok(Written::Expired(0)), unknown()),
            (ended(false), ended(true)),
            (ended(true), ended(true)),
            (Ok(Written::Saved), Ok(Written::Saved)),
        ] {
            let expected = [said.clone(), meant].map(WorkResult::Written);
            assert_eq!(told(&said), expected);
        }
    }

    #[test]
    fn a_question_is_answered_whatever_was_lost_before() {
        let mut works = works();
        let work = Work::Read(Query::Unscored {
            after: None,
            limit: 1,
        });
        let id = works.submit(WorkOwner::House, work).unwrap();
        works.doubt(id);
        let failed = WorkResult::Found(Err(StoreError::TimedOut));
        assert_eq!(works.in_doubt(id, failed.clone()), failed);
    }
}
