//! Calls: what is done at a provider to get one text, in one attempt or a few.
//!
//! ```text
//!     ┌─────────────────────────────────── BackOff ◄──(failed before any text, may heal)──┐
//!     ▼                                                                                   │
//!  Waiting ─(its turn)─► Queued ─(connection)─► Awaiting ─(head)─► Receiving ─────────────┴─► bad
//!                │         ▲                       │                  └─(terminal)─► good
//!                │         └─(reused connection    │
//!                │            died, no byte came)──┘
//!                └─ the offline provider: Offline, paced by a timer
//! ```
//! `gate.rs` says when it has its turn, `pool.rs` when it has a connection, `attempts.rs` what
//! follows when an attempt fails. A call ends by giving its verdict to its generation.

use std::sync::Arc;

use uuid::Uuid;

use super::generation::Generation;
use super::jobs::Errand;
use super::keywords::Purpose;
use super::now::Mono;
use super::offline::Desk;
use super::outcome::About;
use super::policy::breaker::{Health, Pass};
use super::policy::route::{ModelRoute, Target};
use super::provider::Reception;
use super::slots::{CallId, ConnId, GenerationId};
use super::timers::{Owner, Timer};
use super::trace::{Kind, Span, State};
use super::{Engine, Failure, failure::Upstream};
use crate::engine::io::How;
use crate::limits::{LAG_HIGH_BYTES, LAG_LOW_BYTES};
use crate::store::TextRow;

/// What a generation is asked for: fixed at admission.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What others must ask for as well to share it.
    pub key: u128,
    /// The topic.
    pub topic: String,
    /// `search_term_id` of the topic.
    pub term_id: Uuid,
    /// Whom it may be asked of.
    pub route: Arc<ModelRoute>,
    /// The most tokens.
    pub max_tokens: Option<u32>,
    /// The temperature.
    pub temperature: Option<f32>,
    /// Whether the first who asked wants a stream.
    pub stream: bool,
    /// Which of several texts about the same topic it is: they are not to be one text.
    pub candidate: u8,
    /// Whether it may wait for its turn as long as for everything else: it is one of several texts for
    /// one request, which wait for each other.
    pub patient: bool,
    /// What the answer is for.
    pub purpose: Purpose,
    /// What the client calls the model, if that is not simply its name.
    pub asked: Option<Box<str>>,
    /// The item of a job that it is for, if no client has asked for it.
    pub errand: Option<Errand>,
}

impl Plan {
    /// The plan of a text that comes from the store.
    #[must_use]
    pub fn of_row(row: &TextRow, provider: u16) -> Plan {
        Plan {
            key: 0,
            topic: row.term.clone(),
            term_id: row.search_term_id,
            route: Arc::new(ModelRoute::single(Target {
                provider,
                provider_name: row.provider.as_str().into(),
                offline: row.offline,
                model: row.model.as_str().into(),
            })),
            max_tokens: None,
            temperature: None,
            stream: false,
            candidate: 0,
            patient: false,
            purpose: Purpose::Text,
            asked: None,
            errand: None,
        }
    }
}

/// The work of a provider for one text.
#[derive(Debug)]
pub struct Call {
    /// Whose text it is.
    pub generation: GenerationId,
    /// Which target of the plan it is at.
    pub at: u8,
    /// Place of that target's provider in the configuration.
    pub provider: u16,
    /// Where it is.
    pub stage: Stage,
    /// The deadline of `wait`.
    pub timer: Timer,
    /// What the deadline is for.
    pub wait: CallWait,
    /// When that is; the deadline may be earlier, because of `slow_at`.
    pub until: Mono,
    /// When it is to go on at another target, unless it has content by then.
    pub slow_at: Mono,
    /// When another target is to be asked as well, unless it has content by then.
    pub hedge_at: Mono,
    /// Further attempts that were waited for.
    pub retries: u32,
    /// Whether it has had a turn at this provider before.
    pub came: bool,
    /// Its permit, and how the breaker let it through; `None` while it waits or rests.
    pub turn: Option<Pass>,
    /// Which of the provider's keys it has, or had.
    pub key: Option<u8>,
    /// Keys of this provider that were refused or limited since it was last waited for.
    pub keys_tried: u8,
    /// What the provider has said of its answer before any content, if there is a second call: it is
    /// the winner's that counts.
    pub aside: Option<Box<About>>,
    /// Whether its connection had been used before.
    pub reused: bool,
    /// Whether this attempt was sent again because its connection had died unseen.
    pub renewed: bool,
    /// Whether its connection is paused because the reader is behind.
    pub throttled: bool,
    /// Bytes in the ledger.
    pub charged: u32,
    /// The trace state that is going on, and since when.
    pub state: State,
    /// See `state`.
    pub since: Mono,
}

