//! `/openapi.json` and the server, judged by a program that this project did not write: the PyPI
//! package `schemathesis` asks for the document, makes requests that it allows and requests that it
//! forbids, and looks at every answer.
//!
//! On the vendors' routes it does not judge which requests are taken and which are refused: `null` is as
//! good as left out there, and of what the built-in provider does not read nothing is checked, so a request
//! may be taken that the document forbids, or be refused by a rule (no control characters) that no
//! schema says of text. The vendors' own libraries judge that (`tests/sdk`). Statuses, types and documents
//! of every answer it judges there as everywhere.
//!
//! `TEST_PYTHON` names a Python that has it; without it, plain `python3`.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "what it found is for whoever runs it")]

mod support;

use std::path::Path;
use std::process::Command;

use support::Server;

/// Paths of the vendors' APIs.
const VENDORS: &str = "^/v1";

#[test]
#[ignore = "needs schemathesis"]
fn schemathesis_finds_nothing() {
    let ours = ["--exclude-path-regex", VENDORS];
    judge(&ours, &["Coverage", "Fuzzing", "Stateful"]);
}

#[test]
#[ignore = "needs schemathesis"]
fn schemathesis_finds_nothing_in_the_answers_to_vendors_clients() {
    let theirs = ["--include-path-regex", VENDORS];
    let unasked = "negative_data_rejection,positive_data_acceptance";
    // No operation of theirs leads to another one, so there is nothing stateful.
    let phases = ["--phases", "examples,coverage,fuzzing"];
    let which = [&theirs[..], &["--exclude-checks", unasked], &phases].concat();
    judge(&which, &["Coverage", "Fuzzing"]);
}

/// Has the operations judged that `which` says; `phases` are those that have to be gone through.
fn judge(which: &[&str], phases: &[&str]) {
    let server = Server::start("debug = true\n[offline]\ngap_ms = 0\ntokens = 20\n");
    let python = std::env::var("TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi");
    let output = Command::new(python)
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(here.join("schemathesis.toml"))
        .arg("run")
        .arg(format!("http://{}/openapi.json", server.addr))
        .args(["--checks", "all", "--max-examples", "25", "--no-color"])
        .args(["--generation-deterministic", "--warnings", "off"])
        .args(which)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &here)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(server.house().path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "it found something");
    for phase in phases {
        let passed = said
            .lines()
            .any(|line| line.contains('✅') && line.contains(phase));
        assert!(passed, "{phase} was not tested");
    }
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}
