//! Answers with an error status, in the shape that each vendor gives them.

use serde_json::{Value, json};

use super::{Reply, error, gemini};
use crate::simulator::ask::Dialect;
use crate::simulator::fault::Fault;
use crate::simulator::script::{End, Pause, Script};

/// A vendor's message may quote the key that it was given; this one looks as if it did.
const MESSAGE: &str = "the simulator was asked for this";

pub(super) fn of(reply: &Reply<'_>) -> Option<Script> {
    let google = reply.dialect == Dialect::Gemini;
    let none = json!([]);
    let (status, fields, body) = match reply.fault()? {
        Fault::Status(status) => (status, String::new(), body(reply, status, &none)),
        Fault::RetryAfter(seconds) => {
            let field = format!("retry-after: {seconds}\r\n");
            (429, field, body(reply, 429, &none))
        }
        Fault::RetryAfterMs(ms) => {
            let field = format!("retry-after-ms: {ms}\r\n");
            (429, field, body(reply, 429, &none))
        }
        Fault::RetryDelay(seconds) => {
            let details = gemini::retry_info(seconds);
            (429, String::new(), with_details(reply, &details))
        }
        Fault::DayQuota => {
            let details = gemini::quota_failure("GenerateRequestsPerDayPerProjectPerModel", "50");
            (429, String::new(), with_details(reply, &details))
        }
        Fault::InsufficientQuota if google => {
            let details = gemini::quota_failure("GenerateRequestsPerMinute", "0");
            (429, String::new(), with_details(reply, &details))
        }
        Fault::InsufficientQuota if reply.dialect == Dialect::Anthropic => {
            (402, String::new(), body(reply, 402, &none))
        }
        Fault::InsufficientQuota => {
            let mut body = body(reply, 429, &none);
            body["error"]["type"] = json!("insufficient_quota");
            body["error"]["code"] = json!("insufficient_quota");
            (429, String::new(), body)
        }
        _ => return None,
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} Ordered\r\ncontent-type: application/json\r\n{fields}\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let script = Script::default()
        .pause(Pause::Latency)
        .send(head)
        .send(body);
    Some(script.end(End::Keep(None)))
}

fn body(reply: &Reply<'_>, status: u16, details: &Value) -> Value {
    error(reply.dialect, status, MESSAGE, details)
}

/// 429 with Google's details. Its endpoint for OpenAI's dialect sends them, too; Anthropic has
/// nothing of the kind, and says it in the type alone.
fn with_details(reply: &Reply<'_>, details: &Value) -> Value {
    let mut body = body(reply, 429, details);
    if reply.dialect == Dialect::OpenAi {
        body["error"]["details"] = details.clone();
    }
    body
}
