//! The end of a chat: its client has the answer, its text is scored, its rows are written.
//!
//! ```text
//!  complete ─► last words to the client ──────────────┬─► row noted ─► scored ─► saved ─► gone
//!                  └─(a document longer than what is  │                  └(no text is kept)─► saved
//!                     sent ahead)─► Sending ─(taken,──┘
//!                                              or the client has left)
//! ```
//! Nobody can come back for it, so nothing is kept once the rows are on disk. The row of a client that
//! leaves in the middle of a document says so, and is therefore written when that is known.

use std::sync::Arc;

use crate::config::Store;
use crate::engine::generation::{Generation, Phase};
use crate::engine::keywords::Purpose;
use crate::engine::slots::{ExchangeId, GenerationId};
use crate::engine::{Engine, TENANT};
use crate::store::{TextState, term_id};

impl Generation {
    /// Whether it is a chat in a vendor's dialect.
    #[must_use]
    pub fn is_chat(&self) -> bool {
        self.plan.purpose == Purpose::Chat
    }

    /// Whether something of it may have been seen, so that nobody else can be asked any more.
    #[must_use]
    pub fn was_seen(&self) -> bool {
        if self.is_chat() {
            self.inquiry.is_none()
        } else {
            !self.text.is_empty()
        }
    }
}

impl Engine {
    /// Whether texts of chats are kept.
    pub(in crate::engine) fn keeps_chats(&self) -> bool {
        self.config.gateway.store == Store::Texts
    }

    /// What a chat is filed under, if its answer is stored: what the user said last.
    pub(in crate::engine) fn file_chat(&mut self, id: GenerationId) {
        if !self.keeps_chats() {
            return;
        }
        if let Some(generation) = self.generations.get_mut(id)
            && let Some(inquiry) = &generation.inquiry
        {
            generation.plan.topic = inquiry.topic();
            generation.plan.term_id = term_id(TENANT, &generation.plan.topic);
        }
    }

    /// The provider's answer is whole, and its last words are among the frames.
    pub(in crate::engine) fn complete_chat(&mut self, id: GenerationId) {
        self.speaking = None;
        if self.read_elsewhere(id) {
            return;
        }
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        generation.result.verdict = Some(Ok(()));
        generation.phase = Phase::Scoring; // from here on a client that leaves stops nothing
        self.settle_charge(id);
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        let text = Arc::make_mut(&mut generation.text);
        text.truncate(text.trim_end().len());
        let blank = text.len() - text.trim_start().len();
        text.drain(..blank);
        text.shrink_to_fit();
        let (stream, document) = (generation.plan.stream, generation.result.document.take());
        let listener = generation.subscribers.first().copied();
        if stream {
            self.put_frames(id);
        } else {
            self.forget_inquiry(id);
        }
        match listener {
            Some(exchange) if stream => {
                self.promise_chat(id, exchange, true);
                self.end_chat_stream(exchange);
            }
            Some(exchange) => {
                let collected = || Arc::new(std::mem::take(&mut self.frames));
                let document = document.unwrap_or_else(collected);
                self.note_said(exchange, &document);
                self.note_document(id, &document);
                self.promise_chat(id, exchange, false);
                self.begin_chat_document(exchange, document);
            }
            None => {}
        }
        self.frames.clear();
        self.settle_generation(id);
        match self.generations.get_mut(id) {
            Some(generation) if !generation.subscribers.is_empty() => {
                generation.phase = Phase::Sending;
            }
            _ => self.store_chat(id),
        }
    }

    /// The client of a chat listens no more. If that is what its rows have waited for, they wait for
    /// nothing now.
    pub(in crate::engine) fn chat_was_read(&mut self, id: GenerationId) {
        if let Some(generation) = self.generations.get_mut(id)
            && generation.phase == Phase::Sending
        {
            generation.phase = Phase::Scoring;
            self.store_chat(id);
        }
    }

    /// Has the text of a chat scored, if there is any, and its rows written.
    fn store_chat(&mut self, id: GenerationId) {
        match self.generations.get(id) {
            Some(generation) if generation.text.is_empty() => {
                self.count_usage(id);
                self.save_generation(id, TextState::Complete);
            }
            Some(_) => self.score_generation(id),
            None => {}
        }
    }

    /// All of an answer is known: if its request was sent with a key, it is kept with the rows.
    fn promise_chat(&mut self, id: GenerationId, exchange: ExchangeId, streamed: bool) {
        let promise = self.promise_said(exchange, streamed);
        self.add_promise(id, promise);
    }

    /// The rows of a chat are written, or will not be.
    pub(in crate::engine) fn chat_saved(&mut self, id: GenerationId) {
        if let Some(generation) = self.generations.get_mut(id) {
            generation.phase = Phase::Finished;
            generation.timer.clear();
        }
        self.forget_read(id);
    }
}
