//! Two real servers that share their limits by way of a real PostgreSQL: under load, while it hangs, dies
//! and comes back; and what one of them leaves to the other when it ends.
#![allow(clippy::unwrap_used)]

mod support;

use std::thread;
use std::time::Instant;

use support::client::{Client, post};
use support::postgres::{DATABASE, PASSWORD, PgBouncer, Postgres, USER};
use support::process::signal;
use support::redis::Redis;
use support::told::{let_in_no_more_in_any_window, let_in_what_one_may, load};
use support::{Server, get, ms, until};

/// A server that counts as `rules` say, together with others whose rows are in the same database.
fn config(addr: std::net::SocketAddr, rules: &str) -> String {
    let password: String = PASSWORD
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect();
    let url = format!("postgres://{USER}:{password}@{addr}/{DATABASE}?sslmode=disable");
    format!("[rate]\n{rules}\n[database]\nurl = '{url}'\nconnections = 2\n")
}

fn replicas(postgres: &Postgres, rules: &str) -> [Server; 2] {
    [(); 2].map(|()| {
        let server = Server::start(&config(postgres.addr, rules));
        wait_until_counted(&server, "postgresql");
        server
    })
}

fn wait_until_counted(server: &Server, by: &str) {
    until(&format!("limits are counted by {by}"), || {
        let status = server.ask(get("/status")).json();
        (status["limits"]["counted_by"] == by).then_some(())
    });
}

/// Asks for something that costs one request; the status.
fn ask(server: &Server) -> u16 {
    begin_to_ask(server).response().status
}

/// The same, and does not wait for the answer.
fn begin_to_ask(server: &Server) -> Client {
    let mut client = Client::connect_from([127, 0, 0, 3], server.addr);
    let body = r#"{"content":"Tea is good. It is very good."}"#;
    client.send(post("/analyze/", body));
    client
}

/// How much of the only counter is used.
fn used(postgres: &Postgres) -> u64 {
    let used = postgres.psql(DATABASE, "SELECT used FROM rate_counters");
    used.parse().unwrap()
}

#[test]
#[ignore = "needs postgresql"]
fn together_they_let_in_what_one_may() {
    let postgres = Postgres::start();
    let servers = replicas(&postgres, "requests = [\"160/min\"]");
    let_in_what_one_may(&servers);
}

#[test]
#[ignore = "needs postgresql"]
fn in_no_window_is_there_more_than_one_may_have() {
    let postgres = Postgres::start();
    let servers = replicas(&postgres, "requests = [\"40/s\"]");
    let_in_no_more_in_any_window(&servers);
}

/// Nobody can take anything while somebody else holds the counter. What is granted when that is over is
/// nobody's, and it is not lost.
#[test]
#[ignore = "needs postgresql"]
fn what_is_granted_too_late_is_given_back() {
    let postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, "requests = [\"160/hour\"]"));
    wait_until_counted(&server, "postgresql");
    assert_eq!((ask(&server), used(&postgres)), (200, 10), "a block");
    thread::scope(|scope| {
        let hold = "BEGIN; UPDATE rate_counters SET used = used; SELECT pg_sleep(2); COMMIT";
        let holder = scope.spawn(|| postgres.psql(DATABASE, hold));
        let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        until("the counter is held", || {
            (postgres.psql(DATABASE, sleeps) == "1").then_some(())
        });
        // Their rows may wait behind the counter: nobody waits for the answers here.
        let asked = [(); 6].map(|()| begin_to_ask(&server));
        until("an answer is late", || {
            let status = server.ask(get("/status")).json();
            (status["limits"]["counted_by"] == "process").then_some(())
        });
        holder.join().unwrap();
        for mut client in asked {
            assert_eq!(client.response().status, 200);
        }
    });
    wait_until_counted(&server, "postgresql");
    until("nothing is lost", || (used(&postgres) == 10).then_some(()));
}

/// D1
#[test]
#[ignore = "needs postgresql"]
fn a_database_that_is_down_is_counted_by_when_it_comes() {
    let mut postgres = Postgres::start();
    postgres.kill();
    let server = Server::start(&config(postgres.addr, "requests = [\"3/min\"]"));
    wait_until_counted(&server, "process");
    let statuses = [(); 5].map(|()| ask(&server));
    assert_eq!(statuses, [200, 200, 200, 429, 429], "alone");
    let status = server.ask(get("/status")).json();
    assert_eq!(status["limits"]["degraded"], true);
    postgres.restart();
    wait_until_counted(&server, "postgresql");
}

/// D4: what was asked while it hangs takes a tenth of a second, and what comes later nothing: what limits
/// say is told at once, without the row that the request leaves.
#[test]
#[ignore = "needs postgresql"]
fn a_database_that_hangs_keeps_nobody_waiting_for_a_limit() {
    let postgres = Postgres::start();
    let server = Server::start(&config(postgres.addr, "requests = [\"2/min\"]"));
    wait_until_counted(&server, "postgresql");
    assert_eq!([ask(&server), ask(&server), ask(&server)], [200, 200, 429]);
    for pid in backends(&postgres) {
        signal(pid, "STOP");
    }
    let begun = Instant::now();
    let mut other = Client::connect_from([127, 0, 0, 9], server.addr);
    let body = r#"{"content":"Tea is good."}"#;
    other.send(post("/analyze/", body));
    wait_until_counted(&server, "process");
    assert!(begun.elapsed() < ms(1_500), "{:?}", begun.elapsed());
    assert_eq!(
        server.metric("maitred_rate_statements_total{what=\"late\"}") as u64,
        1
    );
    for pid in backends(&postgres) {
        signal(pid, "CONT");
    }
    wait_until_counted(&server, "postgresql");
    assert_eq!(other.response().status, 200);
}

