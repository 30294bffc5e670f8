//! The program: reads the command line and hands over.

use std::process::ExitCode;
use std::time::Instant;

use maitred::engine::policy::route;
use maitred::{cli, reactor};

/// glibc's allocator about halves the speed of a busy TLS server (docs/decisions/dependencies.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let started = Instant::now();
    let clock = || started.elapsed();
    cli::run(
        cli::parse(),
        reactor::run,
        reactor::check,
        route::explain,
        &clock,
    )
}
