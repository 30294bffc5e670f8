//! Answers with an error status, in the shape that each vendor gives them.

use serde_json::{Value, json};

use super::{error, gemini};
use crate::simulator::ask::Dialect;
use crate::simulator::fault::{Fault, Order};
use crate::simulator::script::{End, Pause, Script};

/// A vendor's message may quote the key that it was given; this one looks as if it did.
const MESSAGE: &str = "the simulator was asked for this";

pub(super) fn of(dialect: Dialect, order: Order) -> Option<Script> {
    let google = dialect == Dialect::Gemini;
    let none = json!([]);
    let (status, fields, body) = match order.fault? {
        Fault::Status(status) => (status, String::new(), body(dialect, status, &none)),
        Fault::RetryAfter(seconds) => {
            let field = format!("retry-after: {seconds}\r\n");
            (429, field, body(dialect, 429, &none))
        }
        Fault::RetryAfterMs(ms) => {
            let field = format!("retry-after-ms: {ms}\r\n");
            (429, field, body(dialect, 429, &none))
        }
        Fault::RetryDelay(seconds) => {
            let details = gemini::retry_info(seconds);
            (429, String::new(), with_details(dialect, &details))
        }
        Fault::DayQuota => {
            let details = gemini::quota_failure("GenerateRequestsPerDayPerProjectPerModel", "50");
            (429, String::new(), with_details(dialect, &details))
        }
        Fault::InsufficientQuota if google => {
            let details = gemini::quota_failure("GenerateRequestsPerMinute", "0");
            (429, String::new(), with_details(dialect, &details))
        }
        Fault::InsufficientQuota if dialect == Dialect::Anthropic => {
            (402, String::new(), body(dialect, 402, &none))
        }
        Fault::InsufficientQuota => {
            let mut body = body(dialect, 429, &none);
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

fn body(dialect: Dialect, status: u16, details: &Value) -> Value {
    error(dialect, status, MESSAGE, details)
}

/// 429 with Google's details. Its endpoint for OpenAI's dialect sends them, too; Anthropic has
/// nothing of the kind, and says it in the type alone.
fn with_details(dialect: Dialect, details: &Value) -> Value {
    let mut body = body(dialect, 429, details);
    if dialect == Dialect::OpenAi {
        body["error"]["details"] = details.clone();
    }
    body
}
