//! Where in the client's request something stood, in the client's words.
//!
//! A writer finds that its dialect cannot express a thing. By then the thing has a neutral name,
//! and the client has to be told the name that he wrote.

use super::{Chat, Format, Message, Part, Role, ToolChoice};
use crate::dialect::{Dialect, Refused, Why};

/// Why an address is not passed on.
pub(in crate::dialect) const NOT_FETCHED: &str = "it fetches addresses with http or https only";

/// A field of the request as a whole that some dialect does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dialect) enum Knob {
    Temperature,
    TopK,
    Stop,
    Seed,
    FrequencyPenalty,
    PresencePenalty,
    N,
    Format,
    FormatDescription,
    ParallelToolCalls,
    ToolChoice,
    MaxTokens,
    ThinkingBudget,
    Messages,
}

impl Knob {
    const fn name(self, dialect: Dialect) -> &'static str {
        use Dialect::{Anthropic, Gemini, OpenAi};
        match (self, dialect) {
            (Self::Temperature, Gemini) => "generationConfig.temperature",
            (Self::Temperature, _) => "temperature",
            (Self::TopK, Gemini) => "generationConfig.topK",
            (Self::TopK, _) => "top_k",
            (Self::Stop, OpenAi) => "stop",
            (Self::Stop, Anthropic) => "stop_sequences",
            (Self::Stop, Gemini) => "generationConfig.stopSequences",
            (Self::Seed, Gemini) => "generationConfig.seed",
            (Self::Seed, _) => "seed",
            (Self::FrequencyPenalty, Gemini) => "generationConfig.frequencyPenalty",
            (Self::FrequencyPenalty, _) => "frequency_penalty",
            (Self::PresencePenalty, Gemini) => "generationConfig.presencePenalty",
            (Self::PresencePenalty, _) => "presence_penalty",
            (Self::N, Gemini) => "generationConfig.candidateCount",
            (Self::N, _) => "n",
            (Self::Format, OpenAi) => "response_format",
            (Self::Format, Anthropic) => "output_config.format",
            (Self::Format, Gemini) => "generationConfig.responseMimeType",
            (Self::FormatDescription, _) => "response_format.json_schema.description",
            (Self::ParallelToolCalls, Anthropic) => "tool_choice.disable_parallel_tool_use",
            (Self::ParallelToolCalls, _) => "parallel_tool_calls",
            (Self::ToolChoice, Gemini) => "toolConfig.functionCallingConfig",
            (Self::ToolChoice, _) => "tool_choice",
            (Self::MaxTokens, Gemini) => "generationConfig.maxOutputTokens",
            (Self::MaxTokens, _) => "max_tokens",
            (Self::ThinkingBudget, Gemini) => "generationConfig.thinkingConfig.thinkingBudget",
            (Self::ThinkingBudget, _) => "thinking.budget_tokens",
            (Self::Messages, Gemini) => "contents",
            (Self::Messages, _) => "messages",
        }
    }
}

impl Chat {
    /// `target` has no way to say `knob`.
    pub(in crate::dialect) fn cannot(&self, target: Dialect, knob: Knob, reason: &str) -> Refused {
        inexpressible(knob.name(self.from).to_owned(), target, reason)
    }

    /// `target` has no way to say one part of a message. `inner` is the place within a tool's
    /// result.
    pub(in crate::dialect) fn cannot_part(
        &self,
        target: Dialect,
        at: (&Message, usize),
        inner: Option<usize>,
        reason: &str,
    ) -> Refused {
        inexpressible(self.place(at, inner), target, reason)
    }

    /// Only the model thinks and calls, only the other side answers for tools, and tools answer
    /// with text and media.
    pub(in crate::dialect) fn check_sides(&self) -> Result<(), Refused> {
        for message in &self.messages {
            for (place, part) in message.parts.iter().enumerate() {
                let expected = match (message.role, part) {
                    (Role::User, Part::ToolCall(_) | Part::Thinking { .. }) => {
                        "in a message of the model"
                    }
                    (Role::Assistant, Part::ToolResult(_)) => "in a message of the user",
                    (Role::User, Part::ToolResult(result)) if !is_plain(&result.content) => {
                        "made of text and media"
                    }
                    _ => continue,
                };
                return Err(Refused::wrong(self.place((message, place), None), expected));
            }
        }
        Ok(())
    }

