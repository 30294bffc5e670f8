//! Gemini's errors, which look alike as the body of an answer and as an event of a stream.
//!
//! ```text
//! {"error": {"code": 429, "message": …, "status": "RESOURCE_EXHAUSTED", "details": […]}}
//! [{"error": {…}}]                                     the same, from streaming methods
//! ```
//!
//! The HTTP status decides; inside a stream its place is taken by `code`, or by the word in
//! `status`. What the details know better (a quota that comes back tomorrow, a wrong key) comes
//! first. Of the message only a delay is read.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::response;
use crate::dialect::google::Hints;
use crate::dialect::json::{JsonStr, Object};
use crate::dialect::{ErrorCode, FailureKind, ProviderError, Reach};

/// Sorts an answer with an error status. The body may be anything: a proxy in between answers in
/// HTML, and then the status alone speaks.
#[must_use]
pub fn failure(status: u16, body: &[u8]) -> ProviderError {
    let error = response(body).ok().and_then(|response| response.error);
    Named::of_error(error).judge(Some(status))
}

/// Sorts an error that came with a 200.
pub(super) fn in_band(error: &RawValue) -> ProviderError {
    let named = Named::of_error(Some(error));
    let status = named.code;
    named.judge(status)
}

#[derive(Deserialize)]
struct ErrorFields<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<JsonStr<'a>>,
    #[serde(borrow)]
    details: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

/// What an error says of itself.
#[derive(Default)]
struct Named {
    code: Option<u16>,
    status: Option<(FailureKind, &'static str)>,
    hints: Hints,
}

impl Named {
    fn of_error(error: Option<&RawValue>) -> Self {
        let fields = error.and_then(|error| serde_json::from_str(error.get()).ok());
        let Some(Object(fields)): Option<Object<ErrorFields<'_>>> = fields else {
            return Self::default();
        };
        Self {
            code: (fields.code)
                .and_then(|code| code.get().parse().ok())
                .filter(|code| (400..600).contains(code)),
            status: fields.status.and_then(|status| known(status.escaped())),
            hints: Hints::of_error(fields.details, fields.message),
        }
    }

    fn judge(&self, status: Option<u16>) -> ProviderError {
        let kind = if self.hints.bad_key {
            FailureKind::Auth
        } else if self.hints.day_quota {
            FailureKind::QuotaExceeded
        } else if let Some(status) = status {
            FailureKind::of_status(status)
        } else {
            self.status.map_or(FailureKind::Internal, |(kind, _)| kind)
        };
        ProviderError {
            kind,
            reach: self.hints.reach.unwrap_or(Reach::of(kind)),
            code: self.status.and_then(|(_, code)| ErrorCode::new(code)),
            retry_after: self.hints.retry_after,
        }
    }
}

/// The statuses of `google/rpc/code.proto` that a call can end with, and the form in which their
/// names are shown.
fn known(status: &str) -> Option<(FailureKind, &'static str)> {
    Some(match status {
        "INVALID_ARGUMENT" => (FailureKind::Invalid, "invalid_argument"),
        "FAILED_PRECONDITION" => (FailureKind::Invalid, "failed_precondition"),
        "OUT_OF_RANGE" => (FailureKind::Invalid, "out_of_range"),
        "UNIMPLEMENTED" => (FailureKind::Invalid, "unimplemented"),
        "UNAUTHENTICATED" => (FailureKind::Auth, "unauthenticated"),
        "PERMISSION_DENIED" => (FailureKind::Auth, "permission_denied"),
        "NOT_FOUND" => (FailureKind::NotFound, "not_found"),
        "RESOURCE_EXHAUSTED" => (FailureKind::RateLimited, "resource_exhausted"),
        "UNAVAILABLE" => (FailureKind::Overloaded, "unavailable"),
        "DEADLINE_EXCEEDED" => (FailureKind::Overloaded, "deadline_exceeded"),
        "CANCELLED" => (FailureKind::Internal, "cancelled"),
        "ABORTED" => (FailureKind::Internal, "aborted"),
        "INTERNAL" => (FailureKind::Internal, "internal"),
        "UNKNOWN" => (FailureKind::Internal, "unknown"),
        "DATA_LOSS" => (FailureKind::Internal, "data_loss"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    fn error(code: u16, status: &str, details: &str) -> String {
        format!(
            r#"{{"error":{{"code":{code},"message":"about AIza-canary, retry in 9s","status":"{status}","details":{details}}}}}"#
        )
    }

    #[test]
    fn every_documented_error_has_its_kind_as_object_and_as_list() {
        for (status, word, kind) in [
            (400, "INVALID_ARGUMENT", FailureKind::Invalid),
            (400, "FAILED_PRECONDITION", FailureKind::Invalid),
            (401, "UNAUTHENTICATED", FailureKind::Auth),
            (403, "PERMISSION_DENIED", FailureKind::Auth),
            (404, "NOT_FOUND", FailureKind::NotFound),
            (429, "RESOURCE_EXHAUSTED", FailureKind::RateLimited),
            (500, "INTERNAL", FailureKind::Internal),
            (503, "UNAVAILABLE", FailureKind::Overloaded),
        ] {
            let object = error(status, word, "[]");
            for body in [
                object.clone(),
                format!("[{object}]"),
                format!(" [\n{object}\n]\n"),
            ] {
                let told = failure(status, body.as_bytes());
                assert_eq!(told.kind, kind, "{body}");
                assert_eq!(told.code.unwrap().as_str(), word.to_ascii_lowercase());
                assert!(!format!("{told:?}").contains("canary"));
            }
            assert_eq!(known(word).unwrap().0, kind, "{word} without a code");
        }
    }

    #[test]
    fn the_details_know_better() {
        let details =
            |details: &str| failure(429, error(429, "RESOURCE_EXHAUSTED", details).as_bytes());
        let minute = details(r#"[{"violations":[{"quotaId":"PerMinute"}]},{"retryDelay":"46s"}]"#);
        assert_eq!(minute.kind, FailureKind::RateLimited);
        assert_eq!(minute.retry_after, Some(Duration::from_secs(46)));
        let day =
            details(r#"[{"violations":[{"quotaId":"RequestsPerDay"}]},{"retryDelay":"46s"}]"#);
        assert_eq!(day.kind, FailureKind::QuotaExceeded);
        let never = details(r#"[{"violations":[{"quotaId":"PerMinute","quotaValue":"0"}]}]"#);
        assert_eq!(never.kind, FailureKind::QuotaExceeded);
        let key = error(400, "INVALID_ARGUMENT", r#"[{"reason":"API_KEY_INVALID"}]"#);
        assert_eq!(failure(400, key.as_bytes()).kind, FailureKind::Auth);
        // Where the details say nothing, the prose has it.
        assert_eq!(details("[]").retry_after, Some(Duration::from_secs(9)));
    }

    #[test]
    fn a_body_of_somebody_else_leaves_the_status_to_speak() {
        for body in [
            "",
            "<html>",
            "[]",
            "[1]",
            "null",
            r#"{"error":7}"#,
            r#"[{"error":{}},{"error":{}}]"#,
        ] {
            let told = failure(502, body.as_bytes());
            assert_eq!(
                (told.kind, told.code),
                (FailureKind::Internal, None),
                "{body}"
            );
        }
    }
}
