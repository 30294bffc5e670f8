//! What is at a path, and who asks for it.

use maitred::proto::http1::{Fields, Method};
use percent_encoding::percent_decode_str;

/// Whose API it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::simulator) enum Dialect {
    OpenAi,
    Anthropic,
    Gemini,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Route {
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
    /// `POST /v1beta/models/MODEL:batchEmbedContents`, or `:embedContent`, which has one text.
    GeminiEmbeddings { model: String, batch: bool },
    /// `GET /v1/models`, `GET /v1/models/MODEL`, and the same below `/v1beta`
    Models {
        dialect: Dialect,
        model: Option<String>,
    },
    /// `GET /_sim/journal`
    Journal,
    /// `GET /_sim/stats`
    Stats,
    /// Anything else.
    Nothing,
}

/// What the head of a request says of the one who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::simulator) struct Asker {
    /// The key, without what stands before it.
    pub(in crate::simulator) key: String,
    /// Which vendor's way to show a key it has, or whose version it speaks.
    pub(in crate::simulator) vendor: Option<Dialect>,
    /// `anthropic-beta`
    pub(in crate::simulator) beta: Option<String>,
    /// Whether the connection has served a request before.
    pub(in crate::simulator) reused: bool,
}

impl Asker {
    pub(in crate::simulator) fn of(fields: &Fields<'_>, reused: bool) -> Asker {
        let text = |name| {
            let value = fields.get(name)?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let key = (text("authorization"))
            .and_then(|value| Some(value.strip_prefix("Bearer ")?.to_owned()))
            .or_else(|| text("x-api-key"))
            .or_else(|| text("x-goog-api-key"));
        Asker {
            key: key.unwrap_or_default(),
            vendor: match fields.get("anthropic-version") {
                Some(_) => Some(Dialect::Anthropic),
                None => fields.get("x-goog-api-key").map(|_| Dialect::Gemini),
            },
            beta: text("anthropic-beta"),
            reused,
        }
    }
}

impl Route {
    pub(in crate::simulator) fn of(
        method: Method,
        path: &str,
        query: Option<&str>,
        asker: &Asker,
    ) -> Route {
        match (method, path) {
            (Method::Post, "/v1/chat/completions") => Route::Chat,
            (Method::Post, "/v1/messages") => Route::Messages,
            (Method::Post, "/v1/embeddings") => Route::Embeddings,
            (Method::Get, "/_sim/journal") => Route::Journal,
            (Method::Get, "/_sim/stats") => Route::Stats,
            (Method::Get, path) => models(path, asker).unwrap_or(Route::Nothing),
            (Method::Post, path) => verb(path, query).unwrap_or(Route::Nothing),
            _ => Route::Nothing,
        }
    }

    /// Whose API is at it, if it is one that texts or vectors are asked of, so that the request
    /// belongs into the journal.
    pub(in crate::simulator) fn dialect(&self) -> Option<Dialect> {
        match self {
            Route::Chat | Route::Embeddings => Some(Dialect::OpenAi),
            Route::Messages => Some(Dialect::Anthropic),
            Route::Content { .. } | Route::GeminiEmbeddings { .. } => Some(Dialect::Gemini),
            _ => None,
        }
    }
}

/// `/v1/models` is everybody's. Anthropic's clients say which version they speak, and Google's,
/// which use `/v1beta` as well, show their key in a way of their own.
fn models(path: &str, asker: &Asker) -> Option<Route> {
    let (dialect, rest) = match path.strip_prefix("/v1beta/models") {
        Some(rest) => (Dialect::Gemini, rest),
        None => {
            let dialect = asker.vendor.unwrap_or(Dialect::OpenAi);
            (dialect, path.strip_prefix("/v1/models")?)
        }
    };
    let model = match rest {
        "" => None,
        rest => {
            let model = percent_decode_str(rest.strip_prefix('/')?);
            Some(model.decode_utf8().ok()?.into_owned())
        }
    };
    Some(Route::Models { dialect, model })
}

/// `/v1beta/models/MODEL:METHOD`, whatever of it is percent-encoded.
fn verb(path: &str, query: Option<&str>) -> Option<Route> {
    let decoded = percent_decode_str(path).decode_utf8().ok()?;
    let rest = (decoded.strip_prefix("/v1beta/models/"))
        .or_else(|| decoded.strip_prefix("/v1/models/"))?;
    let (model, method) = rest.rsplit_once(':')?;
    let (model, batch) = (model.to_owned(), method == "batchEmbedContents");
    match method {
        "generateContent" | "streamGenerateContent" => Some(Route::Content {
            model,
            stream: method == "streamGenerateContent",
            events: query.is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse")),
        }),
        "embedContent" | "batchEmbedContents" => Some(Route::GeminiEmbeddings { model, batch }),
        _ => None,
    }
}
