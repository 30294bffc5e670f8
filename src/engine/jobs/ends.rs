//! The end of an item: which failures are tried again, and how the end comes into the database.
//!
//! ```text
//!  failure ─┬─ nobody was asked: no turn, no room, no store ──► put off; it does not count
//!           ├─ may heal, and there are attempts left ─────────► again, after a while
//!           └─ else ──────────────────────────────────────────► failed
//! ```
//! The wait is drawn evenly from zero to a bound that doubles with each attempt, and is at least what
//! the provider has asked for. An end that the store does not take stays in hand and is written again
//! with the next sign of life: the lease may end before, and then the item is done once more.

use super::items::Stage;
use super::{Engine, Failure, JobWork, write_of};
use crate::engine::failure::Upstream;
use crate::engine::slots::HandId;
use crate::engine::work::{WorkOwner, WorkResult};
use crate::limits::jobs::{JOB_ATTEMPTS, JOB_REST_MS, JOB_RETRY_BASE_MS, JOB_RETRY_CAP_MS};
use crate::store::{AnalysisRow, Came, ItemEnd, ItemKey, JobWrite, JobWritten, Written};

impl Engine {
    /// Nothing came of an item.
    pub(super) fn item_failed(&mut self, id: HandId, failure: &Failure) {
        let Some(hand) = self.jobs.hands.get(id) else {
            return;
        };
        let attempts = hand.item.attempts;
        let begun = !matches!(hand.stage, Stage::New);
        let code = failure.code().to_owned();
        let came = if was_not_tried(failure, begun) {
            self.jobs.counts.put_off += 1;
            self.rest_from_items();
            let asked = failure.retry_after_ms().unwrap_or(0).min(JOB_RETRY_CAP_MS);
            let ms = asked.max(self.random.u64(0..=JOB_REST_MS));
            let due_ms = self.now.wall_ms.saturating_add_unsigned(ms);
            Came::Again { code: None, due_ms }
        } else if may_heal(failure) && attempts < JOB_ATTEMPTS {
            let asked = failure.retry_after_ms().unwrap_or(0);
            let ms = asked.max(self.random.u64(0..=bound_ms(attempts)));
            let due_ms = self.now.wall_ms.saturating_add_unsigned(ms);
            let code = Some(code);
            Came::Again { code, due_ms }
        } else {
            Came::Failed { code }
        };
        self.end_item(id, came, None);
    }

    /// What to write about an item.
    pub(super) fn item_end(&mut self, key: ItemKey, came: Came) -> ItemEnd {
        ItemEnd {
            key,
            owner: self.job_owner(),
            now_ms: self.now.wall_ms,
            came,
            analysis: None,
        }
    }

    /// An item has come to its end here: that is written.
    pub(super) fn end_item(&mut self, id: HandId, came: Came, row: Option<Box<AnalysisRow>>) {
        let Some(hand) = self.jobs.hands.get(id) else {
            return;
        };
        let mut end = self.item_end(hand.item.key.clone(), came);
        end.analysis = row;
        if let Some(hand) = self.jobs.hands.get_mut(id) {
            hand.stage = Stage::Ending(Box::new(end), None);
        }
        self.write_end(id);
    }

    fn write_end(&mut self, id: HandId) {
        let Some(hand) = self.jobs.hands.get_mut(id) else {
            return;
        };
        if let Stage::Ending(end, work @ None) = &mut hand.stage {
            let write = write_of(JobWrite::End(end.clone()));
            *work = self.works.submit(WorkOwner::Job(JobWork::Item(id)), write);
        }
    }

    /// Ends that the store did not take are written again.
    pub(super) fn end_items_again(&mut self) {
        for id in self.jobs.hands.ids() {
            self.write_end(id);
        }
    }

    /// The store has the end of an item, or not.
    pub(super) fn end_written(&mut self, id: HandId, result: &WorkResult) {
        let Some(hand) = self.jobs.hands.get_mut(id) else {
            return;
        };
        let Stage::Ending(end, work) = &mut hand.stage else {
            return;
        };
        *work = None;
        let WorkResult::Written(Ok(Written::Job(JobWritten::Ended(heard)))) = result else {
            hand.doubtful |= result.is_unknown();
            return;
        };
        // That the second time nobody has it in hand is what the first time has left.
        let heard = *heard || hand.doubtful;
        let counts = &mut self.jobs.counts;
        match end.came {
            _ if !heard => counts.lost += 1,
            Came::Done { .. } => counts.done += 1,
            Came::Failed { .. } => counts.failed += 1,
            Came::Again { .. } => {}
        }
        let is_over = heard && !matches!(end.came, Came::Again { .. });
        let put_off = matches!(end.came, Came::Again { code: None, .. });
        let job = end.key.job;
        self.jobs.hands.remove(id);
        self.job_changed(job);
        if is_over {
            self.deliveries_may_be_due();
        }
        if put_off {
            return self.look_for_items(JOB_REST_MS);
        }
        self.items_may_be_due();
    }

    /// An item is not ours any more: whatever is being done for it is stopped.
    pub(super) fn drop_item(&mut self, id: HandId) {
        let Some(hand) = self.jobs.hands.remove(id) else {
            return;
        };
        match hand.stage {
            Stage::Writing(text) => self.fail_generation(text, Failure::Cancelled),
            Stage::Scoring(_, work)
            | Stage::Reading(_, Some(work))
            | Stage::Ending(_, Some(work)) => self.works.cancel(work),
            Stage::New | Stage::Reading(_, None) | Stage::Ending(_, None) => {}
        }
        self.look_for_items(0);
    }
}

/// The bound of the wait after so many attempts.
fn bound_ms(attempts: u32) -> u64 {
    let doubled = JOB_RETRY_BASE_MS.saturating_mul(1 << attempts.saturating_sub(1).min(32));
    doubled.min(JOB_RETRY_CAP_MS)
}

/// Whether it ended before anybody was asked for anything. `begun`: its text was let in.
fn was_not_tried(failure: &Failure, begun: bool) -> bool {
    match failure {
        Failure::Full(_)
        | Failure::QueueTimeout { .. }
        | Failure::Stopping
        | Failure::Upstream(Upstream::BreakerOpen { .. }) => true,
        // Else somebody was paid for a text that could not be stored: that is not to go on for ever.
        Failure::Store(_) | Failure::StoreTimeout => !begun,
        _ => false,
    }
}

/// Whether another attempt may end otherwise.
fn may_heal(failure: &Failure) -> bool {
    match failure {
        Failure::Upstream(upstream) => !upstream.is_lasting(),
        Failure::Panicked | Failure::Store(_) | Failure::StoreTimeout => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_heal_is_tried_again_and_what_was_not_tried_does_not_count() {
        let limited = Upstream::RateLimited {
            retry_after_ms: None,
            reach: crate::dialect::Reach::Model,
        };
        assert!(may_heal(&limited.into()) && may_heal(&Upstream::TotalTimeout.into()));
        assert!(!may_heal(&Upstream::Key.into()) && !may_heal(&Failure::Cancelled));
        assert!(!may_heal(&Failure::Internal("a bug")));
        assert!(was_not_tried(&Failure::StoreTimeout, false));
        assert!(!was_not_tried(&Failure::StoreTimeout, true) && may_heal(&Failure::StoreTimeout));
        assert!(!was_not_tried(&Upstream::Broken.into(), true));
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let bounds: Vec<u64> = [1, 2, 3, 40].into_iter().map(bound_ms).collect();
        assert_eq!(bounds, [2_000, 4_000, 8_000, JOB_RETRY_CAP_MS]);
    }
}
