//! Ten thousand users on one thread: sends requests, checks every answer, and says how long they
//! took.
//!
//! ```text
//! cargo run --release --example load -- http://127.0.0.1:8080 health
//! cargo run --release --example load -- http://127.0.0.1:8080 stream --connections 10000 --requests 10000
//! cargo run --release --example load -- http://127.0.0.1:8080 generate --rate 2000 --duration-s 30
//! ```
//! How it works is in `generator/mod.rs`.

mod generator;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use generator::Options;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Standard error may be closed; then nobody is there to be told.
            let _ = writeln!(std::io::stderr(), "load: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether every answer was right.
fn run(options: &Options) -> anyhow::Result<bool> {
    // One file for each connection; where the limit cannot be raised, connecting says so.
    let _ = rlimit::increase_nofile_limit(1 << 20);
    let report = generator::run(options)?;
    write!(std::io::stdout(), "{report}")?;
    if let Some(file) = &options.json {
        let mut text = serde_json::to_string_pretty(&report)?;
        text.push('\n');
        std::fs::write(file, text)?;
    }
    Ok(report.errors.total() == 0)
}
