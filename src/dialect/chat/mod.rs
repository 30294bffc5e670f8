//! A conversation that is to be continued, in nobody's dialect.
//!
//! A client may speak any dialect and the provider any other. Between the two stands a [`Chat`]:
//!
//! ```text
//!   body in OpenAI's words  ──┐                  ┌──▶  body in OpenAI's words
//!   … in Anthropic's        ──┼──▶    Chat    ───┼──▶  … in Anthropic's
//!   … in Gemini's           ──┘                  └──▶  … in Gemini's
//!           read_chat                                write_chat
//! ```
//!
//! It holds what at least two of the three can say. What is left over is never lost without a
//! word: a reader notes each field that it does not know in [`Chat::foreign`], and a writer
//! refuses a chat that has any, as it refuses whatever its own dialect cannot express. The error
//! names the field as the client wrote it. Between equal dialects none of this happens: the body
//! is passed on as it came ([`super::splice`]).
//!
//! A few fields change nothing about the answer, or nothing that could be kept. They are dropped,
//! and this is the whole list:
//!
//! * who the end user is, where there is no place for him (`user`, `safety_identifier`);
//! * hints to caches (`prompt_cache_key`, `prompt_cache_retention`, `prompt_cache_options`,
//!   `prompt_cache_breakpoint`, `cache_control`);
//! * a usual `service_tier` (`auto`, `default`, `standard_only`) and `store: false`;
//! * whether thoughts are to be shown, where the provider leaves no choice;
//! * how closely a picture is to be looked at (`detail`), and padding (`include_obfuscation`);
//! * thinking of earlier turns where the target does not take it back, and seals on it;
//! * that a tool's result was an error, for OpenAI, whose models read it in the text; and what a
//!   tool promises to answer, which only Gemini's clients say;
//! * the order in which Gemini is to write properties, and its filters if all of them are set to
//!   let everything pass;
//! * every field that has the value it would have if it were not there.
//!
//! Degrees of thinking and numbers of tokens to think are turned into each other by the table that
//! Google publishes for OpenAI's clients.
//!
//! What it refuses to know: limits and prices of models, and whether a model can do a thing that
//! its API can say.

mod json_text;
mod node;
mod place;

pub use json_text::JsonText;
pub(super) use node::{Body, Node};
pub(super) use place::{Knob, NOT_FETCHED};

use serde::{Deserialize, Serialize};

use super::Dialect;

/// A conversation, and how it is to be continued.
///
/// All of it is owned, so that it can be made on another thread and be written into a recording.
/// It is never larger than a small multiple of the body that it came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    /// The dialect that it came in. Errors name fields in its words.
    pub from: Dialect,
    /// The model that was asked for.
    pub model: String,
    /// What the model is told before everything else, piece by piece. OpenAI's may stand anywhere
    /// among the messages; they are gathered here, which is what Anthropic's own endpoint for
    /// OpenAI's clients does.
    pub system: Vec<String>,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it has to.
    pub tool_choice: ToolChoice,
    /// Whether it may call several at once; `None` leaves it to the provider.
    pub parallel_tool_calls: Option<bool>,
    /// Bounds and chance.
    pub settings: Settings,
    /// What the answer has to look like.
    pub format: Format,
    /// How much it is to think; `None` leaves it to the provider.
    pub reasoning: Option<Reasoning>,
    /// Whether its thoughts are to be shown, where the provider leaves that open.
    pub show_thoughts: Option<bool>,
    /// Whether the answer is to come as a stream.
    pub stream: bool,
    /// Whether the client asked for the usage of a stream. OpenAI's do not get it otherwise.
    pub include_usage: bool,
    /// The end user, as the client names him.
    pub user: Option<String>,
    /// Fields that only the client's own dialect knows, by their place; at most a few of them.
    pub foreign: Vec<String>,
}

impl Chat {
    /// An empty conversation.
    #[must_use]
    pub fn new(from: Dialect, model: &str) -> Self {
        Self {
            from,
            model: model.to_owned(),
            system: Vec::new(),
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            parallel_tool_calls: None,
            settings: Settings::default(),
            format: Format::Text,
            reasoning: None,
            show_thoughts: None,
            stream: false,
            include_usage: false,
            user: None,
            foreign: Vec::new(),
        }
    }
}

/// What one side said in one go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its place in the client's list, from 0, for errors.
    pub at: usize,
    /// Who said it.
    pub role: Role,
    /// What was said, one for each piece of the client's message.
    pub parts: Vec<Part>,
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The user, and the tools, which answer for him.
    User,
    /// The model.
    Assistant,
}

