#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn tokens(topic: &str, max_tokens: Option<u32>) -> Vec<String> {
    let mut article = Article::new(topic, max_tokens);
    let mut tokens = Vec::new();
    let mut token = String::new();
    while article.next_token(&mut token) {
        tokens.push(std::mem::take(&mut token));
    }
    assert!(token.is_empty(), "a refused token leaves nothing behind");
    tokens
}

fn text(topic: &str) -> String {
    tokens(topic, None).concat()
}

fn topics() -> Vec<String> {
    let mut topics: Vec<String> = [
        "coffee",
        "Black holes",
        "C++",
        "Node.js",
        "What is Rust?",
        "the history of  tea\nin\tJapan",
        "<script>alert(1)</script>",
        "{topic} {who} {",
        "🦀🧑‍🚀👍🏽",
        "日本の歴史",
        "  spaced  ",
        "...",
        "\u{0}\u{7}",
        "how to design a web application for ten thousand users who all arrive at the same time",
    ]
    .map(str::to_owned)
    .into();
    topics.push("x".repeat(2_000));
    topics.push("🧑‍🚀".repeat(600));
    topics.push("word ".repeat(400));
    topics.push("a ".repeat(1_000));
    topics.extend((0..300).map(|n| format!("topic number {n}")));
    topics
}

#[test]
fn it_says_first_what_it_is() {
    assert!(text("coffee").starts_with(
        "This article about coffee was written offline by maitred's built-in provider, \
         without a language model.\n\n"
    ));
}

#[test]
fn the_same_topic_gives_the_same_article_for_ever() {
    // Text that was promised to be the same for ever: change these numbers knowingly.
    let golden = ["coffee", "🦀", "What is Rust?"].map(|topic| hash(&text(topic)));
    assert_eq!(
        golden,
        [
            9714439108764620493,
            1118119828883027884,
            4337797449717241612
        ]
    );
    assert_eq!(text("coffee  beans"), text("\ncoffee\tbeans "));
    assert_ne!(text("coffee"), text("tea").replace("tea", "coffee"));
}

#[test]
fn every_article_is_four_to_seven_hundred_readable_words() {
    for topic in topics() {
        let text = text(&topic);
        let shown = Shown::of(&topic).text;
        let words = text.split_whitespace().count();
        assert!((400..=700).contains(&words), "{words} words about {shown}");
        assert_eq!(text.split("\n\n").count(), SECTIONS.len());
        let without_topic = text.replace(&shown, "TOPIC");
        assert!(!without_topic.contains(['{', '}']), "{text}");
        assert!(!without_topic.contains("  "), "{text}");
        for paragraph in without_topic.split("\n\n") {
            assert!(paragraph.ends_with(['.', '?']), "{paragraph}");
            assert!(paragraph.starts_with(char::is_uppercase), "{paragraph}");
        }
    }
}

#[test]
fn no_sentence_comes_twice() {
    for topic in topics() {
        let text = text(&topic).replace(&Shown::of(&topic).text, "TOPIC");
        let sentences: Vec<&str> = text.split_terminator(". ").collect();
        let different: HashSet<&&str> = sentences.iter().collect();
        assert_eq!(different.len(), sentences.len(), "{text}");
    }
}

#[test]
fn a_token_is_one_word_with_the_space_before_it() {
    for topic in topics() {
        let tokens = tokens(&topic, None);
        assert!(!tokens[0].starts_with(char::is_whitespace));
        for token in &tokens[1..] {
            let word = token.trim_start_matches([' ', '\n']);
            assert!(word.len() < token.len() && !word.is_empty(), "{token:?}");
            assert!(!word.contains([' ', '\n']), "{token:?}");
        }
    }
}

#[test]
fn a_topic_is_shown_whole_if_it_is_short_and_quoted_if_it_is_no_name() {
    let shown = |topic: &str| Shown::of(topic).text;
    assert_eq!(shown("  black \n holes. "), "black holes");
    assert_eq!(shown("Node.js"), "Node.js");
    assert_eq!(shown("What is Rust?"), "“What is Rust?”");
    assert_eq!(shown("<b>bold</b>"), "“<b>bold</b>”");
    assert_eq!(
        shown("one two three four five"),
        "“one two three four five”"
    );
    assert_eq!(
        shown("1 2 3 4 5 6 7 8 9 10 11 12"),
        "“1 2 3 4 5 6 7 8 9 10 11 12”"
    );
    assert_eq!(
        shown("1 2 3 4 5 6 7 8 9 10 11 12 13"),
        "“1 2 3 4 5 6 7 8 9 10 11 12…”"
    );
    assert_eq!(shown(&"é".repeat(100)), "é".repeat(100));
    assert_eq!(shown(&"é".repeat(101)), format!("“{}…”", "é".repeat(100)));
    let astronaut = "🧑\u{200D}🚀";
    assert_eq!(
        shown(&("x".repeat(98) + astronaut)),
        format!("“{}🧑…”", "x".repeat(98))
    );
    assert_eq!(shown(" ?.. "), "“?”");
    assert_eq!(shown("\u{7}"), "nothing in particular");
}

#[test]
fn max_tokens_cuts_and_says_so() {
    let whole = tokens("tea", None);
    let count = u32::try_from(whole.len()).unwrap();
    for (max, length, reason) in [
        (0, 0, FinishReason::Length),
        (1, 1, FinishReason::Length),
        (count - 1, count - 1, FinishReason::Length),
        (count, count, FinishReason::Stop),
        (count + 1, count, FinishReason::Stop),
    ] {
        let mut article = Article::new("tea", Some(max));
        let mut text = String::new();
        while article.next_token(&mut text) {}
        assert_eq!(text, whole[..length as usize].concat());
        assert_eq!(article.finish(), Some(reason), "max_tokens {max}");
        assert_eq!(article.usage().completion_tokens, Some(u64::from(length)));
        assert_eq!(article.usage().total_tokens, Some(u64::from(length) + 1));
    }
}

#[test]
fn every_sentence_and_every_word_can_be_reached() {
    let mut seen = String::new();
    for topic in topics() {
        seen.push_str(&text(&topic));
    }
    for section in SECTIONS {
        for sentence in section.pool {
            let plain = sentence
                .split(['{', '}'])
                .max_by_key(|part| part.len())
                .unwrap();
            assert!(seen.contains(plain), "{sentence}");
        }
    }
    for word in WORDS.iter().flat_map(|(_, list)| *list) {
        assert!(seen.contains(word), "{word}");
    }
}

proptest! {
    #[test]
    fn any_topic_gives_an_article(topic in any::<String>()) {
        let text = text(&topic);
        prop_assert!(text.ends_with('.'));
        prop_assert!((400..=700).contains(&text.split_whitespace().count()));
    }
}
