//! The sockets of a look-up: a question out, an answer in.
//!
//! ```text
//!  Datagram ──(answer)──► done            Connecting ──► Stream ──(whole message)──► done
//!     │ truncated, or too many strays: ──────▲
//!  refused, malformed, closed: the server has refused, and the next one is asked
//! ```

use super::Outcome;
use crate::engine::Engine;
use crate::engine::blocks::Pen;
use crate::engine::conn::{Conn, Role};
use crate::engine::io::{How, Output, ResolveFault};
use crate::engine::slots::ConnId;
use crate::limits::{DNS_DENIED_MS, DNS_STRAYS, DNS_TTL_MAX_MS, DNS_TTL_MIN_MS};
use crate::proto::dns::{Answer, Fault, Kind, Query, STREAM_BYTES, message_in};

/// One question to one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// Which name, by its place in the table of names.
    pub name: u16,
    /// Which kind of address.
    pub kind: Kind,
    /// What its answer has to repeat.
    pub id: u16,
    /// Which server, by its place in the configuration.
    pub server: usize,
    /// How it travels.
    pub transport: Transport,
    /// Messages that came for it and did not belong to it.
    pub strays: u8,
}

/// How a question travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As one datagram, and so does its answer.
    Datagram,
    /// Over TCP, which does not stand yet.
    Connecting,
    /// Over TCP.
    Stream,
}

impl Engine {
    /// Asks the next server for one kind of address, if it is still wanted: unless `again`, only one
    /// that was not asked before.
    pub(super) fn ask_next(&mut self, index: u16, kind: Kind, again: bool) {
        let servers = self.resolver.servers.len();
        let half = self.resolver.lookup(index).map(|lookup| lookup.half(kind));
        let next = half
            .filter(|half| half.is_asking())
            .and_then(|half| half.next_server(servers, again));
        if let Some(server) = next {
            self.ask(index, kind, server, Transport::Datagram);
        }
    }

    /// Asks one server. If there is no place for another socket, this has to wait for the next retry.
    fn ask(&mut self, index: u16, kind: Kind, server: usize, transport: Transport) {
        let question = Question {
            name: index,
            kind,
            id: self.resolver.ids.draw(),
            server,
            transport,
            strays: 0,
        };
        let conn = Conn::new(Role::NameServer(question), self.now.mono);
        let Ok(id) = self.conns.insert(conn) else {
            return;
        };
        self.counters.questions += 1;
        if let Some(lookup) = self.resolver.lookup(index) {
            lookup.half(kind).sockets.push(id);
        }
        let address = self.resolver.servers[server];
        if transport == Transport::Datagram {
            self.write_question(id, question);
            self.settle_conn(id);
            self.out.push(Output::SendDatagram(id, address));
        } else {
            self.out.push(Output::Connect(id, address));
        }
    }

    fn write_question(&mut self, id: ConnId, question: Question) {
        let (Some(lookup), Some(conn)) = (
            self.resolver.running.get(&question.name),
            self.conns.get_mut(id),
        ) else {
            return;
        };
        let query = Query {
            id: question.id,
            name: &lookup.name,
            kind: question.kind,
        };
        let mut pen = Pen {
            blocks: &mut self.blocks,
            chain: &mut conn.out,
            secret: false,
        };
        match question.transport {
            Transport::Datagram => query.write(&mut pen),
            Transport::Connecting | Transport::Stream => query.write_framed(&mut pen),
        }
    }

    /// TCP stands.
    pub(in crate::engine) fn name_server_connected(&mut self, id: ConnId) {
        let Some(question) = self.question(id) else {
            return;
        };
        if question.transport == Transport::Connecting {
            question.transport = Transport::Stream;
            let question = *question;
            self.write_question(id, question);
            self.flush(id);
        }
    }

    /// A datagram, or the next bytes of a connection.
    pub(in crate::engine) fn name_server_received(&mut self, id: ConnId, fresh: &[u8]) {
        let Some(question) = self.question(id).copied() else {
            return;
        };
        if question.transport == Transport::Datagram {
            return self.answered(id, question, fresh);
        }
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let room = STREAM_BYTES - conn.tail.len().min(STREAM_BYTES);
        conn.tail.extend_from_slice(&fresh[..fresh.len().min(room)]);
        let tail = std::mem::take(&mut conn.tail);
        match message_in(&tail) {
            Some(message) => self.answered(id, question, message),
            None => conn.tail = tail,
        }
        self.settle_conn(id);
    }

