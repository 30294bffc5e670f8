//! The flow of a request that a stored text may answer: is there one?
//!
//! ```text
//!  Looking ─┬─(a text, young enough)─► sent as a finished text is: see `generate.rs`
//!           └─(none, or no answer)───► written by a provider, and found by the next one
//! ```
//! Where the same text is being written already, the store is not asked: the request joins it. A store
//! that says no is no reason to refuse a text; one that says nothing is, as everywhere.

use super::Flow;
use super::generate::Generate;
use crate::engine::call::Plan;
use crate::engine::failure::Bound;
use crate::engine::generation::Generation;
use crate::engine::policy::cache::{self, Status};
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::work::{Work, WorkResult};
use crate::engine::{Engine, Failure, TENANT};
use crate::limits::STORE_MS;
use crate::store::{CachedText, Found, Query, TextRow};

/// What is looked for.
#[derive(Debug)]
pub struct Looking {
    plan: Plan,
    prompt: [u8; 32],
    age_ms: u64,
}

impl Engine {
    /// Looks for a stored text of at most this age before `plan` is carried out.
    pub(super) fn look_in_cache(
        &mut self,
        id: ExchangeId,
        plan: Plan,
        age_ms: u64,
    ) -> Result<(), Failure> {
        if self.joinable(&plan).is_some() {
            self.note_cache(id, Status::Collapsed);
            return self.wait_for_plan(id, plan);
        }
        self.house.forgets = true;
        let prompt = cache::prompt(&plan, &self.config);
        let since_ms = self.now.wall_ms - age_ms as i64;
        let query = Work::Read(Query::Cached {
            tenant: TENANT.to_owned(),
            prompt,
            since_ms,
        });
        let looking = Looking {
            plan,
            prompt,
            age_ms,
        };
        if self.submit_for(id, query, Bound::Store).is_err() {
            return self.not_in_cache(id, looking);
        }
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Cached(Box::new(looking));
        }
        self.set_exchange_timer(id, self.now.mono.plus_ms(STORE_MS));
        self.enter(id, State::Querying);
        Ok(())
    }

    /// The store has answered.
    pub(super) fn cache_looked(
        &mut self,
        id: ExchangeId,
        looking: Looking,
        result: WorkResult,
    ) -> Result<(), Failure> {
        match result {
            WorkResult::Found(Ok(Found::One(Some(row)))) => self.found_in_cache(id, &looking, *row),
            _ => self.not_in_cache(id, looking),
        }
    }

    fn found_in_cache(
        &mut self,
        id: ExchangeId,
        looking: &Looking,
        row: TextRow,
    ) -> Result<(), Failure> {
        self.charge_request(id)?;
        let age_ms = (self.now.wall_ms - row.created_ms).max(0).unsigned_abs();
        let ttl = looking.age_ms.saturating_sub(age_ms) / 1000;
        let generation = self.shelve(row)?;
        if let Some(generation) = self.generations.get_mut(generation) {
            generation.result.cached = true;
        }
        self.counters.cache_hits += 1;
        self.note_cache(id, Status::Hit(u32::try_from(ttl).unwrap_or(u32::MAX)));
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.owes_row = true;
        }
        self.wait_for(id, generation, Generate::new(looking.plan.stream, 0, false));
        self.catch_up(id, generation);
        Ok(())
    }

    /// A new text is written, and is what the next one finds.
    fn not_in_cache(&mut self, id: ExchangeId, looking: Looking) -> Result<(), Failure> {
        self.note_cache(id, Status::Miss);
        self.wait_for_plan(id, looking.plan)?;
        let text = self.exchanges.get(id).and_then(|e| e.held.generation);
        if let Some(text) = text.and_then(|text| self.generations.get_mut(text)) {
            text.result.answers = Some(looking.prompt);
        }
        Ok(())
    }

    fn note_cache(&mut self, id: ExchangeId, status: Status) {
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.terms.cache = status;
        }
    }
}

/// What the cache is told when this text is stored, if it is to know it.
pub(in crate::engine) fn cached_text(text: &Generation) -> Option<CachedText> {
    text.result.answers.map(|prompt| CachedText {
        tenant: TENANT.to_owned(),
        prompt,
        text: text.id,
        created_ms: text.result.created_ms,
    })
}
