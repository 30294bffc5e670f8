//! The side that faces the clients: from bytes to requests, and from the end of a reply to the
//! next request or the end of the connection.
//!
//! One exchange at a time; what a client sends ahead stays in its tail, and past a bound reading
//! pauses. A turn takes a few requests off one connection and then goes to the next one.

use std::net::IpAddr;

use super::conn::{Client, ClientPhase, Conn, Role, Wait};
use super::exchange::{Exchange, Held, Terms};
use super::flow::Flow;
use super::io::{How, Output};
use super::now::Mono;
use super::routes::{self, Route};
use super::slots::{ConnId, ExchangeId};
use super::timers::Timer;
use super::trace::State;
use super::{Engine, Failure, failure::Bound};
use crate::limits::{LINGER_BYTES, PIPELINE_BYTES, PIPELINE_PER_TURN};
use crate::proto::http1::{BodyLength, CONTINUE, Method, RequestHead, Step, Version};

impl Engine {
    /// A client has connected. `None`: there is no place for it, close it.
    pub(super) fn client_accepted(&mut self, peer: IpAddr) -> Option<ConnId> {
        let now = self.now.mono;
        if self.clients >= self.clients_max || self.stopping.is_some() {
            self.counters.refused_connections += 1;
            return None;
        }
        let role = Role::Client(Client::new(peer, now));
        let id = self.conns.insert(Conn::new(role, now)).ok()?;
        self.clients += 1;
        self.counters.accepted += 1;
        let at = now.plus_ms(self.config.limits.keep_alive_ms);
        self.set_wait(id, Wait::Request, at);
        if self.clients >= self.clients_max && !self.accept_paused {
            self.accept_paused = true;
            self.out.push(Output::PauseAccept);
        }
        Some(id)
    }

    /// Bytes from a client.
    pub(super) fn client_received(&mut self, id: ConnId, fresh: &[u8]) {
        let now = self.now.mono;
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let Role::Client(client) = &mut conn.role else {
            return;
        };
        match &mut client.phase {
            ClientPhase::Open => {}
            ClientPhase::Closing => return,
            ClientPhase::Lingering { left } => {
                *left = left.saturating_sub(fresh.len());
                if *left == 0 {
                    self.close_conn(id, How::Plain);
                }
                return;
            }
        }
        if conn.tail.is_empty() && client.exchange.is_none() {
            client.began = now; // the first byte of a head
        }
        let mut tail = std::mem::take(&mut conn.tail);
        let used = if tail.is_empty() {
            self.client_steps(id, fresh)
        } else {
            tail.extend_from_slice(fresh);
            self.client_steps(id, &tail)
        };
        self.keep_tail(id, tail, fresh, used);
    }

    /// Goes on with what a client had sent ahead.
    pub(super) fn client_again(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let Some(client) = conn.client() else {
            return;
        };
        client.queued = false;
        let tail = std::mem::take(&mut conn.tail);
        let used = self.client_steps(id, &tail);
        self.keep_tail(id, tail, &[], used);
        self.client_idle_eof(id);
    }

