//! Rows that the database has had for too long: they go to the journal, while somebody still waits for
//! them.
//!
//! ```text
//!  in line, or on the way ─(5 s)─► taken back ─► journal ─► "it is on disk"
//!                                      └─(on the way)─► its answer is read and dropped
//! ```
//! What the database does with them all the same, it does once: rows have ids, and those that are there
//! are left as they are. Nothing else can be taken back, as nobody knows whether it was done.

use crate::engine::Engine;
use crate::engine::now::Mono;
use crate::engine::slots::WorkId;
use crate::engine::work::WorkResult;
use crate::limits::STORE_MS;
use crate::store::StoreError;

impl Engine {
    /// The time is over that the rows of `work` had. Until when they are waited for instead: for as long
    /// as they are on their way to the journal. `None`: that is not their way.
    pub(in crate::engine) fn late_rows_wait(&mut self, work: WorkId) -> Option<Mono> {
        if !self.spill.keeps() {
            return None;
        }
        if self.take_rows_back(work) {
            return Some(self.now.mono.plus_ms(STORE_MS));
        }
        // In line for the journal, which is not silent but behind.
        let at = self.store_deadline();
        let spills = self.spill.away().is_some() && self.works.adds_rows(work);
        (spills && at > self.now.mono).then_some(at)
    }

    /// Takes the rows of `work` back from the database on the loop, if it has them.
    fn take_rows_back(&mut self, work: WorkId) -> bool {
        let (Some(database), Some(id)) = (&mut self.database, self.works.order(work)) else {
            return false;
        };
        let Some(order) = database.orders.get_mut(id) else {
            return false;
        };
        let Some(rows) = order.take_back() else {
            return false;
        };
        if order.attempts > 0 {
            self.works.doubt(work);
        }
        if order.link.is_none() {
            database.line.retain(|waits| *waits != id);
            database.orders.remove(id);
        }
        database.counts.late += 1;
        self.work_done(work, WorkResult::Returned(rows, StoreError::TimedOut));
        true
    }
}
