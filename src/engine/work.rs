//! What threads do for the engine, and the queues in front of them.
//!
//! The engine decides what is handed to a thread and when; the rest waits here, where it can be
//! counted, bounded and dropped without asking anybody. A kind has at most `running_max` pieces
//! with its threads at a time: enough that a thread finds its next piece without waiting for the
//! loop, few enough that what is cancelled has usually not started.
//!
//! ```text
//!  submit ─► waiting (bounded) ─► running (with the threads) ─► Input::Done ─► owner
//!              │ cancel: gone        │ cancel: the flag is set, the result dropped
//! ```
//!
//! Two things are done about every text that was generated: it is scored, and its rows are written.
//! That is one piece of work, [`Finish`], which the scorer hands on to the writer by itself: the
//! loop is woken once, when the rows are on disk, and not twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::flow::body::{Ask, ParseFault, Shape};
use super::flow::chat::embeddings::Embedded;
use super::flow::import::line::Batch;
use super::hooks::HookWork;
use super::jobs::JobWork;
use super::slots::{ConnId, ExchangeId, GenerationId, OrderId, Slots, WorkId};
use crate::dialect::Dialect;
use crate::dialect::embeddings::Embeddings;
use crate::limits::SCORE_AHEAD;
use crate::proto::postgres::{Stretch, StretchedKey};
use crate::score::Scores;
use crate::score::keywords::Keyword;
use crate::store::counters::{Counted, Counting};
use crate::store::journal::{Answer, Ask as JournalAsk, Overlay};
use crate::store::{Found, Query, StoreError, Write, Written};

mod compute;
mod detour;
mod doubt;
mod finish;
mod kind;
mod look;
mod queue;

pub use self::finish::{Finish, PassedOn};
pub use self::kind::{KINDS, Kind};
pub use self::queue::Depth;
use self::queue::Queue;

/// A piece of work, complete in itself.
#[derive(Debug)]
pub enum Work {
    /// Parse a request body that is too long for the loop.
    Parse {
        /// What it should be.
        shape: Shape,
        /// The bytes as they came; shared with who waits.
        body: Arc<Vec<u8>>,
    },
    /// Read embeddings that are too long for the loop.
    Embeddings {
        /// What was asked for.
        asked: Box<Embeddings>,
        /// What the provider speaks.
        theirs: Dialect,
        /// Its answer.
        body: Vec<u8>,
    },
    /// Score a text.
    Score {
        /// The text; shared with the log of its generation.
        text: Arc<String>,
        /// Set when nobody wants the result any more.
        cancel: Cancel,
    },
    /// Score a text, and write its rows.
    Finish(Box<Finish>),
    /// Find the keywords of a text.
    Keywords {
        /// The text.
        text: Arc<String>,
        /// How many are wanted.
        limit: usize,
        /// Set when nobody wants the result any more.
        cancel: Cancel,
    },
    /// Read and score lines of an import.
    Import {
        /// Whole lines.
        lines: Vec<u8>,
        /// The number of the first one.
        first: u64,
        /// Set when nobody wants the result any more.
        cancel: Cancel,
    },
    /// Stretch a password.
    Stretch(Box<Stretch>),
    /// Ask the store.
    Read(Query),
    /// Change the store.
    Write(Box<Write>),
    /// Ask the spill journal.
    Journal(JournalAsk),
    /// Something about counters that several processes share, for a server that keeps them.
    Count(Counting),
}

