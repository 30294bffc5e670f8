//! Jobs and several processes over a real PostgreSQL: how soon one begins with what another has taken in,
//! and what becomes of that when it is not told.
#![allow(clippy::unwrap_used)]
#![allow(
    clippy::print_stdout,
    reason = "figures belong to a test that measures"
)]

mod support;

use std::net::SocketAddr;
use std::time::Instant;

use support::client::{delete, post};
use support::postgres::{DATABASE, PASSWORD, PgBouncer, Postgres, USER};
use support::{Provider, Script, Server, get, ms, until};

/// How often a job is made whose beginning is waited for.
const JOBS: usize = 20;

/// A server whose rows are in this database, and which does so many items at a time.
fn server(addr: SocketAddr, parallel: usize, further: &str) -> Server {
    let password: String = PASSWORD
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let url = format!("postgres://{USER}:{password}@{addr}/{DATABASE}?sslmode=disable");
    let server = Server::start(&format!(
        "{further}[jobs]\nparallel = {parallel}\n[database]\nurl = '{url}'\n"
    ));
    until("it is ready", || {
        (server.ask(get("/readyz")).text() == "ready\n").then_some(())
    });
    server
}

fn wait_until_heard(server: &Server, heard: bool) {
    until(&format!("others are heard: {heard}"), || {
        let state = server.metric("maitred_database_connections{state=\"listening\"}");
        ((state > 0.5) == heard).then_some(())
    });
}

/// Makes a job of one text to be scored; its path.
fn make(server: &Server) -> String {
    let reply = server.ask(post(
        "/jobs",
        r#"{"kind":"analyze","contents":["I like it."]}"#,
    ));
    assert_eq!(reply.status, 202);
    format!("/jobs/{}", reply.json()["id"].as_str().unwrap())
}

fn wait_until_done(server: &Server, job: &str) {
    until("the job is done", || {
        (server.ask(get(job)).json()["state"] == "done").then_some(())
    });
}

/// From the making of a job until another process has begun with it, in milliseconds, the shortest first.
fn delays(postgres: &Postgres, maker: &Server) -> Vec<u64> {
    for nth in 0..JOBS {
        // Not in step with whoever looks now and then.
        std::thread::sleep(ms(137 * (nth as u64 % 7)));
        let job = make(maker);
        wait_until_done(maker, &job);
    }
    let sql = "SELECT started_ms - created_ms FROM jobs ORDER BY 1";
    let rows = postgres.psql(DATABASE, sql);
    let delays: Vec<u64> = rows.lines().map(|row| row.parse().unwrap()).collect();
    assert_eq!(delays.len(), JOBS);
    let mean = delays.iter().sum::<u64>() / JOBS as u64;
    let (median, most) = (delays[JOBS / 2], delays[JOBS - 1]);
    println!("begun after {median} ms (median), {mean} ms (mean), {most} ms at most");
    delays
}

#[test]
#[ignore = "needs postgresql"]
fn what_one_takes_in_another_begins_with_at_once() {
    let postgres = Postgres::start();
    let (maker, worker) = (server(postgres.addr, 0, ""), server(postgres.addr, 4, ""));
    wait_until_heard(&worker, true);
    let delays = delays(&postgres, &maker);
    assert!(delays[JOBS / 2] < 250, "{delays:?}");
    let heard = worker.metric("maitred_database_notifications_total{of=\"others\"}");
    assert!(heard >= JOBS as f64, "{heard}");
}

#[test]
#[ignore = "needs pgbouncer"]
fn behind_a_pooler_it_is_found_by_looking() {
    let postgres = Postgres::start();
    let pooler = PgBouncer::start(&postgres, 4);
    let (maker, worker) = (server(pooler.addr, 0, ""), server(pooler.addr, 4, ""));
    let delays = delays(&postgres, &maker);
    assert!(delays[JOBS - 1] < 4_000, "{delays:?}");
    wait_until_heard(&worker, false);
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
    assert_eq!(postgres.psql(DATABASE, listening), "0");
}

