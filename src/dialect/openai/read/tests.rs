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
            "service_tier_2":1,"logprobs":false,"stream_options":{"x":1},"modalities":[ "text" ],
            "prompt_cache_options":{"mode":"explicit"}}"#,
    );
    assert_eq!(
        chat.foreign,
        [
            "messages[0].name",
            "logit_bias",
            "metadata",
            "service_tier_2",
            "stream_options.x"
        ]
    );
}

#[test]
fn what_does_not_belong_to_its_kind_is_not_lost_without_a_word() {
    let part = |part: &str| {
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{part}]}}]}}"#)
    };
    let with = |more: &str| format!(r#"{{"model":"m","messages":[],{more}}}"#);
    for (body, foreign) in [
        (
            part(r#"{"type":"text","text":"a","image_url":{"url":"https://x"}}"#),
            "messages[0].content[0].image_url",
        ),
        (
            part(r#"{"type":"film","film":{}}"#),
            "messages[0].content[0].type",
        ),
        (
            with(r#""response_format":{"type":"text","json_schema":{"name":"a"}}"#),
            "response_format.json_schema",
        ),
        (
            with(r#""response_format":{"type":"grammar"}"#),
            "response_format.type",
        ),
        (
            with(r#""tool_choice":{"type":"custom","custom":{"name":"a"}}"#),
            "tool_choice.type",
        ),
        (
            with(r#""tools":[],"tool_choice":{"type":"function","function":{"name":"a","x":1}}"#),
            "tool_choice.function.x",
        ),
        (
            r#"{"model":"m","messages":[{"role":"function","name":"f","content":"a"}]}"#.to_owned(),
            "messages[0].name",
        ),
        (
            r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[
                {"id":"a","type":"custom","custom":{"name":"f","input":"x"}}]}]}"#
                .to_owned(),
            "messages[0].tool_calls[0].type",
        ),
    ] {
        assert_eq!(
            read(&body).foreign.first().map(|f| &**f),
            Some(foreign),
            "{body}"
        );
    }
}

#[test]
fn the_newer_name_of_the_user_wins_in_either_order() {
    let user = |fields: &str| read(&format!(r#"{{"model":"m","messages":[],{fields}}}"#)).user;
    for fields in [
        r#""user":"old","safety_identifier":"new""#,
        r#""safety_identifier":"new","user":"old""#,
    ] {
        assert_eq!(user(fields).as_deref(), Some("new"));
    }
    assert_eq!(user(r#""user":"old""#).as_deref(), Some("old"));
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
        (message(r#"{"role":"user"}"#), "messages[0].content"),
        (
            message(r#"{"role":"assistant","content":null,"tool_calls":[]}"#),
            "messages[0].content",
        ),
        (
            message(r#"{"role":"user","content":"a","tool_call_id":"b"}"#),
            "messages[0].tool_call_id",
        ),
        (
            message(
                r#"{"role":"user","content":"a","tool_calls":[{"id":"a","function":{"name":"f"}}]}"#,
            ),
            "messages[0].tool_calls",
        ),
        (
            message(r#"{"role":"system","content":"a","refusal":"b"}"#),
            "messages[0].refusal",
        ),
        (
            r#"{"model":"m","messages":[],"tool_choice":"required"}"#.to_owned(),
            "tool_choice",
        ),
        (
            r#"{"model":"m","messages":[],"tool_choice":{"type":"function"}}"#.to_owned(),
            "tool_choice.function",
        ),
        (
            r#"{"model":"m","messages":[],"temperature":-0.1}"#.to_owned(),
            "temperature",
        ),
        (
            r#"{"model":"m","messages":[],"top_p":1e400}"#.to_owned(),
            "top_p",
        ),
        (r#"{"model":"m","messages":[],"n":0}"#.to_owned(), "n"),
        (
            r#"{"model":"m","messages":[],"max_tokens":0}"#.to_owned(),
            "max_tokens",
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
