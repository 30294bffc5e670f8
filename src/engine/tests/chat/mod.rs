//! Chats in the vendors' dialects: each client in front of each provider.

mod broken;
mod cache;
mod cancel;
mod embeddings;
mod explained;
mod failover;
mod golden;
mod offline;
mod pressure;
mod rate;
mod refused;
mod rows;
mod unheard;
mod whole;

use super::world::{Reply, World, openai};
use crate::dialect::Dialect;
use crate::engine::ConnId;

const DIALECTS: [Dialect; 3] = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini];

/// The word for a dialect in the configuration and in the names of files.
fn word(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenAi => "openai",
        Dialect::Anthropic => "anthropic",
        Dialect::Gemini => "gemini",
    }
}

/// A provider that speaks this dialect and is asked once for each chat.
fn provider(theirs: Dialect) -> String {
    format!(
        "[provider.llm]\nkind = \"{}\"\nbase_url = \"http://10.0.0.1:8000\"\nmodel = \"m\"\n\
         key = \"sk-secret\"\nretries = 0\n",
        word(theirs)
    )
}

/// What a client that speaks this dialect asks, path and body.
fn question(ours: Dialect, stream: bool) -> (String, String) {
    let messages = r#""messages":[{"role":"user","content":"Tea?"}]"#;
    match ours {
        Dialect::OpenAi if stream => (
            "/v1/chat/completions".to_owned(),
            format!(
                r#"{{"model":"alias",{messages},"stream":true,"stream_options":{{"include_usage":true}}}}"#
            ),
        ),
        Dialect::OpenAi => (
            "/v1/chat/completions".to_owned(),
            format!(r#"{{"model":"alias",{messages}}}"#),
        ),
        Dialect::Anthropic => (
            "/v1/messages".to_owned(),
            format!(r#"{{"model":"alias","max_tokens":9,{messages},"stream":{stream}}}"#),
        ),
        Dialect::Gemini => {
            let verb = match stream {
                true => "streamGenerateContent?alt=sse",
                false => "generateContent",
            };
            let body = r#"{"contents":[{"role":"user","parts":[{"text":"Tea?"}]}]}"#;
            (format!("/v1beta/models/alias:{verb}"), body.to_owned())
        }
    }
}

/// A client asks.
fn ask(world: &mut World, ours: Dialect, stream: bool) -> ConnId {
    let (path, body) = question(ours, stream);
    world.post(&path, &body)
}

/// A piece of a chunked body.
fn chunk(bytes: &str) -> String {
    format!("{:x}\r\n{bytes}\r\n", bytes.len())
}

/// What the provider was asked last: the head and the body.
fn asked(world: &World) -> (String, serde_json::Value) {
    let got = &world.sockets[&world.upstream()].got;
    let text = String::from_utf8(got.clone()).unwrap();
    let (head, body) = text.rsplit_once("\r\n\r\n").unwrap();
    (head.to_owned(), serde_json::from_str(body).unwrap())
}

/// The type, and the code or status, of an error in a dialect's shape.
fn error(ours: Dialect, body: &serde_json::Value) -> (String, String) {
    let error = &body["error"];
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("").to_owned();
    match ours {
        Dialect::OpenAi => (text(&error["type"]), text(&error["code"])),
        Dialect::Anthropic => {
            assert_eq!(body["type"], "error");
            assert!(body["request_id"].is_string());
            (text(&error["type"]), String::new())
        }
        Dialect::Gemini => (text(&error["status"]), error["code"].to_string()),
    }
}

/// The answer to a chat that fails before any of it came.
fn refusal(world: &mut World, client: ConnId, ours: Dialect) -> (u16, String) {
    let reply: Reply = world.reply(client);
    assert_eq!(reply.field("content-type"), Some("application/json"));
    assert!(reply.field("x-request-id").is_some());
    (reply.status, error(ours, &reply.json()).0)
}

/// Once the clients have left, nothing is left of what they asked.
fn is_gone(world: &mut World) {
    for id in world.open_sockets() {
        if world.sockets[&id].to.is_none() {
            world.end(id);
        }
    }
    world.settle();
    world.holds_nothing();
}
