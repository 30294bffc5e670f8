//! `GET /contents/export`: all texts, one JSON document a line, the oldest first.
//!
//! Whatever there is, only a few texts are in memory: the store is asked for the next ones when
//! those before them are written, and they are written as far as the client takes them.
//!
//! ```text
//!            head of the answer
//!  Asking ─(texts)──▼─► Sending ─(all written, there are more)─► Reading ─(texts)─► Sending …
//!    │                     │   ▲                                    │
//!    │ failure:            │   └─ a client that is slow: waits       │ failure: the connection is cut
//!    ▼ its own answer      └─(there are no more)─► last chunk         ▼ without the last chunk
//! ```
//! Texts that come while it goes on are not part of it. A client that sees the last chunk has all.

use std::vec::IntoIter;

use uuid::Uuid;

use super::Flow;
use crate::engine::blocks::Pen;
use crate::engine::client::{takes_body, takes_chunks};
use crate::engine::documents::row_of_text;
use crate::engine::failure::Bound;
use crate::engine::reply::after;
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::work::{Work, WorkOwner, WorkResult};
use crate::engine::{Engine, Failure, TENANT};
use crate::limits::{PUMP_BYTES, STORE_MS};
use crate::proto::http1::{ReplyBody, reply_head};
use crate::store::{Found, Query, TextRow};

/// What a browser saves it as.
const FILE: &str = "attachment; filename=\"contents.ndjson\"";

/// Where an export is.
#[derive(Debug)]
pub enum Export {
    /// The store is asked for the first texts; nothing was answered yet.
    Asking(Walk),
    /// Texts are going out.
    Sending(Sending),
    /// The store is asked for more of them.
    Reading(Walk),
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// The last text that was read.
    after: Option<Uuid>,
    /// The last one that belongs to it, as the first answer says.
    until: Option<Uuid>,
}

/// See [`Export::Sending`].
#[derive(Debug)]
pub struct Sending {
    /// Where it goes on; without an `until` these are the last texts.
    walk: Walk,
    /// Texts that are no lines yet.
    rows: IntoIter<TextRow>,
    /// Lines, and how much of them is written.
    lines: Vec<u8>,
    written: usize,
}

impl Export {
    /// Whether the client has been told that it gets its texts. After that only a cut says that
    /// it does not get all.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !matches!(self, Export::Asking(_))
    }
}

impl Engine {
    /// Asks for the first texts.
    pub(super) fn begin_export(&mut self, id: ExchangeId) -> Result<(), Failure> {
        let walk = Walk {
            after: None,
            until: None,
        };
        self.submit_for(id, query(walk), Bound::Store)?;
        self.set_export(id, Export::Asking(walk));
        self.set_exchange_timer(id, self.now.mono.plus_ms(STORE_MS));
        self.enter(id, State::Querying);
        Ok(())
    }

    /// The store has answered.
    pub(super) fn export_done(
        &mut self,
        id: ExchangeId,
        result: WorkResult,
    ) -> Result<(), Failure> {
        let Some(exchange) = self.exchanges.get(id) else {
            return Ok(());
        };
        let terms = exchange.terms;
        let (walk, begins) = match &exchange.flow {
            Flow::Export(export) => match export.as_ref() {
                Export::Asking(walk) => (*walk, true),
                Export::Reading(walk) => (*walk, false),
                Export::Sending(_) => return Err(Failure::Internal("texts that nobody asked for")),
            },
            _ => return Err(Failure::Internal("not an export")),
        };
        let (rows, more) = match result {
            WorkResult::Panicked => return Err(Failure::Panicked),
            result => match super::found(result)? {
                Found::Texts { rows, more } => (rows, more),
                _ => return Err(Failure::Internal("another read was answered")),
            },
        };
        let bytes: usize = rows.iter().map(bytes_of).sum();
        let walk = Walk {
            after: rows.last().map(|row| row.id).or(walk.after),
            until: more,
        };
        let sending = Sending {
            walk,
            rows: rows.into_iter(),
            lines: Vec::new(),
            written: 0,
        };
        self.set_export(id, Export::Sending(sending));
        if let Some(exchange) = self.exchanges.get_mut(id) {
            self.ledger.settle(&mut exchange.charged, bytes);
        }
        if begins {
            self.begin_lines(id);
            self.enter(id, State::Streaming);
        }
        if takes_body(terms.method) {
            self.pump_export(id);
        } else {
            self.reply_written(id, terms.keep_alive && takes_chunks(terms.version));
        }
        Ok(())
    }

