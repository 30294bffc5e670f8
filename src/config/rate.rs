//! How much somebody may ask for: requests and tokens in a window of time, and connections.

use super::ConfigError;
use super::layers::{Layers, Raw};
use super::values::{Value, quoted};
use crate::limits as default;

/// What everybody may do. Without limits, which is the default, nothing is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Requests that cost a call or a scorer.
    pub requests: Vec<RateRule>,
    /// Tokens of prompts and answers.
    pub tokens: Vec<RateRule>,
    /// Connections at a time.
    pub connections: Option<u32>,
    /// Of how many that is remembered.
    pub subjects: usize,
}

/// So many in so long: `60/min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateRule {
    /// How many.
    pub count: u64,
    /// In how long.
    pub window_ms: u64,
}

/// Words for a length of time, the longest first; each length has one spelling that is shown.
const UNITS: [(&str, &[&str], u64); 4] = [
    ("day", &["d", "days"], 24 * 3600),
    ("hour", &["h", "hours"], 3600),
    ("min", &["m", "minute", "minutes"], 60),
    ("s", &["sec", "second", "seconds"], 1),
];

/// Past this nobody waits for the end of a window.
const LONGEST_MS: u64 = 31 * 24 * 3600 * 1000;
/// Of how many addresses what they use may be remembered, 240 bytes each.
const MOST_SUBJECTS: u64 = 64 * default::RATE_SUBJECTS;

impl RateRule {
    /// The length of its window in words: `min`, `10s`.
    #[must_use]
    pub fn window(&self) -> String {
        let seconds = self.window_ms / 1000;
        let fits = |unit: &&(&str, &[&str], u64)| seconds.is_multiple_of(unit.2);
        let (name, _, length) = UNITS.iter().find(fits).unwrap_or(&UNITS[3]);
        match seconds / length {
            1 => (*name).to_owned(),
            n => format!("{n}{name}"),
        }
    }
}

impl Value for RateRule {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = || "must be like \"60/min\", \"1000/day\" or \"5/10s\"".to_owned();
        let (count, window) = raw.text()?.split_once('/').ok_or_else(wrong)?;
        let window = window.trim();
        let digits = window.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = window[digits.len()..].trim();
        let times: u64 = match digits {
            "" => 1,
            digits => digits.parse().map_err(|_| wrong())?,
        };
        let known =
            |(name, others, _): &&(&str, &[&str], u64)| *name == unit || others.contains(&unit);
        let (.., length) = UNITS.iter().find(known).ok_or_else(wrong)?;
        let window_ms = times.saturating_mul(*length).saturating_mul(1000);
        let count: u64 = count.trim().parse().map_err(|_| wrong())?;
        if !(1..=default::RATE_COUNT).contains(&count) {
            return Err(format!("must be from 1 to {}", default::RATE_COUNT));
        }
        if !(1..=LONGEST_MS).contains(&window_ms) {
            return Err("must be in a second at least and 31 days at most".to_owned());
        }
        Ok(RateRule { count, window_ms })
    }

    fn show(&self) -> String {
        quoted(&format!("{}/{}", self.count, self.window()))
    }
}

impl Rate {
    pub(super) fn read(layers: &mut Layers, section: &str) -> Result<Self, ConfigError> {
        let key = |field: &str| format!("{section}.{field}");
        let mut rules = |field: &str| {
            let key = key(field);
            let rules: Vec<RateRule> = layers.value(&key, Vec::new())?;
            if rules.len() > default::RATE_METERS / 2 {
                let most = default::RATE_METERS / 2;
                return Err(layers.illegal(&key, format!("must be at most {most} limits")));
            }
            // They would be one counter for all processes, from which each of them takes.
            let is_again = |at: usize| rules[..at].contains(&rules[at]);
            if let Some(at) = (0..rules.len()).find(|at| is_again(*at)) {
                let rule = rules[at].show();
                return Err(layers.illegal(&key, format!("has {rule} twice")));
            }
            Ok(rules)
        };
        let (requests, tokens) = (rules("requests")?, rules("tokens")?);
        let connections = layers.optional_number(&key("connections"), 1..=1_000_000)?;
        let subjects = 1..=MOST_SUBJECTS;
        Ok(Rate {
            requests,
            tokens,
            connections: connections.map(|number| number as u32),
            subjects: layers.number(&key("subjects"), default::RATE_SUBJECTS, subjects)? as usize,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RateRule, String> {
        RateRule::parse(&Raw::Text(text.to_owned()))
    }

    #[test]
    fn so_many_in_so_long() {
        for (text, count, seconds, shown) in [
            ("60/min", 60, 60, "60/min"),
            ("1000/day", 1_000, 86_400, "1000/day"),
            ("5/10s", 5, 10, "5/10s"),
            ("7 / 2 hours", 7, 7_200, "7/2hour"),
            ("1/60s", 1, 60, "1/min"),
            ("1/24h", 1, 86_400, "1/day"),
        ] {
            let window_ms = seconds * 1000;
            assert_eq!(parse(text), Ok(RateRule { count, window_ms }), "{text}");
            let again = parse(text).map(|rule| rule.show());
            assert_eq!(again, Ok(format!("\"{shown}\"")));
        }
    }

    #[test]
    fn what_cannot_be_a_limit_is_refused() {
        for text in [
            "",
            "60",
            "/min",
            "60/",
            "60/week",
            "0/min",
            "-1/min",
            "60/0s",
            "60/32days",
            "1.5/min",
            "60/min/min",
            "9999999999999999/s",
            "60/99999999999999999999s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
