//! The end of a generated text: it is scored, and its rows are written.
//!
//! One piece of work for two threads. The scorer adds the scores, prepares the answer for those who
//! want it whole, and hands the rows to the writer; the loop hears of it when they are on disk.
//!
//! ```text
//!  engine ─ Finish ─► scorer ─ rows with scores ─► writer
//!                       └─ PassedOn ─► engine ◄─ Written ─┘
//! ```
//! A text does not wait for its scores for ever. When it has waited long enough the engine sets
//! `withdrawn` and writes the rows itself, without scores. The scorer keeps what it has from then
//! on; and should it have passed the rows on in that moment, the writer leaves them out: it looks at
//! the flag last, and it gets its work in order. So what was deleted meanwhile is not written again.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Cancel, GenerationId, Kind, Work, WorkId, WorkOwner, Works};
use crate::engine::documents::{Telling, whole_text};
use crate::engine::idempotency::{Promise, with_answers};
use crate::score::Scores;
use crate::store::{CachedText, RequestRow, TextRow, Write};

/// A text to be scored and written.
pub struct Finish {
    /// The text; shared with the log of its generation.
    pub text: Arc<String>,
    /// Rows of the requests that were part of it.
    pub requests: Vec<RequestRow>,
    /// Its own row, still without text and scores.
    pub row: Box<TextRow>,
    /// The sum of its tokens, as the provider told it.
    pub total_tokens: Option<u64>,
    /// Whether somebody waits for the whole answer.
    pub whole: bool,
    /// Answers that are to be kept with the rows.
    pub promises: Vec<Promise>,
    /// What it answers from now on.
    pub cached: Option<CachedText>,
    /// Set when the rows are written without it.
    pub withdrawn: Cancel,
}

/// What a scorer tells when it has handed the rows to the writer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassedOn {
    /// The scores.
    pub scores: Option<Box<Scores>>,
    /// The whole answer, for those who wait for it. Not in a recording: there the engine writes it
    /// again from what it knows, and the hash says whether both are the same.
    #[serde(skip)]
    pub document: Option<String>,
}

impl Finish {
    /// Puts everything together: what the engine is told, and what the writer gets.
    #[must_use]
    pub fn pass_on(self, scores: Option<Scores>) -> (PassedOn, Write) {
        let mut row = self.row;
        row.text.clone_from(&self.text);
        row.scores.clone_from(&scores);
        let document = self
            .whole
            .then(|| whole_text(&row, self.total_tokens, Telling::New));
        let passed = PassedOn {
            scores: scores.map(Box::new),
            document,
        };
        let write = Write::Save {
            requests: self.requests,
            text: Some(row),
            analysis: None,
        };
        (
            passed,
            with_answers(write, &self.promises, self.total_tokens, self.cached),
        )
    }
}

impl Works {
    /// The text that a piece is the end of, if that is what was dispatched, and the flag of the piece.
    #[must_use]
    pub fn text_to_finish(&self, id: WorkId) -> Option<(GenerationId, Cancel)> {
        let entry = self.entries.get(id)?;
        match (&entry.owner, &entry.cancel) {
            (WorkOwner::Generation(text), Some(flag)) if entry.kind == Kind::Finish => {
                Some((*text, flag.clone()))
            }
            _ => None,
        }
    }

    /// What the end of a text consists of.
    pub fn finish_with(&mut self, id: WorkId, finish: Finish) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.work = Some(Work::Finish(Box::new(finish)));
        }
    }
}

impl fmt::Debug for Finish {
    /// Without what it carries: a text may be long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Finish({})", self.row.id)
    }
}
