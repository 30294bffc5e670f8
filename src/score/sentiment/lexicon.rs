//! The words that VADER knows.

use crate::score::table::{Key, Table};

/// Made by `data/make_tables.py`, which also has the meaning of the payload.
static TABLE: Table<3> = Table::new(include_bytes!("../data/sentiment.bin"), 1 << 11);
const IN_LEXICON: u8 = 1;
const BOOSTS: u8 = 2;
const DAMPENS: u8 = 4;
const NEGATES: u8 = 8;

/// What a booster adds to the size of the next word's valence.
pub(super) const BOOST: f64 = 0.293;

/// One token of a text, reduced to what the rules ask about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Word {
    pub(super) name: Name,
    /// All its cased letters are capitals, and there is one.
    pub(super) capitals: bool,
    flags: u8,
    tenths: i8,
}

// A text of a million words keeps a million of them.
const _: () = assert!(size_of::<Word>() == 4);

impl Word {
    /// The word with this spelling in lower case, which is looked up.
    pub(super) fn new(key: &Key, capitals: bool, contracted_not: bool) -> Self {
        let found = key.whole().and_then(|word| TABLE.find(word));
        let [tenths, flags, name] = found.unwrap_or_default();
        Self {
            name: Name::ALL
                .get(usize::from(name))
                .copied()
                .unwrap_or(Name::Other),
            capitals,
            flags: if contracted_not {
                flags | NEGATES
            } else {
                flags
            },
            tenths: i8::from_le_bytes([tenths]),
        }
    }

    pub(super) fn is_in_lexicon(self) -> bool {
        self.flags & IN_LEXICON != 0
    }

    /// The valence that the lexicon has for this word.
    pub(super) fn valence(self) -> Option<f64> {
        // The lexicon has one decimal, and the quotient is the double nearest to it.
        self.is_in_lexicon()
            .then_some(f64::from(self.tenths) / 10.0)
    }

    /// What this word adds to the next one's size: more ("very"), less ("hardly") or nothing.
    pub(super) fn boost(self) -> f64 {
        match self.flags & (BOOSTS | DAMPENS) {
            BOOSTS => BOOST,
            DAMPENS => -BOOST,
            _ => 0.0,
        }
    }

    /// "not", "never", "rarely", anything with "n't" in it.
    pub(super) fn negates(self) -> bool {
        self.flags & NEGATES != 0
    }
}

/// Words that a rule calls by name.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub(super) enum Name {
    Other,
    No,
    Or,
    Nor,
    Never,
    So,
    This,
    Without,
    Doubt,
    Least,
    At,
    Very,
    Kind,
    Of,
    But,
    Sort,
    Just,
    Enough,
    The,
    Shit,
    Bomb,
    Bad,
    Ass,
    Bus,
    Stop,
    Yeah,
    Right,
    Kiss,
    Death,
    To,
    Die,
    For,
    Beating,
    Heart,
}

impl Name {
    /// In the order of their numbers in the table.
    #[rustfmt::skip]
    const ALL: [Self; 34] = [
        Self::Other, Self::No, Self::Or, Self::Nor, Self::Never, Self::So, Self::This,
        Self::Without, Self::Doubt, Self::Least, Self::At, Self::Very, Self::Kind, Self::Of,
        Self::But, Self::Sort, Self::Just, Self::Enough, Self::The, Self::Shit, Self::Bomb,
        Self::Bad, Self::Ass, Self::Bus, Self::Stop, Self::Yeah, Self::Right, Self::Kiss,
        Self::Death, Self::To, Self::Die, Self::For, Self::Beating, Self::Heart,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(spelling: &str) -> Word {
        let mut key = Key::default();
        spelling.chars().for_each(|c| assert!(key.push(c)));
        Word::new(&key, false, false)
    }

    #[test]
    fn every_name_is_the_word_it_says() {
        for (number, name) in Name::ALL.into_iter().enumerate() {
            assert_eq!(name as usize, number);
            if name != Name::Other {
                assert_eq!(word(&format!("{name:?}").to_lowercase()).name, name);
            }
        }
    }

    #[test]
    fn the_lexicon_has_words_and_faces() {
        assert_eq!(word("great").valence(), Some(3.1));
        assert_eq!(word(":(").valence(), Some(-1.9));
        assert_eq!(word("table").valence(), None);
        assert_eq!(word("very").boost(), BOOST);
        assert_eq!(word("hardly").boost(), -BOOST);
        assert!(word("rarely").negates());
        assert_eq!(
            TABLE.words().len(),
            TABLE
                .words()
                .iter()
                .filter(|w| TABLE.find(w).is_some())
                .count()
        );
    }
}
