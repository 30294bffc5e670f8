//! A table of PostgreSQL's as the counter, where there is no Redis.
//!
//! ```text
//!             a connection           a question
//!   Away ─────────────────► Idle ────────────────► Asked ─────────────► Idle
//!    ▲                       ▲                       │ no answer in time   (with what has come
//!    │                       └──────(the answer)── Late                     meanwhile: Asked)
//!    │                                               │
//!    └─(no connection)───────────────────────────────┤ an error
//!                   Rest ◄───────────────────────────┘
//!                    └─(a second)─► Asked, about nothing: does it count?
//! ```
//! One statement is on the way at a time, on one of the connections that all share. In `Away`, `Late`
//! and `Rest` nobody is kept waiting: each process decides alone. A late answer is waited for all the same:
//! it says that the database is there again. What it has granted is nobody's by then, and given back with the
//! next statement; it is lost for a window only if the connection is lost before the answer.
//!
//! What this file refuses to know: SQL, which is the store's, and who waits, which is `share.rs`'s.

use std::collections::BTreeMap;

use super::batch::{Batch, Gathering};
use crate::engine::Engine;
use crate::engine::now::Mono;
use crate::engine::policy::rate::shared::{BlockId, Grant, Question};
use crate::engine::timers::{Owner, Timer};
use crate::engine::work::{Work, WorkOwner, WorkResult};
use crate::limits::{
    COUNTERS_DRAW_MS, COUNTERS_REST_MS, COUNTERS_SWEEP_MS, COUNTERS_SWEEP_PAUSE_MS,
    COUNTERS_SWEEP_ROWS,
};
use crate::store::StoreError;
use crate::store::counters::{Counted, Counting, Drawn};

/// See the module.
#[derive(Debug, Default)]
pub(in crate::engine) struct Table {
    gathering: Gathering,
    step: Step,
    /// Who waits for what the statement on the way brings.
    waiting: BTreeMap<String, BlockId>,
    /// Who has waited for it, and does not any more.
    late: BTreeMap<String, BlockId>,
    /// When counters are removed whose windows are over.
    sweep_at: Mono,
    pub(super) timer: Timer,
    pub(in crate::engine) counts: Counts,
    /// Why it does not count, for the log.
    refusals: Vec<StoreError>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Away,
    Idle,
    Asked {
        late_at: Mono,
    },
    Late,
    Rest {
        until: Mono,
    },
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Counts {
    /// Statements with an answer, …
    pub(in crate::engine) drawn: u64,
    /// … those of them that had it too late, …
    pub(in crate::engine) late: u64,
    /// … and statements that the database would not carry out.
    pub(in crate::engine) refused: u64,
    /// Counters that were removed.
    pub(in crate::engine) swept: u64,
}

impl Table {
    /// Whether somebody could wait for an answer.
    fn counts_now(&self) -> bool {
        matches!(self.step, Step::Idle | Step::Asked { .. })
    }

    /// Whether an answer is on its way, or a question waits for its statement.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.step, Step::Asked { .. } | Step::Late) || !self.gathering.is_empty()
    }

    /// Questions that wait for their statement.
    pub(super) fn waits(&self) -> usize {
        self.gathering.len()
    }

    fn next_at(&self) -> Mono {
        let step = match self.step {
            Step::Asked { late_at } => late_at,
            Step::Rest { until } => until,
            Step::Away | Step::Idle | Step::Late => Mono::NEVER,
        };
        step.min(self.sweep_at)
    }

    /// Everybody who waits for an answer, and will not get one.
    fn give_up(&mut self) -> Vec<BlockId> {
        let mut all: Vec<BlockId> = self.waiting.values().copied().collect();
        self.late.append(&mut self.waiting);
        all.extend(self.gathering.give_up());
        all
    }
}

impl Engine {
    /// Until there is a connection each process decides alone.
    pub(in crate::engine) fn begin_counters(&mut self) {
        if let Some(table) = &mut self.share.table {
            table.sweep_at = Mono::NEVER;
            self.rates.set_alone(true);
        }
    }

