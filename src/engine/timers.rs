//! Deadlines: a heap that is corrected lazily.
//!
//! Most deadlines move later and never fire (a connection that is in use keeps pushing its idle
//! limit away), so moving one later must cost nothing. The owner keeps the true deadline in a
//! [`Timer`] field; the heap holds at least one entry that is not later than it.
//!
//! ```text
//!  set later     owner.at := t                    (one write; the heap is not touched)
//!  set earlier   owner.at := t, push (t, owner)
//!  pop (t, owner):  owner gone            → drop
//!                   an earlier push won   → drop   (owner.armed ≠ t)
//!                   owner.at > t          → push (owner.at, owner) again
//!                   owner.at ≤ t          → due
//! ```
//! Entries that lost are dropped when popped, or all at once when they outnumber the owners.
//! Equal deadlines fire in the order of [`Owner`], so a run can be repeated.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::now::Mono;
use super::slots::{CallId, ConnId, DialId, ExchangeId, GenerationId, WatchId};

/// Whose deadline it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A connection: head, body, idle, stall, linger.
    Conn(ConnId),
    /// A request: heartbeat or the limit of a wait.
    Exchange(ExchangeId),
    /// A text: total, grace, scoring, saving, replay.
    Generation(GenerationId),
    /// An attempt: pool wait, first byte, gap, pace of the offline provider.
    Call(CallId),
    /// An attempt to connect: the next address, or the end of the attempt.
    Dial(DialId),
    /// Those who wait for a name, by its place in the table of names.
    Name(u16),
    /// A look-up of our own resolver, by the same: the next question, or the end.
    Lookup(u16),
    /// Orders that wait for the database, or the next attempt to reach it.
    Database,
    /// The next attempt to reach Redis.
    Redis,
    /// Requests that wait for a shared counter.
    Share,
    /// That counter, where the database is it.
    Counters,
    /// The spill journal: the next try to replay it.
    Spill,
    /// Jobs: the next look for items, or sign of life.
    Jobs,
    /// A job that is watched: the next look at it.
    Watch(WatchId),
    /// Webhooks: the next look for deliveries.
    Hooks,
    /// Idempotency keys in use: they are to be renewed.
    Keys,
    /// Rows that are kept no longer: the next of them are removed.
    Retention,
    /// The engine itself: the end of a shutdown, house-keeping.
    House,
}

impl Owner {
    /// Those that are in no table: there is one of each, at most.
    pub const SINGLE: [Owner; 10] = [
        Owner::Database,
        Owner::Redis,
        Owner::Share,
        Owner::Counters,
        Owner::Spill,
        Owner::Jobs,
        Owner::Hooks,
        Owner::Keys,
        Owner::Retention,
        Owner::House,
    ];
}

/// The deadline field of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    at: Mono,
    armed: Mono,
}

impl Default for Timer {
    fn default() -> Self {
        Timer {
            at: Mono::NEVER,
            armed: Mono::NEVER,
        }
    }
}

impl Timer {
    /// When it is due; [`Mono::NEVER`] when it is not set.
    #[must_use]
    pub fn at(&self) -> Mono {
        self.at
    }

    /// Switches it off. The entry in the heap finds out when it is popped.
    pub fn clear(&mut self) {
        self.at = Mono::NEVER;
    }
}

/// What to do with an entry that was popped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Popped {
    /// The deadline has come.
    Due,
    /// The entry was out of date; nothing is due.
    Stale,
}

/// The heap.
#[derive(Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Mono, Owner)>>,
}

impl Timers {
    /// Sets the deadline of `owner`, whose field is `timer`, to `at`.
    pub fn set(&mut self, owner: Owner, timer: &mut Timer, at: Mono) {
        timer.at = at;
        if at < timer.armed {
            timer.armed = at;
            self.heap.push(Reverse((at, owner)));
        }
    }

    /// The earliest entry. It may be out of date, so waking up at it may find nothing to do.
    #[must_use]
    pub fn next(&self) -> Mono {
        self.heap.peek().map_or(Mono::NEVER, |Reverse((at, _))| *at)
    }

