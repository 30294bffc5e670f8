//! Calls: one attempt at an upstream.
//!
//! ```text
//!  Queued ─(connection)─► Awaiting ─(head 200)─► Receiving ─(terminal)─► good
//!     │                      │  └─(head 4xx, 5xx)─► Refused ─(body)─► bad
//!     │                      └─(reused connection died, no byte came)─► Queued again, once
//!     └─ offline provider: Offline, paced by a timer
//! ```
//! A call ends by returning its verdict to its generation; the generation decides what follows.

use std::sync::Arc;

use uuid::Uuid;

use super::generation::Generation;
use super::now::Mono;
use super::slots::{CallId, ConnId, GenerationId};
use super::timers::{Owner, Timer};
use super::trace::{Kind, Span, State};
use super::{Engine, Failure, failure::Upstream};
use crate::dialect::{AnyStream, Dialect, offline};
use crate::engine::io::How;
use crate::limits::{LAG_HIGH_BYTES, LAG_LOW_BYTES};
use crate::proto::sse;
use crate::store::TextRow;

/// What a generation is asked for: fixed at admission.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What others must ask for as well to share it.
    pub key: [u8; 32],
    /// The topic.
    pub topic: String,
    /// `search_term_id` of the topic.
    pub term_id: Uuid,
    /// Place of the provider in the configuration.
    pub provider: u16,
    /// Its name.
    pub provider_name: Arc<str>,
    /// Whether it is the built-in one.
    pub offline: bool,
    /// The model.
    pub model: String,
    /// The most tokens.
    pub max_tokens: Option<u32>,
    /// The temperature.
    pub temperature: Option<f32>,
    /// Whether the first who asked wants a stream.
    pub stream: bool,
    /// Which of several texts about the same topic it is: they are not to be one text.
    pub candidate: u8,
}

impl Plan {
    /// The plan of a text that comes from the store.
    #[must_use]
    pub fn of_row(row: &TextRow, provider: u16) -> Plan {
        Plan {
            key: [0; 32],
            topic: row.term.clone(),
            term_id: row.search_term_id,
            provider,
            provider_name: row.provider.as_str().into(),
            offline: row.offline,
            model: row.model.clone(),
            max_tokens: None,
            temperature: None,
            stream: false,
            candidate: 0,
        }
    }
}

/// One attempt at an upstream.
#[derive(Debug)]
pub struct Call {
    /// Whose text it is.
    pub generation: GenerationId,
    /// Place of the provider in the configuration.
    pub provider: u16,
    /// Where it is.
    pub stage: Stage,
    /// The deadline of `wait`.
    pub timer: Timer,
    /// What the deadline is for.
    pub wait: CallWait,
    /// Attempts before this connection.
    pub retries: u8,
    /// Whether its connection had been used before.
    pub reused: bool,
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
    /// In the queue of its pool.
    Queued,
    /// The request is out; the head of the answer is awaited.
    Awaiting(ConnId),
    /// The answer is arriving.
    Receiving(ConnId, Box<Reception>),
    /// The built-in provider writes. `None` while a word is being taken.
    Offline(Option<Box<offline::Article>>),
}

/// What is known of an answer while it arrives.
#[derive(Debug)]
pub enum Reception {
    /// Events.
    Stream {
        /// Bytes to events.
        sse: sse::Reader,
        /// Events to text.
        dialect: AnyStream,
    },
    /// One JSON document.
    Whole(Vec<u8>),
    /// An error with its body.
    Refused {
        /// The status.
        status: u16,
        /// `Retry-After` in milliseconds, if it was a number of seconds.
        retry_after_ms: Option<u64>,
        /// The body, as much as is of use.
        body: Vec<u8>,
    },
}

/// What a call's deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallWait {
    /// A connection.
    Connection,
    /// The first byte of the answer.
    FirstByte,
    /// More content.
    Content,
    /// The next word of the offline provider.
    Pace,
}

/// Bytes of an error's body that are looked at.
const ERROR_BODY_BYTES: usize = 64 * 1024;

impl Engine {
    /// Starts the first call of a generation.
    pub(super) fn start_call(&mut self, id: GenerationId) -> Result<(), Failure> {
        let now = self.now.mono;
        let Some(generation) = self.generations.get(id) else {
            return Ok(());
        };
        let plan = &generation.plan;
        let (provider, offline) = (plan.provider, plan.offline);
        let stage = if offline {
            let tokens = plan.max_tokens.unwrap_or(self.config.offline.tokens as u32);
            let article = offline::Article::new(&plan.topic, Some(tokens));
            Stage::Offline(Some(Box::new(article)))
        } else {
            Stage::Queued
        };
        let state = if offline {
            State::Offline
        } else {
            State::Queued
        };
        let call = Call {
            generation: id,
            provider,
            stage,
            timer: Timer::default(),
            wait: CallWait::Pace,
            retries: 0,
            reused: false,
            throttled: false,
            charged: 0,
            state,
            since: now,
        };
        let call = self
            .calls
            .insert(call)
            .map_err(|_| Failure::Full(super::failure::Bound::Generations))?;
        if let Some(generation) = self.generations.get_mut(id) {
            generation.call = Some(call);
        }
        self.counters.calls += 1;
        if offline {
            let gap = self.offline_gap_ms(id);
            self.set_call_timer(call, CallWait::Pace, now.plus_ms(gap));
            Ok(())
        } else {
            self.queue_call(call)
        }
    }

