//! Provider JSON on one side, one neutral form on the other.
//!
//! Every provider says the same few things in words of its own: here is some text, the model has
//! stopped and why, so many tokens were used, something went wrong. A *dialect* writes a request
//! in a provider's words and reads the answer as a row of [`Event`]s, so that nobody above this
//! folder knows which provider is talking.
//!
//! ```text
//!            Ask ──▶ write_request ──▶ body bytes ──▶ (HTTP, somewhere else)
//!
//!   engine                                                          provider
//!
//!     Event, Event, … ◀── Stream::event ◀── data of one server-sent event
//!     Event, Event, … ◀── answer        ◀── a whole unstreamed body
//!       ProviderError ◀── failure       ◀── status and body of an error answer
//!               Words ◀── Words::of     ◀── the same body, where a client is to be told
//! ```
//!
//! Clients may speak these dialects too, each of them in front of each provider. Where both sides
//! speak the same one, requests and streams are passed on as they are; where they do not, both go
//! through the neutral form:
//!
//! ```text
//!   client                  same dialect                              provider
//!     body ──▶ Skim ──────────────────────────────────▶ splice ──▶ body
//!     body ──▶ read_chat ──▶ Chat ──────────────────▶ write_chat ──▶ body
//!                           other dialect
//!   stream ◀── Relay ◀──────────────────────────────────────────── stream
//!   stream ◀── Speaker ◀── Event, Event, … ◀──────────── Stream ◀── stream
//!     body ◀── Answer  ◀── Event, Event, … ◀──────────── answer ◀── body
//! ```
//!
//! What a dialect refuses to know: sockets, HTTP framing, the clock, ids, and whether anybody is
//! still listening. It allocates nothing for a usual stream event: text is handed on as a
//! [`JsonStr`], which borrows from the bytes that were received.
//!
//! Reading order: the types of this file, then [`json`], then [`openai`]; [`anthropic`] and
//! [`gemini`] have the same shape. [`Dialect`] is the choice among the three. For clients that
//! speak them: [`chat`], then [`splice`] and [`relay`], then [`speak`]; [`models`] and
//! [`embeddings`] stand on their own. [`offline`] is the odd one out: a provider without a network,
//! for a start with no key at all.

pub mod anthropic;
pub mod any;
pub mod chat;
mod choices;
pub mod embeddings;
mod essence;
pub mod failure;
pub mod gemini;
mod google;
pub mod json;
mod last_words;
pub mod models;
pub mod offline;
pub mod openai;
mod pen;
mod pieces;
mod quote;
mod refused;
pub mod relay;
pub mod speak;
pub mod splice;
mod words;

pub use any::{AnyStream, Dialect};
pub use chat::Chat;
pub use essence::essence;
pub use failure::{ErrorCode, FailureKind, ProviderError, Reach};
pub use json::{JsonStr, Malformed};
pub use quote::put_json_string;
pub use refused::{Refused, Why};
pub use relay::Relay;
pub use splice::Skim;
pub use words::Words;

/// What a provider is asked for.
///
/// The values were checked where the request came in (lengths, ranges); a dialect only writes
/// them down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask<'a> {
    /// The model, in the provider's own naming.
    pub model: &'a str,
    /// The whole prompt. It is sent as one message of the user.
    pub prompt: &'a str,
    /// An upper bound on the tokens of the answer; `None` leaves it to the provider.
    pub max_tokens: Option<u32>,
    /// The sampling temperature; `None` leaves it to the provider.
    pub temperature: Option<f32>,
    /// Whether the answer is to come as a stream of events.
    pub stream: bool,
}

/// One thing a provider said.
///
/// Within one answer `Model` and `Finish` come at most once each, and `Arguments` only after the
/// `ToolCall` with the same index. `Usage` may come anywhere and more
/// than once; each replaces the one before, because providers report running totals. After `Done`
/// or `Error` nothing follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// The model that really answers; it may differ from the one that was asked for.
    Model(JsonStr<'a>),
    /// A piece of the answer, never empty.
    Text(JsonStr<'a>),
    /// A piece of the model's thinking, never empty. It is not part of the answer.
    Thinking(JsonStr<'a>),
    /// A piece of a refusal in words, which takes the place of an answer. Never empty.
    Refusal(JsonStr<'a>),
    /// The provider's seal on the thinking before it, which nobody else can read.
    Signature(JsonStr<'a>),
    /// The model begins to call a tool.
    ToolCall {
        /// Which call of this answer: 0, then 1, …
        index: u32,
        /// What its result will refer to. Gemini's need not have one.
        id: Option<JsonStr<'a>>,
        /// Which tool.
        name: JsonStr<'a>,
        /// Gemini's seal on the thoughts before the call.
        signature: Option<JsonStr<'a>>,
    },
    /// What a call is given, or a piece of it.
    Arguments {
        /// Of which call.
        index: u32,
        /// How it came.
        json: Arguments<'a>,
    },
    /// Tokens used so far. Replace, never add.
    Usage(Usage),
    /// The model has stopped.
    Finish {
        /// Why, in neutral words.
        reason: FinishReason,
        /// Why, in the provider's own word, for `native_finish_reason`.
        native: JsonStr<'a>,
    },
    /// The provider says that nothing more will come. It does not say that the answer is whole:
    /// ask the stream's `end`.
    Done,
    /// The provider reports a failure inside its answer, after it had said 200. Whatever text came
    /// before is not a whole answer.
    Error(ProviderError),
}

/// What a call of a tool is given: the JSON of an object, in one of two ways to carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arguments<'a> {
    /// A piece of its text. Only all pieces of a call together are JSON.
    Piece(JsonStr<'a>),
    /// All of it, as it stood in the provider's document.
    Whole(&'a str),
}

/// What the end of an answer means, when the transport says that the end is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The model had said why it stopped: the text is whole.
    Complete,
    /// The end came first, or an error did: the text must never be shown as whole.
    Truncated,
}

/// Why a model stopped. One set of words for all dialects, streamed and not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It had said everything, or met a stop string.
    Stop,
    /// It ran into a limit on tokens.
    Length,
    /// It wants a tool to be called.
    ToolCalls,
    /// A filter of the provider cut it off.
    ContentFilter,
    /// Something that this table does not know; the native word says what.
    Other,
}

impl FinishReason {
    /// The word used in answers and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other => "other",
        }
    }
}

/// Tokens of one call, as the provider counted them.
///
/// `None` is "not reported" and is not the same as a reported zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub prompt_tokens: Option<u64>,
    /// Tokens that were generated, thinking included.
    pub completion_tokens: Option<u64>,
    /// Both together, as reported; it is not computed here.
    pub total_tokens: Option<u64>,
    /// The part of the prompt that came from the provider's cache.
    pub cached_tokens: Option<u64>,
    /// The part of the completion that was thinking.
    pub reasoning_tokens: Option<u64>,
}

#[cfg(test)]
mod tests;
