//! Where rows go while the database takes none, and when it is tried again. Pure: it knows neither
//! the database nor the journal, only what was said about them.
//!
//! ```text
//!              a write has failed, and may succeed another time
//!  rows to the database ───────────────────────────────────────► rows to the journal
//!          ▲                                                         │
//!          └── a batch of the journal is committed, or it is empty ──┘
//!
//!  replaying   Idle ─► Waiting ─(due)─► Reading ─(a batch)─► Writing ─(committed)─► Moving ─┐
//!               ▲        ▲ └────────────(failed: the wait doubles)─────────────────────────┘│
//!               └────────┼──(nothing waits)─────────────────────────────────────────────────┤
//!                        └──(more waits: at once)───────────────────────────────────────────┘
//! ```
//! A batch that the database refuses, though it is there, has a row in it that it will always refuse. It
//! is tried again row by row, and that one is set aside: it is kept in a file of its own, and those
//! behind it go on.
//!
//! The two are apart: while the journal is replayed, new rows go to the database directly. Rows have
//! ids of their own, so their order does not matter; what does, a deletion or scores of a text that
//! waits, goes through the journal behind it (`detour.rs`).

use super::now::Mono;
use super::timers::Timer;
use crate::config::Durable;
use crate::limits::spill::{
    JOURNAL_ASIDE_ROWS, JOURNAL_ROWS, JOURNAL_TEXT_BYTES, SPILL_PROBE_MAX_MS, SPILL_PROBE_MS,
};
use crate::store::journal::{Batch, Standing};
use crate::store::{StoreError, Write};

/// See the module.
#[derive(Debug)]
pub struct Spill {
    durable: Durable,
    bytes_max: u64,
    /// Why rows go to the journal, if they do.
    away: Option<StoreError>,
    replaying: Replaying,
    standing: Standing,
    /// Rows of a batch that was refused and is being tried row by row.
    singly: u64,
    /// The wait after the next failure.
    wait_ms: u64,
    /// Of [`Spill::deadline`].
    pub(super) timer: Timer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replaying {
    /// Nothing waits.
    Idle,
    /// The next try is due then.
    Waiting(Mono),
    /// The journal is asked for the next rows.
    Reading,
    /// The database has them, up to this number.
    Writing {
        through: u64,
        rows: u64,
        deletes: bool,
    },
    /// The journal is told that they are in the database.
    Moving { rows: u64 },
}

/// What is to be done next. Its result comes back to the method of the same sense.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Ask the journal for a batch: [`Spill::batch`].
    Read,
    /// The same, of one row.
    ReadOne,
    /// Have the database carry all of it out: [`Spill::replayed`].
    Replay(Vec<Write>),
    /// Tell the journal that it is done: [`Spill::advanced`].
    Advance(u64),
    /// Have the journal keep the row with this number elsewhere, and go on behind it:
    /// [`Spill::advanced`].
    SetAside {
        /// Its number.
        through: u64,
        /// Why.
        why: String,
    },
}

impl Spill {
    /// With an empty journal, and a database that takes rows.
    #[must_use]
    pub fn new(durable: Durable, bytes_max: u64) -> Self {
        Spill {
            durable,
            bytes_max,
            away: None,
            replaying: Replaying::Idle,
            standing: Standing::default(),
            singly: 0,
            wait_ms: SPILL_PROBE_MS,
            timer: Timer::default(),
        }
    }

    /// Something waited in the journal when it was opened.
    pub fn found(&mut self, now: Mono, standing: Standing) {
        self.standing = standing;
        if standing.rows > 0 {
            self.replaying = Replaying::Waiting(now);
        }
    }

    /// How much waits.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Why rows go to the journal, if they do.
    #[must_use]
    pub fn away(&self) -> Option<&StoreError> {
        self.away.as_ref()
    }

    /// Whether something may wait that a question or a deletion is about.
    #[must_use]
    pub fn may_have(&self) -> bool {
        self.standing.rows > 0
    }

    /// Whether `write` can wait in the journal. An import cannot: it is answered with what was there
    /// before, which only the database knows, as does who has an item of a job in hand. Neither can a
    /// deletion, unless its text waits too.
    #[must_use]
    pub fn can_keep(&self, write: &Write) -> bool {
        write.may_wait() && self.keeps()
    }

    /// Whether rows go to the journal at all. One that is damaged takes none.
    pub(super) fn keeps(&self) -> bool {
        self.durable == Durable::Spill && !self.standing.damaged
    }

