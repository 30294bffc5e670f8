//! Gates: what stands between a call and its provider, whatever the connections are like.
//!
//! ```text
//!  call ──► left alone?  ──► a turn free? ──► left alone still? ──► it has its turn
//!             │ cool-down       │ no                │                     │ released on every end,
//!             │ breaker         ▼                   │                     │ a pause included
//!             ▼               in line (bounded, with a deadline)          ▼
//!           429, 503          503 when full or too late           the next one in line
//! ```
//! A gate is four policies side by side (`policy/`): [`CoolDown`], [`Breaker`], [`Permits`] and the
//! [`Budget`] of further attempts. They decide; this file does what they say. It does not know
//! connections, and not why an attempt failed: that is in `attempts.rs`.

use std::sync::Arc;

use super::call::{CallWait, Stage};
use super::metrics::Used;
use super::now::Mono;
use super::policy::adaptive::Adaptive;
use super::policy::breaker::{self, Breaker, Health, Pass};
use super::policy::budget::Budget;
use super::policy::cooldown::CoolDown;
use super::policy::keys::{Key, Keys};
use super::policy::permit::{Permits, Place};
use super::policy::rate::Subject;
use super::pool::Pool;
use super::slots::CallId;
use super::trace::State;
use super::{Engine, Failure, failure::Bound, failure::Upstream};
use crate::config::{self, Concurrency};
use crate::dialect::Reach;

/// The gate of one provider.
#[derive(Debug)]
pub struct Gate {
    /// Its name.
    pub provider: Arc<str>,
    /// Turns, and who waits for one.
    pub permits: Permits<CallId, Subject>,
    /// How many turns there are, if that is found out.
    pub adaptive: Option<Adaptive>,
    /// Further attempts that may be made.
    pub budget: Budget,
    /// Whether it asked to be left alone.
    pub cool_down: CoolDown,
    /// Whether it fails again and again.
    pub breaker: Breaker,
    /// The names of its keys, and which of them rest.
    pub keys: Keys,
    /// What has happened at it.
    pub tally: Tally,
    /// What it was used for.
    pub used: Used,
    /// How long a call may wait for its turn, in milliseconds.
    queue_ms: u64,
    /// On the list of gates that may have to let somebody in.
    pub listed: bool,
}

/// What has happened at a gate since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Calls that waited in line, and are there no more.
    pub waits: u64,
    /// Nanoseconds that they waited.
    pub waited_ns: u64,
    /// Calls turned away because the line was full.
    pub full: u64,
    /// Calls that waited too long.
    pub late: u64,
    /// Calls turned away by the cool-down.
    pub cool_down: u64,
    /// Calls turned away by the breaker.
    pub breaker: u64,
    /// Times that the breaker has opened.
    pub opened: u64,
    /// Further attempts that the budget has forbidden.
    pub broke: u64,
}

/// A breaker has opened, or closed, or lets a probe through: for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerTurn {
    /// Whose.
    pub provider: Arc<str>,
    /// Where it is now.
    pub state: breaker::State,
}

/// When to look again at a line that is full: nobody knows.
const LINE_MS: u64 = 1_000;

/// Changes of breakers that may wait to be logged; more between two calls are only counted.
const TURNS: usize = 1024;

