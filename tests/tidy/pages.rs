//! What the pages name exists, and their links lead somewhere.
//!
//! Looked at is what stands between single back-ticks, outside of fenced blocks:
//!
//! ```text
//!   src/engine/io.rs   io.rs   src/engine/      a file or folder, from the root or by its end
//!   Engine::handle   ConnId::new()              both names, in one file
//!   handle()                                    a function
//!   ConnId   POOL_WAITING                       a type, a constant or a variable of a script
//! ```
//! Anything else is prose, a command or somebody else's name.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{File, Repository, words};

/// First words of paths and names that belong to others.
const FOREIGN: &[&str] = &[
    "std",
    "core",
    "mio",
    "rustls",
    "httparse",
    "slab",
    "serde_json",
    "rusqlite",
    "signal_hook",
    "Uuid",
    "HashMap",
    "BTreeMap",
    "Vec",
    "Box",
    "Rc",
    "Option",
    "Result",
    "String",
    "IoSlice",
];

/// Names with capitals in the middle that are not ours.
const FOREIGN_TYPES: &[&str] = &[
    "ETag",
    "RefCell",
    "SystemTime",
    "RandomState",
    "HashMap",
    "RetryInfo",
    "IpAddr",
    "SocketAddr",
    "RawValue",
];

/// All that can be named.
pub(crate) struct Names {
    paths: BTreeSet<String>,
    /// The words of each file of code, and of all scripts.
    words: BTreeMap<String, BTreeSet<String>>,
    functions: BTreeSet<String>,
}

impl Names {
    pub(crate) fn of(repo: &Repository) -> Self {
        let code = (repo.texts().into_iter()).filter(|file| !file.path.ends_with(".md"));
        Names::new(repo.paths().map(str::to_string), code)
    }

    fn new(paths: impl Iterator<Item = String>, code: impl Iterator<Item = File>) -> Self {
        let mut names = Names {
            paths: paths.collect(),
            words: BTreeMap::new(),
            functions: BTreeSet::new(),
        };
        for file in code {
            let rust = file.path.ends_with(".rs");
            let text = if rust { file.code() } else { file.text.clone() };
            let mut before = "";
            let list: Vec<&str> = words(&text).map(|(_, word)| word).collect();
            for word in &list {
                if before == "fn" {
                    names.functions.insert((*word).to_string());
                }
                before = word;
            }
            let mut list: BTreeSet<String> = list.iter().map(ToString::to_string).collect();
            // Variables of the environment are strings in the code.
            list.extend(
                words(&file.text)
                    .map(|(_, w)| w)
                    .filter(|w| screams(w))
                    .map(str::to_string),
            );
            names.words.insert(file.path, list);
        }
        names
    }

    /// Complains about what a page names and is not there.
    pub(crate) fn check(&self, page: &str, text: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        for (number, span) in spans(text) {
            if let Some(rust) = span.find(".rs:") {
                let digit = span[rust + 4..].starts_with(|c: char| c.is_ascii_digit());
                if digit {
                    complaints.push(format!("{page}:{number}: `{span}`: line numbers rot"));
                }
            } else if !self.exists(span) {
                complaints.push(format!("{page}:{number}: `{span}`: there is no such thing"));
            }
        }
        complaints
    }

    /// Complains about files that a comment names and that are not there.
    pub(crate) fn check_comments(&self, path: &str, text: &str) -> Vec<String> {
        (1..)
            .zip(text.lines())
            .filter(|(_, line)| line.trim_start().starts_with("//"))
            .flat_map(|(number, line)| {
                (line.split('`').skip(1).step_by(2))
                    .filter(|span| self::path(span).is_some_and(|named| !self.has_path(named)))
                    .map(move |span| format!("{path}:{number}: `{span}`: there is no such file"))
            })
            .collect()
    }

    fn exists(&self, span: &str) -> bool {
        if !span.is_ascii() || span.contains([' ', '*', '{', '<', '=', '"', '\'', ',', '[']) {
            return true;
        }
        if let Some(path) = path(span) {
            return self.has_path(path);
        }
        let name = span.strip_suffix("()").unwrap_or(span);
        let parts: Vec<&str> = name.split("::").collect();
        if !parts.iter().all(|part| is_word(part)) || FOREIGN.contains(&parts[0]) {
            return true;
        }
        let last = parts[parts.len() - 1];
        if span.ends_with("()") && !self.functions.contains(last) {
            return false;
        }
        if parts.len() > 1 {
            return self.together(&parts);
        }
        let ours = (camel(name) && !FOREIGN_TYPES.contains(&name)) || screams(name);
        !ours || self.words.values().any(|words| words.contains(name))
    }

    fn has_path(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let end = format!("/{path}");
        let folder = format!("{path}/");
        let inner = format!("/{path}/");
        (self.paths.iter()).any(|file| {
            file == path
                || file.ends_with(&end)
                || file.starts_with(&folder)
                || file.contains(&inner)
        })
    }

    /// `Type::name`: one file has both words. `module::name`: a file of that name has it.
    fn together(&self, parts: &[&str]) -> bool {
        let parts: Vec<&str> = (parts.iter().copied())
            .filter(|part| !["crate", "super", "self"].contains(part))
            .collect();
        (self.words.iter()).any(|(path, words)| {
            (parts.iter())
                .all(|part| words.contains(*part) || path.split(['/', '.']).any(|p| p == *part))
        })
    }
}

