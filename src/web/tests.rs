//! The files of the page hold together, and keep to themselves.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn text(asset: &Asset) -> &'static str {
    std::str::from_utf8(asset.bytes).unwrap()
}

/// What stands between `before` and the next `"` or `'`, each time.
fn after<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    let found = text.match_indices(before).map(|(at, _)| at + before.len());
    found.map(|at| text[at..].split(['"', '\'']).next().unwrap())
}

#[test]
fn every_file_of_the_folder_is_in_the_table_and_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    let on_disk: BTreeSet<String> = (std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".rs"))
        .collect();
    let mut listed: BTreeSet<String> = ASSETS.iter().map(|asset| asset.name.to_owned()).collect();
    assert!(listed.remove(""), "the document has no name below /app/");
    listed.insert("index.html".to_owned());
    assert_eq!(on_disk, listed);
    assert_eq!(index().kind, HTML);
    assert_eq!(asset(""), None, "the document has one address");
}

#[test]
fn whatever_a_file_refers_to_exists() {
    let mut referred = BTreeSet::new();
    for place in ["href=\"app/", "src=\"app/"] {
        referred.extend(after(text(index()), place));
    }
    for file in ASSETS.iter().filter(|asset| asset.kind == SCRIPT) {
        let imports: Vec<&str> = after(text(file), " from \"./").collect();
        assert!(imports.iter().all(|name| *name != file.name));
        referred.extend(imports);
    }
    for name in &referred {
        assert!(asset(name).is_some(), "{name} is referred to");
    }
    for file in ASSETS.iter().filter(|file| !file.name.is_empty()) {
        assert!(referred.contains(file.name), "{} is used", file.name);
    }
}

#[test]
fn nothing_comes_from_another_host() {
    for file in ASSETS.iter() {
        for line in text(file).lines() {
            let is_comment = line.trim_start().starts_with("//");
            // The name of SVG's vocabulary is an address that nobody visits.
            let line = line.replace("http://www.w3.org/2000/svg", "");
            let outside = ["http://", "https://", "url(//", "src=\"//", "href=\"//"];
            let found = outside.iter().find(|start| line.contains(**start));
            assert!(is_comment || found.is_none(), "{}: {line}", file.name);
        }
    }
}

#[test]
fn the_document_has_no_script_or_style_of_its_own_and_no_text_becomes_markup() {
    let document = text(index());
    assert!(!document.contains("<style") && !document.contains(" style="));
    let scripts = document.matches("<script").count();
    assert_eq!(
        scripts,
        document.matches("<script src=").count()
            + document.matches("<script type=\"module\" src=").count()
    );
    let handler = document.split(" on").skip(1).any(|rest| {
        let name: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
        !name.is_empty() && rest[name.len()..].starts_with('=')
    });
    assert!(!handler, "a listener in the markup");
    for file in ASSETS.iter().filter(|asset| asset.kind == SCRIPT) {
        for way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ] {
            assert!(!text(file).contains(way), "{}: {way}", file.name);
        }
    }
}

#[test]
fn every_element_that_a_script_asks_for_is_in_the_document() {
    for file in ASSETS.iter().filter(|asset| asset.kind == SCRIPT) {
        for id in after(text(file), "byId(\"") {
            assert!(
                text(index()).contains(&format!("id=\"{id}\"")),
                "{}: #{id}",
                file.name
            );
        }
    }
}

#[test]
fn files_stay_small() {
    for file in ASSETS.iter() {
        let lines = text(file).lines().count();
        assert!(lines <= 300, "{}: {lines} lines", file.name);
    }
}

#[test]
fn a_tag_is_the_hash_of_the_bytes() {
    // From `printf '' | sha256sum`.
    let empty = "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"";
    assert_eq!(tag(b""), empty);
    let tags: BTreeSet<&str> = ASSETS.iter().map(|asset| asset.etag.as_str()).collect();
    assert_eq!(tags.len(), ASSETS.len());
}
