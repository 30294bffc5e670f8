//! The retry budget: further attempts are less than a tenth of the calls of the last ten seconds.
//!
//! Without it, a provider that fails gets three times the calls that made it fail, from every
//! client at once. With it, a provider that fails altogether sees 1.1 times its usual load, while
//! a single failure among a hundred calls is still mended.
//!
//! ```text
//!   second   0    1    2    3    4    5    6    7    8    9        a ring of ten slots
//!   calls   100  100  …                                             ─┐ sum × 9 % > retries?
//!   retries  10   9  …                                              ─┘ or retries < the floor?
//! ```
//! The floor is what a quiet server has: ten further attempts in ten seconds, whatever the calls.
//! It does not come on top of the share, or a hundred calls a second would have more than a tenth.

use crate::engine::now::Mono;
use crate::limits::{RETRY_BUDGET_FLOOR, RETRY_BUDGET_PERCENT, RETRY_BUDGET_SECONDS};

/// The budget of one provider.
#[derive(Debug, Default)]
pub struct Budget {
    slots: [Slot; RETRY_BUDGET_SECONDS],
}

/// What happened in one second.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    second: u64,
    calls: u32,
    retries: u32,
}

impl Budget {
    /// A call is made for the first time.
    pub fn call(&mut self, now: Mono) {
        let slot = self.slot(now);
        slot.calls = slot.calls.saturating_add(1);
    }

    /// Whether a further attempt may be made. If so, it is counted.
    pub fn take(&mut self, now: Mono) -> bool {
        let (calls, retries) = self.sums(now);
        let share = calls * RETRY_BUDGET_PERCENT / 100;
        let allowed = retries < share.max(RETRY_BUDGET_FLOOR);
        if allowed {
            let slot = self.slot(now);
            slot.retries = slot.retries.saturating_add(1);
        }
        allowed
    }

    fn sums(&self, now: Mono) -> (u64, u64) {
        let second = seconds(now);
        let recent = |slot: &&Slot| second - slot.second.min(second) < RETRY_BUDGET_SECONDS as u64;
        let recent = self.slots.iter().filter(recent);
        recent.fold((0, 0), |(calls, retries), slot| {
            (
                calls + u64::from(slot.calls),
                retries + u64::from(slot.retries),
            )
        })
    }

    fn slot(&mut self, now: Mono) -> &mut Slot {
        let second = seconds(now);
        let slot = &mut self.slots[(second % RETRY_BUDGET_SECONDS as u64) as usize];
        if slot.second != second {
            *slot = Slot {
                second,
                ..Slot::default()
            };
        }
        slot
    }
}

fn seconds(now: Mono) -> u64 {
    now.0 / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls and further attempts in each second, when all fail and each is tried again if it may.
    fn outage(calls_per_second: u64, seconds: u64) -> Vec<(u64, u64)> {
        let mut budget = Budget::default();
        let mut seen = Vec::new();
        for second in 0..seconds {
            let mut retries = 0;
            for n in 0..calls_per_second {
                let now = Mono((second * 1_000 + n * 1_000 / calls_per_second) * 1_000_000);
                budget.call(now);
                // Two further attempts for each call, as if no time passed between them.
                retries += u64::from(budget.take(now)) + u64::from(budget.take(now));
            }
            seen.push((calls_per_second, retries));
        }
        seen
    }

    #[test]
    fn an_outage_at_a_hundred_calls_a_second_costs_a_tenth_more() {
        let seen = outage(100, 60);
        assert!(seen[0].1 <= RETRY_BUDGET_FLOOR, "{seen:?}");
        for (second, (calls, retries)) in seen.iter().enumerate().skip(1) {
            assert!(
                retries * 10 <= *calls,
                "second {second}: {retries} of {calls}"
            );
        }
        assert!(seen[59].1 >= 8, "and not much less");
    }

    #[test]
    fn a_quiet_server_has_the_floor() {
        let seen = outage(1, 40);
        let in_ten: u64 = seen[20..30].iter().map(|(_, retries)| retries).sum();
        assert_eq!(in_ten, RETRY_BUDGET_FLOOR);
    }

    #[test]
    fn what_was_used_comes_back_after_ten_seconds_and_not_before() {
        let mut budget = Budget::default();
        let at = |s: u64| Mono(s * 1_000_000_000);
        let used = (0..50).filter(|_| budget.take(at(5))).count() as u64;
        assert_eq!(used, RETRY_BUDGET_FLOOR);
        assert!(!budget.take(at(14)));
        assert!(budget.take(at(15)));
    }
}
