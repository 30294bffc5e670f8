//! `docs/gateway.md` as a new user tries it: the configurations load, and each program runs as it
//! stands there, with nothing changed but the address.

use std::path::Path;
use std::process::{Command, Output};

use crate::installed;
use crate::sim::Sim;
use crate::support::{House, Server};

/// What the page says the server is at.
const ADDRESS: &str = "127.0.0.1:8080";

/// The fenced blocks of the page: language and text.
fn blocks() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/gateway.md");
    let page = std::fs::read_to_string(path).unwrap();
    let mut parts = page.split("```");
    parts.next(); // what comes before the first
    let mut blocks = Vec::new();
    while let (Some(block), Some(_prose)) = (parts.next(), parts.next()) {
        let (language, text) = block.split_once('\n').unwrap();
        blocks.push((language.to_owned(), text.to_owned()));
    }
    blocks
}

fn of(language: &str) -> Vec<String> {
    let all = blocks().into_iter();
    all.filter(|(other, _)| other == language)
        .map(|(_, text)| text)
        .collect()
}

/// The page's own configuration with the simulator in the vendors' places.
fn at(sim: &Sim, config: &str) -> String {
    let openai = format!("base_url = \"http://{}/v1\"", sim.addr);
    let anthropic = format!("base_url = \"http://{}\"", sim.addr);
    let config = config.replace("[provider.openai]", &format!("[provider.openai]\n{openai}"));
    config.replace(
        "[provider.anthropic]",
        &format!("[provider.anthropic]\n{anthropic}"),
    )
}

fn run(command: &mut Command, program: &str) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("it starts");
    let (said, complained) = (
        String::from_utf8_lossy(&stdout).into_owned(),
        String::from_utf8_lossy(&stderr).into_owned(),
    );
    assert!(status.success(), "{program}\n{said}\n{complained}");
    assert!(!said.trim().is_empty(), "it says nothing:\n{program}");
    said
}

#[test]
fn the_configurations_of_the_page_load() {
    let configs = of("toml");
    assert_eq!(configs.len(), 2);
    for (config, lines) in configs.iter().zip([3, 10]) {
        assert_eq!(config.trim().lines().count(), lines, "as its heading says");
        let output = House::new().run_to_exit(config, &["check-config"]);
        assert!(output.status.success(), "{config}\n{output:?}");
    }
}

#[test]
#[ignore = "needs sdks"]
fn each_program_of_the_page_runs_as_it_stands() {
    let sim = Sim::start();
    let server = Server::start(&at(&sim, &of("toml")[1]));
    let here = server.addr.to_string();
    let folder = tempfile::tempdir().unwrap();
    let python = installed("SDK_PYTHON", "python/bin/python");
    for program in of("python") {
        let program = program.replace(ADDRESS, &here);
        let file = folder.path().join("program.py");
        std::fs::write(&file, &program).unwrap();
        let said = run(Command::new(&python).arg("-B").arg(file), &program);
        assert!(said.contains("Tea is a drink"), "{program}\n{said}");
    }
    // Modules are looked for beside a program.
    let modules = installed("SDK_MODULES", "node").join("node_modules");
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).unwrap();
    for program in of("js") {
        let program = program.replace(ADDRESS, &here);
        let file = folder.path().join("program.mjs");
        std::fs::write(&file, &program).unwrap();
        let said = run(Command::new("node").arg(file), &program);
        assert!(said.contains("Tea is a drink"), "{program}\n{said}");
    }
}

#[test]
#[ignore = "needs curl"]
fn each_line_of_the_page_can_be_typed() {
    let sim = Sim::start();
    let server = Server::start(&at(&sim, &of("toml")[1]));
    let mut typed = 0;
    for line in of("sh") {
        let line = line.replace(ADDRESS, &server.addr.to_string());
        let line = line.replacen("curl ", "curl -sS --fail-with-body ", 1);
        run(Command::new("sh").args(["-c", &line]), &line);
        typed += 1;
    }
    assert!(typed >= 4, "{typed} lines");
}
