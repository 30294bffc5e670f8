//! What is left of a text: its rows, and the log that is kept for a while so that a stream can be
//! resumed.
//!
//! A finished text whose id a client was told before its end is kept in memory for 60 s or 64 MiB in
//! all, whichever ends first; then the row in the store is what a client gets, through a generation
//! made from it. So there is one way to send a text, wherever it comes from. A text that was answered
//! whole is gone from memory with its last reader: nobody has half of it.

use std::sync::Arc;

use uuid::Uuid;

use super::call::Plan;
use super::flow::Flow;
use super::flow::cached::cached_text;
use super::flow::chat::Chat;
use super::generation::{Generation, GenerationWait, Phase};
use super::idempotency::with_answers;
use super::keywords::{Purpose, keywords_row};
use super::slots::{ExchangeId, GenerationId};
use super::timers::Owner;
use super::work::{Cancel, Finish};
use super::{Engine, Failure, TENANT, failure::Upstream};
use crate::config::Store;
use crate::dialect::FinishReason;
use crate::store::{RequestOutcome, RequestRow, TextRow, TextState, Write};

/// Kept texts that are looked at for one that nobody reads, when room is needed.
const REPLAY_LOOKED_AT: usize = 64;

impl Engine {
    /// The transaction that stores a generation: a row for each request that was part of it, and
    /// one for the text if there is any. `None` when there is nothing to store.
    pub(super) fn rows_of(&mut self, id: GenerationId, state: TextState) -> Option<Write> {
        let mut requests = self.rows_of_listeners(id);
        let generation = self.generations.get_mut(id)?;
        requests.append(&mut generation.rows);
        if generation.is_chat() && self.config.gateway.store == Store::Off {
            requests.clear();
        }
        let (promises, total) = (
            generation.result.promises.clone(),
            generation.result.usage.total_tokens,
        );
        let whole = state == TextState::Complete;
        let cached = cached_text(generation).filter(|_| whole);
        if let Some(row) = keywords_row(generation) {
            self.settle_generation(id);
            let rows = Write::Keywords { requests, row };
            return Some(with_answers(rows, &promises, total, None));
        }
        // What is cut of a job's text is not kept: the next attempt writes a whole one under its id.
        let is_kept = state == TextState::Complete || generation.plan.errand.is_none();
        let text = (is_kept && generation.has_text()).then(|| {
            let mut row = text_row(generation, state);
            row.text.clone_from(&generation.text);
            Box::new(row)
        });
        self.settle_generation(id);
        if requests.is_empty() && text.is_none() && promises.is_empty() && cached.is_none() {
            return None;
        }
        let rows = Write::Save {
            requests,
            text,
            analysis: None,
        };
        Some(with_answers(rows, &promises, total, cached))
    }

    /// What is to be done about a text that is complete.
    pub(super) fn finish_of(&self, id: GenerationId, withdrawn: Cancel) -> Option<Finish> {
        let mut requests = self.rows_of_listeners(id);
        let generation = self.generations.get(id)?;
        // They stay here as well, until it is certain that these are the rows that are written.
        requests.extend_from_slice(&generation.rows);
        let whole = generation.subscribers.iter().any(|id| {
            let flow = self.exchanges.get(*id).map(|exchange| &exchange.flow);
            matches!(flow, Some(Flow::Generate(flow)) if flow.wants_document())
        });
        Some(Finish {
            text: Arc::clone(&generation.text),
            requests,
            row: Box::new(text_row(generation, TextState::Complete)),
            total_tokens: generation.result.usage.total_tokens,
            whole,
            promises: generation.result.promises.clone(),
            cached: cached_text(generation),
            withdrawn,
        })
    }

    fn rows_of_listeners(&self, id: GenerationId) -> Vec<RequestRow> {
        let Some(generation) = self.generations.get(id) else {
            return Vec::new();
        };
        let listeners = generation.subscribers.iter();
        listeners
            .filter_map(|exchange| self.row_of_listener(id, *exchange))
            .collect()
    }

    /// The row of a request that leaves its text before the rows of the text are written.
    pub(super) fn row_of_leaver(
        &self,
        id: GenerationId,
        exchange: ExchangeId,
    ) -> Option<RequestRow> {
        let generation = self.generations.get(id)?;
        // From `Saving` on, the row is part of the transaction already.
        let early = matches!(
            generation.phase,
            Phase::Calling | Phase::Sending | Phase::Scoring
        );
        let listens = generation.subscribers.contains(&exchange);
        if !(early && listens && self.exchanges.get(exchange)?.shares_row()) {
            return None;
        }
        // The end of a chat does not wait for its rows.
        let flow = self.exchanges.get(exchange)?.flow.chat();
        let is_answered = flow == Some(Chat::Over) && generation.verdict() == Some(Ok(()));
        let mut row = if is_answered {
            self.request_row(exchange, RequestOutcome::Ok, 200)?
        } else if self.is_late(exchange) {
            let failure = Failure::Deadline;
            let outcome = outcome_of(&failure, false);
            let status = failure.status_in(self.exchanges.get(exchange)?.terms.dialect);
            let mut row = self.request_row(exchange, outcome, status)?;
            row.error_code = Some(failure.code().to_string());
            row
        } else {
            self.request_row(exchange, RequestOutcome::ClientGone, 499)?
        };
        self.enter_generation(&mut row, generation, exchange);
        Some(row)
    }

