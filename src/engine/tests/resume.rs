//! `GET /generate/{id}/events` and `DELETE /generate/{id}`.

use uuid::Uuid;

use super::openai::{self, STREAM, done, finish, word};
use super::world::Event;
use super::{PROVIDER, World};
use crate::engine::ConnId;
use crate::store::{RequestOutcome, TextState};

const TEA: &str = r#"{"topic":"tea","stream":true}"#;

/// A stream of which two words have come, and its id.
fn begun(world: &mut World) -> (ConnId, String) {
    let client = world.post("/generate/", TEA);
    world.answer([STREAM, &word("Tea"), &word(" is")].concat());
    let id = world.events(client)[0].data["id"]
        .as_str()
        .unwrap()
        .to_owned();
    (client, id)
}

fn resume(world: &mut World, id: &str, from: u64) -> ConnId {
    world.ask(format!(
        "GET /generate/{id}/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {from}\r\n\r\n"
    ))
}

fn stop(world: &mut World, id: &str) -> super::world::Reply {
    let client = world.ask(format!(
        "DELETE /generate/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ));
    world.reply(client)
}

fn text(events: &[Event]) -> String {
    let tokens = events.iter().filter(|event| event.name == "token");
    tokens
        .map(|event| event.data["text"].as_str().unwrap())
        .collect()
}

fn rest() -> String {
    [&word(" a drink."), &finish(), &done(), openai::END].concat()
}

#[test]
fn a_client_that_comes_back_gets_what_follows_and_nothing_twice() {
    let mut world = World::new(PROVIDER);
    let (client, id) = begun(&mut world);
    world.end(client);
    world.pass(5_000);
    assert_eq!(world.upstreams().len(), 1, "the text goes on meanwhile");
    let again = resume(&mut world, &id, 3);
    world.answer(rest());
    let events = world.reply(again).events();
    assert_eq!(text(&events), " is a drink.");
    assert_ne!(events[0].name, "start");
    assert_eq!(events.last().unwrap().name, "done");
    assert_eq!(world.store.request().outcome, RequestOutcome::ClientGone);
}

#[test]
fn the_head_of_a_resumed_stream_does_not_wait_for_the_next_word() {
    let mut world = World::new(PROVIDER);
    let (_, id) = begun(&mut world);
    let again = resume(&mut world, &id, 6);
    assert!(!world.is_quiet(again));
    world.pass(15_000);
    assert_eq!(world.events(again).len(), 1, "a heartbeat");
}

#[test]
fn a_text_that_nobody_comes_back_for_is_given_up_after_the_grace() {
    let mut world = World::new(PROVIDER);
    let (client, id) = begun(&mut world);
    world.end(client);
    world.pass(9_999);
    assert_eq!(world.upstreams().len(), 1);
    world.pass(2);
    assert_eq!(world.upstreams(), [], "the provider's connection is closed");
    let row = world.store.text();
    assert_eq!(
        (row.text.as_str(), row.state),
        ("Tea is", TextState::Truncated)
    );
    let again = resume(&mut world, &id, 0);
    let events = world.reply(again).events();
    assert_eq!(text(&events), "Tea is");
    assert_eq!(events.last().unwrap().data["code"], "cancelled");
}

#[test]
fn without_a_grace_it_is_given_up_at_once() {
    let mut world = World::new(&format!("{PROVIDER}[limits]\nresume_grace_ms = 0\n"));
    let (client, _) = begun(&mut world);
    world.end(client);
    world.settle();
    assert_eq!(world.upstreams(), []);
}

#[test]
fn a_finished_text_is_resumed_from_memory_and_later_from_its_row() {
    let mut world = World::new(&format!("{PROVIDER}[jobs]\nparallel = 0\n"));
    let (_, id) = begun(&mut world);
    world.answer(rest());
    for (ms, reads) in [(0, 0.0), (60_001, 1.0), (0, 1.0)] {
        world.pass(ms);
        let client = resume(&mut world, &id, 7);
        let events = world.reply(client).events();
        assert_eq!(text(&events), "a drink.");
        assert_eq!(events.last().unwrap().data["finish_reason"], "stop");
        let found = world.metric(r#"queue_finished_total{queue="read"}"#);
        // The house asks once a minute for texts without scores.
        let by_the_house = if ms > 0 || reads > 0.0 { 2.0 } else { 0.0 };
        assert!(
            found >= reads && found <= reads + by_the_house,
            "{found} reads"
        );
    }
}

#[test]
fn an_offset_lies_at_a_character_inside_one_or_past_the_end() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", TEA);
    world.answer([STREAM, &word("Thé"), &finish(), &done(), openai::END].concat());
    let id = world.events(client)[0].data["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (from, rest) in [(0, "Thé"), (2, "é"), (3, "é"), (4, ""), (u64::MAX, "")] {
        let again = resume(&mut world, &id, from);
        let events = world.reply(again).events();
        assert_eq!(text(&events), rest, "from {from}");
        assert_eq!(events.last().unwrap().name, "done");
    }
}

#[test]
fn an_offset_that_is_no_number_is_refused() {
    let mut world = World::new(PROVIDER);
    let (_, id) = begun(&mut world);
    let head = format!("GET /generate/{id}/events HTTP/1.1\r\nHost: a\r\n");
    let client = world.ask(format!("{head}Last-Event-ID: three\r\n\r\n"));
    let reply = world.reply(client);
    assert_eq!(reply.json()["field"], "Last-Event-ID");
    assert_eq!(reply.problem(), (422, "invalid_parameter".to_owned()));
    let client = world.ask("GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: three\r\n\r\n");
    assert_eq!(world.reply(client).status, 200, "nobody reads it there");
}

#[test]
fn a_text_is_resumed_from_its_row_even_when_nothing_may_be_kept() {
    let mut world = World::new(&format!("{PROVIDER}[limits]\nreplay_bytes = 0\n"));
    let (_, id) = begun(&mut world);
    world.answer(rest());
    world.pass(61_000);
    for _ in 0..2 {
        let client = resume(&mut world, &id, 0);
        assert_eq!(text(&world.reply(client).events()), "Tea is a drink.");
    }
}

#[test]
fn a_text_that_was_cut_off_is_resumed_with_the_same_error_from_its_row() {
    let mut world = World::new(PROVIDER);
    let (_, id) = begun(&mut world);
    world.end(world.upstream());
    world.pass(61_000);
    let client = resume(&mut world, &id, 0);
    let events = world.reply(client).events();
    assert_eq!(text(&events), "Tea is");
    assert_eq!(events.last().unwrap().data["code"], "upstream_truncated");
}

#[test]
fn an_id_that_is_young_may_still_come_an_old_one_is_gone_and_any_other_never_was() {
    let mut world = World::new("");
    let id = |ms: u64| uuid::Builder::from_unix_timestamp_millis(ms, &[7; 10]).into_uuid();
    let young = id(1_700_000_000_000);
    let reply = world.get(&format!("/generate/{young}/events"));
    assert_eq!(reply.problem(), (404, "not_yet".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("1"));
    let old = id(1_600_000_000_000);
    let reply = world.get(&format!("/generate/{old}/events"));
    assert_eq!(reply.problem(), (410, "gone".to_owned()));
    let never = Uuid::from_u128(7);
    let reply = world.get(&format!("/generate/{never}/events"));
    assert_eq!(reply.problem(), (404, "not_found".to_owned()));
}

#[test]
fn head_of_a_stream_has_no_body() {
    let mut world = World::new(PROVIDER);
    let (_, id) = begun(&mut world);
    world.answer(rest());
    let head = format!("HEAD /generate/{id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let client = world.ask(head);
    assert_eq!(world.reply_to_head(client).status, 200);
    assert!(world.is_quiet(client));
}

#[test]
fn stopping_a_text_ends_it_everywhere() {
    let mut world = World::new(PROVIDER);
    let (client, id) = begun(&mut world);
    assert_eq!(stop(&mut world, &id).json()["stopped"], true);
    assert_eq!(world.upstreams(), [], "the provider's connection is closed");
    let last = world.reply(client).events().pop().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.data["code"]),
        ("error", &"cancelled".into())
    );
    assert_eq!(world.store.text().state, TextState::Truncated);
    assert_eq!(world.store.request().outcome, RequestOutcome::Cancelled);
    assert_eq!(
        stop(&mut world, &id).json()["stopped"],
        false,
        "it is over already"
    );
}

#[test]
fn a_text_that_is_not_known_cannot_be_stopped() {
    let mut world = World::new("");
    for id in ["0190d6a5-6f27-7ad0-8a5e-0123456789ab", "7"] {
        let reply = stop(&mut world, id);
        assert_eq!(reply.problem(), (404, "not_found".to_owned()), "{id}");
    }
}
