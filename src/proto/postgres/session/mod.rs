//! One connection to a PostgreSQL server, from its first byte to its last.
//!
//! ```text
//!            ┌────────── Startup ──────────┐      Ready
//!  open ───► │ TLS? ─► proof ─► parameters │ ───► requests, notifications ───► Over
//!            └─────────────────────────────┘                                    ▲
//!                  a fault of the server, or its goodbye, at any time ──────────┘
//! ```
//! Files: `startup.rs` logs in; `send.rs` writes requests; `receive.rs` reads answers; `owed.rs` is
//! what joins the two; `statements.rs` is what the server has prepared; `copy.rs` is COPY.

mod copy;
mod event;
mod login;
mod owed;
mod parameters;
mod receive;
mod send;
mod startup;
mod statements;

use event::Happened;
pub use event::{Answer, Event, Tag};
pub use login::{ChannelBinding, Encryption, Login, Methods};
pub use owed::Outcome;
use owed::Owed;
pub use parameters::{Parameters, Target};
use startup::Startup;
use statements::{Plan, Statements};

use super::auth::StretchedKey;
use super::backend::{DATA_ROW, Message};
use super::frontend::{self, CancelKey};
use super::row::Row;
use super::{Fault, Refused, Transaction, frame};
use crate::limits::{PG_LOGIN_BYTES, PG_MESSAGE_BYTES, PG_ROW_BYTES};
use crate::proto::Sink;
use copy::Copying;

/// One connection. [The module above](super) says how it is driven.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    parameters: Parameters,
    cancel_key: Option<CancelKey>,
    transaction: Transaction,
    owed: Owed,
    statements: Statements,
    /// Types of the columns that were announced for a statement without a name.
    columns: Vec<u32>,
    copying: Copying,
    /// A script is under way, which has the connection for itself.
    in_script: bool,
    pooled: bool,
    /// For each statement of the request that is being written: how, and the measure of its values.
    plans: Vec<Plan>,
    values_bytes: Vec<usize>,
}

enum Phase {
    Startup(Box<Startup>),
    Ready,
    Over(End),
}

/// How a connection has ended.
#[derive(Clone, Copy, Debug)]
struct End {
    /// The server itself has said goodbye, so it has not begun with what is behind the first request.
    in_order: bool,
    /// Nothing has been told lost yet.
    is_first: bool,
}

impl std::fmt::Debug for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Phase::Startup(_) => "Startup",
            Phase::Ready => "Ready",
            Phase::Over(_) => "Over",
        })
    }
}

const LOST: Phase = Phase::Over(End {
    in_order: false,
    is_first: true,
});

impl Session {
    /// For a connection that has just been made: writes its first message. `nonce` is random: nobody
    /// may be able to guess it, and no two log-ins may have the same.
    ///
    /// # Errors
    /// A string of `login` holds U+0000.
    pub fn open(login: Login, nonce: [u8; 18], out: &mut impl Sink) -> Result<Self, Refused> {
        if login.holds_nul() {
            return Err(Refused::Nul);
        }
        let pooled = login.pooled;
        let startup = Startup::begin(login, nonce, out);
        Ok(Session {
            phase: Phase::Startup(Box::new(startup)),
            parameters: Parameters::default(),
            cancel_key: None,
            transaction: Transaction::None,
            owed: Owed::default(),
            statements: Statements::default(),
            columns: Vec::new(),
            copying: Copying::No,
            in_script: false,
            pooled,
            plans: Vec::new(),
            values_bytes: Vec::new(),
        })
    }

