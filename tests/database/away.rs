//! The server is away, ends its sessions, stands still, or takes no writes.
#![allow(clippy::print_stdout, reason = "figures for whoever runs it")]

use std::thread;
use std::time::{Duration, Instant};

use crate::support::client::post;
use crate::support::ledger::Ledger;
use crate::support::postgres::{DATABASE, Postgres};
use crate::support::process::signal;
use crate::support::{Server, crowd, generate, get, ms, until};
use crate::{config, wait_until_ready};

/// D1
#[test]
#[ignore = "needs postgresql"]
fn down_at_the_start_and_healed_within_five_seconds() {
    let mut postgres = Postgres::start();
    postgres.kill();
    let server = Server::start(&config(postgres.addr, ""));
    assert_eq!(server.ask(get("/healthz")).status, 200);
    let ready = server.ask(get("/readyz"));
    assert_eq!(ready.status, 200, "texts are answered, and their rows kept");
    assert!(ready.text().starts_with("degraded: "), "{}", ready.text());
    let refused = server.ask(get("/contents"));
    assert_eq!(
        (refused.status, &*refused.problem()),
        (503, "store_unreachable")
    );
    let job = server.ask(post("/jobs", r#"{"kind":"generate","topics":["a"]}"#));
    assert_eq!(job.problem(), "store_unreachable");
    let paid = server.ask(generate("green tea", false)).json();
    assert_eq!(paid["stored"], true, "{paid}");
    assert!(server.ask(get("/readyz")).text().starts_with("degraded: "));
    thread::sleep(ms(3_000));
    postgres.restart();
    let back = Instant::now();
    wait_until_ready(&server);
    assert!(back.elapsed() < ms(5_000), "{:?}", back.elapsed());
    assert_eq!(server.ask(get("/contents")).status, 200);
    let id = paid["id"].as_str().unwrap();
    let there = format!("SELECT count(*) FROM generated_content WHERE id = '{id}'");
    until("its row is there", || {
        (postgres.psql(DATABASE, &there) == "1").then_some(())
    });
}

/// A row that the server refuses as such is set aside; it does not stand in the way of the others.
#[test]
#[ignore = "needs postgresql"]
fn a_row_that_it_refuses_is_set_aside_and_the_others_go_on() {
    let mut postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, ""));
    wait_until_ready(&server);
    let refuse = "ALTER TABLE search_terms ADD CONSTRAINT refuse CHECK (term <> 'poison')";
    postgres.psql(DATABASE, refuse);
    postgres.kill();
    for topic in ["tea", "poison", "coffee"] {
        let answer = server.ask(generate(topic, false)).json();
        assert_eq!(answer["stored"], true, "{answer}");
    }
    postgres.restart();
    until("nothing waits", || {
        (server.metric("maitred_journal_rows") == 0.0).then_some(())
    });
    assert_eq!(server.metric("maitred_journal_rows_aside"), 1.0);
    assert_eq!(postgres.stored().len(), 2);
}

/// D3: all sessions are ended by the server, again and again, and nobody notices.
#[test]
#[ignore = "needs postgresql"]
fn sessions_that_are_ended_cost_nobody_anything() {
    let postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, ""));
    wait_until_ready(&server);
    let end_all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE application_name = 'maitred'";
    let ledger = Ledger::default();
    ledger.fill_while(server.addr, || {
        for _ in 0..10 {
            postgres.psql(DATABASE, end_all);
            assert_eq!(server.ask(get("/contents")).status, 200);
            thread::sleep(ms(100));
        }
    });
    assert_eq!((ledger.refused(), ledger.spilled()), (0, 0));
    ledger.compare(&postgres.stored());
    assert!(server.metric("maitred_database_events_total{event=\"lost\"}") >= 10.0);
}

/// The processes of the database stand still, until this is dropped.
struct Stopped(Vec<u32>);

impl Stopped {
    fn now(postgres: &Postgres) -> Stopped {
        let sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'maitred'";
        let sessions = postgres.psql(DATABASE, sessions);
        let mut pids: Vec<u32> = sessions.lines().map(|pid| pid.parse().unwrap()).collect();
        pids.push(postgres.pid());
        pids.iter().for_each(|pid| signal(*pid, "STOP"));
        Stopped(pids)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.iter().for_each(|pid| signal(*pid, "CONT"));
    }
}

/// D4: the processes of the database stand still. Whoever asks is told so after five seconds, and
/// probes are answered as quickly as ever.
#[test]
#[ignore = "needs postgresql"]
fn stopped_in_its_tracks() {
    let postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, ""));
    wait_until_ready(&server);
    let stopped = Stopped::now(&postgres);
    let addr = server.addr;
    let asked = Instant::now();
    let waiting: Vec<_> = (0..50)
        .map(|_| thread::spawn(move || crate::support::ask(addr, get("/contents"))))
        .collect();
    let mut slowest = Duration::ZERO;
    while asked.elapsed() < ms(4_000) {
        let began = Instant::now();
        assert_eq!(server.ask(get("/healthz")).status, 200);
        slowest = slowest.max(began.elapsed());
        thread::sleep(ms(20));
    }
    assert!(slowest < ms(250), "{slowest:?}");
    for client in waiting {
        assert_eq!(client.join().unwrap().status, 503);
    }
    let told = asked.elapsed();
    assert!(told > ms(4_500) && told < ms(6_500), "{told:?}");
    drop(stopped);
    until("it is asked again", || {
        (server.ask(get("/contents")).status == 200).then_some(())
    });
}

