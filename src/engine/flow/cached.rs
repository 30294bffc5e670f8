//! The flow of a request that a stored answer may answer: is there one?
//!
//! ```text
//!  Looking ─(a text: near by, in Redis, if answers are shared)─┬─(young enough)─► sent as a finished
//!     │                                                        │       text is: see `generate.rs`
//!     └─────────(in the store)◄──(none, or no answer)──────────┘
//!              ├─(a text, young enough)──────► the same, and it is near by for the next one
//!              ├─(an answer to an equal chat)► sent as it is kept: see `kept.rs`
//!              ├─(none, or no answer)────────► written by a provider, and found by the next one
//!              │   (where limits are shared, it waits for its share first: see `looked.rs`)
//!              └─(found, and sent with a key)─► Keeping ─(on disk)─► sent as it is kept
//! ```
//! Where the same text is being written already, the store is not asked: the request joins it. A store
//! that says no is no reason to refuse a text; one that says nothing is, as everywhere.
//!
//! What a request with an `Idempotency-Key` is answered is kept under its key, in one transaction with its
//! row, before it is told: whoever asks again with that key gets it although the cache has another one by
//! then. If its text was deleted meanwhile, the store frees the key instead, and it is told this once.
//! What a chat is asked for by is in `chat/cache.rs`.

use std::sync::Arc;

use super::Flow;
use super::chat::cache::Question;
use super::generate::Generate;
use super::kept::{Hit, Kept};
use super::looked::{Looked, Stored};
use crate::engine::call::Plan;
use crate::engine::documents::{Telling, stream_of_text, whole_text};
use crate::engine::failure::Bound;
use crate::engine::generation::Generation;
use crate::engine::idempotency::Form;
use crate::engine::nearby::{Edition, Near};
use crate::engine::now::Mono;
use crate::engine::policy::cache::{self, Status, Use};
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::work::{Work, WorkResult};
use crate::engine::{Engine, Failure, TENANT};
use crate::limits::STORE_MS;
use crate::store::{
    Answer, CachedText, Found, FoundChat, Query, RequestOutcome, TextRow, Write, Written,
};

/// Where such a request is.
#[derive(Debug)]
pub enum Cached {
    /// The store is asked.
    Looking(Looking),
    /// It is known what there is; a counter that several processes share is asked whether it may be told.
    Sharing(Looked),
    /// It was found, and is being kept under a key.
    Keeping(Kept),
}

/// What is looked for.
#[derive(Debug)]
pub struct Looking {
    /// What is to be written if it is not there.
    pub wanted: Wanted,
    prompt: [u8; 32],
    age_ms: u64,
    /// What the store says may be written down near by, for this edition.
    edition: Option<Edition>,
}

/// What is to be written if it is not there.
#[derive(Debug)]
pub enum Wanted {
    /// A text.
    Text(Plan),
    /// The answer to a chat.
    Chat(Box<Question>),
}

impl Looking {
    /// What the store is asked.
    fn query(&self, now_ms: i64) -> Query {
        let (tenant, prompt) = (TENANT.to_owned(), self.prompt);
        let since_ms = now_ms - self.age_ms as i64;
        match self.wanted {
            Wanted::Text(_) => Query::Cached {
                tenant,
                prompt,
                since_ms,
            },
            Wanted::Chat(_) => Query::CachedChat {
                tenant,
                prompt,
                since_ms,
            },
        }
    }
}

impl Cached {
    /// Whether the row of the request is being written.
    #[must_use]
    pub fn is_saving(&self) -> bool {
        matches!(self, Cached::Keeping(_))
    }
}

