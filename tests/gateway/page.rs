//! The table of errors in `docs/gateway.md`, row by row, as clients of the three dialects are told.

use std::path::Path;

use crate::drill::Drill;
use crate::sim::DIALECTS;
use crate::told::{self, Told};

/// The rows of the table under `## Errors`: what happened, and what each dialect says of it.
fn rows() -> Vec<[String; 4]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/gateway.md");
    let page = std::fs::read_to_string(path).unwrap();
    let section = page.split("\n## Errors\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| "));
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split(" | ");
        let cells: Vec<String> = cells.map(|cell| cell.trim().to_owned()).collect();
        <[String; 4]>::try_from(cells).unwrap()
    };
    lines.skip(1).map(cells).collect() // the first is the head
}

/// What makes it happen: the words that its row begins with, and orders for the provider.
const CAUSES: &[(&str, &[&str])] = &[
    ("the request is wrong", &["fault:status-400"]),
    ("there is no such model", &["fault:status-404"]),
    ("the body is too large", &["fault:status-413"]),
    ("the provider limits us", &["fault:retry-after-100"]),
    ("the account is empty", &["fault:insufficient-quota"]),
    (
        "too much at once",
        &["fault:status-503", "fault:status-529"],
    ),
    (
        "the provider failed",
        &["fault:status-500", "fault:status-401", "fault:garbage"],
    ),
    ("it took too long", &["fault:silent"]),
];

/// The word of an error, where the dialect has it.
fn word(dialect: &str, told: &Told) -> String {
    let error = told.error.as_ref().unwrap();
    let member = match dialect {
        "gemini" => "status",
        _ => "type",
    };
    error[member].as_str().unwrap().to_owned()
}

#[test]
fn the_table_of_errors_is_what_clients_are_told() {
    let rows = rows();
    assert_eq!(rows.len(), CAUSES.len());
    for (row, (begins, orders)) in rows.iter().zip(CAUSES) {
        assert!(row[0].starts_with(begins), "{row:?}");
        for (dialect, cell) in DIALECTS.iter().copied().zip(&row[1..]) {
            for order in *orders {
                // A server for each: after some of them the provider is left alone.
                let drill = Drill::with_keys(dialect, "retries = 0");
                let told = drill.ask_for(&format!("bad/{order}"), false);
                let (status, word) = (told.status.to_string(), word(dialect, &told));
                assert!(cell.starts_with(&status), "{order} {cell}: {told:?}");
                let code = told.error.as_ref().unwrap()["code"].as_str();
                for shown in cell.split('`').skip(1).step_by(2) {
                    let is_there = shown == word || Some(shown) == code;
                    assert!(is_there, "{order} {cell}: {told:?}");
                }
            }
        }
    }
}

#[test]
fn an_answer_has_the_fields_of_the_head_that_the_page_names() {
    for dialect in DIALECTS {
        let drill = Drill::with_keys(dialect, "keys = { same = \"sk-1\", also = \"sk-2\" }");
        for stream in [false, true] {
            let told = told::ask(
                &mut drill.server.connect(),
                dialect,
                &told::request(dialect, "bad/sim", stream),
            );
            let request = told.field("x-request-id");
            assert!(request.is_some(), "{told:?}");
            let own = (dialect == "anthropic").then_some(request).flatten();
            assert_eq!(told.field("request-id"), own, "{told:?}");
            assert_eq!(told.field("x-maitred-attempts"), Some("1"), "{told:?}");
            assert_eq!(told.field("x-maitred-target"), Some("bad/sim"), "{told:?}");
            let key = told.field("x-maitred-key");
            assert!([Some("same"), Some("also")].contains(&key), "{told:?}");
        }
    }
}
