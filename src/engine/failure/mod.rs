//! Everything that can go wrong with a request: whose fault it is, and the answer it deserves.
//!
//! One closed list. Each failure has a status, a stable `code` for programs and words for a
//! person that say what, where and what to do. None of them carries a piece of a body, a key or an
//! inner path; the only bytes of a peer are the name of an unknown field or parameter (cut), the
//! short error type of a provider (checked letter by letter), and what a provider says is wrong with
//! a chat ([`Words`](crate::dialect::Words)), which its client alone is told ([`Failure::spoken`]).

mod bound;
mod limited;
mod spoken;
mod upstream;

pub use self::bound::Bound;
pub use self::limited::Limited;
pub use self::upstream::Upstream;

use std::sync::Arc;

use crate::engine::flow::body::ParseFault;
use crate::engine::flow::import::line::LineFault;
use crate::proto::http1::Refusal;
use crate::store::StoreError;

/// Why a request gets no answer, or not the one it asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    // the client's
    /// The bytes are not HTTP/1.1, or break a limit.
    Http(Refusal),
    /// The head did not come in time.
    HeadTimeout,
    /// The body did not come in time.
    BodyTimeout,
    /// Nothing is at that path.
    NoSuchRoute,
    /// The path exists, the method does not.
    Method {
        /// What the path allows, as the `Allow` field wants it.
        allow: &'static str,
    },
    /// The body has another type than the one that its route takes.
    MediaType {
        /// What it has to be, in words.
        wanted: &'static str,
    },
    /// The body is compressed.
    Compressed,
    /// `Host` names somebody else.
    Misdirected,
    /// The target is an `https` one, and no TLS is spoken here.
    NoTls,
    /// A page of another origin sent it.
    ForeignOrigin,
    /// The body is not JSON, or JSON of the wrong shape.
    Body(ParseFault),
    /// A line of an import is wrong.
    Line(Box<LineFault>),
    /// A parameter is wrong: of the query, or the field `Last-Event-ID`.
    Parameter {
        /// Which one, as it was sent: see [`Failure::parameter`].
        name: Box<str>,
        /// What it has to be.
        expected: &'static str,
    },
    /// A field of the head is wrong.
    Header {
        /// Which one.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// Nobody can be asked for this model; and a name that is known and looks like it.
    UnknownModel(Option<Box<str>>),
    /// The time is over that the client has given itself.
    Deadline,
    /// A limit of the client is reached.
    Limited(Limited),
    /// Nothing is stored under that id.
    NotFound,
    /// The text was stopped or has failed, and nothing of it is left to resume.
    Gone,
    /// The text is still being produced elsewhere.
    NotYet,
    /// Another request was sent with the same `Idempotency-Key`.
    KeyReused,
    /// The first request with this `Idempotency-Key` is being answered.
    KeyInUse,
    // ours
    /// A bound is reached.
    Full(Bound),
    /// No turn at the provider in time: as many calls are being made as there may be.
    QueueTimeout {
        /// The provider.
        provider: Arc<str>,
    },
    /// The server is shutting down.
    Stopping,
    /// The text was stopped by `DELETE /generate/{id}`.
    Cancelled,
    /// The store said no.
    Store(StoreError),
    /// The store did not answer in time.
    StoreTimeout,
    /// No scorer was free in time.
    ScorerTimeout,
    /// A long body was not parsed in time.
    ParserTimeout,
    /// A thread panicked over this piece of work.
    Panicked,
    /// A broken invariant: our bug.
    Internal(&'static str),
    // the provider's
    /// See [`Upstream`].
    Upstream(Upstream),
}

impl From<Upstream> for Failure {
    fn from(upstream: Upstream) -> Self {
        Failure::Upstream(upstream)
    }
}

impl From<ParseFault> for Failure {
    fn from(fault: ParseFault) -> Self {
        Failure::Body(fault)
    }
}

impl Failure {
    /// The parameter `name` is not what it has to be. A name is shown to a person and may come
    /// from a peer: of a long one the first 64 characters are kept, and no control characters.
    #[must_use]
    pub fn parameter(name: &str, expected: &'static str) -> Self {
        let shown = name.chars().filter(|c| !c.is_control()).take(64);
        Failure::Parameter {
            name: shown.collect::<String>().into(),
            expected,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Failure::Http(refusal) => refusal.status(),
            Failure::HeadTimeout | Failure::BodyTimeout => 408,
            Failure::NoSuchRoute
            | Failure::NotFound
            | Failure::NotYet
            | Failure::UnknownModel(_) => 404,
            Failure::Method { .. } => 405,
            Failure::MediaType { .. } | Failure::Compressed => 415,
            Failure::Misdirected | Failure::NoTls => 421,
            Failure::ForeignOrigin => 403,
            Failure::Body(fault) => fault.status(),
            Failure::Parameter { .. } | Failure::Line(_) | Failure::KeyReused => 422,
            Failure::KeyInUse => 409,
            Failure::Header { .. } => 400,
            Failure::Limited(_) => 429,
            Failure::Deadline => 504,
            Failure::Gone | Failure::Cancelled => 410,
            Failure::Full(_)
            | Failure::QueueTimeout { .. }
            | Failure::Stopping
            | Failure::StoreTimeout
            | Failure::ScorerTimeout
            | Failure::ParserTimeout => 503,
            Failure::Store(error) => match error {
                StoreError::Full { .. } => 507,
                _ => 503,
            },
            Failure::Panicked | Failure::Internal(_) => 500,
            Failure::Upstream(upstream) => upstream.status(),
        }
    }

    /// The stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Failure::Http(refusal) => refusal.code(),
            Failure::HeadTimeout => "head_timeout",
            Failure::BodyTimeout => "body_timeout",
            Failure::NoSuchRoute => "no_such_route",
            Failure::Method { .. } => "method_not_allowed",
            Failure::MediaType { .. } => "unsupported_media_type",
            Failure::Compressed => "compressed_body",
            Failure::Misdirected => "misdirected_host",
            Failure::NoTls => "misdirected_scheme",
            Failure::ForeignOrigin => "foreign_origin",
            Failure::Body(fault) => fault.code(),
            Failure::Line(_) => "invalid_line",
            Failure::Parameter { .. } => "invalid_parameter",
            Failure::Header { .. } => "invalid_header",
            Failure::Limited(limited) => limited.code(),
            Failure::UnknownModel(_) => "model_not_found",
            Failure::Deadline => "deadline_exceeded",
            Failure::NotFound => "not_found",
            Failure::Gone => "gone",
            Failure::NotYet => "not_yet",
            Failure::KeyReused => "idempotency_key_reused",
            Failure::KeyInUse => "idempotency_key_in_use",
            Failure::Full(bound) => bound.code(),
            Failure::QueueTimeout { .. } => "queue_timeout",
            Failure::Stopping => "shutting_down",
            Failure::Cancelled => "cancelled",
            Failure::Store(error) => error.code(),
            Failure::StoreTimeout => "store_timeout",
            Failure::ScorerTimeout => "scorer_timeout",
            Failure::ParserTimeout => "parser_timeout",
            Failure::Panicked => "worker_panicked",
            Failure::Internal(_) => "internal",
            Failure::Upstream(upstream) => upstream.code(),
        }
    }

    /// The field of the request that is to blame.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Failure::Body(fault) => fault.field(),
            Failure::Line(fault) => fault.field(),
            Failure::Parameter { name, .. } => Some(name),
            Failure::Header { name, .. } => Some(name),
            Failure::UnknownModel(_) => Some("model"),
            _ => None,
        }
    }

    /// The line of an import that is to blame, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        match self {
            Failure::Line(fault) => Some(fault.line),
            _ => None,
        }
    }

    /// After how many milliseconds the same request may work, for `Retry-After` and
    /// `retry-after-ms`.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Failure::Full(_)
            | Failure::QueueTimeout { .. }
            | Failure::ScorerTimeout
            | Failure::ParserTimeout
            | Failure::NotYet
            | Failure::KeyInUse
            | Failure::Store(
                StoreError::Busy { .. } | StoreError::Unreachable { .. } | StoreError::TimedOut,
            ) => Some(1_000),
            Failure::Stopping | Failure::StoreTimeout => Some(5_000),
            Failure::Limited(limited) => limited.retry_after_ms(),
            Failure::Upstream(upstream) => upstream.retry_after_ms(),
            _ => None,
        }
    }

    /// Whether trying the same request again cannot help: it is wrong itself, or an operator has to
    /// do something first. Clients are told by `x-should-retry: false`.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Failure::Upstream(upstream) => upstream.is_lasting(),
            Failure::Limited(limited) => limited.retry_after_ms().is_none(),
            Failure::NotYet | Failure::KeyInUse | Failure::HeadTimeout | Failure::BodyTimeout => {
                false
            }
            Failure::Http(_) => true,
            other => other.status() < 500,
        }
    }

    /// Whose limit an answer with 429 or 503 is about.
    #[must_use]
    pub fn limit_of(&self) -> Option<&'static str> {
        match self {
            Failure::Upstream(Upstream::RateLimited { .. } | Upstream::BreakerOpen { .. }) => {
                Some("provider")
            }
            Failure::Limited(limited) => Some(limited.whose()),
            other => matches!(other.status(), 429 | 503).then_some("server"),
        }
    }

    /// Words for a person: what, where, what to do.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Failure::Http(refusal) => refusal.detail().to_string(),
            Failure::Body(fault) => fault.detail(),
            Failure::Line(fault) => fault.detail(),
            Failure::MediaType { wanted } => format!("The body has to be {wanted}."),
            Failure::Store(error) => store_words(error).to_string(),
            Failure::Limited(limited) => limited.detail(),
            Failure::Upstream(upstream) => upstream.detail(),
            Failure::Method { allow } => {
                format!("This path does not take that method. It takes: {allow}.")
            }
            Failure::Parameter { name, expected } => {
                format!("The parameter `{name}` has to be {expected}.")
            }
            Failure::Header { name, expected } => {
                format!("The header `{name}` has to be {expected}.")
            }
            Failure::UnknownModel(near) => {
                let near = near.as_ref().map(|name| format!(" Did you mean `{name}`?"));
                let near = near.unwrap_or_default();
                format!("No provider is known for this model.{near}")
            }
            Failure::QueueTimeout { provider } => format!(
                "All calls that may be made to the provider `{provider}` at a time are being made, \
                 and none has ended in time. Try again in a second."
            ),
            Failure::Full(bound) => format!("{} Try again in a second.", bound.words()),
            Failure::Internal(what) => format!(
                "The server broke one of its own rules ({what}). Please report it with the request_id."
            ),
            plain => plain.plain_words().to_string(),
        }
    }

    fn plain_words(&self) -> &'static str {
        match self {
            Failure::HeadTimeout => {
                "The request head did not arrive in time. Send it in one piece."
            }
            Failure::BodyTimeout => {
                "The request body did not arrive in time, or too slowly. Send it without pauses."
            }
            Failure::NoSuchRoute => {
                "There is nothing at this path. `GET /openapi.json` lists what there is."
            }
            Failure::Compressed => "The body is compressed. Send it without `Content-Encoding`.",
            Failure::Misdirected => {
                "The `Host` field names a host that this server does not answer for. Use localhost \
                 or an IP address, or add the name to `hosts` in the configuration."
            }
            Failure::NoTls => {
                "The target begins with `https:`, but this server speaks plain HTTP. Ask for \
                 `http:`, or send a path alone."
            }
            Failure::ForeignOrigin => {
                "The `Origin` field names another site. Add it to `origins` in the configuration \
                 if its pages may use this server."
            }
            Failure::Deadline => {
                "The answer was not complete within the time that `x-request-timeout-ms` gives it."
            }
            Failure::NotFound => "Nothing is stored under this id.",
            Failure::Gone => "This text cannot be resumed: it was stopped, or it failed.",
            Failure::NotYet => {
                "No text with this id is known yet. If it was just asked for, try again in a second."
            }
            Failure::KeyReused => {
                "Another request was sent with this `Idempotency-Key`. Use a new key for each \
                 request, and the same only to send the same request again."
            }
            Failure::KeyInUse => {
                "The first request with this `Idempotency-Key` is still being answered. Try again in \
                 a second."
            }
            Failure::Stopping => {
                "The server is shutting down. Try again in a few seconds, or elsewhere."
            }
            Failure::Cancelled => "The text was stopped on request.",
            Failure::StoreTimeout => {
                "The store did not answer in time, so nothing is known to be stored."
            }
            Failure::ScorerTimeout => "All scorers are busy. Try again in a second.",
            Failure::ParserTimeout => {
                "The body is long and was not parsed in time, so nothing was begun. Try again in a \
                 second."
            }
            Failure::Panicked => {
                "A worker failed over this request; no other request is affected. Please report it \
                 with the request_id."
            }
            _ => "The request failed.",
        }
    }
}

/// The store's own words name a file, which is nobody's business outside; these do not.
fn store_words(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full { .. } => "The store has no room left. Nothing was stored.",
        StoreError::Busy { .. } => {
            "The store is locked by another process. Nothing was stored; try again in a second."
        }
        StoreError::Unreachable { .. } | StoreError::TimedOut => {
            "The store cannot be reached. Try again in a moment."
        }
        StoreError::Unknown => {
            "The connection to the store broke, and nobody knows whether it was done. Look before \
             asking again, or ask again under the same `Idempotency-Key`."
        }
        StoreError::ReadOnly { .. } => "The store cannot be written to. Nothing was stored.",
        StoreError::Corrupt { .. } => "The store is damaged. Nothing was stored.",
        _ => "The store failed. Nothing was stored; the server's log says why.",
    }
}
