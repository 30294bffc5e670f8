//! Chats with two targets of different dialects: the second one answers in the client's language.

use super::super::openai::answer;
use super::{DIALECTS, World, ask, question};
use crate::dialect::Dialect;
use crate::engine::ConnId;
use crate::engine::io::Gone;

/// The client's model is asked of an Anthropic provider and, if that fails, of one of OpenAI's kind.
pub(super) const ALIAS: &str = "
    default_provider = 'a'
    [model.alias]
    targets = ['a', 'b']
    hedge_ms = 800
    [provider.a]
    kind = 'anthropic'
    base_url = 'http://10.0.0.1:8000'
    model = 'claude'
    keys = { one = 'k1', two = 'k2' }
    retries = 0
    [provider.b]
    base_url = 'http://10.0.0.2:8000'
    model = 'gpt'
    retries = 0
";

/// What the second provider streams.
fn streamed() -> String {
    super::openai::stream(&["Te", "a."])
}

/// The first provider's head and what comes before any content.
fn preface() -> String {
    let start = r#"{"type":"message_start","message":{"id":"m","model":"claude-1","usage":{"input_tokens":7,"output_tokens":1}}}"#;
    let event = format!("event: message_start\ndata: {start}\n\n");
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        super::chunk(&event)
    )
}

fn said(world: &mut World, client: ConnId, ours: Dialect) -> String {
    let reply = world.reply(client);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.field("x-maitred-target"), Some("b/gpt"));
    assert_eq!(reply.field("x-maitred-attempts"), Some("2"));
    let (mut text, mut stream) = (String::new(), ours.stream());
    let mut reader = crate::proto::sse::Reader::new();
    let mut bytes = reply.body.as_bytes();
    while let Some(event) = reader.next(&mut bytes).unwrap() {
        let note = &mut |event: crate::dialect::Event<'_>| {
            if let crate::dialect::Event::Text(piece) = event {
                piece.append_to(&mut text);
            }
        };
        stream.event(event.data, note).unwrap();
    }
    assert_eq!(
        stream.end(),
        crate::dialect::End::Complete,
        "{}",
        reply.body
    );
    text
}

#[test]
fn a_first_that_fails_before_its_content_leaves_no_trace() {
    let overloaded = super::chunk(
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n",
    );
    for ours in DIALECTS {
        for words in [
            answer(529, "", "{}"),
            [preface(), overloaded.clone()].concat(),
            preface(), // and then the connection breaks
            "no HTTP at all\r\n\r\n".to_owned(),
        ] {
            let mut world = World::new(ALIAS);
            let client = ask(&mut world, ours, true);
            let first = world.at(1);
            world.send(first, &words);
            if words == preface() {
                world.reset(first, Gone::Reset);
                world.settle();
            }
            assert!(world.is_quiet(client));
            world.send(world.at(2), streamed());
            assert_eq!(said(&mut world, client, ours), "Tea.");
            let row = world.store.request();
            assert_eq!(row.provider.as_deref(), Some("b"));
            assert_eq!(row.calls.attempts, 2);
        }
    }
}

#[test]
fn a_slow_first_is_hedged_and_the_winner_is_told_whole() {
    for ours in DIALECTS {
        let mut world = World::new(ALIAS);
        let client = ask(&mut world, ours, true);
        world.send(world.at(1), preface());
        world.pass(800);
        let first = world.at(1);
        world.send(world.at(2), streamed());
        assert!(
            world.sockets[&first].closed.is_some(),
            "the loser is aborted"
        );
        assert_eq!(said(&mut world, client, ours), "Tea.");
        assert_eq!(world.store.request().model.as_deref(), Some("gpt"));
    }
}

#[test]
fn a_refused_key_is_one_attempt_and_the_answer_says_which_key_it_has() {
    let mut world = World::new(ALIAS);
    let client = ask(&mut world, Dialect::Anthropic, false);
    world.sockets.get_mut(&world.at(1)).unwrap().got.clear();
    world.send(world.at(1), answer(401, "", "{}"));
    let whole = r#"{"type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Tea."}],"stop_reason":"end_turn"}"#;
    world.send(world.at(1), answer(200, "", whole));
    let reply = world.reply(client);
    assert_eq!(reply.body, whole, "byte for byte");
    assert_eq!(reply.field("x-maitred-key"), Some("two"));
    assert_eq!(reply.field("x-maitred-attempts"), Some("2"));
}

#[test]
fn a_request_in_the_clients_words_is_asked_in_those_of_each_target() {
    let mut world = World::new(ALIAS);
    let (path, body) = question(Dialect::OpenAi, true);
    world.post(&path, &body);
    let asked = |world: &World, host| {
        let got = world.sockets[&world.at(host)].got.clone();
        String::from_utf8(got).unwrap()
    };
    assert!(asked(&world, 1).contains(r#""model":"claude""#));
    world.pass(800);
    assert!(asked(&world, 2).contains(r#""model":"gpt""#));
}

/// What a hedge was asked in its own language is not sent to the one beside it, when that has to be
/// asked once more.
#[test]
fn a_request_that_is_sent_again_after_a_hedge_has_failed_is_in_the_right_words() {
    let mut world = World::new(ALIAS);
    let (path, body) = question(Dialect::OpenAi, true);
    let client = world.post(&path, &body);
    let first = world.at(1);
    let stop = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#;
    let delta = format!("event: message_delta\ndata: {delta}\n\n");
    let rest = [super::chunk(&delta), super::chunk(stop), "0\r\n\r\n".into()].concat();
    world.send(first, [preface(), rest].concat());
    assert_eq!(world.reply(client).status, 200);
    world.sockets.get_mut(&first).unwrap().got.clear();
    world.post(&path, &body);
    assert_eq!(world.at(1), first, "the connection is used again");
    world.pass(800);
    world.send(world.at(2), answer(503, "", "{}"));
    world.reset(first, Gone::Reset);
    world.settle();
    assert_ne!(world.at(1), first);
    let got = String::from_utf8(world.sockets[&world.at(1)].got.clone()).unwrap();
    assert!(
        got.contains("POST /v1/messages") && got.contains(r#""model":"claude""#),
        "{got}"
    );
}
