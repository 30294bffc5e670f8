//! Says when requests of an open loop are due, on a thread of its own.
//!
//! The poller's time-outs are whole milliseconds, which would be most of a small latency. A thread
//! that sleeps is woken within some ten microseconds; it sends the due time and wakes the poller.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use mio::Waker;

/// The times at which requests are due.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// Seconds between two requests, in the mean.
    gap_s: f64,
    /// For gaps as independent users leave them: exponentially distributed.
    random: Option<fastrand::Rng>,
    next_s: f64,
}

impl Schedule {
    pub(crate) fn new(rate: f64, poisson: Option<u64>) -> Schedule {
        Schedule {
            gap_s: 1.0 / rate,
            random: poisson.map(fastrand::Rng::with_seed),
            next_s: 0.0,
        }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let due = Duration::from_secs_f64(self.next_s);
        self.next_s += match &mut self.random {
            None => self.gap_s,
            // 1 - f64() is never 0.
            Some(random) => -(1.0 - random.f64()).ln() * self.gap_s,
        };
        Some(due)
    }
}

/// Starts it: each due time comes when it is due, as time since `start`. It ends when nobody
/// listens any more.
pub(crate) fn start(schedule: Schedule, start: Instant, waker: Arc<Waker>) -> Receiver<Duration> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for due in schedule {
            let wait = (start + due).saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                thread::sleep(wait);
            }
            if sender.send(due).is_err() || waker.wake().is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn even_times_are_even() {
        let times: Vec<u128> = (Schedule::new(1000.0, None).take(3))
            .map(|due| due.as_micros())
            .collect();
        assert_eq!(times, [0, 1000, 2000]);
    }

    #[test]
    fn random_times_keep_the_rate_and_spread_as_far_as_their_mean() {
        let times: Vec<f64> = (Schedule::new(1000.0, Some(7)).take(100_001))
            .map(|due| due.as_secs_f64() * 1000.0)
            .collect();
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert!((variance.sqrt() - 1.0).abs() < 0.03, "{variance}");
    }
}
