//! Routes of the vendors' dialects: what their clients ask for by path and head.
//!
//! ```text
//!  POST /v1/chat/completions                          OpenAI's
//!  POST /v1/messages                                  Anthropic's
//!  POST /v1beta/models/MODEL:generateContent          Gemini's; also below /v1, and with %3A
//!  POST /v1beta/models/MODEL:streamGenerateContent    the same as a stream, with ?alt=sse
//! ```
//! Whatever lies below `/v1`, `/v1beta` and `/v1alpha` is answered in the words of the client that asks there,
//! errors included, whether there is anything at that path or not.

use std::sync::Arc;

use super::models::dialect_of_fields;
use super::query;
use crate::dialect::{Dialect, anthropic, gemini};
use crate::engine::Failure;
use crate::proto::http1::{Fields, Method, RequestHead};

/// What a model's name has to be: it will stand in paths, heads and rows.
pub const NO_CONTROLS: &str = "a name without control characters";

/// Who asks for a chat, and what the head says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// A client of OpenAI's.
    OpenAi,
    /// A client of Anthropic's, with fields that are passed on if the provider speaks the same.
    Anthropic(Option<Arc<Passed>>),
    /// A client of Gemini's.
    Gemini {
        /// The model that the path names.
        model: Box<str>,
        /// Whether the path asks for a stream.
        stream: bool,
    },
}

/// Fields of a head that an Anthropic provider gets as they came. Others have no words for them: a beta
/// turns something of Anthropic's service on, and what it lets a body say is looked at there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// `anthropic-version`, if it is another one than ours.
    pub version: Option<Box<[u8]>>,
    /// `anthropic-beta`: features that the client wants to use.
    pub beta: Option<Box<[u8]>>,
}

impl Inbound {
    /// What the path of a request asks for; `None` if it is no route of a vendor's. What stands in
    /// it is checked by [`Inbound::check`].
    #[must_use]
    pub fn of_head(head: &RequestHead<'_>) -> Option<Self> {
        match head.path.strip_suffix('/').unwrap_or(head.path) {
            "/v1/chat/completions" => Some(Inbound::OpenAi),
            "/v1/messages" => Some(Inbound::Anthropic(passed(&head.fields))),
            path => gemini::read_path(path).map(|(model, stream)| Inbound::Gemini {
                model: model.into(),
                stream,
            }),
        }
    }

    /// Whether a target is in order as far as it is read. Only Gemini's says something: the model,
    /// and `alt`. Its streams are events only if the query says so; otherwise its servers send one
    /// long array, which none of the vendor's clients asks for.
    pub fn check(&self, query: Option<&str>) -> Result<(), Failure> {
        let Inbound::Gemini { model, stream } = self else {
            return Ok(());
        };
        if model.chars().any(char::is_control) {
            return Err(Failure::parameter("model", NO_CONTROLS));
        }
        let mut alt = None;
        for pair in query.unwrap_or("").split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if name == "alt" && alt.replace(query::decode(name, value)?).is_some() {
                return Err(Failure::parameter(name, "given only once"));
            }
        }
        match (stream, alt.as_deref()) {
            (true, Some("sse")) | (false, None | Some("json")) => Ok(()),
            (true, _) => Err(Failure::parameter(
                "alt",
                "`sse`: a stream comes as server-sent events",
            )),
            (false, _) => Err(Failure::parameter(
                "alt",
                "`json`, or left out: only a stream comes as events",
            )),
        }
    }

    /// What is spoken.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self {
            Inbound::OpenAi => Dialect::OpenAi,
            Inbound::Anthropic(_) => Dialect::Anthropic,
            Inbound::Gemini { .. } => Dialect::Gemini,
        }
    }

    /// What the path says of the model and of streaming, if it says anything.
    #[must_use]
    pub fn path(&self) -> Option<(&str, bool)> {
        match self {
            Inbound::Gemini { model, stream } => Some((model, *stream)),
            Inbound::OpenAi | Inbound::Anthropic(_) => None,
        }
    }

    /// The pattern of the route.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Inbound::OpenAi => "/v1/chat/completions",
            Inbound::Anthropic(_) => "/v1/messages",
            Inbound::Gemini { stream: false, .. } => "/v1beta/models/{model}:generateContent",
            Inbound::Gemini { stream: true, .. } => "/v1beta/models/{model}:streamGenerateContent",
        }
    }
}

impl Passed {
    /// The names of the fields that are there.
    #[must_use]
    pub fn names(&self) -> &'static str {
        match (&self.version, &self.beta) {
            (Some(_), Some(_)) => "anthropic-version, anthropic-beta",
            (Some(_), None) => "anthropic-version",
            (None, _) => "anthropic-beta",
        }
    }
}

fn passed(fields: &Fields<'_>) -> Option<Arc<Passed>> {
    let version = fields
        .get("anthropic-version")
        .filter(|version| *version != anthropic::VERSION.as_bytes());
    let betas: Vec<&[u8]> = fields.all("anthropic-beta").collect();
    if version.is_none() && betas.is_empty() {
        return None;
    }
    Some(Arc::new(Passed {
        version: version.map(Into::into),
        beta: (!betas.is_empty()).then(|| betas.join(&b","[..]).into()),
    }))
}

/// In whose words a request is answered, by its path; `None` is our own API.
#[must_use]
pub fn dialect_of(head: &RequestHead<'_>) -> Option<Dialect> {
    if !head.path.starts_with("/v1") {
        return None; // most are our own, and seen to be at a glance
    }
    let (version, rest) = head.path.strip_prefix('/')?.split_once('/')?;
    let (room, below) = rest.split_once('/').unwrap_or((rest, ""));
    // The name of a model that is asked about may have a colon too.
    let asks = matches!(head.method, Method::Get | Method::Head);
    let has_verb = || below.contains(':') || below.to_ascii_lowercase().contains("%3a");
    match (version, room) {
        ("v1beta" | "v1alpha", _) => Some(Dialect::Gemini),
        ("v1", "messages") => Some(Dialect::Anthropic),
        ("v1", "models") if !asks && has_verb() => Some(Dialect::Gemini),
        ("v1", "models") => Some(dialect_of_fields(&head.fields)),
        ("v1", _) => Some(Dialect::OpenAi),
        _ => None,
    }
}
