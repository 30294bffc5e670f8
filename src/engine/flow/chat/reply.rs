//! What a client of a vendor's gets: the head, the frames, a document, the last words, an error.
//!
//! All frames that were made from one read of the provider leave as one chunk. What the client does
//! not take waits in the send buffer of its connection, and past a mark its provider is not read.

use std::sync::Arc;

use super::Chat;
use crate::dialect::speak;
use crate::engine::asked::plain;
use crate::engine::client::{takes_body, takes_chunks};
use crate::engine::flow::Flow;
use crate::engine::reply::{after, identified};
use crate::engine::slots::{ExchangeId, GenerationId};
use crate::engine::trace::State;
use crate::engine::{Engine, Failure};
use crate::limits::{LAG_HIGH_BYTES, PUMP_BYTES, SCRATCH_BYTES};
use crate::proto::http1::{ReplyBody, reply_head};

impl Engine {
    /// Sends what was said by the voice that spoke last, if it has not been sent yet.
    pub(in crate::engine) fn put_spoken(&mut self) {
        if let Some(id) = self.speaking.take() {
            self.put_frames(id);
        }
    }

    /// Sends the frames that are there to the client of a chat. They are content, or come after it:
    /// nobody else is asked from now on.
    pub(super) fn put_frames(&mut self, id: GenerationId) {
        if self.frames.is_empty() {
            return;
        }
        let mut frames = std::mem::take(&mut self.frames);
        if let Some(exchange) = self.listener_of(id) {
            self.forget_inquiry(id);
            self.begin_chat_stream(exchange, true);
            self.put_framed(exchange, &frames);
            self.note_said(exchange, &frames);
            self.counters.events += 1;
            self.rearm_heartbeat(exchange);
            self.mind_the_chat(id);
        }
        frames.clear();
        frames.shrink_to(SCRATCH_BYTES);
        self.frames = frames;
    }

    /// The one who listens to a chat.
    pub(super) fn listener_of(&self, id: GenerationId) -> Option<ExchangeId> {
        self.generations.get(id)?.subscribers.first().copied()
    }

    /// Drops what was needed to ask; what the user said last is kept if the answer is stored.
    pub(super) fn forget_inquiry(&mut self, id: GenerationId) {
        self.file_chat(id);
        if let Some(generation) = self.generations.get_mut(id) {
            generation.inquiry = None;
        }
        self.settle_generation(id);
    }

