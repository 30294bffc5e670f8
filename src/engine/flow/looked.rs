//! What came of looking for a stored answer, and what it costs.
//!
//! ```text
//!  looked ─┬─(it can be charged)──────────────────► told, or written anew: see `cached.rs`
//!          └─(others count as well) Sharing ─(the counter has answered)─┘
//! ```
//! Others with the same limit may have come while it was looked, and what was left when the request came
//! may be gone. So it is asked again whether it can be charged, of this process and of those that share
//! its limits, now that it is known for what.

use super::Flow;
use super::cached::{Cached, Looking, Wanted};
use crate::engine::now::Mono;
use crate::engine::policy::cache::Status;
use crate::engine::policy::rate::Cost;
use crate::engine::rate::cost_of_topic;
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::{Engine, Failure};
use crate::store::{Answer, FoundChat, TextRow};

/// What came of looking.
#[derive(Debug)]
pub struct Looked {
    /// What was looked for.
    pub looking: Looking,
    /// What is there.
    pub stored: Stored,
}

/// A stored answer, or none.
#[derive(Debug)]
pub enum Stored {
    /// A text, and what is said of where it is from.
    Text(Box<TextRow>, fn(u32) -> Status),
    /// The answer to an equal chat, as this client is told it.
    Chat(Answer, Box<FoundChat>),
    /// There is none.
    Nothing,
}

impl Looked {
    /// What the request will be charged.
    #[must_use]
    pub fn cost(&self) -> Cost {
        match (&self.stored, &self.looking.wanted) {
            (Stored::Text(..) | Stored::Chat(..), _) => Cost::REQUEST,
            (Stored::Nothing, Wanted::Text(plan)) => cost_of_topic(&plan.topic, plan.max_tokens),
            (Stored::Nothing, Wanted::Chat(question)) => question.cost(),
        }
    }

    /// Bytes that are held: of the answer, and of the question.
    fn bytes(&self) -> usize {
        let question = match &self.looking.wanted {
            Wanted::Text(_) => 0,
            Wanted::Chat(question) => question.body.capacity(),
        };
        question
            + match &self.stored {
                Stored::Text(row, _) => row.text.capacity(),
                Stored::Chat(answer, chat) => answer.body.capacity() + chat.told.body.capacity(),
                Stored::Nothing => 0,
            }
    }
}

impl Flow {
    /// What it waits with, if that is what came of looking.
    fn take_looked(&mut self) -> Option<Looked> {
        match std::mem::replace(self, Flow::Between) {
            Flow::Cached(state) if matches!(*state, Cached::Sharing(_)) => match *state {
                Cached::Sharing(looked) => Some(looked),
                Cached::Looking(_) | Cached::Keeping(_) => None,
            },
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Engine {
    /// Goes on with what came of looking, once it can be charged.
    pub(super) fn go_on_looked(&mut self, id: ExchangeId, looked: Looked) -> Result<(), Failure> {
        if self.waits_for_share(id, looked.cost()) {
            if let Some(exchange) = self.exchanges.get_mut(id) {
                self.ledger.settle(&mut exchange.charged, looked.bytes());
                exchange.flow = Flow::Cached(Box::new(Cached::Sharing(looked)));
            }
            self.set_exchange_timer(id, Mono::NEVER); // its client's deadline stays
            self.enter(id, State::AwaitingShare);
            return Ok(());
        }
        let Looked { looking, stored } = looked;
        match stored {
            Stored::Text(row, hit) => self.found_text(id, &looking, *row, hit),
            Stored::Chat(answer, chat) => self.found_chat(id, &looking, answer, *chat),
            Stored::Nothing => self.not_in_cache(id, looking, Status::Miss),
        }
    }

    /// The counter has answered a request that waits with what it has found.
    pub(in crate::engine) fn serve_looked(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        let Some(looked) = exchange.flow.take_looked() else {
            return;
        };
        self.ledger.settle(&mut exchange.charged, 0); // whoever has it next charges it
        if let Err(failure) = self.go_on_looked(id, looked) {
            self.fail_exchange(id, &failure);
        }
    }
}