    /// Why counters are not in the database as they should be, since the last call, for the log.
    pub fn counter_refusals(&mut self) -> impl Iterator<Item = StoreError> + '_ {
        let table = self.share.table.as_mut();
        table.into_iter().flat_map(|table| table.refusals.drain(..))
    }

    /// There is a connection to the database, and its tables are there.
    pub(in crate::engine) fn counters_are_there(&mut self) {
        let Some(table) = &mut self.share.table else {
            return;
        };
        if table.step == Step::Away {
            table.step = Step::Idle;
            table.sweep_at = self.now.mono.plus_ms(COUNTERS_SWEEP_MS);
            self.counter_is_there(true);
            self.set_table_timer();
        }
    }

    /// There is no connection any more.
    pub(in crate::engine) fn counters_are_away(&mut self) {
        let Some(table) = &mut self.share.table else {
            return;
        };
        table.step = match table.step {
            Step::Asked { .. } | Step::Late => Step::Late, // it is asked again, or has failed
            Step::Away | Step::Idle | Step::Rest { .. } => Step::Away,
        };
        table.sweep_at = Mono::NEVER;
        self.decide_alone();
    }

    /// Takes a question in for the next statement. `false`: nobody would answer it.
    pub(super) fn gather_question(&mut self, question: &Question) -> bool {
        let table = self.share.table.as_mut();
        table.is_some_and(|table| table.counts_now() && table.gathering.put(question))
    }

    /// Sends a statement with all that waits, unless one is on the way.
    pub(super) fn draw_blocks(&mut self) {
        let Some(table) = &mut self.share.table else {
            return;
        };
        if table.step == Step::Idle && !table.gathering.is_empty() {
            let batch = table.gathering.take_batch();
            self.draw(batch);
        }
    }

    fn draw(&mut self, batch: Batch) {
        let work = Work::Count(Counting::Draw(batch.draws));
        let sent = self.works.submit(WorkOwner::Counters, work).is_some();
        let Some(table) = &mut self.share.table else {
            return;
        };
        table.waiting = batch.waiting;
        if sent {
            let late_at = self.now.mono.plus_ms(COUNTERS_DRAW_MS);
            table.step = Step::Asked { late_at };
            self.set_table_timer();
        } else {
            self.rest_from_counting(); // others have more need of the store
        }
    }

    fn rest_from_counting(&mut self) {
        let until = self.now.mono.plus_ms(COUNTERS_REST_MS);
        if let Some(table) = &mut self.share.table {
            table.step = Step::Rest { until };
        }
        self.decide_alone();
        if let Some(table) = &mut self.share.table {
            table.late.clear(); // nothing is on the way that could be granted
        }
    }

    /// Nobody waits for the table any more.
    fn decide_alone(&mut self) {
        let now = self.now.mono;
        let all = self.share.table.as_mut().map(Table::give_up);
        for id in all.into_iter().flatten() {
            self.rates.unanswered(now, id);
        }
        self.counter_is_there(false);
        self.set_table_timer();
    }

    fn set_table_timer(&mut self) {
        if let Some(table) = &mut self.share.table {
            let at = table.next_at();
            self.timers.set(Owner::Counters, &mut table.timer, at);
        }
    }

    /// An answer is late, or a rest is over, or old counters are to be removed.
    pub(in crate::engine) fn counters_due(&mut self) {
        let now = self.now.mono;
        let Some(table) = &mut self.share.table else {
            return;
        };
        if table.sweep_at <= now {
            table.sweep_at = Mono::NEVER;
            self.sweep_counters();
        }
        match self.share.table.as_ref().map(|table| table.step) {
            Some(Step::Asked { late_at }) if late_at <= now => {
                if let Some(table) = &mut self.share.table {
                    table.step = Step::Late;
                    table.counts.late += 1;
                }
                self.decide_alone();
                self.serve_lines();
            }
            Some(Step::Rest { until }) if until <= now => self.draw(Batch::default()),
            _ => self.set_table_timer(),
        }
    }

    /// A statement has its answer, or will have none.
    pub(in crate::engine) fn counted(&mut self, result: WorkResult) {
        match result {
            WorkResult::Counted(Ok(Counted::Drawn(rows))) => self.drawn(rows),
            WorkResult::Counted(Err(error)) => self.not_counted(error),
            _ => self.rest_from_counting(),
        }
        self.serve_lines();
    }

    fn drawn(&mut self, rows: Vec<Drawn>) {
        let Some(table) = &mut self.share.table else {
            return;
        };
        table.counts.drawn += 1;
        table.step = Step::Idle;
        let mut waiting = std::mem::take(&mut table.waiting);
        let late = std::mem::take(&mut table.late);
        if table.sweep_at == Mono::NEVER {
            table.sweep_at = self.now.mono.plus_ms(COUNTERS_SWEEP_MS);
        }
        if self.rates.is_alone() {
            self.counter_is_there(true);
        }
        for row in rows {
            if let Some(id) = waiting.remove(&row.name) {
                self.block_granted(id, Some(grant(&row)));
            } else if let Some(id) = late.get(&row.name) {
                self.rates.refuse(*id, grant(&row));
            }
        }
        for id in waiting.into_values() {
            self.block_granted(id, None);
        }
        self.put_questions();
        self.set_table_timer();
    }

    fn not_counted(&mut self, error: StoreError) {
        let away = self.database_is_away().is_some();
        if let Some(table) = &mut self.share.table
            && !away
        {
            table.counts.refused += 1;
            // What has not changed is not told again.
            if !self.rates.is_alone() {
                table.refusals.push(error);
            }
        }
        self.rest_from_counting();
        if away && let Some(table) = &mut self.share.table {
            table.step = Step::Away;
            self.set_table_timer();
        }
    }

    fn sweep_counters(&mut self) {
        let limit = COUNTERS_SWEEP_ROWS;
        let work = Work::Count(Counting::Sweep { limit });
        if self.works.submit(WorkOwner::Sweeper, work).is_none() {
            self.sweep_in(COUNTERS_SWEEP_MS);
        }
    }

    fn sweep_in(&mut self, ms: u64) {
        if let Some(table) = &mut self.share.table {
            table.sweep_at = self.now.mono.plus_ms(ms);
            self.set_table_timer();
        }
    }

    /// Counters were removed, or the database could not do it now.
    pub(in crate::engine) fn counters_swept(&mut self, result: &WorkResult) {
        let swept = match result {
            WorkResult::Counted(Ok(Counted::Swept(rows))) => *rows,
            _ => 0,
        };
        if let Some(table) = &mut self.share.table {
            table.counts.swept += swept;
        }
        let more = swept >= COUNTERS_SWEEP_ROWS as u64;
        self.sweep_in(if more {
            COUNTERS_SWEEP_PAUSE_MS
        } else {
            COUNTERS_SWEEP_MS
        });
    }
}

fn grant(row: &Drawn) -> Grant {
    Grant {
        units: row.given,
        ends_in_ms: row.ends_in_ms,
        left: row.left,
        window: row.window,
    }
}
