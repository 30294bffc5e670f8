//! What `POST /analyze/` and `POST /keywords/` have in common: a scorer has a text, then the writer has
//! the rows.
//!
//! ```text
//!  OnScorer ─(done: rows, an answer)─► Saving ─(commit)─► the answer
//!     │ no scorer in 1 s: 503            │ no commit in 5 s: 503
//! ```
//! What is found in the text and which rows come of it is in the two flows.

use std::sync::Arc;

use super::Flow;
use super::analyze::Analyze;
use super::keywords::Keywords;
use crate::engine::failure::Bound;
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::work::{Work, WorkOwner, WorkResult};
use crate::engine::{Engine, Failure};
use crate::limits::{ANALYZE_WAIT_MS, SCORE_MS, STORE_MS};
use crate::store::{Write, Written};

/// A text that a scorer has, or will have.
#[derive(Debug)]
pub struct OnScorer {
    /// The text.
    pub(super) content: Arc<String>,
    /// Whether a scorer had it when the first deadline came.
    started: bool,
}

/// The writer has the rows.
#[derive(Debug)]
pub struct Saving {
    answer: Arc<String>,
}

impl Engine {
    /// A scorer is to do `work` with a text. The place in the queue of writes is asked for before, so
    /// that what it finds is not thrown away for want of room.
    pub(super) fn give_to_scorer(
        &mut self,
        id: ExchangeId,
        content: String,
        work: impl FnOnce(Arc<String>) -> Work,
    ) -> Result<OnScorer, Failure> {
        self.admit_rows()?;
        self.charge_request(id)?;
        let content = Arc::new(content);
        self.submit_for(id, work(Arc::clone(&content)), Bound::Scorers)?;
        let at = self.now.mono.plus_ms(ANALYZE_WAIT_MS);
        self.set_exchange_timer(id, at);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            let bytes = content.capacity();
            self.ledger.settle(&mut exchange.charged, bytes);
            exchange.held.owes_row = true;
        }
        self.enter(id, State::Scoring);
        Ok(OnScorer {
            content,
            started: false,
        })
    }

    /// The deadline of a state: a scorer that has the text already gets the time it needs.
    pub(super) fn scorer_due(&mut self, id: ExchangeId, failure: &Failure) {
        let at = self.now.mono.plus_ms(SCORE_MS);
        let running = self
            .exchanges
            .get(id)
            .and_then(|exchange| exchange.held.work)
            .is_some_and(|work| self.works.is_running(work));
        if let Some(exchange) = self.exchanges.get_mut(id)
            && let Some(text) = exchange.flow.on_scorer()
            && running
            && !text.started
        {
            text.started = true;
            return self.set_exchange_timer(id, at);
        }
        self.fail_exchange(id, failure);
    }

    /// The rows go to the writer, and the answer waits for them.
    pub(super) fn save_scored(
        &mut self,
        id: ExchangeId,
        answer: Arc<String>,
        rows: Write,
    ) -> Result<Saving, Failure> {
        let write = self.with_answer(id, rows);
        // The row of the request goes with it, so a client that leaves now leaves no second one.
        let work = self
            .works
            .submit(WorkOwner::Exchange(id), Work::Write(Box::new(write)))
            .ok_or(Failure::Full(Bound::Store))?;
        let at = self.now.mono.plus_ms(STORE_MS);
        self.set_exchange_timer(id, at);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.work = Some(work);
            exchange.held.owes_row = false;
        }
        self.enter(id, State::Saving);
        Ok(Saving { answer })
    }

    /// The writer has answered.
    pub(super) fn scored_saved(
        &mut self,
        id: ExchangeId,
        state: &Saving,
        result: WorkResult,
    ) -> Result<(), Failure> {
        match super::written(result)? {
            Written::Saved => {
                self.reply_said(id, &state.answer);
                Ok(())
            }
            _ => Err(Failure::Internal("another write was answered")),
        }
    }
}

impl Flow {
    /// The text, in a state in which a scorer has one.
    fn on_scorer(&mut self) -> Option<&mut OnScorer> {
        match self {
            Flow::Analyze(Analyze::Scoring(text)) | Flow::Keywords(Keywords::Finding(text)) => {
                Some(text)
            }
            _ => None,
        }
    }
}
