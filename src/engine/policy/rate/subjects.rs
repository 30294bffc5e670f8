//! The table of those who have asked lately: bounded, and in the order of their last request.
//!
//! ```text
//!   a map: who ─► place       places:  [shared] [A] [B] [C] …
//!                                               newest ◄─► … ◄─► oldest
//! ```
//! Who comes anew takes a free place; if there is none, the place of the one who has not asked for
//! longest, if all of its windows are over: then it owes nothing and is forgotten without loss. If
//! they are not, the newcomer has no place of its own and is counted in the *shared* one, together
//! with all others in its position, until one comes free. So nobody who is known can push past
//! its limit by sending from many addresses, and those who are known go on as before; what an attack
//! from more addresses than there are places costs is the allowance of newcomers.
//!
//! Each step is O(1): one look-up and a few links.

use std::collections::HashMap;

use super::Subject;
use super::lease::Lease;
use super::window::Window;
use crate::config::RateRule;
use crate::engine::chance::Keyed;
use crate::engine::now::Mono;
use crate::limits::RATE_METERS;

/// A place in the table, with how often it was given away before: who has lost it is not taken for
/// who has it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    index: u32,
    epoch: u32,
}

impl Place {
    /// Whether it is the one for all who have none.
    pub(super) fn is_shared(self) -> bool {
        self.index == SHARED
    }
}

/// The place for those who have none.
const SHARED: u32 = 0;
/// No neighbour.
const NONE: u32 = u32::MAX;

/// What is known of somebody.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) who: Subject,
    pub(super) windows: [Window; RATE_METERS],
    /// Blocks of each limit, where a counter is shared with other processes; otherwise none.
    pub(super) leases: Vec<Lease>,
    epoch: u32,
    newer: u32,
    older: u32,
}

impl Entry {
    fn new(who: Subject, shared: &[RateRule]) -> Entry {
        Entry {
            who,
            windows: [Window::default(); RATE_METERS],
            leases: shared.iter().map(|rule| Lease::new(*rule)).collect(),
            epoch: 0,
            newer: NONE,
            older: NONE,
        }
    }

