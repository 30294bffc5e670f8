//! Rows that are kept no longer are removed, a few at a time, while everything else goes on.
//!
//! ```text
//!  rest ─(ten minutes)─► weigh ─► texts ─► answers ─► analyses ─► keywords ─► requests ─► jobs ─► rest
//!                         │ ▲      │ ▲
//!                         └─┘      └─┘  as long as there are more, with a pause between
//! ```
//! What goes is said by one id for each table: whatever is below it. From the age it follows at once, as
//! ids begin with their time; of jobs it is the time of their end that is compared, so that one that is
//! not over never goes. For the bound of all texts together they are weighed from the newest to the
//! oldest, until it is reached: so nobody has to keep a sum, which would be one row that all writers
//! wait for. Memory and transactions are the same size, however many rows there are.
//!
//! Several processes over one database all do this; what one is removing the others leave to it. A
//! database that is away or busy ends the look; the next one goes on where it stopped, because what is
//! too old then is still there.

use uuid::Uuid;

use super::Engine;
use super::now::Mono;
use super::timers::{Owner, Timer};
use super::work::{Work, WorkOwner, WorkResult};
use crate::limits::{EXPIRE_PAUSE_MS, EXPIRE_ROWS, RETENTION_MS, WEIGH_ROWS};
use crate::store::{Found, Query, Table, Weight, Write, Written, first_id_at, id_after};

/// Soon after the start there is a first look.
const FIRST_MS: u64 = 1_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Retention {
    pub(super) timer: Timer,
    step: Step,
    /// When the present piece of work was ordered.
    since: Mono,
    /// Texts below this id go, and what belongs to them.
    texts: Uuid,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Rest,
    /// So many bytes may still be kept of the texts before this id.
    Weigh {
        before: Option<Uuid>,
        left: u64,
    },
    Expire(Table),
}

impl Engine {
    /// Orders the first look, if anything is ever to go.
    pub(super) fn begin_retention(&mut self) {
        if !self.config.retention.is_for_ever() {
            self.set_retention_timer(FIRST_MS);
        }
    }

    fn set_retention_timer(&mut self, ms: u64) {
        let at = self.now.mono.plus_ms(ms);
        self.timers
            .set(Owner::Retention, &mut self.retention.timer, at);
    }

    /// The time for the next piece has come. While the server stops there is none.
    pub(super) fn retention_due(&mut self) {
        if self.stopping.is_some() {
            return;
        }
        if self.retention.step == Step::Rest {
            let kept = self.config.retention;
            let age = |ms: i64| self.id_of_age(ms);
            self.retention.texts = kept.texts_ms.map_or(Uuid::nil(), age);
            self.retention.step = match kept.texts_bytes {
                Some(left) => Step::Weigh { before: None, left },
                None => Step::Expire(Table::Texts),
            };
        }
        let work = match self.retention.step {
            Step::Weigh { before, .. } => Work::Read(Query::Weigh { before }),
            Step::Expire(table) => match self.kept_from(table) {
                Some(before) => Work::Write(Box::new(Write::Expire {
                    table,
                    before,
                    limit: EXPIRE_ROWS,
                })),
                None => return self.next_table(table),
            },
            Step::Rest => return,
        };
        self.retention.since = self.now.mono;
        if self.works.submit(WorkOwner::Retention, work).is_none() {
            self.rest_of_retention(); // others have more need of the store
        }
    }

    /// The lowest id that is kept in a table; `None` if that is every one.
    fn kept_from(&self, table: Table) -> Option<Uuid> {
        let before = match table {
            Table::Texts | Table::Answers | Table::Analyses | Table::Keywords => {
                self.retention.texts
            }
            Table::Requests => self.id_of_age(self.config.retention.requests_ms?),
            Table::Jobs => self.id_of_age(self.config.retention.jobs_ms?),
        };
        (before != Uuid::nil()).then_some(before)
    }

    /// The lowest id of what is not older than this.
    fn id_of_age(&self, ms: i64) -> Uuid {
        first_id_at(self.now.wall_ms.saturating_sub(ms))
    }

    fn next_table(&mut self, table: Table) {
        let next = match table {
            Table::Texts => Table::Answers,
            Table::Answers => Table::Analyses,
            Table::Analyses => Table::Keywords,
            Table::Keywords => Table::Requests,
            Table::Requests => Table::Jobs,
            Table::Jobs => return self.rest_of_retention(),
        };
        self.retention.step = Step::Expire(next);
        self.set_retention_timer(EXPIRE_PAUSE_MS);
    }

    fn rest_of_retention(&mut self) {
        self.retention.step = Step::Rest;
        self.set_retention_timer(RETENTION_MS);
    }

    /// The store has done a piece, or could not.
    pub(super) fn retention_goes_on(&mut self, result: WorkResult) {
        match (self.retention.step, result) {
            (Step::Weigh { left, .. }, WorkResult::Found(Ok(Found::Weighed(texts)))) => {
                self.weighed(left, &texts);
            }
            (Step::Expire(table), WorkResult::Written(Ok(Written::Expired(rows)))) => {
                self.counters.rows_expired += rows;
                if rows < EXPIRE_ROWS as u64 {
                    return self.next_table(table);
                }
                let took = self.now.mono.since(self.retention.since) / 1_000_000;
                self.set_retention_timer(took.max(EXPIRE_PAUSE_MS));
            }
            // Nobody knows how many are gone, so there may be more.
            (Step::Expire(_), result) if result.is_unknown() => {
                self.set_retention_timer(EXPIRE_PAUSE_MS);
            }
            _ => self.rest_of_retention(),
        }
    }

    fn weighed(&mut self, mut left: u64, texts: &[Weight]) {
        let too_many = texts.iter().find(|text| {
            let fits = text.bytes <= left;
            left = left.saturating_sub(text.bytes);
            !fits
        });
        let retention = &mut self.retention;
        if let Some(text) = too_many {
            retention.texts = retention.texts.max(id_after(text.id));
        }
        let last = texts.last().map(|text| text.id);
        retention.step = if too_many.is_some() || texts.len() < WEIGH_ROWS {
            Step::Expire(Table::Texts)
        } else {
            Step::Weigh { before: last, left }
        };
        self.set_retention_timer(EXPIRE_PAUSE_MS);
    }
}
