#![allow(clippy::unwrap_used)]

use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::limits::SCORE_POLL_BYTES;

fn found(text: &str) -> Vec<String> {
    let keywords = extract(text, 10, &|| false).unwrap();
    keywords.into_iter().map(|found| found.keyword).collect()
}

const TEA: &str = "Green tea is made from the leaves of Camellia sinensis. It came from China, and its \
    production spread to Japan. The water for green tea should not boil. Matcha is a green tea too, \
    and Camellia sinensis is the plant of every tea.";

#[test]
fn what_a_text_is_about_comes_first() {
    let keywords = found(TEA);
    assert_eq!(keywords[..2], ["green tea", "Camellia sinensis"]);
    assert!(keywords.contains(&"Japan".to_owned()), "{keywords:?}");
}

#[test]
fn a_text_without_content_has_none() {
    for nothing in [
        "",
        " \n\n",
        "It is what it is.",
        "42 and 3.14",
        "?!",
        "the THE The",
    ] {
        assert_eq!(found(nothing), [""; 0], "{nothing:?}");
    }
}

#[test]
fn a_keyword_is_written_as_the_text_mostly_does() {
    let text = "An API call. The api calls are slow. Each API call counts. API CALLS!";
    assert_eq!(found(text)[0], "API call");
    let wrapped = "The event\nloop and the event loop, **event loop**'s end.";
    assert_eq!(found(wrapped)[0], "event loop");
    let whose = "Python's speed. Python’s types. Is it Python?";
    assert!(found(whose).contains(&"Python".to_owned()));
}

#[test]
fn a_part_of_a_phrase_is_no_keyword_of_its_own() {
    let text = "The Global Interpreter Lock is one lock. Nobody likes the Global Interpreter Lock.";
    let keywords = found(text);
    assert_eq!(keywords[0], "Global Interpreter Lock");
    for part in ["Interpreter", "Global Interpreter", "Interpreter Lock"] {
        assert!(!keywords.contains(&part.to_owned()), "{part}");
    }
}

#[test]
fn of_may_stand_between_two_words_that_belong_together() {
    let text = "The division of labour made pins cheap. Smith saw the division of labour.";
    let keywords = found(text);
    assert_eq!(keywords[0], "division of labour");
    let once = found("The tea of China is green.");
    assert!(
        once.iter().all(|keyword| !keyword.contains("of")),
        "{once:?}"
    );
}

#[test]
fn scores_fall_from_one_and_the_limit_is_kept() {
    let keywords = extract(TEA, 4, &|| false).unwrap();
    assert_eq!(keywords.len(), 4);
    assert_eq!(keywords[0].score, 1.0);
    assert!(keywords.is_sorted_by(|a, b| a.score >= b.score));
    assert_eq!(extract(TEA, 0, &|| false), Some(vec![]));
}

#[test]
fn equals_stand_in_the_order_of_the_text() {
    assert_eq!(
        found("Plum, pear, apple and cherry."),
        ["Plum", "pear", "apple", "cherry"]
    );
}

#[test]
fn a_word_of_five_hundred_letters_is_no_keyword() {
    let text = format!("Green tea and {} and green tea.", "tea".repeat(170));
    assert_eq!(found(&text), ["Green tea"]);
}

#[test]
fn cancelled_is_asked_for_every_piece_and_heard_whenever_it_says_yes() {
    let text = "Green tea is good, and so is matcha. ".repeat(6_000);
    let asked = Cell::new(0);
    let yes_at = |n: usize| {
        asked.set(0);
        extract(&text, 5, &|| asked.replace(asked.get() + 1) == n)
    };
    assert!(yes_at(usize::MAX).is_some());
    let times = asked.get();
    assert!(times >= 3 * text.len().div_ceil(SCORE_POLL_BYTES));
    for n in 0..times {
        assert_eq!(yes_at(n), None, "the {n}th time");
        assert_eq!(asked.get(), n + 1, "and it stops there");
    }
}

proptest! {
    #[test]
    fn whatever_the_text_keywords_are_short_scored_and_from_it(
        text in "([a-zA-Z]{1,9}|[A-Z]{1,4}s?|the|of|[.!?,;:/'’_&*+#-]|[ \n]|\\d{1,5}|\\PC){0,80}",
        limit in 0usize..20,
    ) {
        let keywords = extract(&text, limit, &|| false).unwrap();
        prop_assert!(keywords.len() <= limit);
        prop_assert!(keywords.is_sorted_by(|a, b| a.score >= b.score));
        for Keyword { keyword, score } in keywords {
            prop_assert!(score > 0.0 && score <= 1.0);
            prop_assert!((1..=3).contains(&keyword.split(' ').count()));
            for word in keyword.split(' ') {
                prop_assert!(!word.is_empty() && text.contains(word), "{word:?}");
            }
        }
    }

    #[test]
    fn the_same_text_has_the_same_keywords(text in any::<String>()) {
        prop_assert_eq!(extract(&text, 100, &|| false), extract(&text, 100, &|| false));
    }

    #[test]
    fn an_answer_gives_keywords_that_are_each_their_own(answer in any::<String>(), cut in any::<bool>()) {
        let keywords = from_answer(&answer, 100, cut);
        let mut seen = std::collections::BTreeSet::new();
        for Keyword { keyword, score } in keywords {
            prop_assert!(score > 0.0 && score <= 1.0);
            prop_assert!(!keyword.trim().is_empty() && !keyword.contains(char::is_control));
            prop_assert!(seen.insert(keyword.to_lowercase()));
        }
    }
}
