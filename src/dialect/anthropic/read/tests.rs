//! Requests of Anthropic's clients, and what is wrong with some.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::dialect::chat::{Media, MediaKind, Part, Role, Source};

fn read(body: &str) -> Chat {
    read_chat(body.as_bytes()).unwrap()
}

#[test]
fn a_conversation_with_tools_and_thoughts_is_read() {
    let chat = read(
        r#"{"model":"claude","max_tokens":64,
            "system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],
            "messages":[
              {"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x/y.png"}},
                {"type":"document","title":"t","source":{"type":"text","media_type":"text/plain","data":"d"}}]},
              {"role":"assistant","content":[{"type":"thinking","thinking":"so","signature":"EqQ="},
                {"type":"tool_use","id":"toolu_1","name":"look","input":{"at":1}}]},
              {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","is_error":true,
                "content":[{"type":"text","text":"no"}]}]}],
            "tools":[{"name":"look","input_schema":{"type":"object"},"type":"custom"}],
            "tool_choice":{"type":"any","disable_parallel_tool_use":true},
            "thinking":{"type":"enabled","budget_tokens":2048},
            "output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}},
            "metadata":{"user_id":"u"},"service_tier":"auto"}"#,
    );
    assert_eq!(chat.system, ["Be brief."]);
    let Part::Media(Media { kind, source, .. }) = &chat.messages[0].parts[0] else {
        panic!("an image")
    };
    assert_eq!(*kind, MediaKind::Image);
    assert!(matches!(source, Source::Url { url, .. } if url == "https://x/y.png"));
    assert_eq!(chat.messages[0].parts[1], Part::Text("t\n\nd".into()));
    assert_eq!(chat.messages[1].role, Role::Assistant);
    let Part::ToolResult(result) = &chat.messages[2].parts[0] else {
        panic!("a result")
    };
    assert!(result.is_error && result.content == [Part::Text("no".into())]);
    assert_eq!(chat.tool_choice, ToolChoice::Required);
    assert_eq!(chat.parallel_tool_calls, Some(false));
    assert_eq!(chat.reasoning, Some(Reasoning::Budget(2048)));
    assert!(matches!(chat.format, Format::JsonSchema { .. }));
    assert_eq!(chat.user.as_deref(), Some("u"));
    assert!(chat.foreign.is_empty(), "{:?}", chat.foreign);
}

#[test]
fn a_degree_and_as_you_see_fit_are_the_degree_in_either_order() {
    for (thinking, output) in [("thinking", "output_config"), ("output_config", "thinking")] {
        let value = |name| match name {
            "thinking" => r#"{"type":"adaptive"}"#,
            _ => r#"{"effort":"max"}"#,
        };
        let chat = read(&format!(
            r#"{{"model":"m","max_tokens":1,"messages":[],"{thinking}":{},"{output}":{}}}"#,
            value(thinking),
            value(output)
        ));
        assert_eq!(chat.reasoning, Some(Reasoning::Effort(Effort::Max)));
    }
}

#[test]
fn the_vendors_own_tools_are_noted() {
    let chat = read(
        r#"{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":
            [{"type":"redacted_thinking","data":"x"}]}],
            "tools":[{"type":"web_search_20250305","name":"web_search","max_uses":1}],"container":"c"}"#,
    );
    assert_eq!(
        chat.foreign,
        [
            "messages[0].content[0].type",
            "tools[0].type",
            "tools[0].max_uses",
            "container"
        ]
    );
}

