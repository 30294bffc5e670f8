//! How somebody stands with the limits, in header fields: each API has words of its own for it.
//!
//! | API | fields |
//! |---|---|
//! | our own | `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10), every limit |
//! | OpenAI's | `x-ratelimit-limit-requests`, `…-remaining-…`, `…-reset-…`, the same for tokens |
//! | Anthropic's | `anthropic-ratelimit-requests-limit`, `…-remaining`, `…-reset`, the same for tokens |
//!
//! The vendors' fields have room for one limit of each kind: it is the one of which least is left.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{Kind, Meter, Standing};

/// In whose words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// Our own API's.
    Own,
    /// OpenAI's.
    OpenAi,
    /// Anthropic's.
    Anthropic,
}

/// The fields of one reply. Its memory is used again for the next one.
#[derive(Debug, Default)]
pub struct Fields {
    values: String,
    /// Names, and where in `values` theirs ends.
    ends: Vec<(&'static str, usize)>,
}

impl Fields {
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        let pairs = starts.zip(&self.ends);
        pairs.map(|(start, (name, end))| (*name, &self.values[start..*end]))
    }

    /// Without any.
    pub fn clear(&mut self) {
        self.values.clear();
        self.ends.clear();
    }

    /// Puts what `standing` says in the place of what was there. `wall_ms` is the present, in
    /// milliseconds since 1970.
    pub fn write(
        &mut self,
        words: Words,
        standing: impl Iterator<Item = Standing> + Clone,
        wall_ms: i64,
    ) {
        self.clear();
        match words {
            Words::Own => self.own(standing),
            Words::OpenAi | Words::Anthropic => {
                for kind in [Kind::Requests, Kind::Tokens] {
                    let of_kind = standing.clone().filter(|s| s.meter.kind == kind);
                    let tightest = of_kind.min_by_key(|s| (s.left, u64::MAX - s.reset_ms));
                    if let Some(tightest) = tightest {
                        self.vendor(words, tightest, wall_ms);
                    }
                }
            }
        }
    }

    fn own(&mut self, standing: impl Iterator<Item = Standing> + Clone) {
        // Writing to a string cannot fail.
        for (n, Standing { meter, .. }) in standing.clone().enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            let (count, seconds) = (meter.rule.count, meter.rule.window_ms.div_ceil(1000));
            let _ = write!(self.values, "{comma}{meter};q={count};w={seconds}");
            if meter.kind == Kind::Tokens {
                self.values.push_str(";qu=\"tokens\"");
            }
        }
        self.end("ratelimit-policy");
        for (n, standing) in standing.enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            let (meter, left) = (standing.meter, standing.left);
            let seconds = standing.reset_ms.div_ceil(1000);
            let _ = write!(self.values, "{comma}{meter};r={left};t={seconds}");
        }
        self.end("ratelimit");
    }

    fn vendor(&mut self, words: Words, standing: Standing, wall_ms: i64) {
        let [limit, remaining, reset] = names(words, standing.meter.kind);
        let _ = write!(self.values, "{}", standing.meter.rule.count);
        self.end(limit);
        let _ = write!(self.values, "{}", standing.left);
        self.end(remaining);
        if words == Words::OpenAi {
            self.duration(standing.reset_ms);
        } else {
            self.moment(wall_ms.saturating_add_unsigned(standing.reset_ms));
        }
        self.end(reset);
    }

    /// As OpenAI writes it: `20ms`, `7s`, `6m0s`, `1h0m0s`.
    fn duration(&mut self, ms: u64) {
        let seconds = ms.div_ceil(1000);
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let _ = match (ms, hours, minutes) {
            (0..1000, ..) => write!(self.values, "{ms}ms"),
            (_, 0, 0) => write!(self.values, "{rest}s"),
            (_, 0, _) => write!(self.values, "{minutes}m{rest}s"),
            _ => write!(self.values, "{hours}h{minutes}m{rest}s"),
        };
    }

    /// As Anthropic writes it: RFC 3339, in whole seconds, never too early.
    fn moment(&mut self, wall_ms: i64) {
        let up = wall_ms.saturating_add(999);
        let second = up.div_euclid(1000);
        if let Ok(moment) = Timestamp::from_second(second) {
            let _ = write!(self.values, "{moment}");
        }
    }

    fn end(&mut self, name: &'static str) {
        self.ends.push((name, self.values.len()));
    }
}

