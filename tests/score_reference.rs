//! Every row of the reference: texts of all shapes with what `textstat` 0.7.13 and
//! `vaderSentiment` 3.3.2 say of them.
#![allow(clippy::unwrap_used)]

use maitred::score::{Scores, score};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Row {
    kind: String,
    text: String,
    vader: BTreeMap<String, f64>,
    readability: BTreeMap<String, f64>,
}

fn rows() -> Vec<Row> {
    let file = include_str!("data/scoring/reference.jsonl");
    let rows: Vec<Row> = file
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 786);
    rows
}

fn scored(text: &str) -> (BTreeMap<String, f64>, BTreeMap<String, f64>) {
    let Scores {
        readability,
        sentiment,
    } = score(text, &|| false).unwrap();
    (figures(&readability), figures(&sentiment))
}

/// All fields but the label.
fn figures(scores: &impl serde::Serialize) -> BTreeMap<String, f64> {
    let value = serde_json::to_value(scores).unwrap();
    let fields = value
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "label");
    fields
        .map(|(name, figure)| (name.clone(), figure.as_f64().unwrap()))
        .collect()
}

#[test]
fn sentiment_is_equal_to_the_last_digit() {
    let mut wrong = Vec::new();
    for Row {
        kind, text, vader, ..
    } in rows()
    {
        let (_, sentiment) = scored(&text);
        if sentiment != vader {
            wrong.push(format!(
                "{kind} {text:?}: {sentiment:?}, reference {vader:?}"
            ));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn counts_are_equal_and_figures_to_a_millionth() {
    let mut wrong = Vec::new();
    for row in rows() {
        let (ours, _) = scored(&row.text);
        assert!(ours.keys().eq(row.readability.keys()));
        for (name, theirs) in &row.readability {
            let tolerance = if name.ends_with("_count") { 0.0 } else { 1e-6 };
            if (ours[name] - theirs).abs() > tolerance {
                wrong.push(format!(
                    "{:?}: {name} {}, reference {theirs}",
                    row.text, ours[name]
                ));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
}
