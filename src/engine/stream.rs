//! Streams to clients: server-sent events over chunks.
//!
//! `start`, then `token` events whose `id` is the number of bytes of the text up to and with them,
//! then `done` or `error`. A client that comes back with the last `id` gets what follows it, and
//! nothing twice.
//!
//! Whatever is written in one turn leaves in one write. A connection's send buffer is filled to a
//! mark and no further; past it the cursor waits in the log, and goes on when bytes were sent.

use std::io::Write as _;
use std::sync::Arc;

use super::blocks::Pen;
use super::client::{takes_body, takes_chunks};
use super::documents::{EVENT_BYTES, Problem, TextReply, put_start, put_token, whole_document};
use super::flow::Flow;
use super::flow::generate::{Event, Generate};
use super::reply::after;
use super::slots::{ConnId, ExchangeId};
use super::{Engine, Failure};
use crate::limits::{
    PUMP_BYTES, READERS_BYTES_PER_TURN, READERS_PER_TURN, SEND_HIGH_BYTES, SEND_HIGH_SCARCE_BYTES,
};
use crate::proto::http1::{ReplyBody, put_chunk, put_last_chunk, reply_head};
use crate::proto::{Sink, sse};

impl Engine {
    /// Writes the head of a stream and, unless it continues an earlier one, `start`.
    pub(super) fn begin_stream(&mut self, id: ExchangeId, resumed: bool) {
        let date = self.date();
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (conn_id, terms) = (exchange.conn, exchange.terms);
        let generation = exchange.held.generation;
        let asked = self.asked_for(id);
        self.counters.answered(200);
        self.note_rate_fields(id);
        let mut bytes = std::mem::take(&mut self.head);
        let mut head = reply_head(&mut bytes, 200)
            .date(&date)
            .field("content-type", "text/event-stream; charset=utf-8")
            .field("cache-control", "no-cache")
            .field("x-accel-buffering", "no")
            .field("x-content-type-options", "nosniff");
        for (name, value) in self.rate_fields.iter() {
            head = head.field(name, value);
        }
        // With a heartbeat in front of the text there may be more of them than were told.
        asked
            .put(head)
            .finish(ReplyBody::streamed(terms.version), after(&terms));
        self.put_head(conn_id, bytes, false);
        // Whoever resumes where the text is now sees the head at once, and heartbeats from here on.
        self.flush(conn_id);
        self.rearm_client(conn_id);
        let heartbeat = self.now.mono.plus_ms(self.config.limits.heartbeat_ms);
        self.set_exchange_timer(id, heartbeat);
        let Some(generation) = generation.and_then(|g| self.generations.get_mut(g)) else {
            return;
        };
        generation.known = true;
        if !resumed {
            let (uuid, term) = (generation.id, generation.plan.term_id);
            let mut event = std::mem::take(&mut self.scratch);
            event.clear();
            put_start(&mut event, uuid, term);
            self.put_piece(id, &event);
            self.scratch = event;
        }
    }

    /// Writes what there is of the text or document, up to the mark and to what one connection may
    /// have at a time; then, if that was all, the end.
    pub(super) fn pump(&mut self, id: ExchangeId) {
        match self.exchanges.get(id).map(|exchange| &exchange.flow) {
            Some(Flow::Gather(_)) => return self.gather_turn(id),
            Some(Flow::Page(_)) => return self.pump_page(id),
            Some(&Flow::Chat(chat)) => return self.pump_chat(id, chat),
            Some(Flow::Export(_)) => return self.pump_export(id),
            Some(Flow::Keyed(_)) => return self.pump_kept(id),
            Some(Flow::Watch(_)) => return self.pump_events(id),
            _ => {}
        }
        let mut put = self.pump_document(id);
        let mut event = std::mem::take(&mut self.scratch);
        let mut json = std::mem::take(&mut self.json);
        while put < PUMP_BYTES && self.next_event(id, &mut json, &mut event) {
            put += event.len();
            self.put_piece(id, &event);
        }
        self.scratch = event;
        self.json = json;
        if put >= PUMP_BYTES {
            self.serve_later(id);
        }
        self.end_if_caught_up(id);
    }

    /// The mark up to which one connection's unsent bytes are filled: lower when memory is scarce,
    /// so that many slow readers together stay within the ledger.
    pub(super) fn send_high(&self) -> usize {
        if self.ledger.used() * 2 < self.ledger.limit() {
            SEND_HIGH_BYTES
        } else {
            SEND_HIGH_SCARCE_BYTES
        }
    }

