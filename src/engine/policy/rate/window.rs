//! One count that begins anew: what somebody has used of one limit in the window that runs.
//!
//! ```text
//!        add            add                   (time)          add
//!  over ─────► runs: used 1 ───► runs: used 3 ──────► over ─────────► runs, from 0
//! ```
//! The moment at which it ends is also its name: the windows of one limit follow each other, so no
//! two of them end at the same time, and what is taken off an old one is not taken off the new.

use crate::config::RateRule;
use crate::engine::now::Mono;

/// See the module. The default is a window that was over before anybody came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    ends: Mono,
    used: u64,
}

impl Window {
    /// Whether it is over.
    pub(super) fn is_over(&self, now: Mono) -> bool {
        now >= self.ends
    }

    /// What is left of it.
    pub(super) fn left(&self, now: Mono, rule: RateRule) -> u64 {
        if self.is_over(now) {
            rule.count
        } else {
            rule.count.saturating_sub(self.used)
        }
    }

    /// Milliseconds until it is over, rounded up.
    pub(super) fn reset_ms(&self, now: Mono) -> u64 {
        self.ends.since(now).div_ceil(1_000_000)
    }

    /// Charges it, whether there is room or not. Returns its name.
    pub(super) fn add(&mut self, now: Mono, rule: RateRule, n: u64) -> Mono {
        if self.is_over(now) {
            *self = Window {
                ends: now.plus_ms(rule.window_ms),
                used: 0,
            };
        }
        self.used = self.used.saturating_add(n);
        self.ends
    }

    /// Takes a charge off, if this is still the window that it was put on.
    pub(super) fn take_off(&mut self, name: Mono, n: u64) {
        if self.ends == name {
            self.used = self.used.saturating_sub(n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: RateRule = RateRule {
        count: 3,
        window_ms: 1_000,
    };
    const MS: u64 = 1_000_000;

    #[test]
    fn it_begins_with_the_first_and_ends_after_its_length() {
        let mut window = Window::default();
        let now = Mono(500 * MS);
        assert_eq!((window.left(now, RULE), window.reset_ms(now)), (3, 0));
        window.add(now, RULE, 2);
        let later = Mono(1_499 * MS);
        assert_eq!((window.left(later, RULE), window.reset_ms(later)), (1, 1));
        assert_eq!(window.left(Mono(1_500 * MS), RULE), 3);
    }

    #[test]
    fn what_comes_back_late_does_not_fill_the_next_window() {
        let mut window = Window::default();
        let first = window.add(Mono(0), RULE, 3);
        let now = Mono(2_000 * MS);
        window.add(now, RULE, 3);
        window.take_off(first, 3);
        assert_eq!(window.left(now, RULE), 0);
    }

    #[test]
    fn more_than_there_was_is_a_debt_until_the_end() {
        let mut window = Window::default();
        let name = window.add(Mono(0), RULE, 5);
        assert_eq!(window.left(Mono(1), RULE), 0);
        window.take_off(name, 1);
        assert_eq!(window.left(Mono(1), RULE), 0);
        window.take_off(name, 2);
        assert_eq!(window.left(Mono(1), RULE), 1);
    }
}
