//! Other processes tell when something about a job has changed: then it is looked at once, and not only
//! when it is time to look again. Where nobody can tell, or nobody hears it, it is looked as often as ever.

use uuid::Uuid;

use super::Engine;
use crate::limits::jobs::{JOB_POLL_MS, JOB_POLL_TOLD_MS, JOB_TOLD_HOLD_MS, JOB_TOLD_MS};

impl Engine {
    /// Something about this job was changed by another process: made, ended, given back or cancelled.
    /// There may be an item to take, what is in hand here may not be ours any more, and those who watch
    /// it want to know. However much is told, the store is asked so often at most.
    pub(in crate::engine) fn job_changed_elsewhere(&mut self, job: Uuid) {
        self.job_changed(job);
        if self.jobs.parallel == 0 || self.stopping.is_some() {
            return;
        }
        let now = self.now.mono;
        let jobs = &mut self.jobs;
        let at = now.max(jobs.told_at.plus_ms(JOB_TOLD_MS));
        if jobs.look_at > at {
            (jobs.look_at, jobs.told_at) = (at, at);
        }
        let has_of_it = |jobs: &super::Jobs| {
            let mut hands = jobs.hands.iter();
            hands.any(|(_, hand)| hand.item.key.job == job)
        };
        let at = now.max(jobs.held_at.plus_ms(JOB_TOLD_HOLD_MS));
        if jobs.hold_at > at && has_of_it(jobs) {
            (jobs.hold_at, jobs.held_at) = (at, at);
        }
        self.set_jobs_timer();
    }

    /// Nobody hears any more what others tell.
    pub(in crate::engine) fn look_as_before(&mut self) {
        if self.jobs.parallel > 0 {
            self.look_for_items(JOB_POLL_MS);
        }
    }

    /// How long until it is looked without a reason.
    pub(super) fn poll_ms(&self) -> u64 {
        if self.hears_others() {
            JOB_POLL_TOLD_MS
        } else {
            JOB_POLL_MS
        }
    }
}
