//! Anthropic's messages.
//!
//! A streamed answer is a row of named server-sent events. The name is repeated as `type` in the
//! data, so only the data is read. One [`Stream`] per call:
//!
//! ```text
//!   message_start                      model, tokens of the prompt
//!   content_block_start ┐
//!   content_block_delta ┤ per block    text, thinking, …
//!   content_block_stop  ┘
//!   message_delta                      why it stopped, tokens of the answer
//!   message_stop                       nothing more will come
//!
//!                  text, thinking, …              usage
//!                     ┌─────┐                    ┌─────┐
//!                     ▼     │                    ▼     │
//!   start ──────▶ Answering ┘── stop_reason ──▶ Stopped┘
//!                  │      │                      │    │
//!                  │   message_stop              │    └─ message_stop ─▶ Closed(Complete)
//!                  ▼      ▼                      ▼
//!                error ─▶ Closed(Truncated) ◀─ error
//! ```
//!
//! The text is whole after `message_stop` and not before, even if the body has a proper end.
//! `ping` may come anywhere and says nothing; so do names that are not known, because the
//! vendor's versioning policy allows new ones at any time.
//!
//! What it refuses to know: how events are framed (that is `proto::sse`), HTTP, and headers.
//!
//! Source: the API reference of messages and of streaming messages, version 2023-06-01.

mod failure;
mod read;
mod request;
mod wire;
mod write;

pub use failure::failure;
pub use read::read_chat;
pub use request::{DEFAULT_MAX_TOKENS, PATH, VERSION, write_request};
pub use write::write_chat;

use super::json::{List, Malformed, Object, parse};
use super::pieces::Calls;
use super::{Arguments, End, Event, FinishReason};
use wire::{Answer, Frame, Part, PromptTokens};

/// Reads the events of one streamed answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    state: State,
    /// What the first event said of the prompt; the last one may leave it out.
    prompt: PromptTokens,
    calls: Calls,
    block: Block,
}

/// What is known of the block that is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Block {
    /// Text, thoughts, or a call of one of the vendor's own tools.
    #[default]
    Other,
    /// A call of one of the client's tools, which was given nothing yet.
    EmptyCall,
    /// One that was given something.
    Call,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// No stop reason yet.
    #[default]
    Answering,
    /// The model has stopped; `message_stop` is still to come.
    Stopped,
    /// Nothing that comes now counts.
    Closed(End),
}

/// There is one per call, ten thousand of them at a time.
const _: () = assert!(size_of::<Stream>() <= 32);

impl Stream {
    /// Reads the data of one server-sent event and reports what it says, in order.
    ///
    /// After `message_stop` or an error everything is ignored.
    ///
    /// # Errors
    /// The data is not an event of this protocol. The answer is truncated then.
    pub fn event(&mut self, data: &[u8], on: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        if matches!(self.state, State::Closed(_)) {
            return Ok(());
        }
        let read = parse(data).and_then(|Object(frame)| self.report(&frame, on));
        read.inspect_err(|_| self.state = State::Closed(End::Truncated))
    }

    /// What the answer is worth if it ends here.
    ///
    /// Ask after [`Event::Done`], or at the end of the body, which is a truncation if `Done` did
    /// not come before.
    #[must_use]
    pub const fn end(&self) -> End {
        match self.state {
            State::Answering | State::Stopped => End::Truncated,
            State::Closed(end) => end,
        }
    }

