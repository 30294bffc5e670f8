//! A provider that costs nothing and does what it is told: OpenAI's, Anthropic's and Gemini's API
//! on one port and one thread, with every fault that a provider is known for.
//!
//! ```text
//! cargo run --release --example provider_sim -- --tokens 50 --gap-ms 20
//! maitred with  [provider.sim]  base_url = "http://127.0.0.1:PORT/v1"  model = "fault:reset"
//! ```
//! It is there for load (it must never be what a measurement measures) and for drills: a request
//! chooses its fault by the name of its model, so one simulator serves a whole drill. What it has
//! seen, and whether its clients stayed until the end, is at `/_sim/journal`. How it works is in
//! `simulator/mod.rs`.

mod simulator;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use simulator::{Options, Simulator};

fn main() -> ExitCode {
    match serve(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed; then nobody is there to be told.
            let _ = writeln!(std::io::stderr(), "provider_sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until it is killed. The first line of output is the address.
fn serve(options: &Options) -> anyhow::Result<()> {
    // One file for each client; where the limit cannot be raised, accepting waits for free ones.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let (mut simulator, address) = Simulator::bind(options)?;
    writeln!(std::io::stdout(), "{address}")?;
    loop {
        simulator.turn(None)?;
    }
}
