//! Two real servers that share their limits by way of a real Redis cluster, whose slots move while they ask.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use maitred::proto::redis::slot::slot;
use support::client::{Client, post};
use support::redis_cluster::Cluster;
use support::{Server, get, ms, until};

fn servers(cluster: &Cluster, rules: &str) -> Vec<Server> {
    let start = |which: usize| {
        let url = cluster.servers[which].url();
        let server = Server::start(&format!(
            "[rate]\n{rules}\n[redis]\nurl = '{url}'\ncluster = true\n"
        ));
        until("it knows all of them", || {
            (server.metric("maitred_redis_nodes") >= 3.0).then_some(())
        });
        server
    };
    // Each has been told of another one.
    vec![start(0), start(2)]
}

fn total(servers: &[Server], name: &str) -> f64 {
    servers.iter().map(|server| server.metric(name)).sum()
}

fn event(servers: &[Server], name: &str) -> f64 {
    total(
        servers,
        &format!("maitred_redis_events_total{{event=\"{name}\"}}"),
    )
}

#[test]
#[ignore = "needs redis-server"]
fn a_limit_holds_while_its_counter_moves_from_server_to_server() {
    let mut cluster = Cluster::start();
    let servers = servers(&cluster, "requests = [\"640/min\"]");
    let stop = AtomicBool::new(false);
    let asked = |addr| {
        let (mut good, mut refused) = (0, 0);
        while !stop.load(Ordering::Relaxed) {
            // Who is over its limit is hung up on.
            let mut client = Client::connect(addr);
            client.send(post("/analyze/", r#"{"content":"Tea is good."}"#));
            match client.response().status {
                200 => good += 1,
                429 => refused += 1,
                other => panic!("{other}"),
            }
            thread::sleep(ms(10));
        }
        (good, refused)
    };
    let (good, refused) = thread::scope(|scope| {
        let clients: Vec<_> = (servers.iter().chain(&servers))
            .map(|server| scope.spawn(|| asked(server.addr)))
            .collect();
        let slot = slot(b"127.0.0.1");
        for _ in 0..3 {
            let to = (cluster.owner(slot) + 1) % 3;
            cluster.migrate(slot, to, || thread::sleep(ms(150)));
        }
        until("the limit is reached", || {
            let last = servers[0].ask(post("/analyze/", r#"{"content":"x"}"#));
            (last.status == 429).then_some(())
        });
        stop.store(true, Ordering::Relaxed);
        let each = clients.into_iter().map(|client| client.join().unwrap());
        each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    // What the main thread was allowed is not among them.
    assert!(
        good <= 640 && good > 450,
        "{good} of 640, {refused} refused"
    );
    assert_eq!(total(&servers, "maitred_rate_alone_total"), 0.0);
    let counters = cluster.keys("maitred:rate:{127.0.0.1}");
    assert_eq!(counters.len(), 1, "there is one counter: {counters:?}");
    assert!(event(&servers, "followed") >= 2.0);
    assert_eq!(event(&servers, "lost"), 0.0);
}

#[test]
#[ignore = "needs redis-server"]
fn each_address_is_counted_where_its_slot_is_and_a_server_that_dies_takes_only_its_own() {
    let mut cluster = Cluster::start();
    let servers = servers(&cluster, "requests = [\"4/min\"]");
    let ask = |server: &Server, host: u8| {
        let mut client = Client::connect_from([127, 0, 1, host], server.addr);
        client.send(post("/analyze/", r#"{"content":"Tea is good."}"#));
        client.response().status
    };
    for host in 1..=30 {
        let statuses: Vec<u16> = (0..6).map(|n| ask(&servers[n % 2], host)).collect();
        let good = statuses.iter().filter(|status| **status == 200).count();
        assert!((3..=4).contains(&good), "{host}: {statuses:?}");
    }
    assert_eq!(event(&servers, "elsewhere"), 0.0, "they know the map");
    let counters = cluster.keys("maitred:rate:{127.0.1.");
    for which in 0..3 {
        let here = counters.iter().filter(|(at, _)| *at == which).count();
        assert!(here > 2, "{which}: {counters:?}");
    }
    cluster.servers[1].kill();
    for host in 31..=60 {
        assert_eq!(ask(&servers[0], host), 200);
    }
    let status = servers[0].ask(get("/status")).json();
    assert_eq!(status["limits"]["counted_by"], "redis", "{status}");
    assert_eq!(servers[0].metric("maitred_redis_nodes"), 2.0);
}