    fn report(
        &mut self,
        frame: &Frame<'_>,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        match frame.kind.escaped() {
            "message_start" => self.report_start(frame, on),
            "content_block_start" => {
                let Object(block) = frame.content_block.as_ref().ok_or(Malformed::Shape)?;
                self.block = match block.is_call() {
                    true => Block::EmptyCall,
                    false => Block::Other,
                };
                return self.report_part(&block.opening(), on);
            }
            "content_block_delta" => {
                let Object(delta) = frame.delta.as_ref().ok_or(Malformed::Shape)?;
                if !delta.is_input() {
                    return self.report_part(delta, on);
                }
                if self.block != Block::Other {
                    return self.report_input(delta, on);
                }
            }
            "content_block_stop" => return self.report_block_end(on),
            "message_delta" => self.report_stop(frame, on),
            "message_stop" => self.close(on),
            "error" => {
                self.state = State::Closed(End::Truncated);
                on(Event::Error(failure::in_band(frame.error)));
            }
            _ => {}
        }
        Ok(())
    }

    /// A part that says that it is text and has none would leave a hole in the answer.
    fn report_part(
        &mut self,
        part: &Part<'_>,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let pieces = part.pieces().ok_or(Malformed::Shape)?;
        pieces.report(&mut self.calls, on)
    }

    fn report_input(
        &mut self,
        delta: &Part<'_>,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let mut is_given = false;
        self.report_part(delta, &mut |event| {
            is_given = true;
            on(event);
        })?;
        if is_given {
            self.block = Block::Call;
        }
        Ok(())
    }

    /// A call of a tool that takes nothing has no input in its stream, and `{}` in a whole answer.
    fn report_block_end(&mut self, on: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        if std::mem::take(&mut self.block) == Block::EmptyCall {
            let index = self.calls.last()?;
            let json = Arguments::Whole("{}");
            on(Event::Arguments { index, json });
        }
        Ok(())
    }

    fn report_start(&mut self, frame: &Frame<'_>, on: &mut dyn FnMut(Event<'_>)) {
        let Some(Object(message)) = &frame.message else {
            return;
        };
        if let Some(model) = message.model.filter(|model| !model.is_empty()) {
            on(Event::Model(model));
        }
        if let Some(Object(usage)) = &message.usage {
            on(Event::Usage(self.prompt.update(usage)));
        }
    }

    fn report_stop(&mut self, frame: &Frame<'_>, on: &mut dyn FnMut(Event<'_>)) {
        if let Some(Object(delta)) = &frame.delta
            && let Some(native) = delta.stop_reason.filter(|native| !native.is_empty())
            && self.state == State::Answering
        {
            self.state = State::Stopped;
            let reason = finish_reason(native.escaped());
            on(Event::Finish { reason, native });
        }
        if let Some(Object(usage)) = &frame.usage {
            on(Event::Usage(self.prompt.update(usage)));
        }
    }

    fn close(&mut self, on: &mut dyn FnMut(Event<'_>)) {
        let end = match self.state {
            State::Stopped => End::Complete,
            // The model did not say why it stopped, so somebody else may have stopped it.
            State::Answering | State::Closed(_) => End::Truncated,
        };
        self.state = State::Closed(end);
        on(Event::Done);
    }
}

/// Reads a whole unstreamed answer and reports what it says, as if it had been streamed.
///
/// An answer without a stop reason is [`End::Truncated`], by the same rule as a stream.
///
/// # Errors
/// The body is not a message.
pub fn answer(body: &[u8], on: &mut dyn FnMut(Event<'_>)) -> Result<End, Malformed> {
    let Object(answer): Object<Answer<'_>> = parse(body)?;
    if answer.kind.is_some_and(|kind| kind.escaped() == "error") {
        on(Event::Error(failure::in_band(answer.error)));
        return Ok(End::Truncated);
    }
    if let Some(model) = answer.model.filter(|model| !model.is_empty()) {
        on(Event::Model(model));
    }
    if let Some(List(blocks)) = &answer.content {
        blocks.0.report(&mut Calls::default(), on)?;
    }
    let native = answer.stop_reason.filter(|native| !native.is_empty());
    if let Some(native) = native {
        let reason = finish_reason(native.escaped());
        on(Event::Finish { reason, native });
    }
    if let Some(Object(usage)) = &answer.usage {
        on(Event::Usage(PromptTokens::default().update(usage)));
    }
    Ok(native.map_or(End::Truncated, |_| End::Complete))
}

/// The table of stop reasons, the same for streamed and unstreamed answers.
fn finish_reason(native: &str) -> FinishReason {
    match native {
        // `pause_turn` only comes to those who gave it tools of the vendor; the text is whole.
        "end_turn" | "stop_sequence" | "pause_turn" => FinishReason::Stop,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::ContentFilter,
        _ => FinishReason::Other,
    }
}
