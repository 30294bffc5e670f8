//! What is answered from the loop alone.

use super::{PROVIDER, World};

#[test]
fn probes_answer_in_a_word() {
    let mut world = World::new("");
    assert_eq!(world.get("/healthz").body, "ok\n");
    assert_eq!(world.get("/readyz").body, "ready\n");
}

#[test]
fn metrics_are_lines_that_prometheus_reads() {
    let mut world = World::new("");
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    world.reply(client);
    let reply = world.get("/metrics");
    assert_eq!(
        reply.field("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    for line in reply.body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(
            name.starts_with("maitred_") && value.parse::<f64>().is_ok(),
            "{line}"
        );
    }
    assert_eq!(world.metric("generations_total"), 1.0);
    assert_eq!(world.metric("exchanges{state=\"reading\"}"), 0.0);
}

#[test]
fn spans_are_shown_only_where_the_configuration_says_so() {
    assert_eq!(World::new("").get("/debug/spans").status, 404);
    let mut world = World::new("debug = true\n");
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    world.reply(client);
    let lines = world.get("/debug/spans").body;
    let states: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|span| span["kind"] == "Exchange")
        .map(|span| span["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["reading", "awaiting_text", "scoring", "saving"]);
}

#[test]
fn a_full_ledger_is_not_ready_and_lets_nothing_costly_in() {
    let mut world = World::new(&format!("{PROVIDER}[limits]\nledger_bytes = 16777216\n"));
    let hogs: Vec<_> = (0..12)
        .map(|n| world.post("/generate/", &format!(r#"{{"topic":"topic {n}"}}"#)))
        .collect();
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n";
    for upstream in world.upstreams() {
        world.send(upstream, [head, &" ".repeat(1_900_000)].concat());
    }
    assert_eq!(world.get("/readyz").status, 503);
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    assert_eq!(
        world.reply(client).problem(),
        (503, "memory_full".to_owned())
    );
    for hog in hogs {
        world.end(hog);
    }
    world.settle();
    assert_eq!(world.get("/readyz").status, 200);
}
