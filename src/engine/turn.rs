//! What happens once a turn whoever has sent something: requests in tails, readers of texts that
//! have many, and the deadlines that have come. Each so many at most; the rest has its next turn
//! at once.

use super::timers::{Owner, Popped, Timer};
use super::{Engine, Mono};
use crate::limits::{AGAIN_PER_TURN, REFUSALS_PER_TURN, TIMERS_PER_TURN};

impl Engine {
    pub(super) fn tick(&mut self) {
        self.refusals_left = REFUSALS_PER_TURN;
        for _ in 0..self.again.len().min(AGAIN_PER_TURN) {
            if let Some(id) = self.again.pop_front() {
                self.client_again(id);
            }
        }
        self.serve_readers();
        self.serve_lines();
        for _ in 0..TIMERS_PER_TURN {
            let Some((popped, owner)) = self.timers.pop(self.now.mono) else {
                break;
            };
            self.due(popped, owner);
        }
        self.sweep_timers();
        self.mind_accepting();
        self.mind_the_house();
        self.mind_the_jobs();
        self.mind_the_hooks();
        self.mind_giving_back();
    }

    pub(super) fn due(&mut self, popped: Mono, owner: Owner) {
        let Some(mut timer) = self.timer_of(owner).copied() else {
            return;
        };
        let verdict = self.timers.judge(popped, owner, &mut timer);
        if let Some(field) = self.timer_of(owner) {
            *field = timer;
        }
        if verdict == Popped::Stale {
            return;
        }
        match owner {
            Owner::Conn(id) => self.conn_due(id),
            Owner::Exchange(id) => self.exchange_due(id),
            Owner::Generation(id) => self.generation_due(id),
            Owner::Call(id) => self.call_due(id),
            Owner::Dial(id) => self.dial_due(id),
            Owner::Name(index) => self.name_due(index),
            Owner::Lookup(index) => self.lookup_due(index),
            Owner::Database => self.database_due(),
            Owner::Redis => self.redis_due(),
            Owner::Share => self.share_due(),
            Owner::Counters => self.counters_due(),
            Owner::Spill => self.spill_due(),
            Owner::Jobs => self.jobs_due(),
            Owner::Watch(id) => self.look_at_job(id),
            Owner::Hooks => self.hooks_due(),
            Owner::Keys => self.keys_due(),
            Owner::Retention => self.retention_due(),
            Owner::House => self.house_due(),
        }
    }

    pub(super) fn timer_of(&mut self, owner: Owner) -> Option<&mut Timer> {
        match owner {
            Owner::Conn(id) => self.conns.get_mut(id).map(|c| &mut c.timer),
            Owner::Exchange(id) => self.exchanges.get_mut(id).map(|e| &mut e.timer),
            Owner::Generation(id) => self.generations.get_mut(id).map(|g| &mut g.timer),
            Owner::Call(id) => self.calls.get_mut(id).map(|c| &mut c.timer),
            Owner::Dial(id) => self.dials.get_mut(id).map(|d| &mut d.timer),
            Owner::Name(index) => self.names.get_mut(index as usize).map(|n| &mut n.timer),
            Owner::Lookup(index) => self.resolver.lookup(index).map(|l| &mut l.timer),
            Owner::Database => self.database.as_mut().map(|d| d.timer_mut()),
            Owner::Redis => self.redis.as_mut().map(|r| r.timer_mut()),
            Owner::Share => Some(self.share.timer_mut()),
            Owner::Counters => self.share.table_timer_mut(),
            Owner::Spill => Some(&mut self.spill.timer),
            Owner::Jobs => Some(&mut self.jobs.timer),
            Owner::Watch(id) => self.jobs.watches.timer_mut(id),
            Owner::Hooks => Some(&mut self.jobs.hooks.timer),
            Owner::Keys => Some(&mut self.keys.timer),
            Owner::Retention => Some(&mut self.retention.timer),
            Owner::House => Some(&mut self.house.timer),
        }
    }

    /// Those who have a deadline, or may have one.
    pub(super) fn owners(&self) -> usize {
        self.conns.len()
            + self.exchanges.len()
            + self.generations.len()
            + self.calls.len()
            + self.dials.len()
            + self.names.len()
            + self.resolver.len()
            + self.jobs.watches.len()
            + Owner::SINGLE.len()
    }

    pub(super) fn sweep_timers(&mut self) {
        let mut timers = std::mem::take(&mut self.timers);
        timers.compact(self.owners(), |owner| self.timer_of(owner).copied());
        self.timers = timers;
    }
}
