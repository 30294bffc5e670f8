//! What a provider's failure means, and whether a call is tried again.
//!
//! Today there is one reason to try again: a connection that had been lying idle and died before
//! a byte of the answer came. The provider closed it while it was idle; the request was almost
//! certainly not seen, and a connection that was never idle will tell.

use crate::dialect::{FailureKind, ProviderError};
use crate::engine::call::Call;
use crate::engine::failure::Upstream;
use crate::proto::http1::Fields;

/// The longest hint of a provider that is passed on.
const HINT_MAX_MS: u64 = 24 * 3600 * 1000;

/// Whether a call whose connection died without a byte of answer is tried again.
#[must_use]
pub fn after_break(call: &Call) -> bool {
    call.reused && call.retries == 0
}

/// A failure told by the status of the answer.
#[must_use]
pub fn refused(error: &ProviderError, status: u16, hint_ms: Option<u64>) -> Upstream {
    match error.kind {
        FailureKind::Auth => Upstream::Key,
        FailureKind::NotFound => Upstream::Model,
        FailureKind::RateLimited => Upstream::RateLimited {
            retry_after_ms: hint_ms.or(error.retry_after.map(|wait| wait.as_millis() as u64)),
        },
        FailureKind::QuotaExceeded => Upstream::Quota,
        FailureKind::Invalid => Upstream::Rejected(status, error.code),
        FailureKind::Overloaded | FailureKind::Internal => {
            Upstream::Unavailable(status, error.code)
        }
        FailureKind::Unexpected { status } => Upstream::Status(status),
    }
}

/// A failure told inside an answer that had begun with 200.
#[must_use]
pub fn in_band(error: &ProviderError) -> Upstream {
    refused(error, 200, None)
}

/// `Retry-After` in milliseconds, if it is a number of seconds; `retry-after-ms` is finer and
/// comes first.
#[must_use]
pub fn retry_after_ms(fields: &Fields<'_>) -> Option<u64> {
    let number = |name: &str| {
        let text = std::str::from_utf8(fields.get(name)?).ok()?.trim();
        let value: f64 = text.parse().ok()?;
        (value >= 0.0).then_some(value)
    };
    number("retry-after-ms")
        .or_else(|| number("retry-after").map(|seconds| seconds * 1000.0))
        .map(|ms| (ms as u64).min(HINT_MAX_MS))
}
