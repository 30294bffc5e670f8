//! Spellings that are one word: capitals, possessives, plurals.
//!
//! The plural is taken off by the rules of Harman's S stemmer ("How effective is suffixing?",
//! 1991). It knows no exceptions but those on our list, and is wrong now and then ("lens"); since
//! what it makes is a key and never shown, all that follows is that two words may count as one.

use super::stops::{self, Class};

/// A longer word is an address, a hash or a typing error, and no keyword.
const WORD_BYTES: usize = 40;

/// A word made ready to be looked up.
#[derive(Clone, Debug, Default)]
pub(super) struct Folded {
    key: String,
}

impl Folded {
    /// Folds `word`, and says what it is. The key is there afterwards.
    pub(super) fn read(&mut self, word: &str) -> Class {
        self.key.clear();
        if word.len() > WORD_BYTES {
            return Class::Stop;
        }
        self.push_small(word);
        if self.key.ends_with("'s") {
            self.key.truncate(self.key.len() - 2);
        }
        let letter = self.key.len() == 1 && !matches!(self.key(), "a" | "i");
        if letter || !word.chars().any(char::is_alphabetic) {
            return Class::Number;
        }
        let ending = self.key.rsplit_once('\'').map(|(_, ending)| ending);
        if matches!(ending, Some("t" | "ll" | "ve" | "re" | "d" | "m")) {
            return Class::Stop;
        }
        if let Some(class) = stops::find(&self.key) {
            return class;
        }
        if is_plural_of_capitals(word) {
            self.key.pop();
        } else if take_plural_off(&mut self.key) {
            let known = stops::find(&self.key);
            // A capital S is part of a name, unless it is a common word that is shouted.
            if known.is_none() && word.ends_with('S') {
                self.key.clear();
                self.push_small(word);
            }
            return known.unwrap_or(Class::Content);
        }
        Class::Content
    }

    /// The word in small letters, without possessive and plural.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    fn push_small(&mut self, word: &str) {
        for c in word.chars() {
            match c {
                '’' => self.key.push('\''),
                '\u{2010}' | '\u{2011}' => self.key.push('-'),
                c if c.is_ascii() => self.key.push(c.to_ascii_lowercase()),
                c => self.key.extend(c.to_lowercase()),
            }
        }
    }
}

/// "APIs"
fn is_plural_of_capitals(word: &str) -> bool {
    let capitals = word.strip_suffix('s').unwrap_or("");
    capitals.len() > 1 && capitals.chars().all(char::is_uppercase)
}

/// Whether there was one.
fn take_plural_off(word: &mut String) -> bool {
    let bytes = word.as_bytes();
    let end = bytes.len();
    if end <= 3 || !bytes.is_ascii() {
        return false;
    }
    match &bytes[end - 3..] {
        [_, b's' | b'u' | b'i', b's'] => return false,
        b"ies" if end > 4 => {
            word.truncate(end - 3);
            word.push('y');
        }
        b"xes" => word.truncate(end - 2),
        b"ses" | b"zes" | b"hes" if hisses(&bytes[..end - 2]) => word.truncate(end - 2),
        [_, _, b's'] => word.truncate(end - 1),
        _ => return false,
    }
    true
}

/// Whether a word like this has its plural in "es".
fn hisses(singular: &[u8]) -> bool {
    let endings: [&[u8]; 4] = [b"ss", b"zz", b"ch", b"sh"];
    endings.iter().any(|ending| singular.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(word: &str) -> String {
        let mut folded = Folded::default();
        folded.read(word);
        folded.key().to_owned()
    }

    #[test]
    fn spellings_of_one_word_have_one_key() {
        for (spellings, one) in [
            (["Threads", "thread", "THREAD", "thread’s"], "thread"),
            (["queries", "Query", "query's", "QUERY"], "query"),
            (["classes", "class", "Classes", "class's"], "class"),
            (["boxes", "Box", "box", "BOX"], "box"),
            (
                ["databases", "database", "Database's", "DATABASE"],
                "database",
            ),
            (["APIs", "API", "api", "API's"], "api"),
            (["Straße", "straße", "STRAßE", "Straßes"], "straße"),
        ] {
            for spelling in &spellings[..3] {
                assert_eq!(key(spelling), one, "{spelling}");
            }
        }
        for whole in ["news", "analysis", "status", "gas", "https"] {
            assert_eq!(key(&whole.to_uppercase()), whole);
            assert_eq!(key(whole), if whole == "https" { "http" } else { whole });
        }
    }

    #[test]
    fn a_class_is_that_of_the_word_or_of_its_singular() {
        let mut folded = Folded::default();
        for (word, class) in [
            ("Provides", Class::Stop),
            ("It's", Class::Stop),
            ("couldn’t", Class::Stop),
            ("examples", Class::Weak),
            ("EXAMPLES", Class::Weak),
            ("3.14", Class::Number),
            ("O'Reilly", Class::Content),
            ("2FA", Class::Content),
            ("C", Class::Number),
            ("C#", Class::Content),
            (&"a".repeat(41), Class::Stop),
        ] {
            assert_eq!(folded.read(word), class, "{word}");
        }
    }
}
