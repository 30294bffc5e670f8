//! Chats that a stored answer answers: what they are looked for by, what is kept of them, and how it is
//! told again.
//!
//! ```text
//!  body ─► essence ─► fingerprint ─► looked for ─┬─ a document in the client's dialect ─► told: as it
//!                                                │            ▲                          is, or as a stream
//!                                                └─ none ─► asked of a provider ─► whole: kept
//! ```
//! One document is kept, however it was told first: that of the provider, where it was passed on whole;
//! what its events add up to, where they were streamed. To tell it as a stream it is read as if it were a
//! provider's, so a hit is made by what makes every other answer too.
//!
//! Kept is only what was whole and has ended by itself, at the limit that it was given, or with a call of a
//! tool. What a filter has stopped may pass the next time; of several answers to one question
//! each is meant to be another; and what the built-in provider writes costs nothing.

use std::sync::Arc;

use super::inquiry::ChatAsk;
use crate::dialect::{FinishReason, essence};
use crate::engine::Engine;
use crate::engine::exchange::inbound;
use crate::engine::generation::Generation;
use crate::engine::policy::cache::{self, Use};
use crate::engine::policy::rate::Cost;
use crate::engine::policy::route::ModelRoute;
use crate::engine::provider::voice::read_whole;
use crate::engine::routes::{Inbound, Route};
use crate::engine::slots::{ExchangeId, GenerationId};
use crate::limits::{CACHE_ANSWER_BYTES, CACHE_ASK_BYTES};
use crate::store::{Answer, FoundChat, ToldChat};

/// What a client of a vendor's asks, and of whom.
#[derive(Debug)]
pub struct Question {
    /// What it says.
    pub ask: ChatAsk,
    /// The body as it came.
    pub body: Arc<Vec<u8>>,
    /// Who may be asked.
    pub route: Arc<ModelRoute>,
}

impl Question {
    /// What it will be charged if a provider is asked.
    pub(in crate::engine::flow) fn cost(&self) -> Cost {
        Cost::of_text(
            self.body.len(),
            self.ask.skim.choices,
            self.ask.skim.max_tokens,
        )
    }

    /// What `id` is answered if this was the answer to an equal question. `None`: it cannot be read.
    pub(in crate::engine::flow) fn tell(&self, found: &FoundChat) -> Option<Answer> {
        let (dialect, stream) = (self.ask.skim.dialect, self.ask.skim.stream);
        let document = &found.told.body;
        if !stream {
            return Some(Answer::good(false, document.clone()));
        }
        let listener = self.ask.listener(found.text, found.created_ms, None);
        let mut frames = Vec::with_capacity(2 * document.len());
        let heard = read_whole(dialect, document.as_bytes(), &listener, None, &mut frames);
        let body = String::from_utf8(frames).ok().filter(|_| heard.is_whole)?;
        Some(Answer::good(true, body))
    }
}

impl Engine {
    /// What a chat is looked for by, and how; `None` if the cache is not for it.
    pub(super) fn sought(
        &self,
        id: ExchangeId,
        question: &mut Question,
    ) -> Option<([u8; 32], Use)> {
        let exchange = self.exchanges.get(id)?;
        let may = cache::for_chat(exchange.terms.control, &self.config)?;
        let Route::Chat(inbound_route) = &exchange.route else {
            return None; // embeddings
        };
        let passed = match inbound_route {
            Inbound::Anthropic(passed) => passed.as_deref(),
            Inbound::OpenAi | Inbound::Gemini { .. } => None,
        };
        let Question { ask, body, route } = question;
        if body.len() > CACHE_ASK_BYTES || ask.skim.choices > 1 {
            return None;
        }
        let Ok(chat) = ask.read_all(body) else {
            return None; // whoever is asked says what is wrong with it
        };
        let essence = essence(body, chat)?;
        if !self.may_translate(ask.skim.dialect) {
            ask.chat = None; // nobody else reads it
        }
        let speaks = inbound(Some(ask.skim.dialect)).as_str();
        let fingerprint = cache::question(speaks, &essence, &ask.skim.model, passed, route);
        Some((fingerprint, may))
    }

    /// The whole answer to a chat that was not streamed is known.
    pub(super) fn note_document(&mut self, id: GenerationId, document: &[u8]) {
        if let Some(generation) = self.generations.get_mut(id)
            && generation.result.answers.is_some()
            && document.len() <= CACHE_ANSWER_BYTES
        {
            generation.result.minutes = String::from_utf8(document.to_vec()).ok();
        }
    }
}

impl Generation {
    /// What is kept of a chat to answer the next one, if it is fit for that.
    pub(in crate::engine::flow) fn told_chat(&self) -> Option<ToldChat> {
        let result = &self.result;
        let body = result.minutes.as_ref()?;
        let is_whole = result.verdict == Some(Ok(()));
        let has_ended = matches!(
            result.finish,
            Some(FinishReason::Stop | FinishReason::Length | FinishReason::ToolCalls)
        );
        let target = self.target();
        let fits = body.len() <= CACHE_ANSWER_BYTES;
        (is_whole && has_ended && fits && !target.offline).then(|| ToldChat {
            provider: target.provider_name.to_string(),
            model: target.model.to_string(),
            body: body.clone(),
        })
    }
}
