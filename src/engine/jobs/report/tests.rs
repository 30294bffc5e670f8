//! Reports over texts that were made up.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::limits::jobs::REPORT_BYTES;
use crate::score::score;
use crate::store::{TextState, term_id};

const DAY_MS: i64 = 86_400_000;

fn text(number: u64, topic: &str, words: Option<&str>, created_ms: i64) -> Listed {
    Listed {
        id: Uuid::from_u128(number.into()),
        search_term_id: term_id("local", topic),
        term: topic.to_owned(),
        excerpt: String::new(),
        text_bytes: 0,
        provider: String::new(),
        model: String::new(),
        offline: true,
        finish_reason: None,
        state: TextState::Complete,
        prompt_tokens: None,
        completion_tokens: None,
        created_ms,
        scores: words.map(|words| score(words, &|| false).unwrap()),
    }
}

fn document(report: &Report, ask: &ReportAsk) -> serde_json::Value {
    serde_json::to_value(ReportDocument::new(report, ask)).unwrap()
}

#[test]
fn a_report_says_what_texts_are_like_and_about_what_and_when() {
    let (mut report, ask) = (Report::default(), ReportAsk::default());
    let texts = [
        text(1, "tea", Some("I love tea. It is good."), 1),
        text(2, "tea", Some("I hate this awful tea."), DAY_MS),
        text(3, "rice", None, DAY_MS + 1),
    ];
    texts.iter().for_each(|text| report.add(text, &ask));
    let said = document(&report, &ask);
    assert_eq!((&said["texts"], &said["unscored"]), (&3.into(), &1.into()));
    let feelings = serde_json::json!({"negative": 1, "positive": 1});
    assert_eq!(said["labels"]["sentiment"], feelings);
    let compound = &said["figures"]["compound"];
    assert_eq!(compound["texts"], 2);
    let least = texts[1].scores.as_ref().unwrap().sentiment.compound;
    assert_eq!(compound["min"], least);
    let tea = &said["topics"][0];
    assert_eq!((&tea["topic"], &tea["texts"]), (&"tea".into(), &2.into()));
    assert_eq!((&tea["positive"], &tea["missed"]), (&1.into(), &0.into()));
    assert_eq!(said["times"][0]["from"], "1970-01-01T00:00:00.000Z");
    assert_eq!(said["times"][1]["texts"], 2);
    assert_eq!(said["times"][1]["unscored"], 1);
    assert_eq!(
        (&said["other_topics"]["texts"], &said["earlier"]["texts"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn what_is_not_asked_for_is_read_and_not_counted() {
    let mut report = Report::default();
    let ask = ReportAsk {
        from_ms: Some(10),
        to_ms: Some(20),
        top: 1,
        ..ReportAsk::default()
    };
    for (number, ms) in (1..).zip([9, 10, 19, 20]) {
        let topic = format!("topic {number}");
        report.add(&text(number, &topic, None, ms), &ask);
    }
    let said = document(&report, &ask);
    assert_eq!((&said["texts"], &said["read"]), (&2.into(), &4.into()));
    assert_eq!(said["topics"].as_array().unwrap().len(), 1);
    assert_eq!(said["other_topics"]["texts"], 1);
    assert_eq!(report.after(), Some(Uuid::from_u128(4)));
}

#[test]
fn one_that_was_put_away_goes_on_to_the_last_bit() {
    let ask = ReportAsk::default();
    let words = ["I love tea.", "It is what it is.", "Awful, awful.", "Hm"];
    let mut random = fastrand::Rng::with_seed(11);
    let texts: Vec<Listed> = (1..400)
        .map(|number| {
            let topic = format!("topic {}", random.u8(..));
            let words = random.choice(words).filter(|_| random.bool());
            text(number, &topic, words, random.i64(0..500 * DAY_MS))
        })
        .collect();
    let mut whole = Report::default();
    texts.iter().for_each(|text| whole.add(text, &ask));
    let mut parts = Report::default();
    for text in &texts {
        parts = Report::of_json(&parts.to_json()).unwrap();
        parts.add(text, &ask);
    }
    assert_eq!(whole, parts);
    assert_eq!(document(&whole, &ask), document(&parts, &ask));
    assert_eq!(Report::of_json("{}"), None);
}

#[test]
fn it_is_never_larger_than_its_bound() {
    let (mut report, ask) = (Report::default(), ReportAsk::default());
    for number in 0..5_000 {
        let topic = format!("{number}{}", "\u{10348}\\".repeat(500));
        let ms = i64::try_from(number).unwrap() * DAY_MS;
        report.add(&text(number, &topic, Some("I love tea."), ms), &ask);
    }
    let bytes = report.to_json().len();
    assert!((REPORT_BYTES / 4..REPORT_BYTES).contains(&bytes), "{bytes}");
}
