//! Why a model stopped and what it cost, kept until the end and said in each vendor's words.
//!
//! One table of finish reasons serves streamed and whole answers. The provider's own word is kept
//! for `native_finish_reason`, if it is short.

use crate::dialect::pen::Pen;
use crate::dialect::{Event, FinishReason, Usage};

/// A longer word is none.
const NATIVE_BYTES: usize = 64;

/// What is said last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Closing {
    pub(super) usage: Usage,
    reason: Option<FinishReason>,
    /// The provider's own word, with its escapes.
    native: Option<String>,
    /// There was a refusal in words, whatever the reason says.
    has_refused: bool,
}

impl Closing {
    /// Keeps what has to wait; returns whether that is all that there is to do.
    pub(super) fn takes(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Usage(usage) => self.usage = *usage,
            Event::Finish { reason, native } => {
                self.reason = Some(*reason);
                let native = native.escaped();
                self.native = (native.len() <= NATIVE_BYTES).then(|| native.to_owned());
            }
            Event::Refusal(_) => {
                self.has_refused = true;
                return false;
            }
            Event::Model(_) | Event::Done | Event::Error(_) => {}
            Event::Text(_)
            | Event::Thinking(_)
            | Event::Signature(_)
            | Event::ToolCall { .. }
            | Event::Arguments { .. } => return false,
        }
        true
    }

    const fn reason(&self) -> FinishReason {
        match self.reason {
            Some(reason) => reason,
            None => FinishReason::Other,
        }
    }

    pub(super) fn native(&self) -> Option<&str> {
        self.native.as_deref()
    }

    /// `finish_reason`. OpenAI's clients see a refusal in its own field.
    pub(super) const fn openai(&self) -> &'static str {
        match self.reason() {
            FinishReason::Stop | FinishReason::Other => "stop",
            FinishReason::Length => "length",
            FinishReason::ToolCalls => "tool_calls",
            FinishReason::ContentFilter => "content_filter",
        }
    }

    /// `stop_reason`.
    pub(super) const fn anthropic(&self) -> &'static str {
        match self.reason() {
            FinishReason::Stop | FinishReason::Other if self.has_refused => "refusal",
            FinishReason::Stop | FinishReason::Other => "end_turn",
            FinishReason::Length => "max_tokens",
            FinishReason::ToolCalls => "tool_use",
            FinishReason::ContentFilter => "refusal",
        }
    }

    /// `finishReason`.
    pub(super) const fn gemini(&self) -> &'static str {
        match self.reason() {
            FinishReason::Stop if self.has_refused => "SAFETY",
            FinishReason::Stop | FinishReason::ToolCalls => "STOP",
            FinishReason::Length => "MAX_TOKENS",
            FinishReason::ContentFilter => "SAFETY",
            FinishReason::Other => "OTHER",
        }
    }
}

/// Whether any count is known.
pub(super) fn is_known(usage: &Usage) -> bool {
    *usage != Usage::default()
}

fn total(usage: &Usage) -> u64 {
    let sum = usage.prompt_tokens.unwrap_or(0) + usage.completion_tokens.unwrap_or(0);
    usage.total_tokens.unwrap_or(sum)
}

/// OpenAI's `usage`.
pub(super) fn put_openai(json: &mut Pen<'_>, usage: &Usage) {
    json.key("prompt_tokens")
        .whole(usage.prompt_tokens.unwrap_or(0));
    json.key("completion_tokens")
        .whole(usage.completion_tokens.unwrap_or(0));
    json.key("total_tokens").whole(total(usage));
    for (details, name, count) in [
        (
            "prompt_tokens_details",
            "cached_tokens",
            usage.cached_tokens,
        ),
        (
            "completion_tokens_details",
            "reasoning_tokens",
            usage.reasoning_tokens,
        ),
    ] {
        if count.is_some() {
            json.key(details)
                .nested(|json| json.maybe_whole(name, count));
        }
    }
}

/// Anthropic's `usage`, where what was read from the cache is not part of the input.
pub(super) fn put_anthropic(json: &mut Pen<'_>, usage: &Usage) {
    let cached = usage.cached_tokens.unwrap_or(0);
    let prompt = usage.prompt_tokens.unwrap_or(0);
    json.key("input_tokens")
        .whole(prompt.saturating_sub(cached));
    json.maybe_whole("cache_read_input_tokens", usage.cached_tokens);
    json.key("output_tokens")
        .whole(usage.completion_tokens.unwrap_or(0));
}

/// Gemini's `usageMetadata`, where thoughts are not part of what the candidates say.
pub(super) fn put_gemini(json: &mut Pen<'_>, usage: &Usage) {
    let thoughts = usage.reasoning_tokens.unwrap_or(0);
    let said = usage
        .completion_tokens
        .map(|tokens| tokens.saturating_sub(thoughts));
    json.maybe_whole("promptTokenCount", usage.prompt_tokens);
    json.maybe_whole("candidatesTokenCount", said);
    json.maybe_whole("thoughtsTokenCount", usage.reasoning_tokens);
    json.maybe_whole("cachedContentTokenCount", usage.cached_tokens);
    json.key("totalTokenCount").whole(total(usage));
}
