//! What an answer consists of, before any vendor's words are found for it.

use maitred::dialect::FinishReason;

use super::broken;
use crate::simulator::ask::{Ask, Dialect, Thinking, Tool, Want};
use crate::simulator::fault::{Fault, Order};
use crate::simulator::options::split;
use crate::simulator::script::{End, Pause, Script};

/// What a model that shows its thoughts has in mind.
const THOUGHTS: [&str; 4] = ["Let", " me", " think", "."];
/// What it says instead of an answer.
const REFUSAL: [&str; 3] = ["I cannot", " help", " with that."];
/// Pieces of what a tool is given.
const ARGUMENTS: usize = 3;

/// One part of it, as it is streamed.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Thinking(Vec<String>),
    Text(Vec<String>),
    Refusal(Vec<String>),
    /// The call of a tool, counted from 0.
    Tool(usize, Tool, Vec<String>),
}

/// An answer that is being made.
pub(super) struct Reply<'a> {
    pub(super) dialect: Dialect,
    pub(super) model: &'a str,
    pub(super) parts: Vec<Part>,
    /// The same answer so many times.
    pub(super) choices: usize,
    /// Tokens of each answer …
    pub(super) tokens: usize,
    /// … and of its thoughts, shown or not.
    pub(super) thoughts: usize,
    /// Whether it says what it cost.
    pub(super) usage: bool,
    /// Whether it says that it is over.
    pub(super) finishes: bool,
    /// Whether a whole answer stands in a list.
    pub(super) list: bool,
    pub(super) finish: FinishReason,
    /// The string that ended it.
    pub(super) stop: Option<&'a str>,
    pub(super) order: Order,
}

impl Part {
    pub(super) fn pieces(&self) -> &[String] {
        match self {
            Part::Thinking(pieces)
            | Part::Text(pieces)
            | Part::Refusal(pieces)
            | Part::Tool(.., pieces) => pieces,
        }
    }

    /// All of it at once.
    pub(super) fn whole(&self) -> String {
        self.pieces().concat()
    }
}

impl<'a> Reply<'a> {
    pub(super) fn new(ask: &'a Ask<'_>, order: Order, text: &[String]) -> Reply<'a> {
        let shows = order.thinks || ask.thinking == Thinking::Shown;
        let mut parts = Vec::new();
        if shows {
            parts.push(Part::Thinking(owned(&THOUGHTS)));
        }
        let (mut finish, mut stop) = (FinishReason::Stop, None);
        match (&ask.want, order.fault) {
            // The two others have no words for it.
            (_, Some(Fault::Refusal)) => {
                parts.clear();
                finish = FinishReason::ContentFilter;
                if ask.dialect == Dialect::OpenAi {
                    parts.push(Part::Refusal(owned(&REFUSAL)));
                    finish = FinishReason::Stop;
                }
            }
            (Want::Text, fault) => {
                let most = ask.max_tokens.unwrap_or(usize::MAX).max(1);
                let filtered = match fault {
                    Some(Fault::Filtered(tokens)) => tokens,
                    _ => usize::MAX,
                };
                let mut pieces: Vec<String> =
                    text.iter().take(most.min(filtered)).cloned().collect();
                if filtered < text.len().min(most) {
                    finish = FinishReason::ContentFilter;
                } else if text.len() > most {
                    finish = FinishReason::Length;
                }
                if let Some((at, found)) = first(&pieces.concat(), &ask.stops) {
                    shorten(&mut pieces, at);
                    (finish, stop) = (FinishReason::Stop, Some(found));
                }
                parts.push(Part::Text(pieces));
            }
            (Want::Tools(tools), _) => {
                finish = FinishReason::ToolCalls;
                for (number, tool) in tools.iter().enumerate() {
                    let pieces = split(&tool.arguments.to_string(), ARGUMENTS);
                    parts.push(Part::Tool(number, tool.clone(), pieces));
                }
            }
            (Want::Json(value), _) => parts.push(Part::Text(split(&value.to_string(), text.len()))),
        }
        let tokens = parts.iter().map(|part| part.pieces().len()).sum();
        let thinks = shows || ask.thinking == Thinking::Hidden;
        Reply {
            dialect: ask.dialect,
            model: &ask.model,
            parts,
            choices: ask.choices,
            tokens: if thinks && !shows {
                tokens + THOUGHTS.len()
            } else {
                tokens
            },
            thoughts: if thinks { THOUGHTS.len() } else { 0 },
            usage: ask.usage && !order.no_usage,
            finishes: order.fault != Some(Fault::NoFinish),
            list: ask.list,
            finish,
            stop,
            order,
        }
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.order.fault
    }

    /// Whether it stops before it has begun, which Gemini tells in another way.
    pub(super) fn is_blocked(&self) -> bool {
        self.fault() == Some(Fault::Refusal)
    }

    /// What comes before the first byte.
    pub(super) fn first_pause(&self) -> Script {
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
    pub(super) fn last_end(&self, script: Script) -> Script {
        match self.fault() {
            Some(Fault::Trailing) => script.send(broken::ANOTHER).end(End::Keep(None)),
            Some(Fault::IdleClose(ms)) => script.end(End::Keep(Some(ms))),
            Some(Fault::UntilClose) => script.end(End::Close),
            _ => script.end(End::Keep(None)),
        }
    }
}

fn owned(pieces: &[&str]) -> Vec<String> {
    pieces.iter().map(ToString::to_string).collect()
}

/// Where the first of `stops` is in `text`, and which it is.
fn first<'a>(text: &str, stops: &'a [String]) -> Option<(usize, &'a str)> {
    let found = stops
        .iter()
        .filter_map(|stop| Some((text.find(stop.as_str())?, stop.as_str())));
    found.min_by_key(|(at, _)| *at)
}

/// Leaves the first `bytes` of what all pieces are together.
fn shorten(pieces: &mut Vec<String>, bytes: usize) {
    let mut left = bytes;
    for piece in pieces.iter_mut() {
        piece.truncate(left.min(piece.len()));
        left -= piece.len();
    }
    pieces.retain(|piece| !piece.is_empty());
}
