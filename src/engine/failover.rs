//! Failover: a call goes on at another target, as long as no content has come.
//!
//! ```text
//!  attempt fails ──► may another target help? ──► one left that does not rest? ──► its gate, at once
//!  refused, late       │ no                         │ no
//!  too slow            ▼                            ▼
//!                    the usual rules (`attempts.rs`): again after a while, or the text has failed
//! ```
//! Each target is asked once in this way. What a slow call is: one that has no content after
//! [`ModelRoute::slow_ms`](super::policy::route::ModelRoute); only a stream can be one, because any
//! other answer has its first content at its end.

use super::call::CallWait;
use super::now::Mono;
use super::policy::failover;
use super::slots::{CallId, GenerationId};
use super::{Engine, Failure, failure::Upstream};

/// What has become of the targets of a text so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tries {
    /// Targets that were asked: bit `n` is target `n`.
    pub asked: u32,
    /// Those of them whose last failure may heal.
    pub healing: u32,
    /// The last failure that may pass: what is told if all have failed.
    pub hope: Option<Failure>,
}

/// Attempts that went on elsewhere may wait to be logged; more are only counted.
const MOVES: usize = 256;

/// A text goes on at another target: for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// Provider and model of the attempt that failed.
    pub from: String,
    /// Those of the next one.
    pub to: String,
    /// Why, as a code.
    pub why: &'static str,
}

impl Engine {
    /// The texts that went on at another target since the last call, for the log.
    pub fn failovers(&mut self) -> impl Iterator<Item = Failover> + '_ {
        self.failovers.drain(..)
    }

    /// The first attempt of a call is at target `at`.
    pub(super) fn note_target(&mut self, id: CallId) {
        let now = self.now.mono;
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Some(generation) = self.generations.get_mut(call.generation) else {
            return;
        };
        generation.result.tries.asked |= 1 << call.at;
        let route = &generation.plan.route;
        let slow_ms = route.slow_ms.filter(|_| generation.plan.stream);
        call.slow_at = slow_ms.map_or(Mono::NEVER, |ms| now.plus_ms(ms));
    }

    /// An attempt has failed, or was not let in, and holds nothing any more: it goes on at another
    /// target, if there is one that may help. If not, the failure that is to be told.
    pub(super) fn go_elsewhere(&mut self, id: CallId, failure: Failure) -> Result<(), Failure> {
        if self.leave_race(id) {
            return Ok(());
        }
        let mut failure = failure;
        loop {
            let Some(call) = self.calls.get(id) else {
                return Ok(());
            };
            let (generation, from) = (call.generation, call.at);
            if self.was_seen(id) || !failover::may_help(&failure) {
                return Err(failure);
            }
            let text = self.generations.get(generation);
            let asked = text.map_or(u32::MAX, |text| text.result.tries.asked);
            let Some((at, provider)) = self.next_or_last_resort(generation, asked) else {
                return Err(failure);
            };
            if !is_lasting(&failure)
                && let Some(text) = self.generations.get_mut(generation)
            {
                text.result.tries.hope = Some(failure.clone());
            }
            self.note_failover(id, from, at, &failure);
            self.forget_answer(id);
            if let Some(call) = self.calls.get_mut(id) {
                (call.at, call.provider) = (at, provider);
                (call.came, call.keys_tried) = (false, 0);
            }
            self.note_target(id);
            match self.knock(id) {
                Ok(()) => return Ok(()),
                Err(next) => failure = next,
            }
        }
    }

    /// The call waits for something and has no content yet: others are asked as well, or instead.
    pub(super) fn is_late_with_content(&mut self, id: CallId) {
        let now = self.now.mono;
        if self.calls.get(id).is_some_and(|call| call.hedge_at <= now) {
            self.hedge(id);
        }
        if let Some(call) = self.calls.get(id) {
            if call.slow_at <= now {
                self.call_is_slow(id);
            } else {
                self.set_call_timer(id, call.wait, call.until);
            }
        }
    }

    /// Its text could have had content by now.
    fn call_is_slow(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let (generation, wait, until) = (call.generation, call.wait, call.until);
        call.slow_at = Mono::NEVER;
        let asked = (self.generations.get(generation)).filter(|text| text.hedge.is_none());
        let asked = asked.map_or(u32::MAX, |text| text.result.tries.asked);
        if self.next_target(generation, asked).is_none() {
            return self.set_call_timer(id, wait, until); // nobody could be quicker
        }
        let upstream = match wait {
            CallWait::Turn => return self.turn_timed_out(id),
            CallWait::Connection => Upstream::ConnectTimeout,
            CallWait::FirstByte => Upstream::FirstByteTimeout,
            _ => Upstream::FirstContentTimeout,
        };
        self.fail_call(id, upstream.into());
    }

    /// When a text whose call begins at this moment is to be hedged.
    pub(super) fn hedge_at(&self, id: GenerationId) -> Mono {
        let text = self.generations.get(id).filter(|text| text.plan.stream);
        let ms = text.and_then(|text| text.plan.route.hedge_ms);
        ms.map_or(Mono::NEVER, |ms| self.now.mono.plus_ms(ms))
    }

    fn note_failover(&mut self, id: CallId, from: u8, to: u8, failure: &Failure) {
        self.counters.failovers += 1;
        let text = self.calls.get(id).map(|call| call.generation);
        let Some(text) = text.and_then(|text| self.generations.get(text)) else {
            return;
        };
        if self.failovers.len() < MOVES {
            let words = |at| {
                let target = text.plan.route.target(at);
                format!("{}/{}", target.provider_name, target.model)
            };
            self.failovers.push(Failover {
                from: words(from),
                to: words(to),
                why: failure.code(),
            });
        }
    }

    /// The failure to tell when all targets have failed, `last` of all in this way: one that may
    /// pass rather than one that lasts, because then it makes sense to try again.
    pub(super) fn hope_or(&self, id: CallId, last: Failure) -> Failure {
        if !is_lasting(&last) {
            return last;
        }
        let text = self.calls.get(id).map(|call| call.generation);
        let text = text.and_then(|text| self.generations.get(text));
        text.and_then(|text| text.result.tries.hope.clone())
            .unwrap_or(last)
    }
}

fn is_lasting(failure: &Failure) -> bool {
    match failure {
        Failure::Upstream(upstream) => upstream.is_lasting(),
        _ => matches!(failure, Failure::Body(_)),
    }
}
