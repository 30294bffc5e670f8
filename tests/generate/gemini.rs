//! A provider that speaks Gemini's dialect.

use serde_json::{Value, json};

use super::told::{both_forms, broken_off, in_any_slices};
use crate::support::client::post;
use crate::support::provider::Asked;
use crate::support::script::{chunk, stream_head};
use crate::support::{Act, Provider, Script, Server, generate, ms};

const TEXT: &str = "Tea is a \"drink\"\n☕ and more.";

fn response(parts: &Value, reason: &Value) -> Value {
    json!({
        "candidates": [{
            "content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": 0,
        }],
        "usageMetadata": {
            "promptTokenCount": 9, "candidatesTokenCount": 3, "thoughtsTokenCount": 2,
            "totalTokenCount": 14,
        },
        "modelVersion": "model-1",
    })
}

/// Google ends its lines with CRLF.
fn event(data: &Value) -> String {
    chunk(&format!("data: {data}\r\n\r\n"))
}

/// Everything up to the last piece of the text.
fn begun() -> Script {
    let thought = json!([{"text": "Hm.", "thought": true}]);
    let parts = [
        thought,
        json!([{"text": &TEXT[..9]}]),
        json!([{"text": &TEXT[9..]}]),
    ];
    let events = parts.map(|parts| event(&response(&parts, &Value::Null)));
    Script::default().send(stream_head().to_owned() + &events.concat())
}

fn stopped() -> String {
    event(&response(&json!([]), &json!("STOP")))
}

fn obliging(asked: &Asked) -> Script {
    if asked.text.contains(":streamGenerateContent?alt=sse ") {
        return begun().send(stopped() + "0\r\n\r\n");
    }
    let whole = response(&json!([{"text": TEXT}]), &json!("MAX_TOKENS"));
    Script::status(200, "", &whole.to_string())
}

fn serve(provider: &Provider, further: &str) -> Server {
    Server::start(&provider.config_of_kind("gemini", further))
}

#[test]
fn whole_and_streamed() {
    let provider = Provider::start(obliging);
    let server = serve(&provider, "key = \"AIza-test\"\n");
    let usage = both_forms(&server, TEXT);
    assert_eq!(
        (&usage["completion_tokens"], &usage["total_tokens"]),
        (&json!(5), &json!(14))
    );
}

#[test]
fn the_request_is_what_the_vendor_wants() {
    let provider = Provider::start(obliging);
    serve(&provider, "key = \"AIza-test\"\n").ask(generate("tea", true));
    let asked = &provider.asked()[0].text;
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    let target = "POST /v1beta/models/model-1:streamGenerateContent?alt=sse HTTP/1.1\r\n";
    assert!(head.starts_with(target), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(
        head.lines().any(|line| line == "x-goog-api-key: aiza-test"),
        "{head}"
    );
    assert!(!head.contains("authorization"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    let prompt = "You are a helpful assistant. Write a detailed article about tea.";
    let contents = json!([{"role": "user", "parts": [{"text": prompt}]}]);
    assert_eq!(body, json!({"contents": contents}));
}

#[test]
fn a_model_of_a_client_stays_in_its_place() {
    let provider = Provider::start(obliging);
    let server = serve(&provider, "");
    for (model, segment) in [
        ("../../x?key=", "..%2F..%2Fx%3Fkey%3D"),
        ("%2f..", "%252f.."),
    ] {
        let body = json!({"topic": "tea", "model": model}).to_string();
        assert_eq!(server.ask(post("/generate/", &body)).status, 200);
        let asked = provider.asked().pop().unwrap().text;
        let line = format!("POST /v1beta/models/{segment}:generateContent HTTP/1.1\r\n");
        assert!(asked.starts_with(&line), "{asked}");
    }
}

#[test]
fn any_slices_make_the_same_stream() {
    in_any_slices("gemini", obliging, TEXT);
}

#[test]
fn a_stream_without_reason_or_end_is_never_whole() {
    let error = "{\n  \"error\": {\n    \"code\": 503,\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n";
    let bare = |error: &str| chunk(error) + "0\r\n\r\n";
    for (end, code) in [
        ("0\r\n\r\n".to_owned(), "upstream_truncated"),
        // A reason, but no end of the body: it may not come, or an error may.
        (stopped(), "upstream_content_timeout"),
        (bare(error), "upstream_unavailable"),
        (bare(&format!("[{error}]\n")), "upstream_unavailable"),
        (stopped() + &bare(error), "upstream_unavailable"),
        (chunk("data: {\"candidates\":\n\n"), "upstream_malformed"),
    ] {
        let script = begun().wait(ms(20)).send(&end).then(Act::Hang);
        let provider = Provider::start(move |_| script.clone());
        broken_off(&serve(&provider, "content_gap_ms = 500\n"), TEXT, code);
    }
}

#[test]
fn a_blocked_prompt_is_no_text() {
    let provider = Provider::start(|_| {
        let blocked = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}});
        Script::status(200, "", &blocked.to_string())
    });
    let response = serve(&provider, "").ask(generate("tea", false));
    assert_eq!(
        (response.status, response.problem().as_str()),
        (502, "upstream_empty")
    );
}

#[test]
fn statuses() {
    let key = json!([{"reason": "API_KEY_INVALID"}]);
    let minute = json!([{"retryDelay": "46.5s"}]);
    let day = json!([{"violations": [{"quotaId": "RequestsPerDay"}]}, {"retryDelay": "46s"}]);
    for (status, word, details, expected, retry_after) in [
        (400, "INVALID_ARGUMENT", key, (502, "upstream_key"), None),
        (
            400,
            "INVALID_ARGUMENT",
            json!([]),
            (502, "upstream_rejected"),
            None,
        ),
        (
            404,
            "NOT_FOUND",
            json!([]),
            (502, "upstream_not_found"),
            None,
        ),
        (
            429,
            "RESOURCE_EXHAUSTED",
            minute,
            (429, "upstream_rate_limited"),
            Some("47"),
        ),
        (
            429,
            "RESOURCE_EXHAUSTED",
            day,
            (502, "upstream_quota"),
            None,
        ),
        (
            503,
            "UNAVAILABLE",
            json!([]),
            (502, "upstream_unavailable"),
            None,
        ),
    ] {
        let error = json!({"code": status, "message": "prose", "status": word, "details": details});
        for body in [json!({"error": error}), json!([{"error": error}])] {
            let provider = Provider::start(move |_| Script::status(status, "", &body.to_string()));
            let response = serve(&provider, "").ask(generate("tea", true));
            assert_eq!((response.status, response.problem().as_str()), expected);
            if retry_after.is_some() {
                assert_eq!(response.field("retry-after"), retry_after);
            }
            assert!(!response.text().contains("prose"));
        }
    }
}