    /// Whether rows go there and there is no room for more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.keeps() && self.away.is_some() && self.admit(0).is_err()
    }

    /// Whether the journal has room for one more text beside those that are in flight. Where it has
    /// not, the answer is the database's error.
    pub fn admit(&self, in_flight: u64) -> Result<(), StoreError> {
        let Some(error) = self.away.as_ref().filter(|_| self.keeps()) else {
            return Ok(());
        };
        let wanted = (in_flight + 1).saturating_mul(JOURNAL_TEXT_BYTES);
        let bytes = self.standing.bytes.saturating_add(wanted);
        let rows = self.standing.rows.saturating_add(in_flight + 1);
        if bytes <= self.bytes_max && rows <= JOURNAL_ROWS {
            Ok(())
        } else {
            Err(error.clone())
        }
    }

    /// A write has failed, and may succeed another time.
    pub fn failed(&mut self, now: Mono, error: &StoreError) {
        if self.durable == Durable::Strict && self.standing.rows == 0 {
            return; // there is nothing to be kept and nothing to be replayed
        }
        self.away = Some(error.clone());
        if self.replaying == Replaying::Idle {
            self.wait(now);
        }
    }

    /// A row has gone to the journal.
    pub fn kept(&mut self, now: Mono, standing: Standing) {
        self.standing = standing;
        if self.replaying == Replaying::Idle {
            self.replaying = Replaying::Waiting(now); // the database is back already
        }
    }

    /// When the next try is due.
    #[must_use]
    pub fn deadline(&self) -> Mono {
        match self.replaying {
            Replaying::Waiting(at) => at,
            _ => Mono::NEVER,
        }
    }

    /// The time has come.
    pub fn due(&mut self, now: Mono) -> Option<Step> {
        match self.replaying {
            Replaying::Waiting(at) if at <= now => Some(self.read()),
            _ => None,
        }
    }

    fn read(&mut self) -> Step {
        self.replaying = Replaying::Reading;
        match self.singly {
            0 => Step::Read,
            _ => Step::ReadOne,
        }
    }

    /// The journal has named the next rows, or cannot.
    pub fn batch(&mut self, now: Mono, batch: Option<(Batch, Standing)>) -> Option<Step> {
        if let Some((_, standing)) = &batch {
            self.standing = *standing;
        }
        match batch {
            Some((batch, _)) if batch.writes.is_empty() => {
                // Nothing to try it with: the next row will tell.
                self.away = None;
                self.replaying = Replaying::Idle;
                None
            }
            Some((Batch { writes, through }, _)) => {
                let rows = writes.len() as u64;
                let deletes = |write: &Write| matches!(write, Write::Delete { .. });
                let deletes = writes.iter().any(deletes);
                self.replaying = Replaying::Writing {
                    through,
                    rows,
                    deletes,
                };
                Some(Step::Replay(writes))
            }
            None => {
                self.wait(now);
                None
            }
        }
    }

    /// Whether texts go with what the database is carrying out.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        matches!(self.replaying, Replaying::Writing { deletes: true, .. })
    }

    /// The database has committed all of them, or not.
    pub fn replayed(&mut self, now: Mono, result: Result<(), StoreError>) -> Option<Step> {
        let Replaying::Writing { through, rows, .. } = self.replaying else {
            return None;
        };
        match result {
            Ok(()) => {
                self.away = None;
                self.replaying = Replaying::Moving { rows };
                Some(Step::Advance(through))
            }
            Err(error) if error.is_refusal() && rows > 1 => {
                self.singly = rows;
                Some(self.read())
            }
            Err(error) if error.is_refusal() && self.standing.aside < JOURNAL_ASIDE_ROWS => {
                self.replaying = Replaying::Moving { rows: 0 };
                let why = error.to_string();
                Some(Step::SetAside { through, why })
            }
            Err(error) => {
                if error.is_away() {
                    self.away = Some(error);
                }
                self.wait(now);
                None
            }
        }
    }

    /// The cursor has moved, or could not. Returns how many rows are done for, and what is next.
    pub fn advanced(&mut self, now: Mono, standing: Option<Standing>) -> (u64, Option<Step>) {
        let Replaying::Moving { rows } = self.replaying else {
            return (0, None);
        };
        let Some(standing) = standing else {
            self.wait(now); // they come again, and change nothing
            return (0, None);
        };
        self.standing = standing;
        self.singly = self.singly.saturating_sub(1);
        self.wait_ms = SPILL_PROBE_MS;
        if standing.rows == 0 && self.away.is_none() {
            self.replaying = Replaying::Idle;
            return (rows, None);
        }
        (rows, Some(self.read()))
    }

    /// Tries again later, and then later still.
    pub fn wait(&mut self, now: Mono) {
        self.replaying = Replaying::Waiting(now.plus_ms(self.wait_ms));
        self.wait_ms = (2 * self.wait_ms).min(SPILL_PROBE_MAX_MS);
    }
}

#[cfg(test)]
mod tests;
