//! The flow of a request with an `Idempotency-Key`, before it goes its way: is it the first one?
//!
//! ```text
//!  Claiming ─┬─(ours)─────► the request goes its way; whatever comes of it, its key is dealt with
//!     ▲      ├─(answered)─► Fetching ─► Sending ─► over
//!     │      ├─(elsewhere)─► 409
//!     │      └─(another request's)─► 422
//!     │
//!  Waiting ──(the first one was answered)─► Fetching
//!     │ └────(the first one has failed)───► Claiming
//!     │ too many, or too long: 409
//! ```
//! Equal requests that come to the same process while the first is answered wait for it. When another
//! process answers it they get 409 and come again: to wait for what is only in the memory of another
//! machine would be to ask the database again and again.
//!
//! Only requests with a key pay for any of this. What was answered before is charged as a request, so where
//! several processes share their limits it waits for its share, with its answer in its hand (`Sharing`).

use super::Flow;
use super::jobs::location_of_made;
use crate::engine::client::takes_body;
use crate::engine::failure::Bound;
use crate::engine::idempotency::Stands;
use crate::engine::now::Mono;
use crate::engine::policy::idempotency::Turn;
use crate::engine::policy::rate::Cost;
use crate::engine::reply::Content;
use crate::engine::routes::Route;
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::work::{Work, WorkResult};
use crate::engine::{Engine, Failure};
use crate::limits::{GENERATION_MS, PUMP_BYTES, STORE_MS};
use crate::store::{
    Answer, Claimed, Found, KeyChange, Query, RequestOutcome, StoreError, Write, Written,
};

/// Where such a request is. The first two have its body.
#[derive(Debug)]
pub enum Keyed {
    /// The store is asked whose the key is.
    Claiming(Vec<u8>),
    /// An equal request is being answered.
    Waiting(Vec<u8>),
    /// The answer is there; a counter that several processes share is asked whether it may be told.
    Sharing(Box<Answer>),
    /// The store is asked for the answer.
    Fetching,
    /// The answer goes out.
    Sending(Box<Sending>),
}

/// See [`Keyed::Sending`].
#[derive(Debug)]
pub struct Sending {
    answer: Answer,
    /// Bytes of it that were written.
    cursor: usize,
}

impl Keyed {
    /// Which limit a deadline in this state means.
    #[must_use]
    pub fn timeout(&self) -> Failure {
        match self {
            Keyed::Waiting(_) => Failure::KeyInUse,
            _ => Failure::StoreTimeout,
        }
    }

    /// Whether the head of the answer is out.
    #[must_use]
    pub fn has_begun_to_answer(&self) -> bool {
        matches!(self, Keyed::Sending(_))
    }
}

