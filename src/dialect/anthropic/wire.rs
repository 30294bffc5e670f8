//! The JSON of an event and of a whole message, as far as it is read.
//!
//! Fields that are not named here are skipped. A field that is named has to have its type or be
//! null. Nothing here owns memory but a message of several blocks, which keeps where they are.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::Usage;
use crate::dialect::json::{Gather, JsonStr, List, Object, count};
use crate::dialect::pieces::{Call, Piece, Pieces};

/// The data of one event of a stream. Which fields there are depends on `type`.
#[derive(Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: JsonStr<'a>,
    #[serde(borrow)]
    pub(super) message: Option<Object<Opening<'a>>>,
    #[serde(borrow)]
    pub(super) content_block: Option<Object<Part<'a>>>,
    #[serde(borrow)]
    pub(super) delta: Option<Object<Part<'a>>>,
    #[serde(borrow)]
    pub(super) usage: Option<Object<UsageFields<'a>>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// The message of `message_start`, which has no content yet.
#[derive(Deserialize)]
pub(super) struct Opening<'a> {
    #[serde(borrow)]
    pub(super) model: Option<JsonStr<'a>>,
    #[serde(borrow)]
    pub(super) usage: Option<Object<UsageFields<'a>>>,
}

/// A whole message, or the error that came in its place.
#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<JsonStr<'a>>,
    #[serde(borrow)]
    pub(super) model: Option<JsonStr<'a>>,
    #[serde(borrow)]
    pub(super) content: Option<List<Blocks<'a>>>,
    #[serde(borrow)]
    pub(super) stop_reason: Option<JsonStr<'a>>,
    #[serde(borrow)]
    pub(super) usage: Option<Object<UsageFields<'a>>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

/// A content block, a piece of one, or what `message_delta` says of the message.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<JsonStr<'a>>,
    #[serde(borrow)]
    text: Option<JsonStr<'a>>,
    #[serde(borrow)]
    thinking: Option<JsonStr<'a>>,
    #[serde(borrow)]
    signature: Option<JsonStr<'a>>,
    #[serde(borrow)]
    id: Option<JsonStr<'a>>,
    #[serde(borrow)]
    name: Option<JsonStr<'a>>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    partial_json: Option<JsonStr<'a>>,
    #[serde(borrow)]
    pub(super) stop_reason: Option<JsonStr<'a>>,
}

impl<'a> Part<'a> {
    /// Whether it begins or is a call of one of the client's tools. The vendor's own tools have
    /// blocks of the same shape under another name.
    pub(super) fn is_call(&self) -> bool {
        self.kind.is_some_and(|kind| kind.escaped() == "tool_use")
    }

    /// Whether it is a piece of some tool's input.
    pub(super) fn is_input(&self) -> bool {
        (self.kind).is_some_and(|kind| kind.escaped() == "input_json_delta")
    }

    /// What there is to read in it: nothing in a citation, or in what the vendor's tools do.
    /// `None` if it says that it is text and has none.
    pub(super) fn pieces(&self) -> Option<Pieces<'a>> {
        let mut pieces = Pieces::default();
        match self.kind?.escaped() {
            "text" | "text_delta" => pieces.push(Piece::Text(self.text?)),
            "thinking" => {
                pieces.push(Piece::Thinking(self.thinking?));
                // A stream sends an empty one first.
                if let Some(signature) = self.signature {
                    pieces.push(Piece::Signature(signature));
                }
            }
            "thinking_delta" => pieces.push(Piece::Thinking(self.thinking?)),
            "signature_delta" => pieces.push(Piece::Signature(self.signature?)),
            "tool_use" => pieces.push(Piece::Call(Call {
                id: Some(self.id?),
                name: self.name?,
                signature: None,
                arguments: self.input.map(RawValue::get),
            })),
            "input_json_delta" => pieces.push(Piece::Arguments(self.partial_json?)),
            _ => {}
        }
        Some(pieces)
    }

    /// The same for the beginning of a block, where the input is always empty and means nothing.
    pub(super) fn opening(&self) -> Self {
        Self {
            input: None,
            ..*self
        }
    }
}

/// The blocks of a whole message.
#[derive(Default)]
pub(super) struct Blocks<'a>(pub(super) Pieces<'a>);

impl<'de: 'a, 'a> Gather<'de> for Blocks<'a> {
    type Item = Object<Part<'a>>;

    fn take(&mut self, Object(part): Self::Item) -> Result<(), &'static str> {
        let pieces = part.pieces().ok_or("a block without its text")?;
        self.0.append(pieces);
        Ok(())
    }
}

#[derive(Deserialize)]
pub(super) struct UsageFields<'a> {
    #[serde(borrow)]
    input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_read_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_creation_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens: Option<&'a RawValue>,
}

/// The three parts of a prompt as Anthropic counts them: what was read from its cache and what was
/// written to it are not in `input_tokens`. 32 bits each, because there is one of these per call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PromptTokens {
    fresh: Option<u32>,
    cache_read: Option<u32>,
    cache_written: Option<u32>,
}

impl PromptTokens {
    /// Takes what a report says and gives the whole picture. Counts are running totals: what is
    /// there replaces, what is missing stays.
    pub(super) fn update(&mut self, told: &UsageFields<'_>) -> Usage {
        let small = |raw| count(raw).and_then(|count| u32::try_from(count).ok());
        self.fresh = small(told.input_tokens).or(self.fresh);
        self.cache_read = small(told.cache_read_input_tokens).or(self.cache_read);
        self.cache_written = small(told.cache_creation_input_tokens).or(self.cache_written);
        let parts = [self.fresh, self.cache_read, self.cache_written];
        Usage {
            prompt_tokens: parts
                .into_iter()
                .flatten()
                .map(u64::from)
                .reduce(|a, b| a + b),
            completion_tokens: count(told.output_tokens),
            total_tokens: None,
            cached_tokens: self.cache_read.map(u64::from),
            reasoning_tokens: None,
        }
    }
}
