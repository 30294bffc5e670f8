//! What can go wrong between us and a provider.

use std::sync::Arc;

use crate::dialect::{ErrorCode, FailureKind, ProviderError, Reach, Words};
use crate::engine::io::{Gone, ResolveFault, TlsFault};
use crate::limits::HINT_MS;

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
    /// The answer began, and no content came in time.
    FirstContentTimeout,
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
    Model(Option<Box<Words>>),
    /// The provider found the request wrong (other 4xx).
    Rejected {
        /// The status.
        status: u16,
        /// The provider's own name for it.
        code: Option<ErrorCode>,
        /// The provider's own words, for the client of a chat.
        words: Option<Box<Words>>,
    },
    /// The provider wants us to slow down (429).
    RateLimited {
        /// Its own hint in milliseconds.
        retry_after_ms: Option<u64>,
        /// What the limit is about.
        reach: Reach,
    },
    /// The account has no quota left, or none for this model: trying again does not help.
    Quota(Reach),
    /// The provider is overloaded or broken (5xx), or says so in the stream.
    Unavailable {
        /// The status; 200 if it was told in the stream.
        status: u16,
        /// The provider's own name for it.
        code: Option<ErrorCode>,
        /// Its own hint in milliseconds.
        retry_after_ms: Option<u64>,
        /// Whether it has too much to do, and is not broken.
        busy: bool,
    },
    /// It has failed so often that it is not asked for a while.
    BreakerOpen {
        /// Its name.
        provider: Arc<str>,
        /// Until it is asked again, in milliseconds.
        retry_after_ms: u64,
    },
    /// A status that no provider should send, a redirect for instance.
    Status(u16),
}

impl Upstream {
    /// A failure that a provider has told, by the status of its answer or, with 200, inside it.
    /// `hint_ms` is what the head of the answer asked for; it comes before what the body asks for.
    #[must_use]
    pub fn told(error: &ProviderError, status: u16, hint_ms: Option<u64>) -> Upstream {
        let in_body = || Some(u64::try_from(error.retry_after?.as_millis()).unwrap_or(u64::MAX));
        let retry_after_ms = hint_ms.or_else(in_body).map(|ms| ms.min(HINT_MS));
        match error.kind {
            FailureKind::Auth => Upstream::Key,
            FailureKind::NotFound => Upstream::Model(None),
            FailureKind::RateLimited => Upstream::RateLimited {
                retry_after_ms,
                reach: error.reach,
            },
            FailureKind::QuotaExceeded => Upstream::Quota(error.reach),
            FailureKind::Invalid => Upstream::Rejected {
                status,
                code: error.code,
                words: None,
            },
            FailureKind::Overloaded | FailureKind::Internal => Upstream::Unavailable {
                status,
                code: error.code,
                retry_after_ms,
                busy: error.kind == FailureKind::Overloaded,
            },
            FailureKind::Unexpected { status } => Upstream::Status(status),
        }
    }

