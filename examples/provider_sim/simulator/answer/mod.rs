//! From what is asked and what is ordered to a script.
//!
//! ```text
//!   failures   an error status with the dialect's error body     ┐
//!   broken     bytes that are not HTTP as it should be           ├─► Script
//!   streamed   events, and what goes wrong between them          │
//!   whole      one JSON document, and what goes wrong with it    ┘
//!   openai, anthropic, gemini   the JSON of each
//! ```

mod anthropic;
mod broken;
mod failures;
mod gemini;
mod gzip;
mod openai;
pub(super) mod sample;
mod streamed;
mod whole;

use maitred::proto::http1::{After, ReplyBody, Version, reply_head};
use serde_json::{Value, json};

use super::ask::{Ask, Dialect, Want};
use super::fault::{Fault, Order};
use super::options::split;
use super::script::{End, Pause, Script};

/// Tokens that every prompt has.
const USAGE: usize = 9;

/// An answer that is being made.
struct Reply<'a> {
    dialect: Dialect,
    model: &'a str,
    want: &'a Want,
    /// Tokens of the answer.
    tokens: usize,
    /// Whether it says what it cost.
    usage: bool,
    /// Whether it says that it is over.
    finishes: bool,
    /// Whether a whole answer stands in a list.
    list: bool,
    /// Whether the bound on tokens ends it.
    cut_short: bool,
    /// The text, the arguments of a tool, or JSON, as it is streamed.
    pieces: Vec<String>,
    order: Order,
}

/// The script for `ask`; `pieces` is the text that everybody gets.
pub(super) fn script(ask: &Ask<'_>, order: Order, pieces: &[String]) -> Script {
    let reply = Reply::new(ask, order, pieces);
    let mut script = failures::of(&reply)
        .or_else(|| broken::of(&reply))
        .unwrap_or_else(|| {
            if ask.stream {
                streamed::of(&reply)
            } else {
                whole::of(&reply)
            }
        });
    script.slices = order.slices;
    script
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

/// The models that it claims to have.
pub(super) fn models() -> Script {
    let list = ["sim", "fault:reset"].map(|id| {
        json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "provider_sim"})
    });
    let body = json!({"object": "list", "data": list});
    document(200, &body.to_string()).end(End::Keep(None))
}

/// One small vector for each input.
pub(super) fn embeddings(body: &[u8]) -> Script {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let inputs = asked["input"].as_array().map_or(1, Vec::len);
    let vectors: Vec<Value> = (0..inputs)
        .map(|index| {
            json!({"object": "embedding", "index": index, "embedding": [0.1, -0.2, 0.3, 0.4]})
        })
        .collect();
    let body = json!({
        "object": "list", "data": vectors, "model": asked["model"],
        "usage": {"prompt_tokens": USAGE, "total_tokens": USAGE},
    });
    document(200, &body.to_string()).end(End::Keep(None))
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

impl<'a> Reply<'a> {
    fn new(ask: &'a Ask<'_>, order: Order, text: &[String]) -> Reply<'a> {
        let most = ask.max_tokens.unwrap_or(usize::MAX).max(1);
        let pieces = match &ask.want {
            Want::Text => text.iter().take(most).cloned().collect(),
            Want::Tool(..) if ask.dialect == Dialect::Gemini => Vec::new(),
            Want::Tool(_, arguments) => split(&arguments.to_string(), 3),
            Want::Json(value) => split(&value.to_string(), text.len()),
        };
        Reply {
            dialect: ask.dialect,
            model: &ask.model,
            want: &ask.want,
            tokens: pieces.len(),
            usage: ask.usage && !order.no_usage,
            list: ask.list,
            finishes: order.fault != Some(Fault::NoFinish),
            cut_short: ask.want == Want::Text && text.len() > most,
            pieces,
            order,
        }
    }

    fn fault(&self) -> Option<Fault> {
        self.order.fault
    }

    /// What comes before the first byte.
    fn first_pause(&self) -> Script {
        let pause = match self.fault() {
            Some(Fault::Silent) => Pause::Forever,
            Some(Fault::Late(ms)) => Pause::Exactly(ms),
            _ => Pause::Latency,
        };
        let script = Script::default().pause(pause);
        match self.fault() {
            Some(Fault::EarlyHints) => script.send(broken::EARLY_HINTS),
            Some(Fault::ManyContinues) => script.send_times(broken::CONTINUE, 10_000),
            _ => script,
        }
    }

    /// What comes after the last byte.
    fn last_end(&self, script: Script) -> Script {
        match self.fault() {
            Some(Fault::Trailing) => script.send(broken::ANOTHER).end(End::Keep(None)),
            Some(Fault::IdleClose(ms)) => script.end(End::Keep(Some(ms))),
            Some(Fault::UntilClose) => script.end(End::Close),
            _ => script.end(End::Keep(None)),
        }
    }
}