#[test]
fn what_does_not_belong_to_its_kind_is_not_lost_without_a_word() {
    let block = |block: &str| {
        format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"assistant","content":[{block}]}}]}}"#
        )
    };
    let with = |more: &str| format!(r#"{{"model":"m","max_tokens":1,"messages":[],{more}}}"#);
    for (body, foreign) in [
        (
            block(r#"{"type":"text","text":"a","is_error":true}"#),
            Some("messages[0].content[0].is_error"),
        ),
        (
            block(r#"{"type":"text","text":"a","citations":[{"type":"page_location"}]}"#),
            Some("messages[0].content[0].citations"),
        ),
        (
            block(r#"{"type":"search_result","source":"a","title":"b","content":[]}"#),
            Some("messages[0].content[0].type"),
        ),
        (
            with(r#""metadata":{"user_id":"a","team":"b"}"#),
            Some("metadata.team"),
        ),
        (
            with(r#""thinking":{"type":"between_tools"}"#),
            Some("thinking.type"),
        ),
        (
            with(r#""output_config":{"format":{"type":"xml"}}"#),
            Some("output_config.format.type"),
        ),
        (
            block(r#"{"type":"image","source":{"type":"url","url":"https://x","data":"y"}}"#),
            Some("messages[0].content[0].source.data"),
        ),
        (with(r#""speed":"fast""#), Some("speed")),
        (
            with(r#""tools":[{"name":"f","defer_loading":false,"allowed_callers":["direct"]}]"#),
            None,
        ),
        (with(r#""speed":"standard""#), None),
        (
            block(
                r#"{"type":"tool_use","id":"a","name":"b","input":{},"caller":{"type":"direct"}}"#,
            ),
            None,
        ),
        (
            block(r#"{"type":"text","text":"a","citations":[ ],"cache_control":{}}"#),
            None,
        ),
    ] {
        assert_eq!(read(&body).foreign.first().map(|f| &**f), foreign, "{body}");
    }
}

#[test]
fn instructions_in_the_middle_go_to_the_top_wherever_the_top_stands() {
    let chat = read(
        r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"},
            {"role":"system","content":"then"}],"system":"first"}"#,
    );
    assert_eq!(chat.system, ["first", "then"]);
    assert_eq!(chat.messages.len(), 1);
}

#[test]
fn every_wrong_shape_names_its_field() {
    let block = |block: &str| {
        format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[{block}]}}]}}"#
        )
    };
    let with = |more: &str| format!(r#"{{"model":"m","max_tokens":1,"messages":[],{more}}}"#);
    for (body, field) in [
        (r#"{"model":"m","messages":[]}"#.to_owned(), "max_tokens"),
        (r#"{"model":"m","max_tokens":1}"#.to_owned(), "messages"),
        (r#"{"max_tokens":1,"messages":[]}"#.to_owned(), "model"),
        (with(r#""max_tokens_2":1,"system":7"#), "system"),
        (
            with(r#""system":[{"type":"image","source":{"type":"url","url":"x"}}]"#),
            "system",
        ),
        (with(r#""tool_choice":{"type":"tool"}"#), "tool_choice.name"),
        (with(r#""tool_choice":{"type":"must"}"#), "tool_choice.type"),
        (
            with(r#""thinking":{"type":"enabled"}"#),
            "thinking.budget_tokens",
        ),
        (
            with(r#""output_config":{"format":{"type":"json_schema"}}"#),
            "output_config.format.schema",
        ),
        (with(r#""temperature":1.5"#), "temperature"),
        (with(r#""tool_choice":{"type":"any"}"#), "tool_choice"),
        (
            with(r#""thinking":{"type":"adaptive","display":"all"}"#),
            "thinking.display",
        ),
        (with(r#""tools":[{}]"#), "tools[0].name"),
        (block("{}"), "messages[0].content[0].type"),
        (block(r#"{"type":"text"}"#), "messages[0].content[0].text"),
        (
            block(r#"{"type":"image"}"#),
            "messages[0].content[0].source",
        ),
        (
            block(r#"{"type":"image","source":{"type":"base64","data":"x"}}"#),
            "messages[0].content[0].source.media_type",
        ),
        (
            block(r#"{"type":"tool_use","id":"a","name":"b","input":"c"}"#),
            "messages[0].content[0].input",
        ),
        (
            block(r#"{"type":"tool_result"}"#),
            "messages[0].content[0].tool_use_id",
        ),
    ] {
        let refused = read_chat(body.as_bytes()).unwrap_err();
        assert_eq!(refused.field.as_deref(), Some(field), "{body}");
    }
}
