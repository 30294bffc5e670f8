//! Which words are too common to be keywords.
//!
//! The lists are in `src/score/data/stop_words.txt`, with what each is for.

use crate::score::table::Table;

/// Made by `data/make_tables.py`.
static TABLE: Table<1> = Table::new(include_bytes!("../data/stop_words.bin"), 1 << 8);

/// What a word can be to a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It ends every phrase.
    Stop,
    /// It may be part of a phrase, and is none by itself.
    Weak,
    /// It may stand between two words of a phrase: "of".
    Link,
    /// Digits or one letter: it may be the last word of a phrase.
    Number,
    /// It may be all of a phrase.
    Content,
}

/// What the lists say of a word in small letters.
pub(super) fn find(word: &str) -> Option<Class> {
    let [section] = TABLE.find(word.as_bytes())?;
    Some(match section {
        1 => Class::Stop,
        2 => Class::Weak,
        4 => Class::Link,
        _ => Class::Content,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_has_its_meaning() {
        assert_eq!(find("the"), Some(Class::Stop));
        assert_eq!(find("new"), Some(Class::Weak));
        assert_eq!(find("news"), Some(Class::Content));
        assert_eq!(find("of"), Some(Class::Link));
        assert_eq!(find("tea"), None);
        assert!(TABLE.words().len() > 900);
    }
}
