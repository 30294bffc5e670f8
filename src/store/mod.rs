//! What is kept: the rows, the writes and the questions, as plain data.
//!
//! The engine builds a [`Write`] or a [`Query`] and later gets a [`Written`], a [`Found`] or a
//! [`StoreError`] back. It does not know which database answers. Everything here can be cloned,
//! compared and serialised, because the recorder writes it to a file and the simulation invents it.
//!
//! ```text
//!  engine ── Write ──► writer thread ── sqlite::Writer ──► one transaction ──► Written
//!  engine ── Query ──► reader thread ── sqlite::Reader ──► one statement   ──► Found
//! ```
//!
//! This module refuses to know threads, channels and clocks: ids and times are in the rows when
//! they arrive. The reactor owns one [`sqlite::Writer`] and one [`sqlite::Reader`], each on a
//! thread of its own, because SQLite blocks and the loop must not. A PostgreSQL server has a socket, so the
//! engine itself talks to it (`engine/database/`), in the words of [`postgres`].

mod cached;
pub mod counters;
mod error;
mod expiry;
mod idempotency;
mod jobs;
pub mod journal;
mod migrations;
pub mod postgres;
mod requests;
mod rows;
pub mod sqlite;
mod term;
mod words;

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::score::Scores;

pub use cached::{CachedText, FoundChat, ToldChat, prompt_hash};
pub use error::StoreError;
pub use expiry::{Table, Weight, first_id_at, id_after};
pub use idempotency::{Answer, Claimed, KeptAnswer, KeyChange, KeyScope};
pub use jobs::{
    Attempted, Came, ClaimedDelivery, ClaimedItem, DeliveryRow, DeliveryState, DeliveryWrite,
    EndedItem, ItemEnd, ItemKey, ItemRow, ItemState, JobFound, JobKind, JobPage, JobProgress,
    JobQuery, JobRow, JobState, JobWrite, JobWritten, NewDelivery, NewItem,
};
pub use requests::{Calls, Inbound, RequestOutcome, RequestRow};
pub use rows::{
    AnalysisRow, KeywordMethod, KeywordsRow, Listed, TextRow, TextState, Unscored, excerpt,
};
pub use term::{term_hash, term_id, term_key};

/// Something to change. Each one happens whole or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Write {
    /// Store what one generation or one analysis left behind. A row whose id is already there is
    /// left as it is, so that a `Save` may be repeated after a crash.
    Save {
        /// The requests that ended with it: more than one if they shared a generation.
        requests: Vec<RequestRow>,
        /// The text, if there is any.
        text: Option<Box<TextRow>>,
        /// The analysis, if that is what was asked for.
        analysis: Option<Box<AnalysisRow>>,
    },
    /// Store the keywords of a text. What is there already is left as it is, as for `Save`.
    Keywords {
        /// The requests that they answer: more than one if they shared a generation.
        requests: Vec<RequestRow>,
        /// The keywords with their term.
        row: Box<KeywordsRow>,
    },
    /// Remove a generated text, its scores, and its term if nothing else refers to it.
    Delete {
        /// Whose text; another tenant's text is not found.
        tenant: String,
        /// The text's id.
        id: Uuid,
    },
    /// Store texts that were written elsewhere. A text whose id is already there is left as it is.
    Import(Vec<TextRow>),
    /// Do what the spill journal says, in this order, all of it or nothing. None of them is a
    /// `Replay`.
    Replay(Vec<Write>),
    /// Set the scores of a text that was stored without, or replace them.
    Rescore {
        /// Whose text; another tenant's text is not found.
        tenant: String,
        /// The text's id.
        id: Uuid,
        /// The new scores.
        scores: Box<Scores>,
    },
    /// Something about jobs.
    Job(Box<JobWrite>),
    /// Store rows, and in the same transaction what was answered, for those who ask again with the
    /// same key, or for the same text.
    Answered {
        /// A `Save`, `Keywords`, or a job that is made.
        rows: Box<Write>,
        /// The answers. One whose key belongs to somebody else by now is left out.
        answers: Vec<KeptAnswer>,
        /// The text among the rows, or this answer to a chat, answers its prompt from now on.
        cached: Option<CachedText>,
    },
    /// Change whose idempotency keys are.
    Keys(Box<KeyChange>),
    /// Remove rows of all tenants that are kept no longer, the oldest of each tenant first.
    Expire {
        /// Of which table.
        table: Table,
        /// Those with a lower id.
        before: Uuid,
        /// So many rows at a time, so that nobody waits for long.
        limit: usize,
    },
}

impl Write {
    /// Its rows, without the answers that are kept with them.
    #[must_use]
    pub fn rows(&self) -> &Write {
        match self {
            Write::Answered { rows, .. } => rows.rows(),
            other => other,
        }
    }

    /// The same, if nothing else is wanted.
    #[must_use]
    pub fn into_rows(self) -> Write {
        match self {
            Write::Answered { rows, .. } => rows.into_rows(),
            other => other,
        }
    }

    /// The text that comes with it: stored, or told in answer to a chat.
    #[must_use]
    pub fn text(&self) -> Option<Uuid> {
        match self {
            Write::Save { text, .. } => text.as_ref().map(|text| text.id),
            Write::Answered { rows, cached, .. } => {
                let told = cached.as_ref().map(|cached| cached.text);
                rows.text().or(told)
            }
            _ => None,
        }
    }

