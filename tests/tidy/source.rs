//! The repository as text, and Rust code without its comments and strings.
//!
//! It knows as much of Rust's syntax as it takes to blank out what is not code. Lines stay where
//! they are, so that a complaint can name one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The checkout that this test was built from.
pub(crate) struct Repository {
    root: PathBuf,
    files: BTreeSet<String>,
}

/// One text file, by its path from the root.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Repository {
    pub(crate) fn open() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut files = BTreeSet::new();
        for name in top_level(&root) {
            walk(&root, Path::new(&name), &mut files);
        }
        assert!(files.contains("src/lib.rs"), "this is not the repository");
        Repository { root, files }
    }

    /// The names at the top, without what `.gitignore` says is nobody's.
    pub(crate) fn top_level(&self) -> Vec<String> {
        top_level(&self.root)
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        self.files.contains(path) || self.files.iter().any(|file| file.starts_with(&folder))
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// All Rust files below a folder.
    pub(crate) fn rust(&self, folder: &str) -> Vec<File> {
        self.select(|path| path.starts_with(folder) && path.ends_with(".rs"))
    }

    pub(crate) fn markdown(&self) -> Vec<File> {
        self.select(|path| path.ends_with(".md"))
    }

    /// Whatever a person writes: code, scripts, pages.
    pub(crate) fn texts(&self) -> Vec<File> {
        let kinds = [
            "rs", "md", "toml", "sql", "py", "sh", "js", "mjs", "css", "html",
        ];
        let scripts = ["tests/all", "tests/long", ".ci/run"];
        self.select(|path| {
            scripts.contains(&path)
                || path
                    .rsplit_once('.')
                    .is_some_and(|(_, k)| kinds.contains(&k))
        })
    }

    fn select(&self, wanted: impl Fn(&str) -> bool) -> Vec<File> {
        (self.paths().filter(|path| wanted(path)))
            .map(|path| File {
                path: path.to_string(),
                text: self.read(path),
            })
            .collect()
    }
}

impl File {
    /// Whether the whole file is tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The code without comments and strings.
    pub(crate) fn code(&self) -> String {
        strip(&self.text)
    }

    /// The code without comments, strings and tests.
    pub(crate) fn product_code(&self) -> String {
        if self.is_test() {
            return String::new();
        }
        without_tests(&self.code())
    }
}

fn top_level(root: &Path) -> Vec<String> {
    let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    let ignored: Vec<&str> = ignored.lines().map(|line| line.trim_matches('/')).collect();
    let mut names: Vec<String> = (fs::read_dir(root).expect("the root can be read"))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".git" && !ignored.contains(&name.as_str()))
        .collect();
    names.sort();
    names
}

fn walk(root: &Path, path: &Path, files: &mut BTreeSet<String>) {
    let full = root.join(path);
    if !full.is_dir() {
        files.insert(path.to_str().expect("names are UTF-8").to_string());
        return;
    }
    for entry in fs::read_dir(full).expect("a folder can be read") {
        let name = entry.unwrap().file_name();
        // What tools leave behind in folders of ours.
        if name != "target" && name != "__pycache__" && name != "corpus" && name != "artifacts" {
            walk(root, &path.join(name), files);
        }
    }
}

/// Puts spaces in the place of comments, strings and characters.
pub(crate) fn strip(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = match rest[0] {
            b'/' if rest.starts_with(b"//") => find(rest, b"\n", 0),
            b'/' if rest.starts_with(b"/*") => find(rest, b"*/", 2) + 2,
            b'r' | b'b' | b'c' if !in_word(bytes, at) => literal(rest),
            b'"' => quoted(rest, 1),
            b'\'' => character(rest),
            _ => 0,
        };
        let end = end.min(rest.len());
        for byte in &mut out[at..at + end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += end.max(1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn in_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

fn find(text: &[u8], what: &[u8], from: usize) -> usize {
    (text.get(from..).unwrap_or(b"").windows(what.len()))
        .position(|window| window == what)
        .map_or(text.len(), |at| from + at)
}

/// `"…"`, `b"…"`, `r"…"`, `r#"…"#`: where it ends, or 0 if it is none.
fn literal(text: &[u8]) -> usize {
    let prefix = text.iter().take_while(|b| b"rbc".contains(b)).count();
    let raw = text[..prefix].contains(&b'r');
    let hashes = text[prefix..].iter().take_while(|b| **b == b'#').count();
    match text.get(prefix + hashes) {
        Some(b'"') if raw => {
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            find(text, &close, prefix + hashes + 1) + close.len()
        }
        Some(b'"') if hashes == 0 => quoted(text, prefix + 1),
        Some(b'\'') if prefix == 1 && text[0] == b'b' => 1 + character(&text[1..]),
        _ => 0,
    }
}

fn quoted(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// A character, or 0 for a lifetime.
fn character(text: &[u8]) -> usize {
    match text.get(1) {
        Some(b'\\') => find(text, b"'", 3) + 1,
        Some(first) => {
            let width = match first {
                0..0x80 => 1,
                0x80..0xE0 => 2,
                0xE0..0xF0 => 3,
                _ => 4,
            };
            if text.get(1 + width) == Some(&b'\'') {
                2 + width
            } else {
                0
            }
        }
        None => 0,
    }
}

/// Blanks `#[cfg(test)] mod … { … }` in stripped code.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = match (from.find('{'), from.find(';')) {
            (Some(open), semicolon) if semicolon.is_none_or(|s| open < s) => {
                open + block(&from[open..])
            }
            (_, Some(semicolon)) => semicolon + 1,
            _ => from.len(),
        };
        out.extend(from[..end].chars().filter(|c| *c == '\n'));
        rest = &from[end..];
    }
    out + rest
}

/// How long the block is that begins with the first `{`.
pub(crate) fn block(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// The words of code, each with the number of its line.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(code.lines()).flat_map(|(number, line)| {
        line.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .map(move |word| (number, word))
    })
}

#[test]
fn comments_strings_and_characters_are_blanked_and_code_stays() {
    let code = "let a = \"x\\\"y\"; // z\nlet b: &'a u8 = b'\"'; /* c */ let d = r#\"e \"# ;";
    let clean = strip(code);
    assert_eq!(clean.len(), code.len());
    let words: Vec<&str> = words(&clean).map(|(_, word)| word).collect();
    assert_eq!(words.join(" "), "let a let b a u8 let d");
}

#[test]
fn a_module_of_tests_is_no_product_code() {
    let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { c() }\n}\nfn d() {}\n";
    let clean = without_tests(code);
    assert_eq!(clean.lines().count(), code.lines().count());
    assert!(clean.contains("fn a") && clean.contains("fn d") && !clean.contains("fn b"));
    assert!(without_tests("#[cfg(test)]\nmod tests;\nfn e() {}").contains("fn e"));
}
