#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;
use std::cell::Cell;

fn scored(text: &str) -> Scores {
    score(text, &|| false).unwrap()
}

#[test]
fn an_empty_text_has_zeros() {
    let scores = scored("");
    assert_eq!(scores.readability.sentence_count, 0);
    assert_eq!(scores.readability.label, "no words");
    assert_eq!(scores.sentiment.label, "neutral");
}

#[test]
fn a_word_of_five_hundred_letters_is_one_word() {
    for word in [
        "hyphenation".repeat(46),
        "x".repeat(500),
        "中".repeat(500),
        "e\u{301}".repeat(250),
    ] {
        let r = scored(&word).readability;
        assert_eq!((r.lexicon_count, r.sentence_count), (1, 1));
        assert!(r.syllable_count <= 500 && r.flesch_reading_ease.is_finite());
        let twice = scored(&format!("{word} {word}")).readability;
        assert_eq!(twice.syllable_count, 2 * r.syllable_count);
    }
}

/// Scripts, marks and characters that are no letters: each text beside what it has to count as.
#[test]
fn odd_characters_count_as_what_they_are() {
    for (text, words, sentences) in [
        ("\u{feff}", 0, 1),
        ("👍🏽 🇫🇷 ❤️", 0, 1),
        ("مرحبا بالعالم اليوم. Привет мир снова.", 6, 2),
        ("naïve café au lait", 4, 1),
        ("one\u{200b}two three\u{a0}four", 3, 1),
        ("ﬁne ǅ Ⅷ ½ ²", 5, 1),
        ("\u{1}\u{7f}\u{85}", 0, 1),
    ] {
        let r = scored(text).readability;
        assert_eq!(
            (r.lexicon_count, r.sentence_count),
            (words, sentences),
            "{text:?}"
        );
    }
}

#[test]
fn scores_are_json_with_the_label_first_and_back() {
    let scores = scored("The food was great! But the room was a bit too cold.");
    let json = serde_json::to_string(&scores).unwrap();
    assert!(json.starts_with(r#"{"readability":{"label":"very easy","flesch_reading_ease":"#));
    assert!(json.contains(r#""sentiment":{"label":"positive","compound":"#));
    assert_eq!(serde_json::from_str::<Scores>(&json).unwrap(), scores);
}

#[test]
fn cancelled_is_asked_for_every_piece_and_heard_whenever_it_says_yes() {
    let text = "But it was good. ".repeat(12_000);
    let asked = Cell::new(0);
    let yes_at = |n: usize| {
        asked.set(0);
        score(&text, &|| asked.replace(asked.get() + 1) == n)
    };
    assert!(yes_at(usize::MAX).is_some());
    let times = asked.get();
    assert!(times >= text.len().div_ceil(SCORE_POLL_BYTES));
    for n in 0..times {
        assert_eq!(yes_at(n), None, "the {n}th time");
        assert_eq!(asked.get(), n + 1, "and it stops there");
    }
}

#[test]
fn a_word_without_an_end_is_interrupted_as_well() {
    let asked = Cell::new(0);
    let text = "a".repeat(10 * SCORE_POLL_BYTES);
    score(&text, &|| asked.replace(asked.get() + 1) > 100).unwrap();
    assert!(asked.get() >= 10);
}

/// Wherever the border between two pieces falls, the scores are the same.
#[test]
fn pieces_do_not_show() {
    let text = "They've said \u{201c}don't\u{201d}, 😀! We'll be twenty-one İn 中国. ";
    let alone = scored(text).readability;
    for before in 0..text.len() {
        let padding = " ".repeat(SCORE_POLL_BYTES - before);
        assert_eq!(
            scored(&(padding + text)).readability,
            alone,
            "{before} bytes before the border"
        );
    }
}

#[test]
fn difficult_words_are_syllables_not_letters() {
    let counts = |text: &str| {
        let readability = scored(text).readability;
        (
            readability.syllable_count,
            readability.sentence_count,
            readability.lexicon_count,
        )
    };
    assert_eq!(counts("We saw a rhythm. They went home."), (8, 2, 7));
    assert_eq!(counts("Mr. Smith paid 3.14 dollars."), (7, 1, 5));
    assert_eq!(counts("rock 'n' roll"), (3, 1, 3));
    assert_eq!(counts("-- * --"), (0, 1, 0));
}

/// Character by character, without the short cut for runs of letters.
fn slowly(text: &str) -> (counts::Counts, Option<Sentiment>) {
    let mut counter = counts::Counter::default();
    let mut tokens = sentiment::Tokens::default();
    for (at, c) in text.char_indices() {
        counter.push(c, &text.as_bytes()[at + c.len_utf8()..]);
        tokens.push(c);
    }
    (counter.finish(), tokens.finish().feel(&|| false))
}

proptest! {
    #[test]
    fn no_text_panics_and_runs_of_letters_do_not_show(
        text in "([a-z]{1,40}|[A-Z]?[a-z']{1,8}|[.!?,;:)(-]|[ \n]|\\PC|[^a]){0,60}"
    ) {
        let scores = scored(&text);
        let (counts, sentiment) = slowly(&text);
        prop_assert_eq!(scores.readability, Readability::from(&counts));
        prop_assert_eq!(Some(scores.sentiment), sentiment);
    }

    #[test]
    fn texts_put_together_have_the_words_of_both(a in "\\PC{0,80}", b in "\\PC{0,80}") {
        let together = scored(&format!("{a}\n{b}")).readability;
        let (a, b) = (scored(&a).readability, scored(&b).readability);
        prop_assert_eq!(together.lexicon_count, a.lexicon_count + b.lexicon_count);
        prop_assert_eq!(together.syllable_count, a.syllable_count + b.syllable_count);
    }

    #[test]
    fn case_does_not_change_how_a_text_reads(text in "([a-z]{1,9}[ .,]){0,30}") {
        let shouted = scored(&text.to_uppercase()).readability;
        prop_assert_eq!(shouted, scored(&text).readability);
    }

    #[test]
    fn every_figure_is_a_number(text in any::<String>()) {
        let json = serde_json::to_value(scored(&text).readability).unwrap();
        let figures = json.as_object().unwrap().iter().filter(|(name, _)| *name != "label");
        prop_assert!(figures.into_iter().all(|(_, figure)| figure.is_number()));
    }
}
