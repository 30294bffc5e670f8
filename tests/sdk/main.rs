//! The vendors' own SDKs, unmodified, in front of maitred: the PyPI packages `openai`, `anthropic`
//! and `google-genai`, and the npm package `openai`. The base URL is the only change.
//!
//! ```text
//!   tests/sdk/*_suite.py, .mjs ──► maitred ──► provider simulator, in each of the three dialects
//!                            └───────────────► provider simulator: the suites themselves
//! ```
//! `SDK_PYTHON` names a Python that has what `requirements.txt` asks for, `SDK_MODULES` a folder
//! where `npm ci` was run; without them, what `tests/all` has installed.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "what failed is for whoever runs it")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../../examples/provider_sim/simulator/mod.rs"]
#[allow(dead_code, reason = "its command line is not used here")]
mod simulator;

#[path = "../faults/sim.rs"]
#[allow(dead_code, reason = "the fault drills use more of it")]
mod sim;

mod page;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use self::sim::{DIALECTS, Sim};
use self::support::{Server, until};

/// Where `tests/all` installs, beside the build.
fn installed(variable: &str, below: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(
        || {
            let build = Path::new(env!("CARGO_BIN_EXE_maitred")).parent().unwrap();
            build.parent().unwrap().join("sdk").join(below)
        },
        PathBuf::from,
    )
}

/// Runs one suite; `false` if a case of it failed. What it says is shown.
fn run(suite: &str, base: SocketAddr, sim: &Sim, target: &str) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
    let mut command = match Path::new(suite).extension().and_then(|end| end.to_str()) {
        Some("py") => {
            let mut python = Command::new(installed("SDK_PYTHON", "python/bin/python"));
            python.arg("-B");
            python
        }
        _ => Command::new("node"),
    };
    let output = command
        .arg(folder.join(suite))
        .env("SDK_BASE", format!("http://{base}"))
        .env("SDK_SIM", format!("http://{}", sim.addr))
        .env("SDK_TARGET", target)
        .env("SDK_MODULES", installed("SDK_MODULES", "node"))
        .output()
        .expect("Python and Node are there");
    println!("== {suite} in front of {target}");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    if !output.status.success() {
        println!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

/// Providers of each dialect. Those for limits are apart: after one of them has said that it wants
/// to be left alone, it is.
fn providers(sim: &Sim) -> String {
    let mut config = String::from("default_provider = \"openai\"\n");
    for dialect in DIALECTS {
        let path = if dialect == "openai" { "/v1" } else { "" };
        for variant in ["", "-busy", "-limited", "-broke"] {
            config.push_str(&format!(
                "[provider.{dialect}{variant}]\nkind = \"{dialect}\"\nkey = \"sk-{dialect}\"\n\
                 base_url = \"http://{}{path}\"\nmodel = \"sim\"\nretry_base_ms = 10\n\
                 breaker_failures = 0\n",
                sim.addr
            ));
        }
    }
    config
}

/// One suite in front of the simulator, and of maitred with each kind of provider behind it.
fn suite(name: &str) {
    let sim = Sim::start();
    let server = Server::start(&providers(&sim));
    let mut failed = Vec::new();
    for target in ["direct", "openai", "anthropic", "gemini"] {
        let base = if target == "direct" {
            sim.addr
        } else {
            server.addr
        };
        if !run(name, base, &sim, target) {
            failed.push(target);
        }
    }
    assert_eq!(failed, [""; 0], "{name}: see above");
    until("nothing is left of it", || {
        (server.total("maitred_calls") + server.total("maitred_generations") == 0.0).then_some(())
    });
}

#[test]
#[ignore = "needs sdks"]
fn openai_for_python_is_at_home() {
    suite("openai_suite.py");
}

#[test]
#[ignore = "needs sdks"]
fn anthropic_for_python_is_at_home() {
    suite("anthropic_suite.py");
}

#[test]
#[ignore = "needs sdks"]
fn google_genai_for_python_is_at_home() {
    suite("gemini_suite.py");
}

#[test]
#[ignore = "needs sdks"]
fn openai_for_javascript_is_at_home() {
    suite("openai_suite.mjs");
}