    /// Whoever has to call a tool needs one. Tools that only the vendor knows are noted elsewhere.
    pub(in crate::dialect) fn check_tools(&self) -> Result<(), Refused> {
        let must = matches!(
            self.tool_choice,
            ToolChoice::Required | ToolChoice::Named(_)
        );
        match must && self.tools.is_empty() && self.foreign.is_empty() {
            true => Err(Refused::wrong(
                Knob::ToolChoice.name(self.from),
                "given together with tools",
            )),
            false => Ok(()),
        }
    }

    fn place(&self, (message, part): (&Message, usize), inner: Option<usize>) -> String {
        let at = message.at;
        let mut field = match self.from {
            Dialect::Gemini => format!("contents[{at}].parts[{part}]"),
            Dialect::OpenAi | Dialect::Anthropic => format!("messages[{at}].content[{part}]"),
        };
        if let Some(inner) = inner {
            field = match self.from {
                // What a tool said is a whole message there.
                Dialect::OpenAi => format!("messages[{at}].content[{inner}]"),
                Dialect::Anthropic => format!("{field}.content[{inner}]"),
                Dialect::Gemini => format!("{field}.functionResponse.parts[{inner}]"),
            };
        }
        field
    }

    /// What no translation to `target` can say, whichever two dialects they are.
    pub(in crate::dialect) fn check_common(&self, target: Dialect) -> Result<(), Refused> {
        self.no_foreign(target)?;
        self.one_answer(target)?;
        if target == Dialect::Anthropic || self.from != Dialect::Anthropic {
            return Ok(());
        }
        if self.settings.max_tokens == Some(0) {
            let reason = "an answer has at least one token there";
            return Err(self.cannot(target, Knob::MaxTokens, reason));
        }
        if let Some(last) = self.messages.last()
            && last.role == Role::Assistant
        {
            let reason = "an answer cannot be begun for the model there";
            return Err(inexpressible(
                format!("messages[{}]", last.at),
                target,
                reason,
            ));
        }
        Ok(())
    }

    /// OpenAI's clients can say what the shape of an answer is for, and `target` cannot be told.
    pub(in crate::dialect) fn check_description(&self, target: Dialect) -> Result<(), Refused> {
        match &self.format {
            Format::JsonSchema {
                description: Some(_),
                ..
            } => {
                let reason = "the schema itself can have one, the format cannot";
                Err(self.cannot(target, Knob::FormatDescription, reason))
            }
            _ => Ok(()),
        }
    }

    /// Nobody has said anything, and `target` wants somebody to.
    pub(in crate::dialect) fn nothing_said(&self, target: Dialect) -> Refused {
        let reason = "it wants at least one message that says something, beside the instructions";
        self.cannot(target, Knob::Messages, reason)
    }

    /// Fields that nobody else knows are not left out without a word.
    fn no_foreign(&self, target: Dialect) -> Result<(), Refused> {
        match self.foreign.first() {
            Some(field) => Err(inexpressible(
                field.clone(),
                target,
                "there is nothing like it in that API",
            )),
            None => Ok(()),
        }
    }

    /// The events of an answer are those of one choice.
    fn one_answer(&self, target: Dialect) -> Result<(), Refused> {
        match self.settings.n {
            None | Some(1) => Ok(()),
            Some(_) => Err(self.cannot(
                target,
                Knob::N,
                "several answers to one request are passed on only in the dialect they come in",
            )),
        }
    }
}

fn is_plain(parts: &[Part]) -> bool {
    (parts.iter()).all(|part| matches!(part, Part::Text(_) | Part::Media(_)))
}

fn inexpressible(field: String, target: Dialect, reason: &str) -> Refused {
    Refused {
        field: Some(field),
        why: Why::Inexpressible {
            target,
            reason: reason.to_owned(),
        },
    }
}