impl Flow {
    /// What is being looked for.
    fn take_looking(&mut self) -> Option<Looking> {
        match std::mem::replace(self, Flow::Between) {
            Flow::Cached(state) if matches!(*state, Cached::Looking(_)) => match *state {
                Cached::Looking(looking) => Some(looking),
                Cached::Sharing(_) | Cached::Keeping(_) => None,
            },
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Engine {
    /// Looks for a stored text before `plan` is carried out.
    pub(super) fn look_in_cache(
        &mut self,
        id: ExchangeId,
        plan: Plan,
        may: Use,
    ) -> Result<(), Failure> {
        if self.joinable(&plan).is_some() {
            self.note_cache(id, Status::Collapsed);
            return self.wait_for_plan(id, plan);
        }
        let prompt = cache::prompt(&plan, &self.config);
        self.look_for_answer(id, Wanted::Text(plan), prompt, may)
    }

    /// The one place where a stored answer is looked for. Those to chats are in the store alone.
    pub(super) fn look_for_answer(
        &mut self,
        id: ExchangeId,
        wanted: Wanted,
        prompt: [u8; 32],
        may: Use,
    ) -> Result<(), Failure> {
        self.house.forgets = true;
        let looking = Looking {
            wanted,
            prompt,
            age_ms: may.age_ms,
            edition: None,
        };
        if may.age_ms == 0 {
            return self.not_in_cache(id, looking, Status::Renewed);
        }
        let is_text = matches!(looking.wanted, Wanted::Text(_));
        if !is_text || !self.look_nearby(id, &prompt) {
            return self.look_in_store(id, looking);
        }
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Cached(Box::new(Cached::Looking(looking)));
        }
        self.set_exchange_timer(id, Mono::NEVER); // its client's deadline stays
        self.enter(id, State::Querying);
        Ok(())
    }

    /// What is looked for near by, if `id` is still there.
    pub(in crate::engine) fn prompt_looked_for(&self, id: ExchangeId) -> Option<[u8; 32]> {
        match &self.exchanges.get(id)?.flow {
            Flow::Cached(state) => match &**state {
                Cached::Looking(looking) => Some(looking.prompt),
                Cached::Sharing(_) | Cached::Keeping(_) => None,
            },
            _ => None,
        }
    }

    /// What was found near by.
    pub(in crate::engine) fn nearby_looked(&mut self, id: ExchangeId, near: Near) {
        let exchange = self.exchanges.get_mut(id);
        let Some(mut looking) = exchange.and_then(|exchange| exchange.flow.take_looking()) else {
            return;
        };
        let since_ms = self.now.wall_ms - looking.age_ms as i64;
        let outcome = match near {
            Near::Text(row) if row.created_ms >= since_ms => {
                let stored = Stored::Text(row, Status::Near);
                self.go_on_looked(id, Looked { looking, stored })
            }
            // Too old for this request, and as old in the store.
            Near::Text(_) => self.look_in_store(id, looking),
            Near::Ask(edition) => {
                looking.edition = edition;
                self.look_in_store(id, looking)
            }
        };
        if let Err(failure) = outcome {
            self.fail_exchange(id, &failure);
        }
    }

    fn look_in_store(&mut self, id: ExchangeId, looking: Looking) -> Result<(), Failure> {
        let query = Work::Read(looking.query(self.now.wall_ms));
        if self.submit_for(id, query, Bound::Store).is_err() {
            return self.not_in_cache(id, looking, Status::Miss);
        }
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Cached(Box::new(Cached::Looking(looking)));
        }
        self.set_exchange_timer(id, self.now.mono.plus_ms(STORE_MS));
        self.enter(id, State::Querying);
        Ok(())
    }

    /// The store has answered.
    pub(super) fn cache_looked(
        &mut self,
        id: ExchangeId,
        state: Cached,
        result: WorkResult,
    ) -> Result<(), Failure> {
        let looking = match state {
            Cached::Looking(looking) => looking,
            Cached::Keeping(kept) => return self.hit_kept(id, kept, result),
            Cached::Sharing(_) => {
                return Err(Failure::Internal("a result for a request that waits"));
            }
        };
        let stored = match (&looking.wanted, result) {
            (Wanted::Text(_), WorkResult::Found(Ok(Found::One(Some(row))))) => {
                if let Some(edition) = &looking.edition {
                    let left_ms = looking.age_ms.saturating_sub(self.age_of(row.created_ms));
                    self.keep_nearby(&row, &looking.prompt, edition, left_ms);
                }
                Stored::Text(row, Status::Hit)
            }
            (Wanted::Chat(question), WorkResult::Found(Ok(Found::CachedChat(Some(chat))))) => {
                // One that cannot be read any more is as good as none.
                let answer = question.tell(&chat);
                answer.map_or(Stored::Nothing, |answer| Stored::Chat(answer, chat))
            }
            _ => Stored::Nothing,
        };
        self.go_on_looked(id, Looked { looking, stored })
    }

    pub(super) fn found_text(
        &mut self,
        id: ExchangeId,
        looking: &Looking,
        row: TextRow,
        hit: fn(u32) -> Status,
    ) -> Result<(), Failure> {
        self.charge_request(id)?;
        let stream = matches!(&looking.wanted, Wanted::Text(plan) if plan.stream);
        let created_ms = row.created_ms;
        if self.has_key(id) {
            let telling = Telling::Cached;
            let body = match stream {
                true => stream_of_text(&row, None, telling),
                false => whole_text(&row, None, telling),
            };
            let found = Hit {
                text: row.id,
                provider: row.provider,
                model: row.model,
            };
            self.note_hit(id, looking, created_ms, hit);
            return self.tell_hit(id, Answer::good(stream, body), found);
        }
        let generation = self.shelve(row)?;
        self.note_hit(id, looking, created_ms, hit);
        self.counters.cache_hits += 1;
        if let Some(generation) = self.generations.get_mut(generation) {
            generation.result.cached = true;
        }
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.owes_row = true;
        }
        self.wait_for(id, generation, Generate::new(stream, 0, false));
        self.catch_up(id, generation);
        Ok(())
    }

