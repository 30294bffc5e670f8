//! What is acknowledged is on disk: after `kill -9`, with a locked, broken or missing store, and
//! never by half.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::client::post;
use support::ledger::{self, Ledger};
use support::{House, Server, database, generate, get, ms};

const QUICK: &str = "[offline]\ngap_ms = 0\ntokens = 20\n";

#[test]
fn the_row_is_there_after_kill_9() {
    let server = Server::start(QUICK);
    let whole = server.ask(generate("tea", false)).json();
    let mut client = server.connect();
    client.send(generate("coffee", true)).head();
    let streamed = client.events().pop().unwrap().json();
    let analysis = server
        .ask(post("/analyze/", r#"{"content":"I love tea."}"#))
        .json();
    let house = server.kill();

    let db = database::open(&house.data());
    let ids = database::check(&db);
    assert!(ids.contains(whole["id"].as_str().unwrap()));
    assert!(ids.contains(streamed["id"].as_str().unwrap()));
    assert_eq!(
        database::count(&db, "SELECT count(*) FROM sentiment_analysis"),
        3
    );
    assert_eq!(
        database::count(&db, "SELECT count(*) FROM requests WHERE outcome = 'ok'"),
        3
    );
    drop(db);

    let server = Server::start_in(house, QUICK);
    let row = server.ask(get(&format!("/contents/{}", whole["id"].as_str().unwrap())));
    assert_eq!(row.json()["text"], whole["generated_text"]);
    assert_eq!(analysis["search_term_id"].as_str().unwrap().len(), 36);
}

#[test]
fn kill_9_at_any_moment_loses_nothing_that_was_acknowledged() {
    let (kills, mut random) = ledger::kills();
    let ledger = Ledger::default();
    let mut house = House::new();
    for _ in 0..kills {
        let server = Server::start_in(house, QUICK);
        let moment = Duration::from_micros(random.u64(1_000..150_000));
        house = ledger.fill_while(server.addr, || {
            std::thread::sleep(moment);
            server.kill()
        });
        let db = database::open(&house.data());
        database::check(&db);
        ledger.compare(&database::whole_texts(&db));
    }
    let texts = ledger.texts();
    assert!(
        texts >= kills,
        "only {texts} texts: the drill drilled nothing"
    );
}

#[test]
fn with_strict_a_store_that_another_process_has_locked_is_503_and_the_loop_turns_on() {
    let server = Server::start(&format!("durable = \"strict\"\n{QUICK}"));
    let lock = rusqlite::Connection::open(database::file(&server.house().data())).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.ask(generate("tea", false)));
        let mut slowest = Duration::ZERO;
        while !waiting.is_finished() {
            let asked = Instant::now();
            assert_eq!(server.ask(get("/healthz")).status, 200);
            slowest = slowest.max(asked.elapsed());
            std::thread::sleep(ms(20));
        }
        assert!(slowest < ms(250), "{slowest:?}");
        let response = waiting.join().unwrap();
        assert_eq!(
            (response.status, response.problem().as_str()),
            (503, "store_busy")
        );
        assert_eq!(response.field("retry-after"), Some("1"));
    });
    lock.execute_batch("ROLLBACK").unwrap();
    assert_eq!(
        server.ask(generate("coffee", false)).status,
        200,
        "it heals by itself"
    );
    let house = server.kill();
    let ids = database::check(&database::open(&house.data()));
    assert_eq!(ids.len(), 1, "what was refused was not stored");
}

/// `ulimit -f` stands for a disk that takes no more: every write past it fails.
#[test]
fn a_store_that_takes_no_more_says_so_and_acknowledges_nothing() {
    let strict = format!("durable = \"strict\"\n{QUICK}");
    let house = House::new();
    let server = Server::start_in(house, &strict);
    assert_eq!(server.ask(generate("before", false)).status, 200);
    let house = server.kill();
    let limit = "trap '' XFSZ; ulimit -f 300"; // blocks of 512 bytes
    let server = Server::start_after(house, &strict, limit);
    let mut acknowledged = 1;
    let refused = (0..400)
        .map(|n| server.ask(generate(&format!("topic {n}"), false)))
        .find(|response| {
            acknowledged += usize::from(response.status == 200);
            response.status != 200
        })
        .expect("150 KiB hold no 400 texts");
    let code = refused.problem();
    assert!(
        [503, 507].contains(&refused.status) && code.starts_with("store_"),
        "{code}"
    );
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("Nothing was stored"), "{detail}");
    assert!(
        !detail.contains(server.house().path().to_str().unwrap()),
        "no path of ours"
    );
    assert_eq!(server.ask(get("/contents")).status, 200, "reading goes on");
    assert_eq!(server.ask(get("/healthz")).status, 200);
    let house = server.kill();
    let ids = database::check(&database::open(&house.data()));
    assert_eq!(ids.len(), acknowledged);
}

