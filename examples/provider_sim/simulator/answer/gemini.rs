//! `generateContent`, as Google writes it.

use maitred::dialect::FinishReason;
use serde_json::{Value, json};

use super::{Part, Reply, USAGE};

/// A call comes whole, with the end.
pub(super) fn token(reply: &Reply<'_>, part: &Part, piece: &str) -> Option<String> {
    let part = match part {
        Part::Tool(..) => return None,
        Part::Thinking(_) => json!({"text": piece, "thought": true}),
        Part::Text(_) | Part::Refusal(_) => json!({"text": piece}),
    };
    Some(event(&response(reply, &json!([part]), None, None)))
}

/// Nobody says `tool` in the finish reason.
pub(super) fn closing(reply: &Reply<'_>) -> Vec<String> {
    if !reply.finishes {
        return Vec::new();
    }
    let mut parts: Vec<Value> = reply.parts.iter().filter_map(call).collect();
    if parts.is_empty() {
        parts.push(json!({"text": ""}));
    }
    let usage = reply.usage.then(|| usage(reply));
    let last = response(reply, &json!(parts), Some(finish(reply)), usage);
    vec![event(&last)]
}

pub(super) fn whole(reply: &Reply<'_>) -> Value {
    let each = reply.parts.iter().map(|part| match part {
        Part::Thinking(_) => json!({"text": part.whole(), "thought": true}),
        part => call(part).unwrap_or_else(|| json!({"text": part.whole()})),
    });
    let parts = each.collect();
    let reason = reply.finishes.then(|| finish(reply));
    response(reply, &parts, reason, reply.usage.then(|| usage(reply)))
}

/// An error, with `google.rpc` details.
pub(super) fn error(status: u16, message: &str, details: &Value) -> Value {
    let name = match status {
        400 | 422 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    json!({"error": {"code": status, "message": message, "status": name, "details": details}})
}

/// When to come back.
pub(super) fn retry_info(seconds: u64) -> Value {
    json!([{
        "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s"),
    }])
}

/// Which quota it was.
pub(super) fn quota_failure(id: &str, value: &str) -> Value {
    json!([{
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": id, "quotaValue": value}],
    }])
}

fn event(response: &Value) -> String {
    format!("data: {response}\n\n")
}

fn call(part: &Part) -> Option<Value> {
    match part {
        Part::Tool(_, tool, _) => {
            Some(json!({"functionCall": {"name": tool.name, "args": tool.arguments}}))
        }
        _ => None,
    }
}

fn finish(reply: &Reply<'_>) -> &'static str {
    match reply.finish {
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ContentFilter => "SAFETY",
        _ => "STOP",
    }
}

fn response(reply: &Reply<'_>, parts: &Value, reason: Option<&str>, usage: Option<Value>) -> Value {
    let candidates = (0..reply.choices).map(|index| {
        let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": index});
        if let Some(reason) = reason {
            candidate["finishReason"] = json!(reason);
        }
        candidate
    });
    let mut response = json!({"modelVersion": reply.model, "responseId": "sim"});
    if reply.is_blocked() {
        response["promptFeedback"] = json!({"blockReason": "SAFETY"});
    } else {
        response["candidates"] = candidates.collect();
    }
    if let Some(usage) = usage {
        response["usageMetadata"] = usage;
    }
    response
}

/// Thoughts are counted apart.
fn usage(reply: &Reply<'_>) -> Value {
    let answers = (reply.tokens - reply.thoughts) * reply.choices;
    let mut usage = json!({
        "promptTokenCount": USAGE, "candidatesTokenCount": answers,
        "totalTokenCount": USAGE + answers + reply.thoughts,
    });
    if reply.thoughts > 0 {
        usage["thoughtsTokenCount"] = json!(reply.thoughts);
    }
    usage
}