/// The name of a limit, a string of RFC 9651: `"requests-per-min"`.
impl std::fmt::Display for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}-per-{}\"", self.kind.as_str(), self.rule.window())
    }
}

fn names(words: Words, kind: Kind) -> [&'static str; 3] {
    match (words, kind) {
        (Words::Anthropic, Kind::Requests) => [
            "anthropic-ratelimit-requests-limit",
            "anthropic-ratelimit-requests-remaining",
            "anthropic-ratelimit-requests-reset",
        ],
        (Words::Anthropic, Kind::Tokens) => [
            "anthropic-ratelimit-tokens-limit",
            "anthropic-ratelimit-tokens-remaining",
            "anthropic-ratelimit-tokens-reset",
        ],
        (_, Kind::Requests) => [
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
        ],
        (_, Kind::Tokens) => [
            "x-ratelimit-limit-tokens",
            "x-ratelimit-remaining-tokens",
            "x-ratelimit-reset-tokens",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RateRule;

    fn standing(kind: Kind, count: u64, window_ms: u64, left: u64, reset_ms: u64) -> Standing {
        let rule = RateRule { count, window_ms };
        Standing {
            meter: Meter { kind, rule },
            left,
            reset_ms,
        }
    }

    fn written(words: Words) -> Vec<(&'static str, String)> {
        let all = [
            standing(Kind::Requests, 60, 60_000, 59, 59_001),
            standing(Kind::Requests, 1_000, 86_400_000, 12, 360_000),
            standing(Kind::Tokens, 100_000, 60_000, 4, 20),
        ];
        let mut fields = Fields::default();
        for _ in 0..2 {
            fields.write(words, all.into_iter(), 1_700_000_000_000);
        }
        let owned = fields.iter().map(|(name, value)| (name, value.to_owned()));
        owned.collect()
    }

    fn value(fields: &[(&str, String)], name: &str) -> String {
        let found = fields.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    #[test]
    fn our_own_name_every_limit() {
        let fields = written(Words::Own);
        assert_eq!(
            value(&fields, "ratelimit-policy"),
            "\"requests-per-min\";q=60;w=60, \"requests-per-day\";q=1000;w=86400, \
             \"tokens-per-min\";q=100000;w=60;qu=\"tokens\""
        );
        assert_eq!(
            value(&fields, "ratelimit"),
            "\"requests-per-min\";r=59;t=60, \"requests-per-day\";r=12;t=360, \
             \"tokens-per-min\";r=4;t=1"
        );
        assert_eq!(fields.len(), 2);
    }

    #[test]
    fn the_vendors_name_the_tightest() {
        let fields = written(Words::OpenAi);
        assert_eq!(value(&fields, "x-ratelimit-limit-requests"), "1000");
        assert_eq!(value(&fields, "x-ratelimit-remaining-requests"), "12");
        assert_eq!(value(&fields, "x-ratelimit-reset-requests"), "6m0s");
        assert_eq!(value(&fields, "x-ratelimit-reset-tokens"), "20ms");
        let fields = written(Words::Anthropic);
        let reset = |kind: &str| value(&fields, &format!("anthropic-ratelimit-{kind}-reset"));
        assert_eq!(reset("requests"), "2023-11-14T22:19:20Z");
        assert_eq!(reset("tokens"), "2023-11-14T22:13:21Z", "never too early");
        assert_eq!(value(&fields, "anthropic-ratelimit-tokens-remaining"), "4");
    }

    #[test]
    fn durations() {
        let mut fields = Fields::default();
        for (ms, expected) in [
            (0, "0ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (59_001, "1m0s"),
            (3_661_000, "1h1m1s"),
        ] {
            fields.clear();
            fields.duration(ms);
            assert_eq!(fields.values, expected);
        }
    }
}
