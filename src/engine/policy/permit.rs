//! Permits: how many calls there may be at a provider at a time, and who is next.
//!
//! ```text
//!  ask ──► Taken ───────────────────────► give back
//!    │ none left, or others were first        │
//!    ├──► InLine ──(leave: waits no more)     ▼
//!    └──► Full        └──────────────────► take next
//!
//!  the line:   back again ─► first of all
//!              A: 1 2 3 ─┐
//!              B: 4      ├─► 1 4 5 2 6 3: each of those who ask in turn, its own in their order
//!              C: 5 6   ─┘
//! ```
//! A permit is taken before anything is dispatched, held through connecting, asking and answering,
//! and given back on every end, a pause between two attempts included: a call that sleeps keeps
//! nobody waiting. A call that comes back from such a pause goes to the *front* of the line: it is
//! older than those who wait, and its client has waited longest. It comes back a few times at most, so
//! nobody starves behind it.
//!
//! Turns go round among those who ask (`Who`), so that somebody with a thousand calls in line and
//! somebody with one are served alike. A quarter of the line is for those who have nobody in it, or the
//! thousand would keep the one out.
//!
//! Knows no time: how long a place in line is kept is its owner's deadline.

use std::collections::{BTreeMap, VecDeque};

/// The permits of one provider, for callers named by `Id`, on behalf of `Who`.
#[derive(Debug)]
pub struct Permits<Id, Who> {
    max: usize,
    used: usize,
    /// Those who had a permit before.
    back: VecDeque<Id>,
    /// The others. No line is empty.
    lines: BTreeMap<Who, VecDeque<Id>>,
    /// Whose turn is next: everybody with a line, once.
    turns: VecDeque<Who>,
    /// How many are in all of these.
    waiting: usize,
    /// How many may be.
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

impl<Id: Copy + PartialEq, Who: Copy + Ord> Permits<Id, Who> {
    /// `max` permits, and a line for at most `room`.
    #[must_use]
    pub fn new(max: usize, room: usize) -> Self {
        Permits {
            max,
            used: 0,
            back: VecDeque::new(),
            lines: BTreeMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            room,
        }
    }

    /// Somebody comes for the first time: nobody is overtaken.
    pub fn ask(&mut self, id: Id, who: Who) -> Place {
        if self.is_free() {
            self.used += 1;
            return Place::Taken;
        }
        if !self.has_room_for(who) {
            return Place::Full;
        }
        let line = self.lines.entry(who).or_default();
        if line.is_empty() {
            self.turns.push_back(who);
        }
        line.push_back(id);
        self.waiting += 1;
        Place::InLine
    }

    /// Somebody comes back who had a permit before. Never turned away: whoever was let in once is
    /// counted where it was let in.
    pub fn ask_again(&mut self, id: Id) -> Place {
        if self.used < self.max {
            self.used += 1;
            Place::Taken
        } else {
            self.back.push_front(id);
            self.waiting += 1;
            Place::InLine
        }
    }

    /// Takes a permit for the first in line.
    pub fn take_next(&mut self) -> Option<Id> {
        if self.used >= self.max {
            return None;
        }
        let id = self.back.pop_front().or_else(|| self.next_turn())?;
        self.waiting -= 1;
        self.used += 1;
        Some(id)
    }

