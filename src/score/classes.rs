//! The kinds of characters that the counts tell apart.
//!
//! The reference libraries are Python, so the lines are drawn where Python's `re` draws them:
//! `\s` takes the four ASCII separators 0x1C to 0x1F, and `\w` takes letters, numbers and the
//! underscore, but no combining marks. Rust's `char::is_alphanumeric` differs in the last point,
//! so word characters past ASCII come from a table that `data/make_tables.py` made.

/// What a character is to the counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Class {
    /// Stands between two tokens.
    Space,
    /// Letter, number or underscore.
    Word,
    /// `.`, `!` or `?`: ends a sentence.
    Stop,
    /// `'`, which belongs to a word when the ending of a contraction follows.
    Apostrophe,
    /// Anything else: counted as a character, and otherwise as if it were not there.
    Other,
}

/// The class of a character.
pub(super) fn class(c: char) -> Class {
    if c.is_ascii() {
        return ASCII[c as usize];
    }
    if c.is_whitespace() {
        return Class::Space;
    }
    if is_word_past_ascii(c as u32) {
        return Class::Word;
    }
    Class::Other
}

/// Whether Python's `str.split` would split here.
pub(super) fn is_space(c: char) -> bool {
    if c.is_ascii() {
        return ASCII[c as usize] == Class::Space;
    }
    c.is_whitespace()
}

/// A piece of text that is read in one go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step<'a> {
    /// A run of the letters a to z, which is most of any English text.
    Letters(&'a str),
    /// Any other character.
    Char(char),
}

/// The first step of a text and what comes after it.
pub(super) fn step(text: &str) -> Option<(Step<'_>, &str)> {
    let c = text.chars().next()?;
    if !c.is_ascii_lowercase() {
        return Some((Step::Char(c), &text[c.len_utf8()..]));
    }
    let end = text.bytes().position(|byte| !byte.is_ascii_lowercase());
    let (letters, rest) = text.split_at(end.unwrap_or(text.len()));
    Some((Step::Letters(letters), rest))
}

const ASCII: [Class; 128] = {
    let mut table = [Class::Other; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'\t'..=b'\r' | 0x1c..=0x1f | b' ' => Class::Space,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => Class::Word,
            b'.' | b'!' | b'?' => Class::Stop,
            b'\'' => Class::Apostrophe,
            _ => Class::Other,
        };
        byte += 1;
    }
    table
};

/// Ranges of word characters, in order: first and last code point of each.
static RANGES: [(u32, u32); RANGE_BYTES.len() / 8] = {
    let mut ranges = [(0, 0); RANGE_BYTES.len() / 8];
    let mut i = 0;
    while i < ranges.len() {
        ranges[i] = (u32_at(RANGE_BYTES, 8 * i), u32_at(RANGE_BYTES, 8 * i + 4));
        i += 1;
    }
    ranges
};
const RANGE_BYTES: &[u8] = include_bytes!("data/word_chars.bin");

const fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn is_word_past_ascii(code: u32) -> bool {
    let after = RANGES.partition_point(|&(first, _)| first <= code);
    after > 0 && code <= RANGES[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_combining_mark_is_no_word_character_but_its_letter_is() {
        assert_eq!(class('e'), Class::Word);
        assert_eq!(class('\u{301}'), Class::Other);
        assert_eq!(class('é'), Class::Word);
        assert_eq!(class('²'), Class::Word);
        assert_eq!(class('\u{93e}'), Class::Other); // Devanagari vowel sign, alphabetic to Rust
        assert_eq!(class('中'), Class::Word);
    }

    #[test]
    fn python_splits_at_the_ascii_separators_too() {
        for c in [
            '\u{1c}', '\u{1f}', '\u{85}', '\u{a0}', '\u{2003}', '\u{3000}',
        ] {
            assert!(is_space(c), "{c:?}");
            assert_eq!(class(c), Class::Space);
        }
        assert!(!is_space('\u{200b}'));
        assert!(!is_space('\u{1b}'));
    }

    #[test]
    fn a_step_is_a_run_of_small_letters_or_one_character() {
        assert_eq!(step("it's"), Some((Step::Letters("it"), "'s")));
        assert_eq!(step("étude"), Some((Step::Char('é'), "tude")));
        assert_eq!(step("It"), Some((Step::Char('I'), "t")));
        assert_eq!(step(""), None);
    }

    #[test]
    fn ranges_are_in_order_and_apart() {
        assert!(RANGES.iter().all(|(first, last)| first <= last));
        assert!(RANGES.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
