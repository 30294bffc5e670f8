//! What the rest of the program and the journal say to each other: plain data, for the recorder and
//! for tests.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::{Found, Listed, Query, TextRow, Write, Written};

/// Something for the journal to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// Keep this row until the database takes it. A deletion or scores are kept only if their text
    /// is here, and else come back as [`Answer::NotHere`].
    Keep {
        /// The row.
        write: Box<Write>,
        /// Now, in milliseconds of Unix time.
        at_ms: i64,
    },
    /// Say what is to be replayed next.
    Next,
    /// The same, and only one row.
    NextOne,
    /// Everything up to this number is in the database.
    Advance(u64),
    /// The row that was said last will never be in the database: keep it in a file of its own, and go
    /// on.
    SetAside {
        /// Its number.
        through: u64,
        /// What the database has said of it, for the log.
        why: String,
    },
    /// Say what is here of what is asked for.
    Look(Query),
}

/// The answer to the [`Ask`] of the same sense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// It is on the disk.
    Kept(Written, Standing),
    /// It is the database's.
    NotHere(Box<Write>),
    /// The next ones. None of them: nothing waits, or nothing that can still be read.
    Next(Batch, Standing),
    /// The cursor has moved.
    Advanced(Standing),
    /// What is here, and the question for the database.
    Here(Query, Overlay),
}

/// Rows to be replayed, in this order, all of them or none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The rows. None: nothing waits.
    pub writes: Vec<Write>,
    /// For [`Ask::Advance`], once all of them are committed.
    pub through: u64,
}

/// How much waits in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Records that are not in the database yet.
    pub rows: u64,
    /// Their bytes on the disk.
    pub bytes: u64,
    /// When the oldest of them was handed in, in milliseconds of Unix time.
    pub oldest_ms: Option<i64>,
    /// Something that was on the disk is not there any more.
    pub damaged: bool,
    /// Rows that the database refuses, in files of their own.
    #[serde(default)]
    pub aside: u64,
}

/// What the journal has of an answer that is otherwise the database's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overlay {
    /// The one text that was asked for.
    text: Option<Box<TextRow>>,
    /// Texts for the page that was asked for, the newest first.
    listed: Vec<Listed>,
    /// Whether there are more of them than the page may have.
    more: bool,
    /// Texts that are deleted, though the database may not know yet.
    gone: Vec<Uuid>,
    /// Rows that the page may have.
    limit: usize,
    /// Whether texts wait that a search cannot find yet.
    unsearched: bool,
}

impl Overlay {
    /// One text, which the database does not have yet.
    pub(super) fn of(text: TextRow) -> Self {
        Overlay {
            text: Some(Box::new(text)),
            ..Overlay::default()
        }
    }

    /// A page of them.
    pub(super) fn page(listed: Vec<Listed>, limit: usize, more: bool, gone: Vec<Uuid>) -> Self {
        Overlay {
            listed,
            limit,
            more,
            gone,
            ..Overlay::default()
        }
    }

    /// None of them, but for what is deleted.
    pub(super) fn without(gone: Vec<Uuid>, unsearched: bool) -> Self {
        Overlay {
            gone,
            unsearched,
            ..Overlay::default()
        }
    }

    /// The whole answer, if it takes no database.
    pub fn alone(&mut self, query: &Query) -> Option<Found> {
        let Query::One { id, .. } = query else {
            return None;
        };
        let known = self.text.is_some() || self.gone.contains(id);
        known.then(|| Found::One(self.text.take()))
    }

    /// The whole answer, from what the database has found.
    #[must_use]
    pub fn over(self, found: Found) -> Found {
        match found {
            Found::Page {
                rows,
                next,
                indexing,
            } => {
                let (rows, next) = self.merge(rows, next);
                Found::Page {
                    rows,
                    next,
                    indexing: indexing || self.unsearched,
                }
            }
            Found::Texts { mut rows, more } => {
                rows.retain(|row| !self.gone.contains(&row.id));
                Found::Texts { rows, more }
            }
            other => other,
        }
    }

    fn merge(&self, mut rows: Vec<Listed>, next: Option<Uuid>) -> (Vec<Listed>, Option<Uuid>) {
        // Between the last row of the page and an older one of ours may be rows of the next page.
        let ours = self
            .listed
            .iter()
            .filter(|row| next.is_none_or(|next| row.id > next));
        rows.extend(ours.cloned());
        rows.retain(|row| !self.gone.contains(&row.id));
        rows.sort_by_key(|row| std::cmp::Reverse(row.id));
        // A row that was replayed in between comes from both.
        rows.dedup_by_key(|row| row.id);
        let limit = if self.limit == 0 {
            rows.len()
        } else {
            self.limit
        };
        let cut = rows.len() > limit || self.more;
        rows.truncate(limit);
        let next = match rows.last() {
            Some(last) if cut => Some(last.id),
            _ => next,
        };
        (rows, next)
    }
}