    fn next_turn(&mut self) -> Option<Id> {
        let who = self.turns.pop_front()?;
        let line = self.lines.get_mut(&who)?;
        let id = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&who);
        } else {
            self.turns.push_back(who);
        }
        id
    }

    /// A permit comes back.
    pub fn give_back(&mut self) {
        debug_assert!(self.used > 0, "a permit that nobody had");
        self.used = self.used.saturating_sub(1);
    }

    /// Somebody waits no more.
    pub fn leave(&mut self, id: Id, who: Who) {
        // Most who leave have waited longest, so they are found at once and nobody moves up far.
        let place = |line: &VecDeque<Id>| line.iter().position(|other| *other == id);
        if let Some(at) = place(&self.back) {
            self.back.remove(at);
            self.waiting -= 1;
        } else if let Some(line) = self.lines.get_mut(&who)
            && let Some(at) = place(line)
        {
            line.remove(at);
            self.waiting -= 1;
            if line.is_empty() {
                self.lines.remove(&who);
                self.turns.retain(|other| *other != who);
            }
        }
    }

    /// Whether anybody who comes now gets a permit at once.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.used < self.max && self.waiting == 0
    }

    /// Whether anybody who comes now gets a permit or a place in line.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.is_free() || self.waiting < self.room
    }

    /// Whether `who` does.
    #[must_use]
    pub fn has_room_for(&self, who: Who) -> bool {
        let kept = if self.lines.contains_key(&who) {
            self.room / 4
        } else {
            0
        };
        self.is_free() || self.waiting < self.room - kept
    }

    /// There are more permits from now on, or fewer: those that are taken too many come back in
    /// time. Returns whether somebody in line may have one now.
    pub fn set_max(&mut self, max: usize) -> bool {
        self.max = max;
        self.used < self.max && self.waiting > 0
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

    /// How many wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody who asks; the permits are for one.
    const ME: char = 'A';

    #[test]
    fn first_come_first_served_and_no_more_than_there_are() {
        let mut permits = Permits::new(2, 2);
        let places: Vec<Place> = (1..=5).map(|id| permits.ask(id, ME)).collect();
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
            permits.ask(6, ME),
            Place::Full,
            "a free permit is not for who comes late"
        );
        assert_eq!(permits.take_next(), Some(3));
        assert_eq!((permits.used(), permits.take_next()), (2, None));
    }

    #[test]
    fn turns_go_round_among_those_who_ask() {
        let mut permits = Permits::new(0, 99);
        for (who, ids) in [('A', &[1, 2, 3][..]), ('B', &[4]), ('C', &[5, 6])] {
            for id in ids {
                permits.ask(*id, who);
            }
        }
        permits.ask_again(7);
        permits.max = 99;
        let served: Vec<i32> = std::iter::from_fn(|| permits.take_next()).collect();
        assert_eq!(served, [7, 1, 4, 5, 2, 6, 3]);
        assert!(permits.lines.is_empty() && permits.turns.is_empty() && permits.waiting() == 0);
    }

    #[test]
    fn a_thousand_of_one_do_not_keep_the_one_of_another_out() {
        let mut permits = Permits::new(0, 8);
        let thousand = (0..1_000).map(|id| permits.ask(id, 'A'));
        assert_eq!(thousand.filter(|place| *place == Place::InLine).count(), 6);
        assert_eq!(permits.ask(1_001, 'B'), Place::InLine);
        assert_eq!(permits.ask(1_002, 'B'), Place::Full);
        assert_eq!(permits.ask(1_003, 'C'), Place::InLine);
        assert_eq!(
            (permits.ask(1_004, 'D'), permits.waiting()),
            (Place::Full, 8)
        );
        permits.max = 2;
        assert_eq!(
            (permits.take_next(), permits.take_next()),
            (Some(0), Some(1_001))
        );
    }

    #[test]
    fn who_comes_back_is_first_in_line_even_when_it_is_full() {
        let mut permits = Permits::new(1, 1);
        permits.ask(1, ME);
        permits.ask(2, ME);
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
            permits.ask(id, ME);
        }
        permits.ask(4, 'B');
        permits.leave(2, ME);
        permits.leave(4, 'B');
        permits.leave(99, 'C');
        permits.give_back();
        assert_eq!(permits.take_next(), Some(3));
        assert_eq!((permits.waiting(), permits.turns.len()), (0, 0));
    }

    #[test]
    fn fewer_permits_are_waited_for_and_more_are_given_out() {
        let mut permits = Permits::new(2, 9);
        (1..=4).for_each(|id| {
            permits.ask(id, ME);
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
        assert_eq!(permits.ask(1, ME), Place::InLine);
        assert_eq!(permits.take_next(), None);
    }
}
