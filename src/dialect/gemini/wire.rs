//! The JSON of a response, as far as it is read. Streamed and whole ones look alike.
//!
//! Fields that are not named here are skipped. A field that is named has to have its type or be
//! null. Nothing here owns memory but a response of several pieces, which keeps where they are.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::Usage;
use crate::dialect::choices::Choices;
use crate::dialect::json::{Gather, JsonStr, List, Object, Skipped, count};
use crate::dialect::pieces::{Call, Piece, Pieces};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) candidates: Option<List<Candidates<'a>>>,
    #[serde(borrow)]
    pub(super) prompt_feedback: Option<Object<Feedback<'a>>>,
    #[serde(borrow)]
    usage_metadata: Option<Object<UsageFields<'a>>>,
    #[serde(borrow)]
    pub(super) model_version: Option<JsonStr<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

impl Response<'_> {
    /// The counts, if any came.
    pub(super) fn usage(&self) -> Option<Usage> {
        let Object(fields) = self.usage_metadata.as_ref()?;
        Some(fields.counts()).filter(|usage| *usage != Usage::default())
    }
}

/// A list may stand for one error, and for nothing else: responses in a list are the answer to a
/// question that is not asked here.
#[derive(Default)]
pub(super) struct Only<'a>(pub(super) Option<Response<'a>>);

impl<'de: 'a, 'a> Gather<'de> for Only<'a> {
    type Item = Object<Response<'a>>;

    fn take(&mut self, Object(response): Self::Item) -> Result<(), &'static str> {
        if response.error.is_none() || self.0.is_some() {
            return Err("a list that is not one error");
        }
        self.0 = Some(response);
        Ok(())
    }
}

/// The candidate with index 0, and which of the others are at their end.
#[derive(Default)]
pub(super) struct Candidates<'a> {
    pub(super) first: Option<Candidate<'a>>,
    /// Marks of [`Choices`].
    pub(super) finished: u32,
    /// The same, of all of them.
    pub(super) begun: u32,
}

impl<'de: 'a, 'a> Gather<'de> for Candidates<'a> {
    type Item = Object<Candidate<'a>>;

    fn take(&mut self, Object(candidate): Self::Item) -> Result<(), &'static str> {
        // JSON of protocol buffers leaves a zero out.
        let index = candidate.index.unwrap_or(0);
        self.begun |= Choices::mark(index);
        if index != 0 {
            if candidate
                .finish_reason
                .is_some_and(|reason| !reason.is_empty())
            {
                self.finished |= Choices::mark(index);
            }
            return Ok(());
        }
        match self.first.replace(candidate) {
            None => Ok(()),
            Some(_) => Err("two candidates with index 0"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    index: Option<u64>,
    #[serde(borrow)]
    content: Option<Object<Content<'a>>>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<JsonStr<'a>>,
    #[serde(rename = "safetyRatings")]
    _safety_ratings: Option<Skipped>,
}

impl<'a> Candidate<'a> {
    pub(super) fn parts(&self) -> Option<&Parts<'a>> {
        let Object(content) = self.content.as_ref()?;
        content.parts.as_ref().map(|List(parts)| parts)
    }
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Option<List<Parts<'a>>>,
}

/// The parts of a piece of the answer.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) pieces: Pieces<'a>,
}

impl<'de: 'a, 'a> Gather<'de> for Parts<'a> {
    type Item = Object<Part<'a>>;

    fn take(&mut self, Object(part): Self::Item) -> Result<(), &'static str> {
        if let Some(Object(call)) = part.function_call {
            self.pieces.push(Piece::Call(Call {
                id: call.id,
                name: call.name.ok_or("a call without a name")?,
                signature: part.thought_signature,
                arguments: Some(call.arguments()?),
            }));
        }
        // Images and code come only to those who ask for them.
        if let Some(text) = part.text {
            let thought = part.thought.unwrap_or(false);
            let piece = if thought {
                Piece::Thinking
            } else {
                Piece::Text
            };
            self.pieces.push(piece(text));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    text: Option<JsonStr<'a>>,
    thought: Option<bool>,
    #[serde(borrow)]
    thought_signature: Option<JsonStr<'a>>,
    #[serde(borrow)]
    function_call: Option<Object<FunctionCall<'a>>>,
}

#[derive(Deserialize)]
struct FunctionCall<'a> {
    #[serde(borrow)]
    id: Option<JsonStr<'a>>,
    #[serde(borrow)]
    name: Option<JsonStr<'a>>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
}

impl<'a> FunctionCall<'a> {
    /// An object; JSON of protocol buffers leaves an empty one out.
    fn arguments(&self) -> Result<&'a str, &'static str> {
        let args = self.args.map_or("{}", RawValue::get);
        match args.starts_with('{') {
            true => Ok(args),
            false => Err("arguments that are no object"),
        }
    }
}

/// What became of the prompt.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Feedback<'a> {
    #[serde(borrow)]
    pub(super) block_reason: Option<JsonStr<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UsageFields<'a> {
    #[serde(borrow)]
    prompt_token_count: Option<&'a RawValue>,
    #[serde(borrow)]
    candidates_token_count: Option<&'a RawValue>,
    #[serde(borrow)]
    thoughts_token_count: Option<&'a RawValue>,
    #[serde(borrow)]
    cached_content_token_count: Option<&'a RawValue>,
    #[serde(borrow)]
    total_token_count: Option<&'a RawValue>,
    /// On every event of a usual stream, hence stepped over with care.
    #[serde(rename = "promptTokensDetails")]
    _prompt_details: Option<Skipped>,
    #[serde(rename = "candidatesTokensDetails")]
    _candidates_details: Option<Skipped>,
    #[serde(rename = "cacheTokensDetails")]
    _cache_details: Option<Skipped>,
}

impl UsageFields<'_> {
    /// Thoughts are not in `candidatesTokenCount`, but they are generated and paid for.
    fn counts(&self) -> Usage {
        let thoughts = count(self.thoughts_token_count);
        let answer = count(self.candidates_token_count);
        Usage {
            prompt_tokens: count(self.prompt_token_count),
            completion_tokens: [answer, thoughts]
                .into_iter()
                .flatten()
                .reduce(u64::saturating_add),
            total_tokens: count(self.total_token_count),
            cached_tokens: count(self.cached_content_token_count),
            reasoning_tokens: thoughts,
        }
    }
}
