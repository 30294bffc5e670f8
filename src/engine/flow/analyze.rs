//! `POST /analyze/`: score a text, store the scores, answer.
//!
//! ```text
//!  Scoring ─(scores)─► Saving ─(commit)─► answer
//!     │ no scorer in 1 s: 503      │ no commit in 5 s: 503
//! ```

use std::sync::Arc;

use crate::engine::documents::AnalysisReply;
use crate::engine::failure::Bound;
use crate::engine::flow::Flow;
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::work::{Cancel, Work, WorkResult};
use crate::engine::{Engine, Failure, TENANT};
use crate::limits::{ANALYZE_WAIT_MS, SCORE_MS, STORE_MS};
use crate::score::Scores;
use crate::store::{AnalysisRow, RequestOutcome, Write, Written, term_id};

/// Where such a request is.
#[derive(Debug)]
pub enum Analyze {
    /// A scorer has the text, or will have.
    Scoring(Box<Scoring>),
    /// The writer has the rows.
    Saving(Box<Saving>),
}

/// See [`Analyze::Scoring`].
#[derive(Debug)]
pub struct Scoring {
    /// The text.
    content: Arc<String>,
    /// Whether a scorer had it when the first deadline came.
    started: bool,
}

/// See [`Analyze::Saving`].
#[derive(Debug)]
pub struct Saving {
    answer: Arc<String>,
}

impl Analyze {
    /// Which limit a deadline in this state means.
    #[must_use]
    pub fn timeout(&self) -> Failure {
        match self {
            Analyze::Scoring(_) => Failure::ScorerTimeout,
            Analyze::Saving(_) => Failure::StoreTimeout,
        }
    }
}

impl Engine {
    /// A text is to be scored. The place in the queue of writes is asked for before the work is
    /// done, so that scores are not thrown away for want of room.
    pub(in crate::engine) fn begin_analyze(
        &mut self,
        id: ExchangeId,
        content: String,
    ) -> Result<(), Failure> {
        self.admit_rows()?;
        self.charge_request(id)?;
        let content = Arc::new(content);
        let work = Work::Score {
            text: Arc::clone(&content),
            cancel: Cancel::default(),
        };
        self.submit_for(id, work, Bound::Scorers)?;
        let at = self.now.mono.plus_ms(ANALYZE_WAIT_MS);
        self.set_exchange_timer(id, at);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            let bytes = content.capacity();
            self.ledger.settle(&mut exchange.charged, bytes);
            exchange.held.owes_row = true;
            exchange.flow = Flow::Analyze(Analyze::Scoring(Box::new(Scoring {
                content,
                started: false,
            })));
        }
        self.enter(id, State::Scoring);
        Ok(())
    }

    /// The scorer or the writer has finished.
    pub(super) fn analyze_done(
        &mut self,
        id: ExchangeId,
        state: Analyze,
        result: WorkResult,
    ) -> Result<(), Failure> {
        match (state, result) {
            (Analyze::Scoring(state), WorkResult::Scored(Some(scores))) => {
                self.save_analysis(id, &state, scores)
            }
            (Analyze::Saving(state), result) => match super::written(result)? {
                Written::Saved => {
                    self.reply_said(id, &state.answer);
                    Ok(())
                }
                _ => Err(Failure::Internal("another write was answered")),
            },
            _ => Err(Failure::Internal("a text was scored in another state")),
        }
    }

    /// The deadline of a state: a scorer that has the text already gets the time it needs.
    pub(super) fn analyze_due(&mut self, id: ExchangeId, failure: &Failure) {
        let at = self.now.mono.plus_ms(SCORE_MS);
        let running = self
            .exchanges
            .get(id)
            .and_then(|exchange| exchange.held.work)
            .is_some_and(|work| self.works.is_running(work));
        if let Some(exchange) = self.exchanges.get_mut(id)
            && let Flow::Analyze(Analyze::Scoring(state)) = &mut exchange.flow
            && running
            && !state.started
        {
            state.started = true;
            return self.set_exchange_timer(id, at);
        }
        self.fail_exchange(id, failure);
    }

    fn save_analysis(
        &mut self,
        id: ExchangeId,
        state: &Scoring,
        scores: Scores,
    ) -> Result<(), Failure> {
        let request = self.request_row(id, RequestOutcome::Ok, 200);
        let row = AnalysisRow {
            id: self.new_id(),
            tenant: TENANT.to_string(),
            search_term_id: term_id(TENANT, &state.content),
            term: state.content.as_ref().clone(),
            content: state.content.as_ref().clone(),
            created_ms: self.now.wall_ms,
            scores,
        };
        let reply = AnalysisReply {
            readability: &row.scores.readability,
            sentiment: &row.scores.sentiment,
            id: row.id,
            search_term_id: row.search_term_id,
        };
        let answer = self.say(id, &reply);
        let rows = Write::Save {
            requests: request.into_iter().collect(),
            text: None,
            analysis: Some(Box::new(row)),
        };
        let write = self.with_answer(id, rows);
        // The row of the request goes with it, so a client that leaves now leaves no second one.
        let work = self
            .works
            .submit(
                crate::engine::work::WorkOwner::Exchange(id),
                Work::Write(Box::new(write)),
            )
            .ok_or(Failure::Full(Bound::Store))?;
        let at = self.now.mono.plus_ms(STORE_MS);
        self.set_exchange_timer(id, at);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.work = Some(work);
            exchange.held.owes_row = false;
            exchange.flow = Flow::Analyze(Analyze::Saving(Box::new(Saving { answer })));
        }
        self.enter(id, State::Saving);
        Ok(())
    }
}
