//! A stream of events, and what goes wrong between them.

use maitred::proto::http1::{After, ReplyBody, Version, put_chunk, put_last_chunk, reply_head};
use serde_json::json;

use super::{Part, Reply, anthropic, error, gemini, openai};
use crate::simulator::ask::Dialect;
use crate::simulator::fault::{Fault, LineEnd};
use crate::simulator::script::{End, Pause, Script};

/// Tokens before a fault that has no number of its own.
const BEFORE: usize = 2;

pub(super) fn of(reply: &Reply<'_>) -> Script {
    let mut script = reply.first_pause().send(head(reply));
    if reply.order.bom {
        script = script.send(framed(reply, "\u{feff}"));
    }
    if reply.fault() == Some(Fault::HeadOnly) {
        return script.pause(Pause::Forever);
    }
    if let Some(Fault::LateToken(ms)) = reply.fault() {
        script = script.pause(Pause::Exactly(ms));
    }
    script = match parts(reply, script) {
        Ok(script) => script,
        Err(over) => return over,
    };
    if let Err(over) = go_wrong(reply, usize::MAX, script.clone()) {
        return over;
    }
    for event in closing(reply) {
        script = script.send(event_of(reply, &event));
    }
    if reply.fault() != Some(Fault::UntilClose) {
        let mut last = Vec::new();
        put_last_chunk(&mut last);
        script = script.send(last);
    }
    reply.last_end(script)
}

/// All tokens, up to what goes wrong between them.
fn parts(reply: &Reply<'_>, mut script: Script) -> Result<Script, Script> {
    if let Some(event) = opening(reply) {
        script = script.send(event_of(reply, &event));
    }
    let mut sent = 0;
    for (at, part) in reply.parts.iter().enumerate() {
        if let Some(event) = part_opening(reply, at, part) {
            script = script.send(event_of(reply, &event));
        }
        for piece in part.pieces() {
            let Some(token) = token(reply, at, part, piece) else {
                continue;
            };
            if sent > 0 {
                script = script.pause(Pause::Gap);
            }
            script = go_wrong(reply, sent, script)?;
            if reply.order.pings && sent > 0 {
                script = script.send(framed(reply, &ping(reply)));
            }
            script = script.send(event_of(reply, &token));
            sent += 1;
        }
        if reply.dialect == Dialect::Anthropic {
            script = script.send(event_of(reply, &anthropic::part_closing(at, part)));
        }
    }
    Ok(script)
}

fn head(reply: &Reply<'_>) -> Vec<u8> {
    let (body, after) = match reply.fault() {
        Some(Fault::UntilClose) => (ReplyBody::UntilClose, After::Close),
        _ => (ReplyBody::Chunked, After::KeepAlive(Version::Http11)),
    };
    let mut head = Vec::new();
    reply_head(&mut head, 200)
        .field("content-type", "text/event-stream; charset=utf-8")
        .field("cache-control", "no-cache")
        .finish(body, after);
    head
}

/// The fault, if its time has come at token `at`: the script that ends with it.
fn go_wrong(reply: &Reply<'_>, at: usize, script: Script) -> Result<Script, Script> {
    let Some(fault) = reply.fault() else {
        return Ok(script);
    };
    let tokens = match fault {
        Fault::Stall(tokens)
        | Fault::Reset(tokens)
        | Fault::Cut(tokens)
        | Fault::NotJson(tokens)
        | Fault::ErrorEvent(tokens) => tokens,
        _ => BEFORE,
    };
    if at < tokens {
        return Ok(script);
    }
    let event = |event: &str| framed(reply, event);
    Err(match fault {
        Fault::Stall(_) => script.pause(Pause::Forever),
        Fault::Reset(_) => script.end(End::Reset),
        Fault::Cut(_) => script.end(End::Cut),
        Fault::NotJson(_) => script
            .send(event("data: {\"choices\": [\n\n"))
            .pause(Pause::Forever),
        Fault::ErrorEvent(_) => script.send(event(&in_band(reply))).pause(Pause::Forever),
        Fault::BareError => script.send(event(&bare(reply))).pause(Pause::Forever),
        Fault::BigEvent => {
            let piece = "x".repeat(64 * 1024);
            script
                .send(event("data: "))
                .send_times(event(&piece), 160)
                .pause(Pause::Forever)
        }
        Fault::Endless => {
            let text = Part::Text(Vec::new());
            let some = token(reply, 0, &text, " and so on").unwrap_or_default();
            let some = some.repeat(64);
            script.send_times(event(&some), u64::MAX).end(End::Cut)
        }
        _ => return Ok(script),
    })
}

/// The dialect's error as an event.
fn in_band(reply: &Reply<'_>) -> String {
    let error = error(reply.dialect, 529, "Overloaded", &json!([]));
    match reply.dialect {
        Dialect::Anthropic => anthropic::event(&error),
        _ => format!("data: {error}\n\n"),
    }
}

/// The error as Google's servers write it in the middle of a stream: no `data:`, several lines.
fn bare(reply: &Reply<'_>) -> String {
    let error = error(reply.dialect, 503, "Overloaded", &json!([]));
    serde_json::to_string_pretty(&error).unwrap_or_default() + "\n\n"
}

fn opening(reply: &Reply<'_>) -> Option<String> {
    match reply.dialect {
        Dialect::OpenAi => Some(openai::opening(reply)),
        Dialect::Anthropic => Some(anthropic::opening(reply)),
        Dialect::Gemini => None,
    }
}

fn part_opening(reply: &Reply<'_>, at: usize, part: &Part) -> Option<String> {
    match reply.dialect {
        Dialect::OpenAi => openai::part_opening(reply, part),
        Dialect::Anthropic => Some(anthropic::part_opening(at, part)),
        Dialect::Gemini => None,
    }
}

fn token(reply: &Reply<'_>, at: usize, part: &Part, piece: &str) -> Option<String> {
    match reply.dialect {
        Dialect::OpenAi => Some(openai::token(reply, part, piece)),
        Dialect::Anthropic => Some(anthropic::token(at, part, piece)),
        Dialect::Gemini => gemini::token(reply, part, piece),
    }
}

/// A sign of life.
fn ping(reply: &Reply<'_>) -> String {
    match reply.dialect {
        Dialect::Anthropic => anthropic::ping(),
        _ => ": ping\n\n".to_owned(),
    }
}

fn closing(reply: &Reply<'_>) -> Vec<String> {
    match reply.dialect {
        Dialect::OpenAi => openai::closing(reply),
        Dialect::Anthropic => anthropic::closing(reply),
        Dialect::Gemini => gemini::closing(reply),
    }
}

/// An event as it is ordered to look, framed.
fn event_of(reply: &Reply<'_>, event: &str) -> Vec<u8> {
    let mut event = event.to_owned();
    if reply.order.data_lines {
        // White space between two members of an object means nothing, so the line may end there.
        event = event.replacen("data: {", "data: {\ndata: ", 1);
    }
    if reply.order.comments {
        event = format!(": a comment\nid: 7\nretry: 10\nunknown\nunknown: field\n{event}");
    }
    framed(reply, &event)
}

fn framed(reply: &Reply<'_>, text: &str) -> Vec<u8> {
    let text = match reply.order.line_end {
        LineEnd::Lf => text.to_owned(),
        LineEnd::CrLf => text.replace('\n', "\r\n"),
        LineEnd::Cr => text.replace('\n', "\r"),
    };
    if reply.fault() == Some(Fault::UntilClose) {
        return text.into_bytes();
    }
    let mut chunk = Vec::new();
    put_chunk(&mut chunk, text.as_bytes());
    chunk
}
