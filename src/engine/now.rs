//! Time as an argument.
//!
//! The engine has no clock. The reactor reads both clocks once a turn and hands them in as [`Now`];
//! a simulation hands in whatever it likes, and a recording replays what it saw.

use std::time::Duration;

/// A point on the monotonic clock: nanoseconds since the reactor started.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Mono(pub u64);

impl Mono {
    /// Later than anything: a timer set to it never fires.
    pub const NEVER: Mono = Mono(u64::MAX);

    /// The point `ms` milliseconds after this one.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Mono {
        Mono(self.0.saturating_add(ms.saturating_mul(1_000_000)))
    }

    /// Nanoseconds from `earlier` to this point, 0 if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Mono) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// How long from now until this point.
    #[must_use]
    pub fn from_now(self, now: Mono) -> Duration {
        Duration::from_nanos(self.since(now))
    }
}

/// Both clocks, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Now {
    /// For deadlines and durations: never goes back.
    pub mono: Mono,
    /// For people and for ids: milliseconds since 1970. May jump; nothing waits for it.
    pub wall_ms: i64,
}
