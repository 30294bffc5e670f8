//! `POST /contents/import`: texts, one JSON document a line, of any number.
//!
//! Whatever is sent, only one batch of lines is in memory: while it is scored and stored, nothing is
//! read from the client.
//!
//! ```text
//!  Lines ─(a batch of them, or the end)─► Scores ─(texts)─► Commit ─(stored)─► Lines … ─(the end)─► answer
//!    │                                      │ a wrong line: what is before it …
//!    │                                      └─────────────────► Commit ─(stored)─► 422, with the line
//!    ▼ the client is gone, a deadline: what was stored stays; the answer, if any, says how much
//! ```
//! An id that is there already is left as it is, so an import may be sent again, also one that
//! broke off.

pub mod line;

use super::Flow;
use crate::engine::failure::Bound;
use crate::engine::slots::{ConnId, ExchangeId};
use crate::engine::trace::State;
use crate::engine::work::{Cancel, Work, WorkOwner, WorkResult};
use crate::engine::{Engine, Failure};
use crate::limits::{
    IMPORT_BATCH_BYTES, IMPORT_BATCH_ROWS, IMPORT_LINE_BYTES, IMPORT_SCORE_MS, IMPORTS, STORE_MS,
};
use crate::store::{Tally, Write, Written};

use self::line::{Batch, LineFault};

/// An import, between its first byte and its answer.
#[derive(Debug, Default)]
pub struct Import {
    wait: Wait,
    /// Bytes that no scorer has yet.
    rest: Vec<u8>,
    /// How many lines in them are whole.
    whole: usize,
    /// Lines that scorers have or had.
    lines: u64,
    /// Whether all of the body has arrived.
    ended: bool,
    /// What is stored.
    tally: Tally,
}

/// What is waited for.
#[derive(Debug, Default)]
enum Wait {
    /// Bytes of the client.
    #[default]
    Lines,
    /// A scorer, which has this many bytes of lines.
    Scores { bytes: usize },
    /// The writer. If a line was wrong, the texts before it are the last.
    Commit {
        bytes: usize,
        fault: Option<LineFault>,
    },
}

impl Import {
    /// Whether bytes of its body are waited for.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        !self.ended && matches!(self.wait, Wait::Lines)
    }

    /// Whether all of its body has arrived.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// What is stored so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Which limit a deadline means.
    #[must_use]
    pub fn timeout(&self) -> Failure {
        match self.wait {
            Wait::Commit { .. } => Failure::StoreTimeout,
            Wait::Lines | Wait::Scores { .. } => Failure::ScorerTimeout,
        }
    }

    fn bytes(&self) -> usize {
        self.rest.capacity()
            + match self.wait {
                Wait::Lines => 0,
                Wait::Scores { bytes } | Wait::Commit { bytes, .. } => bytes,
            }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.whole += memchr::memchr_iter(b'\n', bytes).count();
        self.rest.extend_from_slice(bytes);
    }

    /// The lines that go to a scorer now, if it is worth it.
    fn next_batch(&mut self) -> Option<Vec<u8>> {
        // A line that does not end does not keep those before it waiting.
        let many = self.rest.len() >= IMPORT_BATCH_BYTES || self.whole >= IMPORT_BATCH_ROWS;
        if self.rest.is_empty() || !self.ended && (self.whole == 0 || !many) {
            return None;
        }
        let (mut end, mut lines) = (0, 0);
        let ends = memchr::memchr_iter(b'\n', &self.rest);
        for at in ends.take(IMPORT_BATCH_ROWS) {
            (end, lines) = (at + 1, lines + 1);
            if end >= IMPORT_BATCH_BYTES {
                break;
            }
        }
        if self.ended && lines == self.whole && lines < IMPORT_BATCH_ROWS {
            end = self.rest.len(); // the last line may lack its end
        }
        self.whole -= lines;
        let rest = self.rest.split_off(end);
        let mut batch = std::mem::replace(&mut self.rest, rest);
        batch.shrink_to_fit(); // all that had arrived was in it
        Some(batch)
    }
}

impl Engine {
    /// The head of an import is there: its body may come.
    pub(in crate::engine) fn begin_import(&mut self, id: ExchangeId) -> Result<(), Failure> {
        self.admit_rows()?;
        if self.imports >= IMPORTS {
            return Err(Failure::Full(Bound::Imports));
        }
        if let Some(exchange) = self.exchanges.get_mut(id) {
            self.imports += 1;
            exchange.held.import = true;
            exchange.flow = Flow::Import(Box::default());
        }
        Ok(())
    }

    /// Bytes of the body.
    pub(in crate::engine) fn import_bytes(&mut self, id: ExchangeId, bytes: &[u8]) {
        let Some(import) = self.import(id) else {
            return;
        };
        import.take(bytes);
        let too_long = import.whole == 0 && import.rest.len() > IMPORT_LINE_BYTES;
        let (reading, line) = (import.is_reading(), import.lines + 1);
        self.settle_import(id);
        // While the lines before it are with others, its number is not known yet.
        if reading && too_long {
            self.fail_exchange(id, &LineFault::too_long(line).into());
        } else if reading {
            self.hand_lines_on(id);
        }
    }

