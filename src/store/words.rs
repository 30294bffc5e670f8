//! What somebody typed as a search, for every engine: words, and nothing of any query language.

use crate::limits::SEARCH_WORDS;

/// What is looked for: texts that have all of these words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// Each once, at most [`SEARCH_WORDS`], in the order in which they were typed.
    pub(super) words: Vec<&'a str>,
    /// Whether the last one may be the beginning of a longer word: one character begins too many.
    pub(super) beginning: bool,
}

/// The words in what was typed. Each has a letter or a digit.
pub(super) fn wanted(typed: &str) -> Wanted<'_> {
    let mut words: Vec<&str> = Vec::new();
    let all = typed.split(|c: char| !is_of_a_word(c));
    for word in all.filter(|word| word.chars().any(char::is_alphanumeric)) {
        // A word twice is no other search, and each one costs a walk through its places.
        words.retain(|other| *other != word);
        words.push(word);
    }
    words.truncate(SEARCH_WORDS);
    let beginning = words.last().is_some_and(|word| is_a_beginning(word));
    Wanted { words, beginning }
}

/// Letters, digits, and the marks that are written over a letter. Whatever else stands between words
/// separates them: `e-mail` are two words that have to be there, and not a phrase, which would be
/// looked for from place to place.
fn is_of_a_word(c: char) -> bool {
    let mark = matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}');
    c.is_alphanumeric() || mark
}

/// Whether longer words may be meant as well.
fn is_a_beginning(word: &str) -> bool {
    word.chars()
        .filter(|c| c.is_alphanumeric())
        .nth(1)
        .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_no_query_language() {
        for (typed, words, beginning) in [
            ("green te", &["green", "te"][..], true),
            (
                r#" a"b  OR NEAR( x:*"#,
                &["a", "b", "OR", "NEAR", "x"],
                false,
            ),
            ("a & !b | 'cd':* ", &["a", "b", "cd"], true),
            ("a\0bc", &["a", "bc"], true),
            ("vitamin C", &["vitamin", "C"], false),
            ("e-m", &["e", "m"], false),
            ("e-ma!", &["e", "ma"], true),
            ("茶", &["茶"], false),
            ("绿茶", &["绿茶"], true),
            ("", &[], false),
            ("-\"\" * ()", &[], false),
            (
                "re\u{301}sume\u{301} x",
                &["re\u{301}sume\u{301}", "x"],
                false,
            ),
        ] {
            let words = words.to_vec();
            assert_eq!(wanted(typed), Wanted { words, beginning }, "{typed:?}");
        }
    }

    #[test]
    fn a_long_search_is_a_few_words() {
        assert_eq!(wanted(&"a-".repeat(100)).words, ["a"]);
        let many: String = (0..50).map(|n| format!("w{n} ")).collect();
        assert_eq!(wanted(&many).words.len(), SEARCH_WORDS);
    }
}
