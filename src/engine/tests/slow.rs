//! Deadlines of clients, which single bytes do not extend.

use super::{World, post};
use crate::engine::ConnId;

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Sends one byte every `ms` milliseconds; returns after how many the engine had enough.
fn drip(world: &mut World, client: ConnId, bytes: &str, ms: u64) -> usize {
    for (n, byte) in bytes.bytes().enumerate() {
        world.send(client, [byte]);
        world.pass(ms);
        if world.is_over(client) {
            return n;
        }
    }
    bytes.len()
}

#[test]
fn a_head_has_ten_seconds_in_all() {
    let mut world = World::new("");
    let client = world.client();
    let sent = drip(&mut world, client, HEALTH, 1_000);
    assert_eq!(sent, 9);
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (408, "head_timeout".to_owned()));
    assert!(reply.closes());
}

#[test]
fn a_head_that_was_begun_while_another_request_was_answered_has_its_time_from_the_answer_on() {
    let mut world = World::new("");
    let client = world.ask([HEALTH, "GET /hea"].concat());
    world.reply(client);
    world.pass(9_900);
    assert!(!world.is_over(client));
    world.pass(200);
    assert_eq!(world.reply(client).problem().1, "head_timeout");
}

#[test]
fn a_body_may_not_pause() {
    let mut world = World::new("");
    let request = post("/generate/", r#"{"topic":"tea"}"#);
    let client = world.ask(&request[..request.len() - 1]);
    world.pass(9_900);
    assert!(!world.is_over(client));
    world.pass(200);
    assert_eq!(
        world.reply(client).problem(),
        (408, "body_timeout".to_owned())
    );
}

#[test]
fn a_body_may_not_drip() {
    let mut world = World::new("");
    let body = format!(r#"{{"topic":"{}"}}"#, "a".repeat(100));
    let request = post("/generate/", &body);
    let (head, body) = request.split_at(request.len() - body.len());
    let client = world.ask(head);
    let sent = drip(&mut world, client, body, 1_000);
    assert_eq!(sent, 10, "each byte earns a thousandth of a second");
    assert_eq!(world.reply(client).problem().1, "body_timeout");
}

#[test]
fn a_large_body_at_a_fair_speed_has_all_the_time_it_needs() {
    let mut world = World::new("");
    let body = format!("{}{}", " ".repeat(200 * 1024), r#"{"topic":"tea"}"#);
    let request = post("/generate/", &body);
    let client = world.client();
    for piece in request.as_bytes().chunks(8 * 1024) {
        world.send(client, piece);
        world.pass(5_000);
    }
    assert_eq!(world.reply(client).status, 200);
}

#[test]
fn a_connection_without_requests_is_closed_after_a_minute() {
    let mut world = World::new("");
    let fresh = world.client();
    let used = world.ask(HEALTH);
    world.reply(used);
    world.pass(59_900);
    assert!(!world.is_over(fresh) && !world.is_over(used));
    world.pass(200);
    assert!(world.is_over(fresh) && world.is_over(used));
    assert!(world.is_quiet(fresh), "nothing is said to it");
}

#[test]
fn an_answer_that_is_not_taken_ends_the_connection() {
    let mut world = World::new("");
    let client = world.client();
    world.sockets.get_mut(&client).unwrap().stalled = true;
    world.send(client, HEALTH);
    world.pass(29_900);
    assert!(!world.is_over(client));
    world.take(client, 1);
    world.pass(29_900);
    assert!(!world.is_over(client), "it took a byte");
    world.pass(200);
    assert!(world.is_over(client));
}

#[test]
fn silence_on_a_stream_is_filled_with_heartbeats() {
    let mut world = World::new(super::PROVIDER);
    let client = world.post("/generate/", r#"{"topic":"tea","stream":true}"#);
    world.pass(14_900);
    assert!(
        world.is_quiet(client),
        "until then a failure has a status of its own"
    );
    world.pass(200);
    assert_eq!(world.events(client)[0].name, "start");
    world.pass(30_000);
    let names: Vec<_> = world
        .events(client)
        .into_iter()
        .map(|event| event.name)
        .collect();
    assert_eq!(names, ["start", ":", ":"]);
}
