//! The flow of an answer that was given before: all of it is in memory, and goes out at the client's pace.
//!
//! ```text
//!  an equal key ───(the store has its answer)──┐
//!                                              ├─► head ─► piece by piece ─► over
//!  an equal chat ──(the cache has its answer)──┘
//! ```
//! It is told byte for byte as it is kept; where it comes from is in its head and in its row.

use uuid::Uuid;

use super::Flow;
use super::jobs::location_of_made;
use crate::config::Store;
use crate::engine::Engine;
use crate::engine::client::takes_body;
use crate::engine::reply::Content;
use crate::engine::routes::Route;
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::limits::PUMP_BYTES;
use crate::store::{Answer, RequestOutcome, RequestRow};

/// Such an answer on its way.
#[derive(Debug)]
pub struct Kept {
    pub(super) answer: Answer,
    /// Bytes of it that were written.
    cursor: usize,
    /// Where it is from, if it is from the cache.
    hit: Option<Hit>,
}

/// An answer from the cache.
#[derive(Clone, Debug)]
pub struct Hit {
    /// The id of its text.
    pub text: Uuid,
    /// Who has written it.
    pub provider: String,
    /// With which model.
    pub model: String,
}

impl Kept {
    /// The answer to the first request with a key.
    #[must_use]
    pub fn of_key(answer: Answer) -> Self {
        Kept {
            answer,
            cursor: 0,
            hit: None,
        }
    }

    /// An answer from the cache.
    #[must_use]
    pub fn of_cache(answer: Answer, hit: Hit) -> Self {
        Kept {
            answer,
            cursor: 0,
            hit: Some(hit),
        }
    }

    /// Bytes of memory that it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.answer.body.capacity()
    }
}

impl Kept {
    /// Puts into the row of a request what has answered it, if that came from the cache.
    pub fn enter(&self, row: &mut RequestRow) {
        if let Some(hit) = &self.hit {
            row.generation_id = Some(hit.text);
            row.provider = Some(hit.provider.clone());
            row.model = Some(hit.model.clone());
        }
    }
}

impl Engine {
    /// Answers as was answered before. `owes_row`: its row is not written yet.
    pub(super) fn send_kept(&mut self, id: ExchangeId, kept: Kept, owes_row: bool) {
        let route = self.exchanges.get(id).map(|exchange| &exchange.route);
        let content = match (kept.answer.streamed, route) {
            (true, _) => Content::Events,
            (false, Some(Route::Batch)) => Content::Lines,
            (false, _) => Content::Json,
        };
        let location = match route {
            Some(Route::Jobs(_)) => location_of_made(&kept.answer.body),
            _ => None,
        };
        self.write_kept_head(id, &kept.answer, content, kept.hit.as_ref(), location);
        let bytes = kept.bytes();
        let owes_row = owes_row && self.leaves_row(id);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.owes_row = owes_row;
            exchange.terms.wants_stream = kept.answer.streamed;
            self.ledger.settle(&mut exchange.charged, bytes);
            exchange.flow = Flow::Kept(Box::new(kept));
        }
        self.enter(id, State::Streaming);
        self.pump_kept(id);
    }

    /// Whether a request has a row at all, once it is answered.
    pub(super) fn leaves_row(&self, id: ExchangeId) -> bool {
        let route = self.exchanges.get(id).map(|exchange| &exchange.route);
        let is_chat = matches!(route, Some(Route::Chat(_) | Route::Embeddings));
        !(is_chat && self.config.gateway.store == Store::Off)
    }

    /// Puts as much of the answer into the send buffer as there is room for. Called again whenever the
    /// client has taken some of it.
    pub(in crate::engine) fn pump_kept(&mut self, id: ExchangeId) {
        let high = self.send_high();
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        let (conn_id, terms) = (exchange.conn, exchange.terms);
        let Flow::Kept(kept) = &mut exchange.flow else {
            return;
        };
        let Some(conn) = self.conns.get_mut(conn_id) else {
            return;
        };
        let room = high.saturating_sub(conn.out.len()).min(PUMP_BYTES);
        let rest = &kept.answer.body.as_bytes()[kept.cursor..];
        let piece = &rest[..rest.len().min(room)];
        kept.cursor += piece.len();
        let status = kept.answer.status;
        let is_over = kept.cursor == kept.answer.body.len();
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
