//! The cool-down: a provider that said "not before two seconds have passed" is not asked before.
//!
//! ```text
//!  Open ──(429 with a hint)──► Closed until then ──(time passes)──► Open
//! ```
//! Only a rate limit closes, because only then is the hint about *all* calls. Whoever was refused
//! may wait for its own further attempt; whoever comes new is told the limit at once, for asking
//! would only make the provider count one call more.

use crate::engine::now::Mono;
use crate::limits::COOL_DOWN_MS;

/// The cool-down of one provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoolDown {
    /// Nobody asks before this.
    until: Mono,
    /// What the provider asked for. Later than `until` if it asked for more than is granted.
    hinted: Mono,
}

impl CoolDown {
    /// The provider wants to be left alone for so long. An earlier hint that goes further stays.
    pub fn close(&mut self, now: Mono, hint_ms: u64) {
        self.until = self.until.max(now.plus_ms(hint_ms.min(COOL_DOWN_MS)));
        self.hinted = self.hinted.max(now.plus_ms(hint_ms));
    }

    /// Milliseconds that are left of the hint, while nobody may ask.
    #[must_use]
    pub fn left_ms(&self, now: Mono) -> Option<u64> {
        let closed = now < self.until;
        closed.then(|| self.hinted.since(now).div_ceil(1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn closed_for_as_long_as_was_asked_for() {
        let mut door = CoolDown::default();
        assert_eq!(door.left_ms(Mono(5)), None);
        door.close(Mono(0), 2_000);
        door.close(Mono(0), 500);
        assert_eq!(door.left_ms(Mono(0)), Some(2_000));
        assert_eq!(
            door.left_ms(Mono(2_000 * MS - 1)),
            Some(1),
            "rounded up: never too early"
        );
        assert_eq!(door.left_ms(Mono(2_000 * MS)), None);
    }

    #[test]
    fn a_hint_of_a_day_is_passed_on_but_somebody_looks_every_minute() {
        let mut door = CoolDown::default();
        let day_ms = 24 * 3600 * 1000;
        door.close(Mono(0), day_ms);
        assert_eq!(door.left_ms(Mono(0)), Some(day_ms));
        assert_eq!(door.left_ms(Mono(0).plus_ms(COOL_DOWN_MS)), None);
    }

    #[test]
    fn a_hint_of_nothing_closes_nothing() {
        let mut door = CoolDown::default();
        door.close(Mono(7), 0);
        assert_eq!(door.left_ms(Mono(7)), None);
    }
}
