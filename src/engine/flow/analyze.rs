//! `POST /analyze/`: score a text, store the scores, answer.
//!
//! ```text
//!  Scoring ─(scores)─► Saving ─(commit)─► answer
//!     │ no scorer in 1 s: 503      │ no commit in 5 s: 503
//! ```

use super::scored::{OnScorer, Saving};
use crate::engine::documents::AnalysisReply;
use crate::engine::flow::Flow;
use crate::engine::slots::ExchangeId;
use crate::engine::work::{Cancel, Work, WorkResult};
use crate::engine::{Engine, Failure, TENANT};
use crate::score::Scores;
use crate::store::{AnalysisRow, RequestOutcome, Write, term_id};

/// Where such a request is.
#[derive(Debug)]
pub enum Analyze {
    /// A scorer has the text, or will have.
    Scoring(OnScorer),
    /// The writer has the rows.
    Saving(Saving),
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
    /// A text is to be scored.
    pub(in crate::engine) fn begin_analyze(
        &mut self,
        id: ExchangeId,
        content: String,
    ) -> Result<(), Failure> {
        let state = self.give_to_scorer(id, content, |text| Work::Score {
            text,
            cancel: Cancel::default(),
        })?;
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Analyze(Analyze::Scoring(state));
        }
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
                self.save_analysis(id, &state.content, scores)
            }
            (Analyze::Saving(state), result) => self.scored_saved(id, &state, result),
            _ => Err(Failure::Internal("a text was scored in another state")),
        }
    }

    fn save_analysis(
        &mut self,
        id: ExchangeId,
        content: &str,
        scores: Scores,
    ) -> Result<(), Failure> {
        let request = self.request_row(id, RequestOutcome::Ok, 200);
        let row = AnalysisRow {
            id: self.new_id(),
            tenant: TENANT.to_string(),
            search_term_id: term_id(TENANT, content),
            term: content.to_owned(),
            content: content.to_owned(),
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
        let state = self.save_scored(id, answer, rows)?;
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Analyze(Analyze::Saving(state));
        }
        Ok(())
    }
}
