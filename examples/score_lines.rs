//! Scores texts: one JSON string per line comes in, one JSON object with its scores goes out.
//!
//! ```text
//! echo '"The food was great!"' | cargo run --release --example score_lines
//! ```
//!
//! `tests/score_compare.py` asks it what we say of a text.

use maitred::score::score;
use std::io::{BufRead, Write, stdin, stdout};

fn main() -> anyhow::Result<()> {
    let mut out = stdout().lock();
    for line in stdin().lock().lines() {
        let text: String = serde_json::from_str(&line?)?;
        let scores = score(&text, &|| false).expect("nobody cancels");
        serde_json::to_writer(&mut out, &scores)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}
