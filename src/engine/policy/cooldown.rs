//! The cool-down: a provider that said "not before two seconds have passed" is not asked before.
//!
//! ```text
//!  Open ──(429 with a hint)──► Closed until then ──(time passes)──► Open
//! ```
//! Only a rate limit closes, because only then is the hint about other calls too: those for the same
//! model, or all. Whoever was refused may wait for its own further attempt; whoever comes new is told
//! the limit at once, for asking would only make the provider count one call more.

use std::sync::Arc;

use super::by_model::{ByModel, Holds};
use crate::engine::now::Mono;
use crate::limits::COOL_DOWN_MS;

/// The cool-down of one provider.
#[derive(Clone, Debug, Default)]
pub struct CoolDown(ByModel<Closed>);

#[derive(Clone, Copy, Debug)]
struct Closed {
    /// Nobody asks before this.
    until: Mono,
    /// What the provider asked for. Later than `until` if it asked for more than is granted.
    hinted: Mono,
}

impl Holds for Closed {
    fn until(&self) -> Mono {
        self.until
    }

    /// An earlier hint that goes further stays.
    fn and(self, other: Self) -> Self {
        Closed {
            until: self.until.max(other.until),
            hinted: self.hinted.max(other.hinted),
        }
    }
}

impl CoolDown {
    /// The provider wants to be left alone for so long with this model; `None`: with all.
    pub fn close(&mut self, now: Mono, model: Option<&Arc<str>>, hint_ms: u64) {
        let closed = Closed {
            until: now.plus_ms(hint_ms.min(COOL_DOWN_MS)),
            hinted: now.plus_ms(hint_ms),
        };
        self.0.add(now, model, closed);
    }

    /// Milliseconds that are left of the hint, while nobody may ask for this model.
    #[must_use]
    pub fn left_ms(&self, now: Mono, model: &str) -> Option<u64> {
        let hinted = self.0.about(now, model).map(|closed| closed.hinted).max()?;
        Some(hinted.since(now).div_ceil(1_000_000))
    }

    /// Whether there is a model that nobody may ask for.
    #[must_use]
    pub fn is_closed(&self, now: Mono) -> bool {
        self.0.is_any(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn closed_for_as_long_as_was_asked_for() {
        let mut door = CoolDown::default();
        assert_eq!(door.left_ms(Mono(5), "m"), None);
        door.close(Mono(0), Some(&"m".into()), 2_000);
        door.close(Mono(0), Some(&"m".into()), 500);
        assert_eq!(door.left_ms(Mono(0), "m"), Some(2_000));
        assert_eq!(
            door.left_ms(Mono(2_000 * MS - 1), "m"),
            Some(1),
            "rounded up: never too early"
        );
        assert_eq!(door.left_ms(Mono(2_000 * MS), "m"), None);
    }

    #[test]
    fn a_hint_of_a_day_is_passed_on_but_somebody_looks_every_minute() {
        let mut door = CoolDown::default();
        let day_ms = 24 * 3600 * 1000;
        door.close(Mono(0), Some(&"m".into()), day_ms);
        assert_eq!(door.left_ms(Mono(0), "m"), Some(day_ms));
        assert_eq!(door.left_ms(Mono(0).plus_ms(COOL_DOWN_MS), "m"), None);
    }

    #[test]
    fn a_hint_of_nothing_closes_nothing() {
        let mut door = CoolDown::default();
        door.close(Mono(7), None, 0);
        assert_eq!(door.left_ms(Mono(7), "m"), None);
    }

    #[test]
    fn closed_for_the_model_that_it_was_said_of_or_for_all() {
        let mut door = CoolDown::default();
        door.close(Mono(0), Some(&"m".into()), 2_000);
        assert_eq!(door.left_ms(Mono(0), "n"), None);
        assert!(door.is_closed(Mono(0)) && !door.is_closed(Mono(2_000 * MS)));
        door.close(Mono(0), None, 1_000);
        assert_eq!(door.left_ms(Mono(0), "n"), Some(1_000));
        assert_eq!(door.left_ms(Mono(0), "m"), Some(2_000));
    }
}