    /// Writes as much as the client's buffer takes; then asks for more, or ends.
    pub(in crate::engine) fn pump_export(&mut self, id: ExchangeId) {
        let high = self.send_high();
        loop {
            let Some(exchange) = self.exchanges.get_mut(id) else {
                return;
            };
            let Flow::Export(export) = &mut exchange.flow else {
                return;
            };
            let Export::Sending(sending) = export.as_mut() else {
                return;
            };
            let unsent = self.conns.get(exchange.conn).map_or(0, |c| c.out.len());
            if unsent >= high {
                return;
            }
            if sending.written == sending.lines.len() && !sending.next_lines() {
                break;
            }
            let to = sending.lines.len().min(sending.written + PUMP_BYTES);
            let lines = std::mem::take(&mut sending.lines);
            let from = std::mem::replace(&mut sending.written, to);
            self.put_framed(id, &lines[from..to]);
            if let Some(exchange) = self.exchanges.get_mut(id)
                && let Flow::Export(export) = &mut exchange.flow
                && let Export::Sending(sending) = export.as_mut()
            {
                sending.lines = lines;
            }
        }
        self.read_on(id);
    }

    /// All texts that were read are written.
    fn read_on(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let Flow::Export(export) = &exchange.flow else {
            return;
        };
        let Export::Sending(sending) = export.as_ref() else {
            return;
        };
        let walk = sending.walk;
        if walk.until.is_none() {
            return self.end_chunks(id);
        }
        self.set_export(id, Export::Reading(walk));
        // It was let in: it is not turned away because the queue is full by now.
        let work = self.works.submit(WorkOwner::Exchange(id), query(walk));
        let Some(work) = work else {
            return self.fail_exchange(id, &Failure::Full(Bound::Store));
        };
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.work = Some(work);
        }
        self.set_exchange_timer(id, self.now.mono.plus_ms(STORE_MS));
    }

    fn begin_lines(&mut self, id: ExchangeId) {
        let date = self.date();
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (conn_id, terms) = (exchange.conn, exchange.terms);
        self.counters.answered(200);
        if let Some(conn) = self.conns.get_mut(conn_id) {
            let mut pen = Pen {
                blocks: &mut self.blocks,
                chain: &mut conn.out,
                secret: false,
            };
            reply_head(&mut pen, 200)
                .date(&date)
                .field("content-type", "application/x-ndjson")
                .field("content-disposition", FILE)
                .field("cache-control", "no-store")
                .field("x-content-type-options", "nosniff")
                .finish(ReplyBody::streamed(terms.version), after(&terms));
        }
        self.flush(conn_id);
    }

    fn set_export(&mut self, id: ExchangeId, state: Export) {
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Export(Box::new(state));
        }
    }
}

impl Sending {
    /// Makes lines of the next texts, so many that writing them is worth it.
    fn next_lines(&mut self) -> bool {
        self.lines.clear();
        self.written = 0;
        while self.lines.len() < PUMP_BYTES
            && let Some(row) = self.rows.next()
        {
            // A document of strings and numbers cannot fail to be written into memory.
            let _ = serde_json::to_writer(&mut self.lines, &row_of_text(&row));
            self.lines.push(b'\n');
        }
        !self.lines.is_empty()
    }
}

fn query(walk: Walk) -> Work {
    Work::Read(Query::Export {
        tenant: TENANT.to_string(),
        after: walk.after,
        until: walk.until,
    })
}

fn bytes_of(row: &TextRow) -> usize {
    size_of::<TextRow>() + row.text.len() + row.term.len()
}
