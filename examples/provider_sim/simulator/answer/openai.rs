//! Chat completions, as OpenAI writes them.

use maitred::dialect::FinishReason;
use serde_json::{Value, json};

use super::{Part, Reply, USAGE};

const ID: &str = "chatcmpl-sim000000000000000000000";
const CREATED: u64 = 1_700_000_000;

pub(super) fn opening(reply: &Reply<'_>) -> String {
    let delta = match reply.parts.first() {
        Some(Part::Tool(..)) => json!({"role": "assistant", "content": null}),
        _ => json!({"role": "assistant", "content": "", "refusal": null}),
    };
    chunks(reply, &delta, None)
}

/// Only a call is announced.
pub(super) fn part_opening(reply: &Reply<'_>, part: &Part) -> Option<String> {
    let Part::Tool(number, tool, _) = part else {
        return None;
    };
    let call = json!({
        "index": number, "id": call_id(*number), "type": "function",
        "function": {"name": tool.name, "arguments": ""},
    });
    Some(chunks(reply, &json!({"tool_calls": [call]}), None))
}

/// Vendors that show thoughts in this dialect agree on `reasoning_content`.
pub(super) fn token(reply: &Reply<'_>, part: &Part, piece: &str) -> String {
    let delta = match part {
        Part::Tool(number, ..) => {
            json!({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
        }
        Part::Thinking(_) => json!({"reasoning_content": piece}),
        Part::Refusal(_) => json!({"refusal": piece}),
        Part::Text(_) => json!({"content": piece}),
    };
    chunks(reply, &delta, None)
}

pub(super) fn closing(reply: &Reply<'_>) -> Vec<String> {
    let mut events = Vec::new();
    if reply.finishes {
        events.push(chunks(reply, &json!({}), Some(finish(reply))));
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

pub(super) fn whole(reply: &Reply<'_>) -> Value {
    let mut message = json!({"role": "assistant", "content": null, "refusal": null});
    let mut calls = Vec::new();
    for part in &reply.parts {
        match part {
            Part::Text(_) => message["content"] = json!(part.whole()),
            Part::Refusal(_) => message["refusal"] = json!(part.whole()),
            Part::Thinking(_) => message["reasoning_content"] = json!(part.whole()),
            Part::Tool(number, tool, _) => calls.push(json!({
                "id": call_id(*number), "type": "function",
                "function": {"name": tool.name, "arguments": part.whole()},
            })),
        }
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    let reason = reply.finishes.then(|| finish(reply));
    let mut whole = envelope(reply, "chat.completion");
    let choices = (0..reply.choices).map(|index| {
        json!({"index": index, "message": message, "logprobs": null, "finish_reason": reason})
    });
    whole["choices"] = choices.collect();
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
    match reply.finish {
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        _ => "stop",
    }
}

fn call_id(number: usize) -> String {
    format!("call_sim{number:016}")
}

/// The same for each choice.
fn chunks(reply: &Reply<'_>, delta: &Value, finish: Option<&str>) -> String {
    let mut chunk = envelope(reply, "chat.completion.chunk");
    if reply.usage {
        chunk["usage"] = Value::Null;
    }
    let each = (0..reply.choices).map(|index| {
        chunk["choices"] = json!([
            {"index": index, "delta": delta, "logprobs": null, "finish_reason": finish}
        ]);
        format!("data: {chunk}\n\n")
    });
    each.collect()
}

fn envelope(reply: &Reply<'_>, object: &str) -> Value {
    json!({
        "id": ID, "object": object, "created": CREATED, "model": reply.model,
        "system_fingerprint": "fp_sim",
    })
}

fn usage(reply: &Reply<'_>) -> Value {
    let completion = reply.tokens * reply.choices;
    json!({
        "prompt_tokens": USAGE, "completion_tokens": completion,
        "total_tokens": USAGE + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reply.thoughts},
    })
}
