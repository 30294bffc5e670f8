//! Everything that can go wrong with a request: whose fault it is, and the answer it deserves.
//!
//! One closed list. Each failure has a status, a stable `code` for programs and words for a
//! person that say what, where and what to do. None of them carries a piece of a body, a key or an
//! inner path; the only bytes of a peer are the name of an unknown field (cut) and the short error
//! type of a provider (checked letter by letter).

use uuid::Uuid;

use super::flow::body::ParseFault;
use super::io::{Gone, ResolveFault, TlsFault};
use crate::dialect::ErrorCode;
use crate::proto::http1::Refusal;
use crate::store::StoreError;

/// A failure that was told to a client, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What the client was given to name it by.
    pub request_id: Uuid,
    /// The pattern of the route.
    pub route: &'static str,
    /// The status.
    pub status: u16,
    /// The code.
    pub code: &'static str,
}

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
    /// The body has another type than JSON.
    MediaType,
    /// The body is compressed.
    Compressed,
    /// `Host` names somebody else.
    Misdirected,
    /// A page of another origin sent it.
    ForeignOrigin,
    /// The body is not JSON, or JSON of the wrong shape.
    Body(ParseFault),
    /// A parameter of the query is wrong.
    Parameter {
        /// Which one.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// Nothing is stored under that id.
    NotFound,
    /// The text was stopped or has failed, and nothing of it is left to resume.
    Gone,
    /// The text is still being produced elsewhere.
    NotYet,
    // ours
    /// A bound is reached.
    Full(Bound),
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
    /// A thread panicked over this piece of work.
    Panicked,
    /// A broken invariant: our bug.
    Internal(&'static str),
    // the provider's
    /// See [`Upstream`].
    Upstream(Upstream),
}

/// Which bound was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Bytes of all buffers.
    Memory,
    /// Requests being answered.
    Exchanges,
    /// Texts being produced.
    Generations,
    /// Calls waiting for a connection of the provider.
    Provider,
    /// Texts waiting for a scorer.
    Scorers,
    /// Reads or writes waiting for the store.
    Store,
}