    pub(super) fn found_chat(
        &mut self,
        id: ExchangeId,
        looking: &Looking,
        answer: Answer,
        chat: FoundChat,
    ) -> Result<(), Failure> {
        self.charge_request(id)?;
        self.note_hit(id, looking, chat.created_ms, Status::Hit);
        let hit = Hit {
            text: chat.text,
            provider: chat.told.provider,
            model: chat.told.model,
        };
        self.tell_hit(id, answer, hit)
    }

    /// A stored answer is used.
    fn note_hit(
        &mut self,
        id: ExchangeId,
        looking: &Looking,
        created_ms: i64,
        hit: fn(u32) -> Status,
    ) {
        let ttl = looking.age_ms.saturating_sub(self.age_of(created_ms)) / 1000;
        self.note_cache(id, hit(u32::try_from(ttl).unwrap_or(u32::MAX)));
    }

    /// How long ago that was, in milliseconds.
    fn age_of(&self, created_ms: i64) -> u64 {
        (self.now.wall_ms - created_ms).max(0).unsigned_abs()
    }

    /// Tells an answer from the cache; if it was asked for with a key, once it is kept under that.
    fn tell_hit(&mut self, id: ExchangeId, answer: Answer, hit: Hit) -> Result<(), Failure> {
        let form = Form::Said {
            streamed: answer.streamed,
            body: Arc::new(answer.body.clone()),
            text: Some(hit.text),
        };
        let promise = self.promise(id, form).map(Box::new);
        let promised = promise.as_ref().map(|promise| promise.bytes());
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.promise = promise;
        }
        let kept = Kept::of_cache(answer, hit);
        let Some(promised) = promised else {
            self.counters.cache_hits += 1;
            self.send_kept(id, kept, true);
            return Ok(());
        };
        let row = self.request_row(id, RequestOutcome::Ok, 200);
        let mut row = row.filter(|_| self.leaves_row(id));
        row.iter_mut().for_each(|row| kept.enter(row));
        let rows = Write::Save {
            requests: row.into_iter().collect(),
            text: None,
            analysis: None,
        };
        let write = Work::Write(Box::new(self.with_answer(id, rows)));
        self.submit_for(id, write, Bound::Store)?;
        self.counters.cache_hits += 1;
        self.set_exchange_timer(id, self.now.mono.plus_ms(STORE_MS));
        if let Some(exchange) = self.exchanges.get_mut(id) {
            let bytes = kept.bytes() + promised;
            self.ledger.settle(&mut exchange.charged, bytes);
            exchange.flow = Flow::Cached(Box::new(Cached::Keeping(kept)));
        }
        self.enter(id, State::Saving);
        Ok(())
    }

    /// The writer has finished with the answer and the row of its request.
    fn hit_kept(&mut self, id: ExchangeId, kept: Kept, result: WorkResult) -> Result<(), Failure> {
        match super::written(result)? {
            Written::Saved => {
                self.answer_is_kept(id);
                self.send_kept(id, kept, false);
                Ok(())
            }
            _ => Err(Failure::Internal("another write was answered")),
        }
    }

    /// A new answer is written, and is what the next one finds.
    pub(super) fn not_in_cache(
        &mut self,
        id: ExchangeId,
        looking: Looking,
        status: Status,
    ) -> Result<(), Failure> {
        self.note_cache(id, status);
        match looking.wanted {
            Wanted::Text(plan) => self.wait_for_plan(id, plan)?,
            Wanted::Chat(question) => return self.admit_chat(id, *question, Some(looking.prompt)),
        }
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

/// What the cache is told when this text is stored, if it is to know it. The one place where an answer is
/// given to be kept.
pub(in crate::engine) fn cached_text(text: &Generation) -> Option<CachedText> {
    let prompt = text.result.answers?;
    let chat = match text.is_chat() {
        true => Some(Box::new(text.told_chat()?)),
        false => None,
    };
    Some(CachedText {
        tenant: TENANT.to_owned(),
        prompt,
        text: text.id,
        created_ms: text.result.created_ms,
        chat,
    })
}
