//! The JSON of a chunk and of a whole completion, as far as it is read.
//!
//! One struct serves both: a chunk carries its text in `delta`, a completion in `message`, and
//! all else is alike. Fields that are not named here are skipped. A field that is named has to
//! have its type or be null; text of an unknown shape is malformed and not ignored, because an
//! answer with a hole in it must not pass for whole.
//!
//! Nothing here owns memory: an array is folded while it is read, and strings stay where they
//! are.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::choices::Choices as Marks;
use crate::dialect::json::{Gather, JsonStr, List, Object, count};
use crate::dialect::{Arguments, Usage};

#[derive(Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) model: Option<JsonStr<'a>>,
    #[serde(borrow)]
    pub(super) choices: Option<List<Choices<'a>>>,
    #[serde(borrow)]
    usage: Option<Object<UsageFields<'a>>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl<'a> Chunk<'a> {
    /// The error, if there is one in the sense of the vendor's Python client: a truthy value.
    pub(super) fn failure(&self) -> Option<&'a RawValue> {
        self.error
            .filter(|error| !matches!(error.get(), "null" | "false" | "0" | "\"\"" | "{}" | "[]"))
    }

    /// The counts, if any came.
    pub(super) fn usage(&self) -> Option<Usage> {
        let Object(fields) = self.usage.as_ref()?;
        Some(fields.counts()).filter(|usage| *usage != Usage::default())
    }
}

/// The choice with index 0, and how the others stopped.
#[derive(Default)]
pub(super) struct Choices<'a> {
    /// There is one at all.
    pub(super) any: bool,
    pub(super) first: Option<Choice<'a>>,
    /// Marks of all of them.
    pub(super) begun: u32,
    /// Marks of those that are at their end.
    pub(super) finished: u32,
    /// A reason of another one.
    pub(super) other_reason: Option<JsonStr<'a>>,
}

impl<'de: 'a, 'a> Gather<'de> for Choices<'a> {
    type Item = Object<Choice<'a>>;

    fn take(&mut self, Object(choice): Self::Item) -> Result<(), &'static str> {
        // Some servers leave the index out.
        self.any = true;
        let index = choice.index.unwrap_or(0);
        self.begun |= Marks::mark(index);
        if index != 0 {
            if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                self.finished |= Marks::mark(index);
                self.other_reason = Some(reason);
            }
            return Ok(());
        }
        match self.first.replace(choice) {
            None => Ok(()),
            Some(_) => Err("two choices with index 0"),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    pub(super) delta: Option<Object<Part<'a>>>,
    #[serde(borrow)]
    pub(super) message: Option<Object<Part<'a>>>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<JsonStr<'a>>,
}

/// A delta or a message.
#[derive(Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) content: Option<JsonStr<'a>>,
    #[serde(borrow)]
    pub(super) refusal: Option<JsonStr<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<JsonStr<'a>>,
    #[serde(borrow)]
    reasoning: Option<JsonStr<'a>>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<List<ToolCalls<'a>>>,
}

/// Calls of tools, or pieces of them. One, which is what nearly every event has, costs no
/// allocation.
#[derive(Default)]
pub(super) struct ToolCalls<'a> {
    first: Option<ToolCall<'a>>,
    rest: Vec<ToolCall<'a>>,
}

impl<'a> ToolCalls<'a> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &ToolCall<'a>> {
        self.first.iter().chain(&self.rest)
    }
}

impl<'de: 'a, 'a> Gather<'de> for ToolCalls<'a> {
    type Item = Object<ToolCall<'a>>;

    fn take(&mut self, Object(call): Self::Item) -> Result<(), &'static str> {
        if self.first.is_none() {
            self.first = Some(call);
        } else {
            self.rest.push(call);
        }
        Ok(())
    }
}

/// One call, or a piece of it.
#[derive(Deserialize)]
pub(super) struct ToolCall<'a> {
    pub(super) index: Option<u64>,
    #[serde(borrow)]
    pub(super) id: Option<JsonStr<'a>>,
    #[serde(borrow)]
    function: Option<Object<Function<'a>>>,
    #[serde(borrow)]
    extra_content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<JsonStr<'a>>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Extra<'a> {
    #[serde(borrow)]
    google: Option<Object<Google<'a>>>,
}

#[derive(Deserialize)]
struct Google<'a> {
    #[serde(borrow)]
    thought_signature: Option<JsonStr<'a>>,
}

impl<'a> ToolCall<'a> {
    pub(super) fn name(&self) -> Option<JsonStr<'a>> {
        let Object(function) = self.function.as_ref()?;
        function.name.filter(|name| !name.is_empty())
    }

    /// The text of the arguments or a piece of it; some servers send the object itself.
    pub(super) fn arguments(&self) -> Option<Arguments<'a>> {
        let Object(function) = self.function.as_ref()?;
        let raw = function.arguments?;
        match JsonStr::from_raw(raw) {
            Some(piece) if piece.is_empty() => None,
            Some(piece) => Some(Arguments::Piece(piece)),
            None if raw.get().starts_with('{') => Some(Arguments::Whole(raw.get())),
            None => None,
        }
    }

    /// Where Google's endpoint puts the seal on the thoughts before a call.
    pub(super) fn signature(&self) -> Option<JsonStr<'a>> {
        let Object(extra): Object<Extra<'a>> =
            serde_json::from_str(self.extra_content?.get()).ok()?;
        let Object(google) = extra.google?;
        google.thought_signature
    }
}

impl<'a> Part<'a> {
    /// DeepSeek says `reasoning_content`, OpenRouter says `reasoning`, and versions of vLLM say
    /// the same thing twice.
    pub(super) fn thinking(&self) -> Option<JsonStr<'a>> {
        let told = |text: &JsonStr<'a>| !text.is_empty();
        self.reasoning_content
            .filter(told)
            .or(self.reasoning.filter(told))
    }
}

#[derive(Deserialize)]
struct UsageFields<'a> {
    #[serde(borrow)]
    prompt_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    total_tokens: Option<&'a RawValue>,
    /// DeepSeek's name for what OpenAI puts into the details.
    #[serde(borrow)]
    prompt_cache_hit_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_tokens_details: Option<Object<Details<'a>>>,
    #[serde(borrow)]
    completion_tokens_details: Option<Object<Details<'a>>>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    cached_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_tokens: Option<&'a RawValue>,
}

impl UsageFields<'_> {
    fn counts(&self) -> Usage {
        let prompt = self.prompt_tokens_details.as_ref();
        let completion = self.completion_tokens_details.as_ref();
        Usage {
            prompt_tokens: count(self.prompt_tokens),
            completion_tokens: count(self.completion_tokens),
            total_tokens: count(self.total_tokens),
            cached_tokens: prompt
                .and_then(|Object(details)| count(details.cached_tokens))
                .or_else(|| count(self.prompt_cache_hit_tokens)),
            reasoning_tokens: completion
                .and_then(|Object(details)| count(details.reasoning_tokens)),
        }
    }
}
