//! The way out: events of any provider, told to a client in the dialect that it speaks.
//!
//! ```text
//!                       ┌──▶ Speaker ──▶ bytes of a stream          event, event, … then end
//!   Event, Event, … ────┤                                           or error
//!                       └──▶ Answer  ──▶ the body of a whole answer
//!
//!   Problem ─────────────────────────▶ the body of an error, or the last event of a stream
//! ```
//!
//! A [`Speaker`] allocates nothing for a piece of text: the piece still has the escapes of the
//! document it came in, and is copied as it stands between the halves of a frame that were written
//! once. A call of a tool costs nothing either, but for Gemini's clients, who want it whole.
//!
//! The terminal words (a finish reason, `[DONE]`, `message_stop`) are written by [`Speaker::end`]
//! alone. Whoever calls it vouches for the answer; see [`super::End`].
//!
//! Where a dialect wants a number that no provider told (how many tokens a prompt had), there is a
//! zero; where it does not insist, the field is left out.
//!
//! It refuses to know how ids are made, what time it is, and HTTP.

mod answer;
mod anthropic;
mod gemini;
mod openai;
mod problem;
mod words;

pub use answer::Answer;
pub use problem::{Problem, ProblemKind};

use super::{Dialect, Event, JsonStr};

/// What an answer says of itself, in each of its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Such as `chatcmpl-…` or `msg_…`.
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    /// The model, as the client is to see it.
    pub model: String,
}

/// Something that a provider said and that the client's dialect has no form for. The answer is
/// broken then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unspeakable {
    /// Pieces of several calls by turns, where one has to be whole before the next.
    #[error("calls of tools came in pieces by turns")]
    Interleaved,
    /// What a tool was to be given is not the JSON of an object.
    #[error("the arguments of a call are not a JSON object")]
    Arguments,
    /// More than may be kept.
    #[error("an answer is too long to be collected")]
    TooLong,
}

/// Tells one answer as a stream.
#[derive(Debug)]
pub struct Speaker {
    tongue: Tongue,
    closing: words::Closing,
    /// The last word was said.
    is_over: bool,
}

#[derive(Debug)]
enum Tongue {
    OpenAi(openai::Stream),
    Anthropic(anthropic::Stream),
    Gemini(gemini::Stream),
}

impl Speaker {
    /// For one answer. `include_usage` is what OpenAI's clients ask for by that name; the others
    /// always get the usage.
    #[must_use]
    pub fn new(dialect: Dialect, identity: &Identity, include_usage: bool) -> Self {
        Self {
            tongue: match dialect {
                Dialect::OpenAi => Tongue::OpenAi(openai::Stream::new(identity, include_usage)),
                Dialect::Anthropic => Tongue::Anthropic(anthropic::Stream::new(identity)),
                Dialect::Gemini => Tongue::Gemini(gemini::Stream::new(identity)),
            },
            closing: words::Closing::default(),
            is_over: false,
        }
    }

    /// Appends what the client is told of one event: nothing, or one frame or several.
    ///
    /// # Errors
    /// There is no form for it; say [`Speaker::error`].
    pub fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), Unspeakable> {
        if self.is_over || self.closing.takes(event) {
            return Ok(());
        }
        match &mut self.tongue {
            Tongue::OpenAi(stream) => stream.event(event, out),
            Tongue::Anthropic(stream) => return stream.event(event, &self.closing, out),
            Tongue::Gemini(stream) => return stream.event(event, out),
        }
        Ok(())
    }

    /// Appends the end of an answer that is whole.
    ///
    /// # Errors
    /// A call of a tool turns out to be none; say [`Speaker::error`].
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Unspeakable> {
        if self.is_over {
            return Ok(());
        }
        match &mut self.tongue {
            Tongue::OpenAi(stream) => stream.end(&self.closing, out),
            Tongue::Anthropic(stream) => stream.end(&self.closing, out),
            Tongue::Gemini(stream) => stream.end(&self.closing, out)?,
        }
        self.is_over = true;
        Ok(())
    }

    /// Bytes of memory that it holds for later: calls that Gemini's clients want whole.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.tongue {
            Tongue::Gemini(stream) => stream.bytes(),
            Tongue::OpenAi(_) | Tongue::Anthropic(_) => 0,
        }
    }

    /// Appends the end of an answer that is not whole. The connection is closed after it.
    pub fn error(&mut self, problem: &Problem<'_>, out: &mut Vec<u8>) {
        if !self.is_over {
            problem.frame(self.dialect(), out);
            self.is_over = true;
        }
    }

    /// Appends a sign of life, see [`ping`].
    pub fn ping(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(ping(self.dialect()));
    }

    const fn dialect(&self) -> Dialect {
        match self.tongue {
            Tongue::OpenAi(_) => Dialect::OpenAi,
            Tongue::Anthropic(_) => Dialect::Anthropic,
            Tongue::Gemini(_) => Dialect::Gemini,
        }
    }
}

/// A sign of life in a stream on which nothing was sent for a while. Gemini's clients get none:
/// theirs take every line that is no data for a piece of an error.
#[must_use]
pub const fn ping(dialect: Dialect) -> &'static [u8] {
    match dialect {
        Dialect::OpenAi => b": ping\n\n",
        Dialect::Anthropic => b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
        Dialect::Gemini => b"",
    }
}

/// Appends all pieces: the shape of a frame, with its gaps filled.
fn put(out: &mut Vec<u8>, pieces: &[&str]) {
    for piece in pieces {
        out.extend_from_slice(piece.as_bytes());
    }
}

/// Appends `text` as a JSON string with its quotes.
fn put_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a Vec takes every byte");
}

/// `text` as a JSON string with its quotes.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string always has a JSON form")
}

/// The id of a call that the provider gave none, made of the answer's own: at most 40 letters,
/// which is all that OpenAI takes back, and none that Anthropic refuses.
fn made_id(prefix: &str, identity: &str, index: u32) -> String {
    let letters = || identity.chars().filter(char::is_ascii_alphanumeric);
    let skipped = letters().count().saturating_sub(24);
    let tail: String = letters().skip(skipped).collect();
    format!("{prefix}{tail}_{index}")
}

/// The id of a call, ready to stand between quotes.
fn call_id(id: Option<JsonStr<'_>>, made: impl FnOnce() -> String) -> std::borrow::Cow<'_, str> {
    match id {
        Some(id) => id.escaped().into(),
        None => made().into(),
    }
}

#[cfg(test)]
mod tests;
