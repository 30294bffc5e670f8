//! Hints in the error bodies of Google's APIs.
//!
//! Google says how long to wait, which quota is used up and whether the key is wrong only in
//! `error.details`, a list of typed objects (`google/rpc/error_details.proto`). Its
//! OpenAI-compatible endpoint answers errors with the same body, which is why two dialects look
//! here.
//!
//! Some of its services leave the object with the delay out and say it only in the message, "Please
//! retry in 46.2s." That one number is read; nothing else of the message is.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Reach;
use super::json::{Gather, JsonStr, List, Object};

/// What the details of one error say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hints {
    /// `RetryInfo.retryDelay`, or the delay in the message.
    pub(super) retry_after: Option<Duration>,
    /// A quota that comes back tomorrow and not in a minute, or one of nothing at all.
    pub(super) day_quota: bool,
    /// What the violated quota is about, if its name says so.
    pub(super) reach: Option<Reach>,
    /// `ErrorInfo.reason` is `API_KEY_INVALID`: Google answers a wrong key with 400.
    pub(super) bad_key: bool,
}

impl Hints {
    /// Reads `error.details` and, for the delay alone, `error.message`. Other servers put other
    /// things under those names; those say nothing.
    pub(super) fn of_error(details: Option<&RawValue>, message: Option<&RawValue>) -> Self {
        let mut hints = details
            .and_then(|details| serde_json::from_str(details.get()).ok())
            .map_or(Self::default(), |List(hints)| hints);
        let prose = message.and_then(|message| serde_json::from_str(message.get()).ok());
        hints.retry_after = hints
            .retry_after
            .or_else(|| prose.and_then(|prose: JsonStr<'_>| delay_in_prose(prose.escaped())));
        hints
    }
}

/// The delay in "… Please retry in 1m3.5s." as Go writes durations: hours, minutes, seconds and
/// milliseconds, each at most once and in this order.
fn delay_in_prose(message: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 4] = [("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)];
    const WORDS: &str = "retry in ";
    let mut rest = &message[message.find(WORDS)? + WORDS.len()..];
    let (mut seconds, mut found) = (0.0, false);
    for (unit, factor) in UNITS {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, after) = rest.split_at(digits.unwrap_or(rest.len()));
        let letters = after.find(|c: char| !c.is_ascii_lowercase());
        let (word, after) = after.split_at(letters.unwrap_or(after.len()));
        if word == unit {
            seconds += number.parse::<f64>().ok()? * factor;
            (rest, found) = (after, true);
        }
    }
    found.then(|| Duration::try_from_secs_f64(seconds).ok())?
}

#[derive(Deserialize)]
pub(super) struct Detail<'a> {
    #[serde(borrow, rename = "retryDelay")]
    retry_delay: Option<JsonStr<'a>>,
    #[serde(borrow)]
    reason: Option<JsonStr<'a>>,
    violations: Option<List<Quotas>>,
}

impl<'de> Gather<'de> for Hints {
    type Item = Object<Detail<'de>>;

    fn take(&mut self, Object(detail): Self::Item) -> Result<(), &'static str> {
        let delay = detail.retry_delay.and_then(duration);
        self.retry_after = self.retry_after.or(delay);
        if let Some(List(quotas)) = detail.violations {
            self.day_quota |= quotas.of_day;
            self.reach = quotas.reach.or(self.reach);
        }
        self.bad_key |= detail
            .reason
            .is_some_and(|reason| reason.escaped() == "API_KEY_INVALID");
        Ok(())
    }
}

/// What the violated quotas say, such as `GenerateRequestsPerDayPerProjectPerModel-FreeTier`.
#[derive(Default)]
struct Quotas {
    /// Whether any counts days or is zero, as it is for models that an account may not use.
    of_day: bool,
    /// What they are about: the account if any is.
    reach: Option<Reach>,
}

#[derive(Deserialize)]
struct Violation<'a> {
    #[serde(borrow, rename = "quotaId")]
    quota_id: Option<JsonStr<'a>>,
    /// JSON of protocol buffers writes 64 bits as a string.
    #[serde(borrow, rename = "quotaValue")]
    quota_value: Option<&'a RawValue>,
}

impl<'de> Gather<'de> for Quotas {
    type Item = Object<Violation<'de>>;

    fn take(&mut self, Object(violation): Self::Item) -> Result<(), &'static str> {
        if let Some(id) = violation.quota_id {
            let says = |word| id.escaped().contains(word);
            self.of_day |= says("PerDay");
            if says("PerModel") {
                self.reach = self.reach.or(Some(Reach::Model));
            } else if says("PerProject") {
                self.reach = Some(Reach::Account);
            }
        }
        self.of_day |= violation
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
        Hints::of_error(Some(serde_json::from_str(details).unwrap()), None)
    }

    #[test]
    fn a_delay_that_is_only_in_the_message_is_found() {
        let said = |message: &str| {
            let message = serde_json::value::to_raw_value(message).unwrap();
            Hints::of_error(None, Some(&message)).retry_after
        };
        let quota = "You exceeded your current quota.\n* Quota exceeded for metric: x, limit: 15\n";
        for (words, ms) in [
            ("Please retry in 46.5s.", 46_500),
            ("Please retry in 387.25ms.", 387),
            ("Please retry in 1h2m3s.", 3_723_000),
            ("Please retry in 2m", 120_000),
        ] {
            let delay = said(&format!("{quota}{words}")).unwrap();
            assert_eq!(delay.as_millis(), ms, "{words}");
        }
        for words in [
            "",
            "retry in",
            "retry in a while",
            "retry in 5",
            "retry in 1.2.3s",
            "retry in -5s",
        ] {
            assert_eq!(said(words), None, "{words}");
        }
        let delay = serde_json::value::to_raw_value(&["x"]).unwrap();
        assert_eq!(Hints::of_error(None, Some(&delay)), Hints::default());
    }

    #[test]
    fn the_details_come_before_the_message() {
        let details = serde_json::from_str(r#"[{"retryDelay":"7s"}]"#).unwrap();
        let message = serde_json::from_str(r#""Please retry in 9s.""#).unwrap();
        let said = Hints::of_error(Some(details), Some(message));
        assert_eq!(said.retry_after, Some(Duration::from_secs(7)));
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
        assert_eq!(said.reach, Some(Reach::Model));
        assert!(hints(r#"[{"reason":"API_KEY_INVALID"}]"#).bad_key);
    }

    #[test]
    fn a_minute_quota_is_not_a_day_quota() {
        let said = hints(r#"[{"violations":[{"quotaId":"RequestsPerMinutePerProject"}]}]"#);
        assert!(!said.day_quota);
        assert_eq!(said.reach, Some(Reach::Account));
    }

    #[test]
    fn of_several_quotas_the_one_about_the_account_says_more() {
        let model = r#"{"quotaId":"RequestsPerMinutePerProjectPerModel"}"#;
        let account = r#"{"quotaId":"RequestsPerMinutePerProject"}"#;
        for violations in [format!("{model},{account}"), format!("{account},{model}")] {
            let said = hints(&format!(r#"[{{"violations":[{violations}]}}]"#));
            assert_eq!(said.reach, Some(Reach::Account));
        }
        assert_eq!(hints(r#"[{"violations":[{"quotaId":"x"}]}]"#).reach, None);
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
