//! Generations: one text being produced. *What is waited for.*
//!
//! A generation is a log that only grows, and whoever reads it: each subscriber is an exchange
//! with a cursor of its own. Equal prompts, resumed streams and clients that leave are therefore
//! one mechanism: somebody comes, or somebody goes.
//!
//! ```text
//!  Calling ─(call complete)─► Scoring ─(passed on, or 5 s)─► Saving ─(commit)─► Finished: good
//!     └─(call failed, stopped, deserted)─► what there is is saved ───────► Finished: bad
//! ```
//! The verdict *bad* is told at once; *good* only when the row is on disk.

use std::sync::Arc;

use uuid::Uuid;

use super::call::Plan;
use super::flow::Flow;
use super::flow::chat::inquiry::Inquiry;
use super::flow::generate::Event;
use super::idempotency::Promise;
use super::keywords::Purpose;
use super::now::Mono;
pub use super::outcome::Outcome;
use super::slots::{CallId, ExchangeId, GenerationId, WorkId};
use super::timers::{Owner, Timer};
use super::{Engine, Failure, failure::Upstream};
use crate::limits::{GENERATION_BYTES, READERS_AT_ONCE};
use crate::store::{RequestRow, TextState};

/// One text being produced.
#[derive(Debug)]
pub struct Generation {
    /// Its id towards clients and in `generated_content`.
    pub id: Uuid,
    /// What was asked for.
    pub plan: Box<Plan>,
    /// The log. Grows in place while nobody else holds it.
    pub text: Arc<String>,
    /// Where it is.
    pub phase: Phase,
    /// The attempt that is going on …
    pub call: Option<CallId>,
    /// … and a second one beside it, while neither has content.
    pub hedge: Option<CallId>,
    /// The work that is going on.
    pub work: Option<WorkId>,
    /// Who listens.
    pub subscribers: Vec<ExchangeId>,
    /// Rows of the requests that were part of it and have ended.
    pub rows: Vec<RequestRow>,
    /// Of a chat: what is needed to ask, until something of the answer was sent.
    pub inquiry: Option<Box<Inquiry>>,
    /// What is known about the result.
    pub result: Box<Outcome>,
    /// The deadline of `wait`.
    pub timer: Timer,
    /// What the deadline is for.
    pub wait: GenerationWait,
    /// The end of the whole.
    pub total: Mono,
    /// Whether some client knows the id, so that it may come back.
    pub known: bool,
    /// Whether it stays in memory for a while although it is finished: some client has a part of it,
    /// and may come back for the rest.
    pub kept: bool,
    /// Bytes in the ledger.
    pub charged: u32,
}

const _: () = assert!(size_of::<Generation>() <= 192);

/// See [`Generation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A call is at work.
    Calling,
    /// Of a chat: the answer is complete, and its client has not taken all of its document yet.
    Sending,
    /// The text is complete and is being scored.
    Scoring,
    /// Rows are being written.
    Saving,
    /// Kept only to be resumed.
    Finished,
}

/// What a generation's deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerationWait {
    /// The whole.
    Total,
    /// Somebody to come back.
    Grace,
    /// The scorer.
    Score,
    /// The store.
    Save,
    /// Being forgotten.
    Replay,
}

impl Generation {
    /// A text of which there is nothing yet. Its deadline is the end of the whole.
    #[must_use]
    pub fn new(id: Uuid, plan: Plan, total: Mono, created_ms: i64) -> Self {
        Generation {
            id,
            plan: Box::new(plan),
            text: Arc::default(),
            phase: Phase::Calling,
            call: None,
            hedge: None,
            work: None,
            subscribers: Vec::new(),
            rows: Vec::new(),
            inquiry: None,
            result: Box::new(Outcome {
                created_ms,
                ..Outcome::default()
            }),
            timer: Timer::default(),
            wait: GenerationWait::Total,
            total,
            known: false,
            kept: false,
            charged: 0,
        }
    }

