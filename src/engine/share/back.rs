//! Blocks are given back when the process is about to end, so that the others need not do without them
//! until their windows are over.
//!
//! ```text
//!  SIGTERM ─► a walk through all addresses ─► what goes on ends ─► a second walk ─► the process may end
//! ```
//! The first walk gives back what there is at once, because what goes on may take its time; the second one
//! what came of that: estimates that were too high, blocks that were still taken. A walk goes as fast as
//! the counter answers, and the end waits for it a second at most. A window that is over meanwhile, or a
//! counter that is away, gets nothing, and needs nothing.

use crate::engine::Engine;
use crate::engine::now::Mono;
use crate::engine::timers::Owner;
use crate::limits::{COUNTERS_PER_DRAW, RATE_BACK_MS, RATE_BACK_SUBJECTS, REDIS_PIPELINE};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Back {
    /// Where the walk goes on.
    at: Option<usize>,
    /// The end of the process waits for it so long. Set with the second walk.
    until: Option<Mono>,
}

impl Back {
    /// When the end of the process waits no longer, if that is still to come.
    pub(super) fn ends_after(&self, now: Mono) -> Option<Mono> {
        self.until.filter(|until| *until > now)
    }
}

impl Engine {
    /// The server stops.
    pub(in crate::engine) fn begin_giving_back(&mut self) {
        self.share.back.at = self.rates.is_shared().then_some(0);
    }

    /// While the server stops: the next step of a walk, or the second one.
    pub(in crate::engine) fn mind_giving_back(&mut self) {
        if self.stopping.is_none() || !self.rates.is_shared() {
            return;
        }
        let now = self.now.mono;
        if self.may_walk_again() {
            let until = now.plus_ms(RATE_BACK_MS);
            self.share.back.at = Some(0);
            self.share.back.until = Some(until);
            let at = until.min(self.share.timer.at());
            self.timers.set(Owner::Share, &mut self.share.timer, at);
        }
        if let Some(from) = self.share.back.at
            && self.counter_has_room()
        {
            self.share.back.at = self.rates.give_back(now, from, RATE_BACK_SUBJECTS);
            self.put_questions();
        }
    }

    /// Whether a walk can begin, or go on, at once.
    pub(in crate::engine) fn goes_on_giving_back(&self) -> bool {
        self.may_walk_again() || self.share.back.at.is_some() && self.counter_has_room()
    }

    /// Whether the second walk is to begin.
    fn may_walk_again(&self) -> bool {
        let ends = self.stopping.is_some() && self.rates.is_shared();
        ends && self.share.back.until.is_none() && self.has_served_all()
    }

    /// Whether the end of the process need not wait any more.
    pub(in crate::engine) fn has_given_back(&self) -> bool {
        if !self.rates.is_shared() || self.rates.is_alone() {
            return true;
        }
        let Back { at, until } = &self.share.back;
        let is_done = at.is_none() && !self.counter_owes();
        until.is_some_and(|until| is_done || until <= self.now.mono)
    }

    /// Whether the counter takes as many questions as one step of a walk has.
    fn counter_has_room(&self) -> bool {
        let step = RATE_BACK_SUBJECTS * self.rates.meters().len();
        match (&self.share.table, self.redis_standing()) {
            (Some(table), _) => table.waits() < COUNTERS_PER_DRAW,
            (None, Some(redis)) => redis.awaited + step <= REDIS_PIPELINE,
            (None, None) => true,
        }
    }

    /// Whether an answer is on its way.
    fn counter_owes(&self) -> bool {
        match (&self.share.table, self.redis_standing()) {
            (Some(table), _) => table.is_busy(),
            (None, Some(redis)) => redis.awaited > 0,
            (None, None) => false,
        }
    }
}
