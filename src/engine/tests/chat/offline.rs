//! With no provider at all: the built-in one answers, and says that it does.

use super::{DIALECTS, World, ask};
use crate::dialect::{Dialect, End, Event};

const QUICK: &str = "[offline]\ngap_ms = 5\ntokens = 30\n";

#[test]
fn every_client_gets_an_article_in_its_own_words() {
    for ours in DIALECTS {
        for stream in [false, true] {
            let mut world = World::new(QUICK);
            let client = ask(&mut world, ours, stream);
            world.pass(2_000);
            let reply = world.reply(client);
            assert_eq!(reply.status, 200);
            assert_eq!(reply.field("x-maitred-target"), Some("offline/offline"));
            let mut said = String::new();
            let mut note = |event: Event<'_>| match event {
                Event::Text(text) => text.append_to(&mut said),
                Event::Model(model) => assert_eq!(model.escaped(), "offline"),
                _ => {}
            };
            let end = if stream {
                let mut reader = crate::proto::sse::Reader::new();
                let mut events = ours.stream();
                let mut bytes = reply.body.as_bytes();
                while let Some(event) = reader.next(&mut bytes).unwrap() {
                    events.event(event.data, &mut note).unwrap();
                }
                events.end()
            } else {
                ours.answer(reply.body.as_bytes(), &mut note).unwrap()
            };
            assert_eq!(end, End::Complete);
            assert!(said.contains("written offline"), "{said}");
            let text = world.store.text();
            assert_eq!(
                (text.text.as_str(), text.term.as_str()),
                (said.trim(), "Tea?")
            );
            assert!(text.offline);
        }
    }
}

#[test]
fn it_comes_word_by_word_and_as_long_as_it_was_asked_for() {
    let mut world = World::new(QUICK);
    let body =
        r#"{"model":"m","max_tokens":4,"stream":true,"messages":[{"role":"user","content":"a"}]}"#;
    let client = world.post("/v1/chat/completions", body);
    world.pass(8);
    let some = world.sockets[&client].got.len();
    world.pass(100);
    let body = world.reply(client).body;
    assert!(0 < some && some < body.len(), "{some}");
    assert!(body.contains(r#""finish_reason":"length""#), "{body}");
    assert_eq!(
        body.matches(r#""content":""#).count(),
        5,
        "role and four words: {body}"
    );
}

#[test]
fn where_nothing_was_said_there_is_nothing_to_answer() {
    let gemini = "/v1beta/models/m:generateContent";
    for (path, body, field) in [
        (
            "/v1/chat/completions",
            r#"{"model":"m","messages":[ ]}"#,
            "messages",
        ),
        (
            "/v1/messages",
            r#"{"model":"m","max_tokens":1,"messages":[]}"#,
            "messages",
        ),
        (gemini, r#"{"contents":[]}"#, "contents"),
    ] {
        let mut world = World::new(QUICK);
        let client = world.post(path, body);
        let reply = world.reply(client);
        assert_eq!(reply.status, 400, "{path}");
        let expected = format!("The field `{field}` has to be a list of at least one message.");
        assert_eq!(reply.json()["error"]["message"], expected, "{path}");
    }
}

#[test]
fn nothing_at_all_is_called_the_same_on_all_routes() {
    let paths = [
        "/generate/",
        "/batch",
        "/analyze/",
        "/keywords/",
        "/v1/chat/completions",
        "/v1/messages",
        "/v1beta/models/m:generateContent",
        "/v1/embeddings",
    ];
    for path in paths {
        for body in ["", " \n"] {
            let mut world = World::new(QUICK);
            let client = world.post(path, body);
            let reply = world.reply(client);
            assert_eq!(reply.status, 400, "{path}");
            let expected = "The body is empty; it has to be a JSON object.";
            let told =
                [&reply.json()["detail"], &reply.json()["error"]["message"]].map(|v| v == expected);
            assert_ne!(told, [false, false], "{path}: {}", reply.body);
            let notice = world.engine.notices().next().unwrap();
            assert_eq!(notice.code, "empty_body", "{path}");
        }
    }
}

#[test]
fn a_body_that_is_not_of_its_dialect_is_refused_here_too() {
    let mut world = World::new(QUICK);
    let client = world.post(
        "/v1/messages",
        r#"{"model":"m","messages":"x","max_tokens":1}"#,
    );
    let reply = world.reply(client);
    assert_eq!(reply.status, 400);
    let (kind, _) = super::error(Dialect::Anthropic, &reply.json());
    assert_eq!(kind, "invalid_request_error");
}