impl Gate {
    /// How one of its keys is: `awake`, `refused`, or `limited` for one model at least. The only key of
    /// a provider is limited when the provider is.
    #[must_use]
    pub fn key_state(&self, key: &Key, now: Mono) -> &'static str {
        let is_alone = self.keys.iter().len() == 1;
        match key.state(now) {
            "awake" if is_alone && self.cool_down.is_closed(now) => "limited",
            state => state,
        }
    }

    /// The gates of these providers: as many turns as there may be connections; at the built-in one,
    /// which needs none, as many as there may be texts.
    #[must_use]
    pub fn for_each(providers: &[config::Provider], pools: &[Pool], texts: usize) -> Vec<Self> {
        let gate = |(provider, pool): (&config::Provider, &Pool)| match provider.upstream() {
            Some(_) => Gate::new(pool.max, provider),
            None => {
                let turns = provider.concurrency.and_then(Concurrency::fixed);
                Gate::new(turns.unwrap_or(texts), provider)
            }
        };
        providers.iter().zip(pools).map(gate).collect()
    }

    /// A gate with `turns` turns.
    #[must_use]
    pub fn new(turns: usize, provider: &config::Provider) -> Self {
        let adaptive =
            (provider.concurrency == Some(Concurrency::Adaptive)).then(|| Adaptive::new(turns));
        let first_turns = adaptive.as_ref().map_or(turns, Adaptive::limit);
        Gate {
            provider: provider.name.as_str().into(),
            permits: Permits::new(first_turns, provider.queue.calls),
            adaptive,
            budget: Budget::default(),
            cool_down: CoolDown::default(),
            breaker: Breaker::new(provider.resilience.breaker),
            keys: Keys::new(provider.upstream().into_iter().flat_map(|upstream| {
                let keys = upstream.keys.iter();
                keys.map(|key| key.name.as_str())
            })),
            tally: Tally::default(),
            used: Used::default(),
            queue_ms: provider.queue.ms,
            listed: false,
        }
    }

    /// For how long, in milliseconds, a call for `model` that comes now would be turned away; `None`
    /// if not.
    #[must_use]
    pub fn rests_ms(&self, now: Mono, model: &str) -> Option<u64> {
        let line = || (!self.permits.has_room()).then_some(LINE_MS);
        let open = || {
            self.breaker
                .check(now)
                .err()
                .map(|refused| refused.retry_after_ms)
        };
        let keys = || self.keys.rests_ms(now, model);
        (self.cool_down.left_ms(now, model).or_else(open))
            .or_else(keys)
            .or_else(line)
    }

    /// Whether it rests only because none of its keys was accepted. Somebody may have mended one: it
    /// is asked when there is nobody else.
    #[must_use]
    pub fn is_last_resort(&self, now: Mono, model: &str) -> bool {
        let rests = self.cool_down.left_ms(now, model).is_some()
            || self.breaker.check(now).is_err()
            || self.keys.limited_ms(now, model).is_some();
        !rests && self.permits.has_room() && !self.keys.has_awake(now, model)
    }

    /// Whether a call made now has a chance.
    fn check(&mut self, now: Mono, model: &str) -> Result<(), Failure> {
        let left_ms = self.cool_down.left_ms(now, model);
        if let Some(ms) = left_ms.or_else(|| self.keys.limited_ms(now, model)) {
            self.tally.cool_down += 1;
            return Err(Failure::Upstream(Upstream::RateLimited {
                retry_after_ms: Some(ms),
                reach: Reach::Model,
            }));
        }
        self.breaker.check(now).map_err(|refused| {
            self.tally.breaker += 1;
            Failure::Upstream(Upstream::BreakerOpen {
                provider: Arc::clone(&self.provider),
                retry_after_ms: refused.retry_after_ms,
            })
        })
    }
}

impl Engine {
    /// A call wants its turn: it has it, is in line for it, or is told why not.
    pub(super) fn knock(&mut self, id: CallId) -> Result<(), Failure> {
        let now = self.now.mono;
        let Some(call) = self.calls.get_mut(id) else {
            return Ok(());
        };
        let generation = self.generations.get(call.generation);
        let patient = generation.is_some_and(|g| g.plan.patient);
        let who = generation.map_or(Subject::Others, |g| g.result.charge.who);
        let gate = &mut self.gates[call.provider as usize];
        gate.check(now, generation.map_or("", |g| g.model_at(call.at)))?;
        // Jobs come after clients: their calls do not stand in line.
        let background = generation.is_some_and(|g| g.plan.errand.is_some());
        if background && !call.came && !gate.permits.is_free() {
            return Err(Failure::Full(Bound::Provider));
        }
        let place = if call.came {
            gate.permits.ask_again(id)
        } else {
            gate.permits.ask(id, who)
        };
        match place {
            Place::Taken => self.begin_turn(id),
            Place::InLine => {
                let at = now.plus_ms(gate.queue_ms);
                call.stage = Stage::Waiting;
                self.enter_call(id, State::Waiting);
                if !patient {
                    self.set_call_timer(id, CallWait::Turn, at);
                }
                Ok(())
            }
            Place::Full => {
                gate.tally.full += 1;
                Err(Failure::Full(Bound::Provider))
            }
        }
    }

    /// A call has a permit: if the provider may still be asked, its attempt begins.
    fn begin_turn(&mut self, id: CallId) -> Result<(), Failure> {
        let now = self.now.mono;
        let Some(call) = self.calls.get_mut(id) else {
            return Ok(());
        };
        let generation = self.generations.get(call.generation);
        let index = call.provider;
        let gate = &mut self.gates[index as usize];
        let model = generation.map_or("", |g| g.model_at(call.at));
        let pass = gate.check(now, model).and_then(|()| {
            let pass = gate.breaker.enter(now);
            pass.map_err(|_| Failure::Internal("a breaker changed its mind"))
        });
        match pass {
            Ok(pass) => call.turn = Some(pass),
            Err(failure) => {
                gate.permits.give_back();
                self.open_gate(index);
                return Err(failure);
            }
        }
        if !call.came {
            gate.budget.call(now);
        }
        call.came = true;
        if pass == Ok(Pass::Probe) {
            self.note_breaker(index);
        }
        self.take_key(id);
        self.begin_attempt(id);
        Ok(())
    }

