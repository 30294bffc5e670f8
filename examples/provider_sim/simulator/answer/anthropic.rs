//! Messages, as Anthropic writes them.

use maitred::dialect::FinishReason;
use serde_json::{Value, json};

use super::{Part, Reply, USAGE};

const ID: &str = "msg_sim000000000000000000";
/// What seals its thoughts.
const SIGNATURE: &str = "c2ltdWxhdGVk";

pub(super) fn opening(reply: &Reply<'_>) -> String {
    let mut message = envelope(reply, &json!([]), None);
    if reply.usage {
        message["usage"]["output_tokens"] = json!(1);
    }
    event(&json!({"type": "message_start", "message": message}))
}

pub(super) fn part_opening(at: usize, part: &Part) -> String {
    let block = match part {
        Part::Tool(number, tool, _) => {
            json!({"type": "tool_use", "id": call_id(*number), "name": tool.name, "input": {}})
        }
        Part::Thinking(_) => json!({"type": "thinking", "thinking": "", "signature": ""}),
        Part::Text(_) | Part::Refusal(_) => json!({"type": "text", "text": ""}),
    };
    event(&json!({"type": "content_block_start", "index": at, "content_block": block}))
}

pub(super) fn token(at: usize, part: &Part, piece: &str) -> String {
    delta(
        at,
        &match part {
            Part::Tool(..) => json!({"type": "input_json_delta", "partial_json": piece}),
            Part::Thinking(_) => json!({"type": "thinking_delta", "thinking": piece}),
            Part::Text(_) | Part::Refusal(_) => json!({"type": "text_delta", "text": piece}),
        },
    )
}

pub(super) fn part_closing(at: usize, part: &Part) -> String {
    let seal = match part {
        Part::Thinking(_) => delta(
            at,
            &json!({"type": "signature_delta", "signature": SIGNATURE}),
        ),
        _ => String::new(),
    };
    seal + &event(&json!({"type": "content_block_stop", "index": at}))
}

pub(super) fn closing(reply: &Reply<'_>) -> Vec<String> {
    if !reply.finishes {
        return Vec::new();
    }
    let mut delta = json!({
        "type": "message_delta",
        "delta": {"stop_reason": finish(reply), "stop_sequence": reply.stop},
    });
    if reply.usage {
        delta["usage"] = json!({"output_tokens": reply.tokens});
    }
    vec![event(&delta), event(&json!({"type": "message_stop"}))]
}

pub(super) fn whole(reply: &Reply<'_>) -> Value {
    let each = reply.parts.iter().map(|part| match part {
        Part::Tool(number, tool, _) => json!({
            "type": "tool_use", "id": call_id(*number), "name": tool.name, "input": tool.arguments,
        }),
        Part::Thinking(_) => {
            json!({"type": "thinking", "thinking": part.whole(), "signature": SIGNATURE})
        }
        Part::Text(_) | Part::Refusal(_) => json!({"type": "text", "text": part.whole()}),
    });
    let content = each.collect();
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

fn delta(at: usize, delta: &Value) -> String {
    event(&json!({"type": "content_block_delta", "index": at, "delta": delta}))
}

fn call_id(number: usize) -> String {
    format!("toolu_sim{number:016}")
}

fn finish(reply: &Reply<'_>) -> &'static str {
    match reply.finish {
        FinishReason::ToolCalls => "tool_use",
        FinishReason::Length => "max_tokens",
        FinishReason::ContentFilter => "refusal",
        _ if reply.stop.is_some() => "stop_sequence",
        _ => "end_turn",
    }
}

fn envelope(reply: &Reply<'_>, content: &Value, stop_reason: Option<&str>) -> Value {
    let mut message = json!({
        "id": ID, "type": "message", "role": "assistant", "model": reply.model,
        "content": content, "stop_reason": stop_reason,
        "stop_sequence": stop_reason.and(reply.stop),
    });
    if reply.usage {
        message["usage"] = json!({
            "input_tokens": USAGE, "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0, "output_tokens": reply.tokens,
        });
    }
    message
}