impl Work {
    /// Which threads do it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Work::Parse { .. } | Work::Embeddings { .. } | Work::Stretch(_) => Kind::Parse,
            Work::Score { .. } | Work::Keywords { .. } | Work::Import { .. } => Kind::Score,
            Work::Finish(_) => Kind::Finish,
            Work::Read(_) | Work::Count(_) => Kind::Read,
            Work::Write(_) => Kind::Write,
            Work::Journal(_) => Kind::Journal,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WorkResult {
    /// A body was parsed, or is the client's fault.
    Parsed(Result<Ask, ParseFault>),
    /// Embeddings were read; `None` when they were none.
    Embeddings(Option<Embedded>),
    /// A text was scored; `None` when it was cancelled on the way.
    Scored(Option<Scores>),
    /// A text was scored, and the writer has its rows: of this piece there is one more result.
    PassedOn(PassedOn),
    /// A text was scored, and these are its rows, for a server that the loop talks to itself.
    Rows(PassedOn, Box<Write>),
    /// The rows of a text were with the writer, who found that they are not wanted any more.
    Withdrawn,
    /// Lines were read and scored; `None` when that was cancelled on the way.
    Lines(Option<Batch>),
    /// The keywords of a text; `None` when it was cancelled on the way.
    Keywords(Option<Vec<Keyword>>),
    /// A password was stretched. As good as the password, so no recording has it.
    #[serde(skip)]
    Stretched(StretchedKey),
    /// The store answered.
    Found(Result<Found, StoreError>),
    /// The store has it on disk, or says why not.
    Written(Result<Written, StoreError>),
    /// The store could not take it, and may another time: the row comes back.
    Returned(Box<Write>, StoreError),
    /// The journal answered.
    Journal(Result<Answer, StoreError>),
    /// The counters answered.
    Counted(Result<Counted, StoreError>),
    /// The work panicked. The thread lives; this piece has no result.
    Panicked,
}

/// A flag that only the engine sets and only threads read.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Whether the result is still wanted by anybody.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Who waits for a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkOwner {
    /// A request.
    Exchange(ExchangeId),
    /// A text.
    Generation(GenerationId),
    /// A connection to the database, on which somebody is logging in.
    Database(ConnId),
    /// House-keeping: texts that were stored without scores are looked for.
    House,
    /// … and scored later.
    Rescore(Arc<str>, Uuid),
    /// The spill journal, which is being replayed.
    Spill,
    /// Jobs.
    Job(JobWork),
    /// Webhooks.
    Hook(HookWork),
    /// Counters that several processes share: what was taken from them …
    Counters,
    /// … or removed.
    Sweeper,
    /// Idempotency keys: nobody waits, and what fails is made good by the next change.
    Keys,
    /// Rows that are kept no longer.
    Retention,
    /// Nobody: rows of requests that ended without an answer to wait for.
    Nobody,
}

/// A piece of work from submission to result.
#[derive(Debug)]
pub struct Entry {
    /// Who gets the result.
    pub owner: WorkOwner,
    kind: Kind,
    work: Option<Work>,
    cancel: Option<Cancel>,
    state: State,
    /// Carried out whoever has left, because rows are owed.
    owed: bool,
    /// It adds rows that may wait elsewhere for the store.
    adds_rows: bool,
    /// What the journal had to say about it, which it was sent to first.
    detour: Option<Box<Overlay>>,
    /// Which order it is with a database on the loop.
    order: Option<OrderId>,
    /// It may have been carried out, whatever has come of it since.
    doubtful: bool,
    /// Whether it has a reserved place, and so does not count against the bound of its queue.
    reserved: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    /// Running, and nobody wants the result.
    Dropped,
}

/// All work of an engine.
pub struct Works {
    entries: Slots<WorkId, Entry>,
    queues: [Queue; KINDS],
}

/// Bounds of the queues.
#[derive(Clone, Copy, Debug)]
pub struct WorkLimits {
    /// Scorer threads.
    pub scorers: usize,
    /// Questions and writes with whoever keeps the rows.
    pub store: [usize; 2],
    /// Waiting pieces per kind, in the order of [`Kind::ALL`].
    pub waiting: [usize; KINDS],
    /// Places for pieces that are owed, whatever else waits or runs.
    pub reserved: usize,
}

impl Works {
    /// Empty queues.
    #[must_use]
    pub fn new(limits: &WorkLimits) -> Self {
        let [parse, score, finish, read, write, journal] = limits.waiting;
        let queues = [
            Queue::new(parse, limits.scorers * 2),
            Queue::new(score, limits.scorers * 2),
            Queue::new(finish, limits.scorers * SCORE_AHEAD),
            Queue::new(read, limits.store[0]),
            Queue::new(write, limits.store[1]),
            Queue::new(journal, crate::limits::WRITE_GROUP * 4),
        ];
        let others = queues
            .iter()
            .map(|queue| queue.waiting_max + queue.running_max);
        Works {
            entries: Slots::new(others.sum::<usize>() + limits.reserved),
            queues,
        }
    }

    /// Whether a piece without a reserved place may be submitted. What is done for a text has a
    /// place for as long as somebody waits for it, and does not take one from the others: there are
    /// no more of them than there are texts, however far the threads are behind.
    #[must_use]
    pub fn has_room(&self, kind: Kind) -> bool {
        let queue = &self.queues[kind as usize];
        queue.live - queue.reserved < queue.waiting_max && !self.entries.is_full()
    }

    /// Queues `work`. `None` only when the table of entries is full, which admission prevents.
    pub fn submit(&mut self, owner: WorkOwner, work: Work) -> Option<WorkId> {
        let cancel = match &work {
            Work::Score { cancel, .. }
            | Work::Keywords { cancel, .. }
            | Work::Import { cancel, .. } => Some(cancel.clone()),
            Work::Finish(_)
            | Work::Parse { .. }
            | Work::Embeddings { .. }
            | Work::Stretch(_)
            | Work::Read(_)
            | Work::Write(_)
            | Work::Journal(_)
            | Work::Count(_) => None,
        };
        self.enqueue(owner, work.kind(), Some(work), cancel)
    }

