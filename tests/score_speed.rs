//! Time: linear on whatever somebody sends, and how fast on ordinary text.
//!
//! ```text
//! cargo test --release --test score_speed -- --ignored --nocapture
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use maitred::score::keywords::extract;
use maitred::score::score;

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
        ("phrases of one word", repeated("tea tea tea, ")),
        ("capitals", repeated("TeA tEa TEA teA ")),
        ("different words", different(MEGABYTE)),
    ]
}

/// Words that are all different, so that every table is as large as it can be.
fn different(bytes: usize) -> String {
    let mut text = String::new();
    for number in 0_u64.. {
        if text.len() >= bytes {
            break;
        }
        // A different order of letters for each number, with nothing that a hash could like.
        let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        for _ in 0..6 {
            text.push(char::from(b'a' + (mixed % 26) as u8));
            mixed /= 26;
        }
        text.push(' ');
    }
    text
}

/// Quadratic steps would need hours for a megabyte.
#[test]
fn no_text_is_slow() {
    for (name, text) in adversarial() {
        for work in [scores, keywords] {
            let took = time(work, &text);
            assert!(took < Duration::from_secs(20), "{name}: {took:?}");
        }
    }
}

/// A sentence that never ends.
#[cfg(target_os = "linux")]
const SENTENCE: &str = "Nobody knows why the old clock in the town hall stopped working and ";

/// Four times the text takes four times the work, give or take what the caches do.
#[cfg(target_os = "linux")]
#[test]
fn time_is_linear_to_four_megabytes() {
    let texts: [fn(usize) -> String; 2] = [
        |bytes| SENTENCE.repeat(bytes / SENTENCE.len()),
        different_few,
    ];
    for text in texts {
        let (one, four) = (text(MEGABYTE), text(4 * MEGABYTE));
        for work in [scores, keywords] {
            let least = |text: &str| (0..2).map(|_| effort(work, text)).min().unwrap();
            let per_byte = |text: &str| least(text) as f64 / text.len() as f64;
            let ratio = 4.0 * per_byte(&four) / per_byte(&one);
            let begins = &one[..20];
            println!("{begins:?} … {ratio:.2} times the work");
            assert!(ratio <= 4.6, "{begins:?} … {ratio:.2} times the work");
        }
    }
}

/// A text with the words of a large dictionary, over and over.
#[cfg(target_os = "linux")]
fn different_few(bytes: usize) -> String {
    let words = different(MEGABYTE / 4);
    words.repeat(bytes / words.len())
}

/// Nanoseconds that this thread has had of a processor for `work` (proc_pid_schedstat(5)): what
/// others do on the machine does not show.
#[cfg(target_os = "linux")]
fn effort(work: fn(&str), text: &str) -> u64 {
    let had = || -> u64 {
        let line = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        line.split(' ').next().unwrap().parse().unwrap()
    };
    let before = had();
    work(text);
    had() - before
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
        let speed = |work: fn(&str)| {
            let best = (0..10).map(|_| time(work, &text)).min().unwrap();
            text.len() as f64 / 1e6 / best.as_secs_f64()
        };
        let (scores, keywords) = (speed(scores), speed(keywords));
        let bytes = text.len();
        println!("{name:30} {bytes:9} bytes {scores:8.1} MB/s, keywords {keywords:8.1} MB/s");
    }
}

fn scores(text: &str) {
    std::hint::black_box(score(std::hint::black_box(text), &|| false).unwrap());
}

fn keywords(text: &str) {
    std::hint::black_box(extract(std::hint::black_box(text), 10, &|| false).unwrap());
}

fn time(work: fn(&str), text: &str) -> Duration {
    let start = Instant::now();
    work(text);
    start.elapsed()
}
