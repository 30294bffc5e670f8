//! How the values of one figure lie: so many in each of some buckets of equal width.
//!
//! ```text
//!       below  │ 0 │ 3 │ 9 │ 4 │ … │ 1 │  above
//!   least ─────┘                      └───── greatest
//!              from  +width …
//! ```
//! Buckets are fixed before the first value is seen, so it takes the same memory for ten values and for
//! ten million, and the order in which they come does not matter. A quantile is looked for in the bucket
//! that it falls into, as if the values in there lay evenly: it is off by less than one width.

use serde::{Deserialize, Serialize};

use crate::engine::policy::prefer::Figure;

/// A value that is a hair below the edge of its bucket, because tenths are no binary numbers, is in it.
const HAIR: f64 = 1e-9;

/// What was counted. It knows its buckets: a report that was stored stays as it is if others are used
/// one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Histogram {
    pub(super) from: f64,
    pub(super) width: f64,
    pub(super) below: u64,
    pub(super) buckets: Vec<u64>,
    pub(super) above: u64,
    pub(super) least: Option<f64>,
    pub(super) greatest: Option<f64>,
    sum: f64,
}

impl Histogram {
    /// With nothing in it. Nearly all texts are within these bounds; `docs/api.md` has the same table.
    pub(super) fn of(figure: Figure) -> Self {
        let (from, width, buckets) = match figure {
            Figure::FleschReadingEase => (-40.0, 2.0, 81),
            Figure::DaleChallReadabilityScore => (0.0, 0.25, 80),
            Figure::Lix => (0.0, 2.0, 60),
            Figure::LexiconCount => (0.0, 50.0, 80),
            Figure::SentenceCount => (0.0, 2.0, 80),
            Figure::Compound => (-1.0, 0.05, 40),
            // Years of school.
            Figure::FleschKincaidGrade
            | Figure::GunningFog
            | Figure::SmogIndex
            | Figure::AutomatedReadabilityIndex
            | Figure::ColemanLiauIndex
            | Figure::LinsearWriteFormula => (-4.0, 0.5, 80),
        };
        Histogram {
            from,
            width,
            below: 0,
            buckets: vec![0; buckets],
            above: 0,
            least: None,
            greatest: None,
            sum: 0.0,
        }
    }

    /// Counts a value. What is no number is none.
    pub(super) fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.sum += value;
        self.least = Some(self.least.map_or(value, |least| least.min(value)));
        self.greatest = Some(self.greatest.map_or(value, |greatest| greatest.max(value)));
        let place = (value - self.from) / self.width + HAIR;
        let last = self.buckets.len() - 1;
        if place < 0.0 {
            self.below += 1;
        } else if place < (last + 1) as f64 {
            self.buckets[place as usize] += 1;
        } else if value <= self.to() {
            self.buckets[last] += 1; // the last one has both its edges
        } else {
            self.above += 1;
        }
    }

    /// The upper edge of the last bucket.
    fn to(&self) -> f64 {
        self.from + self.width * self.buckets.len() as f64
    }

    /// Whether it can count at all.
    pub(super) fn has_buckets(&self) -> bool {
        !self.buckets.is_empty() && self.width > 0.0
    }

    /// How many values there are.
    pub(super) fn values(&self) -> u64 {
        self.below + self.buckets.iter().sum::<u64>() + self.above
    }

    pub(super) fn mean(&self) -> Option<f64> {
        let values = self.values();
        (values > 0).then(|| self.sum / values as f64)
    }

    /// The value that this share of all values, between 0 and 1, lies below.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let (least, greatest) = (self.least?, self.greatest?);
        let wanted = share * self.values() as f64;
        let edge = |bucket: usize| self.from + self.width * bucket as f64;
        let inner = (0..).zip(&self.buckets);
        let inner = inner.map(|(bucket, values)| (edge(bucket), edge(bucket + 1), *values));
        let all = [(least, self.from, self.below)].into_iter();
        let all = all.chain(inner).chain([(self.to(), greatest, self.above)]);
        let mut passed = 0.0;
        for (lower, upper, values) in all {
            let here = values as f64;
            if values > 0 && passed + here >= wanted {
                let value = lower + (upper - lower) * (wanted - passed) / here;
                return Some(value.clamp(least, greatest));
            }
            passed += here;
        }
        Some(greatest)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::of(Figure::Compound);
        values.iter().for_each(|value| histogram.add(*value));
        histogram
    }

    #[test]
    fn a_value_is_in_the_bucket_that_begins_with_it() {
        for (value, bucket) in [(-1.0, 0), (0.0, 20), (0.05, 21), (0.15, 23), (1.0, 39)] {
            assert_eq!(of(&[value]).buckets[bucket], 1, "{value}");
        }
        let odd = of(&[-1.5, 1.25, f64::NAN, f64::INFINITY]);
        assert_eq!((odd.below, odd.above, odd.values()), (1, 1, 2));
        assert_eq!((odd.least, odd.greatest), (Some(-1.5), Some(1.25)));
    }

    #[test]
    fn quantiles_are_off_by_less_than_a_bucket() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut values: Vec<f64> = (0..5_000)
            .map(|_| random.f64().powi(3) * 2.4 - 1.2)
            .collect();
        let histogram = of(&values);
        values.sort_by(f64::total_cmp);
        for share in [0.1, 0.25, 0.5, 0.75, 0.9] {
            let exact = values[(share * values.len() as f64) as usize];
            let read = histogram.quantile(share).unwrap();
            // Outside of the buckets there is one wide one.
            let width = if exact < -1.0 { 0.2 } else { histogram.width };
            assert!((read - exact).abs() < width, "{share}: {read} for {exact}");
        }
    }

    #[test]
    fn few_values_have_quantiles_too() {
        assert_eq!(of(&[]).quantile(0.5), None);
        assert_eq!(of(&[0.31]).quantile(0.5), Some(0.31));
        assert_eq!((of(&[]).mean(), of(&[0.5, 1.0]).mean()), (None, Some(0.75)));
    }
}
