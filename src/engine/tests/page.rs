//! The page: its files, and what it asks about the house.

use super::openai::answer;
use super::world::Reply;
use super::{RETRIED, World};
use crate::limits::SEND_HIGH_BYTES;
use crate::web;

fn ask(world: &mut World, line: &str, fields: &str) -> Reply {
    let client = world.ask(format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"
    ));
    world.reply(client)
}

#[test]
fn every_file_is_served_as_what_it_is_and_may_do_nothing_else() {
    let mut world = World::new("");
    let files = [
        ("/", web::index()),
        ("/app/main.js", web::asset("main.js").unwrap()),
    ];
    for (path, file) in files {
        let reply = world.get(path);
        assert_eq!((reply.status, reply.body.as_bytes()), (200, file.bytes));
        assert_eq!(reply.field("content-type"), Some(file.kind));
        assert_eq!(reply.field("etag"), Some(file.etag.as_str()));
        assert_eq!(reply.field("cache-control"), Some("no-cache"));
        assert_eq!(reply.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.field("referrer-policy"), Some("no-referrer"));
        let policy = reply.field("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    let reply = world.get("/app/nothing.js");
    assert_eq!(reply.problem(), (404, "no_such_route".to_owned()));
}

#[test]
fn a_file_that_the_client_has_is_not_sent_again() {
    let mut world = World::new("");
    let etag = web::index().etag.clone();
    for tags in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let reply = ask(&mut world, "GET /", &format!("If-None-Match: {tags}\r\n"));
        assert_eq!((reply.status, reply.body.as_str()), (304, ""), "{tags}");
        assert_eq!(reply.field("etag"), Some(etag.as_str()));
        assert_eq!(reply.field("content-length"), None);
    }
    let reply = ask(&mut world, "GET /", "If-None-Match: \"x\"\r\n");
    assert_eq!(reply.status, 200);
}

#[test]
fn head_speaks_of_the_file_and_the_connection_goes_on() {
    let mut world = World::new("");
    let client = world.client();
    for (line, fields) in [
        ("HEAD /", ""),
        ("GET /", "If-None-Match: *\r\n"),
        ("OPTIONS /app/app.css", ""),
    ] {
        world.send(
            client,
            format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"),
        );
    }
    world.send(client, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let got = String::from_utf8(world.sockets[&client].got.clone()).unwrap();
    let length = format!("content-length: {}\r\n", web::index().bytes.len());
    assert!(got.contains(&length), "{got}");
    assert!(got.contains("allow: GET, HEAD, OPTIONS\r\n"), "{got}");
    assert!(got.ends_with("\r\n\r\nok\n"), "{got}");
}

#[test]
fn who_does_not_read_costs_no_more_than_its_send_buffer() {
    let mut world = World::new("");
    let client = world.client();
    world.sockets.get_mut(&client).unwrap().stalled = true;
    // Far more than the buffer holds, asked for ahead.
    let wanted = 3 * SEND_HIGH_BYTES / web::index().bytes.len() + 1;
    let requests = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(wanted);
    world.send(client, requests);
    assert!(world.unsent(client).len() <= SEND_HIGH_BYTES + 1024);
    world.sockets.get_mut(&client).unwrap().stalled = false;
    world.settle();
    let all = world.sockets[&client].got.len();
    assert!(
        all > wanted * web::index().bytes.len(),
        "all of it came in the end"
    );
}

#[test]
fn providers_are_named_without_their_keys_and_addresses() {
    let mut world = World::new(super::PROVIDER);
    let reply = world.get("/providers");
    assert!(!reply.body.contains("sk-secret") && !reply.body.contains("10.0.0.1"));
    let providers = serde_json::json!([
        {"name": "llm", "kind": "openai", "model": "m", "offline": false,
         "keys": [{"name": "main", "state": "awake", "calls": 0}]},
        {"name": "offline", "kind": "offline", "model": "offline", "offline": true, "keys": []},
    ]);
    let said = reply.json();
    assert_eq!(said["default"], "llm");
    let mut named = said["providers"].as_array().unwrap().clone();
    named.sort_by_key(|provider| provider["name"].to_string());
    assert_eq!(serde_json::Value::from(named), providers);
}

#[test]
fn the_status_counts_what_is_going_on_but_not_itself() {
    let mut world = World::new(super::PROVIDER);
    let quiet = world.get("/status").json();
    assert_eq!(
        (&quiet["requests"], &quiet["calls"]["running"]),
        (&0.into(), &0.into())
    );
    world.post("/generate/", r#"{"topic":"tea","stream":true}"#);
    let busy = world.get("/status").json();
    assert_eq!(
        (&busy["requests"], &busy["calls"]["running"]),
        (&1.into(), &1.into())
    );
    assert_eq!(busy["queues"]["write"]["waiting"], 0);
    let store = &busy["store"];
    assert_eq!(
        (&store["kind"], &store["orders"]),
        (&"sqlite".into(), &().into())
    );
    assert_eq!(busy["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn calls_in_line_calls_without_a_connection_and_resting_calls_are_shown_as_waiting() {
    let mut world = World::new(&format!("{RETRIED}concurrency = 1\n"));
    let calls = |world: &mut World| {
        let calls = &world.get("/status").json()["calls"];
        [&calls["waiting"], &calls["running"]].map(|count| count.as_u64().unwrap())
    };
    world.slow_network = true;
    for topic in ["tea", "rain", "bread"] {
        world.post("/generate/", &format!(r#"{{"topic":"{topic}"}}"#));
    }
    assert_eq!(calls(&mut world), [3, 0], "the first has no connection yet");
    world.connect(world.upstream());
    world.slow_network = false;
    assert_eq!(calls(&mut world), [2, 1], "two are in line");
    world.serve(answer(503, "Retry-After: 1\r\n", "{}"));
    assert_eq!(calls(&mut world), [2, 1], "one rests, one is in line");
    world.serve(answer(503, "Retry-After: 1\r\n", "{}"));
    world.serve(answer(503, "Retry-After: 1\r\n", "{}"));
    assert_eq!(calls(&mut world), [3, 0], "all rest");
}
