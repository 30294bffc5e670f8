//! Repeats a recorded run of the engine and compares every byte that it writes.
//!
//! ```text
//! maitred --record run.rec            # serve; stop with Ctrl-C
//! cargo run --example replay run.rec
//! ```
//! How it works is in `src/reactor/recorder.rs` and `src/reactor/replay.rs`.

use std::path::Path;
use std::process::ExitCode;

use maitred::reactor::replay::replay;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal"
)]
fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: replay FILE");
        return ExitCode::from(2);
    };
    match replay(Path::new(&path)) {
        Ok(seen) => {
            let early = if seen.overrun {
                "; it ends early (overrun)"
            } else {
                ""
            };
            println!(
                "{path}: {} records, {} outputs, {:.1} s; equal at all {} comparisons{early}",
                seen.records,
                seen.outputs,
                seen.lasted_ms as f64 / 1000.0,
                seen.digests,
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}
