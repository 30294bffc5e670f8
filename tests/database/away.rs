//! The server is started, stopped, restarted and killed under those who ask.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::postgres::{DATABASE, Postgres};
use crate::support::process::signal;
use crate::support::{Server, generate, get, ms, until};
use crate::{config, texts, wait_until_ready};

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
    let paid = server.ask(generate("green tea", false)).json();
    assert_eq!(paid["stored"], true, "{paid}");
    thread::sleep(ms(3_000));
    postgres.restart();
    let back = Instant::now();
    wait_until_ready(&server);
    assert!(back.elapsed() < ms(5_000), "{:?}", back.elapsed());
    assert_eq!(server.ask(get("/contents")).status, 200);
    let id = paid["id"].as_str().unwrap().to_owned();
    all_are_there(&postgres, &HashSet::from([id]));
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
    assert_eq!(texts(&postgres), 2);
}

/// Tells the clients to stop, also when what they accompany has failed.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Clients that ask for texts until they are told to stop: the ids of those that are stored, and how
/// often they were told no.
fn write_meanwhile(server: &Server, meanwhile: impl FnOnce()) -> (HashSet<String>, usize) {
    let (stop, addr) = (AtomicBool::new(false), server.addr);
    thread::scope(|scope| {
        let clients = (0..4).map(|n| {
            let stop = &stop;
            scope.spawn(move || {
                let (mut stored, mut refused, mut at) = (Vec::new(), 0, 0);
                while !stop.load(Ordering::Relaxed) {
                    at += 1;
                    let topic = format!("tea {n} {at}");
                    let response = crate::support::ask(addr, generate(&topic, false));
                    if response.status == 200 {
                        stored.push(response.json()["id"].as_str().unwrap().to_owned());
                    } else {
                        assert!([503, 507].contains(&response.status), "{}", response.status);
                        refused += 1;
                        thread::sleep(ms(20));
                    }
                }
                (stored, refused)
            })
        });
        let clients: Vec<_> = clients.collect();
        let until_then = Stop(&stop);
        thread::sleep(ms(300));
        meanwhile();
        thread::sleep(ms(300));
        drop(until_then);
        let (mut ids, mut no) = (HashSet::new(), 0);
        for client in clients {
            let (stored, refused) = client.join().unwrap();
            for id in stored {
                assert!(ids.insert(id), "no id twice");
            }
            no += refused;
        }
        (ids, no)
    })
}

/// Rows may have waited in the journal, but not for long.
fn all_are_there(postgres: &Postgres, ids: &HashSet<String>) {
    let there = until("every row is there", || {
        let rows = postgres.psql(DATABASE, "SELECT id FROM generated_content");
        let there: Vec<String> = rows.lines().map(str::to_owned).collect();
        let known: HashSet<&str> = there.iter().map(String::as_str).collect();
        ids.iter()
            .all(|id| known.contains(id.as_str()))
            .then_some(there)
    });
    let distinct: HashSet<&String> = there.iter().collect();
    assert_eq!(there.len(), distinct.len(), "none is there twice");
    assert!(texts(postgres) >= ids.len());
}

/// D2
#[test]
#[ignore = "needs postgresql"]
fn killed_while_it_writes() {
    let mut postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, ""));
    wait_until_ready(&server);
    let (ids, _) = write_meanwhile(&server, || {
        for _ in 0..3 {
            postgres.kill();
            thread::sleep(ms(200));
            postgres.restart();
            wait_until_ready(&server);
            thread::sleep(ms(300));
        }
    });
    assert!(ids.len() > 10, "{} texts", ids.len());
    all_are_there(&postgres, &ids);
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
    let (ids, refused) = write_meanwhile(&server, || {
        for _ in 0..10 {
            postgres.psql(DATABASE, end_all);
            assert_eq!(server.ask(get("/contents")).status, 200);
            thread::sleep(ms(100));
        }
    });
    assert_eq!(refused, 0, "of {}", ids.len());
    all_are_there(&postgres, &ids);
    assert!(server.metric("maitred_database_events_total{event=\"lost\"}") >= 10.0);
}

/// D4: the processes of the database stand still. Whoever asks is told so after five seconds, and
/// probes are answered as quickly as ever.
#[test]
#[ignore = "needs postgresql"]
fn stopped_in_its_tracks() {
    let postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, ""));
    wait_until_ready(&server);
    let sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'maitred'";
    let pids: Vec<u32> = postgres
        .psql(DATABASE, sessions)
        .lines()
        .map(|pid| pid.parse().unwrap())
        .collect();
    let stopped = || pids.iter().copied().chain([postgres.pid()]);
    stopped().for_each(|pid| signal(pid, "STOP"));
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
    stopped().for_each(|pid| signal(pid, "CONT"));
    until("it is asked again", || {
        (server.ask(get("/contents")).status == 200).then_some(())
    });
}