/// A file or folder of ours: it begins with a folder of ours, or is a file of a kind that we have.
fn path(span: &str) -> Option<&str> {
    let plain = span
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
    let ours = ["src/", "tests/", "docs/", "examples/", "benches/", ".ci/"];
    let from_root = ours.iter().any(|folder| span.starts_with(folder));
    let source = span.ends_with(".rs") || span.ends_with(".sql");
    (plain && (from_root || source)).then_some(span)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `ConnId`, but not `Engine` (a word) and not `TLS`.
fn camel(text: &str) -> bool {
    let lower = text.bytes().any(|b| b.is_ascii_lowercase());
    let upper = text.bytes().skip(1).any(|b| b.is_ascii_uppercase());
    is_word(text) && text.as_bytes()[0].is_ascii_uppercase() && lower && upper
}

/// `POOL_WAITING`
fn screams(text: &str) -> bool {
    text.contains('_')
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// What stands between single back-ticks, with the number of its line.
fn spans(text: &str) -> Vec<(usize, &str)> {
    let mut spans = Vec::new();
    for (number, line) in prose(text) {
        spans.extend(
            line.split('`')
                .skip(1)
                .step_by(2)
                .map(|span| (number, span)),
        );
    }
    spans
}

/// Lines outside of fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Complains about links between pages that lead nowhere.
pub(crate) fn links(pages: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let anchors: BTreeMap<&str, BTreeSet<String>> = (pages.iter())
        .map(|page| (page.path.as_str(), headings(&page.text)))
        .collect();
    let mut complaints = Vec::new();
    for page in pages {
        for (number, target) in targets(&page.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() {
                page.path.clone()
            } else {
                resolve(&page.path, file)
            };
            let found = anchors.get(file.as_str());
            let leads = exists(&file)
                && (anchor.is_empty() || found.is_some_and(|list| list.contains(anchor)));
            if !leads {
                complaints.push(format!(
                    "{}:{number}: the link {target} leads nowhere",
                    page.path
                ));
            }
        }
    }
    complaints
}

fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut targets = Vec::new();
    for (number, line) in prose(text) {
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            targets.extend(rest.find(')').map(|end| (number, &rest[..end])));
        }
    }
    targets
}

fn resolve(page: &str, link: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// The anchors of a page, as the usual viewers make them.
fn headings(text: &str) -> BTreeSet<String> {
    (prose(text).map(|(_, line)| line))
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            (line.trim_start_matches('#').trim().to_lowercase().chars())
                .filter_map(|c| match c {
                    ' ' => Some('-'),
                    c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
                    _ => None,
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_string(),
        text: text.to_string(),
    }
}

#[test]
fn a_name_that_does_not_exist_is_found() {
    let code =
        "struct ConnId; impl ConnId { fn raise(self) {} }\nconst POOL_MAX: u8 = 1; // GoneType";
    let code = [
        file("src/engine/slots.rs", code),
        file("src/b.rs", "struct TextRow; fn put() {}"),
    ];
    let paths = code.each_ref().map(|file| file.path.clone());
    let names = Names::new(paths.into_iter(), code.into_iter());
    for good in [
        "src/engine/slots.rs",
        "slots.rs",
        "engine/slots.rs",
        "src/engine/",
        "ConnId",
        "raise()",
        "ConnId::raise",
        "slots::ConnId",
        "POOL_MAX",
        "std::net::TcpStream",
        "cargo test",
        "Host",
    ] {
        assert!(names.exists(good), "{good}");
    }
    for bad in [
        "src/engine/slot.rs",
        "slot.rs",
        "src/engines/",
        "ConnIds",
        "lower()",
        "ConnId::lower",
        "ConnId::put",
        "slot::ConnId",
        "POOL_MIN",
        "GoneType",
    ] {
        assert!(!names.exists(bad), "{bad}");
    }
    let page = "The `ConnId` and\n```\n`Nothing::here`\n```\nthe `NoSuchType` in `slots.rs:12`.";
    let comment = "//! See `slots.rs` and `slot.rs`.\nlet a = \"`none.rs`\";";
    assert_eq!(names.check_comments("src/b.rs", comment).len(), 1);
    let complaints = names.check("docs/a.md", page);
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(complaints.iter().all(|c| c.starts_with("docs/a.md:5")));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let a = "# A page\n[one](b.md) [two](#a-page) [three](b.md#what-is-it) [out](https://x.y/z)";
    let b = "## What is it?\n[up](../README.md)";
    let pages = |a: &str| {
        [
            file("docs/a.md", a),
            file("docs/b.md", b),
            file("README.md", ""),
        ]
    };
    let exists = |path: &str| ["docs/a.md", "docs/b.md", "README.md"].contains(&path);
    assert!(links(&pages(a), &exists).is_empty());
    for (good, bad) in [
        ("(b.md)", "(c.md)"),
        ("#a-page", "#no-page"),
        ("what-is-it", "what"),
    ] {
        assert_eq!(
            links(&pages(&a.replace(good, bad)), &exists).len(),
            1,
            "{bad}"
        );
    }
}
