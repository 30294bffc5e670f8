//! System calls, counted by strace: what a tiny request costs the loop, one read, one write and its
//! share of a poll; and how many rows share one wait for the disk.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "figures and seeds for whoever runs it")]
#![cfg(target_os = "linux")]

mod support;

use std::path::{Path, PathBuf};
use std::thread;

use support::{Client, House, Server, database, generate, get, until};

const CONNECTIONS: usize = 64;
/// Fewer than a connection may have (1,000), and enough for the calls of the start not to count.
const ROUNDS: usize = 950;

/// A server whose system calls are counted, of all threads with `-f`, else of the loop alone; and where
/// the count will be.
fn counted(options: &str, config: &str) -> (Server, PathBuf) {
    let house = House::new();
    let summary = house.path().join("strace");
    // With -D the process that is started is the server itself, and strace is beside it.
    let file = summary.display();
    let strace = format!("exec strace -D -c {options} -o {file} \"$0\" \"$@\"");
    (Server::start_after(house, config, &strace), summary)
}

/// Ends a server that is counted. Returns its house and the count.
fn count(server: Server, summary: &Path) -> (House, String) {
    server.terminate();
    let ended = server.wait();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    let table = until("strace's summary", || {
        let text = std::fs::read_to_string(summary).ok()?;
        text.contains(" total").then_some(text)
    });
    (ended.house, table)
}

/// How often one of these was called.
fn calls(table: &str, names: &[&str]) -> f64 {
    // `% time, seconds, usecs/call, calls, errors (or nothing), name`
    let lines = table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        names
            .contains(words.last()?)
            .then(|| words[3].parse::<f64>().unwrap())
    });
    lines.sum()
}

#[test]
#[ignore = "needs strace"]
fn a_tiny_request_costs_two_system_calls() {
    let (server, summary) = counted("", "");
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    for _ in 0..ROUNDS {
        for client in &mut clients {
            client.send(get("/healthz"));
        }
        for client in &mut clients {
            assert_eq!(client.response().status, 200);
        }
    }
    drop(clients);
    let (_, table) = count(server, &summary);
    // Start, connections and end are in it, too: about 1,300 calls.
    let each = calls(&table, &["total"]) / (CONNECTIONS * ROUNDS) as f64;
    println!("{each:.3} system calls for each request\n{table}");
    assert!(each <= 2.1, "{each}\n{table}");
}

/// 64 texts wait while 64 others are written: all that wait go into one transaction, with one wait for
/// the disk.
#[test]
#[ignore = "needs strace"]
fn sixty_four_writers_that_wait_share_one_wait_for_the_disk() {
    const TEXTS: usize = 12;
    let config = "[offline]\ngap_ms = 0\ntokens = 20\n[drill]\nstall_writer_ms = 100\n";
    let (server, summary) = counted("-f -e trace=fsync,fdatasync", config);
    thread::scope(|scope| {
        for number in 0..2 * 64 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect();
                for text in 0..TEXTS {
                    let topic = format!("text {text} of {number}");
                    let answer = client.send(generate(&topic, false)).response();
                    assert_eq!(answer.status, 200);
                }
            });
        }
    });
    let (house, table) = count(server, &summary);
    let rows = database::check(&database::open(&house.data())).len();
    assert_eq!(rows, 2 * 64 * TEXTS);
    let waits = calls(&table, &["fsync", "fdatasync"]);
    let each = rows as f64 / waits;
    println!("{rows} rows, {waits} waits for the disk: one for {each:.0} rows");
    assert!(each >= 32.0, "{each}\n{table}");
}
