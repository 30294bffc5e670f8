//! From what is asked and what is ordered to a script.
//!
//! ```text
//!   reply      what the answer consists of
//!   failures   an error status with the dialect's error body     ┐
//!   broken     bytes that are not HTTP as it should be           ├─► Script
//!   streamed   events, and what goes wrong between them          │
//!   whole      one JSON document, and what goes wrong with it    ┘
//!   openai, anthropic, gemini   the JSON of each
//!   models, embeddings          what else SDKs ask for
//! ```

mod anthropic;
mod broken;
pub(super) mod embeddings;
mod failures;
mod gemini;
mod gzip;
pub(super) mod models;
mod openai;
mod reply;
pub(super) mod sample;
mod streamed;
mod whole;

use maitred::proto::http1::{After, ReplyBody, Version, reply_head};
use serde_json::{Value, json};

use self::reply::{Part, Reply};
use super::ask::{Ask, Dialect};
use super::fault::{Fault, Order};
use super::script::{End, Script};

/// Tokens that every prompt has.
const USAGE: usize = 9;

/// The script for `ask`; `text` is what everybody gets.
pub(super) fn script(ask: &Ask<'_>, order: Order, text: &[String]) -> Script {
    if order.fault == Some(Fault::ReusedClose) {
        return Script::default().end(End::Cut);
    }
    let reply = Reply::new(ask, order, text);
    let mut script = failures::of(ask.dialect, order)
        .or_else(|| broken::of(&reply))
        .unwrap_or_else(|| {
            if ask.stream {
                streamed::of(&reply)
            } else {
                whole::of(&reply)
            }
        });
    script.slices = order.slices;
    script.slower = order.slower;
    script
}

/// An error status, if that is what is ordered.
pub(super) fn failure(dialect: Dialect, order: Order) -> Option<Script> {
    failures::of(dialect, order)
}

/// What a provider says to a request that it does not understand.
pub(super) fn refusal(dialect: Option<Dialect>, status: u16, message: &str) -> Script {
    let body = error(
        dialect.unwrap_or(Dialect::OpenAi),
        status,
        message,
        &json!([]),
    );
    document(status, &body.to_string()).end(End::Keep(None))
}

/// One JSON document with a length; its end is still to be said.
pub(super) fn document(status: u16, body: &str) -> Script {
    Script::default()
        .send(head_of_document(status, body.len()))
        .send(body)
}

fn head_of_document(status: u16, length: usize) -> Vec<u8> {
    let mut head = Vec::new();
    reply_head(&mut head, status)
        .field("content-type", "application/json")
        .finish(
            ReplyBody::Exact(length as u64),
            After::KeepAlive(Version::Http11),
        );
    head
}

fn error(dialect: Dialect, status: u16, message: &str, details: &Value) -> Value {
    match dialect {
        Dialect::OpenAi => openai::error(status, message),
        Dialect::Anthropic => anthropic::error(status, message),
        Dialect::Gemini => gemini::error(status, message, details),
    }
}
