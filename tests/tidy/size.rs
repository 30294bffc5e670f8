//! Files and functions stay small, say what they are, and are finished.

use crate::source::{block, strip};

/// A file that does not fit this holds two ideas.
const FILE_LINES: usize = 450;
/// A function that does not fit this does two things.
const FUNCTION_LINES: usize = 75;

/// What was longer when the rule came. It may shrink, not grow, and once it fits it has to be
/// taken off this list.
const LONG: &[(&str, usize)] = &[];

/// Words that say "later". Written in two halves, so that this file does not name itself.
const LATER: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("db", "g!("),
];

pub(crate) fn file_length(path: &str, text: &str) -> Option<String> {
    length(path, text.lines().count(), FILE_LINES, LONG)
}

fn length(what: &str, lines: usize, most: usize, known: &[(&str, usize)]) -> Option<String> {
    match known.iter().find(|(name, _)| *name == what) {
        Some((_, most)) if lines > *most => Some(format!(
            "{what}: has grown to {lines} lines, at most {most}"
        )),
        Some(_) if lines <= most => Some(format!("{what}: fits now; take it off the list")),
        None if lines > most => Some(format!("{what}: {lines} lines, at most {most}")),
        _ => None,
    }
}

/// Complains about functions in stripped code that are too long.
pub(crate) fn function_length(path: &str, code: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let word_before = (code[..at].chars().next_back()).is_some_and(char::is_alphanumeric);
        let rest = &code[at..];
        let Some(open) = body(rest).filter(|_| !word_before) else {
            continue;
        };
        let lines = rest[..open + block(&rest[open..])].lines().count();
        let name = rest[3..].split(['(', '<']).next().unwrap_or("");
        let what = format!("{path}: fn {name}");
        complaints.extend(length(&what, lines, FUNCTION_LINES, LONG));
    }
    complaints
}

/// Where the body of a function begins; `None` if it has none. A `;` inside brackets is an array's.
fn body(function: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in function.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// A module begins with what it is.
pub(crate) fn opening(path: &str, text: &str) -> Option<String> {
    let first = text.lines().next().unwrap_or("");
    let said = first
        .strip_prefix("//! ")
        .is_some_and(|words| words.contains(' '));
    (!said).then(|| format!("{path}: does not begin with `//!` and what it is"))
}

/// Complains about what was left for later.
pub(crate) fn unfinished(path: &str, text: &str) -> Vec<String> {
    (1..)
        .zip(text.lines())
        .flat_map(|(number, line)| {
            (LATER.iter().filter(move |word| line.contains(**word)))
                .map(move |word| format!("{path}:{number}: {word}"))
        })
        .collect()
}

#[test]
fn a_long_file_is_found_and_the_list_only_shrinks() {
    assert_eq!(length("a.rs", 450, 450, &[]), None);
    assert!(length("a.rs", 451, 450, &[]).is_some());
    let known = [("a.rs", 500)];
    let complaint = |lines| length("a.rs", lines, 450, &known).unwrap_or_default();
    assert_eq!(complaint(500), "");
    assert!(complaint(501).contains("grown"));
    assert!(complaint(450).contains("take it off"));
}

#[test]
fn a_long_function_is_found_by_name() {
    let body = "    a();\n".repeat(74);
    let long = format!("impl A {{\n  fn b<T>(x: [u8; 4]) -> T\n  {{\n{body}  }}\n}}\n");
    assert_eq!(
        function_length("a.rs", &strip(&long)),
        ["a.rs: fn b: 77 lines, at most 75"]
    );
    assert!(function_length("a.rs", "fn c();\nfn d() {}").is_empty());
}

#[test]
fn a_module_without_a_sentence_is_found() {
    assert_eq!(opening("a.rs", "//! What it is.\nuse b;"), None);
    assert!(opening("a.rs", "use b;").is_some());
    assert!(opening("a.rs", "//! a").is_some());
}

#[test]
fn what_is_left_for_later_is_found() {
    let text = format!("fn a() {{ {}) }}\n// {}: b\n", LATER[3], LATER[0]);
    assert_eq!(unfinished("a.rs", &text).len(), 2);
    assert!(unfinished("a.rs", "a to-do list").is_empty());
}