/// The processes of the server that serve connections of ours.
fn backends(postgres: &Postgres) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", postgres.pid()));
    let children = children.unwrap();
    let all = children.split_whitespace().map(|pid| pid.parse().unwrap());
    all.filter(|pid: &u32| {
        let words = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
        words.is_ok_and(|words| words.contains(USER))
    })
    .collect()
}

/// Nobody gets an error, however often it is killed, and loses all that it has counted.
#[test]
#[ignore = "needs postgresql"]
fn a_database_that_dies_again_and_again_fails_nobody() {
    let mut postgres = Postgres::start();
    let servers = replicas(&postgres, "requests = [\"2000/min\", \"100000/day\"]");
    let told = load(&servers, || {
        for _ in 0..2 {
            thread::sleep(ms(400));
            postgres.kill();
            postgres.restart();
            for server in &servers {
                wait_until_counted(server, "postgresql");
            }
        }
    });
    assert!(told.times(200) > 100, "{told:?}");
    let others = told.statuses.keys().filter(|s| ![200, 429].contains(*s));
    assert_eq!(others.count(), 0, "{told:?}");
}

#[test]
#[ignore = "needs pgbouncer"]
fn by_way_of_a_pooler_limits_are_the_same() {
    let postgres = Postgres::start();
    let pooler = PgBouncer::start(&postgres, 2);
    let server = Server::start(&config(pooler.addr, "requests = [\"20/min\"]"));
    wait_until_counted(&server, "postgresql");
    let told = load(std::slice::from_ref(&server), || thread::sleep(ms(500)));
    assert_eq!(told.times(200), 20, "{told:?}");
    assert_eq!(used(&postgres), 20);
}

#[test]
#[ignore = "needs postgresql and redis-server"]
fn of_two_that_could_count_it_is_redis() {
    let (postgres, redis) = (Postgres::start(), Redis::start(&[]));
    let config = config(postgres.addr, "requests = [\"20/min\"]");
    let config = format!("{config}[redis]\nurl = '{}'\n", redis.url());
    let server = Server::start(&config);
    wait_until_counted(&server, "redis");
    assert_eq!(ask(&server), 200);
    until("the tables are there", || {
        (server.ask(get("/readyz")).text() == "ready\n").then_some(())
    });
    let count = "SELECT count(*) FROM rate_counters";
    assert_eq!(postgres.psql(DATABASE, count), "0");
}

/// What one has taken and not used is the other's at once, not after the window.
#[test]
#[ignore = "needs postgresql"]
fn who_ends_leaves_its_blocks_to_the_others() {
    let postgres = Postgres::start();
    let [first, second] = replicas(&postgres, "requests = [\"32/day\"]");
    assert_eq!(ask(&first), 200);
    until("it has two blocks of two", || {
        (used(&postgres) == 4).then_some(())
    });
    first.terminate();
    assert!(first.wait().status.success());
    assert_eq!(used(&postgres), 1);
    let good = (0..40).filter(|_| ask(&second) == 200).count();
    assert_eq!(good, 31, "all of a day but one");
}

/// The same, with Redis.
#[test]
#[ignore = "needs redis-server"]
fn who_ends_leaves_its_blocks_to_the_others_in_redis() {
    let redis = Redis::start(&[]);
    let config = format!(
        "[rate]\nrequests = [\"32/day\"]\n[redis]\nurl = '{}'\n",
        redis.url()
    );
    let servers = [(); 2].map(|()| {
        let server = Server::start(&config);
        wait_until_counted(&server, "redis");
        server
    });
    let [first, second] = servers;
    assert_eq!(ask(&first), 200);
    first.terminate();
    assert!(first.wait().status.success());
    let good = (0..40).filter(|_| ask(&second) == 200).count();
    assert_eq!(good, 31, "all of a day but one");
}

/// A database that hangs holds nobody up who wants to end.
#[test]
#[ignore = "needs postgresql"]
fn who_ends_does_not_wait_for_a_database_that_is_away() {
    let postgres = Postgres::start();
    let [first, _second] = replicas(&postgres, "requests = [\"32/day\"]");
    assert_eq!(ask(&first), 200);
    until("its row is stored", || {
        let rows = postgres.psql(DATABASE, "SELECT count(*) FROM requests");
        (rows == "1").then_some(())
    });
    for pid in backends(&postgres) {
        signal(pid, "STOP");
    }
    let begun = Instant::now();
    first.terminate();
    let ended = first.wait();
    let took = begun.elapsed();
    for pid in backends(&postgres) {
        signal(pid, "CONT");
    }
    assert!(ended.status.success() && took < ms(3_000), "{took:?}");
}
