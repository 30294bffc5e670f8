//! Pages that list something are compared with the program: settings, error codes, threads.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The rows of all tables whose first cell is in back-ticks, as cells without them.
fn rows(page: &str) -> Vec<Vec<String>> {
    (page.lines().filter_map(|line| line.strip_prefix("| `")))
        .map(|line| {
            let line = line.trim_end_matches('|');
            line.split(" | ")
                .map(|cell| cell.trim().replace('`', ""))
                .collect()
        })
        .collect()
}

/// The tables between the marks `<!-- settings: NAME -->` and `<!-- end -->` of a page, put anew.
fn with_tables(page: &str, tables: &[(String, String)]) -> String {
    let mut parts = page.split("<!-- settings: ");
    let mut whole = parts.next().unwrap().to_string();
    for part in parts {
        let (name, rest) = part.split_once(" -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        let table = tables.iter().find(|(known, _)| known == name);
        let (_, table) = table.unwrap_or_else(|| panic!("there is no table {name}"));
        whole += &format!("<!-- settings: {name} -->\n{table}<!-- end -->{after}");
    }
    whole
}

/// `UPDATE_PAGES=1` writes the page instead.
#[test]
fn the_page_of_settings_is_what_the_program_says() {
    let tables = maitred::config::reference().unwrap();
    assert!(tables.len() > 4 && tables.iter().map(|(_, t)| t.lines().count()).sum::<usize>() > 50);
    let page = read("docs/configuration.md");
    for (name, _) in &tables {
        let mark = format!("<!-- settings: {name} -->\n");
        assert_eq!(page.matches(&mark).count(), 1, "{name}");
    }
    let expected = with_tables(&page, &tables);
    if std::env::var_os("UPDATE_PAGES").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
        fs::write(path, &expected).unwrap();
    } else if page != expected {
        let (was, is) = (page.lines().zip(expected.lines()))
            .find(|(was, is)| was != is)
            .unwrap_or(("", "another number of lines"));
        panic!("UPDATE_PAGES=1 cargo test --test pages mends this:\n{was}\n{is}");
    }
}

/// The words that a file's functions `code` return.
fn codes(source: &str) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for (at, _) in source.match_indices("fn code(") {
        let body = source[at..].split("\n    }\n").next().unwrap();
        for arm in body
            .split("=> ")
            .skip(1)
            .filter_map(|arm| arm.strip_prefix('"'))
        {
            codes.insert(arm.split('"').next().unwrap().to_string());
        }
    }
    codes
}

#[test]
fn every_error_code_is_documented_and_no_other() {
    let sources = [
        "src/engine/failure/mod.rs",
        "src/engine/failure/bound.rs",
        "src/engine/failure/limited.rs",
        "src/engine/failure/upstream.rs",
        "src/engine/flow/body/fault.rs",
        "src/dialect/refused.rs",
        "src/proto/http1/refusal.rs",
        "src/proto/http1/fault.rs",
        "src/store/error.rs",
        "src/dialect/refused.rs",
    ];
    let expected: BTreeSet<String> = sources.iter().flat_map(|path| codes(&read(path))).collect();
    assert!(expected.len() > 90, "{}", expected.len());
    let page = read("docs/api.md");
    let errors = page
        .split("## Errors")
        .nth(1)
        .unwrap()
        .split("## Who may ask")
        .next()
        .unwrap();
    let documented: BTreeSet<String> = rows(errors)
        .into_iter()
        .map(|cells| cells[0].clone())
        .collect();
    let missing: Vec<_> = expected.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&expected).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "missing {missing:?}, invented {invented:?}"
    );
}

#[cfg(target_os = "linux")]
mod threads {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use super::{BTreeSet, Path, fs, read, rows};

    /// Ends the server also when a test fails.
    struct Server(Child);

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// Starts the program and waits for what it prints last.
    fn start(folder: &Path, arguments: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_maitred"))
            .args(["--listen", "127.0.0.1:0", "--data-dir", "data"])
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let server = Server(child);
        let greeting = out
            .lines()
            .map_while(Result::ok)
            .find(|line| line.starts_with("try: "));
        assert!(greeting.is_some(), "it did not start");
        server
    }

    /// The names of its threads; a number at the end counts as `N`.
    fn names(server: &Server) -> BTreeSet<String> {
        (fs::read_dir(format!("/proc/{}/task", server.0.id())).unwrap())
            .map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap())
            .map(|name| {
                let name = name.trim_end();
                let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
                if bare.ends_with('-') {
                    format!("{bare}N")
                } else {
                    name.to_string()
                }
            })
            .collect()
    }

    /// A thread takes its name when it first runs, which may be after the greeting.
    fn settles(server: &Server, expected: &BTreeSet<String>) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while names(server) != *expected && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(names(server), *expected);
    }

    #[test]
    fn every_thread_of_the_process_is_documented_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut documented: BTreeSet<String> = (rows(&read("docs/threads.md")).into_iter())
            .map(|cells| cells[0].clone())
            .collect();
        settles(&start(folder.path(), &["--record", "run.rec"]), &documented);
        documented.remove("recorder");
        settles(&start(folder.path(), &[]), &documented);
    }
}
