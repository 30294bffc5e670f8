//! A first start: three lines if all is well; and for whatever may be wrong one line that says what,
//! where, and what to do, with an exit code that says whose fault it is.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::provider::config_for;
use support::script::Script;
use support::{House, Provider, Server, generate};

/// What may be wrong.
struct Wrong {
    what: &'static str,
    /// Done before, by a shell in the server's folder.
    shell: &'static str,
    arguments: &'static [&'static str],
    code: i32,
    /// Words that have to be in the line: what, where, what to do.
    said: &'static [&'static str],
}

const LISTEN: &[&str] = &["--listen", "127.0.0.1:0"];

const WRONG: &[Wrong] = &[
    Wrong {
        what: "an address of another machine",
        shell: "",
        arguments: &["--listen", "192.0.2.1:8080", "--allow-anonymous"],
        code: 1,
        said: &[
            "cannot listen on 192.0.2.1:8080",
            "no such address",
            "--listen",
        ],
    },
    Wrong {
        what: "an address that is none",
        shell: "",
        arguments: &["--listen", "localhost"],
        code: 2,
        said: &["flag --listen", "an address and a port", "127.0.0.1:8080"],
    },
    Wrong {
        what: "an address that others can reach",
        shell: "",
        arguments: &["--listen", "0.0.0.0:0"],
        code: 2,
        said: &[
            "flag --listen",
            "anybody who can reach it",
            "--allow-anonymous",
        ],
    },
    Wrong {
        what: "a file where the data directory should be",
        shell: "touch maitred-data",
        arguments: LISTEN,
        code: 1,
        said: &["the data directory maitred-data is a file", "--data-dir"],
    },
    Wrong {
        what: "a data directory that cannot be made",
        shell: "touch file; MAITRED_DATA_DIR=file/data; export MAITRED_DATA_DIR",
        arguments: LISTEN,
        code: 1,
        said: &[
            "the data directory file/data cannot be made",
            "not a directory",
            "--data-dir",
        ],
    },
    Wrong {
        what: "a file where the journal should be",
        shell: "touch file; MAITRED_JOURNAL_DIR=file; export MAITRED_JOURNAL_DIR",
        arguments: LISTEN,
        code: 1,
        said: &["the journal's folder file is a file", "`journal_dir`"],
    },
    Wrong {
        what: "a journal that cannot be made",
        shell: "touch file; MAITRED_JOURNAL_DIR=file/journal; export MAITRED_JOURNAL_DIR",
        arguments: LISTEN,
        code: 1,
        said: &[
            "the journal's folder file/journal cannot be made",
            "`journal_dir`",
        ],
    },
    Wrong {
        what: "a database in a folder that is not there",
        shell: "DATABASE_URL=sqlite:none/x.db; export DATABASE_URL",
        arguments: LISTEN,
        code: 1,
        said: &["none/x.db does not exist", "create it", "`database.url`"],
    },
    Wrong {
        what: "garbage in the place of the database",
        shell: "mkdir maitred-data; printf garbage > maitred-data/maitred.db",
        arguments: LISTEN,
        code: 1,
        said: &[
            "maitred-data/maitred.db is not a database",
            "left as it is",
            "restore a copy",
        ],
    },
    Wrong {
        what: "few open files",
        shell: "ulimit -n 40",
        arguments: LISTEN,
        code: 1,
        said: &["only 40 open files", "at least", "ulimit -n"],
    },
    Wrong {
        what: "certificates that are not there",
        shell: "OPENAI_API_KEY=k; MAITRED_PROVIDER_OPENAI_CA_FILE=none.pem; \
                export OPENAI_API_KEY MAITRED_PROVIDER_OPENAI_CA_FILE",
        arguments: LISTEN,
        code: 1,
        said: &[
            "provider.openai.ca_file: none.pem: no such file",
            "PEM",
            "leave it out",
        ],
    },
    Wrong {
        what: "certificates that are none",
        shell: "echo hello > ca.pem; OPENAI_API_KEY=k; MAITRED_PROVIDER_OPENAI_CA_FILE=ca.pem; \
                export OPENAI_API_KEY MAITRED_PROVIDER_OPENAI_CA_FILE",
        arguments: LISTEN,
        code: 1,
        said: &[
            "provider.openai.ca_file: ca.pem holds no certificate",
            "PEM",
        ],
    },
    Wrong {
        what: "a recording that cannot be made",
        shell: "",
        arguments: &["--listen", "127.0.0.1:0", "--record", "none/run.rec"],
        code: 1,
        said: &[
            "the recording none/run.rec cannot be made: no such file",
            "choose",
        ],
    },
    Wrong {
        what: "a variable that nobody knows",
        shell: "MAITRED_LISEN=x; export MAITRED_LISEN",
        arguments: &[],
        code: 2,
        said: &[
            "environment MAITRED_LISEN",
            "not a setting",
            "`MAITRED_LISTEN`?",
        ],
    },
    Wrong {
        what: "a variable in .env that nobody knows",
        shell: "echo MAITRED_LIMITS_BODY_BYTE=5 > .env",
        arguments: &[],
        code: 2,
        said: &[
            ".env:1 MAITRED_LIMITS_BODY_BYTE",
            "`MAITRED_LIMITS_BODY_BYTES`?",
        ],
    },
    Wrong {
        what: "a setting that nobody knows",
        shell: "printf '# mine\\n[limits]\\nhead = 3\\n' > maitred.toml",
        arguments: &[],
        code: 2,
        said: &[
            "maitred.toml:3",
            "`limits.head` is not a setting",
            "`limits.head_ms`?",
        ],
    },
    Wrong {
        what: "a file that is no TOML",
        shell: "echo 'listen = ' > maitred.toml",
        arguments: &[],
        code: 2,
        said: &["maitred.toml:1"],
    },
    Wrong {
        what: "a configuration that is not there",
        shell: "",
        arguments: &["--config", "none.toml"],
        code: 2,
        said: &["none.toml cannot be read", "no such file"],
    },
    Wrong {
        what: "several providers and no choice",
        shell: "OPENAI_API_KEY=k; GEMINI_API_KEY=k; export OPENAI_API_KEY GEMINI_API_KEY",
        arguments: LISTEN,
        code: 2,
        said: &[
            "`default_provider`",
            "openai",
            "gemini",
            "MAITRED_DEFAULT_PROVIDER",
        ],
    },
];

