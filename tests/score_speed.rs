//! Time: linear on whatever somebody sends, and how fast on ordinary text.
//!
//! ```text
//! cargo test --release --test score_speed -- --ignored --nocapture
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use maitred::score::score;
use std::time::{Duration, Instant};

const MEGABYTE: usize = 1_000_000;

/// Texts of about a megabyte, each built to make some step start over.
fn adversarial() -> Vec<(&'static str, String)> {
    let repeated = |part: &str| part.repeat(MEGABYTE / part.len());
    vec![
        ("no full stop", repeated("good and bad words ")),
        ("one word", repeated("table")),
        (
            "500-letter words",
            repeated(&("hyphenation".repeat(45) + " ")),
        ),
        ("unknown words", repeated("unfrobnicatable zorblaxing ")),
        ("exclamation marks", repeated("!")),
        ("apart exclamation marks", repeated("! ")),
        ("apostrophes", repeated("'")),
        ("contractions", repeated("n't")),
        ("punctuation inside", repeated("a!!!!!!!!!!!!!!!!!")),
        ("but", repeated("good but bad not very GOOD least ")),
        (
            "equal valences and one but",
            "but ".to_owned() + &repeated("good "),
        ),
        ("emoji", repeated("😀")),
        ("letters with marks", repeated("e\u{301}İ中")),
        ("line ends", repeated("\n")),
        ("stops", repeated("a.")),
    ]
}

/// Quadratic steps would need hours for a megabyte.
#[test]
fn no_text_is_slow() {
    for (name, text) in adversarial() {
        let took = time(&text);
        assert!(took < Duration::from_secs(20), "{name}: {took:?}");
    }
}

#[test]
#[ignore = "prints figures that mean something only in a release build on a quiet machine"]
fn speed() {
    let rows = include_str!("data/scoring/reference.jsonl").lines();
    let mut ordinary = String::new();
    for row in rows {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        ordinary += row["text"].as_str().unwrap();
        ordinary += "\n";
    }
    let mut texts = vec![("reference rows", ordinary)];
    if let Ok(path) = std::env::var("SCORE_SPEED_FILE") {
        texts.push(("file", std::fs::read_to_string(path).unwrap()));
    }
    texts.extend(adversarial());
    for (name, text) in texts {
        let best = (0..10).map(|_| time(&text)).min().unwrap();
        let speed = text.len() as f64 / 1e6 / best.as_secs_f64();
        println!("{name:30} {:9} bytes {speed:8.1} MB/s", text.len());
    }
}

fn time(text: &str) -> Duration {
    let start = Instant::now();
    std::hint::black_box(score(std::hint::black_box(text), &|| false).unwrap());
    start.elapsed()
}