    /// Sets the deadline of a call.
    pub(super) fn set_call_timer(&mut self, id: CallId, wait: CallWait, at: Mono) {
        if let Some(call) = self.calls.get_mut(id) {
            call.wait = wait;
            self.timers.set(Owner::Call(id), &mut call.timer, at);
        }
    }

    /// Ends the trace state of a call and starts `next`.
    pub(super) fn enter_call(&mut self, id: CallId, next: State) {
        let now = self.now.mono;
        if let Some(call) = self.calls.get_mut(id) {
            self.trace.push(Span {
                start: call.since,
                nanos: now.since(call.since),
                whose: id.into(),
                kind: Kind::Call,
                state: call.state,
                arg: 0,
            });
            call.state = next;
            call.since = now;
        }
    }

    /// A deadline of a call has come.
    pub(super) fn call_due(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let upstream = match call.wait {
            CallWait::Pace => return self.offline_tick(id),
            CallWait::Connection => Upstream::PoolTimeout,
            CallWait::FirstByte => Upstream::FirstByteTimeout,
            CallWait::Content => Upstream::ContentTimeout,
        };
        self.fail_call(id, upstream.into());
    }

    /// A call has failed: its generation decides.
    pub(super) fn fail_call(&mut self, id: CallId, failure: Failure) {
        let Some(generation) = self.calls.get(id).map(|call| call.generation) else {
            return;
        };
        self.counters.calls_failed += 1;
        let failure = self.unquoted(id, failure);
        self.fail_generation(generation, failure);
    }

    /// A call has its whole answer. Its connection is left to whoever reads its end.
    pub(super) fn complete_call(&mut self, id: CallId) {
        let Some(call) = self.remove_call(id) else {
            return;
        };
        self.complete_generation(call.generation);
    }

    /// Gives a call up, wherever it is: the connection is closed, so the provider notices.
    pub(super) fn abort_call(&mut self, id: CallId) {
        let Some(call) = self.remove_call(id) else {
            return;
        };
        match call.stage {
            Stage::Queued => self.leave_queue(call.provider, id),
            Stage::Awaiting(conn) | Stage::Receiving(conn, _) => {
                self.counters.calls_aborted += 1;
                self.close_conn(conn, How::Plain);
            }
            Stage::Offline(_) => {}
        }
    }

    fn remove_call(&mut self, id: CallId) -> Option<Call> {
        self.enter_call(id, State::Queued);
        let mut call = self.calls.remove(id)?;
        self.ledger.settle(&mut call.charged, 0);
        if let Some(generation) = self.generations.get_mut(call.generation)
            && generation.call == Some(id)
        {
            generation.call = None;
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
            Stage::Queued | Stage::Awaiting(_) => {}
        }
    }

    pub(super) fn content_gap_ms(&self, id: CallId) -> u64 {
        self.calls
            .get(id)
            .map_or(0, |call| self.times(call.provider).content_gap_ms)
    }

    /// The offline provider writes a word, or the whole text when nobody watches it grow.
    fn offline_tick(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let generation = call.generation;
        let Stage::Offline(article) = &mut call.stage else {
            return;
        };
        let Some(mut article) = article.take() else {
            return;
        };
        let gap = self.offline_gap_ms(generation);
        let mut more = true;
        self.grow(generation, |text| {
            more = article.next_token(text);
            while more && gap == 0 {
                more = article.next_token(text);
            }
        });
        if !more {
            return self.offline_end(id, generation, &article);
        }
        let now = self.now.mono;
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let throttled = call.throttled;
        call.stage = Stage::Offline(Some(article));
        if !throttled {
            self.set_call_timer(id, CallWait::Pace, now.plus_ms(gap.max(1)));
        }
    }

    fn offline_end(&mut self, id: CallId, generation: GenerationId, article: &offline::Article) {
        if let Some(generation) = self.generations.get_mut(generation) {
            generation.result.finish = article.finish();
            generation.result.usage = article.usage();
        }
        self.complete_call(id);
    }

    /// Milliseconds between two words: none when nobody watches.
    fn offline_gap_ms(&self, id: GenerationId) -> u64 {
        let watched = self.generations.get(id).is_some_and(Generation::is_watched);
        if watched {
            self.config.offline.gap_ms
        } else {
            0
        }
    }
}

impl Generation {
    /// Whether those who asked for it want to see it grow: equal prompts are shared only among those
    /// who want the same of it.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.plan.stream
    }
}

impl Reception {
    /// How the answer to a streamed or unstreamed request is to be read.
    #[must_use]
    pub fn of_success(is_events: bool, dialect: Dialect) -> Reception {
        if is_events {
            Reception::Stream {
                sse: sse::Reader::default(),
                dialect: dialect.stream(),
            }
        } else {
            Reception::Whole(Vec::new())
        }
    }

    /// Bytes of memory that it holds beyond one event.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Reception::Stream { .. } => 0,
            Reception::Whole(body) | Reception::Refused { body, .. } => body.capacity(),
        }
    }

    /// Keeps a piece of a body that is read as a whole.
    pub fn keep(&mut self, bytes: &[u8]) -> Result<(), Upstream> {
        match self {
            Reception::Whole(body) => {
                if body.len() + bytes.len() > crate::limits::PROVIDER_BODY_BYTES {
                    return Err(Upstream::TooLarge);
                }
                body.extend_from_slice(bytes);
            }
            Reception::Refused { body, .. } => {
                let room = ERROR_BODY_BYTES.saturating_sub(body.len());
                body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Reception::Stream { .. } => {}
        }
        Ok(())
    }
}
