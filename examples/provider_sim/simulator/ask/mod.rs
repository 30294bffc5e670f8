//! What a client asks for: the route that its path names, and what the body says of it.
//!
//! ```text
//!   route   the path, and the head of the request      want   tools, schemas
//!   echo    all that was said, in words that are the same for the three vendors
//! ```
//! Only what changes the answer is read; a field that is not known is not refused.

pub(super) mod echo;
mod route;
mod want;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

pub(super) use self::route::{Asker, Dialect, Route};
pub(super) use self::want::{Tool, Want};

/// Answers to one request, at most.
const CHOICES: usize = 8;

/// Whether the model thinks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    No,
    /// It does, and says only what it cost.
    Hidden,
    /// It does, and shows it.
    Shown,
}

/// A request for a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ask<'a> {
    pub(super) dialect: Dialect,
    pub(super) model: Cow<'a, str>,
    pub(super) stream: bool,
    /// Whether the answer stands in a list: Gemini's stream for those who do not ask for events.
    pub(super) list: bool,
    /// Tokens at most.
    pub(super) max_tokens: Option<usize>,
    /// Whether a stream says what it cost.
    pub(super) usage: bool,
    pub(super) want: Want,
    /// Answers beside each other.
    pub(super) choices: usize,
    /// Each of these ends a text.
    pub(super) stops: Vec<String>,
    pub(super) thinking: Thinking,
}

impl Ask<'_> {
    /// Whether its answer depends on nothing but its model, its form and its bound.
    pub(super) fn is_usual(&self) -> bool {
        self.want == Want::Text
            && self.choices == 1
            && self.stops.is_empty()
            && self.thinking == Thinking::No
    }
}

/// The fields that any of the three dialects uses.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    stream: Option<bool>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    n: Option<usize>,
    #[serde(borrow, alias = "stop_sequences")]
    stop: Option<&'a RawValue>,
    #[serde(borrow)]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow, alias = "toolConfig")]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow, alias = "output_config", alias = "output_format")]
    response_format: Option<&'a RawValue>,
    #[serde(borrow, alias = "reasoning_effort")]
    thinking: Option<&'a RawValue>,
    #[serde(borrow, rename = "generationConfig")]
    generation: Option<&'a RawValue>,
    #[serde(borrow, alias = "contents")]
    messages: Option<&'a RawValue>,
}

/// Reads the body of a request for a text.
///
/// # Errors
/// What a provider would find wrong with it.
pub(super) fn read<'a>(route: &'a Route, body: &'a [u8]) -> Result<Ask<'a>, String> {
    let Some(dialect) = route.dialect() else {
        return Err("no text is asked for at this path".to_owned());
    };
    let body: Body<'a> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if body.messages.is_none() {
        return Err("messages: field required".to_owned());
    }
    let generation = value_of(body.generation);
    let (model, stream, list) = match route {
        Route::Content {
            model,
            stream,
            events,
        } => (
            Cow::Borrowed(model.as_str()),
            *stream && *events,
            *stream && !*events,
        ),
        _ => {
            let model = body.model.clone().ok_or("model: field required")?;
            (model, body.stream.unwrap_or(false), false)
        }
    };
    let max_tokens = body.max_completion_tokens.or(body.max_tokens);
    if dialect == Dialect::Anthropic && max_tokens.is_none() {
        return Err("max_tokens: field required".to_owned());
    }
    // OpenAI's streams have to be asked for it.
    let usage = dialect != Dialect::OpenAi
        || !stream
        || value_of(body.stream_options)["include_usage"] == true;
    let choices = body.n.or_else(|| usize_of(&generation["candidateCount"]));
    Ok(Ask {
        dialect,
        model,
        stream,
        list,
        max_tokens: max_tokens.or_else(|| usize_of(&generation["maxOutputTokens"])),
        usage,
        want: want::of(&body, &generation)?,
        choices: choices.unwrap_or(1).clamp(1, CHOICES),
        stops: stops(&value_of(body.stop), &generation),
        thinking: thinking(&value_of(body.thinking), &generation["thinkingConfig"]),
    })
}

fn value_of(raw: Option<&RawValue>) -> Value {
    raw.map_or(Value::Null, |raw| {
        serde_json::from_str(raw.get()).unwrap_or_default()
    })
}

fn usize_of(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

/// OpenAI takes one string as well.
fn stops(stop: &Value, generation: &Value) -> Vec<String> {
    let many = [stop, &generation["stopSequences"]]
        .into_iter()
        .filter_map(Value::as_array)
        .flatten();
    let all = many.chain([stop]).filter_map(Value::as_str);
    all.filter(|stop| !stop.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

/// OpenAI's effort is a word, and its thoughts are never shown; Anthropic's are shown; Gemini's if
/// they are asked for. Google's own client writes these two names in either way.
fn thinking(asked: &Value, config: &Value) -> Thinking {
    let either = |camel: &str, snake: &str| match &config[camel] {
        Value::Null => config[snake].clone(),
        value => value.clone(),
    };
    let shows = either("includeThoughts", "include_thoughts") == true;
    let budget = either("thinkingBudget", "thinking_budget").as_i64();
    match (asked.as_str(), asked["type"].as_str()) {
        (Some("none" | "minimal"), _) => Thinking::No,
        (Some(_), _) => Thinking::Hidden,
        (_, Some("enabled" | "adaptive")) => Thinking::Shown,
        _ if shows => Thinking::Shown,
        _ if budget.is_some_and(|budget| budget != 0) => Thinking::Hidden,
        _ => Thinking::No,
    }
}
