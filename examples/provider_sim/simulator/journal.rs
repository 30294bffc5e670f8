//! What was asked, when, and whether the client stayed until the end.

use std::collections::VecDeque;
use std::fmt::Write;

use maitred::engine::Mono;
use serde_json::json;

/// Calls that are remembered; older ones are only counted.
const CALLS: usize = 100_000;
/// Characters of a path that are remembered.
const PATH_CHARS: usize = 200;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has not.
    Playing,
    /// All of the answer was sent.
    Completed,
    /// The client went before that.
    CutByClient,
    /// The simulator ended it in the middle, as it was told to.
    Broken,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Counted from 0.
    pub(crate) number: u64,
    /// The connection that it came on, counted from 0.
    pub(crate) connection: u64,
    /// Its path, without the query.
    pub(crate) path: Box<str>,
    /// The key that was shown.
    pub(crate) key: Box<str>,
    /// The model.
    pub(crate) model: Box<str>,
    /// Whether a stream was asked for.
    pub(crate) stream: bool,
    /// When the request was whole.
    pub(crate) asked: Mono,
    /// When the answer began to leave.
    pub(crate) first_byte: Option<Mono>,
    /// When it ended.
    pub(crate) ended: Option<Mono>,
    /// Bytes of the answer that were sent.
    pub(crate) bytes: u64,
    /// How it ended.
    pub(crate) outcome: Outcome,
}

/// A call that begins, in the words of [`Call`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun<'a> {
    pub(super) connection: u64,
    pub(super) path: &'a str,
    pub(super) key: &'a str,
    pub(super) model: &'a str,
    pub(super) stream: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// The last ones, in the order in which they came.
    pub(crate) calls: VecDeque<Call>,
    /// All calls.
    pub(crate) total: u64,
    /// … those that were sent whole …
    pub(crate) completed: u64,
    /// … whose client went …
    pub(crate) cut: u64,
    /// … and that were broken off on purpose.
    pub(crate) broken: u64,
    /// Bytes of all answers that have ended.
    pub(crate) bytes: u64,
    /// Connections that were accepted …
    pub(crate) accepted: u64,
    /// … and that are open.
    pub(crate) open: u64,
}

impl Journal {
    /// A call begins; its number.
    pub(super) fn begin(&mut self, begun: &Begun<'_>, now: Mono) -> u64 {
        let number = self.total;
        self.total += 1;
        if self.calls.len() == CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(Call {
            number,
            connection: begun.connection,
            path: short(begun.path),
            key: short(begun.key),
            model: short(begun.model),
            stream: begun.stream,
            asked: now,
            first_byte: None,
            ended: None,
            bytes: 0,
            outcome: Outcome::Playing,
        });
        number
    }

    /// The first byte of its answer has left.
    pub(super) fn first_byte(&mut self, number: u64, now: Mono) {
        if let Some(call) = self.call(number) {
            call.first_byte.get_or_insert(now);
        }
    }

    /// It has ended.
    pub(super) fn end(&mut self, number: u64, outcome: Outcome, bytes: u64, now: Mono) {
        self.bytes += bytes;
        match outcome {
            Outcome::Completed => self.completed += 1,
            Outcome::CutByClient => self.cut += 1,
            Outcome::Broken => self.broken += 1,
            Outcome::Playing => {}
        }
        if let Some(call) = self.call(number) {
            (call.outcome, call.bytes, call.ended) = (outcome, bytes, Some(now));
        }
    }

    fn call(&mut self, number: u64) -> Option<&mut Call> {
        let first = self.calls.front()?.number;
        let at = usize::try_from(number.checked_sub(first)?).ok()?;
        self.calls.get_mut(at)
    }

    /// The calls, one JSON document a line. Times are milliseconds since the start.
    pub(super) fn lines(&self) -> String {
        let ms = |at: Mono| at.0 as f64 / 1e6;
        let mut lines = String::new();
        for call in &self.calls {
            let line = json!({
                "call": call.number, "connection": call.connection, "path": call.path,
                "key": call.key, "model": call.model, "stream": call.stream, "asked_ms": ms(call.asked),
                "first_byte_ms": call.first_byte.map(ms), "ended_ms": call.ended.map(ms),
                "bytes": call.bytes, "outcome": call.outcome.name(),
            });
            // A String takes every line.
            let _ = writeln!(lines, "{line}");
        }
        lines
    }

    /// The counts.
    pub(super) fn stats(&self) -> String {
        json!({
            "calls": self.total, "completed": self.completed, "cut_by_client": self.cut,
            "broken": self.broken, "bytes": self.bytes,
            "playing": self.total - self.completed - self.cut - self.broken,
            "connections": self.accepted, "open": self.open,
        })
        .to_string()
    }
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Outcome::Playing => "playing",
            Outcome::Completed => "completed",
            Outcome::CutByClient => "cut_by_client",
            Outcome::Broken => "broken",
        }
    }
}

fn short(text: &str) -> Box<str> {
    match text.char_indices().nth(PATH_CHARS) {
        Some((end, _)) => text[..end].into(),
        None => text.into(),
    }
}
