//! What goes into one transaction of the writer: whatever waits, up to a bound.
//!
//! The bound is on rows. A batch of an import, or of the spill journal, has many, so there is one of
//! them in a group at most:
//! however many imports there are, a request waits for one batch, and not for one of each.
//!
//! ```text
//!  waiting   s s s I s s J K s          s: a save; I, J, K: batches of imports
//!  groups    [s s s I] [s s J] [K s]    I fills its group; J and K are short, but are not together
//! ```

use crossbeam_channel::Receiver;

use crate::engine::WorkId;
use crate::engine::work::Cancel;
use crate::limits::WRITE_GROUP;
use crate::store::Write;

/// Something to be written.
#[derive(Debug)]
pub(super) struct Order {
    /// Who is told what became of it.
    pub(super) id: WorkId,
    /// What.
    pub(super) write: Write,
    /// Set if it came by way of a scorer and is not wanted any more. Looked at as late as here,
    /// where the writes are in order: see `engine/work/finish.rs`.
    pub(super) withdrawn: Option<Cancel>,
}

/// The writes of one transaction.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Who is told what became of each of `writes`.
    pub(super) ids: Vec<WorkId>,
    /// The writes, in the order in which they came.
    pub(super) writes: Vec<Write>,
    /// Who is told that its write was left out.
    pub(super) withdrawn: Vec<WorkId>,
    rows: usize,
    imports: bool,
    /// Taken off the queue, but for the group after this one.
    kept: Option<Order>,
}

impl Group {
    /// Whether more is to be written at once.
    pub(super) fn is_followed(&self, waiting: &Receiver<Order>) -> bool {
        self.kept.is_some() || !waiting.is_empty()
    }

    /// The write that the next group begins with, if it is there already.
    pub(super) fn kept(&mut self) -> Option<Order> {
        self.kept.take()
    }

    /// Begins a new group with this write, and takes what else is waiting.
    pub(super) fn fill(&mut self, first: Order, waiting: &Receiver<Order>) {
        self.ids.clear();
        self.writes.clear();
        (self.rows, self.imports) = (0, false);
        self.push(first);
        while self.rows < WRITE_GROUP
            && let Ok(next) = waiting.try_recv()
        {
            if self.imports && is_many(&next.write) {
                self.kept = Some(next);
                return;
            }
            self.push(next);
        }
    }

    fn push(&mut self, order: Order) {
        let Order {
            id,
            write,
            withdrawn,
        } = order;
        if withdrawn.is_some_and(|flag| flag.is_cancelled()) {
            return self.withdrawn.push(id);
        }
        self.imports |= is_many(&write);
        self.rows += match &write {
            Write::Import(rows) => rows.len().max(1),
            Write::Replay(rows) => rows.len().max(1),
            _ => 1,
        };
        self.ids.push(id);
        self.writes.push(write);
    }
}

/// Whether it has as many rows as a group may have.
fn is_many(write: &Write) -> bool {
    matches!(write, Write::Import(_) | Write::Replay(_))
}

#[cfg(test)]
mod tests;
