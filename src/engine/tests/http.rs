//! Requests in a row, their order, and how connections end.

use super::{World, post};
use crate::engine::work::Kind;

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const LIST: &str = "GET /contents HTTP/1.1\r\nHost: localhost\r\n\r\n";
const INDEX: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn one_connection_takes_many_requests_at_every_split() {
    let both = [HEALTH, HEALTH].concat();
    for split in 1..both.len() {
        let mut world = World::new("");
        let client = world.ask(&both[..split]);
        world.send(client, &both[split..]);
        assert_eq!(world.reply(client).body, "ok\n");
        assert_eq!(world.reply(client).body, "ok\n");
        assert!(world.is_quiet(client) && !world.is_over(client));
    }
}

#[test]
fn replies_come_in_the_order_of_the_requests() {
    let mut world = World::new("");
    world.held = vec![Kind::Read];
    let client = world.ask([HEALTH, LIST, HEALTH, INDEX].concat());
    assert_eq!(world.reply(client).body, "ok\n");
    assert!(world.is_quiet(client), "the rest waits for the store");
    world.held.clear();
    world.settle();
    assert!(world.reply(client).body.starts_with("{\"contents\""));
    assert_eq!(world.reply(client).body, "ok\n");
    assert!(world.reply(client).body.starts_with("<!doctype html>"));
}

#[test]
fn a_client_that_has_sent_all_its_requests_and_its_fin_gets_all_its_replies() {
    let mut world = World::new("");
    world.held = vec![Kind::Read];
    let client = world.ask([LIST, HEALTH, HEALTH].concat());
    world.end(client);
    world.held.clear();
    world.settle();
    for _ in 0..3 {
        assert_eq!(world.reply(client).status, 200);
    }
    assert!(world.is_over(client));
}

#[test]
fn a_fin_in_the_middle_of_a_request_ends_the_connection() {
    let mut world = World::new("");
    for part in [
        "GET /healthz HT",
        "POST /generate/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{",
    ] {
        let client = world.ask(part);
        world.end(client);
        world.settle();
        assert!(world.is_over(client) && world.is_quiet(client), "{part}");
    }
    world.held = vec![Kind::Read];
    let client = world.ask([LIST, "GET /hea"].concat());
    world.end(client);
    world.held.clear();
    world.settle();
    assert_eq!(world.reply(client).status, 200);
    assert!(world.is_over(client) && world.is_quiet(client));
}

#[test]
fn a_fin_in_the_middle_of_a_body_takes_nothing_from_the_replies_before() {
    let mut world = World::new("");
    let client = world.client();
    world.sockets.get_mut(&client).unwrap().stalled = true;
    let half = "POST /generate/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{";
    world.send(client, [HEALTH, half].concat());
    world.end(client);
    world.sockets.get_mut(&client).unwrap().stalled = false;
    world.settle();
    assert_eq!(world.reply(client).body, "ok\n");
    assert!(world.is_over(client) && world.is_quiet(client));
}

#[test]
fn a_client_that_sends_ahead_without_end_is_not_read_until_it_is_answered() {
    let mut world = World::new("");
    world.held = vec![Kind::Read];
    let client = world.ask(LIST);
    for _ in 0..2_000 {
        world.send(client, HEALTH);
    }
    assert!(world.sockets[&client].paused);
    world.held.clear();
    world.settle();
    let mut replies = 0;
    while !world.is_quiet(client) {
        assert_eq!(world.reply(client).status, 200);
        replies += 1;
    }
    assert_eq!(replies, crate::limits::REQUESTS_PER_CONNECTION);
    assert!(
        world.is_over(client),
        "the thousandth reply is the last one"
    );
}

#[test]
fn a_client_that_asks_and_never_reads_costs_no_time_and_is_cut_off() {
    let mut world = World::new("");
    let client = world.client();
    world.sockets.get_mut(&client).unwrap().stalled = true;
    for _ in 0..900 {
        world.send(client, INDEX);
    }
    assert!(
        world.engine.next_deadline() > world.now.mono,
        "nothing is to be done"
    );
    assert!(world.unsent(client).len() < 2 * crate::limits::SEND_HIGH_BYTES);
    world.pass(30_001);
    assert!(world.is_over(client));
}

#[test]
fn a_reply_says_that_the_connection_ends_and_the_engine_waits_for_the_clients_fin() {
    let mut world = World::new("");
    let client = world.ask("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(world.reply(client).closes());
    assert!(world.sockets[&client].fin && world.sockets[&client].closed.is_none());
    world.end(client);
    assert!(world.sockets[&client].closed.is_some());
}

#[test]
fn http_1_0_is_answered_without_chunks_and_closed() {
    let mut world = World::new("");
    let client = world.ask("GET /healthz HTTP/1.0\r\n\r\n");
    assert!(world.reply(client).closes());
    let body = r#"{"topic":"tea","stream":true}"#;
    let stream = format!(
        "POST /generate/ HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let client = world.ask(stream);
    world.pass(30_000);
    let reply = world.reply(client);
    assert_eq!(
        (reply.field("transfer-encoding"), reply.closes()),
        (None, true)
    );
    assert_eq!(reply.events().last().unwrap().name, "done");

    let client = world.ask("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(world.reply(client).field("connection"), Some("keep-alive"));
    assert!(!world.is_over(client));
}

#[test]
fn head_has_the_fields_of_get_and_no_body() {
    let mut world = World::new("");
    for path in ["/healthz", "/contents", "/nothing"] {
        let get = world.get(path);
        let client = world.ask(format!(
            "HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n{HEALTH}"
        ));
        let head = world.reply_to_head(client);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(
            head.field("content-length"),
            get.field("content-length"),
            "{path}"
        );
        assert_eq!(
            world.reply(client).body,
            "ok\n",
            "no body stands in between"
        );
    }
}

#[test]
fn a_body_that_waits_to_be_wanted_is_wanted() {
    let mut world = World::new("");
    let body = r#"{"content":"Tea."}"#;
    let head = post("/analyze/", body).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n");
    let (head, _) = head.split_at(head.len() - body.len());
    let client = world.ask(head);
    let got = String::from_utf8(world.sockets[&client].got.clone()).unwrap();
    assert_eq!(got, "HTTP/1.1 100 Continue\r\n\r\n");
    world.send(client, body);
    assert_eq!(world.reply(client).status, 200);

    let client = world.ask(format!("{head}{body}"));
    assert!(
        !world.sockets[&client].got.starts_with(b"HTTP/1.1 100"),
        "it came already"
    );
    let refused = head.replace("application/json", "text/plain");
    let client = world.ask(refused);
    assert_eq!(world.reply(client).status, 415, "and not asked for");
}

#[test]
fn chunked_bodies_are_read_whatever_their_chunks() {
    let head = "POST /analyze/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = "5;x=y\r\n{\"con\r\ne\r\ntent\":\"Tea.\"} \r\n0\r\nX: y\r\n\r\n";
    let whole = [head, body, HEALTH].concat();
    for split in 1..whole.len() {
        let mut world = World::new("");
        let client = world.ask(&whole[..split]);
        world.send(client, &whole[split..]);
        assert_eq!(world.reply(client).status, 200, "split {split}");
        assert_eq!(world.reply(client).body, "ok\n", "split {split}");
    }
}
