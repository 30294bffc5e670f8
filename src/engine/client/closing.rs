//! What follows a reply: the next request, or the end of the connection; and its deadlines.

use crate::engine::conn::{ClientPhase, Wait};
use crate::engine::exchange::Exchange;
use crate::engine::io::{How, Output};
use crate::engine::now::Mono;
use crate::engine::slots::{ConnId, ExchangeId};
use crate::engine::{Engine, Failure};
use crate::limits::{IMPORT_LINGER_BYTES, IMPORT_LINGER_MS, LINGER_BYTES};

impl Engine {
    /// The reply of `id` is written: the connection goes on, or ends with it.
    pub(crate) fn reply_written(&mut self, id: ExchangeId, keep_alive: bool) {
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
        client.importing = false;
        client.began = self.now.mono;
        // A client that has sent its FIN is closed when its tail turns out to be empty.
        if has_more || client.eof {
            self.queue_again(conn_id);
        }
        self.rearm_client(conn_id);
    }

    /// Puts a connection on the list of those that have requests in their tail.
    pub(crate) fn queue_again(&mut self, id: ConnId) {
        if let Some(client) = self.conns.get_mut(id).and_then(|c| c.client())
            && !client.queued
        {
            client.queued = true;
            self.again.push_back(id);
        }
    }

    /// No further request is answered on this connection; it is closed once all is sent.
    pub(crate) fn begin_close(&mut self, id: ConnId) {
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
    pub(crate) fn begin_linger(&mut self, id: ConnId) {
        let mut linger_ms = self.config.limits.linger_ms;
        let Some(client) = self.conns.get_mut(id).and_then(|c| c.client()) else {
            return;
        };
        if client.eof {
            return self.close_conn(id, How::Plain);
        }
        let mut left = LINGER_BYTES;
        if client.importing {
            (left, linger_ms) = (IMPORT_LINGER_BYTES, linger_ms.max(IMPORT_LINGER_MS));
        }
        client.phase = ClientPhase::Lingering { left };
        let at = self.now.mono.plus_ms(linger_ms);
        self.out.push(Output::ShutWrite(id));
        self.set_wait(id, Wait::Linger, at);
    }

    /// The socket took bytes.
    pub(crate) fn client_sent(&mut self, id: ConnId) {
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
    pub(crate) fn client_eof(&mut self, id: ConnId) {
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
                let (reading, costs) = self
                    .exchanges
                    .get(exchange)
                    .map_or((true, true), |e| (e.is_cut_short(), e.route.costs()));
                if reading {
                    // Replies to what it asked before may still be on their way to it.
                    self.exchange_deserted(exchange);
                    self.begin_close(id);
                } else if costs && !half_close {
                    self.client_closed(id);
                    self.out.push(Output::Close(id, How::Plain));
                }
            }
        }
    }

    /// The client has sent its FIN while we do not read from it. What it sent before may still be
    /// asked for, but nobody waits for an answer that costs something.
    pub(crate) fn client_hung_up(&mut self, id: ConnId) {
        let half_close = self.config.half_close;
        let exchange = self.exchange_on(id);
        let costs = exchange
            .and_then(|exchange| self.exchanges.get(exchange))
            .is_some_and(|exchange| exchange.route.costs());
        if costs && !half_close {
            self.client_closed(id);
            self.out.push(Output::Close(id, How::Plain));
        }
    }

    /// A client that has sent its FIN and has no request left in its tail is finished with.
    pub(crate) fn client_idle_eof(&mut self, id: ConnId) {
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
    pub(crate) fn client_closed(&mut self, id: ConnId) {
        let exchange = self.exchange_on(id);
        if let Some(exchange) = exchange {
            self.exchange_deserted(exchange);
        }
        self.remove_conn(id);
    }

    /// A deadline of a client's connection has come.
    pub(crate) fn client_due(&mut self, id: ConnId, wait: Wait) {
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
    pub(crate) fn rearm_client(&mut self, id: ConnId) {
        let requests = self
            .conns
            .get_mut(id)
            .and_then(|c| c.client())
            .map_or(0, |c| c.requests);
        let idle_ms = self.idle_ms(requests);
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
            (Wait::Request, self.now.mono.plus_ms(idle_ms))
        };
        self.set_wait(id, wait, at);
    }
}
