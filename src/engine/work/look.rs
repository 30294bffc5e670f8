//! What others want to know of work.

use super::{Depth, Kind, State, WorkId, Works};

impl Works {
    /// Whether this piece is with somebody, and nobody wants its result. Rows are always wanted.
    #[must_use]
    pub fn is_dropped(&self, id: WorkId) -> bool {
        let entry = self.entries.get(id);
        entry.is_none_or(|entry| entry.state == State::Dropped)
    }

    /// What kind of piece this is.
    #[must_use]
    pub fn kind_of(&self, id: WorkId) -> Option<Kind> {
        self.entries.get(id).map(|entry| entry.kind)
    }

    /// Pieces that wait or run.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing waits or runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the threads have as many pieces of this kind as they may have.
    #[must_use]
    pub fn is_full(&self, kind: Kind) -> bool {
        self.queues[kind as usize].is_full()
    }

    /// The length of one queue.
    #[must_use]
    pub fn depth(&self, kind: Kind) -> Depth {
        let queue = &self.queues[kind as usize];
        Depth {
            waiting: queue.live,
            waiting_max: queue.waiting_max,
            running: queue.running,
            running_max: queue.running_max,
            finished: queue.finished,
        }
    }
}