    /// Puts back what was not used: the rest of `tail`, or of `fresh` if there was no tail.
    fn keep_tail(&mut self, id: ConnId, mut tail: Vec<u8>, fresh: &[u8], used: usize) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        if tail.is_empty() {
            if used < fresh.len() {
                conn.tail.extend_from_slice(&fresh[used..]);
            }
        } else if used < tail.len() {
            tail.drain(..used);
            conn.tail = tail;
        }
        let waiting = conn.tail.len();
        if waiting > PIPELINE_BYTES {
            self.pause_conn(id);
        } else if waiting <= PIPELINE_BYTES / 2 {
            self.resume_conn(id);
        }
        self.settle_conn(id);
        self.rearm_client(id);
    }

    /// Takes whole pieces off `input`; returns how many bytes were used.
    fn client_steps(&mut self, id: ConnId, input: &[u8]) -> usize {
        let mut used = 0;
        let mut budget = PIPELINE_PER_TURN;
        loop {
            let Some(conn) = self.conns.get_mut(id) else {
                return input.len();
            };
            let crowded = conn.is_crowded();
            let Some(client) = conn.client() else {
                return input.len();
            };
            if client.phase != ClientPhase::Open {
                return input.len();
            }
            if client.exchange.is_none() && (budget == 0 || crowded) {
                // A client that does not take its answers is gone on with when it does.
                if used < input.len() && !crowded {
                    self.queue_again(id);
                }
                return used;
            }
            match client.http.step(&input[used..]) {
                Ok(Step::NeedMore) => return used,
                Ok(Step::Head { head, consumed }) => {
                    used += consumed;
                    budget -= 1;
                    let bytes_follow = used < input.len();
                    self.client_head(id, &head, bytes_follow);
                }
                Ok(Step::Body { bytes, consumed }) => {
                    used += consumed;
                    self.client_body(id, bytes);
                }
                Ok(Step::End { consumed }) => {
                    used += consumed;
                    self.client_request_complete(id);
                    let busy = self
                        .conns
                        .get_mut(id)
                        .and_then(|c| c.client())
                        .is_none_or(|c| c.exchange.is_some());
                    if busy {
                        return used;
                    }
                }
                Err(refusal) => {
                    self.client_refused(id, &Failure::Http(refusal));
                    return input.len();
                }
            }
        }
    }

    /// A request begins.
    fn client_head(&mut self, id: ConnId, head: &RequestHead<'_>, bytes_follow: bool) {
        let now = self.now;
        self.counters.requests += 1;
        let draining = self.stopping.is_some();
        let max_requests = crate::limits::REQUESTS_PER_CONNECTION;
        let Some(client) = self.conns.get_mut(id).and_then(|c| c.client()) else {
            return;
        };
        client.requests += 1;
        client.body_bytes = 0;
        let started_mono = client.began;
        client.began = now.mono;
        let keep_alive = head.keep_alive && !draining && client.requests < max_requests;
        let terms = Terms {
            method: head.method,
            version: head.version,
            keep_alive,
            wants_stream: routes::wants_stream(&head.fields),
            last_event_id: routes::last_event_id(&head.fields),
        };
        let (route, verdict) = match routes::find(head) {
            Ok(route) => {
                let verdict = self.check_head(&route, head);
                (route, verdict)
            }
            Err(failure) => (Route::Unknown, Err(failure)),
        };
        let body_limit = self.body_limit(&route);
        let exchange = Exchange {
            conn: id,
            route,
            flow: Flow::Body(Vec::new()),
            held: Held::default(),
            timer: Timer::default(),
            request_id: self.new_id(),
            started: super::now::Now {
                mono: started_mono,
                wall_ms: now.wall_ms,
            },
            terms,
            state: State::Reading,
            since: started_mono,
            charged: 0,
        };
        let Ok(exchange) = self.exchanges.insert(exchange) else {
            return self.client_refused(id, &Failure::Full(Bound::Exchanges));
        };
        let Some(client) = self.conns.get_mut(id).and_then(|c| c.client()) else {
            return;
        };
        client.exchange = Some(exchange);
        client.http.set_body_limit(body_limit);
        if let Err(failure) = verdict {
            return self.doom(exchange, failure, head.length);
        }
        if head.expect_continue && !bytes_follow {
            let conn = self.conns.get_mut(id);
            if let Some(conn) = conn {
                self.blocks.put(&mut conn.out, CONTINUE);
            }
            self.flush(id);
        }
    }

    /// A request will be answered with `failure`. If it has no body the connection goes on
    /// afterwards; if it has one, the body is not waited for and the answer ends the connection.
    fn doom(&mut self, id: ExchangeId, failure: Failure, length: BodyLength) {
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

    /// Whether a request may go on to its body.
    fn check_head(&self, route: &Route, head: &RequestHead<'_>) -> Result<(), Failure> {
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
        if route.costs() {
            if self.stopping.is_some() {
                return Err(Failure::Stopping);
            }
            if self.ledger.is_full() {
                return Err(Failure::Full(Bound::Memory));
            }
        }
        Ok(())
    }

    fn body_limit(&self, route: &Route) -> u64 {
        match route {
            Route::Analyze => self.config.limits.analyze_body_bytes as u64,
            _ => self.config.limits.body_bytes as u64,
        }
    }

    /// A piece of a body.
    fn client_body(&mut self, id: ConnId, bytes: &[u8]) {
        let Some(client) = self.conns.get_mut(id).and_then(|c| c.client()) else {
            return;
        };
        client.body_bytes += bytes.len() as u64;
        let Some(exchange_id) = client.exchange else {
            return;
        };
        if let Some(exchange) = self.exchanges.get_mut(exchange_id)
            && let Flow::Body(body) = &mut exchange.flow
            && exchange.route.takes_body()
        {
            body.extend_from_slice(bytes);
            let bytes = body.capacity();
            self.ledger.settle(&mut exchange.charged, bytes);
        }
    }

    /// A request is complete: its flow starts.
    fn client_request_complete(&mut self, id: ConnId) {
        let Some(exchange) = self
            .conns
            .get_mut(id)
            .and_then(|c| c.client())
            .and_then(|c| c.exchange)
        else {
            return;
        };
        if let Err(failure) = self.begin(exchange) {
            self.fail_exchange(exchange, &failure);
        }
    }

    /// The bytes cannot be a request, or not one that may be answered: say so and close.
    fn client_refused(&mut self, id: ConnId, failure: &Failure) {
        let exchange = self
            .conns
            .get_mut(id)
            .and_then(|c| c.client())
            .and_then(|c| c.exchange);
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

    /// The reply of `id` is written: the connection goes on, or ends with it.
    pub(super) fn reply_written(&mut self, id: ExchangeId, keep_alive: bool) {
        let Some(conn_id) = self.conn_of(id) else {
            return;
        };
        self.end_exchange(id);
        let Some(conn) = self.conns.get_mut(conn_id) else {
            return;
        };
        let has_more = !conn.tail.is_empty();
        let Some(client) = conn.client() else {
            return;
        };
        if !keep_alive {
            return self.begin_close(conn_id);
        }
        client.http.next_request();
        client.began = self.now.mono;
        // A client that has sent its FIN is closed when its tail turns out to be empty.
        if has_more || client.eof {
            self.queue_again(conn_id);
        }
        self.rearm_client(conn_id);
    }

    /// Puts a connection on the list of those that have requests in their tail.
    pub(super) fn queue_again(&mut self, id: ConnId) {
        if let Some(client) = self.conns.get_mut(id).and_then(|c| c.client())
            && !client.queued
        {
            client.queued = true;
            self.again.push_back(id);
        }
    }

    /// No further request is answered on this connection; it is closed once all is sent.
    pub(super) fn begin_close(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        conn.tail = Vec::new();
        let empty = conn.out.is_empty();
        if let Some(client) = conn.client() {
            client.phase = ClientPhase::Closing;
        }
        self.settle_conn(id);
        self.resume_conn(id);
        if empty {
            self.begin_linger(id);
        } else {
            self.rearm_client(id);
        }
    }

    /// All is sent: FIN, then wait for the client's own (RFC 9112 §9.6).
    fn begin_linger(&mut self, id: ConnId) {
        let at = self.now.mono.plus_ms(self.config.limits.linger_ms);
        let Some(client) = self.conns.get_mut(id).and_then(|c| c.client()) else {
            return;
        };
        if client.eof {
            return self.close_conn(id, How::Plain);
        }
        client.phase = ClientPhase::Lingering { left: LINGER_BYTES };
        self.out.push(Output::ShutWrite(id));
        self.set_wait(id, Wait::Linger, at);
    }

    /// The socket took bytes.
    pub(super) fn client_sent(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let (empty, low) = (conn.out.is_empty(), !conn.is_crowded());
        let waiting = !conn.tail.is_empty();
        let Some(client) = conn.client() else {
            return;
        };
        let (phase, exchange) = (client.phase, client.exchange);
        if phase == ClientPhase::Closing && empty {
            return self.begin_linger(id);
        }
        if let Some(exchange) = exchange {
            if low {
                self.pump(exchange);
            }
        } else if low && waiting && phase == ClientPhase::Open {
            self.queue_again(id);
        }
        self.rearm_client(id);
    }

    /// The client has sent its FIN. On routes that cost something it means that nobody waits any
    /// more; elsewhere a client may shut its side down and still read the answer.
    pub(super) fn client_eof(&mut self, id: ConnId) {
        let half_close = self.config.half_close;
        let Some(client) = self.conns.get_mut(id).and_then(|c| c.client()) else {
            return;
        };
        client.eof = true;
        let exchange = client.exchange;
        match (client.phase, exchange) {
            (ClientPhase::Lingering { .. }, _) => self.close_conn(id, How::Plain),
            (ClientPhase::Closing, _) => {}
            (ClientPhase::Open, None) => self.client_idle_eof(id),
            (ClientPhase::Open, Some(exchange)) => {
                let (reading, costs) = self.exchanges.get(exchange).map_or((true, true), |e| {
                    (matches!(e.flow, Flow::Body(_)), e.route.costs())
                });
                if reading || (costs && !half_close) {
                    self.client_closed(id);
                    self.out.push(Output::Close(id, How::Plain));
                }
            }
        }
    }

    /// A client that has sent its FIN and has no request left in its tail is finished with.
    fn client_idle_eof(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let waits_for_room = conn.is_crowded() && !conn.tail.is_empty();
        let unread = waits_for_room || conn.client().is_some_and(|c| c.queued);
        let empty = conn.out.is_empty();
        let done = conn
            .client()
            .is_some_and(|c| c.eof && c.exchange.is_none() && c.phase == ClientPhase::Open);
        if done && !unread {
            if empty {
                self.close_conn(id, How::Plain);
            } else {
                self.begin_close(id);
            }
        }
    }

    /// A client's connection is gone: its request is deserted.
    pub(super) fn client_closed(&mut self, id: ConnId) {
        let exchange = self
            .conns
            .get_mut(id)
            .and_then(|c| c.client())
            .and_then(|c| c.exchange);
        if let Some(exchange) = exchange {
            self.exchange_deserted(exchange);
        }
        self.remove_conn(id);
    }

    /// A deadline of a client's connection has come.
    pub(super) fn client_due(&mut self, id: ConnId, wait: Wait) {
        match wait {
            Wait::Head => self.client_refused(id, &Failure::HeadTimeout),
            Wait::Body => self.client_refused(id, &Failure::BodyTimeout),
            Wait::Write => {
                self.counters.slow_readers += 1;
                self.client_closed(id);
                self.out.push(Output::Close(id, How::Reset));
            }
            Wait::Request => self.begin_close(id),
            _ => self.close_conn(id, How::Plain),
        }
    }

    /// Sets the one deadline that a client's connection has in its present state.
    pub(super) fn rearm_client(&mut self, id: ConnId) {
        let limits = &self.config.limits;
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let (unsent, progress, tail) = (!conn.out.is_empty(), conn.progress, conn.tail.len());
        let Some(client) = conn.client() else {
            return;
        };
        if matches!(client.phase, ClientPhase::Lingering { .. }) {
            return; // has its deadline already
        }
        let reading = client
            .exchange
            .is_none_or(|e| self.exchanges.get(e).is_some_and(Exchange::is_reading));
        let began = client.began;
        let body_bytes = client.body_bytes;
        let in_body = client.exchange.is_some();
        let (wait, at) = if unsent {
            (Wait::Write, progress.plus_ms(limits.write_stall_ms))
        } else if client.phase != ClientPhase::Open || !reading {
            (Wait::Nothing, Mono::NEVER)
        } else if in_body {
            // Both rules at once: no pause longer than the gap, and a mean speed.
            let rate = crate::limits::BODY_BYTES_PER_SECOND;
            let earned = body_bytes.saturating_mul(1_000) / rate;
            let by_rate = began.plus_ms(limits.body_gap_ms + earned);
            (
                Wait::Body,
                by_rate.min(self.now.mono.plus_ms(limits.body_gap_ms)),
            )
        } else if tail > 0 {
            (Wait::Head, began.plus_ms(limits.head_ms))
        } else {
            (Wait::Request, self.now.mono.plus_ms(limits.keep_alive_ms))
        };
        self.set_wait(id, wait, at);
    }
}

impl Exchange {
    /// Whether its request is still arriving.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        matches!(self.flow, Flow::Body(_) | Flow::Doomed(_))
    }
}

/// Whether a reply may be sent in chunks.
#[must_use]
pub fn takes_chunks(version: Version) -> bool {
    version == Version::Http11
}

/// Whether a reply has a body.
#[must_use]
pub fn takes_body(method: Method) -> bool {
    method != Method::Head
}
