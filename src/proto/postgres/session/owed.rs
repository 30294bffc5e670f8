//! What the server still owes: the answers to all that was sent, in order.
//!
//! ```text
//!   request 7                                        request 8
//!  ┌────────┬────────┬───────┬───────────┬──────┬────────┬───────┬──────┬────────┐
//!  │ Closed │ Parsed │ Bound │ Described │ Rows │ Synced │ Bound │ Rows │ Synced │
//!  └────────┴────────┴───────┴───────────┴──────┴────────┴───────┴──────┴────────┘
//!    ▲ the next message belongs here         an error: on to here ▲
//! ```
//! The server answers each message in turn. After an error it answers nothing until the Sync, so
//! what fails is one request, and the next one is as if nothing had happened.

use std::collections::VecDeque;

use super::statements::{SlotId, Statements};

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A name is forgotten.
    Closed,
    /// A statement is parsed, under the name of this slot or without one.
    Parsed(Option<SlotId>),
    /// Its values are bound.
    Bound,
    /// Its columns.
    Described(Option<SlotId>),
    /// Its rows, and that they are all.
    Rows(Option<SlotId>),
    /// Whatever a script brings.
    Script,
    /// The end of a request.
    Synced,
}

/// What has become of a request that was not answered to its end, when the connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server had not begun with it. It can be sent again.
    NotBegun,
    /// The server has said that it failed. Nothing of it was stored, unless it had a COMMIT.
    Failed,
    /// Nobody knows whether it was committed. It can be sent again only if doing it twice does no
    /// harm.
    Unknown,
}

/// All that is owed.
#[derive(Debug, Default)]
pub(super) struct Owed {
    steps: VecDeque<Step>,
    /// Whose requests these are: one for each `Synced`.
    tokens: VecDeque<u64>,
    /// The first request has failed; all that is left of it is its end.
    failed: bool,
}

impl Owed {
    pub(super) fn push(&mut self, step: Step) {
        self.steps.push_back(step);
    }

    pub(super) fn push_end(&mut self, token: u64) {
        self.steps.push_back(Step::Synced);
        self.tokens.push_back(token);
    }

    /// Requests that are not answered.
    pub(super) fn requests(&self) -> usize {
        self.tokens.len()
    }

    /// What is expected now.
    pub(super) fn front(&self) -> Option<Step> {
        self.steps.front().copied()
    }

    /// Whose answer that is.
    pub(super) fn token(&self) -> Option<u64> {
        self.tokens.front().copied()
    }

    pub(super) fn pop(&mut self) {
        self.steps.pop_front();
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// The first request has failed: what it was still owed will not come, but for its end.
    pub(super) fn fail(&mut self, statements: &mut Statements) {
        self.failed = true;
        while let Some(step) = self.front().filter(|step| *step != Step::Synced) {
            match step {
                Step::Parsed(Some(slot)) => statements.deny(slot),
                Step::Rows(Some(slot)) => statements.finish(slot),
                _ => {}
            }
            self.pop();
        }
    }

    /// The end of the first request has come.
    pub(super) fn end(&mut self) -> Option<u64> {
        self.pop();
        self.failed = false;
        self.tokens.pop_front()
    }

    /// The connection is over: the first request, and what has become of it. `in_order` says that
    /// the server itself has ended it, with a word: then it has not begun with the later ones.
    pub(super) fn lose(&mut self, was_first: bool, in_order: bool) -> Option<(u64, Outcome)> {
        let outcome = if self.failed {
            Outcome::Failed
        } else if in_order && !was_first {
            Outcome::NotBegun
        } else {
            Outcome::Unknown
        };
        while self.front().is_some_and(|step| step != Step::Synced) {
            self.pop();
        }
        Some((self.end()?, outcome))
    }
}