    /// Puts a reader on the list of those that are served in turn.
    pub(super) fn serve_later(&mut self, id: ExchangeId) {
        if let Some(exchange) = self.exchanges.get_mut(id)
            && !exchange.listed
        {
            exchange.listed = true;
            self.readers.push_back(id);
        }
    }

    /// Serves the readers on the list, so many and so much in one turn: a text with thousands of
    /// readers must not hold everybody else up.
    pub(super) fn serve_readers(&mut self) {
        let mut room = READERS_BYTES_PER_TURN;
        for _ in 0..self.readers.len().min(READERS_PER_TURN) {
            let Some(id) = self.readers.pop_front() else {
                break;
            };
            let Some(exchange) = self.exchanges.get_mut(id) else {
                continue;
            };
            exchange.listed = false;
            let before = self.counters.written;
            match (&exchange.flow, exchange.held.generation) {
                (Flow::Gather(_), _) => self.gather_turn(id),
                (Flow::Keyed(_), _) => self.keyed_turn(id),
                (Flow::Watch(_), _) => self.pump_events(id),
                (_, Some(generation)) => self.catch_up(id, generation),
                (_, None) => continue,
            }
            let written = (self.counters.written - before) as usize;
            match room.checked_sub(written) {
                Some(left) => room = left,
                None => break,
            }
        }
    }

    /// Writes the head of a whole answer. Everybody who wants it whole reads the same document.
    pub(super) fn begin_document(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (conn, terms, held) = (exchange.conn, exchange.terms, exchange.held.generation);
        let Some(generation) = held.and_then(|g| self.generations.get_mut(g)) else {
            return self.fail_exchange(id, &Failure::Internal("an answer without its text"));
        };
        if generation.result.document.is_none() {
            generation.result.document = Some(Arc::new(whole_document(generation)));
        }
        let length = generation.result.document.as_ref().map_or(0, |d| d.len());
        if let Some(held) = held {
            self.settle_generation(held);
        }
        let asked = self.asked_for(id);
        self.note_rate_fields(id);
        self.write_document_head(conn, &terms, length as u64, asked);
        self.pump(id);
    }

