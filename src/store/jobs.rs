//! Jobs, as rows and words: what the engine asks of the store about them, whichever it is.
//!
//! ```text
//!  item:  waiting ─(claimed)─► running ─(ended)─► done, failed
//!            ▲                    │ to be tried again, given back, or its owner's lease is over
//!            └────────────────────┘
//!  waiting, running ─(its job is cancelled)─► cancelled
//! ```
//! An item is in the hands of one owner at a time, a process that has claimed it and says again and
//! again that it lives. What an owner says about an item that is not its own any more is not heard.
//! The job itself is done when all of its items are; both are one transaction.

mod deliveries;
mod progress;
pub(super) mod sql;
mod words;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(super) use self::deliveries::sql as delivery_sql;
pub use self::deliveries::{
    Attempted, ClaimedDelivery, DeliveryRow, DeliveryState, DeliveryWrite, NewDelivery,
};
pub use self::progress::{EndedItem, JobProgress};
pub use self::words::{ItemState, JobKind, JobState};
use super::{AnalysisRow, RequestRow};

/// A job: one row of `jobs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    /// Its id (UUIDv7), by which lists are ordered.
    pub id: Uuid,
    /// The owner of the key that asked; `local` without keys.
    pub tenant: String,
    /// What is done with each item.
    pub kind: JobKind,
    /// Where it is.
    pub state: JobState,
    /// What all items have in common, as JSON.
    pub params: String,
    /// How many items it has, …
    pub items: u64,
    /// … how many of them ended well, …
    pub done: u64,
    /// … and how many did not.
    pub failed: u64,
    /// When it was asked for, in milliseconds of Unix time.
    pub created_ms: i64,
    /// When the first item was begun.
    pub started_ms: Option<i64>,
    /// When the last one had ended.
    pub finished_ms: Option<i64>,
}

/// An item that is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewItem {
    /// A topic, or a text.
    pub input: String,
    /// The id of the row that it will leave.
    pub row_id: Uuid,
}

/// Which item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ItemKey {
    /// Whose job it is part of.
    pub tenant: String,
    /// Which job.
    pub job: Uuid,
    /// Its place in the job, from 0.
    pub position: u32,
}

/// An item that was taken in hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedItem {
    /// Which one.
    pub key: ItemKey,
    /// What is to be done.
    pub kind: JobKind,
    /// What all items of its job have in common, as JSON.
    pub params: String,
    /// A topic, or a text.
    pub input: String,
    /// The id of the row that it leaves.
    pub row_id: Uuid,
    /// How often it was taken in hand, this time included.
    pub attempts: u32,
    /// What whoever had it before has put away.
    pub result: Option<String>,
    /// Whether the text that it leaves is there already: whoever wrote it died before it could say so.
    pub stored: bool,
}

/// An item as answers show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRow {
    /// Its place in the job.
    pub position: u32,
    /// Where it is.
    pub state: ItemState,
    /// The beginning of its input.
    pub input: String,
    /// The id of the row that it leaves.
    pub row_id: Uuid,
    /// How often it was taken in hand.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error_code: Option<String>,
    /// Figures, as JSON.
    pub result: Option<String>,
}

/// A change about jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JobWrite {
    /// Store a job that is to be done. One whose id is already there is left as it is.
    Create {
        /// The row of the request that asked for it.
        requests: Vec<RequestRow>,
        /// The job.
        job: JobRow,
        /// Its items, in their order.
        items: Vec<NewItem>,
        /// Who is told when it has ended.
        webhook: Option<NewDelivery>,
    },
    /// Take the item in hand that has been due for longest, if there is any.
    Claim {
        /// Who takes it.
        owner: Uuid,
        /// The time.
        now_ms: i64,
        /// The end of the lease.
        until_ms: i64,
    },
    /// Say that the owner lives.
    Hold {
        /// Whose items.
        owner: Uuid,
        /// The end of the new lease.
        until_ms: i64,
    },
    /// Put away how far an item is. Does nothing if it is somebody else's by now.
    Note {
        /// Which item.
        key: ItemKey,
        /// Who says so.
        owner: Uuid,
        /// Figures, as JSON.
        result: String,
    },
    /// Say what came of an item. Does nothing if it is somebody else's by now.
    End(Box<ItemEnd>),
    /// Let go of all that the owner has in hand: it was not tried.
    GiveBack {
        /// Whose items.
        owner: Uuid,
        /// The time.
        now_ms: i64,
    },
    /// Give up what has not ended.
    Cancel {
        /// Whose job; another tenant's is not found.
        tenant: String,
        /// Which one.
        id: Uuid,
        /// The time.
        now_ms: i64,
    },
    /// Something about who is told that jobs have ended.
    Delivery(DeliveryWrite),
}

/// What came of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemEnd {
    /// Which item.
    pub key: ItemKey,
    /// Who says so.
    pub owner: Uuid,
    /// The time.
    pub now_ms: i64,
    /// What.
    pub came: Came,
    /// The row that it leaves, if it is not stored yet. What is there already is left as it is.
    pub analysis: Option<Box<AnalysisRow>>,
}

