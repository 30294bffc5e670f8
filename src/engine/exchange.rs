//! Exchanges: one client request and its reply. *Who waits.*

use std::sync::Arc;

use uuid::Uuid;

use super::flow::{Flow, body::Shape};
use super::idempotency::{HeldKey, Promise};
use super::io::Output;
use super::now::{Mono, Now};
use super::policy::cache::{Control, Status};
use super::routes::Route;
use super::slots::{ConnId, ExchangeId, GenerationId, WatchId, WorkId};
use super::timers::{Owner, Timer};
use super::trace::{Kind, Span, State};
use super::work::{Kind as WorkKind, Work, WorkOwner};
use super::{Engine, Failure, failure::Bound};
use crate::dialect::Dialect;
use crate::limits::{JSON_ON_LOOP_BYTES, PARSE_MS};
use crate::proto::http1::{Method, Version};
use crate::store::{Calls, Inbound, RequestOutcome, RequestRow, Write};

/// One client request and its reply.
#[derive(Debug)]
pub struct Exchange {
    /// Whom the reply goes to.
    pub conn: ConnId,
    /// What is asked.
    pub route: Route,
    /// Where it is.
    pub flow: Flow,
    /// What it holds, to be given back whatever happens.
    pub held: Held,
    /// Heartbeat, or the limit of a wait.
    pub timer: Timer,
    /// Its id towards the client and in the `requests` table.
    pub request_id: Uuid,
    /// When the first byte of the request was seen.
    pub started: Now,
    /// When its client has no use for an answer any more: see `policy/deadline.rs`.
    pub deadline: Mono,
    /// What of the request's head is needed for the reply.
    pub terms: Terms,
    /// The state that is going on, and since when.
    pub state: State,
    /// See `state`.
    pub since: Mono,
    /// On the list of readers that are served in turn.
    pub listed: bool,
    /// Bytes in the ledger.
    pub charged: u32,
}

/// There is one for each client that waits: eight bytes more are 80 KB at ten thousand. Whoever needs more
/// than a word boxes it.
const _: () = assert!(size_of::<Exchange>() <= 264);

impl Exchange {
    /// The span of the state that it is in, which ends now.
    fn span(&self, id: ExchangeId, now: Mono, arg: u32) -> Span {
        Span {
            start: self.since,
            nanos: now.since(self.since),
            whose: id.into(),
            kind: Kind::Exchange,
            state: self.state,
            arg,
        }
    }

    /// Whether its row is written with the row of its text. A request for several texts has one of
    /// its own.
    pub(super) fn shares_row(&self) -> bool {
        let has_text = matches!(self.flow, Flow::Generate(_) | Flow::Chat(_));
        self.route.is_recorded() && has_text
    }
}

/// What of a request's head decides how the reply is written.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// HEAD gets no body.
    pub method: Method,
    /// HTTP/1.0 gets no chunks.
    pub version: Version,
    /// Whether the client wants to go on with the connection.
    pub keep_alive: bool,
    /// Whether it asked for a stream by `Accept`.
    pub wants_stream: bool,
    /// `Last-Event-ID`: bytes of the text that it has already.
    pub last_event_id: Option<u64>,
    /// In whose words it is answered; `None` is our own API.
    pub dialect: Option<Dialect>,
    /// What it says about caches.
    pub control: Control,
    /// What is said about the answer cache.
    pub cache: Status,
}

/// What an exchange holds. Beside the flow's state and not in it, so that a transition that fails
/// cannot lose it.
#[derive(Debug, Default)]
pub struct Held {
    /// Work that is waiting or running for it.
    pub work: Option<WorkId>,
    /// The text that it listens to.
    pub generation: Option<GenerationId>,
    /// The texts that it listens to, if they are several.
    pub party: Vec<GenerationId>,
    /// The job that it watches.
    pub watch: Option<WatchId>,
    /// Whether it was accepted and its row is not on the way yet.
    pub owes_row: bool,
    /// One of the places for imports.
    pub import: bool,
    /// The key that it was sent with, until what is answered is certain.
    pub key: Option<Box<HeldKey>>,
    /// What is answered under that key, until its rows are on disk.
    pub promise: Option<Box<Promise>>,
}

