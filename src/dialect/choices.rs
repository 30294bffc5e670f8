//! Which of several answers to one request have come to their end.
//!
//! A client may ask for `n` answers at once. Only the one with index 0 becomes events; the others
//! are passed on unread, and only between equal dialects. But the whole is whole only when each of
//! them has said why it stopped.

use crate::limits;

/// A mark for each answer that is at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choices {
    /// One bit per answer that was asked for.
    wanted: u32,
    finished: u32,
}

/// The mark of one answer that nobody asked for in more than one.
impl Default for Choices {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Choices {
    /// For `n` answers, from 1 to [`limits::CHOICES`].
    pub(super) const fn new(n: u32) -> Self {
        let wanted = match 1_u32.checked_shl(n) {
            Some(beyond) => beyond - 1,
            None => u32::MAX,
        };
        Self {
            wanted,
            finished: 0,
        }
    }

    /// The mark of the answer `index`; none beyond the limit.
    pub(super) const fn mark(index: u64) -> u32 {
        if index < limits::CHOICES {
            1 << index
        } else {
            0
        }
    }

    pub(super) const fn finish(&mut self, marks: u32) {
        self.finished |= marks;
    }

    /// Whether the answer with index 0 is at its end.
    pub(super) const fn first_is_finished(self) -> bool {
        self.finished & 1 != 0
    }

    pub(super) const fn all_are_finished(self) -> bool {
        self.finished & self.wanted == self.wanted
    }
}

const _: () = assert!(limits::CHOICES == u32::BITS as u64);
