//! The simulator's further orders: by key, so many times, told back, filtered, with thoughts.

use serde_json::{Value, json};

use crate::sim::Sim;
use crate::support::client::post;
use crate::support::{Client, ask};

fn chat(model: &str, more: &Value) -> String {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "tea"}]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    post("/v1/chat/completions", &body.to_string())
}

fn with_key(request: &str, key: &str) -> String {
    request.replacen("\r\n", &format!("\r\nAuthorization: Bearer {key}\r\n"), 1)
}

#[test]
fn a_key_may_order_what_a_model_does_not() {
    let sim = Sim::start();
    let request = chat("sim", &json!({}));
    let refused = ask(sim.addr, with_key(&request, "fault:status-401"));
    assert_eq!(refused.status, 401);
    assert_eq!(ask(sim.addr, with_key(&request, "sk-good")).status, 200);
    let keys: Vec<Value> = sim
        .calls()
        .into_iter()
        .map(|call| call["key"].clone())
        .collect();
    assert_eq!(keys, ["fault:status-401", "sk-good"]);
}

#[test]
fn what_goes_wrong_twice_goes_well_afterwards() {
    let sim = Sim::start();
    let request = chat("fault:status-503+times-2@one", &json!({}));
    let statuses = [(); 4].map(|()| ask(sim.addr, &request).status);
    assert_eq!(statuses, [503, 503, 200, 200]);
    let other = chat("fault:status-503+times-2@two", &json!({}));
    assert_eq!(
        ask(sim.addr, other).status,
        503,
        "each is counted by itself"
    );
}

#[test]
fn a_connection_that_was_used_is_closed_without_a_word() {
    let sim = Sim::start();
    let request = chat("fault:reused-close", &json!({}));
    let mut client = Client::connect(sim.addr);
    assert_eq!(client.send(&request).response().status, 200);
    assert_eq!(client.send(&request).rest(), b"");
}

#[test]
fn what_was_asked_is_told_back_in_the_same_words_by_all() {
    let sim = Sim::start();
    let openai = json!({"model": "sim:echo", "max_tokens": 500, "messages": [
        {"role": "system", "content": "be brief"}, {"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "1", "function": {"name": "see", "arguments": "{\"at\":1}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "tea"}]});
    let anthropic = json!({"model": "sim:echo", "max_tokens": 500,
        "system": "be brief", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]},
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "1", "name": "see", "input": {"at": 1}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "1", "content": "tea"}]}]});
    let gemini = json!({"generationConfig": {"maxOutputTokens": 500},
        "systemInstruction": {"parts": [{"text": "be brief"}]}, "contents": [
        {"role": "user", "parts": [{"text": "look"},
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
        {"role": "model", "parts": [{"functionCall": {"name": "see", "args": {"at": 1}}}]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "see", "response": {"output": "tea"}}}]}]});
    let expected = json!({"system": "be brief", "said": [{"user": "look"},
        {"user_image": "image/png, 3 bytes"}, {"call": ["see", {"at": 1}]}, {"result": "tea"}],
        "max_tokens": 500});
    for (path, body, text) in [
        ("/v1/chat/completions", openai, "/choices/0/message/content"),
        ("/v1/messages", anthropic, "/content/0/text"),
        (
            "/v1beta/models/sim:echo:generateContent",
            gemini,
            "/candidates/0/content/parts/0/text",
        ),
    ] {
        let answer = ask(sim.addr, post(path, &body.to_string())).json();
        let told = answer.pointer(text).unwrap().as_str().unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(told).unwrap(),
            expected,
            "{path}"
        );
    }
}

#[test]
fn answers_have_more_than_one_form() {
    let sim = Sim::start();
    let choice = |model: &str, more: Value| {
        let answer = ask(sim.addr, chat(model, &more)).json();
        answer["choices"].clone()
    };
    assert_eq!(choice("sim", json!({"n": 3})).as_array().unwrap().len(), 3);
    let stopped = choice("sim", json!({"stop": [" drink", " a"]}));
    assert_eq!(stopped[0]["message"]["content"], "Tea is");
    let filtered = choice("fault:filtered-2", json!({}));
    assert_eq!(filtered[0]["finish_reason"], "content_filter");
    assert_eq!(filtered[0]["message"]["content"], "Tea is");
    let refused = choice("fault:refusal", json!({}));
    assert_eq!(refused[0]["message"]["refusal"], "I cannot help with that.");
    let thought = choice("sim:thinks+tokens-1", json!({}));
    assert_eq!(thought[0]["message"]["reasoning_content"], "Let me think.");
    assert_eq!(thought[0]["message"]["content"], "Tea");
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let more = json!({"tools": [tool("f"), tool("g")], "messages": [
        {"role": "user", "content": "use every tool"}]});
    let calls = &choice("sim", more)[0]["message"]["tool_calls"];
    assert_eq!(calls[1]["function"]["name"], "g");
    assert_ne!(calls[0]["id"], calls[1]["id"]);
}
