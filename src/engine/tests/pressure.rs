//! A reader that is slower than its text.

use super::openai::{self, STREAM, word};
use super::{PROVIDER, World, post};
use crate::engine::ConnId;
use crate::engine::io::How;
use crate::engine::tests::world::End;
use crate::limits::{LAG_HIGH_BYTES, SEND_HIGH_BYTES};

const TEA: &str = r#"{"topic":"tea","stream":true}"#;

/// A stream whose reader takes nothing while a mebibyte comes, as far as the engine reads it.
fn flooded(world: &mut World) -> ConnId {
    let client = world.post("/generate/", TEA);
    flood(world, client);
    client
}

/// The client takes nothing, and a mebibyte is there for it.
pub(super) fn flood(world: &mut World, client: ConnId) {
    world.sockets.get_mut(&client).unwrap().stalled = true;
    world.answer(STREAM);
    for _ in 0..64 {
        world.answer(word(&"tea ".repeat(4096)));
    }
}

#[test]
fn a_provider_waits_for_its_only_reader_and_goes_on_with_it() {
    let mut world = World::new(PROVIDER);
    let client = flooded(&mut world);
    let upstream = world.upstream();
    assert!(world.sockets[&upstream].paused);
    assert!(world.unsent(client).len() < SEND_HIGH_BYTES + 64 * 1024);
    let held = world.metric("ledger_bytes");
    assert!(
        held < (3 * (SEND_HIGH_BYTES + LAG_HIGH_BYTES)) as f64,
        "{held} bytes"
    );

    world.sockets.get_mut(&client).unwrap().stalled = false;
    world.settle();
    assert!(!world.sockets[&upstream].paused);
    let events = world.events(client);
    assert_eq!(
        events.last().unwrap().id,
        Some(64 * 4 * 4096),
        "all of it came"
    );
}

/// A provider that may be silent for a second is not read, because its client takes nothing.
pub(super) fn time_stands_still(world: &mut World, client: ConnId) {
    world.pass(20_000);
    assert_eq!(world.upstreams().len(), 1);
    world.sockets.get_mut(&client).unwrap().stalled = false;
    world.pass(900);
    assert_eq!(world.upstreams().len(), 1);
    world.pass(200);
    assert_eq!(world.upstreams(), [], "now it is the provider that is slow");
}

#[test]
fn the_providers_time_stands_still_while_it_is_not_read() {
    let mut world = World::new(&format!("{PROVIDER}content_gap_ms = 1000\n"));
    let client = flooded(&mut world);
    time_stands_still(&mut world, client);
}

#[test]
fn a_second_reader_does_not_wait_for_the_first() {
    let mut world = World::new(PROVIDER);
    let slow = flooded(&mut world);
    let id = String::from_utf8(world.unsent(slow)).unwrap();
    let id = id.split("\"id\":\"").nth(1).unwrap()[..36].to_owned();
    let path = format!("/generate/{id}/events");
    let quick = world.ask(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert!(!world.sockets[&world.upstream()].paused);
    assert_eq!(world.events(quick).last().unwrap().id, Some(64 * 4 * 4096));
}

#[test]
fn a_reader_that_takes_nothing_is_cut_off_and_may_come_back() {
    let mut world = World::new(PROVIDER);
    let client = flooded(&mut world);
    world.pass(29_900);
    assert_eq!(world.sockets[&client].closed, None);
    world.pass(200);
    assert_eq!(world.sockets[&client].closed, Some(End::Engine(How::Reset)));
    assert_eq!(world.metric("slow_readers_total"), 1.0);
    assert!(!world.sockets[&world.upstream()].paused, "nobody is behind");
}

#[test]
fn a_reader_that_takes_a_little_now_and_then_is_not_cut_off() {
    let mut world = World::new(PROVIDER);
    let client = flooded(&mut world);
    for _ in 0..10 {
        world.pass(20_000);
        world.take(client, 1000);
    }
    assert_eq!(world.sockets[&client].closed, None);
}

#[test]
fn the_offline_provider_waits_as_well() {
    let mut world = World::new("[offline]\ngap_ms = 1\ntokens = 100000\n");
    let client = world.post(
        "/generate/",
        r#"{"topic":"tea","stream":true,"max_tokens":100000}"#,
    );
    world.sockets.get_mut(&client).unwrap().stalled = true;
    world.pass(20_000);
    assert!(world.unsent(client).len() < SEND_HIGH_BYTES + 64 * 1024);
}

#[test]
fn a_connection_that_waited_for_a_reader_is_read_again_for_the_next_call() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", TEA);
    world.sockets.get_mut(&client).unwrap().stalled = true;
    // All in one read, and the end of the body is all that says that it is over.
    let words = word(&"tea ".repeat(4096)).repeat(64);
    world.answer([STREAM, &words, &openai::finish(), openai::END].concat());
    world.sockets.get_mut(&client).unwrap().stalled = false;
    world.settle();
    assert_eq!(world.reply(client).events().last().unwrap().name, "done");

    world.send(client, post("/generate/", TEA));
    world.answer(openai::stream(&["Tea."]));
    assert_eq!(world.reply(client).events().last().unwrap().name, "done");
    assert_eq!(world.metric("calls_total"), 2.0);
}

#[test]
fn bodies_that_grow_past_all_memory_are_refused_and_the_others_go_on() {
    let mut world = World::new("[limits]\nledger_bytes = 16777216\n");
    let body = format!(r#"{{"content":"{}"}}"#, "Tea is good. ".repeat(75_000));
    let request = post("/analyze/", &body);
    let (head, last) = request.split_at(request.len() - 1);
    let clients: Vec<ConnId> = (0..40).map(|_| world.ask(head)).collect();
    let peak = world.metric("ledger_peak_bytes");
    assert!(
        peak < 20.0 * 1048576.0,
        "{peak} bytes for 40 bodies of a megabyte"
    );
    let mut statuses = Vec::new();
    for client in clients {
        world.send(client, last);
        statuses.push(world.reply(client).status);
    }
    assert!(
        statuses.contains(&200) && statuses.contains(&503),
        "{statuses:?}"
    );
}