/// See [`ItemEnd`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Came {
    /// It ended well.
    Done {
        /// Figures, as JSON.
        result: Option<String>,
    },
    /// It failed for good.
    Failed {
        /// Why.
        code: String,
    },
    /// It is to be tried again.
    Again {
        /// Why; `None` if it was not tried at all, and this attempt does not count.
        code: Option<String>,
        /// Not before this time.
        due_ms: i64,
    },
}

impl Came {
    /// The state of the item, and when it is due.
    pub(super) fn state(&self) -> (ItemState, Option<i64>) {
        match self {
            Came::Done { .. } => (ItemState::Done, None),
            Came::Failed { .. } => (ItemState::Failed, None),
            Came::Again { due_ms, .. } => (ItemState::Waiting, Some(*due_ms)),
        }
    }

    /// Why it failed.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Came::Done { .. } => None,
            Came::Failed { code } => Some(code),
            Came::Again { code, .. } => code.as_deref(),
        }
    }

    /// Its figures. Without them those that were put away stay.
    pub(super) fn result(&self) -> Option<&str> {
        match self {
            Came::Done { result } => result.as_deref(),
            Came::Failed { .. } | Came::Again { .. } => None,
        }
    }

    /// How many attempts are not to be counted: this one, or none.
    pub(super) fn untried(&self) -> i64 {
        i64::from(matches!(self, Came::Again { code: None, .. }))
    }

    /// How many items of its job ended well with it, and how many did not: one of them or none.
    pub(super) fn counts(&self) -> (i64, i64) {
        match self {
            Came::Done { .. } => (1, 0),
            Came::Failed { .. } => (0, 1),
            Came::Again { .. } => (0, 0),
        }
    }
}

/// What became of a [`JobWrite`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobWritten {
    /// The job is there.
    Created,
    /// The item that was taken, if one was due.
    Claimed(Option<Box<ClaimedItem>>),
    /// All items that the owner has in hand.
    Held(Vec<ItemKey>),
    /// Whether it was heard.
    Noted(bool),
    /// Whether it was heard. Also the answer to [`DeliveryWrite::End`].
    Ended(bool),
    /// All are let go.
    GivenBack,
    /// Where the job is now, if there is one. It may have been over before.
    Cancelled(Option<JobState>),
    /// The delivery that was taken, if one was due.
    Delivery(Option<Box<ClaimedDelivery>>),
}

/// A question about jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobQuery {
    /// When the next item may be taken, of whatever tenant.
    Due,
    /// The same of the next delivery; the answer is a [`JobFound::Due`] too.
    DeliveryDue,
    /// A page of jobs, the newest first.
    List {
        /// Whose.
        tenant: String,
        /// Rows wanted; held between 1 and [`crate::limits::PAGE_ROWS`].
        limit: usize,
        /// The `next` of the page before.
        before: Option<Uuid>,
    },
    /// One job and a page of its items.
    One {
        /// Whose.
        tenant: String,
        /// Its id.
        id: Uuid,
        /// Only items after this place.
        after: Option<u32>,
        /// Items wanted; held between 1 and [`crate::limits::PAGE_ROWS`].
        limit: usize,
    },
    /// How far a job is, and which of its items have ended that were not known to have.
    Progress {
        /// Whose.
        tenant: String,
        /// Its id.
        id: Uuid,
        /// All items before this place are known to have ended, …
        from: u32,
        /// … and of those from there on the ones that have a `1` here.
        known: String,
        /// Items wanted; at most so many.
        limit: usize,
    },
}

/// The answer to the [`JobQuery`] of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobFound {
    /// In milliseconds of Unix time; `None` when every item has ended.
    Due(Option<i64>),
    /// A page.
    List {
        /// The newest first.
        rows: Vec<JobRow>,
        /// What to pass as `before` for the next page; `None` on the last one.
        next: Option<Uuid>,
    },
    /// The job, if this tenant has it.
    One(Option<Box<JobPage>>),
    /// How far it is, if this tenant has it.
    Progress(Option<Box<JobProgress>>),
}

/// A job and some of its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPage {
    /// The job.
    pub job: JobRow,
    /// Who is told when it has ended, and how far that is.
    pub webhook: Option<DeliveryRow>,
    /// Items, in their order.
    pub items: Vec<ItemRow>,
    /// What to pass as `after` for the next page; `None` on the last one.
    pub next: Option<u32>,
}

impl JobPage {
    /// A page of at most `limit` items, of which there is one more if there is another page.
    pub(super) fn new(
        job: JobRow,
        webhook: Option<DeliveryRow>,
        mut items: Vec<ItemRow>,
        limit: usize,
    ) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|item| item.position);
        JobPage {
            job,
            webhook,
            items,
            next,
        }
    }
}

/// A page of at most `limit` jobs, made the same way.
pub(super) fn job_list(mut rows: Vec<JobRow>, limit: usize) -> JobFound {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| row.id);
    JobFound::List { rows, next }
}
