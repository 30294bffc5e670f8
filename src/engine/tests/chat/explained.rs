//! What a provider says is wrong with a request, told to who has sent it and to nobody else.

use super::openai::answer;
use super::{DIALECTS, World, ask, error, provider};
use crate::dialect::Dialect;

/// An error of a provider that speaks this dialect.
fn said(theirs: Dialect, message: &str) -> String {
    match theirs {
        Dialect::OpenAi => format!(
            r#"{{"error":{{"message":"{message}","type":"invalid_request_error","param":"top_p","code":"invalid_value"}}}}"#
        ),
        Dialect::Anthropic => format!(
            r#"{{"type":"error","error":{{"type":"invalid_request_error","message":"{message}"}},"request_id":"r"}}"#
        ),
        Dialect::Gemini => format!(
            r#"[{{"error":{{"code":400,"message":"{message}","status":"INVALID_ARGUMENT"}}}}]"#
        ),
    }
}

/// What a client is told when its provider answers that: the status, and the error.
fn told(ours: Dialect, theirs: Dialect, status: u16, message: &str) -> (u16, serde_json::Value) {
    let mut world = World::new(&provider(theirs));
    let client = ask(&mut world, ours, true);
    world.answer(answer(status, "", &said(theirs, message)));
    let reply = world.reply(client);
    error(ours, &reply.json());
    let metrics = world.get("/metrics").body;
    let notices: Vec<_> = world.engine.notices().collect();
    let seen_elsewhere = format!("{notices:?} {:?} {metrics}", world.store.requests);
    assert!(!seen_elsewhere.contains("top_p must"), "{seen_elsewhere}");
    (reply.status, reply.json()["error"].clone())
}

#[test]
fn every_client_reads_what_every_provider_says_is_wrong_with_its_request() {
    for ours in DIALECTS {
        for theirs in DIALECTS {
            for (status, expected) in [(400, 400), (404, 404), (422, 400)] {
                let (got, error) = told(ours, theirs, status, r"top_p must\nbe \u2264 1");
                assert_eq!(got, expected, "{ours:?} {theirs:?}");
                assert_eq!(error["message"], "top_p must be ≤ 1", "{ours:?} {theirs:?}");
            }
        }
    }
}

#[test]
fn between_who_both_speak_openai_s_dialect_the_field_and_the_code_are_told_too() {
    let (_, error) = told(Dialect::OpenAi, Dialect::OpenAi, 400, "no");
    assert_eq!(
        (&error["param"], &error["code"]),
        (&"top_p".into(), &"invalid_value".into())
    );
    let (_, error) = told(Dialect::OpenAi, Dialect::Anthropic, 400, "no");
    assert_eq!(
        (&error["param"], &error["code"]),
        (&serde_json::Value::Null, &"upstream_rejected".into())
    );
}

#[test]
fn what_is_wrong_with_us_is_not_told() {
    for status in [401, 403, 402, 413, 429, 500, 503] {
        let (_, error) = told(Dialect::OpenAi, Dialect::OpenAi, status, "the owner knows");
        let message = error["message"].as_str().unwrap();
        assert!(!message.contains("owner"), "{status}: {message}");
    }
}

/// The key of the provider is `sk-secret`.
#[test]
fn a_message_that_quotes_a_key_or_a_piece_of_it_is_withheld_whole() {
    for quoted in ["sk-secret", "K-SECRET", "sk-secre", r"sk-secr\u0065t"] {
        let message = format!("Nothing is at the account of {quoted} for you");
        for ours in DIALECTS {
            let (_, error) = told(ours, Dialect::OpenAi, 400, &message);
            let message = error["message"].as_str().unwrap();
            assert_eq!(
                message,
                "The provider refused the request (status 400, invalid_value)."
            );
        }
    }
}

#[test]
fn our_own_routes_tell_a_code_and_no_prose() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    world.answer(answer(
        400,
        "",
        &said(Dialect::OpenAi, "top_p must be small"),
    ));
    let reply = world.reply(client);
    assert_eq!(reply.status, 502);
    assert!(!reply.body.contains("top_p must"), "{}", reply.body);
}