    /// Writes the head of a stream if it is not out yet. `is_settled`: who answers is known, so that
    /// it can be told.
    fn begin_chat_stream(&mut self, id: ExchangeId, is_settled: bool) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        if exchange.flow.chat() != Some(Chat::Waiting) {
            return;
        }
        exchange.flow = Flow::Chat(Chat::Streaming);
        let body = ReplyBody::streamed(exchange.terms.version);
        self.put_chat_head(id, body, is_settled);
        self.enter(id, State::Streaming);
    }

    /// Writes the head of an answer to a chat: of a stream, or of a document of a known length.
    fn put_chat_head(&mut self, id: ExchangeId, body: ReplyBody, is_settled: bool) {
        let date = self.date();
        let attempts = self.attempts_for(id);
        self.counters.answered(200);
        self.note_rate_fields(id);
        let mut target = std::mem::take(&mut self.scratch);
        self.name_target(id, &mut target);
        let held = self.exchanges.get(id).and_then(|e| e.held.generation);
        let text = held.and_then(|id| self.generations.get(id));
        let key = text.and_then(|text| self.key_for(text));
        let unheard = text.and_then(|text| self.unheard(id, text.target().provider));
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (conn_id, terms) = (exchange.conn, exchange.terms);
        let mut bytes = std::mem::take(&mut self.head);
        let mut head = reply_head(&mut bytes, 200)
            .date(&date)
            .field("x-content-type-options", "nosniff");
        head = match body {
            ReplyBody::Exact(_) => head
                .field("content-type", "application/json")
                .field("cache-control", "no-store"),
            _ => head
                .field("content-type", "text/event-stream; charset=utf-8")
                .field("cache-control", "no-cache")
                .field("x-accel-buffering", "no"),
        };
        if is_settled {
            head = head
                .number("x-maitred-attempts", attempts.unwrap_or(0))
                .field("x-maitred-target", &target);
            if let Some(key) = &key {
                head = head.field("x-maitred-key", key.as_bytes());
            }
            if let Some(names) = unheard {
                head = head.field("x-maitred-unheard", names);
            }
        }
        if let Some(cache) = terms.cache.field(false) {
            head = head.field("cache-status", &cache);
        }
        for (name, value) in self.rate_fields.iter() {
            head = head.field(name, value);
        }
        identified(head, terms.dialect, exchange.request_id).finish(body, after(&terms));
        self.scratch = target;
        self.put_head(conn_id, bytes, false);
        self.flush(conn_id);
        self.rearm_client(conn_id);
    }

    /// Puts `provider/model`, fit for a field of a head whatever a client calls a model, into `name`.
    fn name_target(&self, id: ExchangeId, name: &mut Vec<u8>) {
        name.clear();
        let held = self.exchanges.get(id).and_then(|e| e.held.generation);
        let Some(generation) = held.and_then(|id| self.generations.get(id)) else {
            return;
        };
        let target = generation.target();
        name.extend_from_slice(target.provider_name.as_bytes());
        name.push(b'/');
        name.extend(target.model.bytes().map(plain));
    }

    /// Pauses the provider while its client does not take what it says, and resumes it.
    pub(in crate::engine) fn mind_the_chat(&mut self, id: GenerationId) {
        let high = self.send_high();
        let Some(call) = self.generations.get(id).and_then(|g| g.call) else {
            return;
        };
        let conn = self
            .listener_of(id)
            .and_then(|exchange| self.conn_of(exchange));
        let unsent = conn
            .and_then(|conn| self.conns.get(conn))
            .map_or(0, |conn| conn.out.len());
        // Where memory is scarce the mark is lower.
        let behind = if unsent > high {
            unsent.max(LAG_HIGH_BYTES + 1)
        } else {
            unsent
        };
        self.throttle_call(call, behind);
    }

    /// The client has taken some of its answer.
    pub(in crate::engine) fn pump_chat(&mut self, id: ExchangeId, chat: Chat) {
        match chat {
            Chat::Streaming => {
                if let Some(generation) = self.exchanges.get(id).and_then(|e| e.held.generation) {
                    self.mind_the_chat(generation);
                }
            }
            Chat::Sending(cursor) => self.put_chat_document(id, cursor),
            Chat::Waiting | Chat::Over => {}
        }
    }

    /// The end of a stream that is whole; its last words were put already.
    pub(super) fn end_chat_stream(&mut self, id: ExchangeId) {
        self.begin_chat_stream(id, true);
        self.close_chat(id, true);
    }

    /// Ends the body of a stream, and the exchange.
    fn close_chat(&mut self, id: ExchangeId, keep_alive: bool) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        exchange.flow = Flow::Chat(Chat::Over);
        let (conn, terms) = (exchange.conn, exchange.terms);
        if takes_chunks(terms.version) && takes_body(terms.method) {
            self.put_end(conn);
        }
        let keep = keep_alive && terms.keep_alive && takes_chunks(terms.version);
        self.reply_written(id, keep);
    }

    /// A stream that has begun cannot be completed: it ends with an error, and so does its
    /// connection.
    pub(in crate::engine) fn break_chat(&mut self, id: ExchangeId, failure: &Failure) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let request_id = exchange.request_id;
        let Some(dialect) = exchange.terms.dialect else {
            return self.close_chat(id, false);
        };
        self.note_failure_of(id, failure);
        let mut frame = std::mem::take(&mut self.scratch);
        frame.clear();
        let name = request_id.to_string();
        failure.spoken(true, &name).frame(dialect, &mut frame);
        self.put_framed(id, &frame);
        self.scratch = frame;
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.terms.keep_alive = false;
        }
        self.close_chat(id, false);
    }

    /// Writes the head of a whole answer, and what there is room for of its document.
    pub(super) fn begin_chat_document(&mut self, id: ExchangeId, document: Arc<Vec<u8>>) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        exchange.flow = Flow::Chat(Chat::Sending(0));
        let length = document.len() as u64;
        if let Some(generation) = exchange.held.generation
            && let Some(generation) = self.generations.get_mut(generation)
        {
            generation.result.document = Some(document);
        }
        self.put_chat_head(id, ReplyBody::Exact(length), true);
        self.put_chat_document(id, 0);
    }

    /// Writes some of a document, from `cursor` on.
    fn put_chat_document(&mut self, id: ExchangeId, cursor: usize) {
        let high = self.send_high();
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        let (conn_id, keep_alive) = (exchange.conn, exchange.terms.keep_alive);
        let generation = exchange
            .held
            .generation
            .and_then(|id| self.generations.get(id));
        let Some(document) = generation.and_then(|g| g.result.document.as_ref()) else {
            return;
        };
        let Some(conn) = self.conns.get_mut(conn_id) else {
            return;
        };
        let room = high.saturating_sub(conn.out.len()).min(PUMP_BYTES);
        let to = document.len().min(cursor + room);
        self.blocks.put(&mut conn.out, &document[cursor..to]);
        self.counters.written += (to - cursor) as u64;
        let is_over = to == document.len();
        exchange.flow = Flow::Chat(if is_over {
            Chat::Over
        } else {
            Chat::Sending(to)
        });
        self.flush(conn_id);
        self.rearm_client(conn_id);
        if is_over {
            self.reply_written(id, keep_alive);
        }
    }

    /// Nothing was sent for a while: a sign of life. It fixes the status, so what happens after it is
    /// told in the stream.
    pub(in crate::engine) fn chat_silence(&mut self, id: ExchangeId, chat: Chat) {
        let Some(dialect) = self.exchanges.get(id).and_then(|e| e.terms.dialect) else {
            return;
        };
        if matches!(chat, Chat::Waiting | Chat::Streaming) {
            self.begin_chat_stream(id, false);
            self.put_framed(id, speak::ping(dialect));
            self.rearm_heartbeat(id);
        }
    }

    fn rearm_heartbeat(&mut self, id: ExchangeId) {
        if self.config.gateway.heartbeat_ms > 0 {
            let at = self.chat_heartbeat();
            self.set_exchange_timer(id, at);
        }
    }
}