impl Engine {
    /// Whether a request that is complete has to find out first whether it is the first with its key.
    pub(super) fn waits_for_key(&mut self, id: ExchangeId) -> Result<bool, Failure> {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(false);
        };
        match &mut exchange.held.key {
            Some(key) if key.stands == Stands::Outside => key.close_body(),
            _ => return Ok(false),
        }
        let body = self.take_body(id)?;
        self.ask_for_key(id, body)?;
        Ok(true)
    }

    fn ask_for_key(&mut self, id: ExchangeId, body: Vec<u8>) -> Result<(), Failure> {
        // Whoever was answered while the database was away has its answer in the journal.
        if self.spill.may_have() {
            let error = self.spill.away().cloned();
            let error = error.unwrap_or(StoreError::Busy {
                path: "journal".into(),
            });
            return Err(Failure::Store(error));
        }
        let (fresh, now_ms) = (self.new_id(), self.now.wall_ms);
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(());
        };
        let Some(key) = &mut exchange.held.key else {
            return Err(Failure::Internal("a key was lost"));
        };
        let (scope, fingerprint) = (key.scope.clone(), key.fingerprint);
        match self.keys.ask(&scope, fingerprint, id, fresh) {
            Turn::Reused => Err(Failure::KeyReused),
            Turn::Crowded => Err(Failure::KeyInUse),
            Turn::Wait => {
                key.stands = Stands::Waits;
                exchange.flow = Flow::Keyed(Keyed::Waiting(body));
                self.set_exchange_timer(id, self.now.mono.plus_ms(GENERATION_MS));
                self.enter(id, State::Querying);
                Ok(())
            }
            Turn::Claim(owner) => {
                key.stands = Stands::Holds(owner);
                exchange.flow = Flow::Keyed(Keyed::Claiming(body));
                let claim = KeyChange::Claim {
                    scope,
                    fingerprint,
                    owner,
                    now_ms,
                };
                self.mind_the_keys();
                let work = Work::Write(Box::new(Write::Keys(Box::new(claim))));
                self.submit_for(id, work, Bound::Store)?;
                self.set_exchange_timer(id, self.now.mono.plus_ms(STORE_MS));
                self.enter(id, State::Querying);
                Ok(())
            }
        }
    }

    /// The request that this one has waited for was not answered: it is its turn.
    pub(in crate::engine) fn keyed_turn(&mut self, id: ExchangeId) {
        let Some(Flow::Keyed(Keyed::Waiting(body))) =
            self.exchanges.get_mut(id).map(|e| &mut e.flow)
        else {
            return self.pump(id);
        };
        let body = std::mem::take(body);
        if let Err(failure) = self.ask_for_key(id, body) {
            self.fail_exchange(id, &failure);
        }
    }

    /// The store has answered.
    pub(super) fn keyed_done(
        &mut self,
        id: ExchangeId,
        state: Keyed,
        result: WorkResult,
    ) -> Result<(), Failure> {
        match (state, result) {
            (Keyed::Claiming(body), result) => match super::written(result)? {
                Written::Claimed(claimed) => self.claimed(id, body, claimed),
                _ => Err(Failure::Internal("another write was answered")),
            },
            (Keyed::Fetching, result) => match super::found(result)? {
                Found::Answer(Some(answer)) => self.send_again(id, *answer),
                // Forgotten in this moment, or on its way to the database.
                Found::Answer(None) => Err(Failure::KeyInUse),
                _ => Err(Failure::Internal("another read was answered")),
            },
            _ => Err(Failure::Internal("a result for a request that waits")),
        }
    }

    fn claimed(&mut self, id: ExchangeId, body: Vec<u8>, claimed: Claimed) -> Result<(), Failure> {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(());
        };
        if claimed == Claimed::Yours {
            exchange.flow = Flow::Body(body);
            return self.begin(id);
        }
        let Some(key) = &mut exchange.held.key else {
            return Err(Failure::Internal("a key was lost"));
        };
        key.stands = Stands::Outside;
        let scope = key.scope.clone();
        let waiting = self.keys.end(&scope);
        let failure = match claimed {
            Claimed::Answered => {
                waiting.into_iter().for_each(|id| self.fetch_answer(id));
                self.fetch_answer(id);
                return Ok(());
            }
            Claimed::Reused => Failure::KeyReused,
            Claimed::Yours | Claimed::Busy => Failure::KeyInUse,
        };
        for id in waiting {
            self.drop_key(id);
            self.fail_exchange(id, &failure);
        }
        Err(failure)
    }

    /// The key is no matter of this request any more.
    fn drop_key(&mut self, id: ExchangeId) {
        if let Some(exchange) = self.exchanges.get_mut(id)
            && let Some(key) = &mut exchange.held.key
        {
            key.stands = Stands::Outside;
        }
    }

    /// An equal request was answered: the store has the answer.
    pub(in crate::engine) fn fetch_answer(&mut self, id: ExchangeId) {
        self.drop_key(id);
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        exchange.flow = Flow::Keyed(Keyed::Fetching);
        self.ledger.settle(&mut exchange.charged, 0); // the body is not needed
        let Some(scope) = exchange.held.key.as_ref().map(|key| key.scope.clone()) else {
            return self.fail_exchange(id, &Failure::Internal("a key was lost"));
        };
        let query = Work::Read(Query::Answer(scope));
        if let Err(failure) = self.submit_for(id, query, Bound::Store) {
            return self.fail_exchange(id, &failure);
        }
        self.set_exchange_timer(id, self.now.mono.plus_ms(STORE_MS));
        self.enter(id, State::Querying);
    }

    fn hold_answer(&mut self, id: ExchangeId, answer: Answer) {
        if let Some(exchange) = self.exchanges.get_mut(id) {
            let bytes = answer.body.capacity();
            self.ledger.settle(&mut exchange.charged, bytes);
            exchange.flow = Flow::Keyed(Keyed::Sharing(Box::new(answer)));
            self.set_exchange_timer(id, Mono::NEVER); // its client's deadline stays
            self.enter(id, State::AwaitingShare);
        }
    }

    /// The counter has answered a request that waits with its answer in its hand.
    pub(in crate::engine) fn tell_held_answer(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        let flow = std::mem::replace(&mut exchange.flow, Flow::Between);
        if let Flow::Keyed(Keyed::Sharing(answer)) = flow
            && let Err(failure) = self.send_again(id, *answer)
        {
            self.fail_exchange(id, &failure);
        }
    }

    /// Answers as the first one was answered.
    fn send_again(&mut self, id: ExchangeId, answer: Answer) -> Result<(), Failure> {
        if self.waits_for_share(id, Cost::REQUEST) {
            self.hold_answer(id, answer);
            return Ok(());
        }
        self.charge_request(id)?;
        self.counters.replayed += 1;
        let route = self.exchanges.get(id).map(|exchange| &exchange.route);
        let content = match (answer.streamed, route) {
            (true, _) => Content::Events,
            (false, Some(Route::Batch)) => Content::Lines,
            (false, _) => Content::Json,
        };
        let location = match route {
            Some(Route::Jobs(_)) => location_of_made(&answer.body),
            _ => None,
        };
        self.write_kept_head(id, &answer, content, location);
        let bytes = answer.body.capacity();
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.owes_row = true;
            exchange.terms.wants_stream = answer.streamed;
            self.ledger.settle(&mut exchange.charged, bytes);
            let sending = Sending { answer, cursor: 0 };
            exchange.flow = Flow::Keyed(Keyed::Sending(Box::new(sending)));
        }
        self.enter(id, State::Streaming);
        self.pump_kept(id);
        Ok(())
    }

    /// Puts as much of the answer into the send buffer as there is room for. Called again whenever the
    /// client has taken some of it.
    pub(in crate::engine) fn pump_kept(&mut self, id: ExchangeId) {
        let high = self.send_high();
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        let (conn_id, terms) = (exchange.conn, exchange.terms);
        let Flow::Keyed(Keyed::Sending(sending)) = &mut exchange.flow else {
            return;
        };
        let Some(conn) = self.conns.get_mut(conn_id) else {
            return;
        };
        let room = high.saturating_sub(conn.out.len()).min(PUMP_BYTES);
        let rest = &sending.answer.body.as_bytes()[sending.cursor..];
        let piece = &rest[..rest.len().min(room)];
        sending.cursor += piece.len();
        let status = sending.answer.status;
        let is_over = sending.cursor == sending.answer.body.len();
        if takes_body(terms.method) {
            self.counters.written += piece.len() as u64;
            self.blocks.put(&mut conn.out, piece);
        }
        self.flush(conn_id);
        self.rearm_client(conn_id);
        if is_over {
            self.settle_row(id, RequestOutcome::Ok, status, None);
            self.reply_written(id, terms.keep_alive);
        }
    }
}
