//! A provider that speaks Anthropic's dialect.

use serde_json::{Value, json};

use super::told::{both_forms, broken_off, in_any_slices};
use crate::support::provider::Asked;
use crate::support::script::{chunk, stream_head};
use crate::support::{Act, Provider, Script, Server, generate, ms};

const TEXT: &str = "Tea is a \"drink\"\n☕ and more.";

fn event(data: &Value) -> String {
    let name = data["type"].as_str().unwrap();
    chunk(&format!("event: {name}\ndata: {data}\n\n"))
}

fn delta(delta: &Value) -> String {
    event(&json!({"type": "content_block_delta", "index": 0, "delta": delta}))
}

/// Everything up to the end of the text.
fn begun() -> Script {
    let message = json!({"model": "model-1", "content": [], "usage": {"input_tokens": 9}});
    let start = event(&json!({"type": "message_start", "message": message}));
    let thought = delta(&json!({"type": "thinking_delta", "thinking": "Hm."}));
    let ping = event(&json!({"type": "ping"}));
    let halves = [&TEXT[..9], &TEXT[9..]];
    let text = halves.map(|text| delta(&json!({"type": "text_delta", "text": text})));
    Script::default().send(stream_head().to_owned() + &start + &thought + &ping + &text.concat())
}

fn stopped() -> String {
    event(&json!({
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4},
    }))
}

fn obliging(asked: &Asked) -> Script {
    if asked.text.contains("\"stream\":true") {
        let stop = event(&json!({"type": "message_stop"}));
        return begun().send(stopped() + &stop + "0\r\n\r\n");
    }
    let message = json!({
        "type": "message", "model": "model-1", "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "max_tokens", "usage": {"input_tokens": 9, "output_tokens": 3},
    });
    Script::status(200, "", &message.to_string())
}

fn serve(provider: &Provider, further: &str) -> Server {
    Server::start(&provider.config_of_kind("anthropic", further))
}

#[test]
fn whole_and_streamed() {
    let provider = Provider::start(obliging);
    let server = serve(&provider, "key = \"sk-ant-test\"\n");
    let usage = both_forms(&server, TEXT);
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"]),
        (&json!(9), &json!(4))
    );
}

#[test]
fn the_request_is_what_the_vendor_wants() {
    let provider = Provider::start(obliging);
    serve(&provider, "key = \"sk-ant-test\"\n").ask(generate("tea", true));
    let asked = &provider.asked()[0].text;
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/messages http/1.1\r\n"), "{head}");
    for line in ["x-api-key: sk-ant-test", "anthropic-version: 2023-06-01"] {
        assert!(head.lines().any(|l| l == line), "{line} is not in {head}");
    }
    assert!(!head.contains("authorization"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    let prompt = "You are a helpful assistant. Write a detailed article about tea.";
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": prompt}])
    );
    assert_eq!(
        (&body["max_tokens"], &body["stream"]),
        (&json!(4096), &json!(true))
    );
}

#[test]
fn any_slices_make_the_same_stream() {
    in_any_slices("anthropic", obliging, TEXT);
}

#[test]
fn a_stream_without_its_last_event_is_never_whole() {
    let overloaded = event(&json!({"type": "error", "error": {"type": "overloaded_error"}}));
    for (end, code) in [
        (stopped() + "0\r\n\r\n", "upstream_truncated"),
        ("0\r\n\r\n".to_owned(), "upstream_truncated"),
        (overloaded, "upstream_unavailable"),
        (chunk("data: {\"type\":\n\n"), "upstream_malformed"),
    ] {
        let script = begun().wait(ms(20)).send(&end).then(Act::Hang);
        let provider = Provider::start(move |_| script.clone());
        broken_off(&serve(&provider, ""), TEXT, code);
    }
}

#[test]
fn statuses() {
    for (status, kind, expected) in [
        (401, "authentication_error", (502, "upstream_key")),
        (404, "not_found_error", (502, "upstream_not_found")),
        (400, "invalid_request_error", (502, "upstream_rejected")),
        (429, "rate_limit_error", (429, "upstream_rate_limited")),
        (529, "overloaded_error", (502, "upstream_unavailable")),
    ] {
        let body = json!({"type": "error", "error": {"type": kind, "message": "prose"}});
        let provider = Provider::start(move |_| Script::status(status, "", &body.to_string()));
        let response = serve(&provider, "").ask(generate("tea", true));
        assert_eq!((response.status, response.problem().as_str()), expected);
        assert!(!response.text().contains("prose"));
    }
}
