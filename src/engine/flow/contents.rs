//! `/contents`: what is stored, page by page or one text at a time, and its deletion.
//!
//! One question to the store, one answer to the client. Where answers are also kept near by, who deletes
//! hears of it when no other process can be answered with the text any more (`engine/nearby/`).
//!
//! ```text
//!  Deleting ─┬─(there was none)──────────────────────────────────────────────► 404
//!            └─(gone)─┬─(nobody to be told)──────────────────────────────────► 204
//!                     └─ Telling ─(told, not to be told, or long enough)─────► 204
//! ```
//! What is done is not undone by a clock: from `Deleting` on, neither the client's deadline nor a shutdown
//! has the last word, but the store.

use crate::engine::failure::Bound;
use crate::engine::flow::Flow;
use crate::engine::routes::Route;
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::work::{Work, WorkResult};
use crate::engine::{Engine, Failure, TENANT};
use crate::limits::STORE_MS;
use crate::store::{Found, Query, Write, Written};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// An answer of the reader.
    Reading,
    /// A commit of the writer.
    Deleting,
    /// Others, who may have the text near by.
    Telling,
}

impl Contents {
    /// Whether something is being deleted, or is gone: to say that it is too late would not be true.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Contents::Deleting | Contents::Telling)
    }
}

impl Engine {
    /// Asks the store.
    pub(super) fn begin_contents(&mut self, id: ExchangeId) -> Result<(), Failure> {
        let Some(exchange) = self.exchanges.get(id) else {
            return Ok(());
        };
        let tenant = TENANT.to_string();
        let (work, state) = match &exchange.route {
            Route::List(query) => {
                let query = Query::List {
                    tenant,
                    term: query.topic.clone(),
                    words: query.words.clone(),
                    limit: query.limit,
                    before: query.cursor,
                };
                (Work::Read(query), Contents::Reading)
            }
            Route::Read(id) => (
                Work::Read(Query::One { tenant, id: *id }),
                Contents::Reading,
            ),
            Route::Delete(id) => {
                let write = Write::Delete { tenant, id: *id };
                (Work::Write(Box::new(write)), Contents::Deleting)
            }
            _ => return Err(Failure::Internal("not a route of the store")),
        };
        self.submit_for(id, work, Bound::Store)?;
        let at = self.now.mono.plus_ms(STORE_MS);
        self.set_exchange_timer(id, at);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Contents(state);
        }
        self.enter(id, State::Querying);
        Ok(())
    }

    /// The store has answered.
    pub(super) fn contents_done(
        &mut self,
        id: ExchangeId,
        state: Contents,
        result: WorkResult,
    ) -> Result<(), Failure> {
        match state {
            // Many large rows at a time: what there is no memory for is not copied into a reply.
            Contents::Reading if self.ledger.is_full() => {
                return Err(Failure::Full(Bound::Memory));
            }
            Contents::Reading => match super::found(result)? {
                Found::Page {
                    rows,
                    next,
                    indexing,
                } => {
                    let indexing = self.is_search(id).then_some(indexing);
                    self.reply_page(id, &rows, next, indexing);
                }
                Found::One(Some(row)) => self.reply_row(id, &row),
                Found::One(None) => return Err(Failure::NotFound),
                Found::Unscored(_)
                | Found::Weighed(_)
                | Found::Texts { .. }
                | Found::Answer(_)
                | Found::CachedChat(_)
                | Found::Job(_) => {
                    return Err(Failure::Internal("another read was answered"));
                }
            },
            Contents::Deleting => match super::written(result)? {
                Written::Deleted(true) => {
                    if let Some(Route::Delete(text)) = self.exchanges.get(id).map(|e| &e.route) {
                        self.forget_deleted(*text);
                    }
                    if self.waits_to_tell(id) {
                        self.tell_first(id);
                    } else {
                        self.reply_no_content(id);
                    }
                }
                Written::Deleted(false) => return Err(Failure::NotFound),
                _ => return Err(Failure::Internal("another write was answered")),
            },
            Contents::Telling => return Err(Failure::Internal("a deletion was answered twice")),
        }
        Ok(())
    }

    fn tell_first(&mut self, id: ExchangeId) {
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Contents(Contents::Telling);
        }
        self.set_exchange_timer(id, self.now.mono.plus_ms(STORE_MS));
    }

    /// It has taken too long.
    pub(super) fn contents_due(&mut self, id: ExchangeId, state: Contents) {
        match state {
            Contents::Reading | Contents::Deleting => {
                self.fail_exchange(id, &Failure::StoreTimeout);
            }
            Contents::Telling => self.deletion_is_known(id),
        }
    }

    /// The others know of the deletion, or cannot be told.
    pub(in crate::engine) fn deletion_is_known(&mut self, id: ExchangeId) {
        let flow = self.exchanges.get(id).map(|exchange| &exchange.flow);
        if matches!(flow, Some(Flow::Contents(Contents::Telling))) {
            self.reply_no_content(id);
        }
    }

    fn is_search(&self, id: ExchangeId) -> bool {
        let route = self.exchanges.get(id).map(|exchange| &exchange.route);
        matches!(route, Some(Route::List(query)) if query.words.is_some())
    }
}
