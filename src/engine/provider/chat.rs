//! Chats on the provider's side: a request in a client's words, an answer through a [`Voice`].
//!
//! A piece of an answer is read in one go, with nothing looked up for each event; what it comes to is
//! then told to the call and to the generation.

use std::sync::Arc;

use super::reception::{Reception, Told};
use super::voice::{Heard, Voice, read_whole};
use crate::dialect::{Dialect, Words};
use crate::engine::call::{CallWait, Stage};
use crate::engine::flow::chat::refused;
use crate::engine::generation::Generation;
use crate::engine::slots::{CallId, ConnId, GenerationId};
use crate::engine::{Engine, Failure, failure::Upstream};
use crate::limits::GENERATION_BYTES;
use crate::proto::sse;

impl Engine {
    /// Gets the request of a chat ready for the target that its call is at.
    pub(in crate::engine) fn prepare_chat(&mut self, id: CallId) -> Result<(), Failure> {
        let theirs = self.dialect(id);
        let Some(call) = self.calls.get(id) else {
            return Ok(());
        };
        let (at, generation_id) = (call.at, call.generation);
        let Some(generation) = self.generations.get_mut(generation_id) else {
            return Ok(());
        };
        let Some(inquiry) = &mut generation.inquiry else {
            return Ok(());
        };
        let model = &generation.plan.route.target(at).model;
        let ready = match theirs {
            Some(theirs) => inquiry.translate(theirs, model),
            None => inquiry.understand(),
        };
        inquiry.ready_for = Some(at);
        self.settle_generation(generation_id);
        ready.map_err(refused)
    }

    /// How the answer to a chat is read that is a stream; `None` if the call is for no chat.
    pub(super) fn chat_reception(&self, id: GenerationId, theirs: Dialect) -> Option<Reception> {
        let generation = self.generations.get(id)?;
        let inquiry = generation.inquiry.as_ref()?;
        if inquiry.ask.embeddings.is_some() {
            return Some(Reception::Whole(Vec::new())); // whatever it says it is
        }
        let listener = inquiry
            .ask
            .listener(generation.id, generation.result.created_ms, None);
        let voice = Voice::new(theirs, &listener);
        let is_kept = generation.result.answers.is_some() && listener.stream;
        let voice = match is_kept {
            true => voice.with_minutes(&listener),
            false => voice,
        };
        Some(Reception::Told(Told {
            sse: sse::Reader::default(),
            voice,
        }))
    }

    /// A piece of a streamed answer to a chat.
    pub(super) fn chat_heard(&mut self, conn: ConnId, id: CallId, bytes: &[u8]) {
        let keeps_text = self.keeps_chats();
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Some(generation) = self.generations.get_mut(call.generation) else {
            return;
        };
        let Stage::Receiving(_, reception) = &mut call.stage else {
            return;
        };
        let Reception::Told(told) = &mut **reception else {
            return;
        };
        let text = text_of(generation, keeps_text);
        let heard = told
            .voice
            .hear(&mut told.sse, bytes, text, &mut self.frames);
        let held = reception.bytes();
        self.ledger.settle(&mut call.charged, held);
        match self.note_heard(id, heard) {
            Ok(true) => self.content_complete(conn, id),
            Ok(false) => {}
            Err(failure) => self.fail_call(id, failure),
        }
    }

    /// The streamed answer to a chat has come to a real end.
    pub(super) fn chat_ended(&mut self, id: CallId, told: &mut Told) -> Result<(), Failure> {
        let keeps_text = self.keeps_chats();
        let generation = self.calls.get(id).map(|call| call.generation);
        let generation = generation.and_then(|id| self.generations.get_mut(id));
        let Some(generation) = generation else {
            return Ok(());
        };
        let text = text_of(generation, keeps_text);
        let heard = told.voice.end(&mut told.sse, text, &mut self.frames);
        self.note_heard(id, heard).map(|_| ())
    }

