//! Flows: what a request waits for, step by step. One file per kind of exchange.
//!
//! A flow is an enum of small structs, one per wait. An event consumes the old state and gives the
//! new one; an event that does not belong to a state is a named failure of that exchange. What an
//! exchange *holds* is not in here but in [`super::exchange::Held`].

pub mod analyze;
pub mod body;
pub mod cached;
pub mod chat;
pub mod contents;
pub mod export;
pub mod gather;
pub mod generate;
pub mod import;
pub mod jobs;
pub mod kept;
pub mod keyed;
pub mod keywords;
mod looked;
mod models;
mod openapi;
pub mod page;
mod probes;
pub mod scored;
mod status;
mod text;

use std::sync::Arc;

use uuid::Uuid;

use self::body::{Ask, Shape};
use super::jobs::progress::Watcher;
use super::policy::rate::Cost;
use super::routes::Route;
use super::share::{Parked, first_cost};
use super::slots::ExchangeId;
use super::work::WorkResult;
use super::{Engine, Failure, Mono};
use crate::store::{Found, StoreError, Written};

/// Where an exchange is.
#[derive(Debug)]
pub enum Flow {
    /// Its body is arriving.
    Body(Vec<u8>),
    /// Its head was refused; its end is still to be read.
    Doomed(Box<Failure>),
    /// Its body is being parsed on a thread.
    Parsing(Arc<Vec<u8>>),
    /// It waits for a counter that is shared with other processes.
    Parked(Box<Parked>),
    /// It waits for a text.
    Generate(generate::Generate),
    /// It waits for an answer in a vendor's dialect.
    Chat(chat::Chat),
    /// It waits for several texts.
    Gather(Box<gather::Gather>),
    /// It waits for scores.
    Analyze(analyze::Analyze),
    /// It waits for keywords that no provider names.
    Keywords(keywords::Keywords),
    /// It was sent with a key, and may not be the first one.
    Keyed(keyed::Keyed),
    /// A stored answer may answer it.
    Cached(Box<cached::Cached>),
    /// It is answered as was answered before.
    Kept(Box<kept::Kept>),
    /// It waits for the store.
    Contents(contents::Contents),
    /// It is about jobs, and waits for the store.
    Jobs(jobs::Jobs),
    /// It watches a job.
    Watch(Watcher),
    /// A file of the page is on its way out.
    Page(page::Page),
    /// All texts are going out.
    Export(Box<export::Export>),
    /// Texts are coming in.
    Import(Box<import::Import>),
    /// A state is being changed; nothing else is seen in this state.
    Between,
}

impl Flow {
    /// Whether the head of a whole answer is out, so that a failure can only be told by a cut.
    pub(super) fn has_begun_to_answer(&self) -> bool {
        match self {
            Flow::Generate(generate::Generate::Sending(_)) => true,
            Flow::Chat(chat::Chat::Sending(_)) => true,
            Flow::Page(_) | Flow::Kept(_) => true,
            Flow::Export(export) => export.has_begun(),
            Flow::Gather(gather) => gather.has_begun_to_answer(),
            _ => false,
        }
    }
}