    /// The row of a request that is answered with its text, or with its failure.
    fn row_of_listener(&self, id: GenerationId, exchange: ExchangeId) -> Option<RequestRow> {
        if !self.exchanges.get(exchange)?.shares_row() {
            return None;
        }
        let generation = self.generations.get(id)?;
        let mut row = match &generation.result.verdict {
            Some(Err(failure)) => {
                let has_text = generation.has_text() || generation.is_chat();
                let outcome = outcome_of(failure, has_text && generation.was_seen());
                let status = failure.status_in(self.exchanges.get(exchange)?.terms.dialect);
                let mut row = self.request_row(exchange, outcome, status)?;
                row.error_code = Some(failure.code().to_string());
                row
            }
            _ => self.request_row(exchange, RequestOutcome::Ok, 200)?,
        };
        self.enter_generation(&mut row, generation, exchange);
        Some(row)
    }

    /// Puts into the row of `exchange` what it has to say about its text.
    fn enter_generation(&self, row: &mut RequestRow, text: &Generation, exchange: ExchangeId) {
        row.generation_id = Some(text.id);
        if let Some(exchange) = self.exchanges.get(exchange) {
            self.enter_calls(row, text, exchange.started.mono);
        }
    }

    /// Keeps a finished text so that it can be resumed, and lets the oldest ones go.
    pub(super) fn keep_for_replay(&mut self, id: GenerationId) {
        let at = self.now.mono.plus_ms(self.config.limits.replay_ms);
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        generation.phase = Phase::Finished;
        generation.wait = GenerationWait::Replay;
        generation.kept = generation.plan.purpose == Purpose::Text
            && (generation.plan.stream || generation.known);
        if !generation.kept {
            generation.timer.clear();
            return self.forget_read(id);
        }
        self.timers
            .set(Owner::Generation(id), &mut generation.timer, at);
        self.replay_bytes += generation.text.len();
        self.replay.push_back(id);
        // Each is looked at once: those that are still being read go to the end of the line.
        for _ in 0..self.replay.len().min(REPLAY_LOOKED_AT) {
            if self.replay_bytes <= self.config.limits.replay_bytes {
                break;
            }
            if let Some(oldest) = self.replay.front().copied() {
                self.forget_generation(oldest);
            }
        }
    }

    /// Makes room in the table of generations by forgetting the oldest text that is finished.
    pub(super) fn make_room_for_generation(&mut self) -> bool {
        for _ in 0..self.replay.len().min(REPLAY_LOOKED_AT) {
            if !self.generations.is_full() {
                break;
            }
            if let Some(oldest) = self.replay.front().copied() {
                self.forget_generation(oldest);
            }
        }
        !self.generations.is_full()
    }

