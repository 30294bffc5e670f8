//! What a webhook is sent.

use serde::Serialize;

use crate::config::Webhook;
use crate::engine::documents::rfc3339;
use crate::engine::flow::jobs::JobDocument;
use crate::engine::provider::USER_AGENT;
use crate::proto::http1::{self, Method};
use crate::proto::webhook::sign;
use crate::store::ClaimedDelivery;

/// What has happened, as the specification of webhooks wants it told.
#[derive(Serialize)]
struct Event {
    #[serde(rename = "type")]
    kind: &'static str,
    /// When it happened.
    timestamp: String,
    data: JobDocument,
}

/// Head and body of an attempt that is made at this time. The body is the same each time.
///
/// # Errors
/// Something of it cannot be written, in words.
pub(super) fn write(
    head: &mut Vec<u8>,
    hook: &Webhook,
    delivery: &ClaimedDelivery,
    wall_ms: i64,
) -> Result<Vec<u8>, &'static str> {
    let ended_ms = delivery.job.finished_ms.unwrap_or(wall_ms);
    let event = Event {
        kind: "job.ended",
        timestamp: rfc3339(ended_ms),
        data: JobDocument::new(&delivery.job),
    };
    let body = serde_json::to_vec(&event).map_err(|_| "the job is no JSON")?;
    let (id, seconds) = (delivery.id.to_string(), wall_ms.div_euclid(1_000));
    let signature = sign(&hook.secrets, &id, seconds, &body);
    let stamp = seconds.to_string();
    let fields: [(&str, &[u8]); 6] = [
        ("content-type", b"application/json"),
        ("user-agent", USER_AGENT.as_bytes()),
        ("webhook-id", id.as_bytes()),
        ("webhook-timestamp", stamp.as_bytes()),
        ("webhook-signature", signature.as_bytes()),
        ("connection", b"close"),
    ];
    let host = hook.url.base.authority();
    let length = Some(body.len() as u64);
    http1::write_request(head, Method::Post, &hook.url.target, &host, &fields, length)
        .map_err(|_| "its address cannot be written")?;
    Ok(body)
}