impl Flow {
    /// What it is to be charged, if it waits for a counter that is shared with other processes.
    pub(super) fn cost_of_share(&self) -> Option<Cost> {
        match self {
            Flow::Parked(parked) => Some(parked.cost),
            Flow::Keyed(keyed::Keyed::Sharing(_)) => Some(Cost::REQUEST),
            Flow::Cached(state) => match &**state {
                cached::Cached::Sharing(looked) => Some(looked.cost()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Where it is, if it is a chat.
    pub(super) fn chat(&self) -> Option<chat::Chat> {
        match self {
            Flow::Chat(chat) => Some(*chat),
            _ => None,
        }
    }

    /// Whether it is a stream of our own events that has begun, so that a failure is the last of them.
    pub(super) fn streams_events(&self) -> bool {
        match self {
            Flow::Generate(flow) => flow.is_streaming(),
            Flow::Watch(watcher) => watcher.has_begun(),
            _ => false,
        }
    }

    /// Whether the row of the request is being written, and says already how it has ended.
    pub(super) fn is_saving(&self) -> bool {
        match self {
            Flow::Analyze(state) => matches!(state, analyze::Analyze::Saving(_)),
            Flow::Keywords(state) => matches!(state, keywords::Keywords::Saving(_)),
            Flow::Gather(state) => state.is_saving(),
            Flow::Jobs(state) => state.is_saving(),
            Flow::Cached(state) => state.is_saving(),
            _ => false,
        }
    }
}

impl Engine {
    /// A request is complete.
    pub(super) fn begin(&mut self, id: ExchangeId) -> Result<(), Failure> {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(());
        };
        if let Flow::Doomed(failure) = &mut exchange.flow {
            return Err(std::mem::replace(failure, Failure::NotFound));
        }
        let route = exchange.route.clone();
        if self.waits_for_key(id)? {
            return Ok(());
        }
        match route {
            Route::Generate => self.parse_body(id, Shape::Generate),
            Route::Batch => self.parse_body(id, Shape::Batch),
            Route::Analyze => self.parse_body(id, Shape::Analyze),
            Route::Keywords => self.parse_body(id, Shape::Keywords),
            Route::Chat(inbound) => self.begin_chat(id, &inbound),
            Route::Embeddings => self.parse_body(id, Shape::Embeddings),
            Route::Resume(uuid) => self.resume(id, uuid),
            Route::Stop(uuid) => self.stop(id, uuid),
            Route::List(_) | Route::Read(_) | Route::Delete(_) => self.begin_contents(id),
            Route::Page(asset, known) => self.begin_page(id, asset, known),
            Route::Providers => self.reply_providers(id),
            Route::Status => self.reply_status(id),
            Route::Jobs(ask) => self.begin_jobs(id, &ask),
            Route::Export => self.begin_export(id),
            Route::Import => {
                self.import_ended(id);
                Ok(())
            }
            Route::Models(ask) => self.reply_models(id, &ask),
            Route::OpenApi(known) => self.reply_openapi(id, &known),
            Route::Health => self.reply_health(id),
            Route::Ready => self.reply_ready(id),
            Route::Metrics => self.reply_metrics(id),
            Route::Spans => self.reply_spans(id),
            Route::Options(allow) => self.reply_options(id, allow),
            Route::Unknown(_) => Err(Failure::NoSuchRoute),
        }
    }

    /// A body was parsed. What it asks for begins once it can be charged.
    pub(super) fn start(
        &mut self,
        id: ExchangeId,
        ask: Ask,
        body: Arc<Vec<u8>>,
    ) -> Result<(), Failure> {
        if let Some(cost) = first_cost(&ask)
            && self.waits_for_share(id, cost)
        {
            self.park(id, cost, ask, body);
            return Ok(());
        }
        match ask {
            Ask::Chat(ask) => self.chat_parsed(id, *ask, body),
            Ask::Generate(ask) if ask.candidates > 1 => self.begin_best(id, ask),
            Ask::Generate(ask) => self.begin_generate(id, ask),
            Ask::Batch(ask) => self.begin_batch(id, ask),
            Ask::Analyze { content } => self.begin_analyze(id, content),
            Ask::Keywords(ask) => self.begin_keywords(id, ask),
            Ask::Job(ask) => self.make_job(id, ask),
        }
    }

    /// Work for an exchange is done.
    pub(super) fn exchange_work_done(&mut self, id: ExchangeId, result: WorkResult) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        exchange.held.work = None;
        if let WorkResult::Written(Err(error)) = &result {
            self.answer_failed(id, error);
        }
        self.set_exchange_timer(id, Mono::NEVER); // its client's deadline stays
        // These two are not put aside: what they have done so far is part of a failure's answer.
        let outcome = match self.exchanges.get(id).map(|exchange| &exchange.flow) {
            Some(Flow::Export(_)) => self.export_done(id, result),
            Some(Flow::Import(_)) => self.import_done(id, result),
            _ => self.small_work_done(id, result),
        };
        if let Err(failure) = outcome {
            self.fail_exchange(id, &failure);
        }
    }

    fn small_work_done(&mut self, id: ExchangeId, result: WorkResult) -> Result<(), Failure> {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(());
        };
        let flow = std::mem::replace(&mut exchange.flow, Flow::Between);
        if flow.is_saving() && !matches!(result, WorkResult::Written(Ok(_))) {
            self.counters.rows_lost += 1;
        }
        match (flow, result) {
            // Its answer may have begun, which its state knows.
            (Flow::Gather(state), result) => self.gather_saved(id, state, result),
            (_, WorkResult::Panicked) => Err(Failure::Panicked),
            (Flow::Parsing(body), WorkResult::Parsed(parsed)) => parsed
                .map_err(Failure::Body)
                .and_then(|ask| self.start(id, ask, body)),
            (Flow::Analyze(state), result) => self.analyze_done(id, state, result),
            (Flow::Keywords(state), result) => self.keywords_done(id, state, result),
            (Flow::Cached(state), result) => self.cache_looked(id, *state, result),
            (Flow::Keyed(state), result) => self.keyed_done(id, state, result),
            (Flow::Contents(state), result) => self.contents_done(id, state, result),
            (Flow::Jobs(state), result) => self.jobs_done(id, state, result),
            (Flow::Generate(state), WorkResult::Found(found)) => {
                self.resume_found(id, state, found)
            }
            _ => Err(Failure::Internal("a result that nobody waits for")),
        }
    }

    /// A deadline of an exchange has come.
    pub(super) fn exchange_due(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        if exchange.deadline <= self.now.mono {
            return self.deadline_passed(id);
        }
        let work = exchange.held.work.filter(|_| exchange.flow.is_saving());
        if let Some(at) = work.and_then(|work| self.late_rows_wait(work)) {
            return self.set_exchange_timer(id, at);
        }
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        match &exchange.flow {
            Flow::Generate(_) if exchange.held.work.is_some() => {
                self.fail_exchange(id, &Failure::StoreTimeout);
            }
            Flow::Generate(_) => self.generate_event(id, generate::Event::Silence),
            Flow::Chat(state) => {
                let state = *state;
                self.chat_silence(id, state);
            }
            Flow::Analyze(state) => {
                let failure = state.timeout();
                self.scorer_due(id, &failure);
            }
            Flow::Keywords(state) => {
                let failure = state.timeout();
                self.scorer_due(id, &failure);
            }
            Flow::Keyed(keyed) => {
                let failure = keyed.timeout();
                self.fail_exchange(id, &failure);
            }
            Flow::Contents(state) => {
                let state = *state;
                self.contents_due(id, state);
            }
            Flow::Cached(_) | Flow::Gather(_) | Flow::Export(_) | Flow::Jobs(_) => {
                self.fail_exchange(id, &Failure::StoreTimeout);
            }
            Flow::Import(import) => {
                let failure = import.timeout();
                self.fail_exchange(id, &failure);
            }
            Flow::Watch(_) => self.events_due(id),
            Flow::Parsing(_) => self.fail_exchange(id, &Failure::ParserTimeout),
            Flow::Body(_)
            | Flow::Doomed(_)
            | Flow::Parked(_)
            | Flow::Page(_)
            | Flow::Kept(_)
            | Flow::Between => {}
        }
    }

    /// An id that is new, greater than the one before, and the same in a replay of this run:
    /// UUIDv7 with a counter for those of one millisecond (RFC 9562 §6.2, method 1). A clock that
    /// goes back does not make ids go back.
    pub(super) fn new_id(&mut self) -> Uuid {
        let wall_ms = self.now.wall_ms.max(0) as u64;
        let (last_ms, count) = self.last_id;
        self.last_id = match (wall_ms > last_ms, count) {
            (true, _) => (wall_ms, 0),
            (false, 0..0x0fff) => (last_ms, count + 1),
            (false, _) => (last_ms + 1, 0),
        };
        let (ms, count) = self.last_id;
        let mut tail = [0u8; 10];
        tail[..2].copy_from_slice(&count.to_be_bytes());
        tail[2..].copy_from_slice(&self.random.u64(..).to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(ms, &tail).into_uuid()
    }
}

/// What the store said to a read.
fn found(result: WorkResult) -> Result<Found, Failure> {
    match result {
        WorkResult::Found(found) => found.map_err(store),
        _ => Err(Failure::Internal("a read that was not answered")),
    }
}

/// What the store said to a write.
fn written(result: WorkResult) -> Result<Written, Failure> {
    match result {
        WorkResult::Written(written) => written.map_err(store),
        WorkResult::Panicked => Err(Failure::Panicked),
        _ => Err(Failure::Internal("a write that was not answered")),
    }
}

/// A store's error is an answer of its own.
pub(super) fn store(error: StoreError) -> Failure {
    Failure::Store(error)
}
