//! `generateContent`, as Google writes it.

use serde_json::{Value, json};

use super::{Reply, USAGE};
use crate::simulator::ask::Want;

pub(super) fn token(reply: &Reply<'_>, piece: &str) -> String {
    event(&response(reply, &json!([{"text": piece}]), None, None))
}

/// A tool call comes whole, with the end; nobody says `tool` in the finish reason.
pub(super) fn closing(reply: &Reply<'_>) -> Vec<String> {
    if !reply.finishes {
        return Vec::new();
    }
    let parts = match reply.want {
        Want::Tool(name, arguments) => call(name, arguments),
        _ => json!([{"text": ""}]),
    };
    let usage = reply.usage.then(|| usage(reply));
    vec![event(&response(reply, &parts, Some(finish(reply)), usage))]
}

pub(super) fn whole(reply: &Reply<'_>, text: &str) -> Value {
    let parts = match reply.want {
        Want::Tool(name, arguments) => call(name, arguments),
        _ => json!([{"text": text}]),
    };
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

fn call(name: &str, arguments: &Value) -> Value {
    json!([{"functionCall": {"name": name, "args": arguments}}])
}

fn finish(reply: &Reply<'_>) -> &'static str {
    if reply.cut_short {
        "MAX_TOKENS"
    } else {
        "STOP"
    }
}

fn response(reply: &Reply<'_>, parts: &Value, reason: Option<&str>, usage: Option<Value>) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
    if let Some(reason) = reason {
        candidate["finishReason"] = json!(reason);
    }
    let mut response = json!({
        "candidates": [candidate], "modelVersion": reply.model, "responseId": "sim",
    });
    if let Some(usage) = usage {
        response["usageMetadata"] = usage;
    }
    response
}

fn usage(reply: &Reply<'_>) -> Value {
    json!({
        "promptTokenCount": USAGE, "candidatesTokenCount": reply.tokens,
        "totalTokenCount": USAGE + reply.tokens,
    })
}
