//! One queue of work: what waits, in its order, and how much the threads have.

use std::collections::VecDeque;

use super::WorkId;

/// One queue.
#[derive(Debug)]
pub(super) struct Queue {
    /// In the order of submission; may hold ids of pieces that were cancelled since.
    pub(super) waiting: VecDeque<WorkId>,
    /// Pieces that really wait.
    pub(super) live: usize,
    /// Those of them that have a reserved place.
    pub(super) reserved: usize,
    pub(super) waiting_max: usize,
    pub(super) running: usize,
    pub(super) running_max: usize,
    pub(super) finished: u64,
}

impl Queue {
    pub(super) fn new(waiting_max: usize, running_max: usize) -> Self {
        Queue {
            waiting: VecDeque::new(),
            live: 0,
            reserved: 0,
            waiting_max,
            running: 0,
            running_max,
            finished: 0,
        }
    }

    /// Whether the threads have as much as they may have.
    pub(super) fn is_full(&self) -> bool {
        self.running >= self.running_max
    }
}

/// How long a queue is, for metrics and invariants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Pieces that wait.
    pub waiting: usize,
    /// The bound of those that come without a reserved place.
    pub waiting_max: usize,
    /// Pieces with the threads.
    pub running: usize,
    /// The most that are handed out.
    pub running_max: usize,
    /// Pieces finished so far.
    pub finished: u64,
}