    /// Whether it adds rows that are complete in themselves, so that they may wait elsewhere for the
    /// database, and may be written twice.
    #[must_use]
    pub fn may_wait(&self) -> bool {
        matches!(self.rows(), Write::Save { .. } | Write::Keywords { .. })
    }
}

/// What became of a [`Write`]. It is on the disk when this is returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Written {
    /// All rows of the `Save`, of the keywords or of the `Replay` are there.
    Saved,
    /// Whether there was such a text to delete.
    Deleted(bool),
    /// Whether there was such a text to score.
    Rescored(bool),
    /// What became of the texts of an `Import`.
    Imported(Tally),
    /// What became of it.
    Job(JobWritten),
    /// What became of a claim.
    Claimed(Claimed),
    /// Another change of keys was made.
    Keys,
    /// So many rows were removed. Fewer than the limit: there are no more.
    Expired(u64),
}

/// What became of texts that were imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Texts that were not there before.
    pub imported: u64,
    /// Texts whose id was there already; they were left as they were.
    pub skipped: u64,
    /// Those of the imported that have scores.
    pub scored: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.imported += other.imported;
        self.skipped += other.skipped;
        self.scored += other.scored;
    }
}

/// Something to look up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// A page of generated texts, the newest first.
    List {
        /// Whose texts.
        tenant: String,
        /// Only texts whose whole term equals this one, letter case and outer space aside.
        term: Option<String>,
        /// Only texts that have all of these words in their topic or text, letter case and accents
        /// aside. The last word may be the beginning of one. Not a query language.
        words: Option<String>,
        /// Rows wanted; held between 1 and [`crate::limits::PAGE_ROWS`].
        limit: usize,
        /// The `next` of the page before. Rows that were added since do not move the pages.
        before: Option<Uuid>,
    },
    /// One whole text.
    One {
        /// Whose text.
        tenant: String,
        /// Its id.
        id: Uuid,
    },
    /// Whole texts, the oldest first. Stops early once [`crate::limits::EXPORT_BYTES`] of text are
    /// gathered, after at least one row.
    Export {
        /// Whose texts.
        tenant: String,
        /// Only ids after this one.
        after: Option<Uuid>,
        /// Only ids up to this one, so that an export ends although texts are added. The first
        /// answer says which.
        until: Option<Uuid>,
    },
    /// Texts without their words, the oldest first, for a report: at most
    /// [`crate::limits::jobs::REPORT_ROWS`] of them. The answer is a page whose excerpts are empty.
    Survey {
        /// Whose texts.
        tenant: String,
        /// Only texts whose whole term equals this one, letter case and outer space aside.
        term: Option<String>,
        /// Only ids after this one.
        after: Option<Uuid>,
        /// Only ids before this one, so that a report ends although texts are added.
        until: Uuid,
    },
    /// Texts of all tenants that have no scores yet, the oldest first. Stops early once
    /// [`crate::limits::GENERATION_BYTES`] of text are gathered, after at least one row.
    Unscored {
        /// Only ids after this one, so that a text that cannot be scored does not stop the walk.
        after: Option<Uuid>,
        /// Rows wanted; held between 1 and [`crate::limits::PAGE_ROWS`].
        limit: usize,
    },
    /// Something about jobs.
    Job(JobQuery),
    /// What was answered to the first request with a key.
    Answer(KeyScope),
    /// A whole text that answers a prompt.
    Cached {
        /// Whose text.
        tenant: String,
        /// [`prompt_hash`] of what is asked.
        prompt: [u8; 32],
        /// Only if it was asked for at this time or later.
        since_ms: i64,
    },
    /// The same for a chat: what was answered.
    CachedChat {
        /// Whose answer.
        tenant: String,
        /// [`prompt_hash`] of what is asked.
        prompt: [u8; 32],
        /// Only if it was asked for at this time or later.
        since_ms: i64,
    },
    /// What texts of all tenants take, generated ones and those that were sent to be analysed, the
    /// newest first. At most [`crate::limits::WEIGH_ROWS`] of them.
    Weigh {
        /// Only ids before this one.
        before: Option<Uuid>,
    },
}

/// The answer to the [`Query`] of the same name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Found {
    /// A page of a list, or of a survey.
    Page {
        /// The rows, the newest first; of a survey, the oldest first.
        rows: Vec<Listed>,
        /// What to pass as `before`, or as `after`, for the next page; `None` on the last one. With `words`, a page
        /// may be short and not be the last.
        next: Option<Uuid>,
        /// With `words`: texts of an older version are still being taken into the index, and are
        /// not found yet.
        indexing: bool,
    },
    /// A piece of an export.
    Texts {
        /// The rows, the oldest first.
        rows: Vec<TextRow>,
        /// If there are more after them: the `until` of the whole export.
        more: Option<Uuid>,
    },
    /// The text, if this tenant has it. Also the answer to `Cached`.
    One(Option<Box<TextRow>>),
    /// What was answered, if it is there.
    CachedChat(Option<Box<FoundChat>>),
    /// Texts that wait for their scores.
    Unscored(Vec<Unscored>),
    /// The answer about jobs.
    Job(JobFound),
    /// The answer, if it is there.
    Answer(Option<Box<Answer>>),
    /// What texts take, the newest first. Fewer than [`crate::limits::WEIGH_ROWS`]: there are no more.
    Weighed(Vec<Weight>),
}
