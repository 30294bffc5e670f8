//! Chat completions, as OpenAI writes them.

use serde_json::{Value, json};

use super::{Reply, USAGE};
use crate::simulator::ask::Want;

const ID: &str = "chatcmpl-sim000000000000000000000";
const CREATED: u64 = 1_700_000_000;
const CALL: &str = "call_sim0000000000000000";

pub(super) fn opening(reply: &Reply<'_>) -> Vec<String> {
    let delta = match reply.want {
        Want::Tool(name, _) => json!({"role": "assistant", "content": null, "tool_calls": [{
            "index": 0, "id": CALL, "type": "function",
            "function": {"name": name, "arguments": ""},
        }]}),
        _ => json!({"role": "assistant", "content": "", "refusal": null}),
    };
    vec![chunk(reply, &delta, None)]
}

pub(super) fn token(reply: &Reply<'_>, piece: &str) -> String {
    let delta = match reply.want {
        Want::Tool(..) => {
            json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
        }
        _ => json!({"content": piece}),
    };
    chunk(reply, &delta, None)
}

pub(super) fn closing(reply: &Reply<'_>) -> Vec<String> {
    let mut events = Vec::new();
    if reply.finishes {
        events.push(chunk(reply, &json!({}), Some(finish(reply))));
    }
    if reply.usage {
        let mut last = envelope(reply, "chat.completion.chunk");
        last["choices"] = json!([]);
        last["usage"] = usage(reply);
        events.push(format!("data: {last}\n\n"));
    }
    if reply.finishes {
        events.push("data: [DONE]\n\n".to_owned());
    }
    events
}

pub(super) fn whole(reply: &Reply<'_>, text: &str) -> Value {
    let message = match reply.want {
        Want::Tool(name, arguments) => {
            json!({"role": "assistant", "content": null, "tool_calls": [{
                "id": CALL, "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()},
            }]})
        }
        _ => json!({"role": "assistant", "content": text, "refusal": null}),
    };
    let reason = reply.finishes.then(|| finish(reply));
    let mut whole = envelope(reply, "chat.completion");
    whole["choices"] = json!([
        {"index": 0, "message": message, "logprobs": null, "finish_reason": reason}
    ]);
    if reply.usage {
        whole["usage"] = usage(reply);
    }
    whole
}

/// The name of an error with this status.
pub(super) fn error(status: u16, message: &str) -> Value {
    let (kind, code) = match status {
        401 => ("invalid_request_error", json!("invalid_api_key")),
        404 => ("invalid_request_error", json!("model_not_found")),
        429 => ("requests", json!("rate_limit_exceeded")),
        400..=499 => ("invalid_request_error", Value::Null),
        _ => ("server_error", Value::Null),
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

fn finish(reply: &Reply<'_>) -> &'static str {
    match reply.want {
        Want::Tool(..) => "tool_calls",
        _ if reply.cut_short => "length",
        _ => "stop",
    }
}

fn chunk(reply: &Reply<'_>, delta: &Value, finish: Option<&str>) -> String {
    let mut chunk = envelope(reply, "chat.completion.chunk");
    chunk["choices"] = json!([
        {"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}
    ]);
    if reply.usage {
        chunk["usage"] = Value::Null;
    }
    format!("data: {chunk}\n\n")
}

fn envelope(reply: &Reply<'_>, object: &str) -> Value {
    json!({
        "id": ID, "object": object, "created": CREATED, "model": reply.model,
        "system_fingerprint": "fp_sim",
    })
}

fn usage(reply: &Reply<'_>) -> Value {
    json!({
        "prompt_tokens": USAGE, "completion_tokens": reply.tokens,
        "total_tokens": USAGE + reply.tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    })
}