/// What went wrong between us and a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Its name has no address.
    Name(ResolveFault),
    /// The look-up took too long.
    NameTimeout,
    /// No connection could be opened.
    Connect(Gone),
    /// Connecting took too long.
    ConnectTimeout,
    /// TLS failed.
    Tls(TlsFault),
    /// The TLS handshake took too long.
    TlsTimeout,
    /// No connection became free in time.
    PoolTimeout,
    /// The request was sent and nothing came back in time.
    FirstByteTimeout,
    /// The stream stood still for too long.
    ContentTimeout,
    /// The whole took too long.
    TotalTimeout,
    /// The connection broke in the middle of the answer.
    Broken,
    /// The answer ended without saying that it was complete.
    Truncated,
    /// The answer breaks HTTP/1.1.
    Http,
    /// The answer is not what this kind of provider sends.
    Malformed,
    /// One event, the head or the body was too large.
    TooLarge,
    /// The answer is compressed though nobody asked for it.
    Compressed,
    /// The answer has no text.
    Empty,
    /// The provider refused the key (401, 403): the operator's business, not the client's.
    Key,
    /// The provider does not know the model, or the address is wrong (404).
    Model,
    /// The provider found the request wrong (other 4xx).
    Rejected(u16, Option<ErrorCode>),
    /// The provider wants us to slow down (429).
    RateLimited {
        /// Its own hint in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The account has no quota left: trying again does not help.
    Quota,
    /// The provider is overloaded or broken (5xx), or says so in the stream.
    Unavailable(u16, Option<ErrorCode>),
    /// A status that no provider should send, a redirect for instance.
    Status(u16),
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
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Failure::Http(refusal) => refusal.status(),
            Failure::HeadTimeout | Failure::BodyTimeout => 408,
            Failure::NoSuchRoute | Failure::NotFound | Failure::NotYet => 404,
            Failure::Method { .. } => 405,
            Failure::MediaType | Failure::Compressed => 415,
            Failure::Misdirected => 421,
            Failure::ForeignOrigin => 403,
            Failure::Body(fault) => fault.status(),
            Failure::Parameter { .. } => 422,
            Failure::Gone | Failure::Cancelled => 410,
            Failure::Full(_)
            | Failure::Stopping
            | Failure::StoreTimeout
            | Failure::ScorerTimeout => 503,
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
            Failure::MediaType => "unsupported_media_type",
            Failure::Compressed => "compressed_body",
            Failure::Misdirected => "misdirected_host",
            Failure::ForeignOrigin => "foreign_origin",
            Failure::Body(fault) => fault.code(),
            Failure::Parameter { .. } => "invalid_parameter",
            Failure::NotFound => "not_found",
            Failure::Gone => "gone",
            Failure::NotYet => "not_yet",
            Failure::Full(bound) => bound.code(),
            Failure::Stopping => "shutting_down",
            Failure::Cancelled => "cancelled",
            Failure::Store(error) => error.code(),
            Failure::StoreTimeout => "store_timeout",
            Failure::ScorerTimeout => "scorer_timeout",
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
            Failure::Parameter { name, .. } => Some(name),
            _ => None,
        }
    }

    /// After how many seconds the same request may work, for `Retry-After`.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Failure::Full(_) | Failure::ScorerTimeout | Failure::NotYet => Some(1),
            Failure::Stopping | Failure::StoreTimeout => Some(5),
            Failure::Store(StoreError::Busy { .. }) => Some(1),
            Failure::Upstream(Upstream::PoolTimeout) => Some(1),
            Failure::Upstream(Upstream::RateLimited { retry_after_ms }) => {
                Some(retry_after_ms.map_or(1, |ms| ms.div_ceil(1000).max(1)))
            }
            _ => None,
        }
    }

    /// Words for a person: what, where, what to do.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Failure::Http(refusal) => refusal.detail().to_string(),
            Failure::Body(fault) => fault.detail(),
            Failure::Store(error) => store_words(error).to_string(),
            Failure::Upstream(upstream) => upstream.detail(),
            Failure::Method { allow } => {
                format!("This path does not take that method. It takes: {allow}.")
            }
            Failure::Parameter { name, expected } => {
                format!("The query parameter `{name}` has to be {expected}.")
            }
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
            Failure::NoSuchRoute => "There is nothing at this path.",
            Failure::MediaType => "The body has to be JSON: send `Content-Type: application/json`.",
            Failure::Compressed => "The body is compressed. Send it without `Content-Encoding`.",
            Failure::Misdirected => {
                "The `Host` field names a host that this server does not answer for. Use localhost \
                 or an IP address, or add the name to `hosts` in the configuration."
            }
            Failure::ForeignOrigin => {
                "The `Origin` field names another site. Add it to `origins` in the configuration \
                 if its pages may use this server."
            }
            Failure::NotFound => "Nothing is stored under this id.",
            Failure::Gone => "This text cannot be resumed: it was stopped, or it failed.",
            Failure::NotYet => {
                "No text with this id is known yet. If it was just asked for, try again in a second."
            }
            Failure::Stopping => {
                "The server is shutting down. Try again in a few seconds, or elsewhere."
            }
            Failure::Cancelled => "The text was stopped on request.",
            Failure::StoreTimeout => {
                "The store did not answer in time, so nothing is known to be stored."
            }
            Failure::ScorerTimeout => "All scorers are busy. Try again in a second.",
            Failure::Panicked => {
                "A worker failed over this request; no other request is affected. Please report it \
                 with the request_id."
            }
            _ => "The request failed.",
        }
    }
}

impl Bound {
    fn code(self) -> &'static str {
        match self {
            Bound::Memory => "memory_full",
            Bound::Exchanges => "exchanges_full",
            Bound::Generations => "generations_full",
            Bound::Provider => "provider_queue_full",
            Bound::Scorers => "scorer_queue_full",
            Bound::Store => "store_queue_full",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Bound::Memory => "The server has no memory left for another request.",
            Bound::Exchanges => "The server is answering as many requests as it may.",
            Bound::Generations => "The server is producing as many texts as it may.",
            Bound::Provider => "Too many requests are waiting for this provider.",
            Bound::Scorers => "Too many texts are waiting to be scored.",
            Bound::Store => "Too many requests are waiting for the store.",
        }
    }
}