    /// Whether the text is whole, broken, or still open.
    #[must_use]
    pub fn verdict(&self) -> Option<Result<(), Failure>> {
        self.result.verdict.clone()
    }

    /// Cuts the text to what one may have, at a character; whether there was something to cut. What is
    /// stored is never longer than what an import takes.
    pub fn cut_to_bound(&mut self) -> bool {
        let is_too_long = self.text.len() > GENERATION_BYTES;
        if is_too_long {
            let end = self.text.floor_char_boundary(GENERATION_BYTES);
            Arc::make_mut(&mut self.text).truncate(end);
        }
        is_too_long
    }

    /// Whether there is a text that can be stored, whole or not.
    #[must_use]
    pub fn has_text(&self) -> bool {
        matches!(self.plan.purpose, Purpose::Text | Purpose::Chat) && !self.text.is_empty()
    }

    /// Bytes of memory it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let document = self.result.document.as_ref().map_or(0, |d| d.capacity());
        let inquiry = self.inquiry.as_ref().map_or(0, |inquiry| inquiry.bytes());
        let minutes = self.result.minutes.as_ref().map_or(0, String::capacity);
        let promises: usize = self.result.promises.iter().map(Promise::bytes).sum();
        self.text.capacity()
            + document
            + inquiry
            + minutes
            + promises
            + self.plan.topic.len()
            + 512 * self.rows.len()
    }
}

