//! The flow of a chat in a vendor's dialect: `POST /v1/chat/completions` and its like.
//!
//! Its answer is not made from the log of a text, as on our own API, but from the events of the
//! provider as they come (`provider/voice.rs`): nobody else listens, and nothing of it is sent twice.
//!
//! ```text
//!  stream: Waiting ─(first content)─► Streaming ─(whole)──► Over      the last words, the last chunk
//!             │                           └─(failed)──────► Over      an error event; closed
//!             └─(failed)─► an error with a status
//!  whole:  Waiting ─(whole)─► Sending ─(all is written)───► Over
//! ```
//! The end does not wait for scores and rows: the client has its answer, and the generation goes on
//! by itself. What is special about such a generation is in `end.rs`, what is written in `reply.rs`,
//! whom it is asked of in `target.rs`.

pub mod cache;
pub mod embeddings;
mod end;
pub mod inquiry;
mod reply;
mod target;

use std::sync::Arc;

use uuid::Uuid;

use self::cache::Question;
use self::inquiry::{ChatAsk, Inquiry};
use super::Flow;
use super::body::{Ask, ParseFault, Shape};
use super::cached::Wanted;
use crate::dialect::{Dialect, Refused};
use crate::engine::call::Plan;
use crate::engine::keywords::Purpose;
use crate::engine::now::Mono;
use crate::engine::policy::rate::Cost;
use crate::engine::routes::{Inbound, Route};
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::{Engine, Failure};
use crate::limits::JSON_ON_LOOP_BYTES;

/// Where such a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chat {
    /// Nothing was sent.
    Waiting,
    /// The head of the stream is out.
    Streaming,
    /// The head of a whole answer is out, and so many bytes of its document.
    Sending(usize),
    /// Everything was said.
    Over,
}

impl Engine {
    /// The body of a chat is complete.
    pub(super) fn begin_chat(&mut self, id: ExchangeId, inbound: &Inbound) -> Result<(), Failure> {
        let dialect = inbound.dialect();
        let may_translate = self.may_translate(dialect);
        let body = self.take_body(id)?;
        if body.len() > JSON_ON_LOOP_BYTES {
            let reads_all = may_translate || self.config.cache.chats_max_age_s > 0;
            let shape = Shape::Chat(dialect, reads_all);
            return self.parse_on_thread(id, shape, Arc::new(body));
        }
        // Whether it has to be read as a whole is known once the model is.
        let ask = inquiry::read(dialect, &body, inbound.path(), false).map_err(refused)?;
        self.ask_chat(id, ask, Arc::new(body))
    }

    /// The long body of a chat was read on a thread, which did not see the path.
    pub(super) fn chat_parsed(
        &mut self,
        id: ExchangeId,
        mut ask: ChatAsk,
        body: Arc<Vec<u8>>,
    ) -> Result<(), Failure> {
        if let Some(Route::Chat(inbound)) = self.exchanges.get(id).map(|e| &e.route)
            && let Some((model, stream)) = inbound.path()
        {
            (ask.skim.model, ask.skim.stream) = (model.to_owned(), stream);
            if let Some(Ok(chat)) = &mut ask.chat {
                (chat.model, chat.stream) = (model.to_owned(), stream);
            }
        }
        self.ask_chat(id, ask, body)
    }

    /// It is known what is asked for: an equal question may have been answered before.
    fn ask_chat(
        &mut self,
        id: ExchangeId,
        ask: ChatAsk,
        body: Arc<Vec<u8>>,
    ) -> Result<(), Failure> {
        let cost = Cost::of_text(body.len(), ask.skim.choices, ask.skim.max_tokens);
        if self.waits_for_share(id, cost) {
            self.park(id, cost, Ask::Chat(Box::new(ask)), body);
            return Ok(());
        }
        let route = self.chat_route(&ask.skim.model)?;
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.terms.wants_stream = ask.skim.stream;
        }
        let mut question = Question { ask, body, route };
        match self.sought(id, &mut question) {
            Some((prompt, may)) => {
                self.look_for_answer(id, Wanted::Chat(Box::new(question)), prompt, may)
            }
            None => self.admit_chat(id, question, None),
        }
    }

    /// Somebody is to be asked: the call begins. `prompt`: what the answer is to be found by.
    pub(super) fn admit_chat(
        &mut self,
        id: ExchangeId,
        question: Question,
        prompt: Option<[u8; 32]>,
    ) -> Result<(), Failure> {
        let Question { ask, body, route } = question;
        let asked = route.unless_all_are(&ask.skim.model);
        let (stream, max_tokens) = (ask.skim.stream, ask.skim.max_tokens);
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(());
        };
        let passed = match &exchange.route {
            Route::Chat(Inbound::Anthropic(passed)) => passed.clone(),
            _ => None,
        };
        self.ledger.settle(&mut exchange.charged, 0); // the body is the generation's now
        let plan = Plan {
            key: 0,
            topic: String::new(),
            term_id: Uuid::nil(),
            route,
            max_tokens,
            temperature: None,
            stream,
            candidate: 0,
            patient: false,
            purpose: Purpose::Chat,
            asked,
            errand: None,
        };
        let (answers, most) = (ask.skim.choices, ask.skim.max_tokens);
        let charge = self.charge(id, body.len(), answers, most)?;
        let generation = self.admit_charged(plan, charge)?;
        if let Some(generation) = self.generations.get_mut(generation) {
            generation.result.answers = prompt;
            generation.inquiry = Some(Box::new(Inquiry {
                body,
                ask,
                passed,
                translated: Vec::new(),
                ready_for: None,
                unread: None,
            }));
        }
        self.settle_generation(generation);
        let heartbeat = self.chat_heartbeat();
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Chat(Chat::Waiting);
        }
        self.set_exchange_timer(id, if stream { heartbeat } else { Mono::NEVER });
        self.enter(id, State::AwaitingText);
        self.subscribe(generation, id);
        if let Err(failure) = self.start_call(generation) {
            self.fail_generation(generation, failure);
        }
        Ok(())
    }

    /// When a sign of life is due on a stream on which nothing is sent.
    pub(super) fn chat_heartbeat(&self) -> Mono {
        match self.config.gateway.heartbeat_ms {
            0 => Mono::NEVER,
            ms => self.now.mono.plus_ms(ms),
        }
    }

    /// Whether a client that speaks `dialect` may have to be translated for some provider.
    fn may_translate(&self, dialect: Dialect) -> bool {
        let remote = self.config.providers.iter().filter_map(|p| p.upstream());
        remote
            .map(crate::engine::provider::dialect_of)
            .any(|theirs| theirs != dialect)
    }
}

/// A request that a vendor's client cannot be answered.
pub(in crate::engine) fn refused(refused: Refused) -> Failure {
    Failure::Body(ParseFault::Refused(Box::new(refused)))
}
