//! How often which duration was seen, in steps that grow with the value.
//!
//! ```text
//!   value   0 … 63 | 64 … 127 | 128 … 255 | 256 … 511 | …
//!   step       1   |    1     |     2     |     4     | …    64 steps in each power of two
//! ```
//! So a quantile is off by 1.6 % at most, whether it is a microsecond or an hour, recording is an
//! addition, and nothing is sampled or thrown away (the idea is HdrHistogram's).

use serde::Serialize;

/// Steps in each power of two, as a power of two.
const STEP_BITS: u32 = 6;
const STEPS: usize = 1 << STEP_BITS;
/// The steps of every number that 64 bits can hold.
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) * STEPS;

/// See the module. Values are nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    count: u64,
    sum: u128,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            counts: vec![0; BUCKETS],
            count: 0,
            sum: 0,
            max: 0,
        }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.count += 1;
        self.sum += u128::from(value);
        self.max = self.max.max(value);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// A value that `share` (0 to 1) of all values do not exceed; 0 if there are none.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let rank = ((share * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return highest(at).min(self.max);
            }
        }
        0
    }

    /// What a report says of it.
    pub(crate) fn summary(&self) -> Summary {
        let us = |value: u64| value as f64 / 1000.0;
        Summary {
            count: self.count,
            mean: self.sum as f64 / 1000.0 / self.count.max(1) as f64,
            p50: us(self.quantile(0.5)),
            p90: us(self.quantile(0.9)),
            p99: us(self.quantile(0.99)),
            p999: us(self.quantile(0.999)),
            max: us(self.max),
        }
    }
}

/// The figures of a histogram, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

fn bucket(value: u64) -> usize {
    if value < STEPS as u64 {
        return value as usize;
    }
    let shift = value.ilog2() - STEP_BITS;
    let step = (value >> shift) as usize - STEPS;
    (shift as usize + 1) * STEPS + step
}

/// The largest value of a bucket.
fn highest(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let (shift, step) = (bucket / STEPS - 1, bucket % STEPS);
    let next = (STEPS + step + 1) as u128;
    ((next << shift) - 1) as u64
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Histogram, bucket, highest};

    #[test]
    fn every_value_lies_in_its_bucket_and_at_most_one_step_below_its_end() {
        let edges = (0..64).flat_map(|power| {
            let value = 1_u64 << power;
            [value.saturating_sub(1), value, value + value / 3]
        });
        for value in edges.chain([0, 77, u64::MAX]) {
            let highest = highest(bucket(value));
            assert!(highest >= value, "{value}");
            assert!((highest - value) as f64 <= value as f64 / 64.0, "{value}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for at in 1..BUCKETS {
            assert_eq!(bucket(highest(at - 1) + 1), at);
        }
    }

    #[test]
    fn quantiles_of_a_thousand_values_are_where_they_belong() {
        let mut histogram = Histogram::default();
        for value in (1..=1000).rev() {
            histogram.record(value * 1_000_000);
        }
        for (share, exact) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0)] {
            let found = histogram.quantile(share) as f64 / 1e6;
            assert!(
                (0.0..=0.016).contains(&(found / exact - 1.0)),
                "{share}: {found}"
            );
        }
        assert_eq!(histogram.quantile(1.0), 1_000_000_000);
        assert_eq!(histogram.summary().mean, 500_500.0);
    }

    #[test]
    fn nothing_recorded_is_nothing_found() {
        let histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.99), histogram.count()), (0, 0));
        assert_eq!(histogram.summary().mean, 0.0);
    }
}