impl Engine {
    /// Adds to the log by `write` and tells the subscribers. White space before the text is left
    /// out, so that offsets in the stream are offsets in the stored text.
    pub(super) fn grow(&mut self, id: GenerationId, write: impl FnOnce(&mut String)) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        let text = Arc::make_mut(&mut generation.text);
        let before = text.len();
        write(text);
        if before == 0 {
            let blank = text.len() - text.trim_start().len();
            text.drain(..blank);
        }
        if text.len() == before {
            return self.settle_generation(id); // it may have asked for memory all the same
        }
        let is_too_long = generation.cut_to_bound();
        self.settle_generation(id);
        if is_too_long {
            return self.fail_generation(id, Upstream::TooLarge.into());
        }
        self.counters.tokens += 1;
        self.tell(id, &Event::Content);
        self.mind_the_gap(id);
    }

    /// Gives `event` to every subscriber: at once if they are few, else in turn.
    pub(super) fn tell(&mut self, id: GenerationId, event: &Event) {
        let readers = self.generations.get(id).map_or(0, |g| g.subscribers.len());
        let at_once = readers <= READERS_AT_ONCE;
        let mut audience = std::mem::take(&mut self.audience);
        audience.clear();
        if let Some(generation) = self.generations.get(id) {
            audience.extend_from_slice(&generation.subscribers);
        }
        for &exchange in &audience {
            if at_once {
                self.generate_event(exchange, event.clone());
            } else {
                self.serve_later(exchange);
            }
        }
        self.audience = audience;
    }

    /// The text will not be complete: say so, and save what there is.
    pub(super) fn fail_generation(&mut self, id: GenerationId, failure: Failure) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        if generation.result.verdict.is_some() || generation.phase != Phase::Calling {
            return;
        }
        generation.result.verdict = Some(Err(failure.clone()));
        if let Some(work) = generation.work.take() {
            self.works.cancel(work);
        }
        for call in [generation.call.take(), generation.hedge.take()] {
            call.into_iter().for_each(|call| self.abort_call(call));
        }
        self.forget_prompt(id);
        self.file_chat(id);
        self.counters.generation_failed(failure.code());
        self.count_usage(id);
        self.errand_ended(id, &Err(failure.clone()));
        self.save_generation(id, TextState::Truncated);
        self.tell(id, &Event::Verdict(Err(failure)));
    }

    /// A deadline of a generation has come.
    pub(super) fn generation_due(&mut self, id: GenerationId) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        match generation.wait {
            GenerationWait::Total => self.fail_generation(id, Upstream::TotalTimeout.into()),
            GenerationWait::Grace => self.fail_generation(id, Failure::Cancelled),
            GenerationWait::Score => self.scores_are_late(id),
            GenerationWait::Save => self.store_is_late(id),
            GenerationWait::Replay => self.forget_generation(id),
        }
    }

    /// `exchange` listens from now on.
    pub(super) fn subscribe(&mut self, id: GenerationId, exchange: ExchangeId) {
        let route = self.generations.get(id).map(|g| &g.plan.route);
        let total_ms = route.map_or(0, |route| self.total_ms(route));
        let total = self.now.mono.plus_ms(total_ms);
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        generation.subscribers.push(exchange);
        // Whoever joins late has the whole time too: the deadline is the latest of all.
        if generation.phase == Phase::Calling {
            generation.total = generation.total.max(total);
            if generation.wait == GenerationWait::Total {
                let at = generation.total;
                self.timers
                    .set(Owner::Generation(id), &mut generation.timer, at);
            }
        }
        if generation.wait == GenerationWait::Grace {
            generation.wait = GenerationWait::Total;
            let at = generation.total;
            self.timers
                .set(Owner::Generation(id), &mut generation.timer, at);
        }
        if let Some(waiting) = self.exchanges.get_mut(exchange) {
            match waiting.flow {
                Flow::Gather(_) => waiting.held.party.push(id),
                _ => waiting.held.generation = Some(id),
            }
        }
        self.mind_the_gap(id);
    }

    /// `exchange` listens no more. A text that nobody waits for is given up: at once if no client
    /// knows its id, otherwise when nobody came back in time.
    pub(super) fn unsubscribe(&mut self, id: GenerationId, exchange: ExchangeId) {
        let row = self.row_of_leaver(id, exchange);
        let late = self.is_late(exchange);
        let grace_ms = self.config.limits.resume_grace_ms;
        let now = self.now.mono;
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        generation.subscribers.retain(|other| *other != exchange);
        if generation.subscribers.is_empty() {
            generation.result.document = None;
        }
        generation.rows.extend(row);
        let bytes = generation.bytes();
        self.ledger.settle(&mut generation.charged, bytes);
        let deserted = generation.subscribers.is_empty()
            && generation.phase == Phase::Calling
            && generation.plan.errand.is_none();
        if deserted && generation.result.verdict.is_none() {
            if late {
                return self.fail_generation(id, Failure::Deadline);
            }
            if !generation.known || grace_ms == 0 || self.stopping.is_some() {
                return self.fail_generation(id, Failure::Cancelled);
            }
            let at = now.plus_ms(grace_ms).min(generation.total);
            generation.wait = GenerationWait::Grace;
            self.timers
                .set(Owner::Generation(id), &mut generation.timer, at);
        }
        self.mind_the_gap(id);
        self.chat_was_read(id);
        self.forget_read(id);
    }

    /// Pauses the provider while its only reader is far behind, and resumes it.
    pub(super) fn mind_the_gap(&mut self, id: GenerationId) {
        let Some(generation) = self.generations.get(id) else {
            return;
        };
        let Some(call) = generation.call else {
            return;
        };
        let behind = match generation.subscribers.as_slice() {
            [only] => match self.exchanges.get(*only).map(|e| &e.flow) {
                Some(Flow::Generate(flow)) if flow.is_streaming() => {
                    generation.text.len().saturating_sub(flow.cursor())
                }
                _ => 0,
            },
            _ => 0,
        };
        self.throttle_call(call, behind);
    }

    pub(super) fn subscribers(&self, id: GenerationId) -> Vec<ExchangeId> {
        self.generations
            .get(id)
            .map(|generation| generation.subscribers.clone())
            .unwrap_or_default()
    }

    pub(super) fn settle_generation(&mut self, id: GenerationId) {
        if let Some(generation) = self.generations.get_mut(id) {
            let bytes = generation.bytes();
            self.ledger.settle(&mut generation.charged, bytes);
        }
    }
}
