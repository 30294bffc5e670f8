//! What is due, and taking it in hand. One question about the queue is on the way at a time.

use uuid::Uuid;

use super::{Hand, HookWork, Stage};
use crate::engine::Engine;
use crate::engine::dial::why_no_dial;
use crate::engine::slots::DeliveryId;
use crate::engine::timers::Owner;
use crate::engine::work::{Work, WorkOwner, WorkResult};
use crate::limits::hooks::{HOOK_ATTEMPTS, HOOK_POLL_MS, HOOK_SOON_MS};
use crate::store::{
    Attempted, ClaimedDelivery, DeliveryWrite, Found, JobFound, JobQuery, JobWrite, JobWritten,
    Query, Write, Written,
};

/// A question about the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// When something is due.
    Look,
    /// For a delivery, under this claim.
    Claim(Uuid),
    /// To let go of what a claim may hold.
    LetGo,
}

impl Engine {
    /// Orders the first look, where there are webhooks and this process is to do what jobs need.
    pub(in crate::engine) fn mind_the_hooks(&mut self) {
        let (_, parallel) = self.jobs.in_hand();
        let delivers = parallel > 0 && !self.config.webhooks.is_empty();
        if delivers && !self.jobs.hooks.begun && self.stopping.is_none() {
            self.jobs.hooks.begun = true;
            self.look_for_deliveries(HOOK_SOON_MS);
        }
    }

    /// An item has ended here, or a job was cancelled: there may be somebody to be told.
    pub(in crate::engine) fn deliveries_may_be_due(&mut self) {
        if self.jobs.hooks.begun {
            self.look_for_deliveries(HOOK_SOON_MS);
        }
    }

    /// Looks in `ms`, or earlier if that was the plan.
    pub(super) fn look_for_deliveries(&mut self, ms: u64) {
        let hooks = &mut self.jobs.hooks;
        hooks.look_at = hooks.look_at.min(self.now.mono.plus_ms(ms));
        self.set_hooks_timer();
    }

    fn set_hooks_timer(&mut self) {
        let stops = self.stopping.is_some();
        let hooks = &mut self.jobs.hooks;
        // Whoever stops looks for nothing, but says what came of its attempts.
        let has_use = if stops {
            hooks.owes_ends()
        } else {
            hooks.question.is_none()
        };
        if has_use {
            self.timers
                .set(Owner::Hooks, &mut hooks.timer, hooks.look_at);
        } else {
            hooks.timer.clear();
        }
    }

    /// The time for a look has come.
    pub(in crate::engine) fn hooks_due(&mut self) {
        let hooks = &mut self.jobs.hooks;
        hooks.look_at = self.now.mono.plus_ms(HOOK_POLL_MS);
        let takes_more = hooks.question.is_none() && self.stopping.is_none();
        let (has_room, in_doubt) = (hooks.has_room(), hooks.doubtful.is_some());
        self.end_deliveries_again();
        if takes_more && in_doubt {
            self.claim_delivery();
        } else if takes_more && has_room {
            let query = Work::Read(Query::Job(JobQuery::DeliveryDue));
            self.ask_for_deliveries(Question::Look, query);
        }
        self.set_hooks_timer();
    }

    fn claim_delivery(&mut self) {
        if !self.jobs.hooks.has_room() {
            return; // each end leads to the next look
        }
        let doubtful = self.jobs.hooks.doubtful;
        let claim = doubtful.unwrap_or_else(|| self.new_id());
        let now_ms = self.now.wall_ms;
        let write = DeliveryWrite::Claim {
            claim,
            now_ms,
            until_ms: now_ms.saturating_add_unsigned(self.attempt_ms()),
        };
        self.ask_for_deliveries(Question::Claim(claim), work_of(write));
    }

    /// So long after a claim its delivery is somebody else's to take: an attempt is over by then, and who
    /// has said nothing for a lease is dead.
    fn attempt_ms(&self) -> u64 {
        let hooks = self.config.webhooks.iter();
        let longest = hooks.map(|hook| hook.timeout_ms).max().unwrap_or(0);
        4 * longest + self.config.jobs.lease_ms
    }