const _: () = assert!(size_of::<Call>() <= 192);

/// Where a call is.
#[derive(Debug)]
pub enum Stage {
    /// In line for its turn.
    Waiting,
    /// It has its turn, and no connection yet.
    Queued,
    /// The request is out; the head of the answer is awaited.
    Awaiting(ConnId),
    /// The answer is arriving.
    Receiving(ConnId, Box<Reception>),
    /// The built-in provider writes. `None` while a word is being taken.
    Offline(Option<Box<Desk>>),
    /// Between two attempts, or between the last one and its end. It holds nothing.
    BackOff,
}

/// What a call's deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallWait {
    /// Its turn.
    Turn,
    /// A connection.
    Connection,
    /// The first byte of the answer.
    FirstByte,
    /// The first piece of content.
    FirstContent,
    /// More content.
    Content,
    /// The next word of the offline provider.
    Pace,
    /// The next attempt.
    BackOff,
}

impl CallWait {
    /// Whether it is for something that another target could have sooner.
    #[must_use]
    pub fn is_before_content(self) -> bool {
        use CallWait::{Connection, FirstByte, FirstContent, Turn};
        matches!(self, Turn | Connection | FirstByte | FirstContent)
    }
}

impl Call {
    /// A call for this text at target `at`, that has done nothing yet.
    #[must_use]
    pub fn new(generation: GenerationId, at: u8, provider: u16, now: Mono) -> Self {
        Call {
            generation,
            at,
            provider,
            stage: Stage::BackOff,
            timer: Timer::default(),
            wait: CallWait::Turn,
            until: Mono::NEVER,
            slow_at: Mono::NEVER,
            hedge_at: Mono::NEVER,
            retries: 0,
            came: false,
            turn: None,
            key: None,
            keys_tried: 0,
            aside: None,
            reused: false,
            renewed: false,
            throttled: false,
            charged: 0,
            state: State::Waiting,
            since: now,
        }
    }
}

impl Engine {
    /// Starts the call of a generation.
    pub(super) fn start_call(&mut self, id: GenerationId) -> Result<(), Failure> {
        let Some((at, provider)) = self.first_target(id) else {
            return Ok(());
        };
        let mut call = Call::new(id, at, provider, self.now.mono);
        call.hedge_at = self.hedge_at(id);
        let call = self
            .calls
            .insert(call)
            .map_err(|_| Failure::Full(super::failure::Bound::Generations))?;
        if let Some(generation) = self.generations.get_mut(id) {
            generation.call = Some(call);
        }
        self.note_target(call);
        self.knock(call)
    }

    /// Sets the deadline of a call.
    pub(super) fn set_call_timer(&mut self, id: CallId, wait: CallWait, at: Mono) {
        if let Some(call) = self.calls.get_mut(id) {
            call.wait = wait;
            call.until = at;
            let at = if wait.is_before_content() {
                at.min(call.slow_at).min(call.hedge_at)
            } else {
                at
            };
            self.timers.set(Owner::Call(id), &mut call.timer, at);
        }
    }

    /// Ends the trace state of a call and starts `next`.
    pub(super) fn enter_call(&mut self, id: CallId, next: State) {
        let now = self.now.mono;
        self.end_call_state(id, Some(next));
        if let Some(call) = self.calls.get_mut(id) {
            call.state = next;
            call.since = now;
        }
    }

