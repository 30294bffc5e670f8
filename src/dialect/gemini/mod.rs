//! Google's Gemini: `generateContent` and `streamGenerateContent`.
//!
//! A streamed answer is a row of server-sent events without names, each with one response object
//! as its data, and each response looks like a whole answer with a part of the text. No event
//! says that nothing more will come. One [`Stream`] per call:
//!
//! ```text
//!                  text, thinking, usage           usage
//!                     ┌─────┐                     ┌─────┐
//!                     ▼     │                     ▼     │
//!   start ──────▶ Answering ┘── finishReason ──▶ Finished┘    the end of the body makes it whole
//!                  │      └──── blockReason ────▲  │
//!                  │                               │
//!                  └── error ──▶ Failed ◀── error ─┘
//! ```
//!
//! Two oddities. Errors come as an object, or as a list with one object in it, and in the middle
//! of a stream also as bare JSON without `data:` (`proto::sse` hands that on like an event). And a
//! prompt that was blocked has no answer at all, only the reason.
//!
//! What it refuses to know: how events are framed (that is `proto::sse`), HTTP, and headers.
//!
//! Source: the API reference of `GenerateContentResponse`, version v1beta.

mod failure;
mod read;
mod request;
mod schema;
mod wire;
mod write;

pub use failure::failure;
pub use read::{read_chat, read_path};
pub(super) use request::method_path;
pub use request::{path, write_request};
pub use write::write_chat;

use super::choices::Choices;
use super::json::{JsonStr, List, Malformed, Object, parse};
use super::pieces::Calls;
use super::{End, Event, FinishReason};
use wire::{Candidate, Only, Response};

/// Reads the events of one streamed answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    state: State,
    model_told: bool,
    /// If there were any, the finish reason does not say so: it is `STOP`.
    calls: Calls,
    choices: Choices,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// No finish reason yet.
    #[default]
    Answering,
    /// The model has stopped; usage may follow.
    Finished,
    /// An error came. Nothing that comes now counts.
    Failed,
}

impl Stream {
    /// Reads the data of one server-sent event and reports what it says, in order.
    ///
    /// After an error everything is ignored.
    ///
    /// # Errors
    /// The data is not a response. The answer is truncated then.
    pub fn event(&mut self, data: &[u8], on: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        if self.state == State::Failed {
            return Ok(());
        }
        let read = response(data).and_then(|response| self.report(&response, on));
        read.inspect_err(|_| self.state = State::Failed)
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
    /// Ask at an end of the body that the transport vouches for. Any other end is a truncation
    /// whatever this says.
    #[must_use]
    pub const fn end(&self) -> End {
        match self.state {
            State::Finished if self.choices.all_are_finished() => End::Complete,
            State::Answering | State::Finished | State::Failed => End::Truncated,
        }
    }

    fn report(
        &mut self,
        response: &Response<'_>,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if let Some(error) = response.error {
            self.state = State::Failed;
            on(Event::Error(failure::in_band(error)));
            return Ok(());
        }
        if let Some(model) = response.model_version.filter(|model| !model.is_empty())
            && !self.model_told
        {
            self.model_told = true;
            on(Event::Model(model));
        }
        if let Some(List(candidates)) = &response.candidates {
            self.choices.begin(candidates.begun);
            self.choices.finish(candidates.finished);
        }
        if let Some(List(candidates)) = &response.candidates
            && let Some(candidate) = &candidates.first
        {
            self.report_candidate(candidate, on)?;
        } else if let Some(Object(feedback)) = &response.prompt_feedback {
            // No answer at all is the end of each of them.
            if feedback.block_reason.is_some() {
                self.choices.finish(u32::MAX);
            }
            self.report_finish(
                feedback.block_reason,
                |_, _| FinishReason::ContentFilter,
                on,
            );
        }
        if let Some(usage) = response.usage() {
            on(Event::Usage(usage));
        }
        Ok(())
    }

    fn report_candidate(
        &mut self,
        candidate: &Candidate<'_>,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if let Some(parts) = candidate.parts() {
            parts.pieces.report(&mut self.calls, on)?;
        }
        self.report_finish(candidate.finish_reason, finish_reason, on);
        Ok(())
    }

    fn report_finish(
        &mut self,
        native: Option<JsonStr<'_>>,
        reason: fn(&str, bool) -> FinishReason,
        on: &mut dyn FnMut(Event<'_>),
    ) {
        let Some(native) = native.filter(|native| !native.is_empty()) else {
            return;
        };
        if self.state == State::Answering {
            self.state = State::Finished;
            self.choices.finish(Choices::mark(0));
            let reason = reason(native.escaped(), self.calls.any());
            on(Event::Finish { reason, native });
        }
    }
}

/// Reads a whole unstreamed answer and reports what it says, as if it had been streamed.
///
/// An answer without a finish reason is [`End::Truncated`], by the same rule as a stream.
///
/// # Errors
/// The body is not a response.
pub fn answer(body: &[u8], n: u32, on: &mut dyn FnMut(Event<'_>)) -> Result<End, Malformed> {
    let mut stream = Stream::of(n);
    stream.event(body, on)?;
    Ok(stream.end())
}

/// A response, or a list with an error in it.
fn response(data: &[u8]) -> Result<Response<'_>, Malformed> {
    if !data.trim_ascii_start().starts_with(b"[") {
        return parse(data).map(|Object(response)| response);
    }
    let List(Only(response)) = parse(data)?;
    response.ok_or(Malformed::Shape)
}

/// The table of finish reasons, the same for streamed and unstreamed answers.
fn finish_reason(native: &str, wants_tool: bool) -> FinishReason {
    match native {
        "STOP" if wants_tool => FinishReason::ToolCalls,
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "LANGUAGE"
        | "RECITATION"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => FinishReason::ContentFilter,
        // Broken tool calls, images that were not made, `OTHER`, and what is new.
        _ => FinishReason::Other,
    }
}
