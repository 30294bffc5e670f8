//! Work that is sent another way than the one it was submitted for: see `engine/detour.rs`.

use super::{State, Work, WorkOwner, Works};
use crate::engine::slots::{OrderId, WorkId};
use crate::store::journal::Overlay;

impl Works {
    /// What a piece that was dispatched is about, as long as no thread has it.
    #[must_use]
    pub(in crate::engine) fn content(&self, id: WorkId) -> Option<&Work> {
        let entry = self.entries.get(id)?;
        entry.work.as_ref().filter(|_| entry.detour.is_none())
    }

    /// Sends a piece that was dispatched on its way again, under the same id and to the same owner,
    /// as other work. If nobody wants its result any more, it is gone.
    pub(in crate::engine) fn again(&mut self, id: WorkId, work: Work, detour: Option<Overlay>) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        self.queues[entry.kind as usize].running -= 1;
        if entry.state == State::Dropped {
            self.entries.remove(id);
            return;
        }
        entry.kind = work.kind();
        entry.work = Some(work);
        entry.state = State::Waiting;
        entry.order = None;
        entry.detour = detour.map(Box::new).or(entry.detour.take());
        let queue = &mut self.queues[entry.kind as usize];
        queue.waiting.push_back(id);
        queue.live += 1;
        queue.reserved += usize::from(entry.reserved);
    }

    /// A piece is an order now.
    pub(in crate::engine) fn ordered(&mut self, id: WorkId, order: OrderId) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.order = Some(order);
        }
    }

    /// Which order a piece is.
    #[must_use]
    pub(in crate::engine) fn order(&self, id: WorkId) -> Option<OrderId> {
        self.entries.get(id)?.order
    }

    /// Whether a piece adds rows, which may wait in the journal.
    #[must_use]
    pub(in crate::engine) fn adds_rows(&self, id: WorkId) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.adds_rows)
    }

    /// Whether a piece has rows that are owed.
    #[must_use]
    pub(in crate::engine) fn is_owed(&self, id: WorkId) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.owed)
    }

    /// What the journal had to say about a question that the store has answered.
    pub(in crate::engine) fn take_detour(&mut self, id: WorkId) -> Option<Box<Overlay>> {
        self.entries.get_mut(id)?.detour.take()
    }

    /// The owner of a piece.
    #[must_use]
    pub(in crate::engine) fn owner(&self, id: WorkId) -> Option<&WorkOwner> {
        self.entries.get(id).map(|entry| &entry.owner)
    }
}
