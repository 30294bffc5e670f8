//! Style as a test: what a reviewer would otherwise have to remember.
//!
//! ```text
//!   layers    who may import whom, and who may touch sockets, threads, clocks and chance
//!   size      files and functions stay small; every module says what it is; nothing unfinished
//!   pages     what the documentation names exists; links lead somewhere
//!   package   top level, limits and dependencies: nothing that nobody uses
//! ```
//! Each rule is a function from text to a list of complaints, with tests of its own next to it
//! that it does complain. Here the rules meet the repository. The rules are deliberately simple
//! searches over the text: good enough to catch a slip, not meant to stop somebody who is
//! determined.
#![allow(clippy::unwrap_used)]

#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/package.rs"]
mod package;
#[path = "tidy/pages.rs"]
mod pages;
#[path = "tidy/size.rs"]
mod size;
#[path = "tidy/source.rs"]
mod source;

use source::Repository;

/// Fails with all complaints at once, so that one run shows all there is to do.
fn nothing(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_top_level_holds_only_what_may_be_there() {
    let repo = Repository::open();
    nothing(&package::top_level(&repo.top_level()));
}

#[test]
fn imports_go_one_way_down_the_layers() {
    let repo = Repository::open();
    let complaints: Vec<String> = (repo.rust("src/").iter())
        .flat_map(|file| layers::imports(&file.path, &file.product_code()))
        .collect();
    nothing(&complaints);
}

#[test]
fn sockets_threads_clocks_and_chance_stay_in_their_rooms() {
    let repo = Repository::open();
    let complaints: Vec<String> = (repo.rust("src/").iter())
        .flat_map(|file| layers::forbidden(&file.path, &file.product_code()))
        .collect();
    nothing(&complaints);
}

#[test]
fn no_map_of_the_engine_is_iterated() {
    let repo = Repository::open();
    let files = repo.rust("src/engine/");
    let code: Vec<(String, String)> = (files.iter())
        .map(|file| (file.path.clone(), file.product_code()))
        .collect();
    nothing(&layers::map_order(&code));
}

#[test]
fn files_and_functions_stay_small() {
    let repo = Repository::open();
    let mut complaints = Vec::new();
    // A test that tells a long story in one function is better than one in three.
    for file in repo.rust("src/") {
        complaints.extend(size::function_length(&file.path, &file.product_code()));
    }
    for folder in ["src/", "tests/", "examples/", "benches/"] {
        for file in repo.rust(folder) {
            complaints.extend(size::file_length(&file.path, &file.text));
        }
    }
    nothing(&complaints);
}

#[test]
fn every_module_says_what_it_is() {
    let repo = Repository::open();
    let complaints: Vec<String> = (repo.rust("src/").iter())
        .filter(|file| !file.is_test())
        .flat_map(|file| size::opening(&file.path, &file.text))
        .collect();
    nothing(&complaints);
}

#[test]
fn nothing_is_left_for_later() {
    let repo = Repository::open();
    let complaints: Vec<String> = (repo.texts().iter())
        .filter(|file| !file.path.starts_with("tests/tidy"))
        .flat_map(|file| size::unfinished(&file.path, &file.text))
        .collect();
    nothing(&complaints);
}

#[test]
fn the_documentation_names_only_what_exists() {
    let repo = Repository::open();
    let names = pages::Names::of(&repo);
    let complaints: Vec<String> = (repo.markdown().iter())
        .flat_map(|page| names.check(&page.path, &page.text))
        .collect();
    nothing(&complaints);
}

#[test]
fn comments_name_only_files_that_exist() {
    let repo = Repository::open();
    let names = pages::Names::of(&repo);
    let complaints: Vec<String> = (repo.rust("src/").iter())
        .flat_map(|file| names.check_comments(&file.path, &file.text))
        .collect();
    nothing(&complaints);
}

#[test]
fn every_link_leads_somewhere() {
    let repo = Repository::open();
    nothing(&pages::links(&repo.markdown(), &|path| repo.exists(path)));
}

#[test]
fn every_limit_is_used() {
    let repo = Repository::open();
    let code: String = (repo.rust("src/").iter())
        .filter(|file| !file.path.starts_with("src/limits"))
        .map(source::File::product_code)
        .collect();
    let limits = repo.read("src/limits.rs") + &repo.read("src/limits/database.rs");
    nothing(&package::unused_limits(&limits, &code));
}

#[test]
fn every_dependency_is_used_and_has_its_reason() {
    let repo = Repository::open();
    let manifest = repo.read("Cargo.toml");
    let reasons = repo.read("docs/decisions/dependencies.md");
    let code = |root: &str| -> String { repo.rust(root).iter().map(source::File::code).collect() };
    nothing(&package::reasons(&manifest, &reasons));
    nothing(&package::unused_dependencies(&manifest, &code("src/")));
}
