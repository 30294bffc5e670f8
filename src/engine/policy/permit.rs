//! Permits: how many calls there may be at a provider at a time, and who is next.
//!
//! ```text
//!  ask ──► Taken ───────────────────────► give back
//!    │ none left, or others were first        │
//!    ├──► InLine ──(leave: waits no more)     ▼
//!    └──► Full        └──────────────────► take next: the one that waited longest
//! ```
//! A permit is taken before anything is dispatched, held through connecting, asking and answering,
//! and given back on every end, a pause between two attempts included: a call that sleeps keeps
//! nobody waiting. A call that comes back from such a pause goes to the *front* of the line: it is
//! older than those who wait, and its client has waited longest. It comes back a few times at most, so
//! nobody starves behind it.
//!
//! Knows no time: how long a place in line is kept is its owner's deadline.

use std::collections::VecDeque;

/// The permits of one provider, for callers named by `Id`.
#[derive(Debug)]
pub struct Permits<Id> {
    max: usize,
    used: usize,
    line: VecDeque<Id>,
    /// How many may stand in line.
    room: usize,
}

/// What somebody who asks gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A permit.
    Taken,
    /// A place in line.
    InLine,
    /// Nothing: the line is as long as it may be.
    Full,
}

impl<Id: Copy + PartialEq> Permits<Id> {
    /// `max` permits, and a line for at most `room`.
    #[must_use]
    pub fn new(max: usize, room: usize) -> Self {
        Permits {
            max,
            used: 0,
            line: VecDeque::new(),
            room,
        }
    }

    /// Somebody comes for the first time: nobody is overtaken.
    pub fn ask(&mut self, id: Id) -> Place {
        if self.used < self.max && self.line.is_empty() {
            self.used += 1;
            Place::Taken
        } else if self.line.len() < self.room {
            self.line.push_back(id);
            Place::InLine
        } else {
            Place::Full
        }
    }

    /// Somebody comes back who had a permit before. Never turned away: whoever was let in once is
    /// counted where it was let in.
    pub fn ask_again(&mut self, id: Id) -> Place {
        if self.used < self.max {
            self.used += 1;
            Place::Taken
        } else {
            self.line.push_front(id);
            Place::InLine
        }
    }

    /// Takes a permit for the first in line.
    pub fn take_next(&mut self) -> Option<Id> {
        if self.used >= self.max {
            return None;
        }
        let id = self.line.pop_front()?;
        self.used += 1;
        Some(id)
    }

    /// A permit comes back.
    pub fn give_back(&mut self) {
        debug_assert!(self.used > 0, "a permit that nobody had");
        self.used = self.used.saturating_sub(1);
    }

    /// Somebody waits no more.
    pub fn leave(&mut self, id: Id) {
        // Most who leave have waited longest, so they are found at once and nobody moves up far.
        if let Some(at) = self.line.iter().position(|other| *other == id) {
            self.line.remove(at);
        }
    }

    /// Whether somebody who comes now gets a permit or a place in line.
    #[must_use]
    pub fn has_room(&self) -> bool {
        (self.used < self.max && self.line.is_empty()) || self.line.len() < self.room
    }

    /// There are more permits from now on, or fewer: those that are taken too many come back in
    /// time. Returns whether somebody in line may have one now.
    pub fn set_max(&mut self, max: usize) -> bool {
        self.max = max;
        self.used < self.max && !self.line.is_empty()
    }

    /// Permits that are taken.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// The most there may be.
    #[must_use]
    pub fn max(&self) -> usize {
        self.max
    }

    /// Who waits, the next one first.
    pub fn line(&self) -> impl ExactSizeIterator<Item = &Id> {
        self.line.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_come_first_served_and_no_more_than_there_are() {
        let mut permits = Permits::new(2, 2);
        let places: Vec<Place> = (1..=5).map(|id| permits.ask(id)).collect();
        let expected = [
            Place::Taken,
            Place::Taken,
            Place::InLine,
            Place::InLine,
            Place::Full,
        ];
        assert_eq!(places, expected);
        assert_eq!(permits.take_next(), None);
        permits.give_back();
        assert_eq!(
            permits.ask(6),
            Place::Full,
            "a free permit is not for who comes late"
        );
        assert_eq!(permits.take_next(), Some(3));
        assert_eq!((permits.used(), permits.take_next()), (2, None));
    }

    #[test]
    fn who_comes_back_is_first_in_line_even_when_it_is_full() {
        let mut permits = Permits::new(1, 1);
        permits.ask(1);
        permits.ask(2);
        assert_eq!(permits.ask_again(3), Place::InLine);
        permits.give_back();
        assert_eq!(permits.take_next(), Some(3));
        permits.give_back();
        assert_eq!(
            permits.ask_again(4),
            Place::Taken,
            "and need not wait for who is behind it"
        );
    }

    #[test]
    fn who_leaves_is_passed_over() {
        let mut permits = Permits::new(1, 9);
        for id in 1..=3 {
            permits.ask(id);
        }
        permits.leave(2);
        permits.give_back();
        assert_eq!(permits.take_next(), Some(3));
        assert_eq!(permits.line().len(), 0);
    }

    #[test]
    fn fewer_permits_are_waited_for_and_more_are_given_out() {
        let mut permits = Permits::new(2, 9);
        (1..=4).for_each(|id| {
            permits.ask(id);
        });
        assert!(!permits.set_max(1));
        permits.give_back();
        assert_eq!((permits.used(), permits.take_next()), (1, None));
        assert!(permits.set_max(3));
        assert_eq!(
            (permits.take_next(), permits.take_next()),
            (Some(3), Some(4))
        );
    }

    #[test]
    fn without_any_permit_all_wait() {
        let mut permits = Permits::new(0, 1);
        assert_eq!(permits.ask(1), Place::InLine);
        assert_eq!(permits.take_next(), None);
    }
}