    /// The turn of a call is over: here, and nowhere else, a permit comes back, and the breaker
    /// hears how it went.
    pub(super) fn give_turn_back(&mut self, id: CallId, health: Health) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Some(pass) = call.turn.take() else {
            return;
        };
        let index = call.provider;
        let gate = &mut self.gates[index as usize];
        gate.permits.give_back();
        if let Some(key) = call.key {
            gate.keys.give_back(key);
        }
        self.open_gate(index);
        self.tell_breaker(index, pass, health);
    }

    /// Content has come: the provider works, whatever becomes of this answer.
    pub(super) fn call_is_alive(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let index = call.provider;
        if let Some(pass) = call.turn.replace(Pass::Usual) {
            self.tell_breaker(index, pass, Health::Alive);
        }
    }

    fn tell_breaker(&mut self, index: u16, pass: Pass, health: Health) {
        let now = self.now.mono;
        let gate = &mut self.gates[index as usize];
        if gate.breaker.leave(now, pass, health) {
            let open = matches!(gate.breaker.state(), breaker::State::Open { .. });
            gate.tally.opened += u64::from(open);
            self.note_breaker(index);
        }
    }

    fn note_breaker(&mut self, index: u16) {
        let gate = &self.gates[index as usize];
        if self.breaker_turns.len() < TURNS {
            self.breaker_turns.push(BreakerTurn {
                provider: Arc::clone(&gate.provider),
                state: gate.breaker.state(),
            });
        }
    }

    /// A call has waited too long for its turn.
    pub(super) fn turn_timed_out(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let gate = &mut self.gates[call.provider as usize];
        gate.tally.late += 1;
        let provider = Arc::clone(&gate.provider);
        self.let_go(id, Health::Unknown);
        self.refuse_call(id, Failure::QueueTimeout { provider });
    }

    /// A call waits no more, because it is given up.
    pub(super) fn leave_line(&mut self, id: CallId) {
        if let Some(call) = self.calls.get(id) {
            let generation = self.generations.get(call.generation);
            let who = generation.map_or(Subject::Others, |g| g.result.charge.who);
            self.gates[call.provider as usize].permits.leave(id, who);
        }
        self.end_wait(id);
    }

    fn end_wait(&mut self, id: CallId) {
        let now = self.now.mono;
        if let Some(call) = self.calls.get(id) {
            let tally = &mut self.gates[call.provider as usize].tally;
            tally.waits += 1;
            tally.waited_ns += now.since(call.since);
        }
    }

    /// Something was learnt about how many calls a provider takes.
    pub(super) fn adapt(&mut self, index: u16, learn: impl FnOnce(&mut Adaptive, usize)) {
        let gate = &mut self.gates[index as usize];
        let used = gate.permits.used();
        let Some(adaptive) = &mut gate.adaptive else {
            return;
        };
        learn(adaptive, used);
        if gate.permits.set_max(adaptive.limit()) {
            self.open_gate(index);
        }
    }

    /// Has a look at this gate before the present input is done with.
    fn open_gate(&mut self, index: u16) {
        let gate = &mut self.gates[index as usize];
        if !gate.listed {
            gate.listed = true;
            self.gates_to_open.push(index);
        }
    }

    /// Gives the turns and the connections that have come free to those who wait. Once per input and
    /// from here only: whoever fails at once must not let the next one in from within.
    pub(super) fn let_calls_go_on(&mut self) {
        let mut later = Vec::new();
        while !(self.gates_to_open.is_empty() && self.pools_to_open.is_empty()) {
            while let Some(index) = self.gates_to_open.pop() {
                if self.let_in(index) {
                    self.gates[index as usize].listed = false;
                } else {
                    later.push(index);
                }
            }
            self.open_pools();
        }
        self.gates_to_open = later;
    }

    /// Gives the free turns of a gate to the first in line. Of those who are turned away after all
    /// there may be thousands, so only so many are in one turn of the loop. `false` if some are left.
    fn let_in(&mut self, index: u16) -> bool {
        while self.refusals_left > 0 {
            let Some(id) = self.gates[index as usize].permits.take_next() else {
                return true;
            };
            self.end_wait(id);
            if let Err(failure) = self.begin_turn(id) {
                self.refusals_left -= 1;
                self.refuse_call(id, failure);
            }
        }
        false
    }

    /// Whether somebody waits for the next turn of the loop to be let in or turned away.
    pub(super) fn gates_are_behind(&self) -> bool {
        !self.gates_to_open.is_empty()
    }

    /// A call was not let in: unless somebody else lets it in, that is the end of its text.
    pub(super) fn refuse_call(&mut self, id: CallId, failure: Failure) {
        if let Some(call) = self.calls.get_mut(id) {
            call.stage = Stage::BackOff;
            let generation = call.generation;
            if let Err(failure) = self.go_elsewhere(id, failure) {
                self.fail_generation(generation, self.hope_or(id, failure));
            }
        }
    }
}
