//! The side that faces the clients: from bytes to requests, and from the end of a reply to the
//! next request or the end of the connection.
//!
//! One exchange at a time; what a client sends ahead stays in its tail, and past a bound reading
//! pauses. A turn takes a few requests off one connection and then goes to the next one.

mod closing;
mod head;

use std::net::IpAddr;

use crate::engine::conn::{Client, ClientPhase, Conn, Role, Wait};
use crate::engine::io::{How, Output};
use crate::engine::policy::rate::Subject;
use crate::engine::slots::ConnId;
use crate::engine::{Engine, Failure};
use crate::limits::{PIPELINE_BYTES, PIPELINE_PER_TURN};
use crate::proto::http1::{Method, Step, Version};

impl Engine {
    /// A client has connected. `None`: there is no place for it, close it.
    pub(crate) fn client_accepted(&mut self, peer: IpAddr) -> Option<ConnId> {
        let now = self.now.mono;
        if self.clients >= self.clients_max || self.stopping.is_some() {
            self.counters.refused_connections += 1;
            return None;
        }
        let mut client = Client::new(peer, now);
        if !self.knock_at_door(&mut client) {
            self.counters.refused_connections += 1;
            return None;
        }
        let role = Role::Client(client);
        let Ok(id) = self.conns.insert(Conn::new(role, now)) else {
            self.doors.leave(Subject::of(peer));
            return None;
        };
        self.clients += 1;
        self.counters.accepted += 1;
        let at = now.plus_ms(self.idle_ms(0));
        self.set_wait(id, Wait::Request, at);
        if self.clients >= self.clients_max && !self.accept_paused {
            self.accept_paused = true;
            self.out.push(Output::PauseAccept);
        }
        Some(id)
    }

    /// How long a connection may be idle: one that has never asked for anything as long as a head
    /// may take, so that it does not hold a place for somebody who would.
    fn idle_ms(&self, requests: u32) -> u64 {
        let limits = &self.config.limits;
        if requests == 0 {
            limits.keep_alive_ms.min(limits.head_ms)
        } else {
            limits.keep_alive_ms
        }
    }

    /// Bytes from a client.
    pub(crate) fn client_received(&mut self, id: ConnId, fresh: &[u8]) {
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
    pub(crate) fn client_again(&mut self, id: ConnId) {
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
        } else if waiting <= PIPELINE_BYTES / 2 && !self.import_is_busy(id) {
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
