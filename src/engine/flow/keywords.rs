//! `POST /keywords/`: find the keywords of a text, store them, answer.
//!
//! A provider that is asked is a matter of its own: from there on the request waits for a
//! generation, as one for a text does (`src/engine/keywords.rs`). Without a provider:
//!
//! ```text
//!  Finding ─(keywords)─► Saving ─(commit)─► answer
//!     │ no scorer in 1 s: 503     │ no commit in 5 s: 503
//! ```
//! A provider that fails is a failure: keywords that nobody asked our figures for would be passed
//! off as a model's.

use super::Flow;
use super::body::{KeywordsAsk, ParseFault};
use super::scored::{OnScorer, Saving};
use crate::engine::call::Plan;
use crate::engine::documents::KeywordsReply;
use crate::engine::keywords::Purpose;
use crate::engine::policy::coalesce;
use crate::engine::slots::ExchangeId;
use crate::engine::work::{Cancel, Work, WorkResult};
use crate::engine::{Engine, Failure, TENANT};
use crate::score::keywords::Keyword;
use crate::store::{KeywordMethod, KeywordsRow, RequestOutcome, Write, term_id};

/// Where such a request is.
#[derive(Debug)]
pub enum Keywords {
    /// A scorer has the text, or will have.
    Finding(OnScorer),
    /// The writer has the rows.
    Saving(Saving),
}

impl Keywords {
    /// Which limit a deadline in this state means.
    #[must_use]
    pub fn timeout(&self) -> Failure {
        match self {
            Keywords::Finding(_) => Failure::ScorerTimeout,
            Keywords::Saving(_) => Failure::StoreTimeout,
        }
    }
}

impl Engine {
    /// A provider is asked if one is configured, unless the client says who is to be.
    pub(super) fn begin_keywords(
        &mut self,
        id: ExchangeId,
        ask: KeywordsAsk,
    ) -> Result<(), Failure> {
        let has_provider = !self.router.default_route().first().offline;
        match ask.method {
            Some(KeywordMethod::Local) => self.find_keywords(id, ask),
            None if !has_provider => self.find_keywords(id, ask),
            Some(KeywordMethod::Provider) if !has_provider => {
                Err(Failure::Body(ParseFault::Wrong {
                    field: "method".into(),
                    expected: "\"local\": there is no provider that could be asked".into(),
                }))
            }
            Some(KeywordMethod::Provider) | None => self.ask_for_keywords(id, ask),
        }
    }

    /// The provider names them.
    fn ask_for_keywords(&mut self, id: ExchangeId, ask: KeywordsAsk) -> Result<(), Failure> {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(());
        };
        exchange.terms.wants_stream = false; // whatever `Accept` would rather have
        self.ledger.settle(&mut exchange.charged, 0); // the body is gone, the plan has its text
        let mut plan = Plan {
            key: 0,
            term_id: term_id(TENANT, &ask.content),
            topic: ask.content,
            route: self.router.default_route(),
            max_tokens: None,
            temperature: None,
            stream: false,
            candidate: 0,
            patient: false,
            purpose: Purpose::Keywords(ask.limit),
            asked: None,
            errand: None,
        };
        plan.key = coalesce::key(&self.by_prompt.keyed(), TENANT, &plan);
        self.wait_for_plan(id, plan)
    }

    /// A scorer finds them.
    fn find_keywords(&mut self, id: ExchangeId, ask: KeywordsAsk) -> Result<(), Failure> {
        let limit = ask.limit;
        let state = self.give_to_scorer(id, ask.content, |text| Work::Keywords {
            text,
            limit,
            cancel: Cancel::default(),
        })?;
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.terms.wants_stream = false;
            exchange.flow = Flow::Keywords(Keywords::Finding(state));
        }
        Ok(())
    }

    /// The scorer or the writer has finished.
    pub(super) fn keywords_done(
        &mut self,
        id: ExchangeId,
        state: Keywords,
        result: WorkResult,
    ) -> Result<(), Failure> {
        match (state, result) {
            (Keywords::Finding(state), WorkResult::Keywords(Some(keywords))) => {
                self.save_keywords(id, &state.content, keywords)
            }
            (Keywords::Saving(state), result) => self.scored_saved(id, &state, result),
            _ => Err(Failure::Internal("keywords were found in another state")),
        }
    }

    fn save_keywords(
        &mut self,
        id: ExchangeId,
        content: &str,
        keywords: Vec<Keyword>,
    ) -> Result<(), Failure> {
        let request = self.request_row(id, RequestOutcome::Ok, 200);
        let row = KeywordsRow {
            id: self.new_id(),
            tenant: TENANT.to_string(),
            search_term_id: term_id(TENANT, content),
            term: content.to_owned(),
            method: KeywordMethod::Local,
            keywords,
            created_ms: self.now.wall_ms,
        };
        let reply = KeywordsReply {
            keywords: &row.keywords,
            method: KeywordMethod::Local,
            id: row.id,
            search_term_id: row.search_term_id,
        };
        let answer = self.say(id, &reply);
        let rows = Write::Keywords {
            requests: request.into_iter().collect(),
            row: Box::new(row),
        };
        let state = self.save_scored(id, answer, rows)?;
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Keywords(Keywords::Saving(state));
        }
        Ok(())
    }
}
