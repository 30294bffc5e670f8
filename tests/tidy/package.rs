//! Nothing in the package that nobody uses: top level, limits, dependencies.

use std::collections::BTreeSet;

use crate::source::words;

/// What a reader meets first. Dotfiles and the tools' own settings go beside it.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "docs",
    "examples",
    "src",
    "tests",
];

/// Complains about what is at the top and should not be, and the other way round.
pub(crate) fn top_level(names: &[String]) -> Vec<String> {
    let strangers = (names.iter())
        .filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str()))
        .map(|name| format!("{name}: does not belong at the top level"));
    let missing = (TOP.iter())
        .filter(|name| !names.iter().any(|n| n == *name))
        .map(|name| format!("{name}: is missing at the top level"));
    strangers.chain(missing).collect()
}

/// A limit that nobody looks at protects nobody.
pub(crate) fn unused_limits(limits: &str, code: &str) -> Vec<String> {
    let used: BTreeSet<&str> = words(code).map(|(_, word)| word).collect();
    (limits.lines())
        .filter_map(|line| line.strip_prefix("pub const ")?.split(':').next())
        .filter(|name| !used.contains(name))
        .map(|name| format!("src/limits.rs: {name} is used nowhere"))
        .collect()
}

/// Complains about dependencies without a row in the table of reasons, and rows without one.
pub(crate) fn reasons(manifest: &str, page: &str) -> Vec<String> {
    let mut listed: BTreeSet<&str> = dependencies(manifest, "dependencies");
    listed.extend(dependencies(manifest, "dev-dependencies"));
    let explained: BTreeSet<&str> = (page.lines())
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .filter(|name| *name != "crate")
        .collect();
    let silent = (listed.difference(&explained))
        .map(|name| format!("{name}: no reason in docs/decisions/dependencies.md"));
    let gone = (explained.difference(&listed))
        .map(|name| format!("{name}: explained, but not in Cargo.toml"));
    silent.chain(gone).collect()
}

/// Complains about dependencies of the product that its code never names.
pub(crate) fn unused_dependencies(manifest: &str, code: &str) -> Vec<String> {
    let used: BTreeSet<&str> = words(code).map(|(_, word)| word).collect();
    (dependencies(manifest, "dependencies").into_iter())
        .filter(|name| !used.contains(name.replace('-', "_").as_str()))
        .map(|name| format!("{name}: a dependency that src/ never names"))
        .collect()
}

fn dependencies<'a>(manifest: &'a str, section: &str) -> BTreeSet<&'a str> {
    let header = format!("[{section}]");
    (manifest.lines())
        .skip_while(|line| line.trim() != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .collect()
}

#[test]
fn a_stranger_at_the_top_is_found_and_so_is_a_gap() {
    let mut names: Vec<String> = TOP.iter().map(ToString::to_string).collect();
    names.push(".editorconfig".into());
    assert!(top_level(&names).is_empty());
    names.push("notes.txt".into());
    names.retain(|name| name != "LICENSE");
    assert_eq!(top_level(&names).len(), 2);
}

#[test]
fn a_limit_that_nobody_reads_is_found() {
    let limits = "pub const A_MS: u64 = 1;\npub const B_MS: u64 = 2;\n";
    let complaints = unused_limits(limits, "wait(A_MS, NO_B_MS)");
    assert_eq!(complaints, ["src/limits.rs: B_MS is used nowhere"]);
}

#[test]
fn a_dependency_without_reason_or_use_is_found() {
    let manifest = "[dependencies]\na-b = \"1\"\nc = { version = \"2\" }\n[dev-dependencies]\nd = \"1\"\n[profile.dev]\nx = 1\n";
    let page = "| crate | why |\n|---|---|\n| a-b | x |\n| e | y |\n| d | z |\n";
    let complaints = reasons(manifest, page);
    assert_eq!(complaints.len(), 2, "{complaints:?}");
    assert!(complaints[0].starts_with("c:") && complaints[1].starts_with("e:"));
    assert_eq!(
        unused_dependencies(manifest, "use a_b::X;"),
        ["c: a dependency that src/ never names"]
    );
}
