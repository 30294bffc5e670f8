//! Streams to clients: server-sent events over chunks.
//!
//! `start`, then `token` events whose `id` is the number of bytes of the text up to and with them,
//! then `done` or `error`. A client that comes back with the last `id` gets what follows it, and
//! nothing twice.
//!
//! Whatever is written in one turn leaves in one write. A connection's send buffer is filled to a
//! mark and no further; past it the cursor waits in the log, and goes on when bytes were sent.

use std::io::Write as _;

use super::blocks::Pen;
use super::client::{takes_body, takes_chunks};
use super::documents::{Problem, TextReply};
use super::flow::Flow;
use super::flow::generate::{Event, Generate};
use super::reply::after;
use super::slots::{ConnId, ExchangeId};
use super::{Engine, Failure};
use crate::limits::SEND_HIGH_BYTES;
use crate::proto::http1::{ReplyBody, put_chunk, put_last_chunk, reply_head};
use crate::proto::{Sink, sse};

/// The most text in one event, for those who have to catch up.
const EVENT_BYTES: usize = 16 * 1024;

impl Engine {
    /// Writes the head of a stream and, unless it continues an earlier one, `start`.
    pub(super) fn begin_stream(&mut self, id: ExchangeId, resumed: bool) {
        let date = self.date();
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (conn_id, terms) = (exchange.conn, exchange.terms);
        let generation = exchange.held.generation;
        self.counters.answered(200);
        if let Some(conn) = self.conns.get_mut(conn_id) {
            let mut pen = Pen {
                blocks: &mut self.blocks,
                chain: &mut conn.out,
                secret: false,
            };
            reply_head(&mut pen, 200)
                .date(&date)
                .field("content-type", "text/event-stream; charset=utf-8")
                .field("cache-control", "no-cache")
                .field("x-accel-buffering", "no")
                .field("x-content-type-options", "nosniff")
                .finish(ReplyBody::streamed(terms.version), after(&terms));
        }
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
            let data = format!("{{\"id\":\"{uuid}\",\"search_term_id\":\"{term}\"}}");
            let mut event = std::mem::take(&mut self.scratch);
            event.clear();
            sse::write_event(&mut event, None, Some("start"), data.as_bytes());
            self.put_piece(id, &event);
            self.scratch = event;
        }
    }

    /// Writes what there is of the text, up to the mark; then, if that was all, the end.
    pub(super) fn pump(&mut self, id: ExchangeId) {
        let mut event = std::mem::take(&mut self.scratch);
        let mut json = std::mem::take(&mut self.json);
        while self.next_event(id, &mut json, &mut event) {
            self.put_piece(id, &event);
        }
        self.scratch = event;
        self.json = json;
        self.end_if_caught_up(id);
    }

    /// Puts the next `token` event into `event`; `false` when there is none, or no room for it.
    fn next_event(&mut self, id: ExchangeId, json: &mut Vec<u8>, event: &mut Vec<u8>) -> bool {
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
        if from >= text.len() || conn.out.len() >= SEND_HIGH_BYTES {
            return false;
        }
        let to = text.floor_char_boundary(from.saturating_add(EVENT_BYTES));
        state.cursor = to;
        json.clear();
        json.extend_from_slice(b"{\"text\":");
        // Writing a string into memory cannot fail.
        let _ = serde_json::to_writer(&mut *json, &text[from..to]);
        json.extend_from_slice(b"}");
        event.clear();
        sse::write_event(event, Some(to as u64), Some("token"), json);
        true
    }

    fn end_if_caught_up(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (Flow::Generate(Generate::Streaming(state)), Some(generation_id)) =
            (&exchange.flow, exchange.held.generation)
        else {
            return;
        };
        let cursor = state.cursor;
        let Some(generation) = self.generations.get(generation_id) else {
            return;
        };
        match generation.verdict() {
            Some(verdict) if cursor >= generation.text.len() => {
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
        let route = exchange.route.as_str();
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
            self.note_failure(failure, route, request_id);
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

    fn put_end(&mut self, id: ConnId) {
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
    fn put_piece(&mut self, id: ExchangeId, piece: &[u8]) {
        let heartbeat = self.now.mono.plus_ms(self.config.limits.heartbeat_ms);
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (conn_id, terms) = (exchange.conn, exchange.terms);
        if !takes_body(terms.method) {
            return;
        }
        let Some(conn) = self.conns.get_mut(conn_id) else {
            return;
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
        self.counters.events += 1;
        self.flush(conn_id);
        self.rearm_client(conn_id);
        self.set_exchange_timer(id, heartbeat);
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
