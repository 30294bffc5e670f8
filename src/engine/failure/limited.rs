//! A limit of somebody who asks is reached: whose, which, and when to come again.

use crate::config::RateRule;
use crate::engine::policy::rate::{Kind, Refused};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Too many requests or tokens in a window of time.
    Rate {
        /// Whose limit it is: `address`.
        whose: &'static str,
        /// Which one, and for how long.
        refused: Refused,
    },
    /// Too many connections from one address.
    Connections {
        /// How many there may be.
        most: u32,
    },
}

/// A connection that is too many may find room when another has been closed.
const CONNECTIONS_RETRY_MS: u64 = 1_000;

impl Limited {
    /// The stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Limited::Connections { .. } => "connections_limited",
            Limited::Rate { refused, .. } => match (refused.wait_ms, refused.meter.kind) {
                (None, _) => "request_over_limit",
                (Some(_), Kind::Requests) => "requests_limited",
                (Some(_), Kind::Tokens) => "tokens_limited",
            },
        }
    }

    /// Whose limit it is.
    #[must_use]
    pub fn whose(&self) -> &'static str {
        match self {
            Limited::Rate { whose, .. } => whose,
            Limited::Connections { .. } => "address",
        }
    }

    /// When to come again, if that helps.
    #[must_use]
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Limited::Rate { refused, .. } => refused.wait_ms,
            Limited::Connections { .. } => Some(CONNECTIONS_RETRY_MS),
        }
    }

    /// Words for a person.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Limited::Connections { most } => format!(
                "One address may have {most} connections at a time, and this one has them. Use them \
                 again, or close one."
            ),
            Limited::Rate { whose, refused } => {
                let RateRule { count, .. } = refused.meter.rule;
                let (kind, window) = (refused.meter.kind.as_str(), refused.meter.rule.window());
                let allowed = format!("This {whose} may use {count} {kind} per {window}");
                match refused.wait_ms {
                    Some(ms) => format!(
                        "{allowed}, and has used them. Try again in {} s.",
                        ms.div_ceil(1000)
                    ),
                    None => format!(
                        "{allowed}, and this request may need more than that by itself. Ask for \
                         less, for example with a smaller `max_tokens`."
                    ),
                }
            }
        }
    }
}