    /// Writes some of a whole answer's document; returns how much.
    fn pump_document(&mut self, id: ExchangeId) -> usize {
        let high = self.send_high();
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return 0;
        };
        let Flow::Generate(Generate::Sending(state)) = &mut exchange.flow else {
            return 0;
        };
        let generation = exchange
            .held
            .generation
            .and_then(|g| self.generations.get(g));
        let Some(conn) = self.conns.get_mut(exchange.conn) else {
            return 0;
        };
        let Some(document) = generation.and_then(|g| g.result.document.as_ref()) else {
            return 0;
        };
        let room = high.saturating_sub(conn.out.len()).min(PUMP_BYTES);
        let to = document.len().min(state.cursor + room);
        let piece = &document[state.cursor..to];
        let put = piece.len();
        state.cursor = to;
        self.counters.written += put as u64;
        self.blocks.put(&mut conn.out, piece);
        let conn_id = exchange.conn;
        self.flush(conn_id);
        self.rearm_client(conn_id);
        put
    }

    /// Puts the next `token` event into `event`; `false` when there is none, or no room for it.
    fn next_event(&mut self, id: ExchangeId, json: &mut Vec<u8>, event: &mut Vec<u8>) -> bool {
        let high = self.send_high();
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return false;
        };
        let Flow::Generate(Generate::Streaming(state)) = &mut exchange.flow else {
            return false;
        };
        let generation = exchange
            .held
            .generation
            .and_then(|g| self.generations.get(g));
        let (Some(generation), Some(conn)) = (generation, self.conns.get(exchange.conn)) else {
            return false;
        };
        let text = generation.text.as_str();
        let from = text.floor_char_boundary(state.cursor);
        if from >= text.len() || conn.out.len() >= high {
            return false;
        }
        let to = text.floor_char_boundary(from.saturating_add(EVENT_BYTES));
        state.cursor = to;
        event.clear();
        put_token(event, json, &text[from..to], to);
        true
    }

    fn end_if_caught_up(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (Flow::Generate(flow), Some(generation_id)) =
            (&exchange.flow, exchange.held.generation)
        else {
            return;
        };
        let flow = *flow;
        let Some(generation) = self.generations.get(generation_id) else {
            return;
        };
        let (cursor, end) = match flow {
            Generate::Streaming(state) => (state.cursor, generation.text.len()),
            Generate::Sending(state) => {
                let document = generation.result.document.as_ref();
                (state.cursor, document.map_or(0, |d| d.len()))
            }
            Generate::Waiting(_) | Generate::Over => return,
        };
        match generation.verdict() {
            Some(verdict) if cursor >= end => {
                self.generate_event(id, Event::Finished(verdict));
            }
            _ => self.mind_the_gap(generation_id),
        }
    }

    /// A comment, so that nobody on the way takes the stream for dead.
    pub(super) fn heartbeat(&mut self, id: ExchangeId) {
        let mut event = Vec::with_capacity(16);
        sse::write_comment(&mut event, "ping");
        self.put_piece(id, &event);
    }

    /// Writes `done`, or `error`, and ends the reply. After an error the connection is closed.
    pub(super) fn end_stream(&mut self, id: ExchangeId, failure: Option<&Failure>) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (conn_id, terms, request_id) = (exchange.conn, exchange.terms, exchange.request_id);
        let generation = exchange
            .held
            .generation
            .and_then(|g| self.generations.get(g));
        let mut json = std::mem::take(&mut self.json);
        json.clear();
        let name = match (failure, generation) {
            (None, Some(generation)) => {
                let reply = TextReply::new(generation, false);
                let _ = serde_json::to_writer(&mut json, &reply);
                "done"
            }
            (failure, _) => {
                let lost = Failure::Internal("a stream without its text");
                let problem = Problem::new(failure.unwrap_or(&lost), request_id);
                let _ = serde_json::to_writer(&mut json, &problem);
                "error"
            }
        };
        if let Some(failure) = failure {
            self.note_failure_of(id, failure);
        }
        let mut event = std::mem::take(&mut self.scratch);
        event.clear();
        sse::write_event(&mut event, None, Some(name), &json);
        self.put_piece(id, &event);
        self.scratch = event;
        self.json = json;
        if takes_chunks(terms.version) && takes_body(terms.method) {
            self.put_end(conn_id);
        }
        let keep = terms.keep_alive && takes_chunks(terms.version) && name == "done";
        self.reply_written(id, keep);
    }

    /// All of an answer is written of which nobody knew how long it would be: its framing ends, and
    /// with it the reply.
    pub(super) fn end_chunks(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (conn, terms) = (exchange.conn, exchange.terms);
        let chunks = takes_chunks(terms.version);
        if chunks && takes_body(terms.method) {
            self.put_end(conn);
        }
        self.reply_written(id, terms.keep_alive && chunks);
    }

    pub(super) fn put_end(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(id) {
            put_last_chunk(&mut Pen {
                blocks: &mut self.blocks,
                chain: &mut conn.out,
                secret: false,
            });
        }
        self.flush(id);
    }

    /// Writes a piece of a stream, framed as this client understands it.
    pub(super) fn put_piece(&mut self, id: ExchangeId, piece: &[u8]) {
        let heartbeat = self.now.mono.plus_ms(self.config.limits.heartbeat_ms);
        if self.put_framed(id, piece) {
            self.counters.events += 1;
            self.set_exchange_timer(id, heartbeat);
        }
    }

    /// The same without what is only for events. Returns whether it was written.
    pub(super) fn put_framed(&mut self, id: ExchangeId, piece: &[u8]) -> bool {
        let Some(exchange) = self.exchanges.get(id) else {
            return false;
        };
        let (conn_id, terms) = (exchange.conn, exchange.terms);
        if !takes_body(terms.method) {
            return false;
        }
        let Some(conn) = self.conns.get_mut(conn_id) else {
            return false;
        };
        let mut pen = Pen {
            blocks: &mut self.blocks,
            chain: &mut conn.out,
            secret: false,
        };
        if takes_chunks(terms.version) {
            put_chunk(&mut pen, piece);
        } else {
            pen.put(piece);
        }
        self.counters.written += piece.len() as u64;
        self.flush(conn_id);
        self.rearm_client(conn_id);
        true
    }

    /// The last `n` spans as one JSON document a line, for `GET /debug/spans`.
    pub(super) fn spans_as_lines(&self, n: usize) -> Vec<u8> {
        let mut lines = Vec::new();
        for span in self.trace.last(n) {
            let _ = writeln!(
                lines,
                "{{\"start_ns\":{},\"ns\":{},\"kind\":\"{:?}\",\"state\":\"{}\",\"slot\":{},\"epoch\":{},\"arg\":{}}}",
                span.start.0,
                span.nanos,
                span.kind,
                span.state.as_str(),
                span.whose.index,
                span.whose.epoch,
                span.arg
            );
        }
        lines
    }
}