    /// The server closes its connection, or a socket has failed: no answer will come this way. The
    /// reactor has closed the socket already if it is `gone`.
    pub(in crate::engine) fn name_server_ended(&mut self, id: ConnId, gone: bool) {
        let Some(question) = self.question(id).copied() else {
            return;
        };
        if gone {
            self.forget_question(id, question);
            self.remove_conn(id);
        }
        self.server_refused(id, question);
        self.settle_lookup(question.name);
    }

    fn answered(&mut self, id: ConnId, question: Question, message: &[u8]) {
        let Some(lookup) = self.resolver.running.get(&question.name) else {
            return;
        };
        let query = Query {
            id: question.id,
            name: &lookup.name,
            kind: question.kind,
        };
        let datagram = question.transport == Transport::Datagram;
        match query.answer(message) {
            Ok(Answer::Addresses { addresses, ttl_s }) => {
                let ms = u64::from(ttl_s) * 1_000;
                let fresh_ms = ms.clamp(DNS_TTL_MIN_MS, DNS_TTL_MAX_MS);
                self.answer_is(
                    question,
                    Outcome::Found {
                        addresses,
                        fresh_ms,
                    },
                );
            }
            Ok(Answer::NoAddress { ttl_s }) => {
                self.answer_is(question, denied(ResolveFault::NoAddress, ttl_s));
            }
            Ok(Answer::NoSuchName { ttl_s }) => {
                self.answer_is(question, denied(ResolveFault::NoSuchName, ttl_s));
            }
            Ok(Answer::Truncated) if datagram => self.ask_by_stream(id, question),
            Err(Fault::Stray) if datagram => return self.stray(id, question),
            Ok(Answer::Truncated | Answer::Failed(_)) | Err(_) => {
                self.server_refused(id, question);
            }
        }
        self.settle_lookup(question.name);
    }

    /// A half of the look-up has its answer; nothing more is expected for it.
    fn answer_is(&mut self, question: Question, outcome: Outcome) {
        if let Some(lookup) = self.resolver.lookup(question.name) {
            let half = lookup.half(question.kind);
            half.settle(outcome);
            let sockets = std::mem::take(&mut half.sockets);
            self.close_questions(sockets);
        }
    }

    /// Something came that is no answer to the question. It proves nothing, so the answer is waited
    /// for as before; but when there are many, somebody is trying all ids.
    fn stray(&mut self, id: ConnId, question: Question) {
        self.counters.strays += 1;
        if question.strays >= DNS_STRAYS {
            self.ask_by_stream(id, question);
        } else if let Some(question) = self.question(id) {
            question.strays += 1;
        }
    }

    /// Asks the same server again over TCP, where an answer has room and cannot be slipped in.
    fn ask_by_stream(&mut self, id: ConnId, question: Question) {
        self.close_question(id, question);
        let (index, kind, server) = (question.name, question.kind, question.server);
        self.ask(index, kind, server, Transport::Connecting);
    }

    /// A server can or will not say: the next one is asked, or all have been.
    fn server_refused(&mut self, id: ConnId, question: Question) {
        self.close_question(id, question);
        let servers = self.resolver.servers.len();
        if let Some(lookup) = self.resolver.lookup(question.name) {
            let half = lookup.half(question.kind);
            half.refuse(question.server, servers);
            if !half.is_asking() {
                let sockets = std::mem::take(&mut half.sockets);
                self.close_questions(sockets);
            }
        }
        self.ask_next(question.name, question.kind, false);
    }

    fn close_question(&mut self, id: ConnId, question: Question) {
        self.forget_question(id, question);
        self.close_conn(id, How::Plain);
    }

    pub(super) fn close_questions(&mut self, sockets: Vec<ConnId>) {
        for id in sockets {
            self.close_conn(id, How::Plain);
        }
    }

    fn forget_question(&mut self, id: ConnId, question: Question) {
        if let Some(lookup) = self.resolver.lookup(question.name) {
            let half = lookup.half(question.kind);
            half.sockets.retain(|socket| *socket != id);
        }
    }

    fn question(&mut self, id: ConnId) -> Option<&mut Question> {
        match &mut self.conns.get_mut(id)?.role {
            Role::NameServer(question) => Some(question),
            _ => None,
        }
    }
}

fn denied(fault: ResolveFault, ttl_s: u32) -> Outcome {
    let keep_ms = (u64::from(ttl_s) * 1_000).min(DNS_DENIED_MS);
    Outcome::Denied { fault, keep_ms }
}
