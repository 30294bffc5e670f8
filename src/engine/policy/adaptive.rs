//! Adaptive concurrency: how many calls a provider takes before it gets slower, or says so.
//!
//! ```text
//!            first byte not later than usual, most turns in use: more
//!          ┌───────────────┐
//!          ▼               │
//!   1 ◄── limit ──► as many as there may be connections
//!          ▲               │
//!          └───────────────┘
//!            later than usual: fewer, in proportion     429, 503, time limit: a tenth fewer, once a second
//! ```
//! The first part is a gradient as in Netflix's concurrency-limits
//! (<https://github.com/Netflix/concurrency-limits>): a mean over a few answers is compared with the
//! usual, which is the best of such means. A provider may become slower for good, so the usual is found
//! anew now and then, with fewer calls: measured under full load it would be whatever the queue
//! makes of it. The second is what TCP does when a packet is lost. Most providers bound requests and
//! tokens per minute, and only the second part hears of that; a server of one's own has a queue in
//! front of its cards, and only the first part sees it grow.
//!
//! Only streams are measured: the first byte of any other answer comes with its last.

use crate::engine::Failure;
use crate::engine::failure::Upstream;
use crate::engine::now::Mono;

/// How many there are at first.
const START: f64 = 20.0;
/// Answers in the mean that follows quickly.
const SHORT: f64 = 10.0;
/// Answers after which the usual is found anew …
const WINDOW: u32 = 1_000;
/// … with so many of the calls.
const PROBE: f64 = 0.8;
/// Later than usual is what takes so many times as long.
const TOLERANCE: f64 = 1.5;
/// Calls that may queue at the provider without harm: what the limit tries out.
const ROOM: f64 = 4.0;
/// How much of a step is taken.
const SMOOTHING: f64 = 0.2;
/// What is left when there were too many.
const BACK_OFF: f64 = 0.9;
/// Answers that were on their way when there were too many say the same; they count once.
const ONCE_MS: u64 = 1_000;

/// The limit of one provider.
#[derive(Clone, Debug)]
pub struct Adaptive {
    limit: f64,
    most: f64,
    short: f64,
    usual: f64,
    /// The best mean since the usual was forgotten, and answers since then.
    best: f64,
    answers: u32,
    /// Until when too many are no news.
    deaf_until: Mono,
}

impl Adaptive {
    /// Between 1 and `most`.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        Adaptive {
            limit: START.min(most),
            most,
            short: 0.0,
            usual: 0.0,
            best: f64::INFINITY,
            answers: 0,
            deaf_until: Mono(0),
        }
    }

    /// Calls at a time.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// The first byte of a stream has come after so many nanoseconds, while `used` calls were
    /// going on.
    pub fn answered(&mut self, nanos: u64, used: usize) {
        let nanos = nanos.max(1) as f64;
        if self.usual == 0.0 {
            (self.short, self.usual) = (nanos, nanos);
        }
        self.short += (nanos - self.short) / SHORT;
        self.usual = self.usual.min(self.short);
        self.best = self.best.min(self.short);
        self.answers += 1;
        if self.answers == WINDOW {
            self.usual = self.best;
            (self.best, self.answers) = (f64::INFINITY, 0);
            if used as f64 >= self.limit / 2.0 {
                self.set(self.limit * PROBE);
            }
        }
        // Without demand nothing is learnt about more.
        let gradient = (TOLERANCE * self.usual / self.short).clamp(0.5, 1.0);
        if gradient >= 1.0 && (used as f64) < self.limit / 2.0 {
            return;
        }
        let target = self.limit * gradient + if gradient < 1.0 { 0.0 } else { ROOM };
        self.set(self.limit + SMOOTHING * (target - self.limit) / self.limit.max(1.0));
    }

    /// The provider has said that there are too many, or did not answer in time.
    pub fn overloaded(&mut self, now: Mono) {
        if now >= self.deaf_until {
            self.deaf_until = now.plus_ms(ONCE_MS);
            self.set(self.limit * BACK_OFF);
        }
    }

    fn set(&mut self, limit: f64) {
        self.limit = limit.clamp(1.0, self.most);
    }
}

/// Whether a call has failed because the provider had too much to do.
#[must_use]
pub fn is_overload(failure: &Failure) -> bool {
    let Failure::Upstream(upstream) = failure else {
        return false;
    };
    match upstream {
        Upstream::RateLimited { .. } | Upstream::FirstByteTimeout => true,
        Upstream::Unavailable { status, busy, .. } => *busy || matches!(status, 503 | 529),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// A server that takes 100 ms for `at_once` calls at a time and lets the others wait, asked by a
    /// crowd that always uses the whole limit. The limit after so many answers.
    fn settle(at_once: usize, adaptive: &mut Adaptive, answers: usize) -> usize {
        for _ in 0..answers {
            let used = adaptive.limit();
            let rounds = used.div_ceil(at_once).max(1) as u64;
            adaptive.answered(100 * MS * rounds, used);
        }
        adaptive.limit()
    }

    #[test]
    fn it_grows_while_nothing_gets_slower() {
        let mut adaptive = Adaptive::new(1_000);
        assert_eq!(adaptive.limit(), 20);
        let limit = settle(10_000, &mut adaptive, 20_000);
        assert!(limit > 40, "{limit}");
        assert!(settle(10_000, &mut adaptive, 2_000_000) <= 1_000);
    }

    #[test]
    fn it_stops_where_the_server_begins_to_queue() {
        let mut adaptive = Adaptive::new(1_000);
        let limit = settle(50, &mut adaptive, 10_000);
        assert!((40..=70).contains(&limit), "{limit}");
    }

    #[test]
    fn without_demand_it_does_not_grow() {
        let mut adaptive = Adaptive::new(1_000);
        for _ in 0..10_000 {
            adaptive.answered(100 * MS, 2);
        }
        assert_eq!(adaptive.limit(), 20);
    }

    #[test]
    fn too_many_is_heard_once_a_second() {
        let mut adaptive = Adaptive::new(1_000);
        for ms in 0..999 {
            adaptive.overloaded(Mono(0).plus_ms(ms));
        }
        assert_eq!(adaptive.limit(), 18);
        for second in 1..60 {
            adaptive.overloaded(Mono(0).plus_ms(second * 1_000));
        }
        assert_eq!(adaptive.limit(), 1, "and never none at all");
    }

    #[test]
    fn a_provider_that_gets_slower_is_asked_less_and_one_that_recovers_is_asked_more() {
        let mut adaptive = Adaptive::new(1_000);
        settle(10_000, &mut adaptive, 5_000);
        let before = adaptive.limit();
        for _ in 0..500 {
            adaptive.answered(1_000 * MS, adaptive.limit());
        }
        let slow = adaptive.limit();
        assert!(slow < before, "{before} {slow}");
        settle(10_000, &mut adaptive, 20_000);
        assert!(adaptive.limit() > slow, "{slow} {}", adaptive.limit());
    }
}
