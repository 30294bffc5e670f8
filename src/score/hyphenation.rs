//! Syllables of a word that is in no dictionary, by Frank Liang's hyphenation patterns.
//!
//! Liang ("Word Hy-phen-a-tion by Com-put-er", Stanford 1983) found a few thousand short patterns
//! with digits between their letters. A pattern that occurs in a word puts its digits between the
//! letters of the word, the largest digit of each place wins, and a word may be broken where it is
//! odd:
//!
//! ```text
//!     . h y p h e n .        patterns  hy3ph  he2n  hena4  ...
//!      0 0 3 0 0 2 0         3 is odd: hy-phen
//! ```
//!
//! A word with n such places has n + 1 syllables, as far as typography can tell.
//!
//! The patterns lie in a trie. The word comes letter by letter and may have any length, so all
//! pattern beginnings that still match are followed at the same time ([`Hyphenator::open`]), and
//! a place is settled as soon as no pattern can reach back to it. Memory is constant, and a letter
//! costs at most [`LONGEST_PATTERN`] steps.

/// Letters of the longest pattern, with the dots that stand for the ends of a word.
const LONGEST_PATTERN: usize = 28;
/// Places kept: those that a pattern may still reach. A power of two, to wrap cheaply.
const PLACES: usize = 32;
/// No break before the second letter and none after the last but one, as in the reference.
const MARGIN: usize = 2;

const _: () = assert!(PLACES > LONGEST_PATTERN && PLACES.is_power_of_two());

/// Counts the places where a word may be broken.
#[derive(Clone, Debug)]
pub(super) struct Hyphenator {
    /// Nodes of the trie where pattern beginnings are that match up to here.
    open: [u16; LONGEST_PATTERN],
    open_count: usize,
    /// The largest digit of each of the last places; place p is before character p of ".word.".
    digits: [u8; PLACES],
    /// Characters of ".word." so far.
    length: usize,
    breaks: u64,
}

impl Hyphenator {
    /// At the beginning of a word.
    pub(super) fn new() -> Self {
        let mut new = Self {
            open: [0; LONGEST_PATTERN],
            open_count: 0,
            digits: [0; PLACES],
            length: 0,
            breaks: 0,
        };
        new.push('.');
        new
    }

    /// The next letter, in lower case.
    pub(super) fn push(&mut self, c: char) {
        self.length += 1;
        if self.length >= PLACES {
            self.settle(self.length - PLACES, usize::MAX);
        }
        self.digits[self.length % PLACES] = 0;
        let Some(symbol) = symbol(c) else {
            self.open_count = 0;
            return;
        };
        let mut kept = 0;
        for i in 0..self.open_count {
            if let Some(node) = child(self.open[i], symbol) {
                self.open[kept] = node;
                kept += 1;
            }
        }
        if let Some(node) = child_of_root(symbol) {
            self.open[kept] = node;
            kept += 1;
        }
        self.open_count = kept;
        for i in 0..kept {
            self.raise(points(self.open[i]));
        }
    }

    /// The syllables of the word, now that it has ended.
    pub(super) fn finish(mut self) -> u64 {
        self.push('.');
        let letters = self.length - 2;
        for place in self.length.saturating_sub(PLACES - 1)..=self.length {
            self.settle(place, letters);
        }
        self.breaks + 1
    }

    /// A pattern ends here: its last digit belongs to the place after the last character.
    fn raise(&mut self, points: &[u8]) {
        let first = self.length + 1 - points.len();
        for (i, &digit) in points.iter().enumerate() {
            let place = &mut self.digits[(first + i) % PLACES];
            *place = digit.max(*place);
        }
    }

    /// No pattern can change this place any more. `letters` of the word, if it has ended.
    fn settle(&mut self, place: usize, letters: usize) {
        // Place 0 is before the leading dot, so `place - 1` letters are before the break.
        let before = place.saturating_sub(1);
        let inside = before >= MARGIN && before.saturating_add(MARGIN) <= letters;
        self.breaks += u64::from(inside && self.digits[place % PLACES] % 2 == 1);
    }
}

