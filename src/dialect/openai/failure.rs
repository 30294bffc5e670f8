//! OpenAI's error bodies, and the shapes that compatible servers make of them.
//!
//! ```text
//! {"error": {"message": …, "type": "requests", "param": null, "code": "rate_limit_exceeded"}}
//! {"error": "model not found"}                                      Ollama
//! {"object": "error", "message": …, "type": …, "code": …}           Mistral, older vLLM
//! [{"error": {"code": 429, "status": …, "details": […]}}]           Google
//! ```
//!
//! The HTTP status decides, except where a code is known to say more: 429 is "too fast" and also
//! "your account is empty", and only one of them heals. Inside a stream there is no status, and
//! the code has to do.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::google::Hints;
use crate::dialect::json::{First, JsonStr, List, Object, parse};
use crate::dialect::{ErrorCode, FailureKind, ProviderError, Reach};

/// Sorts an answer with an error status. The body may be anything: a proxy in between answers in
/// HTML, and then the status alone speaks.
#[must_use]
pub fn failure(status: u16, body: &[u8]) -> ProviderError {
    let parsed = if body.trim_ascii_start().starts_with(b"[") {
        parse(body).map(|List(First(first))| first)
    } else {
        parse(body).map(|Object(body)| Some(body))
    };
    let named = parsed.ok().flatten().map(|body: Body<'_>| body.named());
    named.unwrap_or_default().judge(Some(status))
}

/// Sorts the `error` of an event or of an answer that came with a 200.
pub(super) fn in_band(error: &RawValue) -> ProviderError {
    let named = Named::of_error(error);
    let status = named.status;
    named.judge(status)
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
}

impl<'a> Body<'a> {
    fn named(&self) -> Named<'a> {
        match self.error {
            Some(error) => Named::of_error(error),
            None => Named::new(self.code, self.kind, Hints::default()),
        }
    }
}

#[derive(Deserialize)]
struct ErrorFields<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    details: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

/// What an error calls itself, from the more exact name to the less exact.
#[derive(Default)]
struct Named<'a> {
    names: [Option<&'a str>; 2],
    /// A numeric code that is an HTTP status, as OpenRouter and Google write it.
    status: Option<u16>,
    hints: Hints,
}

impl<'a> Named<'a> {
    /// Reads the value of `error`. Anything but an object (Ollama sends a sentence) has no name.
    fn of_error(error: &'a RawValue) -> Self {
        serde_json::from_str(error.get()).map_or_else(
            |_| Self::default(),
            |Object(ErrorFields {
                 kind,
                 code,
                 details,
                 message,
             })| Self::new(code, kind, Hints::of_error(details, message)),
        )
    }

    fn new(code: Option<&'a RawValue>, kind: Option<&'a RawValue>, hints: Hints) -> Self {
        Self {
            names: [code, kind].map(|name| name.and_then(text)),
            status: code
                .and_then(|code| code.get().parse().ok())
                .filter(|status| (400..600).contains(status)),
            hints,
        }
    }

    fn judge(&self, status: Option<u16>) -> ProviderError {
        let kind = self.kind(status);
        ProviderError {
            kind,
            reach: self.hints.reach.unwrap_or(Reach::of(kind)),
            code: self.names.into_iter().flatten().find_map(ErrorCode::new),
            retry_after: self.hints.retry_after,
        }
    }

    fn kind(&self, status: Option<u16>) -> FailureKind {
        if self.hints.bad_key {
            return FailureKind::Auth;
        }
        if self.hints.day_quota {
            return FailureKind::QuotaExceeded;
        }
        let names = || self.names.into_iter().flatten();
        if let Some(kind) = names().find_map(better_than_status) {
            return kind;
        }
        match status {
            Some(status) => FailureKind::of_status(status),
            None => names()
                .find_map(instead_of_status)
                .unwrap_or(FailureKind::Internal),
        }
    }
}

fn text(raw: &RawValue) -> Option<&str> {
    serde_json::from_str(raw.get()).ok().map(JsonStr::escaped)
}

