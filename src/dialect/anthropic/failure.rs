//! Anthropic's errors, which look alike as the body of an answer and as an event of a stream.
//!
//! ```text
//! {"type": "error", "error": {"type": "overloaded_error", "message": …}, "request_id": …}
//! ```
//!
//! The HTTP status decides where there is one; the type repeats it. Inside a stream there is
//! none, and the type has to do. The message is never read.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::json::{JsonStr, Object, parse};
use crate::dialect::{ErrorCode, FailureKind, ProviderError, Reach};

/// Sorts an answer with an error status. The body may be anything: a proxy in between answers in
/// HTML, and then the status alone speaks.
#[must_use]
pub fn failure(status: u16, body: &[u8]) -> ProviderError {
    let body: Option<Object<Body<'_>>> = parse(body).ok();
    let name = body.and_then(|Object(body)| name_of(body.error));
    judge(name, FailureKind::of_status(status))
}

/// Sorts an error that came with a 200.
pub(super) fn in_band(error: Option<&RawValue>) -> ProviderError {
    let name = name_of(error);
    let kind = name.and_then(instead_of_status);
    judge(name, kind.unwrap_or(FailureKind::Internal))
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ErrorFields<'a> {
    #[serde(borrow, rename = "type")]
    kind: JsonStr<'a>,
}

fn name_of(error: Option<&RawValue>) -> Option<&str> {
    let fields: Object<ErrorFields<'_>> = serde_json::from_str(error?.get()).ok()?;
    Some(fields.0.kind.escaped())
}

fn judge(name: Option<&str>, kind: FailureKind) -> ProviderError {
    ProviderError {
        kind,
        reach: Reach::of(kind),
        code: name.and_then(ErrorCode::new),
        retry_after: None,
    }
}

/// The types of the error reference, each with the status that it has outside of a stream.
fn instead_of_status(name: &str) -> Option<FailureKind> {
    Some(FailureKind::of_status(match name {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "api_error" => 500,
        // It gave up waiting for itself, which is what 503 means in our table.
        "timeout_error" => 503,
        "overloaded_error" => 529,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(name: &str) -> String {
        format!(
            r#"{{"type":"error","error":{{"type":"{name}","message":"about sk-ant-canary"}},"request_id":"req_1"}}"#
        )
    }

    #[test]
    fn every_documented_error_has_its_kind() {
        for (status, name, kind) in [
            (400, "invalid_request_error", FailureKind::Invalid),
            (401, "authentication_error", FailureKind::Auth),
            (402, "billing_error", FailureKind::QuotaExceeded),
            (403, "permission_error", FailureKind::Auth),
            (404, "not_found_error", FailureKind::NotFound),
            (413, "request_too_large", FailureKind::Invalid),
            (429, "rate_limit_error", FailureKind::RateLimited),
            (500, "api_error", FailureKind::Internal),
            (529, "overloaded_error", FailureKind::Overloaded),
        ] {
            let outside = failure(status, body(name).as_bytes());
            assert_eq!((outside.kind, outside.code), (kind, ErrorCode::new(name)));
            assert_eq!(instead_of_status(name), Some(kind), "{name} in a stream");
            assert!(!format!("{outside:?}").contains("canary"));
        }
    }

    #[test]
    fn a_body_of_somebody_else_leaves_the_status_to_speak() {
        for body in [
            "",
            "<html>",
            "[]",
            "null",
            r#"{"error":7}"#,
            r#"{"error":{}}"#,
            "\u{0}",
        ] {
            let error = failure(502, body.as_bytes());
            assert_eq!(
                (error.kind, error.code),
                (FailureKind::Internal, None),
                "{body}"
            );
        }
    }

    #[test]
    fn an_unknown_error_inside_a_stream_is_the_providers_own() {
        assert_eq!(in_band(None).kind, FailureKind::Internal);
        assert_eq!(instead_of_status("new_error"), None);
    }
}
