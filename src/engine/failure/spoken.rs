//! A failure as clients of the vendors' dialects are told it.
//!
//! ```text
//!   Failure ──▶ ProblemKind ──▶ status and word of each dialect
//!      └──────▶ code, words, field, wait
//! ```
//! The codes are those of our own API, with exceptions that the vendors' clients and their users
//! know by name: `model_not_found`, `stream_interrupted` for a provider that failed inside a stream, and
//! the provider's own where it says in its own words what is wrong with the request.

use std::time::Duration;

use super::{Failure, Limited, Upstream};
use crate::dialect::speak::{Problem, ProblemKind};
use crate::dialect::{Dialect, Words};
use crate::engine::policy::rate::Kind;

impl Failure {
    /// What sort of problem it is to a client of a vendor.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        match self {
            Failure::ForeignOrigin => ProblemKind::Forbidden,
            Failure::NoSuchRoute | Failure::NotFound | Failure::UnknownModel(_) => {
                ProblemKind::NotFound
            }
            Failure::Body(_)
            | Failure::Parameter { .. }
            | Failure::Line(_)
            | Failure::Header { .. } => ProblemKind::Invalid,
            Failure::Deadline => ProblemKind::Timeout,
            Failure::Limited(Limited::Rate { refused, .. })
                if refused.meter.kind == Kind::Tokens =>
            {
                ProblemKind::TokensLimited
            }
            Failure::Limited(_) => ProblemKind::RateLimited,
            Failure::Full(_)
            | Failure::QueueTimeout { .. }
            | Failure::Stopping
            | Failure::Store(_)
            | Failure::StoreTimeout
            | Failure::ScorerTimeout
            | Failure::ParserTimeout => ProblemKind::Overloaded,
            Failure::Panicked | Failure::Internal(_) => ProblemKind::Internal,
            Failure::Upstream(upstream) => upstream.kind(),
            Failure::Http(_)
            | Failure::HeadTimeout
            | Failure::BodyTimeout
            | Failure::Method { .. }
            | Failure::MediaType { .. }
            | Failure::Compressed
            | Failure::Misdirected
            | Failure::NoTls
            | Failure::Gone
            | Failure::NotYet
            | Failure::KeyReused
            | Failure::KeyInUse
            | Failure::Cancelled => match self.status() {
                400 | 422 => ProblemKind::Invalid,
                413 => ProblemKind::TooLarge,
                status => ProblemKind::Http(status),
            },
        }
    }

    /// The status for a client that speaks `dialect`; `None` is our own API.
    #[must_use]
    pub fn status_in(&self, dialect: Option<Dialect>) -> u16 {
        dialect.map_or_else(|| self.status(), |dialect| self.kind().status(dialect))
    }

    /// The same for a client that speaks a vendor's dialect. `in_stream`: part of the answer was
    /// sent.
    #[must_use]
    pub fn spoken<'a>(&'a self, in_stream: bool, request_id: &'a str) -> Problem<'a> {
        let words = match self {
            Failure::Upstream(upstream) => upstream.words(),
            _ => None,
        };
        let code = match self {
            Failure::Upstream(_) if in_stream => "stream_interrupted",
            Failure::Upstream(Upstream::Model(_)) => "model_not_found",
            // The word that OpenAI's own clients look for.
            Failure::Limited(Limited::Rate { .. }) => "rate_limit_exceeded",
            other => other.code(),
        };
        let told = words.and_then(Words::code).filter(|_| !in_stream);
        let field = self.field().filter(|field| !field.is_empty());
        Problem {
            kind: self.kind(),
            code: told.unwrap_or(code),
            message: words.map_or_else(|| self.detail().into(), |words| words.message().into()),
            field: words.and_then(Words::param).or(field),
            retry_after: self.retry_after_ms().map(Duration::from_millis),
            request_id,
        }
    }
}

impl Upstream {
    fn kind(&self) -> ProblemKind {
        match self {
            Upstream::Model(_) => ProblemKind::NotFound,
            Upstream::Rejected { status: 413, .. } => ProblemKind::TooLarge,
            Upstream::Rejected { .. } => ProblemKind::Invalid,
            Upstream::RateLimited { .. } => ProblemKind::RateLimited,
            Upstream::Quota(_) => ProblemKind::Quota,
            Upstream::Unavailable { busy: true, .. }
            | Upstream::BreakerOpen { .. }
            | Upstream::PoolTimeout => ProblemKind::Overloaded,
            other if other.status() == 504 => ProblemKind::Timeout,
            _ => ProblemKind::Upstream,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Reach;
    use crate::proto::http1::Refusal;

    #[test]
    fn each_dialect_has_its_status_and_our_key_is_no_business_of_the_client() {
        let busy = Upstream::Unavailable {
            status: 529,
            code: None,
            retry_after_ms: None,
            busy: true,
        };
        let rejected = |status| Upstream::Rejected {
            status,
            code: None,
            words: None,
        };
        for (failure, openai, anthropic) in [
            (Upstream::Key.into(), 502, 502),
            (Upstream::Model(None).into(), 404, 404),
            (Upstream::Quota(Reach::Account).into(), 429, 402),
            (rejected(422).into(), 400, 400),
            (rejected(413).into(), 413, 413),
            (Upstream::Truncated.into(), 502, 502),
            (Upstream::ContentTimeout.into(), 504, 504),
            (busy.into(), 503, 529),
            (Failure::Method { allow: "POST" }, 405, 405),
            (Failure::Http(Refusal::PayloadTooLarge), 413, 413),
            (Failure::Stopping, 503, 529),
        ] {
            let in_dialect = |dialect| failure.status_in(Some(dialect));
            assert_eq!(in_dialect(Dialect::OpenAi), openai, "{failure:?}");
            assert_eq!(in_dialect(Dialect::Anthropic), anthropic, "{failure:?}");
        }
    }

    #[test]
    fn inside_a_stream_the_code_says_that_it_broke_off() {
        let failure = Failure::from(Upstream::ContentTimeout);
        let code = |in_stream| failure.spoken(in_stream, "id").code.to_owned();
        assert_eq!(code(false), "upstream_content_timeout");
        assert_eq!(code(true), "stream_interrupted");
        assert_eq!(Failure::Stopping.spoken(true, "id").code, "shutting_down");
    }
}
