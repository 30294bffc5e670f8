//! The breaker: a provider that fails again and again is not asked for a while.
//!
//! ```text
//!             N failures in a row                      its time is over: one call is let through
//!  Closed ────────────────────────► Open ◄─────────────────────────────────────► Probing
//!    ▲                               ▲   the probe fails: open twice as long         │
//!    │                               └───────────────────────────────────────────────┤
//!    └───────────────────────────────────────────────────── the probe succeeds ──────┘
//! ```
//! Clients of an open breaker have their answer in a millisecond instead of after a time limit,
//! and a provider that is coming back is not met by everybody at once.
//!
//! What counts as a failure is told by [`health`]: that nobody was there, that it broke, or that it
//! took too long. A client that leaves says nothing about the provider, and neither does an answer
//! that the request deserved (4xx): somebody was there to give it.

use crate::config;
use crate::engine::Failure;
use crate::engine::failure::Upstream;
use crate::engine::now::Mono;
use crate::limits::BREAKER_OPEN_MAX_MS;

/// The breaker of one provider.
#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    rules: config::Breaker,
    state: State,
}

/// Where a breaker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls are made.
    Closed {
        /// Failures since the last success.
        failures: u32,
    },
    /// No calls are made.
    Open {
        /// Until then; later, whoever comes first is the probe.
        until: Mono,
        /// How long it was opened for.
        ms: u64,
    },
    /// One call is on its way; all others are refused.
    Probing {
        /// How long it was open before.
        ms: u64,
    },
}

/// What the end of a call says about the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Somebody is there and answers.
    Alive,
    /// It failed, and the request is not to blame.
    Failing,
    /// Nothing: it was not asked, or not to the end.
    Unknown,
}

/// A call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Like any other.
    Usual,
    /// It is the one that all others wait for.
    Probe,
}

/// The breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When to come again.
    pub retry_after_ms: u64,
}

/// What to say to those who wait for a probe: nobody knows how long it takes.
const PROBE_MS: u64 = 1_000;

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(rules: config::Breaker) -> Self {
        Breaker {
            rules,
            state: State::Closed { failures: 0 },
        }
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether a call that may be made at `at` has a chance.
    pub fn check(&self, at: Mono) -> Result<(), Refused> {
        match self.state {
            State::Open { until, .. } if at < until => Err(Refused {
                retry_after_ms: until.since(at).div_ceil(1_000_000),
            }),
            State::Probing { .. } => Err(Refused {
                retry_after_ms: PROBE_MS,
            }),
            State::Closed { .. } | State::Open { .. } => Ok(()),
        }
    }

    /// A call is about to be made. Its [`Pass`] is to be given back with its end.
    pub fn enter(&mut self, now: Mono) -> Result<Pass, Refused> {
        self.check(now)?;
        match self.state {
            State::Open { ms, .. } => {
                self.state = State::Probing { ms };
                Ok(Pass::Probe)
            }
            _ => Ok(Pass::Usual),
        }
    }

    /// A call has ended. Returns whether the state has changed.
    pub fn leave(&mut self, now: Mono, pass: Pass, health: Health) -> bool {
        let before = self.state;
        self.state = match (before, pass, health) {
            (State::Closed { .. }, _, Health::Alive) => State::Closed { failures: 0 },
            (State::Closed { failures }, _, Health::Failing) => self.failed(now, failures + 1),
            (State::Probing { .. }, Pass::Probe, Health::Alive) => State::Closed { failures: 0 },
            (State::Probing { ms }, Pass::Probe, Health::Failing) => {
                open(now, (2 * ms).min(BREAKER_OPEN_MAX_MS))
            }
            // The probe was given up: the next one who comes is the probe.
            (State::Probing { ms }, Pass::Probe, Health::Unknown) => State::Open { until: now, ms },
            // Calls from before it opened tell nothing new.
            (same, _, _) => same,
        };
        std::mem::discriminant(&before) != std::mem::discriminant(&self.state)
    }

    fn failed(&self, now: Mono, failures: u32) -> State {
        let most = self.rules.breaker_failures;
        if most > 0 && failures >= most {
            open(now, self.rules.breaker_open_ms)
        } else {
            State::Closed { failures }
        }
    }
}

fn open(now: Mono, ms: u64) -> State {
    State::Open {
        until: now.plus_ms(ms),
        ms,
    }
}

/// What a failed call says about its provider.
#[must_use]
pub fn health(failure: &Failure) -> Health {
    let Failure::Upstream(upstream) = failure else {
        return Health::Unknown; // ours, or the client's
    };
    match upstream {
        Upstream::Name(_)
        | Upstream::NameTimeout
        | Upstream::Connect(_)
        | Upstream::ConnectTimeout
        | Upstream::Tls(_)
        | Upstream::TlsTimeout
        | Upstream::FirstByteTimeout
        | Upstream::FirstContentTimeout
        | Upstream::ContentTimeout
        | Upstream::Broken
        | Upstream::Truncated
        | Upstream::Http
        | Upstream::Malformed => Health::Failing,
        Upstream::Unavailable { status, .. } if (400..500).contains(status) => Health::Alive,
        Upstream::Unavailable { .. } => Health::Failing,
        Upstream::TooLarge
        | Upstream::Compressed
        | Upstream::Empty
        | Upstream::Key
        | Upstream::Model(_)
        | Upstream::Rejected { .. }
        | Upstream::RateLimited { .. }
        | Upstream::Quota(_)
        | Upstream::Status(_) => Health::Alive,
        // The whole may have been spent anywhere, and the others are our own limits.
        Upstream::TotalTimeout | Upstream::PoolTimeout | Upstream::BreakerOpen { .. } => {
            Health::Unknown
        }
    }
}

#[cfg(test)]
mod tests;
