//! OpenAI's chat completions, as spoken by OpenAI and by the many servers that copy it (Ollama,
//! vLLM, llama.cpp, DeepSeek, OpenRouter, Google's compatible endpoint).
//!
//! A streamed answer is a row of server-sent events, each with one JSON chunk as its data, and
//! the literal `[DONE]` at the end. One [`Stream`] per call reads them:
//!
//! ```text
//!            text, thinking, finish_reason, usage, …
//!                     ┌─────┐
//!                     ▼     │
//!   start ──────▶ Answering ┘
//!                  │  │  └── [DONE], every choice that has begun has its reason ──▶ Closed(Complete)
//!                  │  └───── [DONE], one has not, or there is none ──▶ Closed(Truncated)
//!                  └──────── error ──────────────────────────────────▶ Closed(Truncated)
//! ```
//!
//! Only the choice with index 0 becomes events. If a client asked for several (`n`), which are
//! passed on unread, each of them has to have a finish reason before the whole is whole. A provider
//! may have begun fewer of them than were asked for.
//!
//! What it refuses to know: how events are framed (that is `proto::sse`), HTTP, and headers.
//!
//! Source: the API reference of chat completions and its streaming events, with the deviations of
//! compatible servers named where they are handled.

mod calls;
mod failure;
mod read;
mod request;
mod wire;
mod write;

pub use failure::failure;
pub use read::read_chat;
pub use request::{PATH, write_request};
pub use write::write_chat;

use super::choices::Choices;
use super::json::{JsonStr, List, Malformed, Object, parse};
use super::{End, Event, FailureKind, FinishReason, ProviderError};
use calls::Calls;
use wire::{Choice, Chunk, Part};

/// Reads the events of one streamed answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    state: State,
    model_told: bool,
    calls: Calls,
    choices: Choices,
    is_bare_usage: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// What comes counts. Once every choice that has begun has a finish reason, only usage and
    /// `[DONE]` follow.
    #[default]
    Answering,
    /// Nothing that comes now counts.
    Closed(End),
}

/// There is one per call, ten thousand of them at a time.
const _: () = assert!(size_of::<Stream>() <= 32);

impl Stream {
    /// Reads the data of one server-sent event and reports what it says, in order.
    ///
    /// After `[DONE]` or an error everything is ignored, as the vendor's own client does.
    ///
    /// # Errors
    /// The data is neither `[DONE]` nor a chunk. The answer is truncated then.
    pub fn event(&mut self, data: &[u8], on: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        self.is_bare_usage = false;
        if matches!(self.state, State::Closed(_)) {
            return Ok(());
        }
        // The vendor's client compares only the beginning, so servers got away with more.
        if data.starts_with(b"[DONE]") {
            self.state = State::Closed(self.end());
            on(Event::Done);
            return Ok(());
        }
        let read = parse(data)
            .and_then(|Object(chunk)| self.report(&chunk, |choice| choice.delta.as_ref(), on));
        read.inspect_err(|_| self.state = State::Closed(End::Truncated))
    }

    /// A reader for `n` answers at once, of which only the first becomes events.
    #[must_use]
    pub fn of(n: u32) -> Self {
        Self {
            choices: Choices::new(n),
            ..Self::default()
        }
    }

    /// What the answer is worth if it ends here.
    ///
    /// Ask after [`Event::Done`], or at an end of the body that the transport vouches for (the
    /// last chunk, the last byte of Content-Length). An end that nobody vouches for, such as a
    /// closed connection, is a truncation whatever this says, unless `Done` came before.
    #[must_use]
    pub const fn end(&self) -> End {
        match self.state {
            State::Answering if self.choices.all_are_finished() => End::Complete,
            State::Answering => End::Truncated,
            State::Closed(end) => end,
        }
    }

