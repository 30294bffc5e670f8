#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn hear(text: &str) -> Heard {
    let mut tokens = Tokens::default();
    text.chars().for_each(|c| tokens.push(c));
    tokens.finish()
}

fn feel(text: &str) -> Sentiment {
    hear(text).feel(&|| false).unwrap()
}

/// Sentences of ours with the compound figure of the reference: at least one for each rule.
const COMPOUNDS: [(&str, f64); 27] = [
    ("The soup was good", 0.4404),
    ("The soup was very good", 0.4927),
    ("The soup was very VERY good", 0.6375),
    ("The soup was GOOD", 0.5622),
    ("THE SOUP WAS GOOD", 0.4404),
    ("The soup was hardly good", 0.3832),
    ("The soup was kind of good", 0.3832),
    ("The soup was not good", -0.3412),
    ("The soup isn't good", -0.3412),
    ("The soup was never so good", 0.6626),
    ("Without doubt a good soup", 0.6136),
    ("It was at least good", 0.4404),
    ("It was the least good soup", -0.3412),
    ("No good came of it", -0.3412),
    ("No fun or good here", -0.6259),
    ("The soup was good, but the bread was bad", -0.5859),
    ("A good cook, a good soup, but bad, bad bread", -0.8225),
    ("The bread was good!!!!!!!", 0.6209),
    ("Is the bread bad???", -0.6174),
    ("This soup is the bomb", 0.6124),
    ("What a kiss of death it was", 0.0772),
    ("To my mind yeah right", -0.4588),
    ("Soup 😀", 0.3612),
    ("😀soup", 0.3612),
    ("A hug :)", 0.7269),
    ("d-: d-:", 0.6369),
    ("Without a doubt a table", 0.2755),
];

#[test]
fn each_rule_has_its_say() {
    for (text, compound) in COMPOUNDS {
        assert_eq!(feel(text).compound, compound, "{text}");
    }
}

#[test]
fn punctuation_stays_only_around_what_may_be_an_emoticon() {
    assert_eq!(hear("(good)").words, hear("good").words);
    assert_eq!(hear("!!!good").words, hear("good").words);
    assert_ne!(hear("(ok)").words, hear("ok").words);
    // However much punctuation there is, the word in it is found.
    let buried = "*".repeat(500) + "good" + &"*".repeat(500);
    assert_eq!(hear(&buried).words, hear("good").words);
}

#[test]
fn an_emoji_is_the_words_of_its_name() {
    assert_eq!(hear("Hi 😀").words, hear("Hi grinning face").words);
    // What follows sticks to the name, as in the reference.
    assert_eq!(hear("😀good").words, hear("grinning facegood").words);
    assert_eq!(
        hear("a😀😀b").words,
        hear("a grinning face grinning faceb").words
    );
}

#[test]
fn a_word_too_long_for_the_lexicon_is_a_neutral_word() {
    let sentiment = feel(&"x".repeat(500));
    assert_eq!((sentiment.neu, sentiment.compound), (1.0, 0.0));
}

#[test]
fn ties_go_to_the_even_digit_as_in_python() {
    assert_eq!(rounded(0.0625, 3), 0.062);
    assert_eq!(rounded(0.1875, 3), 0.188);
    assert_eq!(rounded(0.3125, 3), 0.312);
    assert_eq!(rounded(0.03125, 4), 0.0312);
    assert_eq!(rounded(-0.00001, 4).to_bits(), 0.0_f64.to_bits());
}

#[test]
fn whoever_gives_up_gets_nothing() {
    assert_eq!(hear("good but bad").feel(&|| true), None);
}

/// The words of the rule, which looks for the first equal valence from the start each time.
fn shift_weight_slowly(feelings: &mut [Feeling], but: usize) {
    for i in 0..feelings.len() {
        let valence = feelings[i].valence;
        let first = feelings
            .iter_mut()
            .find(|feeling| feeling.valence == valence)
            .unwrap();
        first.valence *= if first.at < but { 0.5 } else { 1.5 };
    }
}

proptest! {
    #[test]
    fn but_finds_the_first_equal_valence(
        valences in prop::collection::vec(prop::sample::select(vec![0.5, 1.0, 2.0, 3.0, -1.0, -1.5]), 0..60),
        but in 0_usize..60,
    ) {
        // Word `but` itself has no valence, so nobody is there.
        let place = |i| if i < but { i } else { i + 1 };
        let mut fast: Vec<_> =
            valences.iter().enumerate().map(|(i, &valence)| Feeling { at: place(i), valence }).collect();
        let mut slow = fast.clone();
        but::shift_weight(&mut fast, but, &|| false).unwrap();
        shift_weight_slowly(&mut slow, but);
        prop_assert_eq!(fast, slow);
    }

    #[test]
    fn shares_are_shares(text in "(good|bad|not|BUT|very|😀|[a-z!'?]{0,4}|\\PC| ){0,40}") {
        let sentiment = feel(&text);
        let sum = sentiment.pos + sentiment.neu + sentiment.neg;
        prop_assert!((sum - 1.0).abs() < 0.002 || hear(&text).words.is_empty());
        prop_assert!((-1.0..=1.0).contains(&sentiment.compound));
    }
}
