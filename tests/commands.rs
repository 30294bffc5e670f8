//! `maitred analyze` and `maitred keywords`, as somebody types them.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const TEA: &str = "Green tea is good. Everybody in Japan loves green tea, and so do I!";

/// Runs the program in `folder`, with this on standard input and an empty environment.
fn run(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_maitred"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(input); // it may not want it
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What it printed, if all went well and nothing was complained about.
fn printed(output: &Output) -> String {
    let complaints = words(&output.stderr);
    assert_eq!((output.status.code(), complaints.as_str()), (Some(0), ""));
    words(&output.stdout)
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tea.txt"), TEA).unwrap();
    std::fs::write(folder.path().join("bad.txt"), b"good \xff bad").unwrap();
    let other = "The incomprehensible regulations were, regrettably, a horrible failure.";
    std::fs::write(folder.path().join("law.txt"), other).unwrap();
    folder
}

#[test]
fn one_text_is_told_line_by_line() {
    let folder = folder();
    let told = printed(&run(folder.path(), &["analyze", "tea.txt"], b""));
    for part in [
        "Readability",
        "very easy",
        "Flesch reading ease",
        "Sentiment",
        "positive",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    let typed = printed(&run(folder.path(), &["analyze"], TEA.as_bytes()));
    assert_eq!(typed, told, "the same from standard input");
    assert_eq!(
        printed(&run(folder.path(), &["analyze", "-"], TEA.as_bytes())),
        told
    );
    let marked = format!("\u{feff}{TEA}");
    assert_eq!(
        printed(&run(folder.path(), &["analyze"], marked.as_bytes())),
        told
    );
}

#[test]
fn several_texts_are_rows_under_heads() {
    let folder = folder();
    let told = printed(&run(folder.path(), &["analyze", "tea.txt", "law.txt"], b""));
    let rows: Vec<Vec<&str>> = (told.lines())
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0][..3], ["FILE", "READS", "EASE"]);
    assert_eq!(
        (rows[1][0], rows[2][0], rows.len()),
        ("tea.txt", "law.txt", 3)
    );
    assert_eq!(rows[1].last(), Some(&"0.784"), "{told}");
    let places = |word: &str| {
        told.lines()
            .filter_map(|line| line.find(word))
            .collect::<Vec<_>>()
    };
    assert_eq!(places("positive"), places("negative"), "columns line up");
}

#[test]
fn json_has_the_names_of_the_api_one_document_a_line() {
    let folder = folder();
    let arguments = ["analyze", "--json", "tea.txt", "law.txt"];
    let told = printed(&run(folder.path(), &arguments, b""));
    let lines: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((lines.len(), &lines[1]["file"]), (2, &"law.txt".into()));
    assert_eq!(lines[0]["sentiment"]["label"], "positive");
    assert_eq!(lines[0]["readability"]["lexicon_count"], 14);

    let arguments = ["keywords", "--json", "--limit", "2", "-"];
    let told = printed(&run(folder.path(), &arguments, TEA.as_bytes()));
    let line: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&line["file"], &line["method"]),
        (&"-".into(), &"local".into())
    );
    assert_eq!(
        line["keywords"][0],
        serde_json::json!({"keyword": "Green tea", "score": 1.0})
    );
    assert_eq!(line["keywords"].as_array().unwrap().len(), 2);
}

#[test]
fn keywords_are_a_list_with_ranks() {
    let folder = folder();
    let told = printed(&run(folder.path(), &["keywords", "tea.txt"], b""));
    assert!(told.starts_with("  1  Green tea  1.00\n  2  "), "{told}");
    let told = printed(&run(
        folder.path(),
        &["keywords", "tea.txt", "law.txt"],
        b"",
    ));
    assert!(told.starts_with("tea.txt\n  1  Green tea"), "{told}");
    assert!(told.contains("\n\nlaw.txt\n  1  "), "{told}");
}

#[test]
fn a_file_that_fails_is_named_and_the_others_are_told() {
    let folder = folder();
    let arguments = ["keywords", "bad.txt", "gone.txt", "tea.txt"];
    let output = run(folder.path(), &arguments, b"");
    assert_eq!(output.status.code(), Some(1));
    let complaints = words(&output.stderr);
    let lines: Vec<&str> = complaints.lines().collect();
    assert!(lines[0].starts_with("maitred: bad.txt: not UTF-8") && lines[0].contains("number 5"));
    assert!(
        lines[1].starts_with("maitred: gone.txt: No such file"),
        "{complaints}"
    );
    assert_eq!(lines.len(), 2);
    assert!(words(&output.stdout).contains("Green tea"));
}

#[test]
fn nothing_is_not_a_text() {
    let folder = folder();
    for verb in ["analyze", "keywords"] {
        for nothing in ["", " \n\t", "\u{feff}"] {
            let output = run(folder.path(), &[verb], nothing.as_bytes());
            assert_eq!(output.status.code(), Some(1), "{verb}: {nothing:?}");
            assert_eq!(
                words(&output.stderr),
                "maitred: standard input: there is no text\n"
            );
            assert_eq!(words(&output.stdout), "");
        }
    }
}

#[test]
fn wrong_usage_has_exit_code_2_and_help_has_examples() {
    let folder = folder();
    for arguments in [
        &["keywords", "--limit", "0"][..],
        &["keywords", "--limit", "101"],
        &["analyze", "--limit", "3"],
        &["analyze", "--jsn"],
    ] {
        let output = run(folder.path(), arguments, b"");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    for verb in ["analyze", "keywords"] {
        let help = printed(&run(folder.path(), &[verb, "--help"], b""));
        for part in [
            "No server is started",
            "Examples:",
            "standard input",
            "--json",
        ] {
            assert!(help.contains(part), "{part} in\n{help}");
        }
    }
}

#[test]
fn nothing_but_the_texts_is_looked_at() {
    let folder = folder();
    std::fs::write(
        folder.path().join("maitred.toml"),
        "this is no configuration",
    )
    .unwrap();
    printed(&run(folder.path(), &["analyze", "tea.txt"], b""));
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 4, "and nothing is left behind");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_maitred"))
        .args(["analyze", "--json"])
        .args(vec!["tea.txt"; 2_000])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), words(&output.stderr)),
        (Some(0), String::new())
    );
}