    /// The answer to a chat has come as a whole document.
    pub(super) fn chat_answered(
        &mut self,
        id: CallId,
        theirs: Dialect,
        body: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let keeps_text = self.keeps_chats();
        let generation = self.calls.get(id).map(|call| call.generation);
        let generation = generation.and_then(|id| self.generations.get_mut(id));
        let Some(generation) = generation else {
            return Ok(());
        };
        let Some(inquiry) = &generation.inquiry else {
            return Err(Failure::Internal("a chat was answered twice"));
        };
        if inquiry.ask.embeddings.is_some() {
            return self.embeddings_came(id, theirs, std::mem::take(body));
        }
        let listener = inquiry
            .ask
            .listener(generation.id, generation.result.created_ms, None);
        let text = keeps_text.then(|| Arc::make_mut(&mut generation.text));
        let heard = read_whole(theirs, body, &listener, text, &mut self.frames);
        if heard.is_whole && listener.takes_as_it_is(theirs) {
            generation.result.document = Some(std::mem::take(body).into());
        }
        self.note_heard(id, heard).map(|_| ())
    }

    /// Notes what was heard of the answer to a chat; `true` when it is whole.
    pub(in crate::engine) fn note_heard(
        &mut self,
        id: CallId,
        heard: Heard,
    ) -> Result<bool, Failure> {
        if self.is_racing(id) {
            if let Some(failure) = heard.failure {
                self.unsay(id);
                return Err(failure.into());
            }
            if heard.contents == 0 && !heard.is_whole {
                self.note_aside(id, heard.about);
                return Ok(false);
            }
            self.win(id);
        }
        let Some(call) = self.calls.get_mut(id) else {
            return Ok(false);
        };
        let (generation_id, throttled) = (call.generation, call.throttled);
        let is_first = call.wait == CallWait::FirstContent;
        let Some(generation) = self.generations.get_mut(generation_id) else {
            return Ok(false);
        };
        generation.result.pieces += heard.contents;
        generation.result.learn(heard.about);
        let minutes = heard
            .minutes
            .and_then(|minutes| String::from_utf8(minutes).ok());
        generation.result.minutes = minutes.or(generation.result.minutes.take());
        let is_too_long = generation.text.len() > GENERATION_BYTES;
        self.settle_generation(generation_id);
        if !self.frames.is_empty() && self.is_streamed(generation_id) {
            self.speaking = Some(generation_id);
        }
        if heard.contents > 0 {
            self.counters.tokens += heard.contents;
            if is_first {
                self.note_first_content(generation_id);
            }
            self.call_is_alive(id);
            // Only content moves the gap on (R21): comments and usage do not.
            if !throttled {
                let at = self.now.mono.plus_ms(self.content_gap_ms(id));
                self.set_call_timer(id, CallWait::Content, at);
            }
        }
        match heard.failure {
            Some(failure) => Err(failure.into()),
            None if is_too_long => Err(Upstream::TooLarge.into()),
            None => Ok(heard.is_whole),
        }
    }

    /// One of two calls has said something in the breath in which it failed. It has not gone out, and
    /// the other one begins with nothing.
    fn unsay(&mut self, id: CallId) {
        self.frames.clear();
        let Some(generation_id) = self.calls.get(id).map(|call| call.generation) else {
            return;
        };
        if let Some(generation) = self.generations.get_mut(generation_id) {
            Arc::make_mut(&mut generation.text).clear();
        }
        self.settle_generation(generation_id);
    }

    fn is_streamed(&self, id: GenerationId) -> bool {
        self.generations.get(id).is_some_and(Generation::is_watched)
    }

    /// What the client of a chat is told in its provider's own words: what is wrong with its request,
    /// and nothing that quotes a key. What is wrong with ours is none of its business (decision 0012).
    pub(super) fn words_for_client(&self, id: CallId, status: u16, body: &[u8]) -> Option<Words> {
        let is_told = matches!(status, 400 | 404 | 422) && self.is_for_chat(id);
        let words = is_told.then(|| Words::of(body)).flatten()?;
        let is_secret = words.all().any(|text| self.secrets.are_in(text));
        (!is_secret).then_some(words)
    }

    /// Whether a call is for a chat.
    pub(super) fn is_for_chat(&self, id: CallId) -> bool {
        let generation = self.calls.get(id).map(|call| call.generation);
        let generation = generation.and_then(|id| self.generations.get(id));
        generation.is_some_and(Generation::is_chat)
    }
}

/// Where the text of a chat goes, if it is kept.
fn text_of(generation: &mut Generation, is_kept: bool) -> Option<&mut String> {
    is_kept.then(|| Arc::make_mut(&mut generation.text))
}