    fn end_call_state(&mut self, id: CallId, next: Option<State>) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let (state, nanos) = (call.state, self.now.mono.since(call.since));
        self.trace.push(Span {
            start: call.since,
            nanos,
            whose: id.into(),
            kind: Kind::Call,
            state,
            arg: 0,
        });
        self.spend(id, state, next, nanos);
    }

    /// A deadline of a call has come.
    pub(super) fn call_due(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        if self.now.mono < call.until {
            return self.is_late_with_content(id);
        }
        let upstream = match call.wait {
            CallWait::Turn => return self.turn_timed_out(id),
            CallWait::BackOff => return self.try_again(id),
            CallWait::Pace => return self.offline_tick(id),
            CallWait::Connection => Upstream::PoolTimeout,
            CallWait::FirstByte => Upstream::FirstByteTimeout,
            CallWait::FirstContent => Upstream::FirstContentTimeout,
            CallWait::Content => Upstream::ContentTimeout,
        };
        self.fail_call(id, upstream.into());
    }

    /// A call has its whole answer. Its connection is left to whoever reads its end.
    pub(super) fn complete_call(&mut self, id: CallId) {
        self.win(id);
        self.provider_is_well(id);
        self.praise_key(id);
        self.give_turn_back(id, Health::Alive);
        let Some(call) = self.remove_call(id) else {
            return;
        };
        self.complete_generation(call.generation);
    }

    /// Gives a call up, wherever it is: the connection is closed, so the provider notices.
    pub(super) fn abort_call(&mut self, id: CallId) {
        let at_work = self
            .calls
            .get(id)
            .is_some_and(|call| matches!(call.stage, Stage::Awaiting(_) | Stage::Receiving(..)));
        self.counters.calls_aborted += u64::from(at_work);
        self.let_go(id, Health::Unknown);
        self.remove_call(id);
    }

    /// Ends an attempt, whatever came of it: it waits no more, its connection is closed if it has
    /// one, and its turn is somebody else's.
    pub(super) fn let_go(&mut self, id: CallId, health: Health) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let provider = call.provider;
        call.timer.clear();
        call.throttled = false;
        self.ledger.settle(&mut call.charged, 0);
        match std::mem::replace(&mut call.stage, Stage::BackOff) {
            Stage::Waiting => self.leave_line(id),
            Stage::Queued => self.leave_queue(provider, id),
            Stage::Awaiting(conn) | Stage::Receiving(conn, _) => self.close_conn(conn, How::Plain),
            Stage::Offline(_) | Stage::BackOff => {}
        }
        self.give_turn_back(id, health);
    }

    fn remove_call(&mut self, id: CallId) -> Option<Call> {
        self.end_call_state(id, None);
        let mut call = self.calls.remove(id)?;
        self.ledger.settle(&mut call.charged, 0);
        if let Some(generation) = self.generations.get_mut(call.generation) {
            let is_other = |call: &CallId| *call != id;
            generation.call = generation.call.filter(is_other);
            generation.hedge = generation.hedge.filter(is_other);
        }
        Some(call)
    }

    /// Pauses the call's connection while its reader is `behind` by too much, and resumes it.
    /// The provider's time limits stand still while we do not read.
    pub(super) fn throttle_call(&mut self, id: CallId, behind: usize) {
        let gap_ms = self.content_gap_ms(id);
        let now = self.now.mono;
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let pause = !call.throttled && behind > LAG_HIGH_BYTES;
        let resume = call.throttled && behind <= LAG_LOW_BYTES;
        if !pause && !resume {
            return;
        }
        call.throttled = pause;
        match &call.stage {
            Stage::Receiving(conn, _) => {
                let conn = *conn;
                if pause {
                    call.timer.clear();
                    self.pause_conn(conn);
                } else {
                    self.set_call_timer(id, CallWait::Content, now.plus_ms(gap_ms));
                    self.resume_conn(conn);
                }
            }
            Stage::Offline(_) if pause => call.timer.clear(),
            Stage::Offline(_) => self.set_call_timer(id, CallWait::Pace, now),
            Stage::Waiting | Stage::Queued | Stage::Awaiting(_) | Stage::BackOff => {}
        }
    }

    pub(super) fn content_gap_ms(&self, id: CallId) -> u64 {
        self.calls
            .get(id)
            .map_or(0, |call| self.times(call.provider).content_gap_ms)
    }
}

impl Generation {
    /// The target that was asked last.
    #[must_use]
    pub fn target(&self) -> &Target {
        self.plan.route.target(self.result.at)
    }

    /// The model that a call at target `at` asks for.
    #[must_use]
    pub fn model_at(&self, at: u8) -> &Arc<str> {
        &self.plan.route.target(at).model
    }

    /// Whether those who asked for it want to see it grow: equal prompts are shared only among those
    /// who want the same of it.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.plan.stream
    }
}
