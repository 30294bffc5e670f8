//! What the pages show is what happens: each curl line of the README and of the API page is typed in,
//! in their order, and what comes back has the members and the types that are shown under it.
//!
//! ```text
//!  ```sh            run, if it is a curl line
//!  ```json          a document, or one a line: `"…": 0` stands for further members
//!  ```              events
//! ```
//! An id that is shown stands for the id of the text that was asked for first.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::Server;

/// What follows a curl line, and the language of its fence.
#[derive(Debug)]
struct Snippet {
    line: String,
    shown: Option<(String, String)>,
}

/// The curl lines of a page. What is shown under one is the next fence before the next heading.
fn snippets(page: &str) -> Vec<Snippet> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let mut found: Vec<Snippet> = Vec::new();
    let mut waits = false;
    let mut fence: Option<(String, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), fence.take()) {
            (Some(language), None) => fence = Some((language.to_owned(), String::new())),
            (Some(_), Some((language, body))) if language == "sh" => {
                waits = body.starts_with("curl ");
                if waits {
                    found.push(Snippet {
                        line: body,
                        shown: None,
                    });
                }
            }
            (Some(_), Some(shown)) => {
                if std::mem::take(&mut waits) {
                    found.last_mut().unwrap().shown = Some(shown);
                }
            }
            (None, Some((language, body))) => fence = Some((language, body + line + "\n")),
            (None, None) => waits &= !line.starts_with('#'),
        }
    }
    found
}

/// Whether `actual` has what is shown: the same members with the same types.
fn fits(shown: &Value, actual: &Value) -> Result<(), String> {
    match (shown, actual) {
        (Value::Object(shown), Value::Object(actual)) => {
            for (name, value) in shown.iter().filter(|(name, _)| *name != "…") {
                let member = actual
                    .get(name)
                    .ok_or_else(|| format!("{name} is not there"))?;
                fits(value, member).map_err(|wrong| format!("{name}: {wrong}"))?;
            }
            let hidden = actual.keys().find(|name| !shown.contains_key(*name));
            match hidden {
                Some(name) if !shown.contains_key("…") => Err(format!("{name} is not shown")),
                _ => Ok(()),
            }
        }
        // Failures are shown among others, and do not happen here.
        (Value::Array(shown), Value::Array(actual)) => (shown.iter())
            .filter(|element| element.get("error").is_none())
            .try_for_each(|element| {
                let mut wrong = "nothing is there".to_owned();
                let any = (actual.iter()).any(|other| match fits(element, other) {
                    Ok(()) => true,
                    Err(words) => {
                        wrong = words;
                        false
                    }
                });
                if any { Ok(()) } else { Err(wrong) }
            }),
        (Value::Null, _) => Ok(()),
        (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => Ok(()),
        (a, b) => Err(format!("{a} is shown and {b} comes")),
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// One document, or one a line.
fn documents(text: &str) -> Value {
    let lines = || {
        text.lines()
            .map(serde_json::from_str)
            .collect::<Result<Vec<Value>, _>>()
    };
    let one = serde_json::from_str::<Value>(text).map(|one| vec![one]);
    Value::Array(
        one.or_else(|_| lines())
            .unwrap_or_else(|error| panic!("{error}: {text}")),
    )
}

/// Events as documents: the name and the data.
fn events(text: &str) -> Value {
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    let event = |block: &str| {
        let field = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {block}"))
                .trim()
                .to_owned()
        };
        serde_json::json!({field("event:"): json(&field("data:"))})
    };
    blocks.map(event).collect()
}

fn run(line: &str, folder: &Path) -> String {
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "needs curl"]
fn what_is_shown_is_what_happens() {
    let server = Server::start("[offline]\ngap_ms = 0\n");
    let folder = tempfile::tempdir().unwrap();
    let mut first: Option<String> = None;
    let (mut typed, mut compared) = (0, 0);
    for page in ["docs/api.md", "README.md"] {
        for snippet in snippets(page) {
            let mut line = snippet
                .line
                .replace("127.0.0.1:8080", &server.addr.to_string());
            if let Some(id) = &first {
                line = line.replace("01a1fc73-c0f1-7e75-beed-a2479c7bb261", id);
            }
            let came = run(&line.replacen("curl ", "curl -sS ", 1), folder.path());
            typed += 1;
            let Some((language, shown)) = snippet.shown else {
                continue;
            };
            let (shown, actual) = match language.as_str() {
                "json" => (documents(&shown), documents(&came)),
                "" => (events(&shown), events(&came)),
                other => panic!("{other} is shown under {line}"),
            };
            compared += 1;
            if let Err(wrong) = fits(&shown, &actual) {
                panic!("{page}: {line}{wrong}\nshown: {shown}\ncame: {came}");
            }
            first = first.or_else(|| Some(actual[0]["id"].as_str()?.to_owned()));
        }
    }
    assert!(
        typed > 12 && compared > 8,
        "{typed} lines, {compared} answers"
    );
    let exported = std::fs::read_to_string(folder.path().join("contents.ndjson")).unwrap();
    assert!(exported.contains("green tea"), "the export is a file");
}

#[test]
fn a_member_that_is_not_there_or_not_shown_is_noticed() {
    let fits = |shown, actual| fits(&json(shown), &json(actual)).is_ok();
    assert!(fits(r#"{"a":1}"#, r#"{"a":2}"#));
    assert!(fits(r#"{"a":1,"…":0}"#, r#"{"a":2,"b":3}"#));
    assert!(!fits(r#"{"a":1}"#, r#"{"a":2,"b":3}"#));
    assert!(!fits(r#"{"a":1,"b":1,"…":0}"#, r#"{"a":2}"#));
    assert!(!fits(r#"{"a":1}"#, r#"{"a":"1"}"#));
    assert!(!fits(r#"[{"a":1}]"#, "[]"));
}
