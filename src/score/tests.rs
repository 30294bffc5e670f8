#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn an_empty_text_has_zeros() {
    let scores = score("", &|| false).unwrap();
    assert_eq!(scores.readability.sentence_count, 0);
    assert_eq!(scores.readability.label, "no words");
    assert_eq!(scores.sentiment.label, "neutral");
}
