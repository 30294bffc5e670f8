//! Orders: one question or one change each, and what has been heard of it.
//!
//! ```text
//!  in line ─(sent)─► on the way ─(its end)─► done
//!     ▲                 │  └─(nobody waits any more, or its rows were taken back)─► dropped at its end
//!     └──(to be repeated)┘
//! ```
//! What is asked is kept until the end, because it may have to be sent again, or kept elsewhere.

use crate::engine::now::Mono;
use crate::engine::slots::{ConnId, WorkId};
use crate::engine::work::WorkResult;
use crate::proto::postgres::{Outcome, Report, Row, Tag};
use crate::store::counters::Counting;
use crate::store::postgres::{Answer, Answered, Request};
use crate::store::{Query, StoreError, Write};

/// See the module.
#[derive(Debug)]
pub(super) struct Order {
    /// The piece of work that it is.
    pub(super) work: WorkId,
    pub(super) ask: Ask,
    /// On which connection it is.
    pub(super) link: Option<ConnId>,
    /// How often it was sent.
    pub(super) attempts: u8,
    /// In line: until when it waits. On the way: since when.
    pub(super) at: Mono,
    /// What has come of its answer.
    answer: Option<Answer>,
    /// What went wrong with it so far.
    pub(super) wrong: Option<Wrong>,
}

/// What is wanted.
#[derive(Debug)]
pub(super) enum Ask {
    /// A question.
    Read(Query),
    /// A change.
    Write(Box<Write>),
    /// Something about counters that are shared.
    Count(Counting),
    /// A change whose rows were taken back: what comes of it here is nobody's.
    TakenBack,
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Wrong {
    /// The server says so.
    Refused(Box<Report>),
    /// A row was not as it should be.
    Row(StoreError),
}

impl Order {
    pub(super) fn new(work: WorkId, ask: Ask, until: Mono) -> Self {
        Order {
            work,
            ask,
            link: None,
            attempts: 0,
            at: until,
            answer: None,
            wrong: None,
        }
    }

    /// What to send, and from now on its answer is expected. `None`: there is nothing left of it.
    pub(super) fn begin(&mut self, now: Mono, link: ConnId) -> Option<Request<'_>> {
        let request = match &self.ask {
            Ask::Read(query) => Request::of_query(query),
            Ask::Write(write) => Request::of_write(write),
            Ask::Count(counting) => Request::of_counting(counting),
            Ask::TakenBack => return None,
        };
        self.link = Some(link);
        self.attempts += 1;
        self.at = now;
        self.wrong = None;
        self.answer = Some(request.answer());
        Some(request)
    }

    /// Takes its rows back, if it has any that can wait elsewhere.
    pub(super) fn take_back(&mut self) -> Option<Box<Write>> {
        match std::mem::replace(&mut self.ask, Ask::TakenBack) {
            Ask::Write(write) if write.may_wait() => Some(write),
            ask => {
                self.ask = ask;
                None
            }
        }
    }

    /// Whether its rows were taken back.
    pub(super) fn is_taken_back(&self) -> bool {
        matches!(self.ask, Ask::TakenBack)
    }

    pub(super) fn row(&mut self, row: &Row<'_>) {
        if self.wrong.is_none()
            && let Some(answer) = &mut self.answer
            && let Err(error) = answer.row(row)
        {
            self.wrong = Some(Wrong::Row(error));
        }
    }

    pub(super) fn done(&mut self, tag: &Tag<'_>) {
        if let Some(answer) = &mut self.answer {
            answer.done(tag);
        }
    }

    /// All of the answer has come, and nothing was wrong with it.
    pub(super) fn finish(mut self) -> WorkResult {
        match self.answer.take().map(Answer::finish) {
            Some(Ok(Answered::Found(found))) => WorkResult::Found(Ok(found)),
            Some(Ok(Answered::Written(written))) => WorkResult::Written(Ok(written)),
            Some(Ok(Answered::Counted(counted))) => WorkResult::Counted(Ok(counted)),
            Some(Err(error)) => self.failure(error),
            None => self.failure(StoreError::Unknown),
        }
    }

    /// The result that it has failed. Rows that may be stored another time come back whole: the spill
    /// journal can keep them.
    pub(super) fn failure(self, error: StoreError) -> WorkResult {
        match self.ask {
            Ask::Read(_) => WorkResult::Found(Err(error)),
            Ask::Count(_) => WorkResult::Counted(Err(error)),
            Ask::Write(write) if error.is_away() && write.may_wait() => {
                WorkResult::Returned(write, error)
            }
            Ask::Write(_) | Ask::TakenBack => WorkResult::Written(Err(error)),
        }
    }

    /// Whether the server may be at it for long: it goes through many rows, or finds words in them.
    pub(super) fn is_long(&self) -> bool {
        match &self.ask {
            Ask::Read(query) => matches!(
                query,
                Query::List { words: Some(_), .. }
                    | Query::Export { .. }
                    | Query::Survey { .. }
                    | Query::Unscored { .. }
                    | Query::Weigh { .. }
            ),
            Ask::Write(_) | Ask::Count(_) | Ask::TakenBack => false,
        }
    }

    /// Whether requests wait for it that need nothing else, and for a moment only.
    pub(super) fn is_urgent(&self) -> bool {
        matches!(self.ask, Ask::Count(Counting::Draw(_)))
    }

    /// Whether it matters to somebody that it may have been done, though it has failed since. Whoever asks
    /// for a key asks again by the same name, and a key that nobody has is free after its lease.
    pub(super) fn leaves_doubt(&self) -> bool {
        matches!(&self.ask, Ask::Write(write) if !matches!(**write, Write::Keys(_)))
    }

    /// Whether it can be sent again after its connection was lost. Rows have ids of their own, so
    /// all that is stored twice is there once; but whoever deletes is told whether there was
    /// something to delete. What is taken from a counter twice is lost for a window.
    pub(super) fn survives(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::NotBegun | Outcome::Failed => !self.is_taken_back(),
            Outcome::Unknown => match &self.ask {
                Ask::Read(_) => true,
                Ask::Count(_) | Ask::TakenBack => false,
                Ask::Write(write) => !matches!(**write, Write::Delete { .. }),
            },
        }
    }
}
