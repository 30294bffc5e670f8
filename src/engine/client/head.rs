//! Requests: what a head asks for, whether it may, and its body.

use crate::engine::exchange::{Exchange, Held, Terms};
use crate::engine::flow::Flow;
use crate::engine::idempotency::HeldKey;
use crate::engine::now::{Mono, Now};
use crate::engine::policy::cache::{Control, Status};
use crate::engine::policy::deadline;
use crate::engine::routes::{self, Route};
use crate::engine::slots::{ConnId, ExchangeId};
use crate::engine::timers::Timer;
use crate::engine::trace::State;
use crate::engine::{Engine, Failure, failure::Bound};
use crate::proto::http1::{BodyLength, CONTINUE, RequestHead};

impl Engine {
    /// A request begins.
    pub(crate) fn client_head(&mut self, id: ConnId, head: &RequestHead<'_>, bytes_follow: bool) {
        let now = self.now;
        self.counters.requests += 1;
        let draining = self.stopping.is_some();
        let Some(client) = self.conns.get_mut(id).and_then(|c| c.client()) else {
            return;
        };
        client.requests += 1;
        client.body_bytes = 0;
        let started_mono = client.began;
        client.began = now.mono;
        let keep_alive = head.keep_alive && !draining && client.may_go_on();
        let terms = Terms {
            method: head.method,
            version: head.version,
            keep_alive,
            wants_stream: routes::wants_stream(&head.fields),
            // A wrong one is refused below, on the one route that reads it.
            last_event_id: routes::last_event_id(&head.fields).ok().flatten(),
            dialect: routes::inbound::dialect_of(head),
            control: Control::of_head(&head.fields),
            cache: Status::Unasked,
        };
        let (route, verdict) = match routes::find(head) {
            Ok(route) => {
                let verdict = self.may_begin(id, &route, head);
                (route, verdict)
            }
            Err(failure) => (Route::unknown(head.path), Err(failure)),
        };
        let body_limit = self.body_limit(&route);
        let importing = route == Route::Import;
        // A wrong one is refused below.
        let patience_ms = deadline::of_head(&head.fields).ok().flatten();
        let deadline = patience_ms.map_or(Mono::NEVER, |ms| started_mono.plus_ms(ms));
        let exchange = Exchange {
            conn: id,
            route,
            flow: Flow::Body(Vec::new()),
            held: Held::default(),
            timer: Timer::default(),
            request_id: self.new_id(),
            started: Now {
                mono: started_mono,
                wall_ms: now.wall_ms,
            },
            deadline,
            terms,
            state: State::Reading,
            since: started_mono,
            listed: false,
            charged: 0,
        };
        let Ok(exchange) = self.exchanges.insert(exchange) else {
            return self.client_refused(id, &Failure::Full(Bound::Exchanges));
        };
        let Some(client) = self.conns.get_mut(id).and_then(|c| c.client()) else {
            return;
        };
        client.exchange = Some(exchange);
        client.importing = importing;
        client.http.set_body_limit(body_limit);
        self.set_exchange_timer(exchange, deadline);
        let verdict = verdict.and_then(|()| self.note_head(exchange, head));
        if let Err(failure) = verdict {
            return self.doom(exchange, failure, head.length);
        }
        if head.expect_continue && !bytes_follow {
            if let Some(conn) = self.conns.get_mut(id) {
                self.blocks.put(&mut conn.out, CONTINUE);
            }
            self.flush(id);
        }
    }