    /// After how many milliseconds the same request may work, if that is known.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Upstream::RateLimited { retry_after_ms, .. } => Some(retry_after_ms.unwrap_or(1_000)),
            Upstream::Unavailable { retry_after_ms, .. } => *retry_after_ms,
            Upstream::BreakerOpen { retry_after_ms, .. } => Some(*retry_after_ms),
            Upstream::PoolTimeout => Some(1_000),
            _ => None,
        }
    }

    /// Whether the same request will fail in the same way until somebody does something about it.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        matches!(
            self,
            Upstream::Key
                | Upstream::Model(_)
                | Upstream::Rejected { .. }
                | Upstream::Quota(_)
                | Upstream::Status(_)
                | Upstream::Compressed
                | Upstream::Name(ResolveFault::NoSuchName)
                | Upstream::Tls(
                    TlsFault::WrongName
                        | TlsFault::Expired
                        | TlsFault::UnknownIssuer
                        | TlsFault::BadCertificate
                        | TlsFault::Incompatible
                )
        )
    }

    /// The same without a provider's name for it that quotes `secret`: an error's name is handed
    /// on to clients, and a provider may put the key that it refuses there.
    #[must_use]
    pub fn without(mut self, secret: &str) -> Self {
        if let Upstream::Rejected { code, .. } | Upstream::Unavailable { code, .. } = &mut self {
            *code = code.filter(|code| !code.quotes(secret));
        }
        self
    }

    /// The same with what the provider says about it, if it is the request that is wrong.
    #[must_use]
    pub fn in_words(mut self, said: Option<Words>) -> Self {
        if let Upstream::Model(words) | Upstream::Rejected { words, .. } = &mut self {
            *words = said.map(Box::new);
        }
        self
    }

    /// What the provider says about it, for the client of a chat.
    #[must_use]
    pub fn words(&self) -> Option<&Words> {
        match self {
            Upstream::Model(words) | Upstream::Rejected { words, .. } => words.as_deref(),
            _ => None,
        }
    }

    /// 504 for what took too long, 503 and 429 where trying again helps, else 502.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Upstream::NameTimeout
            | Upstream::ConnectTimeout
            | Upstream::TlsTimeout
            | Upstream::FirstByteTimeout
            | Upstream::FirstContentTimeout
            | Upstream::ContentTimeout
            | Upstream::TotalTimeout => 504,
            Upstream::PoolTimeout | Upstream::BreakerOpen { .. } => 503,
            Upstream::RateLimited { .. } => 429,
            Upstream::Connect(Gone::TimedOut) => 504,
            _ => 502,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Upstream::Name(ResolveFault::Failed) => "upstream_name_failed",
            Upstream::Name(_) => "upstream_name",
            Upstream::NameTimeout => "upstream_name_timeout",
            Upstream::Connect(_) => "upstream_connect",
            Upstream::ConnectTimeout => "upstream_connect_timeout",
            Upstream::Tls(_) => "upstream_tls",
            Upstream::TlsTimeout => "upstream_tls_timeout",
            Upstream::PoolTimeout => "upstream_pool_timeout",
            Upstream::FirstByteTimeout => "upstream_first_byte_timeout",
            Upstream::FirstContentTimeout => "upstream_first_content_timeout",
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
            Upstream::Model(_) => "upstream_not_found",
            Upstream::Rejected { .. } => "upstream_rejected",
            Upstream::RateLimited { .. } => "upstream_rate_limited",
            Upstream::Quota(_) => "upstream_quota",
            Upstream::Unavailable { .. } => "upstream_unavailable",
            Upstream::BreakerOpen { .. } => "upstream_breaker_open",
            Upstream::Status(_) => "upstream_status",
        }
    }

    pub(super) fn detail(&self) -> String {
        match self {
            Upstream::Name(ResolveFault::NoSuchName) => {
                "The provider's host name does not exist. Check its base URL.".into()
            }
            Upstream::Name(ResolveFault::NoAddress) => {
                "The provider's host name exists, but has no address. Check its base URL.".into()
            }
            Upstream::Connect(Gone::Refused) => {
                "The provider refuses connections. Check that it runs, and its base URL.".into()
            }
            Upstream::Tls(fault) => format!("TLS with the provider failed: {}.", fault.words()),
            Upstream::Rejected { status, code, .. } => with_code(
                &format!("The provider refused the request (status {status}"),
                code.as_ref(),
            ),
            Upstream::Unavailable {
                status: 200, code, ..
            } => with_code(
                "The provider broke off with an error (told in its stream",
                code.as_ref(),
            ),
            Upstream::Unavailable { status, code, .. } => with_code(
                &format!("The provider could not answer (status {status}"),
                code.as_ref(),
            ),
            Upstream::BreakerOpen { provider, .. } => format!(
                "The provider `{provider}` has failed several times in a row and is not asked for \
                 a while. Try again after the time that `Retry-After` says."
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
            Upstream::FirstContentTimeout => {
                "The provider began its answer, but no text came in time."
            }
            Upstream::ContentTimeout => "The provider stopped in the middle of its answer.",
            Upstream::TotalTimeout => "The provider took too long in all.",
            Upstream::Broken => "The connection to the provider broke.",
            Upstream::Truncated => {
                "The provider's answer ended before it was complete. What came of it, if anything, \
                 is stored and marked as truncated."
            }
            Upstream::Http => "The provider's answer is not correct HTTP.",
            Upstream::Malformed => "The provider's answer cannot be understood.",
            Upstream::TooLarge => "The provider's answer is larger than allowed.",
            Upstream::Compressed => "The provider's answer is compressed though it must not be.",
            Upstream::Empty => "The provider answered without any text.",
            Upstream::Key => "The provider does not accept the server's API key.",
            Upstream::Model(_) => {
                "The provider does not know this model, or nothing is at its base URL."
            }
            Upstream::RateLimited { .. } => "The provider asks to be called less often.",
            Upstream::Quota(_) => "The provider's quota for this server is used up.",
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
