//! What a client asks for: the route that its path names, and what the body says of it.
//!
//! Only what changes the answer is read; a field that is not known is not refused.

use std::borrow::Cow;

use maitred::proto::http1::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::sample;

/// Whose API it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Dialect {
    OpenAi,
    Anthropic,
    Gemini,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1beta/models/MODEL:generateContent`; the stream is events only with `alt=sse`.
    Content {
        model: String,
        stream: bool,
        events: bool,
    },
    /// `POST /v1/embeddings`
    Embeddings,
    /// `GET /v1/models`
    Models,
    /// `GET /_sim/journal`
    Journal,
    /// `GET /_sim/stats`
    Stats,
    /// Anything else.
    Nothing,
}

impl Route {
    pub(super) fn of(method: Method, path: &str, query: Option<&str>) -> Route {
        match (method, path) {
            (Method::Post, "/v1/chat/completions") => Route::Chat,
            (Method::Post, "/v1/messages") => Route::Messages,
            (Method::Post, "/v1/embeddings") => Route::Embeddings,
            (Method::Get, "/v1/models") => Route::Models,
            (Method::Get, "/_sim/journal") => Route::Journal,
            (Method::Get, "/_sim/stats") => Route::Stats,
            (Method::Post, path) => content(path, query).unwrap_or(Route::Nothing),
            _ => Route::Nothing,
        }
    }

    /// Whether a text is asked for here, so that the request belongs into the journal.
    pub(super) fn dialect(&self) -> Option<Dialect> {
        match self {
            Route::Chat => Some(Dialect::OpenAi),
            Route::Messages => Some(Dialect::Anthropic),
            Route::Content { .. } => Some(Dialect::Gemini),
            _ => None,
        }
    }
}

/// `/v1beta/models/MODEL:METHOD`, whatever of it is percent-encoded.
fn content(path: &str, query: Option<&str>) -> Option<Route> {
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    let rest = (decoded.strip_prefix("/v1beta/models/"))
        .or_else(|| decoded.strip_prefix("/v1/models/"))?;
    let (model, method) = rest.rsplit_once(':')?;
    let stream = match method {
        "generateContent" => false,
        "streamGenerateContent" => true,
        _ => return None,
    };
    Some(Route::Content {
        model: model.to_owned(),
        stream,
        events: query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse")),
    })
}

/// What the answer is made of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Want {
    /// The text.
    Text,
    /// A call of this tool with these arguments.
    Tool(String, Value),
    /// JSON of the form that was asked for.
    Json(Value),
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
}

/// The fields that any of the three dialects uses.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    stream: Option<bool>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    #[serde(borrow)]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow, alias = "toolConfig")]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow, alias = "output_format")]
    response_format: Option<&'a RawValue>,
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
    Ok(Ask {
        dialect,
        model,
        stream,
        list,
        max_tokens: max_tokens.or_else(|| usize_of(&generation["maxOutputTokens"])),
        usage,
        want: want(&body, &generation),
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

fn want(body: &Body<'_>, generation: &Value) -> Want {
    if let Some((name, schema)) = tool(body) {
        return Want::Tool(name, sample::of_schema(&schema));
    }
    let format = value_of(body.response_format);
    let schemas = [
        &format["json_schema"]["schema"],
        &format["schema"],
        &generation["responseSchema"],
        &generation["responseJsonSchema"],
    ];
    if let Some(schema) = schemas.into_iter().find(|schema| schema.is_object()) {
        return Want::Json(sample::of_schema(schema));
    }
    let json =
        format["type"] == "json_object" || generation["responseMimeType"] == "application/json";
    if json {
        Want::Json(serde_json::json!({"answer": "tea"}))
    } else {
        Want::Text
    }
}

/// The tool to be called: if the request insists on one, or its prompt says so; not again once a
/// tool has answered.
fn tool(body: &Body<'_>) -> Option<(String, Value)> {
    let tools = value_of(body.tools);
    let choice = value_of(body.tool_choice);
    let messages = body.messages.map_or("", RawValue::get);
    let answered = [
        "\"tool_call_id\"",
        "\"tool_result\"",
        "\"functionResponse\"",
    ]
    .iter()
    .any(|sign| messages.contains(sign));
    let forced = choice == "required"
        || choice["type"] == "function"
        || choice["type"] == "any"
        || choice["type"] == "tool"
        || choice["functionCallingConfig"]["mode"] == "ANY";
    if answered || !(forced || messages.contains("use the tool")) {
        return None;
    }
    let first = &tools.as_array()?.first()?;
    // OpenAI's, Gemini's and Anthropic's way to write a tool.
    let tool = [&first["function"], &first["functionDeclarations"][0], first]
        .into_iter()
        .find(|tool| tool["name"].is_string())?;
    let schema = [
        &tool["parameters"],
        &tool["parametersJsonSchema"],
        &tool["input_schema"],
    ];
    let schema = schema.into_iter().find(|schema| schema.is_object());
    let name = tool["name"].as_str()?.to_owned();
    Some((name, schema.cloned().unwrap_or_default()))
}
