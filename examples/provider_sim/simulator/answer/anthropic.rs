//! Messages, as Anthropic writes them.

use serde_json::{Value, json};

use super::{Reply, USAGE};
use crate::simulator::ask::Want;

const ID: &str = "msg_sim000000000000000000";
const CALL: &str = "toolu_sim000000000000000";

pub(super) fn opening(reply: &Reply<'_>) -> Vec<String> {
    let mut message = envelope(reply, &json!([]), None);
    message["usage"]["output_tokens"] = json!(1);
    let block = match reply.want {
        Want::Tool(name, _) => json!({"type": "tool_use", "id": CALL, "name": name, "input": {}}),
        _ => json!({"type": "text", "text": ""}),
    };
    vec![
        event(&json!({"type": "message_start", "message": message})),
        event(&json!({"type": "content_block_start", "index": 0, "content_block": block})),
    ]
}

pub(super) fn token(reply: &Reply<'_>, piece: &str) -> String {
    let delta = match reply.want {
        Want::Tool(..) => json!({"type": "input_json_delta", "partial_json": piece}),
        _ => json!({"type": "text_delta", "text": piece}),
    };
    event(&json!({"type": "content_block_delta", "index": 0, "delta": delta}))
}

pub(super) fn closing(reply: &Reply<'_>) -> Vec<String> {
    let mut events = vec![event(&json!({"type": "content_block_stop", "index": 0}))];
    if !reply.finishes {
        return events;
    }
    let mut delta = json!({
        "type": "message_delta",
        "delta": {"stop_reason": finish(reply), "stop_sequence": null},
    });
    if reply.usage {
        delta["usage"] = json!({"output_tokens": reply.tokens});
    }
    events.push(event(&delta));
    events.push(event(&json!({"type": "message_stop"})));
    events
}

pub(super) fn whole(reply: &Reply<'_>, text: &str) -> Value {
    let content = match reply.want {
        Want::Tool(name, input) => {
            json!([{"type": "tool_use", "id": CALL, "name": name, "input": input}])
        }
        _ => json!([{"type": "text", "text": text}]),
    };
    envelope(reply, &content, reply.finishes.then(|| finish(reply)))
}

pub(super) fn ping() -> String {
    event(&json!({"type": "ping"}))
}

pub(super) fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        400 | 422 => "invalid_request_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    json!({
        "type": "error", "error": {"type": kind, "message": message},
        "request_id": "req_sim0000000000000000",
    })
}

/// One event; its name is the type of its data.
pub(super) fn event(data: &Value) -> String {
    let name = data["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n")
}

fn finish(reply: &Reply<'_>) -> &'static str {
    match reply.want {
        Want::Tool(..) => "tool_use",
        _ if reply.cut_short => "max_tokens",
        _ => "end_turn",
    }
}

fn envelope(reply: &Reply<'_>, content: &Value, stop_reason: Option<&str>) -> Value {
    let mut message = json!({
        "id": ID, "type": "message", "role": "assistant", "model": reply.model,
        "content": content, "stop_reason": stop_reason, "stop_sequence": null,
    });
    if reply.usage {
        message["usage"] = json!({
            "input_tokens": USAGE, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0, "output_tokens": reply.tokens,
        });
    }
    message
}