impl Engine {
    /// Gives back whatever `exchange` holds. Every end of an exchange passes through here.
    pub(super) fn release(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        let mut held = std::mem::take(&mut exchange.held);
        if let Some(work) = held.work {
            self.works.cancel(work);
        }
        if held.import {
            self.imports -= 1;
        }
        if let Some(watch) = held.watch {
            self.unwatch_job(watch, id);
        }
        self.release_key(id, &mut held);
        for generation in held.generation.into_iter().chain(held.party) {
            self.unsubscribe(generation, id);
        }
    }

    /// The connection of an exchange, if both are there.
    pub(super) fn conn_of(&self, id: ExchangeId) -> Option<ConnId> {
        self.exchanges.get(id).map(|exchange| exchange.conn)
    }

    /// The exchange on a client's connection, if there is one.
    pub(super) fn exchange_on(&mut self, id: ConnId) -> Option<ExchangeId> {
        self.conns.get_mut(id)?.client()?.exchange
    }

    /// Ends the state that `id` is in and starts `next`, with one reading of the clock.
    pub(super) fn enter(&mut self, id: ExchangeId, next: State) {
        let now = self.now.mono;
        if let Some(exchange) = self.exchanges.get_mut(id)
            && exchange.state != next
        {
            self.trace.push(exchange.span(id, now, 0));
            exchange.state = next;
            exchange.since = now;
        }
    }

    /// The reply is complete: the exchange is over, and its connection goes on or is closed.
    pub(super) fn end_exchange(&mut self, id: ExchangeId) {
        self.release(id);
        let Some(mut exchange) = self.exchanges.remove(id) else {
            return;
        };
        let now = self.now.mono;
        self.trace.push(exchange.span(id, now, 1));
        self.ledger.settle(&mut exchange.charged, 0);
        self.counters
            .exchange_ended(now.since(exchange.started.mono));
        if let Some(conn) = self.conns.get_mut(exchange.conn)
            && let Some(client) = conn.client()
            && client.exchange == Some(id)
        {
            client.exchange = None;
        }
    }

