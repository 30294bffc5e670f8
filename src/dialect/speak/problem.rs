//! An error, in the shape that each vendor's own client understands.
//!
//! ```text
//!   kind ──▶ status, and the vendor's word for it
//!   code ──▶ OpenAI's `code`; the others have no place for it
//! ```
//!
//! The vendors' clients decide by status and headers whether to try again: after 408, 409, 429 and
//! 5xx they do, unless `x-should-retry: false` says that it is of no use. Gemini's looks for the
//! wait in the body.

use std::borrow::Cow;
use std::time::Duration;

use crate::dialect::pen::Pen;
use crate::dialect::{Dialect, FailureKind, Refused};

/// What went wrong, for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem<'a> {
    /// What sort of thing.
    pub kind: ProblemKind,
    /// A stable word for exactly this, such as `stream_interrupted`.
    pub code: &'a str,
    /// Words for a person.
    pub message: Cow<'a, str>,
    /// The client's field that is to blame.
    pub field: Option<&'a str>,
    /// How long to wait before it is of any use to try again.
    pub retry_after: Option<Duration>,
    /// What the operator can find it by.
    pub request_id: &'a str,
}

/// Sorts of problems, as far as some vendor's client tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The request is wrong.
    Invalid,
    /// No key, or a wrong one.
    Unauthenticated,
    /// The key may not do this.
    Forbidden,
    /// No such model, no such path.
    NotFound,
    /// The body is too large.
    TooLarge,
    /// The request breaks a rule of HTTP that has a status of its own, such as 405 or 415.
    Http(u16),
    /// Too many requests in a window of time.
    RateLimited,
    /// Too many tokens in a window of time.
    TokensLimited,
    /// A budget is used up. Waiting does not help.
    Quota,
    /// Too many at once, here or at the provider.
    Overloaded,
    /// It took too long.
    Timeout,
    /// The provider failed, or broke off.
    Upstream,
    /// We did.
    Internal,
}

impl ProblemKind {
    /// What a provider's failure is to a client. That *our* key is refused is not the client's
    /// fault.
    #[must_use]
    pub const fn of(failure: FailureKind) -> Self {
        match failure {
            FailureKind::NotFound => Self::NotFound,
            FailureKind::Invalid => Self::Invalid,
            FailureKind::RateLimited => Self::RateLimited,
            FailureKind::QuotaExceeded => Self::Quota,
            FailureKind::Overloaded => Self::Overloaded,
            FailureKind::Auth | FailureKind::Internal | FailureKind::Unexpected { .. } => {
                Self::Upstream
            }
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self, dialect: Dialect) -> u16 {
        match (self, dialect) {
            (Self::Invalid, _) => 400,
            (Self::Unauthenticated, _) => 401,
            (Self::Quota, Dialect::Anthropic) => 402,
            (Self::Forbidden, _) => 403,
            (Self::NotFound, _) => 404,
            (Self::TooLarge, _) => 413,
            (Self::Http(status), _) => status,
            (Self::RateLimited | Self::TokensLimited | Self::Quota, _) => 429,
            (Self::Internal, _) => 500,
            (Self::Upstream, _) => 502,
            (Self::Overloaded, Dialect::Anthropic) => 529,
            (Self::Overloaded, _) => 503,
            (Self::Timeout, _) => 504,
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn heals(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::TokensLimited
                | Self::Overloaded
                | Self::Timeout
                | Self::Upstream
                | Self::Internal
        )
    }

    const fn openai(self) -> &'static str {
        match self {
            Self::Invalid
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::NotFound
            | Self::TooLarge
            | Self::Http(_) => "invalid_request_error",
            Self::RateLimited => "requests",
            Self::TokensLimited => "tokens",
            Self::Quota => "insufficient_quota",
            Self::Upstream => "upstream_error",
            Self::Overloaded | Self::Timeout | Self::Internal => "server_error",
        }
    }

    const fn anthropic(self) -> &'static str {
        match self {
            Self::Invalid | Self::Http(_) => "invalid_request_error",
            Self::Unauthenticated => "authentication_error",
            Self::Forbidden => "permission_error",
            Self::NotFound => "not_found_error",
            Self::TooLarge => "request_too_large",
            Self::RateLimited | Self::TokensLimited => "rate_limit_error",
            Self::Quota => "billing_error",
            Self::Overloaded => "overloaded_error",
            Self::Timeout => "timeout_error",
            Self::Upstream | Self::Internal => "api_error",
        }
    }

    const fn gemini(self) -> &'static str {
        match self {
            Self::Invalid | Self::TooLarge | Self::Http(_) => "INVALID_ARGUMENT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "PERMISSION_DENIED",
            Self::NotFound => "NOT_FOUND",
            Self::RateLimited | Self::TokensLimited | Self::Quota => "RESOURCE_EXHAUSTED",
            Self::Overloaded | Self::Upstream => "UNAVAILABLE",
            Self::Timeout => "DEADLINE_EXCEEDED",
            Self::Internal => "INTERNAL",
        }
    }
}

impl<'a> Problem<'a> {
    /// A request that cannot be passed on.
    #[must_use]
    pub fn of_refused(refused: &'a Refused, request_id: &'a str) -> Self {
        Self {
            kind: ProblemKind::Invalid,
            code: refused.code(),
            message: refused.detail().into(),
            field: refused.field.as_deref(),
            retry_after: None,
            request_id,
        }
    }

    /// Appends the body of an answer with the status of this error.
    pub fn body(&self, dialect: Dialect, out: &mut Vec<u8>) {
        Pen::object(out, |json| match dialect {
            Dialect::OpenAi => json.key("error").nested(|json| {
                json.key("message").text(&self.message);
                json.key("type").text(self.kind.openai());
                match self.field {
                    Some(field) => json.key("param").text(field),
                    None => json.key("param").null(),
                }
                json.key("code").text(self.code);
            }),
            Dialect::Anthropic => {
                json.key("type").text("error");
                json.key("error").nested(|json| {
                    json.key("type").text(self.kind.anthropic());
                    json.key("message").text(&self.message);
                });
                json.key("request_id").text(self.request_id);
            }
            Dialect::Gemini => json.key("error").nested(|json| {
                json.key("code").whole(u64::from(self.kind.status(dialect)));
                json.key("message").text(&self.message);
                json.key("status").text(self.kind.gemini());
                if let Some(wait) = self.retry_after.filter(|_| self.kind.heals()) {
                    let details = json.key("details");
                    details.list(|json| json.nested(|json| put_retry_info(json, wait)));
                }
            }),
        });
    }

    /// Appends the last event of a stream that broke off.
    pub fn frame(&self, dialect: Dialect, out: &mut Vec<u8>) {
        let (head, tail) = match dialect {
            Dialect::OpenAi => ("data: ", "\n\n"),
            Dialect::Anthropic => ("event: error\ndata: ", "\n\n"),
            Dialect::Gemini => ("data: ", "\r\n\r\n"),
        };
        out.extend_from_slice(head.as_bytes());
        self.body(dialect, out);
        out.extend_from_slice(tail.as_bytes());
    }
}

/// `google.rpc.RetryInfo`.
fn put_retry_info(json: &mut Pen<'_>, wait: Duration) {
    json.key("@type")
        .text("type.googleapis.com/google.rpc.RetryInfo");
    json.key("retryDelay")
        .text(&format!("{}s", wait.as_secs_f64()));
}