    /// Takes the earliest entry that is not after `now`.
    pub fn pop(&mut self, now: Mono) -> Option<(Mono, Owner)> {
        if self.next() > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// Compares an entry popped for time `popped` with the field of its owner.
    pub fn judge(&mut self, popped: Mono, owner: Owner, timer: &mut Timer) -> Popped {
        if timer.armed != popped {
            return Popped::Stale;
        }
        timer.armed = Mono::NEVER;
        if timer.at > popped {
            if timer.at != Mono::NEVER {
                timer.armed = timer.at;
                self.heap.push(Reverse((timer.at, owner)));
            }
            return Popped::Stale;
        }
        timer.at = Mono::NEVER;
        Popped::Due
    }

    /// Entries in the heap, those out of date included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether the heap is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Drops the entries whose owner no longer points at them, if they may be the larger part.
    pub fn compact(&mut self, owners: usize, mut field: impl FnMut(Owner) -> Option<Timer>) {
        if self.heap.len() > 2 * owners + 64 {
            self.heap
                .retain(|Reverse((at, owner))| field(*owner).is_some_and(|t| t.armed == *at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUSE: Owner = Owner::House;

    #[test]
    fn later_costs_no_entry_and_fires_once_at_the_new_time() {
        let (mut timers, mut field) = (Timers::default(), Timer::default());
        timers.set(HOUSE, &mut field, Mono(10));
        timers.set(HOUSE, &mut field, Mono(30));
        assert_eq!(timers.len(), 1);

        assert_eq!(timers.pop(Mono(10)), Some((Mono(10), HOUSE)));
        assert_eq!(timers.judge(Mono(10), HOUSE, &mut field), Popped::Stale);
        assert_eq!(timers.pop(Mono(29)), None);
        assert_eq!(timers.pop(Mono(30)), Some((Mono(30), HOUSE)));
        assert_eq!(timers.judge(Mono(30), HOUSE, &mut field), Popped::Due);
        assert_eq!(timers.next(), Mono::NEVER);
    }

    #[test]
    fn earlier_fires_early_and_the_old_entry_is_stale() {
        let (mut timers, mut field) = (Timers::default(), Timer::default());
        timers.set(HOUSE, &mut field, Mono(30));
        timers.set(HOUSE, &mut field, Mono(10));

        assert_eq!(timers.pop(Mono(40)), Some((Mono(10), HOUSE)));
        assert_eq!(timers.judge(Mono(10), HOUSE, &mut field), Popped::Due);
        assert_eq!(timers.pop(Mono(40)), Some((Mono(30), HOUSE)));
        assert_eq!(timers.judge(Mono(30), HOUSE, &mut field), Popped::Stale);
    }

    #[test]
    fn a_cleared_timer_never_fires() {
        let (mut timers, mut field) = (Timers::default(), Timer::default());
        timers.set(HOUSE, &mut field, Mono(10));
        field.clear();
        assert_eq!(timers.pop(Mono(10)), Some((Mono(10), HOUSE)));
        assert_eq!(timers.judge(Mono(10), HOUSE, &mut field), Popped::Stale);
        assert!(timers.is_empty());
    }

    /// Whoever is added does not compile here before it is said where it is counted.
    #[test]
    fn whoever_is_in_no_table_is_on_the_list() {
        let place = |owner: &Owner| match owner {
            Owner::Conn(_)
            | Owner::Exchange(_)
            | Owner::Generation(_)
            | Owner::Call(_)
            | Owner::Dial(_)
            | Owner::Name(_)
            | Owner::Lookup(_)
            | Owner::Watch(_) => None,
            Owner::Database => Some(0),
            Owner::Redis => Some(1),
            Owner::Share => Some(2),
            Owner::Counters => Some(3),
            Owner::Spill => Some(4),
            Owner::Jobs => Some(5),
            Owner::Hooks => Some(6),
            Owner::Keys => Some(7),
            Owner::Retention => Some(8),
            Owner::House => Some(9),
        };
        let places: Vec<_> = Owner::SINGLE.iter().map(place).collect();
        let each: Vec<_> = (0..10).map(Some).collect();
        assert_eq!(places, each);
    }

    #[test]
    fn a_crowd_of_lost_entries_is_swept() {
        let (mut timers, mut field) = (Timers::default(), Timer::default());
        for t in (0..1000u64).rev() {
            timers.set(HOUSE, &mut field, Mono(t + 1));
        }
        timers.compact(1, |_| Some(field));
        assert_eq!(timers.len(), 1);
        assert_eq!(timers.next(), Mono(1));
    }
}
