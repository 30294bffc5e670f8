//! `GET /jobs/{id}/events`: what happens to a job, as it happens.
//!
//! ```text
//!            head, `job`                 `item`, `job`, heartbeats
//!  Watching ─────▼─────► Watching (told) ───────▼───────► `done`: all is over, all was told
//!     │ failure:                │  failure: `error`
//!     ▼ its own answer          └─ the server stops: the end of the answer and no last event
//! ```
//! The first answer to a look at the job is the first event. From there on whatever was found is told as
//! fast as the client reads, and no faster: what is next follows from what it was told
//! ([`Watcher`]), so nothing is kept for it. What has to do with looking is in [`crate::engine::jobs`].

use std::fmt::Write as _;

use serde::Serialize;
use uuid::Uuid;

use super::documents::JobDocument;
use crate::engine::client::takes_body;
use crate::engine::flow::Flow;
use crate::engine::jobs::Seen;
use crate::engine::jobs::progress::{Known, Tell, Watcher};
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::{Engine, Failure};
use crate::limits::jobs::{JOB_WATCH_BYTES, JOB_WATCH_RETRY_MS};
use crate::limits::{PUMP_BYTES, STORE_MS};
use crate::proto::sse;
use crate::store::{EndedItem, ItemState, JobKind};

/// How a job stands.
#[derive(Serialize)]
struct StandDocument {
    #[serde(flatten)]
    job: JobDocument,
    waiting: u64,
    running: u64,
    cancelled: u64,
}

/// The end of an item, and how its job stands by now.
#[derive(Serialize)]
struct EndDocument<'a> {
    index: u32,
    state: ItemState,
    id: Option<Uuid>,
    error: Option<&'a str>,
    items: u64,
    done: u64,
    failed: u64,
}

impl Engine {
    /// A job is to be watched.
    pub(super) fn begin_events(
        &mut self,
        id: ExchangeId,
        job: Uuid,
        seen: Option<Seen>,
    ) -> Result<(), Failure> {
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.terms.wants_stream = true;
            exchange.flow = Flow::Watch(Watcher::New(seen.map(Box::new)));
        }
        self.set_exchange_timer(id, self.now.mono.plus_ms(STORE_MS));
        self.enter(id, State::Querying);
        self.watch_job(id, job)
    }

    /// Tells a client what is new, as far as it reads.
    pub(in crate::engine) fn pump_events(&mut self, id: ExchangeId) {
        if !self.has_begun_events(id) {
            return;
        }
        let mut event = std::mem::take(&mut self.scratch);
        let (mut put, mut over) = (0, false);
        while put < PUMP_BYTES && !over {
            event.clear();
            let Some(last) = self.next_event_of_job(id, &mut event) else {
                break;
            };
            (put, over) = (put + event.len(), last);
            self.put_piece(id, &event);
        }
        self.scratch = event;
        if over {
            self.end_chunks(id);
        } else if put >= PUMP_BYTES {
            self.serve_later(id);
        }
    }

    /// Whether the head of the answer is written, which it is as soon as there is something to tell.
    fn has_begun_events(&mut self, id: ExchangeId) -> bool {
        let Some(exchange) = self.exchanges.get(id) else {
            return false;
        };
        let Flow::Watch(watcher) = &exchange.flow else {
            return false;
        };
        if watcher.has_begun() {
            return true;
        }
        let watch = exchange.held.watch;
        let known = watch.and_then(|watch| self.jobs.watches.known(watch));
        let Some(known) = known.filter(|known| known.is_whole()) else {
            return false;
        };
        if watcher.knows_the_end(known) {
            self.reply_no_content(id); // which is what keeps an `EventSource` from coming again
            return false;
        }
        let method = exchange.terms.method;
        self.enter(id, State::Streaming);
        self.begin_stream(id, true);
        if !takes_body(method) {
            self.end_chunks(id);
            return false;
        }
        true
    }

    /// Puts what is to be told next into `event`. Returns whether it is the last.
    fn next_event_of_job(&mut self, id: ExchangeId, event: &mut Vec<u8>) -> Option<bool> {
        let exchange = self.exchanges.get_mut(id)?;
        let unsent = self.conns.get(exchange.conn)?.out.len();
        let Flow::Watch(watcher) = &mut exchange.flow else {
            return None;
        };
        if unsent >= JOB_WATCH_BYTES {
            return None;
        }
        let known = self.jobs.watches.known(exchange.held.watch?)?;
        let is_first = !watcher.has_begun();
        let tell = watcher.next(known)?;
        let (name, is_last) = match &tell {
            Tell::Job => ("job", false),
            Tell::Item(_) => ("item", false),
            Tell::Over => ("done", true),
        };
        let json = &mut self.json;
        json.clear();
        // Strings and numbers cannot fail to be written into memory.
        let _ = match tell {
            Tell::Item(item) => serde_json::to_writer(json, &end_of(item, known)),
            Tell::Job | Tell::Over => serde_json::to_writer(json, &stand_of(known)),
        };
        if is_first {
            let half = JOB_WATCH_RETRY_MS / 2;
            let retry_ms = self.random.u64(half..=JOB_WATCH_RETRY_MS + half);
            sse::write_retry(event, retry_ms);
        }
        let mut mark = String::new();
        let _ = write!(mark, "{}", watcher.seen());
        sse::write_id(event, &mark);
        sse::write_event(event, None, Some(name), &self.json);
        Some(is_last)
    }

    /// Nothing was heard of a job for a while, or of the store.
    pub(in crate::engine) fn events_due(&mut self, id: ExchangeId) {
        let begun = match self.exchanges.get(id).map(|exchange| &exchange.flow) {
            Some(Flow::Watch(watcher)) => watcher.has_begun(),
            _ => return,
        };
        if begun {
            self.heartbeat(id);
        } else {
            self.fail_exchange(id, &Failure::StoreTimeout);
        }
    }

    /// The store has failed. Whoever was told something goes on to be.
    pub(in crate::engine) fn events_not_begun(&mut self, id: ExchangeId, failure: &Failure) {
        let flow = self.exchanges.get(id).map(|exchange| &exchange.flow);
        if matches!(flow, Some(Flow::Watch(watcher)) if !watcher.has_begun()) {
            self.fail_exchange(id, failure);
        }
    }

    /// The server stops.
    pub(in crate::engine) fn stop_events(&mut self, id: ExchangeId) {
        self.events_not_begun(id, &Failure::Stopping);
        self.end_chunks(id);
    }
}

fn stand_of(known: &Known) -> StandDocument {
    StandDocument {
        job: JobDocument::new(&known.job),
        waiting: known.waiting(),
        running: known.running,
        cancelled: known.cancelled(),
    }
}

fn end_of<'a>(item: &'a EndedItem, known: &Known) -> EndDocument<'a> {
    let has_row = item.state == ItemState::Done && known.job.kind != JobKind::Report;
    EndDocument {
        index: item.position,
        state: item.state,
        id: has_row.then_some(item.row_id),
        error: item.error_code.as_deref(),
        items: known.job.items,
        done: known.job.done,
        failed: known.job.failed,
    }
}