/// Runs a server that cannot start; returns its one line.
fn refusal(house: &House, config: &str, code: i32) -> String {
    let output = house.run_to_exit(config, &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one line: {said}");
    assert!(output.stdout.is_empty(), "it said that it serves");
    said
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let house = House::new();
    std::fs::write(house.data(), "a file where the folder should be").unwrap();
    let said = refusal(&house, "", 1);
    let named = format!("{} is a file", house.data().display());
    assert!(said.contains(&named), "{said}");
}

#[test]
fn too_few_open_files_are_counted() {
    let house = House::new();
    let start = |files: usize| {
        let child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")])
            .arg(env!("CARGO_BIN_EXE_maitred"))
            .args(["--listen", "127.0.0.1:0"])
            .env_clear()
            .current_dir(house.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        child.unwrap()
    };
    let output = start(40).wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("only 40 open files"), "{said}");
    // What it says suffices.
    let least = said.split_once("at least ").unwrap().1;
    let least: usize = least.split_once(' ').unwrap().0.parse().unwrap();
    let mut enough = start(least);
    let mut line = String::new();
    let mut stdout = BufReader::new(enough.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    enough.kill().unwrap();
    enough.wait().unwrap();
    assert!(line.contains("listens on"), "{line}");
}

#[test]
fn a_folder_has_one_server_at_a_time() {
    let server = Server::start(QUICK);
    assert_eq!(server.ask(generate("tea", false)).status, 200);
    let said = refusal(server.house(), QUICK, 1);
    let named = format!("{} is in use", server.house().data().display());
    assert!(
        said.contains(&named) && said.contains("--data-dir"),
        "{said}"
    );
    assert_eq!(server.ask(generate("coffee", false)).status, 200);
    // However the first one ends, the next one may come.
    let server = Server::start_in(server.kill(), QUICK);
    server.terminate();
    Server::start_in(server.wait().house, QUICK);
}

/// Each of them would make the database if it were alone.
#[test]
fn of_several_that_start_for_the_first_time_one_serves() {
    let house = House::new();
    let mut children: Vec<Child> = (0..6)
        .map(|_| {
            Command::new(env!("CARGO_BIN_EXE_maitred"))
                .env_clear()
                .args(["--listen", "127.0.0.1:0"])
                .current_dir(house.path())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut outputs: Vec<_> = (children.iter_mut())
        .map(|child| BufReader::new(child.stdout.take().unwrap()))
        .collect();
    // The first line of the one that serves; the others end without any.
    let serving: Vec<bool> = (outputs.iter_mut())
        .map(|stdout| stdout.read_line(&mut String::new()).unwrap() > 0)
        .collect();
    for (mut child, serves) in children.into_iter().zip(&serving) {
        if *serves {
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        if !serves {
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("in use by another maitred"), "{said}");
        }
    }
    assert_eq!(serving.iter().filter(|serves| **serves).count(), 1);
}

#[test]
fn a_database_that_is_none_is_named_and_left_as_it_is() {
    let server = Server::start(QUICK);
    assert_eq!(server.ask(generate("tea", false)).status, 200);
    server.terminate();
    let house = server.wait().house;
    let file = database::file(&house.data());
    let garbage = b"this is no database ".repeat(1_000);
    std::fs::write(&file, &garbage).unwrap();
    let said = refusal(&house, "", 1);
    assert!(said.contains(file.to_str().unwrap()), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), garbage);
}

/// Runs a server with these arguments alone; it is expected to end by itself, with one line.
fn said_by(arguments: &[&str]) -> String {
    let house = House::new();
    let output = support::server::binary("")
        .env_clear()
        .args(arguments)
        .current_dir(house.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "one line: {said}");
    said
}

/// `/proc` is a folder in which not even root can make a file.
#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_cannot_be_written_to_is_named() {
    let said = said_by(&["--listen", "127.0.0.1:0", "--data-dir", "/proc"]);
    assert!(said.contains("/proc/maitred.lock"), "{said}");
}

#[test]
fn a_port_in_use_and_a_wrong_setting_are_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = said_by(&["--listen", &address]);
    assert!(said.contains(&address), "{said}");

    let said = refusal(&House::new(), "[limits]\nbody_byte = 3\n", 2);
    assert!(
        said.contains("body_byte`") && said.contains("body_bytes`"),
        "the nearest name: {said}"
    );
    assert!(said.contains("maitred.toml:2"), "file and line: {said}");
}

#[test]
fn a_new_server_on_the_same_port_after_kill_9() {
    let server = Server::start(QUICK);
    let mut open = server.connect();
    open.send(get("/healthz")).response(); // leaves a connection behind
    let listen = format!("listen = \"{}\"\n", server.addr);
    let house = server.kill();
    let started = Instant::now();
    let mut child = support::server::binary("")
        .env_clear()
        .arg("--config")
        .arg(house.write("again.toml", &listen))
        .arg("--data-dir")
        .arg(house.data())
        .current_dir(house.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufRead::read_line(&mut BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    let took = started.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("listens on"), "{line}");
    assert!(took < ms(3000), "{took:?}");
}