/// The command, in a folder of its own, from a shell that does something before.
fn command(folder: &Path, shell: &str, arguments: &[&str]) -> Command {
    let mut command = support::server::binary(shell);
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null());
    command
}

/// The only line of a server that did not start.
fn line(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(output.stdout.is_empty(), "it said that it serves");
    assert_eq!(said.trim_end().lines().count(), 1, "one line: {said}");
    assert!(said.starts_with("maitred: "), "{said}");
    assert!(!said.contains("os error"), "no numbers: {said}");
    said
}

/// What a start would refuse is refused before it.
#[test]
fn check_config_reads_the_certificates_too() {
    let database = "DATABASE_URL='postgres://u@127.0.0.1/d?sslmode=verify-full&sslrootcert=none.pem'; \
                    export DATABASE_URL";
    let provider = "echo hello > ca.pem; OPENAI_API_KEY=k; MAITRED_PROVIDER_OPENAI_CA_FILE=ca.pem; \
                    export OPENAI_API_KEY MAITRED_PROVIDER_OPENAI_CA_FILE";
    let redis = "REDIS_URL=rediss://h; MAITRED_REDIS_CA_FILE=none.pem; \
                 export REDIS_URL MAITRED_REDIS_CA_FILE";
    for (shell, said) in [
        (database, "sslrootcert: none.pem: no such file"),
        (
            provider,
            "provider.openai.ca_file: ca.pem holds no certificate",
        ),
        (redis, "redis.ca_file: none.pem: no such file"),
    ] {
        let house = House::new();
        let output = command(house.path(), shell, &["check-config"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(line(&output).contains(said), "{}", line(&output));
    }
}

#[test]
fn whatever_is_wrong_is_said_in_one_line() {
    for wrong in WRONG {
        let house = House::new();
        let shell = if wrong.shell.is_empty() {
            "true"
        } else {
            wrong.shell
        };
        let output = command(house.path(), shell, wrong.arguments)
            .output()
            .unwrap();
        let said = line(&output);
        assert_eq!(
            output.status.code(),
            Some(wrong.code),
            "{}: {said}",
            wrong.what
        );
        for words in wrong.said {
            assert!(
                said.contains(words),
                "{}: {words} is not in {said}",
                wrong.what
            );
        }
    }
}

#[test]
fn a_port_and_a_directory_that_are_taken_are_named() {
    let server = Server::start("");
    let address = server.addr.to_string();
    let house = House::new();
    let said = line(
        &command(house.path(), "true", &["--listen", &address])
            .output()
            .unwrap(),
    );
    assert!(
        said.contains(&address) && said.contains("another program"),
        "{said}"
    );
    let data = server.house().data();
    let data = data.to_str().unwrap();
    let arguments = ["--listen", "127.0.0.1:0", "--data-dir", data];
    let said = line(&command(house.path(), "true", &arguments).output().unwrap());
    assert!(
        said.contains(data) && said.contains("in use by another maitred"),
        "{said}"
    );
}

#[test]
fn a_store_of_a_newer_version_or_of_another_program_is_left_alone() {
    for (sql, words) in [
        (
            "PRAGMA application_id = 0x6d747264; PRAGMA user_version = 99; CREATE TABLE t (a)",
            "have version 99",
        ),
        ("CREATE TABLE bookmarks (a)", "of another program"),
    ] {
        let house = House::new();
        std::fs::create_dir(house.data()).unwrap();
        let file = house.data().join("maitred.db");
        let db = rusqlite::Connection::open(&file).unwrap();
        db.execute_batch(sql).unwrap();
        drop(db);
        let before = std::fs::read(&file).unwrap();
        let output = house.run_to_exit("", &[]);
        assert_eq!(output.status.code(), Some(1));
        let said = line(&output);
        assert!(
            said.contains(words) && said.contains("maitred.db"),
            "{said}"
        );
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }
}

#[test]
fn a_request_that_is_refused_is_one_line_of_the_log_and_an_answer_is_none() {
    let server = Server::start("");
    assert_eq!(
        server.ask(support::get("/nothing?key=sk-canary")).status,
        404
    );
    let body = r#"{"tpic":"canary"}"#;
    assert_eq!(
        server.ask(support::client::post("/generate/", body)).status,
        422
    );
    assert_eq!(server.ask(support::get("/healthz")).status, 200);
    support::until("both lines", || {
        server.log().contains("unknown_field").then_some(())
    });
    let log = server.log();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("refused"))
        .collect();
    assert_eq!(lines.len(), 2, "{log}");
    for (line, words) in lines.iter().zip([
        r#"method="GET" path="/nothing" status=404 code="no_such_route""#,
        r#"method="POST" path="/generate/" status=422 code="unknown_field""#,
    ]) {
        assert!(line.contains("INFO") && line.contains(words), "{line}");
        assert!(line.contains(" id="), "{line}");
    }
    assert!(!log.contains("canary") && !log.contains("healthz"), "{log}");
}

#[test]
fn the_first_who_looks_at_the_metrics_sees_the_turns_of_the_loop() {
    let server = Server::start("");
    assert!(server.metric("maitred_loop_turns_total") >= 1.0);
}

#[test]
fn a_clean_start_is_three_lines() {
    let server = Server::start("");
    support::until("the line to try", || {
        server.log().contains("try: ").then_some(())
    });
    let log = server.log();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert!(lines[0].contains("listens on http://127.0.0.1:"), "{log}");
    assert!(lines[1].contains("provider: offline"), "{log}");
    assert!(lines[2].starts_with("try: curl "), "{log}");
}

/// Users other than root have as many threads as `ulimit -u` says. Root has to be somebody else.
#[test]
#[cfg(target_os = "linux")]
fn too_few_threads_are_said_and_nothing_panics() {
    let house = House::new();
    let program = house.path().join("maitred");
    std::fs::copy(env!("CARGO_BIN_EXE_maitred"), &program).unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(house.path(), everybody).unwrap();
    let output = Command::new("prlimit")
        .args([
            "--nproc=1:1",
            "setpriv",
            "--reuid=64999",
            "--regid=64999",
            "--clear-groups",
        ])
        .arg(&program)
        .args(LISTEN)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir(house.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("setpriv: ") {
        return; // only root may be somebody else
    }
    assert_eq!(output.status.code(), Some(1), "{said}");
    let said = line(&output);
    assert!(
        said.contains("thread") && said.contains("ulimit -u"),
        "{said}"
    );
}

#[test]
fn a_key_that_is_refused_is_told_to_the_operator() {
    let provider = Provider::start(|_| Script::status(401, "", "{}"));
    let server = Server::start(&config_for(
        &format!("http://{}/v1", provider.addr),
        "key = \"sk-wrong\"\n",
    ));
    assert_eq!(server.ask(generate("tea", false)).problem(), "upstream_key");
    support::until("a line in the log", || {
        server
            .log()
            .contains("does not accept its key")
            .then_some(())
    });
    let log = server.log();
    assert!(
        log.contains("maitred.toml:") && !log.contains("sk-wrong"),
        "{log}"
    );
}