    /// While the server stops: what a claim may hold is somebody else's to take at once.
    pub(super) fn let_go_of_doubtful(&mut self) {
        if self.jobs.hooks.question.is_some() {
            return; // its answer leads here
        }
        if let Some(claim) = self.jobs.hooks.doubtful.take() {
            let came = Attempted::Again {
                error: None,
                due_ms: self.now.wall_ms,
            };
            let write = DeliveryWrite::End { claim, came };
            self.ask_for_deliveries(Question::LetGo, work_of(write));
        }
    }

    fn ask_for_deliveries(&mut self, question: Question, work: Work) {
        let owner = WorkOwner::Hook(HookWork::Queue);
        if self.works.submit(owner, work).is_some() {
            self.jobs.hooks.question = Some(question);
        }
    }

    /// The store has answered.
    pub(in crate::engine) fn hook_work_done(&mut self, work: HookWork, result: WorkResult) {
        match work {
            HookWork::Queue => self.deliveries_answered(result),
            HookWork::End(id) => self.delivery_end_written(id, &result),
        }
        self.set_hooks_timer();
    }

    fn deliveries_answered(&mut self, result: WorkResult) {
        match (self.jobs.hooks.question.take(), result) {
            (Some(Question::Look), WorkResult::Found(Ok(Found::Job(JobFound::Due(Some(due)))))) => {
                let wait_ms = due.saturating_sub(self.now.wall_ms);
                if wait_ms <= 0 {
                    self.claim_delivery();
                } else {
                    self.look_for_deliveries(HOOK_POLL_MS.min(wait_ms.unsigned_abs()));
                }
            }
            (
                Some(Question::Claim(claim)),
                WorkResult::Written(Ok(Written::Job(JobWritten::Delivery(Some(delivery))))),
            ) => {
                self.jobs.hooks.doubtful = None;
                self.take_delivery(claim, delivery);
                if self.stopping.is_none() {
                    self.claim_delivery(); // there may be more
                }
            }
            (
                Some(Question::Claim(_)),
                WorkResult::Written(Ok(Written::Job(JobWritten::Delivery(None)))),
            ) => self.jobs.hooks.doubtful = None, // nothing was due
            // The store is in trouble, which is told elsewhere. But it may have done it.
            (Some(Question::Claim(claim)), _) => self.jobs.hooks.doubtful = Some(claim),
            // Nothing will be due. Or the store is in trouble. Later again.
            _ => {}
        }
        if self.stopping.is_some() {
            self.let_go_of_doubtful();
        }
    }

    /// A delivery is ours.
    fn take_delivery(&mut self, claim: Uuid, delivery: Box<ClaimedDelivery>) {
        let number = self.jobs.hooks.counts.claimed;
        self.jobs.hooks.counts.claimed += 1;
        let attempts = delivery.attempts;
        let mut known = self.config.webhooks.iter();
        let hook = known.position(|hook| hook.name == delivery.hook);
        let hand = Hand {
            claim,
            number,
            delivery,
            hook,
            stage: Stage::Dialing,
            doubtful: false,
        };
        let Ok(id) = self.jobs.hooks.hands.insert(hand) else {
            return; // nobody asks for more than there is room for; its time will be over
        };
        match hook {
            _ if self.stopping.is_some() => self.give_delivery_back(id),
            // Whoever made the last attempts has died over them.
            _ if attempts > HOOK_ATTEMPTS => {
                let error = "no attempt has come to an end".to_owned();
                self.end_delivery(id, Attempted::GivenUp { error });
            }
            None => self.attempt_failed(id, "it is not configured here", None),
            Some(at) => self.dial_hook(id, self.jobs.hooks.first + at),
        }
    }

    fn dial_hook(&mut self, id: DeliveryId, name: usize) {
        if let Err(failure) = self.dial(name as u16) {
            self.attempt_failed(id, why_no_dial(&failure), None);
        }
    }
}

/// The work of a change about deliveries.
pub(super) fn work_of(write: DeliveryWrite) -> Work {
    let write = JobWrite::Delivery(write);
    Work::Write(Box::new(Write::Job(Box::new(write))))
}
