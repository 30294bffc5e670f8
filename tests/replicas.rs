//! Two real servers that share their limits by way of a real Redis: under load, and while it hangs,
//! dies, comes back or does not let them in.
#![allow(clippy::unwrap_used)]

mod support;

use std::thread;

use support::process::signal;
use support::redis::Redis;
use support::tls::Identity;
use support::told::{let_in_no_more_in_any_window, let_in_what_one_may, load};
use support::{House, Server, get, ms, until};

/// A server that counts as `rules` say, together with others at `url`.
fn config(url: &str, rules: &str) -> String {
    format!("[rate]\n{rules}\n[redis]\nurl = '{url}'\n")
}

fn replicas(redis: &Redis, rules: &str) -> [Server; 2] {
    [(); 2].map(|()| {
        let server = Server::start(&config(&redis.url(), rules));
        wait_until_shared(&server, true);
        server
    })
}

fn wait_until_shared(server: &Server, shared: bool) {
    until("it says how it counts", || {
        let status = server.ask(get("/status")).json();
        let by = if shared { "redis" } else { "process" };
        (status["limits"]["counted_by"] == by).then_some(())
    });
}

#[test]
#[ignore = "needs redis-server"]
fn together_they_let_in_what_one_may() {
    let redis = Redis::start(&[]);
    let servers = replicas(&redis, "requests = [\"160/min\"]");
    let_in_what_one_may(&servers);
}

#[test]
#[ignore = "needs redis-server"]
fn in_no_window_is_there_more_than_one_may_have() {
    let redis = Redis::start(&[]);
    let servers = replicas(&redis, "requests = [\"40/s\"]");
    let_in_no_more_in_any_window(&servers);
}

/// R1
#[test]
#[ignore = "needs redis-server"]
fn a_redis_that_is_down_is_found_when_it_comes() {
    let mut redis = Redis::start(&[]);
    redis.kill();
    let server = Server::start(&config(&redis.url(), "requests = [\"3/min\"]"));
    assert_eq!(server.ask(get("/readyz")).status, 200, "it is not needed");
    wait_until_shared(&server, false);
    let told = load(std::slice::from_ref(&server), || thread::sleep(ms(300)));
    assert_eq!(told.times(200), 3, "alone: {told:?}");
    assert_eq!(
        told.statuses.keys().copied().collect::<Vec<_>>(),
        [200, 429]
    );
    redis.restart();
    wait_until_shared(&server, true);
    assert!(
        server
            .log()
            .contains("Redis cannot be used: nobody listens there")
    );
    assert!(!server.log().contains("s3cret"), "{}", server.log());
}

/// R2: what was asked while it hangs takes a tenth of a second, and what comes later nothing.
#[test]
#[ignore = "needs redis-server"]
fn a_redis_that_hangs_fails_nobody() {
    let redis = Redis::start(&[]);
    let servers = replicas(&redis, "requests = [\"100000/min\"]");
    let told = load(&servers, || {
        thread::sleep(ms(300));
        signal(redis.pid(), "STOP");
        thread::sleep(ms(1_500));
        for server in &servers {
            wait_until_shared(server, false);
        }
        signal(redis.pid(), "CONT");
        for server in &servers {
            wait_until_shared(server, true);
        }
    });
    assert_eq!(
        told.statuses.keys().copied().collect::<Vec<_>>(),
        [200],
        "{told:?}"
    );
    assert!(told.slowest < ms(1_000), "{told:?}");
}

/// R7: nobody gets an error, however often it is killed and begins anew.
#[test]
#[ignore = "needs redis-server"]
fn a_redis_that_loses_everything_fails_nobody() {
    let mut redis = Redis::start(&[]);
    let servers = replicas(&redis, "requests = [\"2000/min\", \"100000/day\"]");
    let told = load(&servers, || {
        for _ in 0..3 {
            thread::sleep(ms(400));
            redis.restart();
            for server in &servers {
                wait_until_shared(server, true);
            }
        }
    });
    assert!(told.times(200) > 100, "{told:?}");
    assert_eq!(
        told.statuses
            .keys()
            .filter(|status| ![200, 429].contains(*status))
            .count(),
        0,
        "{told:?}"
    );
    for server in &servers {
        assert!(server.metric("maitred_redis_events_total{event=\"lost\"}") >= 3.0);
    }
}

#[test]
#[ignore = "needs redis-server"]
fn over_tls_and_only_to_whom_it_trusts() {
    let identity = Identity::of(&["127.0.0.1"]);
    let house = House::new();
    let ca = house.write("ca.pem", &identity.pem);
    let files = tempfile::tempdir_in("/tmp").unwrap();
    let file = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (cert, key) = (
        file("cert.pem", &identity.pem),
        file("key.pem", &identity.key_pem),
    );
    open_to_all(files.path());
    let addr = support::provider::free_addr();
    let port = addr.port().to_string();
    let redis = Redis::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &cert,
        "--tls-auth-clients",
        "no",
    ]);
    let place = redis.addr.to_string();
    let url = redis
        .url()
        .replace("redis://", "rediss://")
        .replace(&place, &addr.to_string());
    let rules = config(&url, "requests = [\"3/min\"]");
    let trusting = format!("{rules}ca_file = '{}'\n", ca.display());
    let server = Server::start_in(house, &trusting);
    wait_until_shared(&server, true);
    let told = load(std::slice::from_ref(&server), || thread::sleep(ms(300)));
    assert_eq!(told.times(200), 3, "{told:?}");
    let other = Server::start(&rules);
    until("it says why", || {
        let why = "Redis cannot be used: nobody who is trusted has signed its certificate";
        other.log().contains(why).then_some(())
    });
}

/// Redis runs as somebody else.
fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// R3: an operator is told once, and the server is left alone.
#[test]
#[ignore = "needs redis-server"]
fn a_wrong_password_is_told_and_not_tried_again_soon() {
    let redis = Redis::start(&[]);
    let url = format!("redis://:hunter2@{}", redis.addr);
    let server = Server::start(&config(&url, "requests = [\"3/min\"]"));
    until("it says why", || {
        server
            .log()
            .contains("Redis does not let us in: name or password in `redis.url` is wrong")
            .then_some(())
    });
    let told = load(std::slice::from_ref(&server), || thread::sleep(ms(1_500)));
    assert_eq!(told.times(200), 3, "{told:?}");
    assert_eq!(server.log().matches("Redis").count(), 1, "{}", server.log());
    assert!(!server.log().contains("hunter2"));
    let refused = server.metric("maitred_redis_events_total{event=\"refused\"}");
    assert!((refused - 1.0).abs() < 0.1, "{refused}");
}
