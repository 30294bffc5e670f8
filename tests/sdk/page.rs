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
    assert_eq!(configs.len(), 3);
    for (config, lines) in configs.iter().zip([3, 10, 2]) {
        assert_eq!(config.trim().lines().count(), lines, "as its heading says");
        let output = House::new().run_to_exit(config, &["check-config"]);
        assert!(output.status.success(), "{config}\n{output:?}");
    }
}

/// Runs those programs of the page for which `is_for` holds; each has to print `word`.
fn run_programs(server: &Server, word: &str, is_for: impl Fn(&str) -> bool) -> usize {
    let folder = tempfile::tempdir().unwrap();
    // Modules are looked for beside a program.
    let modules = installed("SDK_MODULES", "node").join("node_modules");
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).unwrap();
    let mut python = Command::new(installed("SDK_PYTHON", "python/bin/python"));
    python.arg("-B");
    let mut ran = 0;
    for (mut command, language, file) in [
        (python, "python", "program.py"),
        (Command::new("node"), "js", "program.mjs"),
    ] {
        let file = folder.path().join(file);
        command.arg(&file);
        for program in of(language).iter().filter(|program| is_for(program)) {
            let program = program.replace(ADDRESS, &server.addr.to_string());
            std::fs::write(&file, &program).unwrap();
            let said = run(&mut command, &program);
            assert!(said.contains(word), "{program}\n{said}");
            ran += 1;
        }
    }
    ran
}

#[test]
#[ignore = "needs sdks"]
fn each_program_of_the_page_runs_as_it_stands() {
    let sim = Sim::start();
    let server = Server::start(&at(&sim, &of("toml")[1]));
    let ran = run_programs(&server, "Tea is a drink", |_| true);
    assert!(ran > 5, "{ran} programs");
}

/// What needs a model of its own, tools and forms, is more than it can do.
#[test]
#[ignore = "needs sdks"]
fn the_built_in_provider_answers_before_there_is_a_key() {
    let server = Server::start("[offline]\ngap_ms = 0\n");
    let ran = run_programs(&server, "written offline", |program| {
        !["tools", "response_format"]
            .iter()
            .any(|word| program.contains(word))
    });
    assert!(ran > 3, "{ran} programs");
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
