//! When to connect again after it did not work. Pure.

use crate::engine::now::Mono;
use crate::limits::{DB_RETRY_BASE_MS, DB_RETRY_MAX_MS};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Mono,
}

impl Backoff {
    /// When the next attempt may be made.
    pub(super) fn until(&self) -> Mono {
        self.until
    }

    /// An attempt has failed: the next one comes after a wait that doubles, of which half is chance,
    /// so that many servers do not come back in step. It is `least_ms` at least.
    pub(super) fn failed(&mut self, now: Mono, least_ms: u64, random: &mut fastrand::Rng) {
        let doubled = DB_RETRY_BASE_MS << self.failures.min(16);
        let most = doubled.min(DB_RETRY_MAX_MS);
        let wait = (most / 2 + random.u64(0..=most / 2)).max(least_ms);
        self.failures = self.failures.saturating_add(1);
        self.until = now.plus_ms(wait);
    }

    /// A connection stands.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::DB_RETRY_FULL_MS;

    #[test]
    fn waits_double_up_to_a_bound_and_are_never_shorter_than_asked_for() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut backoff = Backoff::default();
        assert_eq!(
            backoff.until(),
            Mono(0),
            "the first attempt is made at once"
        );
        let mut now = Mono(0);
        for attempt in 0..40_u32 {
            backoff.failed(now, 0, &mut random);
            let waits = backoff.until().since(now) / 1_000_000;
            let most = (DB_RETRY_BASE_MS << attempt.min(10)).min(DB_RETRY_MAX_MS);
            assert!((most / 2..=most).contains(&waits), "{attempt}: {waits}");
            now = backoff.until();
        }
        backoff.succeeded();
        backoff.failed(now, DB_RETRY_FULL_MS, &mut random);
        assert_eq!(backoff.until().since(now) / 1_000_000, DB_RETRY_FULL_MS);
    }
}
