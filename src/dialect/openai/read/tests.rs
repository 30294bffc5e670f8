//! Requests of OpenAI's clients, and what is wrong with some.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::dialect::Why;
use crate::dialect::chat::{Media, MediaKind, Part, Role, Source};

fn read(body: &str) -> Chat {
    read_chat(body.as_bytes()).unwrap()
}

#[test]
fn a_conversation_with_tools_is_read() {
    let chat = read(
        r#"{"model":"gpt-4o","messages":[
            {"role":"system","content":"Be brief."},
            {"role":"user","content":[{"type":"text","text":"What is this?"},
                {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO","detail":"low"}}]},
            {"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"call_1",
                "type":"function","function":{"name":"look","arguments":"{\"at\": 1}"}}]},
            {"role":"tool","tool_call_id":"call_1","content":"a cat"}],
            "tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object"}}}],
            "tool_choice":{"type":"function","function":{"name":"look"}},
            "max_tokens":5,"max_completion_tokens":7,"stop":"x","stream":true,
            "stream_options":{"include_usage":true},"store":false,"user":"u","n":null}"#,
    );
    assert_eq!(chat.system, ["Be brief."]);
    assert_eq!(chat.messages.len(), 3);
    assert_eq!(chat.messages[0].at, 1);
    let Part::Media(Media { kind, source, .. }) = &chat.messages[0].parts[1] else {
        panic!("an image")
    };
    assert_eq!(*kind, MediaKind::Image);
    assert!(matches!(source, Source::Inline { data, .. } if data == "iVBO"));
    let Part::ToolCall(call) = &chat.messages[1].parts[0] else {
        panic!("a call")
    };
    assert_eq!(call.arguments.as_str(), r#"{"at": 1}"#);
    assert_eq!(chat.messages[2].role, Role::User);
    assert_eq!(chat.tool_choice, ToolChoice::Named("look".into()));
    assert_eq!(chat.settings.max_tokens, Some(7));
    assert!(chat.stream && chat.include_usage && chat.foreign.is_empty());
}

#[test]
fn instructions_in_the_middle_go_to_the_top() {
    let chat = read(
        r#"{"model":"m","messages":[{"role":"user","content":"a"},
            {"role":"developer","content":[{"type":"text","text":"b"}]},
            {"role":"user","content":"c"}]}"#,
    );
    assert_eq!(chat.system, ["b"]);
    assert_eq!(
        chat.messages.iter().map(|m| m.at).collect::<Vec<_>>(),
        [0, 2]
    );
}

#[test]
fn what_nobody_else_knows_is_noted_and_what_is_harmless_is_not() {
    let chat = read(
        r#"{"model":"m","messages":[{"role":"user","content":"a","name":"bob"}],
            "logit_bias":{"50256":-100},"metadata":{"a":"b"},"service_tier":"auto",
            "service_tier_2":1,"logprobs":false,"stream_options":{"x":1}}"#,
    );
    assert_eq!(
        chat.foreign,
        [
            "messages[0].name",
            "logit_bias",
            "service_tier_2",
            "stream_options.x"
        ]
    );
}

#[test]
fn every_wrong_shape_names_its_field() {
    let message = |message: &str| format!(r#"{{"model":"m","messages":[{message}]}}"#);
    for (body, field) in [
        (r#"{"messages":[]}"#.to_owned(), "model"),
        (r#"{"model":"m"}"#.to_owned(), "messages"),
        (r#"{"model":1,"messages":[]}"#.to_owned(), "model"),
        (r#"{"model":"m","messages":{}}"#.to_owned(), "messages"),
        (message("1"), "messages[0]"),
        (message("{}"), "messages[0].role"),
        (message(r#"{"role":"king"}"#), "messages[0].role"),
        (
            message(r#"{"role":"tool","content":"x"}"#),
            "messages[0].tool_call_id",
        ),
        (
            message(r#"{"role":"user","content":7}"#),
            "messages[0].content",
        ),
        (
            message(r#"{"role":"user","content":[{}]}"#),
            "messages[0].content[0].type",
        ),
        (
            message(r#"{"role":"user","content":[{"type":"image_url"}]}"#),
            "messages[0].content[0].image_url",
        ),
        (
            message(
                r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:x"}}]}"#,
            ),
            "messages[0].content[0].image_url.url",
        ),
        (
            message(
                r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}"#,
            ),
            "messages[0].tool_calls[0].function.arguments",
        ),
        (
            r#"{"model":"m","messages":[],"tools":[{"type":"function"}]}"#.to_owned(),
            "tools[0].function",
        ),
        (
            r#"{"model":"m","messages":[],"response_format":{"type":"xml"}}"#.to_owned(),
            "response_format.type",
        ),
        (
            r#"{"model":"m","messages":[],"reasoning_effort":"extreme"}"#.to_owned(),
            "reasoning_effort",
        ),
        (
            r#"{"model":"m","messages":[],"stop":[1]}"#.to_owned(),
            "stop[0]",
        ),
    ] {
        let refused = read_chat(body.as_bytes()).unwrap_err();
        assert_eq!(refused.field.as_deref(), Some(field), "{body}");
    }
    let twice = read_chat(br#"{"model":"a","model":"b"}"#).unwrap_err();
    assert_eq!(
        (twice.field.as_deref(), twice.why),
        (Some("model"), Why::Twice)
    );
}