    /// The next event. Takes whole messages from the front of `input`; `None` means that more is
    /// needed, and what is left of `input` has to be there again, with more behind it.
    ///
    /// # Errors
    /// The server does not keep to the protocol, or to the settings. The connection is over: close
    /// it, and ask [`Session::lost`].
    pub fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
        out: &mut impl Sink,
    ) -> Result<Option<Event<'a>>, Fault> {
        loop {
            match self.step(input, out) {
                Ok(None) => return Ok(None),
                Ok(Some(Happened::Nothing)) => {}
                Ok(Some(happened)) => return self.event(happened).map(Some),
                Err(fault) => {
                    self.phase = LOST;
                    return Err(fault);
                }
            }
        }
    }

    /// TLS stands. `end_point` is [`super::server_end_point`] of the server's certificate.
    pub fn secured(&mut self, end_point: Option<Vec<u8>>, out: &mut impl Sink) {
        if let Phase::Startup(startup) = std::mem::replace(&mut self.phase, LOST) {
            self.phase = Phase::Startup(Box::new(startup.secured(end_point, out)));
        }
    }

    /// The key of [`Event::Stretch`] is there.
    pub fn stretched(&mut self, key: &StretchedKey, out: &mut impl Sink) {
        if let Phase::Startup(startup) = std::mem::replace(&mut self.phase, LOST) {
            self.phase = Phase::Startup(Box::new(startup.stretched(key, out)));
        }
    }

    /// Whether requests can be sent.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// Requests that are not answered to their end.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.owed.requests()
    }

    /// Whether it can be given to the next borrower as it is: nothing is owed, and no transaction is
    /// open. What `SET` and `LISTEN` leave behind does not show: see [`Session::clean`].
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.is_ready() && self.pending() == 0 && self.transaction == Transaction::None
    }

    /// Where the last request has left it.
    #[must_use]
    pub fn transaction(&self) -> Transaction {
        self.transaction
    }

    /// What the server has said about itself.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What [`super::cancel`] needs.
    #[must_use]
    pub fn cancel_key(&self) -> Option<CancelKey> {
        self.cancel_key
    }

    /// The process of the server that is at work for this session.
    #[must_use]
    pub fn process(&self) -> Option<u32> {
        self.cancel_key.map(CancelKey::process)
    }

    /// The connection is over, whoever ended it: tells each request that was not answered to its
    /// end, first the oldest, and what has become of it. `None`: that was all.
    pub fn lost(&mut self) -> Option<(u64, Outcome)> {
        let mut end = match self.phase {
            Phase::Over(end) => end,
            _ => End {
                in_order: false,
                is_first: true,
            },
        };
        let lost = self.owed.lose(end.is_first, end.in_order);
        end.is_first = false;
        self.phase = Phase::Over(end);
        lost
    }

    /// Says goodbye: nothing is to be sent after it.
    pub fn terminate(&mut self, out: &mut impl Sink) {
        frontend::terminate(out);
    }

    /// One message, or one byte, or one piece of a copy.
    fn step<'i>(
        &mut self,
        input: &mut &'i [u8],
        out: &mut impl Sink,
    ) -> Result<Option<Happened<'i>>, Fault> {
        match &self.phase {
            Phase::Over(_) => {
                *input = &[];
                return Ok(None);
            }
            Phase::Startup(startup) if matches!(**startup, Startup::Asking(_)) => {
                let Some((byte, rest)) = input.split_first() else {
                    return Ok(None);
                };
                *input = rest;
                return self.start(|startup, _| startup.offered(*byte, !rest.is_empty(), out));
            }
            Phase::Startup(_) => {
                let Some(frame) = frame::take(input, |_| PG_LOGIN_BYTES)? else {
                    return Ok(None);
                };
                let message = Message::read(frame)?;
                return self.start(|startup, session| {
                    let (parameters, key) = (&mut session.parameters, &mut session.cancel_key);
                    startup.on(message, parameters, key, out)
                });
            }
            Phase::Ready => {}
        }
        if let Some(copied) = self.copied(input)? {
            return Ok(copied);
        }
        let limit = |tag| {
            if tag == DATA_ROW {
                PG_ROW_BYTES
            } else {
                PG_MESSAGE_BYTES
            }
        };
        let Some(frame) = frame::take(input, limit)? else {
            return Ok(None);
        };
        self.receive(Message::read(frame)?).map(Some)
    }

    /// Lets the log-in go one step further.
    fn start<'i>(
        &mut self,
        go: impl FnOnce(Startup, &mut Self) -> Result<(Startup, Happened<'i>), Fault>,
    ) -> Result<Option<Happened<'i>>, Fault> {
        let Phase::Startup(startup) = std::mem::replace(&mut self.phase, LOST) else {
            return Ok(None);
        };
        let (startup, happened) = go(*startup, self)?;
        self.phase = match happened {
            Happened::Ready => Phase::Ready,
            // There can be no requests yet.
            Happened::Goodbye(_) => LOST,
            _ => Phase::Startup(Box::new(startup)),
        };
        Ok(Some(happened))
    }

    /// What to tell about what happened.
    fn event<'a>(&'a mut self, happened: Happened<'a>) -> Result<Event<'a>, Fault> {
        let token = self.owed.token().unwrap_or_default();
        Ok(match happened {
            Happened::Row {
                body,
                slot,
                is_text,
            } => {
                let types = match slot {
                    Some(slot) => self.statements.columns(slot),
                    None => &self.columns,
                };
                match Row::new(body, types, is_text) {
                    Ok(row) => Event::Answer(token, Answer::Row(row)),
                    Err(fault) => {
                        self.phase = LOST;
                        return Err(fault);
                    }
                }
            }
            Happened::Done(tag) => Event::Answer(token, Answer::Done(Tag(tag))),
            Happened::Failed(report) => Event::Answer(token, Answer::Failed(report)),
            Happened::CopyIn => Event::Answer(token, Answer::CopyIn),
            Happened::CopyOut => Event::Answer(token, Answer::CopyOut),
            Happened::Copied(bytes) => Event::Answer(token, Answer::Copied(bytes)),
            Happened::Finished(token, now) => Event::Answer(token, Answer::Finished(now)),
            Happened::Secure => Event::StartTls,
            Happened::Stretch(stretch) => Event::Stretch(stretch),
            Happened::Ready => Event::Ready,
            Happened::Notice(report) => Event::Notice(report),
            Happened::Notification {
                channel,
                payload,
                process,
            } => Event::Notification {
                channel,
                payload,
                process,
            },
            // `next` goes on when nothing has happened.
            Happened::Nothing | Happened::Changed => Event::Changed,
            Happened::Goodbye(report) => Event::Goodbye(report),
        })
    }
}
