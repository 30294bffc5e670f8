//! Pages that list something are compared with the program: settings, error codes, threads.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use maitred::config::{Config, Sources};

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

/// `key = value  # from …` and `# key is not set`, below `[table]`s, as one flat list.
fn flat(effective: &str) -> BTreeMap<String, String> {
    let mut table = String::new();
    let mut settings = BTreeMap::new();
    for line in effective.lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = format!("{}.", name.trim_end_matches(']'));
        } else if let Some(name) = line
            .strip_prefix("# ")
            .and_then(|l| l.strip_suffix(" is not set"))
        {
            settings.insert(format!("{table}{name}"), "not set".to_string());
        } else if let Some((name, value)) = line.split_once(" = ") {
            let value = value.split("  # from ").next().unwrap().trim_matches('"');
            settings.insert(format!("{table}{name}"), value.to_string());
        }
    }
    settings
}

#[test]
fn every_setting_is_documented_with_its_default() {
    let mut sources = Sources::default();
    let base = (
        "OPENAI_BASE_URL".to_string(),
        "https://api.openai.com/v1".to_string(),
    );
    sources.environment.extend([base]);
    let settings = flat(Config::load(&sources).unwrap().effective());
    assert!(settings.len() > 40, "{settings:?}");
    let page = read("docs/configuration.md");
    let mut documented: BTreeMap<String, String> = (rows(&page).into_iter())
        .map(|cells| (cells[0].clone(), cells[1].clone()))
        .collect();
    // The one default that depends on other settings.
    assert_eq!(
        documented.remove("default_provider").as_deref(),
        Some("see below")
    );
    let mut expected = settings;
    expected.remove("default_provider");
    assert_eq!(documented, expected);
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
        "src/engine/failure/upstream.rs",
        "src/engine/flow/body/fault.rs",
        "src/proto/http1/refusal.rs",
        "src/proto/http1/fault.rs",
        "src/store/error.rs",
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
