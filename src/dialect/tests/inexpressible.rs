//! What a dialect cannot say is refused by the name that the client gave it.

use super::written::chat_of;
use super::*;

fn refused(from: Dialect, to: Dialect, body: &str) -> String {
    let mut out = b"before".to_vec();
    let refused = to.write_chat(&mut out, &chat_of(from, body), "m", false);
    assert_eq!(out, b"before", "half a body is left: {body}");
    let refused = refused.expect_err(body);
    assert_eq!(refused.code(), "unsupported_field");
    let field = refused.field.clone().unwrap();
    assert!(refused.detail().contains(&format!("`{field}`")));
    assert!(refused.detail().contains(to.vendor()));
    field
}

#[test]
fn of_openais_fields() {
    use Dialect::{Anthropic, Gemini};
    let with = |more: &str| {
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{more}}}"#)
    };
    let part = |part: &str| {
        format!(
            r#"{{"model":"m","messages":[{{"role":"system","content":"s"}},
                {{"role":"user","content":[{{"type":"text","text":"t"}},{part}]}}]}}"#
        )
    };
    for (target, body, field) in [
        (Anthropic, with(r#""n":2"#), "n"),
        (Gemini, with(r#""n":2"#), "n"),
        (Anthropic, with(r#""temperature":1.5"#), "temperature"),
        (Anthropic, with(r#""seed":1"#), "seed"),
        (
            Anthropic,
            with(r#""frequency_penalty":0.1"#),
            "frequency_penalty",
        ),
        (
            Anthropic,
            with(r#""presence_penalty":-1"#),
            "presence_penalty",
        ),
        (
            Anthropic,
            with(r#""response_format":{"type":"json_object"}"#),
            "response_format",
        ),
        (Gemini, with(r#""stop":["a","b","c","d","e","f"]"#), "stop"),
        (
            Gemini,
            with(
                r#""parallel_tool_calls":false,"tools":[{"type":"function","function":{"name":"f"}}]"#,
            ),
            "parallel_tool_calls",
        ),
        (Anthropic, with(r#""logit_bias":{"1":2}"#), "logit_bias"),
        (Gemini, with(r#""store":true"#), "store"),
        (Anthropic, with(r#""metadata":{"a":"b"}"#), "metadata"),
        (Anthropic, with(r#""stop":"\n""#), "stop"),
        (Gemini, with(r#""seed":2147483648"#), "seed"),
        (
            Anthropic,
            with(
                r#""response_format":{"type":"json_schema","json_schema":{"name":"a","description":"b"}}"#,
            ),
            "response_format.json_schema.description",
        ),
        (
            Anthropic,
            part(r#"{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}"#),
            "messages[1].content[1]",
        ),
        (
            Anthropic,
            r#"{"model":"m","messages":[{"role":"system","content":"s"}]}"#.to_owned(),
            "messages",
        ),
        (
            Gemini,
            r#"{"model":"m","messages":[{"role":"user","content":""}]}"#.to_owned(),
            "messages",
        ),
        (
            Gemini,
            part(r#"{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}"#),
            "messages[1].content[1]",
        ),
        (
            Anthropic,
            part(r#"{"type":"input_audio","input_audio":{"data":"x","format":"wav"}}"#),
            "messages[1].content[1]",
        ),
        (
            Anthropic,
            part(r#"{"type":"file","file":{"file_data":"data:text/csv;base64,eA=="}}"#),
            "messages[1].content[1]",
        ),
        (
            Anthropic,
            part(r#"{"type":"file","file":{"file_id":"file-1"}}"#),
            "messages[1].content[1].file.file_id",
        ),
        (
            Gemini,
            r#"{"model":"m","messages":[{"role":"tool","tool_call_id":"x","content":"y"}]}"#
                .to_owned(),
            "messages[0].content[0]",
        ),
    ] {
        assert_eq!(refused(Dialect::OpenAi, target, &body), field, "{body}");
    }
}

#[test]
fn of_anthropics_fields() {
    use Dialect::{Gemini, OpenAi};
    let with = |more: &str| {
        format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":"hi"}}],{more}}}"#
        )
    };
    let result = r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[
        {"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"t"},
            {"type":"image","source":{"type":"url","url":"https://x"}}]}]}]}"#;
    for (target, body, field) in [
        (OpenAi, with(r#""top_k":5"#), "top_k"),
        (
            OpenAi,
            with(r#""stop_sequences":["a","b","c","d","e"]"#),
            "stop_sequences",
        ),
        (OpenAi, with(r#""container":"c""#), "container"),
        (
            OpenAi,
            r#"{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"hi"}]}"#
                .to_owned(),
            "max_tokens",
        ),
        (
            Gemini,
            r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"},
                {"role":"assistant","content":"{"}]}"#
                .to_owned(),
            "messages[1]",
        ),
        (
            Gemini,
            with(
                r#""tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}"#,
            ),
            "tool_choice.disable_parallel_tool_use",
        ),
        (
            OpenAi,
            result.to_owned(),
            "messages[0].content[0].content[1]",
        ),
        (
            Gemini,
            with(r#""tools":[{"type":"web_search_20250305","name":"web_search"}]"#),
            "tools[0].type",
        ),
    ] {
        assert_eq!(refused(Dialect::Anthropic, target, &body), field, "{body}");
    }
}

#[test]
fn of_geminis_fields() {
    use Dialect::{Anthropic, OpenAi};
    let with = |more: &str| format!(r#"{{"contents":[{{"parts":[{{"text":"hi"}}]}}],{more}}}"#);
    let config = |more: &str| with(&format!(r#""generationConfig":{{{more}}}"#));
    for (target, body, field) in [
        (OpenAi, config(r#""topK":5"#), "generationConfig.topK"),
        (Anthropic, config(r#""seed":5"#), "generationConfig.seed"),
        (OpenAi, config(r#""candidateCount":2"#), "generationConfig.candidateCount"),
        (
            Anthropic,
            config(r#""responseMimeType":"application/json""#),
            "generationConfig.responseMimeType",
        ),
        (OpenAi, config(r#""responseModalities":["IMAGE"]"#), "generationConfig.responseModalities"),
        (OpenAi, with(r#""cachedContent":"c""#), "cachedContent"),
        (OpenAi, with(r#""labels":{"a":"b"}"#), "labels"),
        (OpenAi, r#"{"contents":[]}"#.to_owned(), "contents"),
        (
            OpenAi,
            r#"{"contents":[{"parts":[{"fileData":{"mimeType":"image/png","fileUri":"gs://a/b"}}]}]}"#
                .to_owned(),
            "contents[0].parts[0]",
        ),
        (
            OpenAi,
            r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"video/mp4","data":"x"}}]}]}"#
                .to_owned(),
            "contents[0].parts[0]",
        ),
        (
            Anthropic,
            config(r#""maxOutputTokens":2000,"thinkingConfig":{"thinkingBudget":2000}"#),
            "generationConfig.thinkingConfig.thinkingBudget",
        ),
        (
            OpenAi,
            r#"{"contents":[{"parts":[{"fileData":{"mimeType":"application/pdf","fileUri":"gs://a/b"}}]}]}"#
                .to_owned(),
            "contents[0].parts[0]",
        ),
    ] {
        assert_eq!(refused(Dialect::Gemini, target, &body), field, "{body}");
    }
}

#[test]
fn both_sides_keep_to_what_they_can_say() {
    for (dialect, body, field) in [
        (
            Dialect::Anthropic,
            r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[
                {"type":"tool_use","id":"a","name":"f","input":{}}]}]}"#,
            "messages[0].content[0]",
        ),
        (
            Dialect::Gemini,
            r#"{"contents":[{"role":"model","parts":[
                {"functionResponse":{"id":"a","name":"f","response":{}}}]}]}"#,
            "contents[0].parts[0]",
        ),
    ] {
        let refused = dialect
            .read_chat(body.as_bytes(), Some(("m", false)))
            .unwrap_err();
        assert_eq!(
            (refused.code(), refused.field.as_deref()),
            ("invalid_field", Some(field))
        );
    }
}
