//! Hints in the error bodies of Google's APIs.
//!
//! Google says how long to wait, which quota is used up and whether the key is wrong only in
//! `error.details`, a list of typed objects (`google/rpc/error_details.proto`). Its
//! OpenAI-compatible endpoint answers errors with the same body, which is why two dialects look
//! here.
//!
//! It refuses to read the message text, which repeats the delay in prose.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{Gather, JsonStr, List, Object};

/// What the details of one error say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// `RetryInfo.retryDelay`.
    pub(super) retry_after: Option<Duration>,
    /// A quota that comes back tomorrow and not in a minute, or one of nothing at all.
    pub(super) day_quota: bool,
    /// `ErrorInfo.reason` is `API_KEY_INVALID`: Google answers a wrong key with 400.
    pub(super) bad_key: bool,
}

impl Hints {
    /// Reads `error.details`. Other servers put other things under that name; those say nothing.
    pub(super) fn of_details(details: &RawValue) -> Self {
        serde_json::from_str(details.get()).map_or(Self::default(), |List(hints)| hints)
    }
}

#[derive(Deserialize)]
pub(super) struct Detail<'a> {
    #[serde(borrow, rename = "retryDelay")]
    retry_delay: Option<JsonStr<'a>>,
    #[serde(borrow)]
    reason: Option<JsonStr<'a>>,
    violations: Option<List<DayQuota>>,
}

impl<'de> Gather<'de> for Hints {
    type Item = Object<Detail<'de>>;

    fn take(&mut self, Object(detail): Self::Item) -> Result<(), &'static str> {
        let delay = detail.retry_delay.and_then(duration);
        self.retry_after = self.retry_after.or(delay);
        self.day_quota |= matches!(detail.violations, Some(List(DayQuota(true))));
        self.bad_key |= detail
            .reason
            .is_some_and(|reason| reason.escaped() == "API_KEY_INVALID");
        Ok(())
    }
}

/// Whether any violated quota counts days (`GenerateRequestsPerDayPerProjectPerModel-FreeTier`) or
/// is zero, as it is for models that an account may not use.
#[derive(Default)]
struct DayQuota(bool);

#[derive(Deserialize)]
struct Violation<'a> {
    #[serde(borrow, rename = "quotaId")]
    quota_id: Option<JsonStr<'a>>,
    /// JSON of protocol buffers writes 64 bits as a string.
    #[serde(borrow, rename = "quotaValue")]
    quota_value: Option<&'a RawValue>,
}

impl<'de> Gather<'de> for DayQuota {
    type Item = Object<Violation<'de>>;

    fn take(&mut self, Object(violation): Self::Item) -> Result<(), &'static str> {
        self.0 |= violation
            .quota_id
            .is_some_and(|id| id.escaped().contains("PerDay"));
        self.0 |= violation
            .quota_value
            .is_some_and(|value| value.get().trim_matches('"') == "0");
        Ok(())
    }
}

/// The JSON form of `google.protobuf.Duration`: seconds with an optional fraction and an `s`.
fn duration(text: JsonStr<'_>) -> Option<Duration> {
    let seconds = text.escaped().strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn hints(details: &str) -> Hints {
        Hints::of_details(serde_json::from_str(details).unwrap())
    }

    #[test]
    fn delay_day_quota_and_bad_key_are_found_among_other_details() {
        let said = hints(
            r#"[{"@type":"type.googleapis.com/google.rpc.Help","links":[{"url":"https://x"}]},
                {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[
                    {"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},
                {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"46.5s"}]"#,
        );
        assert_eq!(said.retry_after, Some(Duration::from_millis(46_500)));
        assert!(said.day_quota && !said.bad_key);
        assert!(hints(r#"[{"reason":"API_KEY_INVALID"}]"#).bad_key);
    }

    #[test]
    fn a_minute_quota_is_not_a_day_quota() {
        let said = hints(r#"[{"violations":[{"quotaId":"RequestsPerMinutePerProject"}]}]"#);
        assert_eq!(said, Hints::default());
    }

    #[test]
    fn nonsense_says_nothing() {
        for details in [
            "[]",
            "null",
            r#""free text""#,
            r#"[{"retryDelay":"soon"}]"#,
            r#"[{"retryDelay":"-3s"}]"#,
            r#"[{"retryDelay":"1e300s"}]"#,
            r#"[{"retryDelay":"NaNs"}]"#,
            r#"[{"retryDelay":7}]"#,
        ] {
            assert_eq!(hints(details), Hints::default(), "{details}");
        }
    }
}
