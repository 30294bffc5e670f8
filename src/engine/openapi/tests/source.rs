//! What the source of the program says, as far as a search over its text can tell.

use std::collections::BTreeSet;

/// The field names that are matched on in some functions of a file.
pub(super) fn matched(source: &str, functions: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for function in functions {
        let start = source.find(&format!("fn {function}(")).unwrap();
        let body = source[start..].split("\n}\n").next().unwrap();
        for line in body.lines().filter(|line| line.contains("=>")) {
            let arm = line.split("=>").next().unwrap();
            if arm.trim_start().trim_start_matches('(').starts_with('"') {
                names.extend(arm.split('"').skip(1).step_by(2).map(str::to_owned));
            }
        }
    }
    names
}

/// The words that the functions `code` of a file return.
pub(super) fn codes(source: &str) -> BTreeSet<String> {
    let functions = source.split("fn code(").skip(1);
    let bodies = functions.map(|rest| rest.split("\n    }\n").next().unwrap());
    bodies
        .flat_map(|body| body.split("=> \"").skip(1))
        .map(|arm| arm.split('"').next().unwrap().to_owned())
        .collect()
}