    /// The body is complete.
    pub(super) fn import_ended(&mut self, id: ExchangeId) {
        let Some(import) = self.import(id) else {
            return;
        };
        import.ended = true;
        let idle = matches!(import.wait, Wait::Lines);
        // What follows is the next request, which has a bound of its own.
        if let Some(conn) = self.conn_of(id) {
            self.resume_conn(conn);
        }
        if idle {
            self.hand_lines_on(id);
        }
    }

    /// Gives the next lines to a scorer; answers, if there are none and will be none.
    fn hand_lines_on(&mut self, id: ExchangeId) {
        let Some(import) = self.import(id) else {
            return;
        };
        let Some(lines) = import.next_batch() else {
            let (ended, tally) = (import.ended, import.tally);
            if ended {
                return self.reply_imported(id, tally);
            }
            return self.read_import(id);
        };
        let (first, ended) = (import.lines + 1, import.ended);
        let bytes = lines.capacity();
        import.wait = Wait::Scores { bytes };
        let work = Work::Import {
            lines,
            first,
            cancel: Cancel::default(),
        };
        self.order(id, work, IMPORT_SCORE_MS);
        self.settle_import(id);
        self.enter(id, State::Scoring);
        if let Some(conn) = self.conn_of(id)
            && !ended
        {
            self.pause_conn(conn);
            self.rearm_client(conn);
        }
    }

    /// A scorer or the writer has finished.
    pub(super) fn import_done(
        &mut self,
        id: ExchangeId,
        result: WorkResult,
    ) -> Result<(), Failure> {
        let Some(import) = self.import(id) else {
            return Ok(());
        };
        match (&mut import.wait, result) {
            (_, WorkResult::Panicked) => Err(Failure::Panicked),
            (Wait::Scores { .. }, WorkResult::Lines(Some(batch))) => {
                self.store_batch(id, batch);
                Ok(())
            }
            (Wait::Commit { fault, .. }, result) => {
                let fault = fault.take();
                let Written::Imported(stored) = super::written(result)? else {
                    return Err(Failure::Internal("another write was answered"));
                };
                import.tally += stored;
                import.wait = Wait::Lines;
                self.after_batch(id, fault)
            }
            _ => Err(Failure::Internal("lines were scored in another state")),
        }
    }

    /// Texts that have scores go to the writer.
    fn store_batch(&mut self, id: ExchangeId, batch: Batch) {
        let Batch {
            lines,
            texts,
            fault,
        } = batch;
        let now_ms = self.now.wall_ms;
        let read = texts.len();
        let mut rows = Vec::with_capacity(read);
        for text in texts {
            // Stored now, it would be in the way of the text that clients are being told.
            if text.id.is_some_and(|uuid| self.is_in_the_making(uuid)) {
                continue;
            }
            let uuid = text.id.unwrap_or_else(|| self.new_id());
            rows.push(text.into_row(uuid, now_ms));
        }
        let Some(import) = self.import(id) else {
            return;
        };
        import.lines += lines;
        import.tally.skipped += (read - rows.len()) as u64;
        if let Wait::Scores { bytes } = import.wait {
            import.wait = Wait::Commit { bytes, fault };
        }
        self.order(id, Work::Write(Box::new(Write::Import(rows))), STORE_MS);
        self.enter(id, State::Saving);
    }

    fn after_batch(&mut self, id: ExchangeId, fault: Option<LineFault>) -> Result<(), Failure> {
        self.settle_import(id);
        if let Some(fault) = fault {
            return Err(fault.into());
        }
        // What has arrived meanwhile may be enough for the next batch.
        self.import_bytes(id, b"");
        if let Some(import) = self.import(id)
            && import.ended
            && matches!(import.wait, Wait::Lines)
        {
            self.hand_lines_on(id);
        }
        Ok(())
    }

    /// Goes on with the body.
    fn read_import(&mut self, id: ExchangeId) {
        self.enter(id, State::Reading);
        if let Some(conn) = self.conn_of(id) {
            self.resume_conn(conn);
            self.rearm_client(conn);
        }
    }

    /// Submits work for which its place was taken when the import was let in.
    fn order(&mut self, id: ExchangeId, work: Work, ms: u64) {
        let Some(work) = self.works.submit(WorkOwner::Exchange(id), work) else {
            return self.fail_exchange(id, &Failure::Internal("no place for a piece of an import"));
        };
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.work = Some(work);
        }
        self.set_exchange_timer(id, self.now.mono.plus_ms(ms));
    }

    /// Whether nothing may be read from this client at the moment, because of its import.
    pub(in crate::engine) fn import_is_busy(&self, conn: ConnId) -> bool {
        let exchange = match self.conns.get(conn).map(|conn| &conn.role) {
            Some(crate::engine::conn::Role::Client(client)) => client.exchange,
            _ => None,
        };
        let flow = exchange
            .and_then(|id| self.exchanges.get(id))
            .map(|e| &e.flow);
        matches!(flow, Some(Flow::Import(import)) if !import.ended && !import.is_reading())
    }

    fn import(&mut self, id: ExchangeId) -> Option<&mut Import> {
        match &mut self.exchanges.get_mut(id)?.flow {
            Flow::Import(import) => Some(import),
            _ => None,
        }
    }

    fn settle_import(&mut self, id: ExchangeId) {
        if let Some(exchange) = self.exchanges.get_mut(id)
            && let Flow::Import(import) = &exchange.flow
        {
            self.ledger.settle(&mut exchange.charged, import.bytes());
        }
    }
}