    /// What else a head says: the key of a request, or that an import begins.
    fn note_head(&mut self, id: ExchangeId, head: &RequestHead<'_>) -> Result<(), Failure> {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(());
        };
        let stream = exchange.terms.wants_stream;
        exchange.held.key = HeldKey::of_head(&exchange.route, head, stream)?;
        if exchange.route == Route::Import {
            self.begin_import(id)?;
        }
        Ok(())
    }

    /// A request will be answered with `failure`. If it has no body the connection goes on
    /// afterwards; if it has one, the body is not waited for and the answer ends the connection.
    pub(crate) fn doom(&mut self, id: ExchangeId, failure: Failure, length: BodyLength) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        if matches!(length, BodyLength::None | BodyLength::Exact(0)) {
            exchange.flow = Flow::Doomed(Box::new(failure));
        } else {
            exchange.terms.keep_alive = false;
            self.fail_exchange(id, &failure);
        }
    }

    /// Whether a request may go on to its body, whoever sends it.
    fn may_begin(
        &mut self,
        id: ConnId,
        route: &Route,
        head: &RequestHead<'_>,
    ) -> Result<(), Failure> {
        self.check_head(route, head)?;
        self.check_rate(id, route)
    }

    /// Whether a request may go on to its body, as far as its head and the server go.
    pub(crate) fn check_head(&self, route: &Route, head: &RequestHead<'_>) -> Result<(), Failure> {
        if !route.is_probe() {
            self.hosts
                .check(head.host, head.fields.get("origin"), head.method)?;
        }
        if route.takes_body() {
            routes::check_content(&head.fields, head.length)?;
            if let BodyLength::Exact(bytes) = head.length
                && bytes > self.body_limit(route)
            {
                return Err(Failure::Http(crate::proto::http1::Refusal::PayloadTooLarge));
            }
        }
        if *route == Route::Import {
            routes::check_lines(&head.fields, head.length)?;
        }
        deadline::of_head(&head.fields)?;
        if matches!(route, Route::Resume(_)) {
            routes::last_event_id(&head.fields)?;
        }
        let long = route.costs() || *route == Route::Import;
        if long && self.stopping.is_some() {
            return Err(Failure::Stopping);
        }
        // What shows how it stands is most wanted when it stands badly.
        let shows = matches!(route, Route::Metrics | Route::Status);
        if !route.is_probe() && !shows && self.ledger.is_full() {
            return Err(Failure::Full(Bound::Memory));
        }
        Ok(())
    }

    pub(crate) fn body_limit(&self, route: &Route) -> u64 {
        match route {
            Route::Analyze | Route::Keywords => self.config.limits.analyze_body_bytes as u64,
            // Its lines have a bound each.
            Route::Import => u64::MAX,
            Route::Chat(_) => self.config.limits.chat_body_bytes as u64,
            _ => self.config.limits.body_bytes as u64,
        }
    }

    /// A piece of a body.
    pub(crate) fn client_body(&mut self, id: ConnId, bytes: &[u8]) {
        let Some(client) = self.conns.get_mut(id).and_then(|c| c.client()) else {
            return;
        };
        client.body_bytes += bytes.len() as u64;
        let Some(exchange_id) = client.exchange else {
            return;
        };
        if let Some(Flow::Import(_)) = self.exchanges.get(exchange_id).map(|e| &e.flow) {
            return self.import_bytes(exchange_id, bytes);
        }
        if let Some(exchange) = self.exchanges.get_mut(exchange_id)
            && let Flow::Body(body) = &mut exchange.flow
            && exchange.route.takes_body()
        {
            body.extend_from_slice(bytes);
            if let Some(key) = &mut exchange.held.key {
                key.note_body(bytes);
            }
            let bytes = body.capacity();
            self.ledger.settle(&mut exchange.charged, bytes);
            // Heads cost little, so there may be more of them than bodies that there is room for.
            if self.ledger.is_full() {
                self.client_refused(id, &Failure::Full(Bound::Memory));
            }
        }
    }

    /// A request is complete: its flow starts.
    pub(crate) fn client_request_complete(&mut self, id: ConnId) {
        let Some(exchange) = self.exchange_on(id) else {
            return;
        };
        if let Err(failure) = self.begin(exchange) {
            self.fail_exchange(exchange, &failure);
        }
    }

    /// The bytes cannot be a request, or not one that may be answered: say so and close.
    pub(crate) fn client_refused(&mut self, id: ConnId, failure: &Failure) {
        let exchange = self.exchange_on(id);
        if let Some(exchange) = exchange {
            if let Some(exchange) = self.exchanges.get_mut(exchange) {
                exchange.terms.keep_alive = false;
            }
            return self.fail_exchange(exchange, failure);
        }
        let request_id = self.new_id();
        self.counters.refused_requests += 1;
        self.write_lone_problem(id, failure, request_id);
        self.begin_close(id);
    }
}

impl Exchange {
    /// Whether its request is still arriving.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        match &self.flow {
            Flow::Body(_) | Flow::Doomed(_) => true,
            Flow::Import(import) => import.is_reading(),
            _ => false,
        }
    }

    /// Whether the end of its body has not been seen. A client that ends before it has left.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        match &self.flow {
            Flow::Body(_) => true,
            Flow::Import(import) => !import.has_ended(),
            _ => false,
        }
    }
}
