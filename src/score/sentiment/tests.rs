#![allow(clippy::unwrap_used)]

use super::*;

fn feel(text: &str) -> Sentiment {
    let mut tokens = Tokens::default();
    text.chars().for_each(|c| tokens.push(c));
    tokens.finish().feel(&|| false).unwrap()
}

/// Compound figures of the reference, one for each rule.
#[test]
fn each_rule_has_its_say() {
    for (text, compound) in COMPOUNDS {
        assert_eq!(feel(text).compound, compound, "{text}");
    }
}

const COMPOUNDS: [(&str, f64); 2] = [
    ("It was at least good", 0.4404),
    ("No good came of it", -0.3412),
];

#[test]
fn ties_go_to_the_even_digit_as_in_python() {
    assert_eq!(rounded(0.0625, 3), 0.062);
    assert_eq!(rounded(0.1875, 3), 0.188);
    assert_eq!(rounded(0.3125, 3), 0.312);
    assert_eq!(rounded(0.03125, 4), 0.0312);
    assert_eq!(rounded(-0.00001, 4).to_bits(), 0.0_f64.to_bits());
}
