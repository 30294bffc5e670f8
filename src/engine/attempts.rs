//! Attempts: what follows when one fails, and when the next one is made.
//!
//! ```text
//!  attempt fails ─► tell the breaker, the cool-down ─► may it heal? in time? within the budget?
//!                                                        │ yes                │ no
//!                                 BackOff ◄──────────────┘                    ▼
//!                                    │ (time)                        the text has failed
//!                                    ▼
//!                                 the gate again, first in line
//! ```
//! The questions are those of `policy/retry.rs` and `policy/budget.rs`; here they are asked with
//! everything that has to be known for an answer. While a call is in back-off it holds nothing, so
//! it can be given up at any time, and the time limit of the whole goes on.

use std::sync::Arc;

use super::call::{CallWait, Stage};
use super::generation::Generation;
use super::policy::adaptive;
use super::policy::breaker;
use super::policy::retry::{self, Cause};
use super::slots::CallId;
use super::trace::State;
use super::{Engine, Failure, failure::Upstream};
use crate::dialect::{Reach, Usage};
use crate::limits::RETRY_JITTER_MS;

impl Engine {
    /// A call has its turn: it asks for a connection, or begins at once if it needs none.
    pub(super) fn begin_attempt(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.renewed = false;
        let at = call.at;
        if let Err(failure) = self.prepare_chat(id) {
            return self.fail_call(id, failure);
        }
        let Some(call) = self.calls.get(id) else {
            return;
        };
        self.counters.calls += 1;
        let Some(generation) = self.generations.get_mut(call.generation) else {
            return;
        };
        generation.result.attempts += 1;
        if generation.hedge != Some(id) {
            generation.result.at = at;
        }
        if generation.plan.route.target(at).offline {
            self.begin_offline(id);
        } else {
            self.queue_call(id);
        }
    }

    /// An attempt has failed: there is another one, or the text has failed too.
    pub(super) fn fail_call(&mut self, id: CallId, failure: Failure) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let (generation, provider) = (call.generation, call.provider);
        self.put_spoken();
        let failure = self.unquoted(id, failure);
        self.counters.calls_failed += 1;
        self.advise(id, &failure);
        if adaptive::is_overload(&failure) {
            let now = self.now.mono;
            self.adapt(provider, |adaptive, _| adaptive.overloaded(now));
        }
        let another_key = self.blame_key(id, &failure);
        self.let_go(id, breaker::health(&failure));
        if another_key && !self.was_seen(id) {
            self.forget_answer(id);
            if self.knock(id).is_ok() {
                return;
            }
        }
        if let Failure::Upstream(Upstream::RateLimited {
            retry_after_ms: Some(ms),
            reach,
        }) = failure
        {
            let model = self.model_of(id).filter(|_| reach == Reach::Model);
            let gate = &mut self.gates[provider as usize];
            if gate.keys.iter().len() < 2 {
                gate.cool_down.close(self.now.mono, model.as_ref(), ms);
            }
        }
        self.note_healing(id, &failure);
        let Err(failure) = self.go_elsewhere(id, failure) else {
            return;
        };
        match self.wait_before_retry(id, &failure) {
            Some(ms) => self.back_off(id, ms),
            None => self.fail_generation(generation, self.hope_or(id, failure)),
        }
    }

    /// Whether a client may have seen something of the answer.
    pub(super) fn was_seen(&self, id: CallId) -> bool {
        let text = self.calls.get(id).map(|call| call.generation);
        let text = text.and_then(|text| self.generations.get(text));
        text.is_none_or(Generation::was_seen)
    }

    /// Remembers whether the target of a failed attempt may be asked again.
    fn note_healing(&mut self, id: CallId, failure: &Failure) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let rules = &self.config.providers[call.provider as usize].resilience;
        let heals = u32::from(retry::cause(failure, rules).is_some());
        if let Some(generation) = self.generations.get_mut(call.generation) {
            let healing = &mut generation.result.tries.healing;
            *healing = *healing & !(1 << call.at) | heals << call.at;
        }
    }

    /// Milliseconds until the next attempt; `None` if there is none. It is made at the target whose
    /// failure may heal and that is the best of those.
    fn wait_before_retry(&mut self, id: CallId, failure: &Failure) -> Option<u64> {
        let now = self.now.mono;
        let call = self.calls.get(id)?;
        let (generation, retries) = (call.generation, call.retries);
        let mut cause = {
            let rules = &self.config.providers[call.provider as usize].resilience;
            retry::cause(failure, rules)
        };
        let text = self.generations.get(generation)?;
        if text.was_seen() {
            return None; // by somebody, perhaps
        }
        let provider = if text.plan.route.targets().len() == 1 {
            call.provider
        } else {
            if text.result.tries.healing & (1 << call.at) == 0 {
                cause = Some(Cause::Busy);
            }
            self.stay_or_return(id)?
        };
        let cause = cause?;
        let rules = self.config.providers[provider as usize].resilience;
        let ms = retry::wait_ms(cause, retries, &rules.retry, &mut self.random)?;
        let at = now.plus_ms(ms);
        if at >= self.patience(generation) {
            return None;
        }
        let gate = &mut self.gates[provider as usize];
        gate.breaker.check(at).ok()?; // it would be turned away
        if !gate.budget.take(now) {
            gate.tally.broke += 1;
            return None;
        }
        Some(ms)
    }

    /// The call rests for so long.
    fn back_off(&mut self, id: CallId, ms: u64) {
        let at = self.now.mono.plus_ms(ms);
        self.enter_call(id, State::BackOff);
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.stage = Stage::BackOff;
        (call.retries, call.keys_tried) = (call.retries + 1, 0);
        self.forget_answer(id);
        self.counters.retries += 1;
        self.set_call_timer(id, CallWait::BackOff, at);
    }

    /// Forgets what a failed attempt has told of its answer. What the call beside a hedge has told is
    /// its own.
    pub(super) fn forget_answer(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.aside = None;
        if let Some(generation) = self.generations.get_mut(call.generation)
            && generation.hedge != Some(id)
        {
            let result = &mut generation.result;
            (result.usage, result.finish, result.model) = (Usage::default(), None, None);
            (result.native, result.pieces) = (None, 0);
            result.document = None;
            Arc::make_mut(&mut generation.text).clear();
        }
    }

    /// The back-off is over. Should the provider have asked somebody else for a longer wait in the
    /// meantime, that is waited for as well, if it may be.
    pub(super) fn try_again(&mut self, id: CallId) {
        let Err(failure) = self.knock(id) else {
            return;
        };
        if let Failure::Upstream(Upstream::RateLimited {
            retry_after_ms: Some(ms),
            ..
        }) = failure
            && let Some(call) = self.calls.get(id)
        {
            let rules = self.config.providers[call.provider as usize].resilience;
            let most = rules.retry.retry_hint_ms;
            let generation = call.generation;
            // Everybody who waits for the same end would come back in the same millisecond.
            let late = self.random.u64(0..=(ms / 10).min(RETRY_JITTER_MS));
            let at = self.now.mono.plus_ms(ms + late);
            if ms <= most && at < self.patience(generation) {
                return self.set_call_timer(id, CallWait::BackOff, at);
            }
        }
        self.refuse_call(id, failure);
    }
}
