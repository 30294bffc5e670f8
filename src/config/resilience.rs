//! What is done when a provider fails or has no room: how often it is asked again, when it is not
//! asked any more, and who may wait for a turn.
//!
//! The numbers are argued in `docs/decisions/0020-when-a-provider-fails.md`; what they mean is in
//! `engine/policy/`.

use super::ConfigError;
use super::layers::{Layers, Raw};
use super::limits::bounded;
use super::values::{Value, quoted};
use crate::limits as default;

/// Further attempts, and when there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Resilience {
    /// Further attempts.
    pub retry: Retry,
    /// Whether time limits that ran out are tried again as well. By then the time is spent, so
    /// usually not.
    pub retry_timeouts: bool,
    /// The breaker.
    pub breaker: Breaker,
}

bounded! {
    /// Further attempts at a provider for one text.
    pub struct Retry {
        /// How many, at most.
        retries: u32 = default::RETRIES, 0..=10;
        /// The bound of the first wait.
        retry_base_ms: u64 = default::RETRY_BASE_MS, 0..=60_000;
        /// The bound of any wait that the provider did not ask for.
        retry_cap_ms: u64 = default::RETRY_CAP_MS, 0..=600_000;
        /// The longest wait that the provider may ask for.
        retry_hint_ms: u64 = default::RETRY_HINT_MS, 0..=600_000;
    }
}

bounded! {
    /// When a provider is not asked any more.
    pub struct Breaker {
        /// Failures in a row; 0 for never.
        breaker_failures: u32 = default::BREAKER_FAILURES, 0..=1_000_000;
        /// How long, at first.
        breaker_open_ms: u64 = default::BREAKER_OPEN_MS, 10..=default::BREAKER_OPEN_MAX_MS;
    }
}

impl Resilience {
    pub(super) fn read(layers: &mut Layers, section: &str) -> Result<Self, ConfigError> {
        Ok(Resilience {
            retry: Retry::read(layers, section)?,
            retry_timeouts: layers.value(&format!("{section}.retry_timeouts"), false)?,
            breaker: Breaker::read(layers, section)?,
        })
    }
}

/// How many calls there may be at a provider at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// So many.
    Fixed(usize),
    /// As many as it answers without getting slower.
    Adaptive,
}

const ADAPTIVE: &str = "adaptive";

impl Value for Concurrency {
    fn parse(raw: &Raw) -> Result<Self, String> {
        if let Raw::Text(word) | Raw::Untyped(word) = raw
            && word == ADAPTIVE
        {
            return Ok(Concurrency::Adaptive);
        }
        let number = u64::parse(raw).ok().map(|number| number as usize);
        let number = number.filter(|number| (1..=default::CONNECTIONS).contains(number));
        let most = default::CONNECTIONS;
        let wrong = || format!("must be between 1 and {most}, or \"{ADAPTIVE}\"");
        number.map(Concurrency::Fixed).ok_or_else(wrong)
    }

    fn show(&self) -> String {
        match self {
            Concurrency::Fixed(number) => number.to_string(),
            Concurrency::Adaptive => quoted(ADAPTIVE),
        }
    }
}

impl Concurrency {
    /// The number that was set, if one was.
    pub fn fixed(self) -> Option<usize> {
        match self {
            Concurrency::Fixed(number) => Some(number),
            Concurrency::Adaptive => None,
        }
    }
}

/// The calls that wait for their turn at a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How many may wait.
    pub calls: usize,
    /// How long each may wait, in milliseconds.
    pub ms: u64,
}

/// What the sources say about turns. How long the queue is depends on whether the operator has
/// chosen how many there are.
pub(super) struct Turns {
    /// Calls at a time.
    pub(super) concurrency: Option<Concurrency>,
    calls: u64,
    ms: Option<u64>,
}

impl Turns {
    pub(super) fn read(layers: &mut Layers, section: &str) -> Result<Self, ConfigError> {
        let key = |field: &str| format!("{section}.{field}");
        let most = default::CONNECTIONS as u64;
        Ok(Turns {
            concurrency: layers.optional(&key("concurrency"))?,
            calls: layers.number(&key("queue_calls"), default::QUEUE_CALLS as u64, 0..=most)?,
            ms: layers.optional_number(&key("queue_ms"), 0..=3_600_000)?,
        })
    }

    /// Fills in the default of `queue_ms`.
    pub(super) fn finish(&self, section: &str, layers: &mut Layers) -> Queue {
        let usual = match self.concurrency {
            Some(_) => default::QUEUE_CHOSEN_MS,
            None => default::QUEUE_MS,
        };
        let ms = self.ms.unwrap_or(usual);
        layers.settle(&format!("{section}.queue_ms"), &ms);
        Queue {
            calls: self.calls as usize,
            ms,
        }
    }
}
