//! One JSON document, and what goes wrong with it.

use serde_json::json;

use super::{Reply, anthropic, error, gemini, head_of_document, openai};
use crate::simulator::ask::Dialect;
use crate::simulator::fault::Fault;
use crate::simulator::script::{End, Pause, Script};

pub(super) fn of(reply: &Reply<'_>) -> Script {
    let body = body(reply);
    let script = reply.first_pause();
    let head = head_of_document(200, body.len());
    // For faults that come in the middle.
    let half = || {
        script
            .clone()
            .send(&head)
            .send(&body.as_bytes()[..body.len() / 2])
    };
    match reply.fault() {
        Some(Fault::HeadOnly) => script.send(&head).pause(Pause::Forever),
        Some(Fault::LateToken(ms)) => {
            let late = script.send(&head).pause(Pause::Exactly(ms)).send(&body);
            late.end(End::Keep(None))
        }
        Some(Fault::Stall(_)) => half().pause(Pause::Forever),
        Some(Fault::Reset(_)) => half().end(End::Reset),
        Some(Fault::Cut(_)) => half().end(End::Cut),
        Some(Fault::UntilClose) => {
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
            script.send(head).send(&body).end(End::Close)
        }
        Some(Fault::BigEvent) => {
            let size = 10 * 1024 * 1024 + 1;
            let piece = "x".repeat(64 * 1024);
            let head = head_of_document(200, size);
            script
                .send(head)
                .send("\"")
                .send_times(piece, 160)
                .end(End::Cut)
        }
        Some(Fault::Endless) => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                        transfer-encoding: chunked\r\n\r\n1\r\n\"\r\n";
            let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
            script.send(head).send_times(chunk, u64::MAX).end(End::Cut)
        }
        _ => reply.last_end(script.send(&head).send(&body)),
    }
}

fn body(reply: &Reply<'_>) -> String {
    let overloaded = |status| error(reply.dialect, status, "Overloaded", &json!([]));
    match reply.fault() {
        Some(Fault::NotJson(_)) => return "{\"choices\": [".to_owned(),
        Some(Fault::ErrorEvent(_)) => return overloaded(529).to_string(),
        Some(Fault::BareError) => return json!([overloaded(503)]).to_string(),
        _ => {}
    }
    let value = match reply.dialect {
        Dialect::OpenAi => openai::whole(reply),
        Dialect::Anthropic => anthropic::whole(reply),
        Dialect::Gemini => gemini::whole(reply),
    };
    if reply.list { json!([value]) } else { value }.to_string()
}