/// One piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Part {
    /// Words.
    Text(String),
    /// A picture, a document, a sound.
    Media(Media),
    /// The model wants a tool to be called.
    ToolCall(ToolCall),
    /// What the tool said.
    ToolResult(ToolResult),
    /// What the model thought, with the provider's seal on it if there is one.
    Thinking {
        /// The thought, possibly empty.
        text: String,
        /// The seal; only the provider that made it understands it.
        signature: Option<String>,
    },
}

/// Something to be looked at or listened to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Media {
    /// What it is for the model.
    pub kind: MediaKind,
    /// Where its bytes are.
    pub source: Source,
    /// The name of the file.
    pub name: Option<String>,
    /// How closely a picture is to be looked at, in OpenAI's words.
    pub detail: Option<String>,
}

/// What a model does with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A document, such as a PDF.
    Document,
    /// Speech or music.
    Audio,
}

/// Where the bytes of a [`Media`] are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// In the request.
    Inline {
        /// Such as `image/png`.
        media_type: String,
        /// In base64, as it came; it is not decoded here.
        data: String,
    },
    /// At an address, from which the provider fetches them. Nobody else does.
    Url {
        /// The address.
        url: String,
        /// Such as `image/png`, where the client said so.
        media_type: Option<String>,
    },
}

impl Source {
    /// Whether it is an address that cannot be fetched by whoever has only the web: a file that lies
    /// with another provider, or something that is no address at all.
    pub(super) fn is_off_the_web(&self) -> bool {
        let schemes = ["https://", "http://"];
        matches!(self, Self::Url { url, .. } if !schemes.iter().any(|s| url.starts_with(s)))
    }
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// What its result refers to.
    pub id: String,
    /// Which tool.
    pub name: String,
    /// An object.
    pub arguments: JsonText,
    /// Gemini's seal on the thoughts before it.
    pub signature: Option<String>,
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// Of which call.
    pub id: String,
    /// Of which tool, where the client said so.
    pub name: Option<String>,
    /// Text and pictures.
    pub content: Vec<Part>,
    /// It went wrong.
    pub is_error: bool,
}

/// Something that the model may call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is good for.
    pub description: Option<String>,
    /// A JSON Schema for its arguments.
    pub parameters: Option<JsonText>,
    /// Whether the arguments have to fit the schema.
    pub strict: Option<bool>,
}

/// Whether the model has to call a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// It must not.
    None,
    /// Any one of them.
    Required,
    /// This one.
    Named(String),
}

/// Bounds and chance; `None` leaves it to the provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// An upper bound on the tokens of the answer.
    pub max_tokens: Option<u64>,
    /// From 0, always the same, to 2.
    pub temperature: Option<f64>,
    /// Draw from the best tokens that make up this share.
    pub top_p: Option<f64>,
    /// Draw from this many of the best tokens.
    pub top_k: Option<u64>,
    /// Where to stop.
    pub stop: Vec<String>,
    /// The beginning of chance.
    pub seed: Option<i64>,
    /// Against words that were used often.
    pub frequency_penalty: Option<f64>,
    /// Against words that were used at all.
    pub presence_penalty: Option<f64>,
    /// How many answers.
    pub n: Option<u64>,
}

/// What an answer has to look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Format {
    /// As it comes.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON of one shape.
    JsonSchema {
        /// What the shape is called.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// A JSON Schema.
        schema: JsonText,
        /// Whether the answer is held to it.
        strict: Option<bool>,
    },
}

/// How much to think before the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reasoning {
    /// Not at all.
    Off,
    /// As the model sees fit.
    Adaptive,
    /// By degree.
    Effort(Effort),
    /// Up to so many tokens.
    Budget(u64),
}

/// A degree of thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the words are the vendors'")]
pub enum Effort {
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

impl Effort {
    const ALL: [Self; 6] = [
        Self::Minimal,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Xhigh,
        Self::Max,
    ];

    /// The word for it, which is the same at OpenAI and Anthropic.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// Reads the word, in either case (Gemini's levels are in capitals).
    pub(super) fn of(word: &str) -> Option<Self> {
        (Self::ALL.into_iter()).find(|effort| effort.as_str().eq_ignore_ascii_case(word))
    }

    /// The tokens that Google's endpoint for OpenAI's clients puts in the place of a degree.
    pub(super) const fn budget(self) -> u64 {
        match self {
            Self::Minimal | Self::Low => 1024,
            Self::Medium => 8192,
            Self::High | Self::Xhigh | Self::Max => 24_576,
        }
    }

    /// The degree that is nearest to a number of tokens, by the same table.
    pub(super) const fn of_budget(tokens: u64) -> Self {
        match tokens {
            ..=1024 => Self::Low,
            1025..=8192 => Self::Medium,
            _ => Self::High,
        }
    }
}