    fn report<'a>(
        &mut self,
        chunk: &Chunk<'a>,
        part: for<'c> fn(&'c Choice<'a>) -> Option<&'c Object<Part<'a>>>,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if let Some(error) = chunk.failure() {
            self.fail(failure::in_band(error), on);
            return Ok(());
        }
        if let Some(model) = chunk.model.filter(|model| !model.is_empty())
            && !self.model_told
        {
            self.model_told = true;
            on(Event::Model(model));
        }
        if let Some(List(choices)) = &chunk.choices {
            if let Some(error) = choices.other_reason.and_then(broken_off) {
                self.fail(error, on);
                return Ok(());
            }
            self.choices.begin(choices.begun);
            self.choices.finish(choices.finished);
            if let Some(choice) = &choices.first {
                self.report_part(part(choice), on)?;
                self.report_finish(choice.finish_reason, on);
            }
        }
        let usage = chunk.usage();
        let choices = chunk.choices.as_ref();
        self.is_bare_usage = usage.is_some() && choices.is_none_or(|List(choices)| !choices.any);
        if let Some(usage) = usage {
            on(Event::Usage(usage));
        }
        Ok(())
    }

    /// Whether the last event carried nothing but the usage. It comes only to those who ask.
    pub(in crate::dialect) const fn is_bare_usage(&self) -> bool {
        self.is_bare_usage
    }

    fn report_part(
        &mut self,
        part: Option<&Object<Part<'_>>>,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let Some(Object(part)) = part else {
            return Ok(());
        };
        if let Some(thinking) = part.thinking() {
            on(Event::Thinking(thinking));
        }
        if let Some(text) = part.content.filter(|text| !text.is_empty()) {
            on(Event::Text(text));
        }
        if let Some(refusal) = part.refusal.filter(|text| !text.is_empty()) {
            on(Event::Refusal(refusal));
        }
        if let Some(List(calls)) = &part.tool_calls {
            for call in calls.iter() {
                self.calls.report(call, on)?;
            }
        }
        Ok(())
    }

    fn report_finish(&mut self, native: Option<JsonStr<'_>>, on: &mut dyn FnMut(Event<'_>)) {
        // Some servers send "" for "not yet", and some repeat the reason beside the usage.
        let Some(native) = native.filter(|native| !native.is_empty()) else {
            return;
        };
        if matches!(self.state, State::Closed(_)) || self.choices.first_is_finished() {
            return;
        }
        if let Some(error) = broken_off(native) {
            return self.fail(error, on);
        }
        self.choices.finish(Choices::mark(0));
        let reason = finish_reason(native.escaped());
        on(Event::Finish { reason, native });
    }

    fn fail(&mut self, error: ProviderError, on: &mut dyn FnMut(Event<'_>)) {
        self.state = State::Closed(End::Truncated);
        on(Event::Error(error));
    }
}

/// Reads a whole unstreamed answer and reports what it says, as if it had been streamed.
///
/// An answer without a finish reason is [`End::Truncated`], by the same rule as a stream.
///
/// # Errors
/// The body is not a chat completion.
pub fn answer(body: &[u8], n: u32, on: &mut dyn FnMut(Event<'_>)) -> Result<End, Malformed> {
    let Object(completion) = parse(body)?;
    let mut stream = Stream::of(n);
    stream.report(&completion, |choice| choice.message.as_ref(), on)?;
    Ok(stream.end())
}

/// The table of finish reasons, the same for streamed and unstreamed answers.
fn finish_reason(native: &str) -> FinishReason {
    match native {
        // `eos` is Together's word.
        "stop" | "eos" => FinishReason::Stop,
        // `model_length` is Mistral's word for the end of the context window.
        "length" | "model_length" => FinishReason::Length,
        // `function_call` is what OpenAI said before there were tools.
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}

/// Some servers report a failure as a finish reason; the text before it is not whole.
fn broken_off(native: JsonStr<'_>) -> Option<ProviderError> {
    let kind = match native.escaped() {
        // OpenRouter and Mistral say `error`, vLLM says `abort`.
        "error" | "abort" => FailureKind::Internal,
        // DeepSeek, when its machines are full.
        "insufficient_system_resource" => FailureKind::Overloaded,
        _ => return None,
    };
    Some(ProviderError {
        kind,
        reach: super::Reach::of(kind),
        code: super::ErrorCode::new(native.escaped()),
        retry_after: None,
    })
}

#[cfg(test)]
mod tests;
