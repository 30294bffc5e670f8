//! What a session has to tell.

use crate::proto::postgres::auth::Stretch;
use crate::proto::postgres::row::Row;
use crate::proto::postgres::{Report, Transaction};

/// Something that came from the server, or has to be done before it goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// The server has TLS: set it up, then [`super::Session::secured`]. What arrives from now on
    /// belongs to TLS.
    StartTls,
    /// Let a thread do this, then [`super::Session::stretched`].
    Stretch(Stretch),
    /// Logged in: requests can be sent.
    Ready,
    /// A part of the answer to the request with this token.
    Answer(u64, Answer<'a>),
    /// Something that the server wants us to know. Belongs to no request.
    Notice(Box<Report>),
    /// Somebody has said NOTIFY to a channel that this session listens to.
    Notification {
        /// The channel.
        channel: &'a str,
        /// What was said; empty if nothing.
        payload: &'a str,
        /// The process that serves whoever said it.
        process: u32,
    },
    /// [`super::Session::parameters`] have changed: a standby was promoted, for example.
    Changed,
    /// The server ends the connection, and says why. What was not answered:
    /// [`super::Session::lost`].
    Goodbye(Box<Report>),
}

/// A part of an answer. A request has succeeded if [`Answer::Finished`] comes and no
/// [`Answer::Failed`] came before it: a transaction can still fail when it is committed, after all
/// of its statements are done.
#[derive(Debug)]
pub enum Answer<'a> {
    /// A row of the present statement.
    Row(Row<'a>),
    /// The present statement is done; the next one follows.
    Done(Tag<'a>),
    /// The request has failed. The rest of it is not done, and if it had not committed itself,
    /// nothing of it is.
    Failed(Box<Report>),
    /// COPY FROM STDIN wants bytes: [`super::Session::copy_in`].
    CopyIn,
    /// COPY TO STDOUT begins.
    CopyOut,
    /// A piece of it. Where it is cut means nothing.
    Copied(&'a [u8]),
    /// The request is over, and this is where it leaves the session.
    Finished(Transaction),
}

/// What a statement has done, as the server puts it: `INSERT 0 5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a>(pub(super) &'a str);

impl<'a> Tag<'a> {
    /// The words. Empty for an empty statement.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// How many rows were written or read; 0 for a statement that has to do with none.
    #[must_use]
    pub fn rows(self) -> u64 {
        let last = self.0.rsplit(' ').next();
        last.and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

/// The same before it borrows anything of the session.
pub(super) enum Happened<'i> {
    Nothing,
    Secure,
    Stretch(Stretch),
    Ready,
    Row {
        body: &'i [u8],
        slot: Option<super::statements::SlotId>,
        is_text: bool,
    },
    Done(&'i str),
    Failed(Box<Report>),
    CopyIn,
    CopyOut,
    Copied(&'i [u8]),
    Finished(u64, Transaction),
    Notice(Box<Report>),
    Notification {
        channel: &'i str,
        payload: &'i str,
        process: u32,
    },
    Changed,
    Goodbye(Box<Report>),
}
