//! Which of several answers to one request have come to their end.
//!
//! A client may ask for `n` answers at once. Only the one with index 0 becomes events; the others
//! are passed on unread, and only between equal dialects. But the whole is whole only when each of
//! them has said why it stopped: each that has begun, because there are providers that give fewer
//! than were asked for, and what they give was paid for and may well serve. What comes beyond that
//! was not asked for, and nothing depends on it.

use crate::limits;

/// A mark for each answer that has begun, and for each that is at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choices {
    /// One bit per answer that was asked for.
    wanted: u32,
    begun: u32,
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
            begun: 0,
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

    pub(super) const fn begin(&mut self, marks: u32) {
        self.begun |= marks & self.wanted;
    }

    pub(super) const fn finish(&mut self, marks: u32) {
        self.begin(marks);
        self.finished |= marks;
    }

    /// Whether the answer with index 0 is at its end.
    pub(super) const fn first_is_finished(self) -> bool {
        self.finished & 1 != 0
    }

    /// Whether there is one, and each is at its end.
    pub(super) const fn all_are_finished(self) -> bool {
        self.begun != 0 && self.finished & self.begun == self.begun
    }
}

const _: () = assert!(limits::CHOICES == u32::BITS as u64);