/// D4: rows that were on their way wait in the journal, whosever they are, and are there when it goes on.
#[test]
#[ignore = "needs postgresql"]
fn stopped_in_its_tracks_with_rows_under_way() {
    let postgres = Postgres::start();
    let slow = config(postgres.addr, "").replace("gap_ms = 1", "gap_ms = 50");
    let server = Server::start(&slow);
    wait_until_ready(&server);
    let keyed = generate("rice", false).replacen("\r\nHost", "\r\nIdempotency-Key: k\r\nHost", 1);
    let requests = [
        generate("tea", false),
        keyed.clone(),
        post("/generate/", r#"{"topic":"milk","candidates":2}"#),
        post("/batch", r#"{"topics":["salt","bread"]}"#),
    ];
    let addr = server.addr;
    let ask = |request: String| thread::spawn(move || crate::support::ask(addr, request));
    let mut asked: Vec<_> = requests.into_iter().map(ask).collect();
    until("all are written", || {
        (server.metric("maitred_generations_total") == 6.0).then_some(())
    });
    let stopped = Stopped::now(&postgres);
    asked.push(ask(post("/analyze/", r#"{"content":"I like it."}"#)));
    asked.push(ask(post(
        "/keywords/",
        r#"{"content":"Tea.","method":"local"}"#,
    )));
    for answer in asked.into_iter().map(|asked| asked.join().unwrap()) {
        let said = answer.text();
        assert!(answer.status == 200 && !said.contains("store_"), "{said}");
    }
    assert_eq!(server.metric("maitred_rows_lost_total"), 0.0);
    drop(stopped);
    until("no row waits", || {
        (server.metric("maitred_journal_rows") == 0.0).then_some(())
    });
    let count = |table: &str| postgres.psql(DATABASE, &format!("SELECT count(*) FROM {table}"));
    assert_eq!(
        (count("generated_content"), count("requests")),
        ("6".into(), "6".into())
    );
    let again = until("the key is answered", || {
        Some(server.ask(&keyed)).filter(|again| again.status == 200)
    });
    assert_eq!(again.field("idempotent-replayed"), Some("true"));
}

/// R33: probes are as quick with a database that stands still as with one that is well, under the same
/// 5,000 requests: four in five want a text stored, the others ask what there is.
#[test]
#[ignore = "needs postgresql"]
fn probes_do_not_notice_that_it_is_stopped_under_five_thousand_requests() {
    let postgres = Postgres::start();
    let slow = config(postgres.addr, "").replace("gap_ms = 1", "gap_ms = 1000");
    let slow = slow.replace("tokens = 40", "tokens = 5");
    let server = Server::start(&slow);
    wait_until_ready(&server);
    let (well, stored) = probe_under_load(&server, "well");
    assert_eq!(stored, 4_000);
    let stopped = Stopped::now(&postgres);
    let (away, stored) = probe_under_load(&server, "stopped");
    drop(stopped);
    println!("p99 of /healthz: {well:?} with the database, {away:?} while it is stopped");
    assert!(away < well + well / 2 + ms(20), "{well:?}, then {away:?}");
    assert_eq!(stored, 4_000, "all texts are in the journal");
}

/// The 99th percentile of probes while 5,000 requests are open, and how many of their texts were stored.
fn probe_under_load(server: &Server, kind: &str) -> (Duration, usize) {
    let requests = (0..5_000).map(|n| match n % 5 {
        0 => get("/contents"),
        _ => generate(&format!("{kind} {n}"), true),
    });
    let (addr, requests) = (server.addr, requests.collect());
    let crowd = thread::spawn(move || crowd::run(addr, requests, ms(14_000)));
    let mut took = Vec::new();
    while !crowd.is_finished() {
        let began = Instant::now();
        assert_eq!(server.ask(get("/healthz")).status, 200);
        took.push(began.elapsed());
        thread::sleep(ms(5));
    }
    took.sort();
    let members = crowd.join().unwrap();
    let stored = members.iter().filter(|member| member.has("event: done"));
    (took[took.len() * 99 / 100], stored.count())
}

/// D16: it takes no writes for a while. Rows wait, questions are answered, and then the rows are there.
#[test]
#[ignore = "needs postgresql"]
fn read_only_for_a_while() {
    let postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, ""));
    wait_until_ready(&server);
    let ledger = Ledger::default();
    ledger.fill_while(server.addr, || {
        postgres.set_read_only(true);
        until("rows wait", || (ledger.spilled() > 3).then_some(()));
        assert_eq!(server.ask(get("/contents")).status, 200);
        postgres.set_read_only(false);
        until("no row waits", || {
            (server.metric("maitred_journal_rows") == 0.0).then_some(())
        });
    });
    assert_eq!(ledger.refused(), 0);
    until("no row waits", || {
        (server.metric("maitred_journal_rows") == 0.0).then_some(())
    });
    ledger.compare(&postgres.stored());
}
