//! Which items of a job have ended, and how the `id` of an event says so.
//!
//! Items end in any order, so how many have ended does not say which. An `id` names them all, and is
//! made of nothing but that: it means the same to every replica and after every restart.
//!
//! ```text
//!  12        the first twelve, which are 0 to 11
//!  12.a      and of those behind item 12 the first and the third: 13 and 15    (a is 1010)
//!  12.a!     the same, and the stream has told all there was to tell
//! ```
//! Few items are in hand at a time, so an `id` is mostly a number; it never has more than 256 characters.

use std::fmt;

use crate::limits::jobs::JOB_ITEMS;

const BITS: usize = u64::BITS as usize;
const WORDS: usize = JOB_ITEMS.div_ceil(BITS);

/// What follows the items in the `id` of the last event.
const OVER: u8 = b'!';

/// A set of places of items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended([u64; WORDS]);

/// What a client has been told, as its `Last-Event-ID` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The items that it knows to have ended.
    pub ended: Ended,
    /// Whether it had the last event too.
    pub over: bool,
}

impl Ended {
    /// Whether the item has ended. No item is at a place past the bound.
    #[must_use]
    pub fn has(&self, position: u32) -> bool {
        let at = position as usize;
        let word = self.0.get(at / BITS).copied().unwrap_or(0);
        (word >> (at % BITS)) & 1 == 1
    }

    /// The item has ended.
    pub fn add(&mut self, position: u32) {
        let at = position as usize;
        if at < JOB_ITEMS
            && let Some(word) = self.0.get_mut(at / BITS)
        {
            *word |= 1 << (at % BITS);
        }
    }

    /// The first place that is not in it, which may be past the end of a job.
    #[must_use]
    pub fn first_open(&self) -> u32 {
        let full = self.0.iter().take_while(|word| **word == u64::MAX).count();
        let rest = self.0.get(full).map_or(0, |word| word.trailing_ones());
        (full * BITS) as u32 + rest
    }

    /// The first place that is in it and not in `other`.
    #[must_use]
    pub fn first_beyond(&self, other: &Ended) -> Option<u32> {
        let mut words = (0..).zip(self.0.iter().zip(&other.0));
        words.find_map(|(nth, (mine, theirs))| {
            let beyond = mine & !theirs;
            (beyond != 0).then(|| nth * u64::BITS + beyond.trailing_zeros())
        })
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Ended) -> Ended {
        Ended(std::array::from_fn(|nth| self.0[nth] & other.0[nth]))
    }

    /// A digit for each place from the first open one to the last that is in it: `1` if it is in it.
    #[must_use]
    pub fn digits(&self) -> String {
        let behind = self.first_open()..self.end();
        behind
            .map(|position| if self.has(position) { '1' } else { '0' })
            .collect()
    }

    /// The place behind the last one that is in it.
    fn end(&self) -> u32 {
        let last = self.0.iter().rposition(|word| *word != 0);
        last.map_or(0, |nth| {
            (nth * BITS) as u32 + u64::BITS - self.0[nth].leading_zeros()
        })
    }

    fn parse(text: &[u8]) -> Option<Ended> {
        let mut parts = text.splitn(2, |byte| *byte == b'.');
        let first = number(parts.next()?).filter(|first| *first as usize <= JOB_ITEMS)?;
        let mut ended = Ended::default();
        (0..first).for_each(|position| ended.add(position));
        let Some(digits) = parts.next() else {
            return Some(ended);
        };
        if digits.is_empty() || digits.len() > JOB_ITEMS.div_ceil(4) {
            return None;
        }
        for (place, digit) in (first + 1..).step_by(4).zip(digits) {
            let digit = char::from(*digit).to_digit(16)?;
            let in_it = (0..4).filter(|nth| (digit >> (3 - nth)) & 1 == 1);
            in_it.for_each(|nth| ended.add(place + nth));
        }
        Some(ended)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, end) = (self.first_open(), self.end());
        write!(f, "{first}")?;
        if end > first {
            f.write_str(".")?;
        }
        for place in (first + 1..end).step_by(4) {
            let digit = (0..4).fold(0, |digit, nth| {
                (digit << 1) | u8::from(self.has(place + nth))
            });
            write!(f, "{digit:x}")?;
        }
        Ok(())
    }
}

impl Seen {
    /// What a `Last-Event-ID` says; `None` if it is the `id` of no event of ours.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Seen> {
        let (items, over) = match text.split_last() {
            Some((&OVER, items)) => (items, true),
            _ => (text, false),
        };
        let ended = Ended::parse(items)?;
        Some(Seen { ended, over })
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = if self.over { "!" } else { "" };
        write!(f, "{}{over}", self.ended)
    }
}

/// A few decimal digits and nothing else.
fn number(text: &[u8]) -> Option<u32> {
    let digits = text.iter().all(u8::is_ascii_digit) && (1..=4).contains(&text.len());
    let text = std::str::from_utf8(text).ok()?;
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(positions: impl IntoIterator<Item = u32>) -> Ended {
        let mut ended = Ended::default();
        positions
            .into_iter()
            .for_each(|position| ended.add(position));
        ended
    }

    fn parse(text: &str) -> Option<Ended> {
        Seen::parse(text.as_bytes()).map(|seen| seen.ended)
    }

    #[test]
    fn an_id_says_which_items_have_ended() {
        for (positions, id) in [
            (vec![], "0"),
            ((0..12).collect(), "12"),
            ((0..12).chain([13, 15]).collect(), "12.a"),
            (vec![1], "0.8"),
            (vec![2, 9], "0.408"),
            ((0..1000).collect(), "1000"),
        ] {
            let ended = of(positions);
            assert_eq!(ended.to_string(), id);
            assert_eq!(parse(id), Some(ended));
        }
        let seen = Seen::parse(b"12.a!").unwrap();
        assert!(seen.over && seen.ended.has(15) && !seen.ended.has(14));
        assert_eq!(seen.to_string(), "12.a!");
    }

    #[test]
    fn every_set_comes_back_from_its_id_and_no_id_is_long() {
        let mut random = fastrand::Rng::with_seed(7);
        for percent in [1, 50, 99] {
            for _ in 0..200 {
                let ended = of((0..JOB_ITEMS as u32).filter(|_| random.u32(..100) < percent));
                let id = ended.to_string();
                assert_eq!(parse(&id), Some(ended), "{id}");
                assert!(id.len() <= 255, "{id}");
            }
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let long = format!("0.{}", "8".repeat(JOB_ITEMS));
        for wrong in [
            "", "!", "-1", "+1", "1001", "00001", "1.", ".8", "1.g", "1.8.8", "1!!", " 1", &long,
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn places_are_found_and_compared() {
        let ended = of((0..70).chain([72]));
        assert_eq!((ended.first_open(), &*ended.digits()), (70, "001"));
        assert_eq!(ended.first_beyond(&of(0..65)), Some(65));
        assert_eq!(ended.first_beyond(&ended), None);
        assert_eq!(ended.and(&of([3, 71, 72])), of([3, 72]));
        let all = of(0..JOB_ITEMS as u32);
        assert_eq!((all.first_open(), &*all.digits()), (JOB_ITEMS as u32, ""));
        let mut same = ended.clone();
        same.add(JOB_ITEMS as u32);
        assert!(same == ended && !same.has(u32::MAX));
    }
}