// --- The trie, read from its file: see `hyphenation` in data/make_tables.py ----------------------

const BYTES: &[u8] = include_bytes!("data/hyphens.bin");
const NODES: usize = u16_at(0) as usize;
const ALPHABET: usize = u16_at(2) as usize;
const SYMBOLS_AT: usize = 4 + 4 * ALPHABET;
const FIRST_CHILD_AT: usize = SYMBOLS_AT + NODES;
const POINTS_AT: usize = FIRST_CHILD_AT + 2 * (NODES + 1);
const DIGITS_AT: usize = POINTS_AT + 2 * NODES;
const FIRST_CHILD_OF_ROOT: u16 = u16_at(FIRST_CHILD_AT);
const END_OF_CHILDREN_OF_ROOT: u16 = u16_at(FIRST_CHILD_AT + 2);

const fn u16_at(at: usize) -> u16 {
    u16::from_le_bytes([BYTES[at], BYTES[at + 1]])
}

/// The number of a character in the alphabet of the patterns.
fn symbol(c: char) -> Option<u8> {
    if c.is_ascii_lowercase() {
        return Some(c as u8 - b'a');
    }
    let code = (c as u32).to_le_bytes();
    let (alphabet, _) = BYTES[4..SYMBOLS_AT].as_chunks::<4>();
    let place = alphabet.iter().position(|letter| *letter == code)?;
    u8::try_from(place).ok()
}

/// Where a symbol leads from a node. Siblings are neighbours, so it is a scan of one or two bytes
/// almost always.
fn child(node: u16, symbol: u8) -> Option<u16> {
    let at = FIRST_CHILD_AT + 2 * usize::from(node);
    let (first, end) = (u16_at(at), u16_at(at + 2));
    (first..end).find(|&child| BYTES[SYMBOLS_AT + usize::from(child)] == symbol)
}

/// The same from the root, whose children lie in the order of their symbols, without gaps.
fn child_of_root(symbol: u8) -> Option<u16> {
    let child = FIRST_CHILD_OF_ROOT + u16::from(symbol);
    (child < END_OF_CHILDREN_OF_ROOT).then_some(child)
}

/// The digits of the pattern that ends at a node; the last one is for the place after it.
fn points(node: u16) -> &'static [u8] {
    let at = DIGITS_AT + usize::from(u16_at(POINTS_AT + 2 * usize::from(node)));
    &BYTES[at + 1..=at + usize::from(BYTES[at])]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: u16 = 0;

    fn syllables(word: &str) -> u64 {
        let mut hyphenator = Hyphenator::new();
        word.chars().for_each(|c| hyphenator.push(c));
        hyphenator.finish()
    }

    #[test]
    fn breaks_words_as_the_reference_does() {
        for (word, count) in [
            ("hyphenation", 3),
            ("algorithm", 3),
            ("a", 1),
            ("", 1),
            ("ﬁnder", 1),
        ] {
            assert_eq!(syllables(word), count, "{word}");
        }
    }

    #[test]
    fn every_node_can_be_reached_and_read() {
        for symbol in 0..ALPHABET as u8 {
            assert_eq!(child_of_root(symbol), child(ROOT, symbol));
        }
        let mut nodes = vec![ROOT];
        let mut seen = 0;
        while let Some(node) = nodes.pop() {
            seen += 1;
            assert!(points(node).len() <= LONGEST_PATTERN + 1);
            nodes.extend((0..ALPHABET).filter_map(|s| child(node, s as u8)));
        }
        assert_eq!(seen, NODES);
    }

    #[test]
    fn a_word_longer_than_the_window_is_counted_to_its_end() {
        // "table" on its own has one break; a chain of them must have as many per repetition at
        // the far end as in the middle.
        let chain = |n: usize| syllables(&"table".repeat(n));
        let step = chain(11) - chain(10);
        assert_eq!(chain(1000) - chain(999), step);
        assert_eq!(chain(1000), chain(10) + 990 * step);
    }
}
