//! Clients that are slower than their answers.

use super::openai::{STREAM, whole, word};
use super::{World, ask, provider};
use crate::dialect::Dialect;
use crate::engine::ConnId;
use crate::engine::tests::pressure::{flood, time_stands_still};
use crate::limits::{LAG_HIGH_BYTES, SEND_HIGH_BYTES};

/// A stream whose client takes nothing while a mebibyte comes, as far as the engine reads it.
fn flooded(world: &mut World, ours: Dialect) -> ConnId {
    let client = ask(world, ours, true);
    flood(world, client);
    client
}

#[test]
fn the_provider_waits_for_the_client_and_goes_on_with_it() {
    for ours in [Dialect::OpenAi, Dialect::Anthropic] {
        let gateway = "[gateway]\nstore = \"requests\"\n";
        let mut world = World::new(&[&provider(Dialect::OpenAi), gateway].concat());
        let client = flooded(&mut world, ours);
        let upstream = world.upstream();
        assert!(world.sockets[&upstream].paused);
        assert!(world.unsent(client).len() < LAG_HIGH_BYTES + 32 * 1024);
        let held = world.metric("ledger_bytes");
        assert!(held < (SEND_HIGH_BYTES + 128 * 1024) as f64, "{held} bytes");

        world.sockets.get_mut(&client).unwrap().stalled = false;
        world.settle();
        assert!(!world.sockets[&upstream].paused);
        let got = String::from_utf8(world.sockets[&client].got.clone()).unwrap();
        assert_eq!(got.matches("tea ").count(), 64 * 4096, "all of it came");
    }
}

#[test]
fn the_providers_time_stands_still_while_it_is_not_read() {
    let config = format!("{}content_gap_ms = 1000\n", provider(Dialect::OpenAi));
    let mut world = World::new(&config);
    let client = flooded(&mut world, Dialect::OpenAi);
    time_stands_still(&mut world, client);
}

#[test]
fn a_large_document_goes_out_as_it_is_taken() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    let client = ask(&mut world, Dialect::OpenAi, false);
    world.sockets.get_mut(&client).unwrap().stalled = true;
    let document = whole(&"tea ".repeat(300_000));
    world.answer(&document);
    assert!(world.unsent(client).len() <= SEND_HIGH_BYTES);
    world.sockets.get_mut(&client).unwrap().stalled = false;
    world.settle();
    let body = document.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(world.reply(client).body, body);
    assert_eq!(world.store.requests.len(), 1);
    super::is_gone(&mut world);
}

#[test]
fn all_that_comes_in_one_read_leaves_as_one_chunk() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    let client = ask(&mut world, Dialect::OpenAi, true);
    world.answer([STREAM, &word("Tea")].concat());
    world.sockets.get_mut(&client).unwrap().got.clear();
    world.answer([word(" is"), word(" a"), word(" drink")].concat());
    let got = String::from_utf8(world.sockets[&client].got.clone()).unwrap();
    let (size, rest) = got.split_once("\r\n").unwrap();
    assert_eq!(usize::from_str_radix(size, 16).unwrap() + 2, rest.len());
    assert_eq!(rest.matches("data: ").count(), 3);
}

#[test]
fn a_sign_of_life_only_where_it_is_wanted() {
    for (ours, ping) in [
        (Dialect::OpenAi, ": ping\n\n"),
        (
            Dialect::Anthropic,
            "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        ),
    ] {
        let mut world = World::new(&provider(Dialect::OpenAi));
        let client = ask(&mut world, ours, true);
        world.pass(50_000);
        assert!(world.is_quiet(client), "off by default");

        let gateway = "[gateway]\nheartbeat_ms = 2000\n";
        let mut world = World::new(&[&provider(Dialect::OpenAi), gateway].concat());
        let client = ask(&mut world, ours, true);
        world.pass(2_001);
        let got = String::from_utf8(world.sockets[&client].got.clone()).unwrap();
        assert!(
            got.starts_with("HTTP/1.1 200 OK") && got.contains(ping),
            "{got}"
        );
        world.answer(super::openai::answer(500, "", "{}"));
        let body = world.reply(client).body;
        assert!(
            body.contains("error"),
            "what fails now is told in the stream: {body}"
        );
    }
}

/// Gemini's clients know the end of an answer by its last event, which is held back until it is true;
/// calls of tools are collected for them. Both take memory, and the ledger knows.
#[test]
fn what_a_stream_holds_back_is_in_the_ledger() {
    let long = "tea ".repeat(16 * 1024);
    let last = format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{long}"}}]}},"finishReason":"STOP"}}]}}"#
    );
    let call = format!(
        r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"c","function":{{"name":"f","arguments":"{long}"}}}}]}}}}]}}"#
    );
    for (theirs, event) in [(Dialect::Gemini, last), (Dialect::OpenAi, call)] {
        let mut world = World::new(&provider(theirs));
        ask(&mut world, Dialect::Gemini, true);
        world.answer(STREAM);
        let before = world.metric("ledger_bytes");
        world.answer(super::openai::event(&event));
        let held = world.metric("ledger_bytes") - before;
        assert!(held >= 64.0 * 1024.0, "{held} bytes");
    }
}
