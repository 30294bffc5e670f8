//! The end of an attempt: what follows from it, and how that comes into the database.
//!
//! ```text
//!  2xx ──────────────────────────────► delivered
//!  410, or enough attempts ──────────► given up, and told
//!  anything else, or nothing ────────► again, after a while
//! ```
//! The bound of the wait grows fourfold with each attempt; the wait is drawn between its half and the
//! whole, and is at least what the webhook has asked for, within the largest bound.

use super::queue::work_of;
use super::{GivenUp, HookWork, Stage};
use crate::engine::Engine;
use crate::engine::io::How;
use crate::engine::slots::DeliveryId;
use crate::engine::work::{WorkOwner, WorkResult};
use crate::limits::hooks::{HOOK_ATTEMPTS, HOOK_POLL_MS, HOOK_RETRY_CAP_MS, HOOK_RETRY_MS};
use crate::store::{Attempted, DeliveryWrite, JobWritten, Written};

/// The receiver is gone and wants to hear nothing more (RFC 9110 §15.5.11).
const GONE: u16 = 410;

impl Engine {
    /// The webhook has answered.
    pub(super) fn delivery_answered(
        &mut self,
        id: DeliveryId,
        status: u16,
        retry_after_ms: Option<u64>,
    ) {
        let error = || format!("it answered {status}");
        match status {
            200..=299 => self.end_delivery(id, Attempted::Delivered),
            GONE => self.end_delivery(id, Attempted::GivenUp { error: error() }),
            _ => self.attempt_failed(id, &error(), retry_after_ms),
        }
    }

    /// Nothing came of an attempt, for this reason.
    pub(super) fn attempt_failed(&mut self, id: DeliveryId, error: &str, asked_ms: Option<u64>) {
        let Some(hand) = self.jobs.hooks.hands.get(id) else {
            return;
        };
        let error = error.to_owned();
        if hand.delivery.attempts >= HOOK_ATTEMPTS {
            return self.end_delivery(id, Attempted::GivenUp { error });
        }
        let hook = hand.hook.and_then(|at| self.config.webhooks.get(at));
        let first_ms = hook.map_or(HOOK_RETRY_MS, |hook| hook.retry_ms);
        let most = bound_ms(first_ms, hand.delivery.attempts);
        let drawn = self.random.u64(most / 2..=most);
        let wait_ms = drawn.max(asked_ms.unwrap_or(0).min(HOOK_RETRY_CAP_MS));
        let due_ms = self.now.wall_ms.saturating_add_unsigned(wait_ms);
        let error = Some(error);
        self.end_delivery(id, Attempted::Again { error, due_ms });
    }

    /// An attempt was not made, or not to its end: somebody else can make it at once.
    pub(super) fn give_delivery_back(&mut self, id: DeliveryId) {
        let due_ms = self.now.wall_ms;
        let error = None;
        self.end_delivery(id, Attempted::Again { error, due_ms });
    }

    /// An attempt has come to its end here: that is written.
    pub(super) fn end_delivery(&mut self, id: DeliveryId, came: Attempted) {
        let Some(hand) = self.jobs.hooks.hands.get_mut(id) else {
            return;
        };
        let writing = false;
        let before = std::mem::replace(&mut hand.stage, Stage::Ending { came, writing });
        if let Stage::Sending(conn) = before {
            self.close_conn(conn, How::Plain);
        }
        self.write_delivery_end(id);
    }

    fn write_delivery_end(&mut self, id: DeliveryId) {
        let Some(hand) = self.jobs.hooks.hands.get_mut(id) else {
            return;
        };
        if let Stage::Ending { came, writing } = &mut hand.stage
            && !*writing
        {
            let work = work_of(DeliveryWrite::End {
                claim: hand.claim,
                came: came.clone(),
            });
            let owner = WorkOwner::Hook(HookWork::End(id));
            *writing = self.works.submit(owner, work).is_some();
        }
    }

    /// Ends that the store did not take are written again.
    pub(super) fn end_deliveries_again(&mut self) {
        for id in self.jobs.hooks.hands.ids() {
            self.write_delivery_end(id);
        }
    }

    /// The store has the end of an attempt, or not.
    pub(super) fn delivery_end_written(&mut self, id: DeliveryId, result: &WorkResult) {
        let hooks = &mut self.jobs.hooks;
        let Some(hand) = hooks.hands.get_mut(id) else {
            return self.counters.stale += 1;
        };
        let WorkResult::Written(Ok(Written::Job(JobWritten::Ended(heard)))) = result else {
            if let Stage::Ending { writing, .. } = &mut hand.stage {
                *writing = false;
            }
            hand.doubtful |= result.is_unknown();
            return self.look_for_deliveries(HOOK_POLL_MS);
        };
        let Some(hand) = hooks.hands.remove(id) else {
            return;
        };
        match hand.stage {
            // That the second time nobody has it in hand is what the first time has left.
            _ if !heard && !hand.doubtful => hooks.counts.lost += 1,
            Stage::Ending { came, .. } => match came {
                Attempted::Delivered => hooks.counts.delivered += 1,
                Attempted::Again { error: Some(_), .. } => hooks.counts.failed += 1,
                Attempted::Again { error: None, .. } => {}
                Attempted::GivenUp { error } => {
                    hooks.counts.given_up += 1;
                    hooks.turns.push(GivenUp {
                        hook: hand.delivery.hook,
                        job: hand.delivery.job.id,
                        error,
                    });
                }
            },
            Stage::Dialing | Stage::Sending(_) => self.counters.stale += 1,
        }
        self.look_for_deliveries(0);
    }

    /// The server stops: what came of attempts is written, again and again until the time for the end is over,
    /// and the others are given back. What a webhook has taken in this moment and not answered is told once
    /// more.
    pub(in crate::engine) fn stop_hooks(&mut self) {
        for id in self.jobs.hooks.hands.ids() {
            match self.jobs.hooks.hands.get(id).map(|hand| &hand.stage) {
                Some(&Stage::Sending(conn)) if self.hook_has_answered(conn) => self.hook_late(conn),
                Some(Stage::Dialing | Stage::Sending(_)) => self.give_delivery_back(id),
                Some(Stage::Ending { .. }) => self.write_delivery_end(id),
                None => {}
            }
        }
        self.let_go_of_doubtful();
        self.look_for_deliveries(HOOK_POLL_MS);
    }
}

/// The bound of the wait after so many attempts.
fn bound_ms(first_ms: u64, attempts: u32) -> u64 {
    let fourfold = 4_u64.saturating_pow(attempts.saturating_sub(1));
    first_ms.saturating_mul(fourfold).min(HOOK_RETRY_CAP_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_fourfold_and_all_of_them_are_the_better_part_of_a_day() {
        let bounds: Vec<u64> = (1..HOOK_ATTEMPTS)
            .map(|attempt| bound_ms(HOOK_RETRY_MS, attempt))
            .collect();
        assert_eq!(bounds[..3], [5_000, 20_000, 80_000]);
        assert_eq!(bounds.last(), Some(&HOOK_RETRY_CAP_MS));
        let hours = bounds.iter().sum::<u64>() / 3_600_000;
        assert!((12..=24).contains(&hours), "{hours}");
        assert_eq!(bound_ms(1, u32::MAX), HOOK_RETRY_CAP_MS);
    }
}
