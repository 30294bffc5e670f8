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

const USAGE: &str = "usage: replay FILE

Repeats the run that `maitred --record FILE` wrote down, and compares every byte.
Exit code: 0 equal, 1 parted or no recording, 2 wrong usage.";

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal"
)]
fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let path = match (arguments.next(), arguments.next()) {
        (Some(asked), None) if asked == "--help" || asked == "-h" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        (Some(path), None) => path,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match replay(Path::new(&path)) {
        Ok(seen) => {
            let early = match (seen.overrun, seen.cut) {
                (true, _) => "; it ends early: its file could not keep up",
                (false, true) => {
                    "; it is cut: its run was killed, or goes on, or the file is damaged"
                }
                (false, false) => "",
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