#[test]
#[ignore = "needs postgresql"]
fn a_listener_that_is_lost_comes_back_and_nothing_is_missed() {
    let postgres = Postgres::start();
    let (maker, worker) = (server(postgres.addr, 0, ""), server(postgres.addr, 4, ""));
    for _ in 0..3 {
        wait_until_heard(&worker, true);
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE query LIKE 'LISTEN%'";
        assert_eq!(postgres.psql(DATABASE, end), "1");
        let begun = Instant::now();
        let job = make(&maker);
        wait_until_done(&maker, &job);
        assert!(begun.elapsed() < ms(4_000), "{:?}", begun.elapsed());
    }
    wait_until_heard(&worker, true);
}

/// Its role may have no second connection.
#[test]
#[ignore = "needs postgresql"]
fn whoever_may_have_one_connection_looks_instead_of_listening() {
    let postgres = Postgres::start();
    let role = |sql: &str| postgres.psql("postgres", &format!("ALTER {sql}"));
    role(&format!("DATABASE {DATABASE} OWNER TO by_trust"));
    role("ROLE by_trust CONNECTION LIMIT 1");
    let addr = postgres.addr;
    let url = format!("postgres://by_trust@{addr}/{DATABASE}?sslmode=disable");
    let server = Server::start(&format!("[database]\nurl = '{url}'\nconnections = 1\n"));
    until("it has tried to listen several times", || {
        let refused = server.metric("maitred_database_events_total{event=\"refused\"}");
        (refused > 2.5).then_some(())
    });
    assert_eq!(server.ask(get("/readyz")).text(), "ready\n");
    let job = make(&server);
    wait_until_done(&server, &job);
    let log = server.log();
    assert_eq!(log.matches("found by looking").count(), 1, "{log}");
    assert!(
        log.contains("53300") && !log.contains("cannot be reached"),
        "{log}"
    );
    role("ROLE by_trust CONNECTION LIMIT 5");
    wait_until_heard(&server, true);
}

/// Anybody who may use the database may tell anything.
#[test]
#[ignore = "needs postgresql"]
fn words_that_are_none_of_ours_harm_nobody() {
    let postgres = Postgres::start();
    let worker = server(postgres.addr, 4, "");
    wait_until_heard(&worker, true);
    for payload in ["", "x", "'; DROP TABLE jobs", &"x".repeat(7_900)] {
        let sql = format!("SELECT pg_notify('maitred_jobs', $x${payload}$x$)");
        postgres.psql(DATABASE, &sql);
    }
    until("they are counted", || {
        let strange = worker.metric("maitred_database_notifications_total{of=\"strange\"}");
        (strange as u64 == 4).then_some(())
    });
    let job = make(&worker);
    wait_until_done(&worker, &job);
}

#[test]
#[ignore = "needs postgresql"]
fn what_is_cancelled_in_one_process_stops_in_the_others() {
    let postgres = Postgres::start();
    let provider = Provider::start(|_| Script::streamed(&["tea"; 100], ms(500)));
    let config = provider.config("");
    let (maker, worker) = (
        server(postgres.addr, 0, &config),
        server(postgres.addr, 2, &config),
    );
    wait_until_heard(&worker, true);
    let body = r#"{"kind":"generate","topics":["tea","rice"]}"#;
    let job = maker.ask(post("/jobs", body)).json();
    provider.wait_for_requests(2);
    let begun = Instant::now();
    let path = format!("/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(maker.ask(delete(&path)).json()["state"], "cancelled");
    provider.wait_for_deserters(2);
    assert!(begun.elapsed() < ms(4_000), "{:?}", begun.elapsed());
}

/// A process that ends gives its items back, and whoever hears it goes on with them.
#[test]
#[ignore = "needs postgresql"]
fn what_is_given_back_is_taken_at_once() {
    let postgres = Postgres::start();
    let provider = Provider::start(|_| Script::streamed(&["tea"; 100], ms(500)));
    let config = provider.config("");
    let first = server(postgres.addr, 2, &config);
    let body = r#"{"kind":"generate","topics":["tea","rice"]}"#;
    assert_eq!(first.ask(post("/jobs", body)).status, 202);
    provider.wait_for_requests(2);
    let second = server(postgres.addr, 2, &config);
    wait_until_heard(&second, true);
    let begun = Instant::now();
    first.terminate();
    provider.wait_for_requests(4);
    assert!(begun.elapsed() < ms(2_000), "{:?}", begun.elapsed());
}
