//! How late the generator itself is.
//!
//! A heart that should beat every 5 ms. Each beat is noted with how late it was noticed, and those
//! that were missed altogether as well, so the quantiles are shares of time. That covers long turns
//! of the loop, and also when another process had the core. A generator that is late by as much as
//! what it measures measures itself.

use super::histogram::Histogram;

/// Between two beats.
pub(crate) const BEAT_NS: u64 = 5_000_000;
/// A point whose 99th percentile is above this is bound by the generator.
pub(crate) const TOO_LATE_NS: u64 = 5_000_000;

#[derive(Debug, Default)]
pub(crate) struct Lag {
    next_ns: u64,
    histogram: Histogram,
}

impl Lag {
    /// The measurement begins.
    pub(crate) fn begin(&mut self, now_ns: u64) {
        *self = Lag {
            next_ns: now_ns + BEAT_NS,
            histogram: Histogram::default(),
        };
    }

    /// Notes all beats that are due.
    pub(crate) fn note(&mut self, now_ns: u64) {
        if self.next_ns == 0 {
            return;
        }
        while self.next_ns <= now_ns {
            self.histogram.record(now_ns - self.next_ns);
            self.next_ns += BEAT_NS;
        }
    }

    /// When the next one is due.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        (self.next_ns > 0).then_some(self.next_ns)
    }

    pub(crate) fn histogram(&self) -> &Histogram {
        &self.histogram
    }
}

#[cfg(test)]
mod tests {
    use super::{BEAT_NS, Lag};

    #[test]
    fn beats_that_were_missed_are_late_too() {
        let mut lag = Lag::default();
        lag.note(100 * BEAT_NS);
        assert_eq!(lag.histogram().count(), 0);
        lag.begin(0);
        lag.note(BEAT_NS);
        lag.note(4 * BEAT_NS);
        assert_eq!(lag.histogram().count(), 4);
        assert_eq!(lag.histogram().quantile(1.0), 2 * BEAT_NS);
        assert_eq!(lag.histogram().quantile(0.5), 0);
    }
}
