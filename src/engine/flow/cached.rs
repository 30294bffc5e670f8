//! The flow of a request that a stored text may answer: is there one?
//!
//! ```text
//!  Looking ─(near by: Redis, if answers are shared)─┬─(a text, young enough)─► sent as a finished
//!     │                                             │       text is: see `generate.rs`
//!     └──────(in the store)◄──(none, or no answer)──┘
//!              ├─(a text, young enough)─► the same, and it is near by for the next one
//!              └─(none, or no answer)───► written by a provider, and found by the next one
//! ```
//! Where the same text is being written already, the store is not asked: the request joins it. A store
//! that says no is no reason to refuse a text; one that says nothing is, as everywhere.

use super::Flow;
use super::generate::Generate;
use crate::engine::call::Plan;
use crate::engine::failure::Bound;
use crate::engine::generation::Generation;
use crate::engine::nearby::{Edition, Near};
use crate::engine::now::Mono;
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
    /// What the store says may be written down near by, for this edition.
    edition: Option<Edition>,
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
        let looking = Looking {
            plan,
            prompt,
            age_ms,
            edition: None,
        };
        if !self.look_nearby(id, &prompt) {
            return self.look_in_store(id, looking);
        }
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Cached(Box::new(looking));
        }
        self.set_exchange_timer(id, Mono::NEVER); // its client's deadline stays
        self.enter(id, State::Querying);
        Ok(())
    }

    /// What is looked for near by, if `id` is still there.
    pub(in crate::engine) fn prompt_looked_for(&self, id: ExchangeId) -> Option<[u8; 32]> {
        match &self.exchanges.get(id)?.flow {
            Flow::Cached(looking) => Some(looking.prompt),
            _ => None,
        }
    }

    /// What was found near by.
    pub(in crate::engine) fn nearby_looked(&mut self, id: ExchangeId, near: Near) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        let flow = std::mem::replace(&mut exchange.flow, Flow::Between);
        let Flow::Cached(mut looking) = flow else {
            exchange.flow = flow;
            return;
        };
        let since_ms = self.now.wall_ms - looking.age_ms as i64;
        let outcome = match near {
            Near::Text(row) if row.created_ms >= since_ms => {
                self.found_in_cache(id, &looking, *row, Status::Near)
            }
            // Too old for this request, and as old in the store.
            Near::Text(_) => self.look_in_store(id, *looking),
            Near::Ask(edition) => {
                looking.edition = edition;
                self.look_in_store(id, *looking)
            }
        };
        if let Err(failure) = outcome {
            self.fail_exchange(id, &failure);
        }
    }

    fn look_in_store(&mut self, id: ExchangeId, looking: Looking) -> Result<(), Failure> {
        let query = Work::Read(Query::Cached {
            tenant: TENANT.to_owned(),
            prompt: looking.prompt,
            since_ms: self.now.wall_ms - looking.age_ms as i64,
        });
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
            WorkResult::Found(Ok(Found::One(Some(row)))) => {
                if let Some(edition) = &looking.edition {
                    let left_ms = looking.age_ms.saturating_sub(self.age_of(&row));
                    self.keep_nearby(&row, &looking.prompt, edition, left_ms);
                }
                self.found_in_cache(id, &looking, *row, Status::Hit)
            }
            _ => self.not_in_cache(id, looking),
        }
    }

    fn found_in_cache(
        &mut self,
        id: ExchangeId,
        looking: &Looking,
        row: TextRow,
        hit: fn(u32) -> Status,
    ) -> Result<(), Failure> {
        self.charge_request(id)?;
        let ttl = looking.age_ms.saturating_sub(self.age_of(&row)) / 1000;
        let generation = self.shelve(row)?;
        if let Some(generation) = self.generations.get_mut(generation) {
            generation.result.cached = true;
        }
        self.counters.cache_hits += 1;
        self.note_cache(id, hit(u32::try_from(ttl).unwrap_or(u32::MAX)));
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.owes_row = true;
        }
        self.wait_for(id, generation, Generate::new(looking.plan.stream, 0, false));
        self.catch_up(id, generation);
        Ok(())
    }

    fn age_of(&self, row: &TextRow) -> u64 {
        (self.now.wall_ms - row.created_ms).max(0).unsigned_abs()
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