impl Upstream {
    /// 504 for what took too long, 503 and 429 where trying again helps, else 502.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Upstream::NameTimeout
            | Upstream::ConnectTimeout
            | Upstream::TlsTimeout
            | Upstream::FirstByteTimeout
            | Upstream::ContentTimeout
            | Upstream::TotalTimeout => 504,
            Upstream::PoolTimeout => 503,
            Upstream::RateLimited { .. } => 429,
            Upstream::Connect(Gone::TimedOut) => 504,
            _ => 502,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Upstream::Name(_) => "upstream_name",
            Upstream::NameTimeout => "upstream_name_timeout",
            Upstream::Connect(_) => "upstream_connect",
            Upstream::ConnectTimeout => "upstream_connect_timeout",
            Upstream::Tls(_) => "upstream_tls",
            Upstream::TlsTimeout => "upstream_tls_timeout",
            Upstream::PoolTimeout => "upstream_pool_timeout",
            Upstream::FirstByteTimeout => "upstream_first_byte_timeout",
            Upstream::ContentTimeout => "upstream_content_timeout",
            Upstream::TotalTimeout => "upstream_total_timeout",
            Upstream::Broken => "upstream_broken",
            Upstream::Truncated => "upstream_truncated",
            Upstream::Http => "upstream_http",
            Upstream::Malformed => "upstream_malformed",
            Upstream::TooLarge => "upstream_too_large",
            Upstream::Compressed => "upstream_compressed",
            Upstream::Empty => "upstream_empty",
            Upstream::Key => "upstream_key",
            Upstream::Model => "upstream_not_found",
            Upstream::Rejected(..) => "upstream_rejected",
            Upstream::RateLimited { .. } => "upstream_rate_limited",
            Upstream::Quota => "upstream_quota",
            Upstream::Unavailable(..) => "upstream_unavailable",
            Upstream::Status(_) => "upstream_status",
        }
    }

    fn detail(&self) -> String {
        match self {
            Upstream::Name(ResolveFault::NoSuchName) => {
                "The provider's host name does not exist. Check its base URL.".into()
            }
            Upstream::Connect(Gone::Refused) => {
                "The provider refuses connections. Check that it runs, and its base URL.".into()
            }
            Upstream::Tls(fault) => format!("TLS with the provider failed: {}.", fault.words()),
            Upstream::Rejected(status, code) => with_code(
                &format!("The provider refused the request (status {status}"),
                code.as_ref(),
            ),
            Upstream::Unavailable(status, code) => with_code(
                &format!("The provider could not answer (status {status}"),
                code.as_ref(),
            ),
            Upstream::Status(status) => {
                format!("The provider answered with status {status}, which is no answer.")
            }
            plain => plain.plain_words().into(),
        }
    }

    fn plain_words(&self) -> &'static str {
        match self {
            Upstream::Name(_) => "The provider's host name could not be looked up.",
            Upstream::NameTimeout => "Looking up the provider's host name took too long.",
            Upstream::Connect(_) => "No connection to the provider could be opened.",
            Upstream::ConnectTimeout => "Connecting to the provider took too long.",
            Upstream::TlsTimeout => "The TLS handshake with the provider took too long.",
            Upstream::PoolTimeout => "No connection to the provider became free in time.",
            Upstream::FirstByteTimeout => "The provider did not begin its answer in time.",
            Upstream::ContentTimeout => "The provider stopped in the middle of its answer.",
            Upstream::TotalTimeout => "The provider took too long in all.",
            Upstream::Broken => "The connection to the provider broke.",
            Upstream::Truncated => {
                "The provider's answer ended before it was complete. What came is stored and \
                 marked as truncated."
            }
            Upstream::Http => "The provider's answer is not correct HTTP.",
            Upstream::Malformed => "The provider's answer cannot be understood.",
            Upstream::TooLarge => "The provider's answer is larger than allowed.",
            Upstream::Compressed => "The provider's answer is compressed though it must not be.",
            Upstream::Empty => "The provider answered without any text.",
            Upstream::Key => "The provider does not accept the server's API key.",
            Upstream::Model => {
                "The provider does not know this model, or nothing is at its base URL."
            }
            Upstream::RateLimited { .. } => "The provider asks to be called less often.",
            Upstream::Quota => "The provider's quota for this server is used up.",
            _ => "The provider failed.",
        }
    }
}

impl TlsFault {
    fn words(self) -> &'static str {
        match self {
            TlsFault::WrongName => "the certificate is for another name",
            TlsFault::Expired => "the certificate is not valid at this time",
            TlsFault::UnknownIssuer => {
                "no trusted authority has signed the certificate (`ca_file` names further ones)"
            }
            TlsFault::BadCertificate => "the certificate is not acceptable",
            TlsFault::Incompatible => "there is no common version or cipher",
            TlsFault::Protocol => "the other side does not speak TLS, or broke off",
            TlsFault::Truncated => "the connection was cut",
        }
    }
}

fn with_code(words: &str, code: Option<&ErrorCode>) -> String {
    match code {
        Some(code) => format!("{words}, {}).", code.as_str()),
        None => format!("{words})."),
    }
}

/// The store's own words name a file, which is nobody's business outside; these do not.
fn store_words(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full { .. } => "The store has no room left. Nothing was stored.",
        StoreError::Busy { .. } => {
            "The store is locked by another process. Nothing was stored; try again in a second."
        }
        StoreError::ReadOnly { .. } => "The store cannot be written to. Nothing was stored.",
        StoreError::Corrupt { .. } => "The store is damaged. Nothing was stored.",
        _ => "The store failed. Nothing was stored; the server's log says why.",
    }
}