    fn is_over(&self, now: Mono) -> bool {
        let windows = self.windows.iter().all(|window| window.is_over(now));
        windows && self.leases.iter().all(|lease| lease.is_over(now))
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Subjects {
    entries: Vec<Entry>,
    by_who: HashMap<Subject, u32, Keyed>,
    /// How many there may be, without the shared one.
    limit: usize,
    /// The limits whose counters are shared with other processes.
    shared: Vec<RateRule>,
    newest: u32,
    oldest: u32,
}

impl Subjects {
    /// A table for `limit`. The memory is asked for at once; pages nobody touched cost nothing.
    pub(super) fn new(limit: usize, seed: u64) -> Self {
        let mut entries = Vec::with_capacity(limit + 1);
        entries.push(Entry::new(Subject::Others, &[]));
        Subjects {
            entries,
            // Removed entries leave marks, so room for as many again spares it from growing.
            by_who: HashMap::with_capacity_and_hasher(2 * limit, Keyed(seed)),
            limit,
            shared: Vec::new(),
            newest: NONE,
            oldest: NONE,
        }
    }

    /// Gives everybody blocks of these limits.
    pub(super) fn share(&mut self, rules: Vec<RateRule>) {
        self.entries[SHARED as usize] = Entry::new(Subject::Others, &rules);
        self.shared = rules;
    }

    pub(super) fn len(&self) -> usize {
        self.by_who.len()
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Where `who` would be charged now; `None`: in a place that is still to be made.
    pub(super) fn look(&self, now: Mono, who: Subject) -> Option<&Entry> {
        let index = self.index_of(now, who)?;
        self.entries.get(index as usize)
    }

    /// The same, to be asked about its blocks.
    pub(super) fn look_mut(&mut self, now: Mono, who: Subject) -> Option<&mut Entry> {
        let index = self.index_of(now, who)?;
        self.entries.get_mut(index as usize)
    }

    fn index_of(&self, now: Mono, who: Subject) -> Option<u32> {
        if let Some(index) = self.by_who.get(&who) {
            Some(*index)
        } else if who != Subject::Others && self.has_room(now) {
            None
        } else {
            Some(SHARED)
        }
    }

    /// The place of `who`, which may be the shared one. It is the newest from here on.
    pub(super) fn place(&mut self, now: Mono, who: Subject) -> Place {
        let index = match self.by_who.get(&who) {
            Some(index) => {
                let index = *index;
                self.unlink(index);
                index
            }
            None if who == Subject::Others => return self.at(SHARED),
            None => match self.free_place(now, who) {
                Some(index) => index,
                None => return self.at(SHARED),
            },
        };
        self.link_newest(index);
        self.at(index)
    }

    /// Who has a place, if it is still the same one's.
    pub(super) fn entry_mut(&mut self, place: Place) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(place.index as usize)?;
        (entry.epoch == place.epoch).then_some(entry)
    }

    /// So many places from this one on; `None` past the last one.
    pub(super) fn entries_mut(&mut self, from: usize, places: usize) -> Option<&mut [Entry]> {
        let until = self.entries.len().min(from.saturating_add(places));
        self.entries
            .get_mut(from..until)
            .filter(|some| !some.is_empty())
    }

    fn at(&self, index: u32) -> Place {
        Place {
            index,
            epoch: self.entries[index as usize].epoch,
        }
    }

    fn has_room(&self, now: Mono) -> bool {
        let oldest = self.entries.get(self.oldest as usize);
        self.by_who.len() < self.limit || oldest.is_some_and(|entry| entry.is_over(now))
    }

    /// A place for a newcomer: a new one, or that of the oldest who owes nothing.
    fn free_place(&mut self, now: Mono, who: Subject) -> Option<u32> {
        if !self.has_room(now) {
            return None;
        }
        let index = if self.by_who.len() < self.limit {
            self.entries.push(Entry::new(who, &self.shared));
            self.entries.len() as u32 - 1
        } else {
            let index = self.oldest;
            self.unlink(index);
            let entry = &mut self.entries[index as usize];
            self.by_who.remove(&entry.who);
            *entry = Entry {
                epoch: entry.epoch.wrapping_add(1),
                ..Entry::new(who, &self.shared)
            };
            index
        };
        self.by_who.insert(who, index);
        Some(index)
    }

    fn link_newest(&mut self, index: u32) {
        let before = std::mem::replace(&mut self.newest, index);
        let entry = &mut self.entries[index as usize];
        (entry.newer, entry.older) = (NONE, before);
        match self.entries.get_mut(before as usize) {
            Some(before) => before.newer = index,
            None => self.oldest = index,
        }
    }

    fn unlink(&mut self, index: u32) {
        let Entry { newer, older, .. } = self.entries[index as usize];
        match self.entries.get_mut(newer as usize) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older as usize) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::RateRule;

    const RULE: RateRule = RateRule {
        count: 9,
        window_ms: 1_000,
    };

    fn used(table: &mut Subjects, at_ms: u64, who: u32) -> Place {
        let now = Mono(0).plus_ms(at_ms);
        let place = table.place(now, Subject::V4(who));
        table.entry_mut(place).unwrap().windows[0].add(now, RULE, 1);
        place
    }

    fn left(table: &Subjects, at_ms: u64, who: u32) -> u64 {
        let now = Mono(0).plus_ms(at_ms);
        let entry = table.look(now, Subject::V4(who));
        entry.map_or(RULE.count, |entry| entry.windows[0].left(now, RULE))
    }

    #[test]
    fn who_owes_nothing_is_forgotten_first_and_knows_it() {
        let mut table = Subjects::new(2, 1);
        let first = used(&mut table, 0, 1);
        used(&mut table, 10, 2);
        let third = used(&mut table, 1_001, 3);
        assert!(!third.is_shared());
        assert!(table.entry_mut(first).is_none(), "its place is another's");
        assert_eq!((left(&table, 1_002, 2), left(&table, 1_002, 3)), (8, 8));
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn newcomers_share_one_place_while_all_others_are_needed() {
        let mut table = Subjects::new(2, 1);
        used(&mut table, 0, 1);
        used(&mut table, 0, 2);
        for newcomer in 3..10 {
            assert!(used(&mut table, 1, newcomer).is_shared());
        }
        assert_eq!((left(&table, 2, 99), left(&table, 2, 1)), (2, 8));
        assert!(!used(&mut table, 1_000, 99).is_shared());
    }

    #[test]
    fn asking_again_keeps_a_place() {
        let mut table = Subjects::new(2, 1);
        used(&mut table, 0, 1);
        used(&mut table, 0, 2);
        used(&mut table, 1_500, 1);
        used(&mut table, 1_600, 3);
        assert_eq!(left(&table, 1_700, 1), 8, "2 had to go");
        used(&mut table, 1_700, 3);
        assert_eq!((left(&table, 1_800, 3), table.len()), (7, 2));
    }
}