    /// Submits work for an exchange that has no place reserved: full is an answer of its own.
    pub(super) fn submit_for(
        &mut self,
        id: ExchangeId,
        work: Work,
        bound: Bound,
    ) -> Result<WorkId, Failure> {
        let kind = work.kind();
        if !self.works.has_room(kind) {
            self.counters.full(kind);
            return Err(Failure::Full(bound));
        }
        let work = self
            .works
            .submit(WorkOwner::Exchange(id), work)
            .ok_or(Failure::Full(bound))?;
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.work = Some(work);
        }
        Ok(work)
    }

    /// Hands waiting work to the threads, as much as they may have.
    pub(super) fn dispatch_work(&mut self) {
        while let Some(work) = self.works.dispatch() {
            if self.goes_to_journal(work) {
                continue;
            }
            let kind = self.works.kind_of(work);
            if self.has_database() && matches!(kind, Some(WorkKind::Read | WorkKind::Write)) {
                self.order_work(work);
                continue;
            }
            if let Some((text, flag)) = self.works.text_to_finish(work) {
                if self.is_only_scored(work, text, &flag) {
                    continue;
                }
                let Some(finish) = self.finish_of(text, flag) else {
                    self.works.finish(work); // a text does not go before its end; if it did, it is over
                    continue;
                };
                self.works.finish_with(work, finish);
            }
            self.out.push(Output::Submit(work));
        }
    }

    /// Has an exchange woken up at `at`, or at its client's deadline if that is earlier.
    pub(super) fn set_exchange_timer(&mut self, id: ExchangeId, at: Mono) {
        if let Some(exchange) = self.exchanges.get_mut(id) {
            let at = at.min(exchange.deadline);
            self.timers
                .set(Owner::Exchange(id), &mut exchange.timer, at);
        }
    }

    /// A body is complete: parse it here, or on a thread if it is long.
    pub(super) fn parse_body(&mut self, id: ExchangeId, shape: Shape) -> Result<(), Failure> {
        let body = self.take_body(id)?;
        if body.len() <= JSON_ON_LOOP_BYTES {
            let ask = super::flow::body::parse(shape, &body)?;
            return self.start(id, ask, Arc::new(body));
        }
        self.parse_on_thread(id, shape, Arc::new(body))
    }

    /// The body of a request that is complete.
    pub(super) fn take_body(&mut self, id: ExchangeId) -> Result<Vec<u8>, Failure> {
        match self
            .exchanges
            .get_mut(id)
            .map(|exchange| &mut exchange.flow)
        {
            Some(Flow::Body(body)) => Ok(std::mem::take(body)),
            _ => Err(Failure::Internal("a body ended twice")),
        }
    }

    /// A long body is parsed on a thread.
    pub(super) fn parse_on_thread(
        &mut self,
        id: ExchangeId,
        shape: Shape,
        body: Arc<Vec<u8>>,
    ) -> Result<(), Failure> {
        let work = Work::Parse {
            shape,
            body: Arc::clone(&body),
        };
        self.submit_for(id, work, Bound::Parsers)?;
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Parsing(body);
        }
        self.set_exchange_timer(id, self.now.mono.plus_ms(PARSE_MS));
        self.enter(id, State::Parsing);
        Ok(())
    }

    /// The row of a request as it stands now.
    pub(super) fn request_row(
        &self,
        id: ExchangeId,
        outcome: RequestOutcome,
        status: u16,
    ) -> Option<RequestRow> {
        let exchange = self.exchanges.get(id)?;
        Some(RequestRow {
            id: exchange.request_id,
            tenant: super::TENANT.to_string(),
            route: exchange.route.as_str().to_string(),
            generation_id: None,
            outcome,
            status,
            streamed: exchange.terms.wants_stream,
            started_ms: exchange.started.wall_ms,
            duration_us: self.now.mono.since(exchange.started.mono) / 1_000,
            provider: None,
            model: None,
            prompt_tokens: None,
            completion_tokens: None,
            error_code: None,
            inbound: inbound(exchange.terms.dialect),
            calls: Calls::default(),
        })
    }

    /// The client of an exchange has left before its answer was complete.
    pub(super) fn exchange_deserted(&mut self, id: ExchangeId) {
        self.counters.deserted += 1;
        self.settle_row(id, RequestOutcome::ClientGone, 499, None);
        self.end_exchange(id);
    }

    /// Writes the row that a request owes when it ends without its text or scores. Nobody waits
    /// for it. Its place was reserved at admission: the table of work is larger than its queues.
    pub(super) fn settle_row(
        &mut self,
        id: ExchangeId,
        outcome: RequestOutcome,
        status: u16,
        code: Option<&'static str>,
    ) {
        let owes = self
            .exchanges
            .get_mut(id)
            .is_some_and(|exchange| std::mem::take(&mut exchange.held.owes_row));
        if !owes {
            return;
        }
        let Some(mut row) = self.request_row(id, outcome, status) else {
            return;
        };
        row.error_code = code.map(str::to_string);
        self.enter_gather(id, &mut row);
        self.enter_cached(id, &mut row);
        let write = Write::Save {
            requests: vec![row],
            text: None,
            analysis: None,
        };
        self.write_unwatched(write);
    }

    /// Puts into the row of a request which stored text has answered it.
    fn enter_cached(&self, id: ExchangeId, row: &mut RequestRow) {
        if let Some(Flow::Kept(kept)) = self.exchanges.get(id).map(|e| &e.flow) {
            return kept.enter(row);
        }
        let held = self.exchanges.get(id).and_then(|e| e.held.generation);
        if let Some(text) = held.and_then(|text| self.generations.get(text)) {
            row.generation_id = Some(text.id);
            row.provider = Some(text.target().provider_name.to_string());
            row.model = text.result.model.clone();
        }
    }

    /// Queues a write whose result nobody waits for.
    pub(super) fn write_unwatched(&mut self, write: Write) {
        let work = Work::Write(Box::new(write));
        if self.works.submit(WorkOwner::Nobody, work).is_none() {
            self.counters.rows_lost += 1;
        }
    }
}

/// The API of a client that is answered in this dialect, as rows have it.
pub(super) fn inbound(dialect: Option<Dialect>) -> Inbound {
    match dialect {
        None => Inbound::Own,
        Some(Dialect::OpenAi) => Inbound::OpenAi,
        Some(Dialect::Anthropic) => Inbound::Anthropic,
        Some(Dialect::Gemini) => Inbound::Gemini,
    }
}