    /// Drops a finished text. While somebody is reading it, it stays.
    pub(super) fn forget_generation(&mut self, id: GenerationId) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        if !generation.subscribers.is_empty() {
            if !generation.kept {
                return;
            }
            let at = self.now.mono.plus_ms(self.config.limits.replay_ms);
            self.timers
                .set(Owner::Generation(id), &mut generation.timer, at);
            if self.replay.front() == Some(&id) {
                self.replay.pop_front();
            } else {
                self.replay.retain(|kept| *kept != id);
            }
            self.replay.push_back(id);
            return;
        }
        if generation.kept {
            if self.replay.front() == Some(&id) {
                self.replay.pop_front();
            } else {
                self.replay.retain(|kept| *kept != id);
            }
            self.replay_bytes = self.replay_bytes.saturating_sub(generation.text.len());
        }
        let uuid = generation.id;
        let mut charged = generation.charged;
        self.ledger.settle(&mut charged, 0);
        // A text from the cache, or that of an item which was stopped, may have a namesake.
        self.by_id.forget(uuid, id);
        self.generations.remove(id);
    }

    /// Drops what nobody can come back for, once nobody reads it.
    pub(super) fn forget_read(&mut self, id: GenerationId) {
        let read = self.generations.get(id).is_some_and(|generation| {
            !generation.kept
                && generation.phase == Phase::Finished
                && generation.subscribers.is_empty()
        });
        if read {
            self.forget_generation(id);
        }
    }

    /// A stored text was deleted: it is not to be had from memory either. Who is reading it already
    /// reads it to its end.
    pub(super) fn forget_deleted(&mut self, uuid: Uuid) {
        let finished = self.generation_by_id(uuid).filter(|id| {
            let generation = self.generations.get(*id);
            generation.is_some_and(|g| g.phase == Phase::Finished)
        });
        if let Some(id) = finished {
            self.by_id.forget(uuid, id);
            self.forget_generation(id);
        }
    }

    /// A generation made from a stored row, finished from the start. It is for the caller to keep
    /// it once somebody listens: what nobody listens to may be forgotten at once.
    pub(super) fn revive(&mut self, row: TextRow) -> Result<GenerationId, Failure> {
        let uuid = row.id;
        let id = self.shelve(row)?;
        self.by_id.insert(uuid, id);
        Ok(id)
    }

    /// The same for a single reader: nobody finds it by its id.
    pub(super) fn shelve(&mut self, row: TextRow) -> Result<GenerationId, Failure> {
        if !self.make_room_for_generation() {
            return Err(Failure::Full(super::failure::Bound::Generations));
        }
        let provider = self.provider_index(&row.provider).unwrap_or(0);
        let verdict = match row.state {
            TextState::Complete => Ok(()),
            TextState::Truncated => Err(Upstream::Truncated.into()),
        };
        let plan = Plan::of_row(&row, provider);
        let mut generation = Generation::new(row.id, plan, self.now.mono, row.created_ms);
        generation.text = Arc::new(row.text);
        generation.phase = Phase::Finished;
        generation.wait = GenerationWait::Replay;
        generation.known = true;
        let result = &mut generation.result;
        result.verdict = Some(verdict);
        result.finish = row.finish_reason.as_deref().and_then(finish_of);
        (result.usage.prompt_tokens, result.usage.completion_tokens) =
            (row.prompt_tokens, row.completion_tokens);
        result.model = Some(row.model);
        result.scores = row.scores.map(Box::new);
        result.stored = true;
        let id = self
            .generations
            .insert(generation)
            .map_err(|_| Failure::Full(super::failure::Bound::Generations))?;
        self.settle_generation(id);
        Ok(id)
    }

    /// No provider is asked for a text any more: nobody joins it, and what it has used is charged.
    pub(super) fn forget_prompt(&mut self, id: GenerationId) {
        self.settle_charge(id);
        if let Some(generation) = self.generations.get(id) {
            self.by_prompt.forget(generation.plan.key, id);
        }
    }

    /// Whether a text with this id is being generated, or about to be stored.
    pub(super) fn is_in_the_making(&self, uuid: Uuid) -> bool {
        let generation = self
            .generation_by_id(uuid)
            .and_then(|id| self.generations.get(id));
        generation.is_some_and(|generation| generation.phase != Phase::Finished)
    }

    /// The generation with this id, if it is in memory.
    pub(super) fn generation_by_id(&self, uuid: Uuid) -> Option<GenerationId> {
        self.by_id.get(&uuid)
    }
}

/// The row of a text, but for the text.
fn text_row(generation: &Generation, state: TextState) -> TextRow {
    let (plan, result) = (&generation.plan, &generation.result);
    let target = generation.target();
    let model = result.model.as_deref().unwrap_or(&target.model);
    TextRow {
        id: generation.id,
        tenant: TENANT.to_string(),
        search_term_id: plan.term_id,
        term: plan.topic.clone(),
        text: String::new(),
        provider: target.provider_name.to_string(),
        model: model.to_owned(),
        offline: target.offline,
        finish_reason: result.finish.map(|finish| finish.as_str().to_string()),
        state,
        prompt_tokens: result.usage.prompt_tokens,
        completion_tokens: result.usage.completion_tokens,
        created_ms: result.created_ms,
        scores: result.scores.as_deref().cloned(),
    }
}

/// What the row of a request says that ended with `failure`.
pub(super) fn outcome_of(failure: &Failure, has_text: bool) -> RequestOutcome {
    match failure {
        Failure::Cancelled => RequestOutcome::Cancelled,
        Failure::Stopping => RequestOutcome::ShutDown,
        Failure::ScorerTimeout | Failure::QueueTimeout { .. } | Failure::Deadline => {
            RequestOutcome::TimedOut
        }
        Failure::Internal(_) | Failure::Panicked => RequestOutcome::Failed,
        Failure::Body(_) => RequestOutcome::Refused,
        Failure::Upstream(_) if has_text => RequestOutcome::Truncated,
        // Nobody has waited for it.
        Failure::Upstream(Upstream::BreakerOpen { .. }) => RequestOutcome::ProviderFailed,
        Failure::Upstream(upstream) if matches!(upstream.status(), 503 | 504) => {
            RequestOutcome::TimedOut
        }
        Failure::Upstream(_) => RequestOutcome::ProviderFailed,
        Failure::Store(_) | Failure::StoreTimeout => RequestOutcome::StoreFailed,
        _ => RequestOutcome::Failed,
    }
}

fn finish_of(word: &str) -> Option<FinishReason> {
    use FinishReason::{ContentFilter, Length, Other, Stop, ToolCalls};
    [Stop, Length, ToolCalls, ContentFilter, Other]
        .into_iter()
        .find(|reason| reason.as_str() == word)
}