    /// Queues the end of a text. What it consists of is told to [`Works::finish_with`] when a scorer
    /// may have it: it costs no memory before, and its rows say what is true then.
    pub fn submit_finish(&mut self, text: GenerationId) -> Option<WorkId> {
        let owner = WorkOwner::Generation(text);
        self.enqueue(owner, Kind::Finish, None, Some(Cancel::default()))
    }

    fn enqueue(
        &mut self,
        owner: WorkOwner,
        kind: Kind,
        work: Option<Work>,
        cancel: Option<Cancel>,
    ) -> Option<WorkId> {
        let reserved = matches!(owner, WorkOwner::Generation(_));
        let may_wait = matches!(&work, Some(Work::Write(write)) if write.may_wait());
        let entry = Entry {
            owner,
            kind,
            owed: kind == Kind::Write,
            adds_rows: may_wait || kind == Kind::Finish,
            work,
            cancel,
            state: State::Waiting,
            detour: None,
            order: None,
            doubtful: false,
            reserved,
        };
        let id = self.entries.insert(entry).ok()?;
        let queue = &mut self.queues[kind as usize];
        queue.waiting.push_back(id);
        queue.live += 1;
        queue.reserved += usize::from(reserved);
        Some(id)
    }

    /// The next piece that a thread may have, if one is waiting and a place is free.
    pub fn dispatch(&mut self) -> Option<WorkId> {
        if self.queues.iter().all(|queue| queue.waiting.is_empty()) {
            return None; // as after most inputs
        }
        let writer_is_full = self.is_full(Kind::Write);
        for (kind, queue) in Kind::ALL.into_iter().zip(&mut self.queues) {
            // What is finished goes on to the writer.
            if kind == Kind::Finish && writer_is_full {
                continue;
            }
            while !queue.is_full() {
                let Some(id) = queue.waiting.pop_front() else {
                    break;
                };
                let Some(entry) = self.entries.get_mut(id) else {
                    continue; // cancelled while it waited
                };
                entry.state = State::Running;
                queue.live -= 1;
                queue.reserved -= usize::from(entry.reserved);
                queue.running += 1;
                return Some(id);
            }
        }
        None
    }

    /// The content of a piece that was dispatched.
    pub fn take(&mut self, id: WorkId) -> Option<Work> {
        self.entries.get_mut(id)?.work.take()
    }

    /// Nobody waits for the result any more: a waiting piece is gone at once, a running one is told.
    /// A write is carried out all the same, because rows are owed whoever has left.
    pub fn cancel(&mut self, id: WorkId) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        if entry.owed {
            entry.owner = WorkOwner::Nobody;
            // What nobody waits for any more has a bound, or a disk that hangs would have none.
            if std::mem::take(&mut entry.reserved) && entry.state == State::Waiting {
                self.queues[entry.kind as usize].reserved -= 1;
            }
            return;
        }
        if let Some(cancel) = &entry.cancel {
            cancel.cancel();
        }
        if entry.state == State::Waiting {
            let queue = &mut self.queues[entry.kind as usize];
            queue.live -= 1;
            queue.reserved -= usize::from(entry.reserved);
            self.entries.remove(id);
            // Its id stays in line until it is popped; a crowd of such ids is swept at once.
            if queue.waiting.len() > 2 * queue.live + 64 {
                let entries = &self.entries;
                queue.waiting.retain(|id| entries.get(*id).is_some());
            }
        } else {
            entry.state = State::Dropped;
        }
    }

    /// A scorer has handed the rest of `id` to the writer. Returns who waits for the result.
    pub fn passed_on(&mut self, id: WorkId) -> Option<WorkOwner> {
        let entry = self.entries.get_mut(id)?;
        self.queues[entry.kind as usize].running -= 1;
        self.queues[entry.kind as usize].finished += 1;
        entry.kind = Kind::Write;
        entry.owed = true;
        self.queues[Kind::Write as usize].running += 1;
        Some(entry.owner.clone())
    }

    /// A scorer is to keep what it has of `id`: its rows are written without it.
    pub fn withdraw(&mut self, id: WorkId, owner: WorkOwner) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.owner = owner;
            if let Some(withdrawn) = &entry.cancel {
                withdrawn.cancel();
            }
        }
    }

    /// A thread is done with `id`. Returns who waits for the result, if anybody does.
    pub fn finish(&mut self, id: WorkId) -> Option<WorkOwner> {
        let entry = self.entries.remove(id)?;
        let queue = &mut self.queues[entry.kind as usize];
        queue.running -= 1;
        queue.finished += 1;
        (entry.state == State::Running).then_some(entry.owner)
    }

    /// Whether a thread has this piece already.
    #[must_use]
    pub fn is_running(&self, id: WorkId) -> bool {
        self.entries
            .get(id)
            .is_some_and(|entry| entry.state != State::Waiting)
    }
}

#[cfg(test)]
mod tests;
