//! Answers that are not streamed, and what stands around them.

use super::openai::{self, answer};
use super::{World, ask, asked, provider};
use crate::dialect::Dialect;

#[test]
fn the_same_dialect_is_passed_on_byte_for_byte() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    let body = r#"{"model":"gpt-x", "messages":[{"role":"user","content":"Tea?"}],"new":[1e400]}"#;
    let client = world.post("/v1/chat/completions", body);
    let got = String::from_utf8(world.sockets[&world.upstream()].got.clone()).unwrap();
    let (head, sent) = got.split_once("\r\n\r\n").unwrap();
    assert_eq!(sent, body);
    assert!(
        head.starts_with("POST /chat/completions HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nauthorization: Bearer sk-secret\r\n"));

    let document = r#"{"id":"x","model":"m-1", "choices":[{"index":0,"message":{"content":"Tea."},"finish_reason":"stop"}],"new":null}"#;
    world.answer(answer(200, "", document));
    let reply = world.reply(client);
    assert_eq!((reply.status, reply.body.as_str()), (200, document));
    assert_eq!(reply.field("x-maitred-target"), Some("llm/gpt-x"));
    assert_eq!(reply.field("x-maitred-attempts"), Some("1"));
    assert!(reply.field("x-request-id").is_some());
}

#[test]
fn what_a_client_shows_of_itself_stays_here() {
    let mut world = World::new(&provider(Dialect::Anthropic));
    let (path, body) = super::question(Dialect::Anthropic, false);
    let request = crate::engine::tests::post(&path, &body).replace(
        "Host:",
        "x-api-key: sk-client\r\nAuthorization: Bearer sk-client\r\nanthropic-beta: a\r\n\
         anthropic-beta: b\r\nanthropic-version: 2099-01-01\r\nHost:",
    );
    world.ask(request);
    let (head, _) = asked(&world);
    assert!(!head.contains("sk-client"), "{head}");
    assert!(head.contains("\r\nx-api-key: sk-secret\r\n"));
    assert!(head.contains("\r\nanthropic-beta: a,b"));
    assert!(head.contains("\r\nanthropic-version: 2099-01-01"));
    assert!(!head.contains("2023-06-01"));
}

#[test]
fn a_provider_by_its_name_before_the_models() {
    let other = provider(Dialect::OpenAi).replace("llm", "other");
    let other = other.replace("10.0.0.1", "10.0.0.2");
    let config = format!(
        "default_provider = \"llm\"\n{}{other}",
        provider(Dialect::OpenAi)
    );
    let mut world = World::new(&config);
    let body = r#"{"model":"other/big/m","messages":[]}"#;
    world.post("/v1/chat/completions", body);
    let upstream = world.upstream();
    assert_eq!(
        world.sockets[&upstream].to,
        Some(([10, 0, 0, 2], 8000).into())
    );
    assert_eq!(asked(&world).1["model"], "big/m");
}

#[test]
fn a_connection_goes_on_with_the_next_chat() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    let client = ask(&mut world, Dialect::OpenAi, false);
    world.answer(openai::whole("One."));
    assert_eq!(
        world.reply(client).json()["choices"][0]["message"]["content"],
        "One."
    );
    let (path, body) = super::question(Dialect::OpenAi, true);
    world.send(client, crate::engine::tests::post(&path, &body));
    world.answer(openai::stream(&["Two."]));
    assert!(world.reply(client).body.ends_with("data: [DONE]\n\n"));
    assert_eq!(world.upstreams().len(), 1, "the provider's connection too");
}