/// Names that say more than the status they come with.
fn better_than_status(name: &str) -> Option<FailureKind> {
    Some(match name {
        "insufficient_quota"
        | "insufficient_balance"
        | "billing_hard_limit_reached"
        | "billing_not_active" => FailureKind::QuotaExceeded,
        "invalid_api_key" => FailureKind::Auth,
        "model_not_found" => FailureKind::NotFound,
        _ => return None,
    })
}

/// Names that have to do where there is no status.
fn instead_of_status(name: &str) -> Option<FailureKind> {
    Some(match name {
        "rate_limit_exceeded" | "rate_limit_error" | "requests" | "tokens" => {
            FailureKind::RateLimited
        }
        "overloaded_error" | "engine_overloaded" | "timeout" => FailureKind::Overloaded,
        "invalid_request_error" | "context_length_exceeded" | "content_policy_violation" => {
            FailureKind::Invalid
        }
        "authentication_error" | "permission_error" => FailureKind::Auth,
        "not_found_error" => FailureKind::NotFound,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sorted(status: u16, body: &str) -> (FailureKind, Option<String>) {
        let error = failure(status, body.as_bytes());
        (error.kind, error.code.map(|code| code.as_str().to_owned()))
    }

    fn code(name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    #[test]
    fn too_fast_heals_and_an_empty_account_does_not() {
        let fast = r#"{"error":{"message":"Slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;
        assert_eq!(
            sorted(429, fast),
            (FailureKind::RateLimited, code("rate_limit_exceeded"))
        );
        let empty =
            r#"{"error":{"message":"Check your plan","type":"insufficient_quota","code":null}}"#;
        assert_eq!(
            sorted(429, empty),
            (FailureKind::QuotaExceeded, code("insufficient_quota"))
        );
        assert_eq!(sorted(402, "").0, FailureKind::QuotaExceeded);
    }

    #[test]
    fn a_general_type_does_not_overrule_the_status() {
        let general = r#"{"error":{"message":"…","type":"invalid_request_error","code":null}}"#;
        for (status, kind) in [
            (400, FailureKind::Invalid),
            (401, FailureKind::Auth),
            (403, FailureKind::Auth),
            (404, FailureKind::NotFound),
            (500, FailureKind::Internal),
            (503, FailureKind::Overloaded),
            (302, FailureKind::Unexpected { status: 302 }),
        ] {
            assert_eq!(
                sorted(status, general),
                (kind, code("invalid_request_error"))
            );
        }
    }

    #[test]
    fn every_shape_of_body_is_read() {
        let mistral = r#"{"object":"error","message":"…","type":"invalid_api_key","code":"1000"}"#;
        assert_eq!(sorted(400, mistral), (FailureKind::Auth, code("1000")));
        assert_eq!(
            sorted(
                404,
                r#"{"error":"model \"x\" not found, try pulling it first"}"#
            ),
            (FailureKind::NotFound, None)
        );
        for body in [
            "",
            "<html>502</html>",
            "{",
            "[]",
            "[1]",
            "null",
            "{\"error\":7}",
            "\u{0}",
        ] {
            assert_eq!(sorted(502, body), (FailureKind::Internal, None), "{body}");
        }
    }

    #[test]
    fn google_says_in_the_details_how_long_and_why() {
        let body = r#"[{"error":{"code":429,"message":"…","status":"RESOURCE_EXHAUSTED","details":[
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"46s"}]}}]"#;
        let error = failure(429, body.as_bytes());
        assert_eq!(error.kind, FailureKind::RateLimited);
        assert_eq!(error.retry_after, Some(Duration::from_secs(46)));

        let day =
            r#"[{"error":{"code":429,"details":[{"violations":[{"quotaId":"RequestsPerDay"}]}]}}]"#;
        assert_eq!(sorted(429, day).0, FailureKind::QuotaExceeded);
        let key = r#"[{"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}}]"#;
        assert_eq!(sorted(400, key).0, FailureKind::Auth);
    }

    #[test]
    fn nothing_of_the_prose_and_no_key_comes_through() {
        let body = r#"{"error":{"message":"Incorrect API key: sk-canary","type":"You sent sk-canary","code":"sk-canary"}}"#;
        let error = failure(401, body.as_bytes());
        assert_eq!((error.kind, error.code), (FailureKind::Auth, None));
        assert!(!format!("{error:?}").contains("canary"));
    }
}
