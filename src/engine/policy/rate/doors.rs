//! How many connections one address may have: whoever opens more is told so, and whoever does not
//! listen is shut out.
//!
//! ```text
//!  connections of one address:  1 … cap      cap + 1 … 2 × cap             more
//!                               Open          Told: 429 to its request      Shut: closed at once
//! ```
//! An answer needs a connection for as long as it takes to send it, so there is a bound on how many
//! of them are told.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Subject;
use crate::engine::chance::Keyed;

/// How a new connection is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Come in.
    Open,
    /// It gets an answer, and the answer is no.
    Told,
    /// Nothing at all.
    Shut,
}

/// The connections of each address. Without a cap it counts nothing.
#[derive(Debug)]
pub struct Doors {
    cap: Option<u32>,
    /// Only those who have any, so never more than there are connections.
    counts: HashMap<Subject, u32, Keyed>,
}

impl Doors {
    /// At most `cap` for each, of `clients` in all.
    #[must_use]
    pub fn new(cap: Option<u32>, clients: usize, seed: u64) -> Self {
        // Removed entries leave marks, so room for as many again spares it from growing.
        let room = cap.map_or(0, |_| 2 * clients);
        Doors {
            cap,
            counts: HashMap::with_capacity_and_hasher(room, Keyed(seed)),
        }
    }

    /// Somebody knocks. Unless it is shut out it has to [`leave`](Doors::leave) some time.
    pub fn knock(&mut self, who: Subject) -> Door {
        let Some(cap) = self.cap else {
            return Door::Open;
        };
        match self.counts.entry(who) {
            Entry::Vacant(none) => {
                none.insert(1);
                Door::Open
            }
            Entry::Occupied(mut count) => {
                let before = *count.get();
                if before >= cap.saturating_mul(2) {
                    return Door::Shut;
                }
                *count.get_mut() += 1;
                if before < cap { Door::Open } else { Door::Told }
            }
        }
    }

    /// A connection has ended.
    pub fn leave(&mut self, who: Subject) {
        if let Entry::Occupied(mut count) = self.counts.entry(who) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// How many may be open, if there is a cap.
    #[must_use]
    pub fn cap(&self) -> Option<u32> {
        self.cap
    }

    /// How many addresses have any.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether nobody has any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_over_its_cap_is_no_matter_to_another() {
        let mut doors = Doors::new(Some(2), 16, 1);
        let (crowd, other) = (Subject::V4(1), Subject::V4(2));
        let met: Vec<Door> = (0..6).map(|_| doors.knock(crowd)).collect();
        use Door::{Open, Shut, Told};
        assert_eq!(met, [Open, Open, Told, Told, Shut, Shut]);
        assert_eq!(doors.knock(other), Open);
        doors.leave(crowd);
        assert_eq!(doors.knock(crowd), Told, "still three");
        for _ in 0..4 {
            doors.leave(crowd);
        }
        doors.leave(other);
        assert!(doors.is_empty());
    }

    #[test]
    fn without_a_cap_nobody_is_counted() {
        let mut doors = Doors::new(None, 16, 1);
        assert!((0..99).all(|_| doors.knock(Subject::V4(1)) == Door::Open));
        assert!(doors.is_empty());
    }
}
