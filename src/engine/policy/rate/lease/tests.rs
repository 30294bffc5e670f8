//! Several processes and one counter, answers that are slow or never come, and processes that die.
#![allow(clippy::unwrap_used)]

use fastrand::Rng;

use super::*;

const MS: u64 = 1_000_000;

fn at(ms: u64) -> Mono {
    Mono(ms * MS)
}

fn rule(count: u64, window_ms: u64) -> RateRule {
    RateRule { count, window_ms }
}

fn grant(units: u64, ends_in_ms: u64) -> Grant {
    Grant {
        units,
        ends_in_ms,
        left: 0,
        window: 1,
    }
}

#[test]
fn a_block_is_asked_for_once_and_renewed_before_it_is_used_up() {
    let mut lease = Lease::new(rule(64, 1_000));
    assert_eq!(lease.ask(at(0)), None, "nobody wants anything");
    assert_eq!(lease.take(at(0), 1), Take::Wait);
    let first = lease.ask(at(0)).unwrap();
    assert_eq!((first.units, lease.ask(at(1))), (4, None));
    lease.granted(at(5), first.number, grant(4, 1_000));
    assert_eq!(lease.take(at(6), 1), Take::Taken(at(1_000)));
    assert_eq!(lease.ask(at(6)), None);
    assert_eq!(lease.take(at(6), 1), Take::Taken(at(1_000)));
    let second = lease.ask(at(6)).unwrap();
    lease.granted(at(7), second.number, grant(1, 993));
    for _ in 0..3 {
        assert!(matches!(lease.take(at(8), 1), Take::Taken(_)));
    }
    assert_eq!(lease.take(at(9), 1), Take::Refused { wait_ms: 991 });
    assert_eq!(lease.ask(at(9)), None, "it has given all that it had");
    assert_eq!(lease.take(at(1_000), 1), Take::Wait);
}

#[test]
fn without_an_answer_each_is_alone_and_a_late_one_is_lost() {
    let mut lease = Lease::new(rule(64, 60_000));
    lease.take(at(0), 1);
    let ask = lease.ask(at(0)).unwrap();
    assert_eq!(lease.take(at(500), 1), Take::Wait);
    assert_eq!(lease.take(at(RATE_LEASE_MS), 1), Take::Alone);
    lease.granted(at(RATE_LEASE_MS + 1), ask.number, grant(4, 60_000));
    assert_eq!(lease.take(at(RATE_LEASE_MS + 2), 1), Take::Alone);
    assert_eq!(lease.ask(at(RATE_LEASE_MS + 2)), None);
    let later = at(2 * RATE_LEASE_MS);
    assert_eq!(lease.take(later, 1), Take::Wait);
    assert!(lease.ask(later).is_some());
}

#[test]
fn what_was_not_used_can_be_used_and_what_was_used_beyond_it_is_told() {
    let mut lease = Lease::new(rule(1_600, 1_000));
    lease.take(at(0), 100);
    let ask = lease.ask(at(0)).unwrap();
    lease.granted(at(1), ask.number, grant(100, 1_000));
    let Take::Taken(name) = lease.take(at(2), 100) else {
        panic!("it was granted");
    };
    lease.put_back(at(3), name, 70);
    assert_eq!(lease.overdraw(at(4), 100), 30);
    assert_eq!(lease.take(at(5), 1), Take::Wait);
    lease.put_back(at(1_000), name, 70);
    assert_eq!(lease.end(at(1_000)), None, "its window is over");
}

#[test]
fn what_is_left_is_given_back_to_the_window_that_it_is_of() {
    let mut lease = Lease::new(rule(64, 1_000));
    let take = |lease: &mut Lease, from, window| {
        lease.take(at(from), 1);
        let ask = lease.ask(at(from)).unwrap();
        let grant = Grant {
            window,
            ..grant(ask.units, 1_000)
        };
        lease.granted(at(from), ask.number, grant);
        assert!(matches!(lease.take(at(from), 2), Take::Taken(_)));
    };
    take(&mut lease, 0, 7);
    assert_eq!(lease.end(at(1)), Some((2, 7)));
    assert_eq!((lease.end(at(1)), lease.take(at(2), 1)), (None, Take::Wait));
    take(&mut lease, 1_000, 8);
    // The counter has begun anew meanwhile: whose they are nobody knows.
    take(&mut lease, 1_001, 9);
    assert_eq!(lease.end(at(1_002)), None);
}

/// The counter, as the script in `proto/redis/counters.rs` has it, and what was let in by it.
#[derive(Default)]
struct Counter {
    used: u64,
    /// The window that runs, and when it ends.
    ends: u64,
    /// Each window with its end, and how much was let in while it ran.
    windows: Vec<(u64, u64)>,
}

impl Counter {
    fn lease(&mut self, now: u64, wanted: u64, rule: RateRule) -> (u64, u64) {
        if now >= self.ends {
            (self.used, self.ends) = (0, now + rule.window_ms * MS);
            self.windows.push((self.ends, 0));
        }
        let block = wanted.min(rule.count - self.used);
        self.used += block;
        // The server tells whole milliseconds.
        (block, (self.ends - now) / MS)
    }

    fn let_in(&mut self, now: u64, n: u64, rule: RateRule) {
        let (ends, sum) = self.windows.last_mut().expect("it was asked before");
        assert!(now < *ends, "let in by a window that is over");
        *sum += n;
        assert!(*sum <= rule.count, "more than the window allows: {sum}");
    }
}

/// Something on its way.
enum Letter {
    Question {
        from: usize,
        ask: Ask,
    },
    Answer {
        to: usize,
        number: u32,
        units: u64,
        ends_in_ms: u64,
    },
}

/// Plays for a while; returns how many windows there were and what was let in.
fn play(seed: u64) -> (usize, u64) {
    let mut chance = Rng::with_seed(seed);
    let rule = rule(chance.u64(1..200), chance.u64(200..5_000));
    let replicas = chance.usize(1..5);
    let mut leases: Vec<Lease> = (0..replicas).map(|_| Lease::new(rule)).collect();
    let (mut counter, mut mail) = (Counter::default(), Vec::new());
    let (mut now, mut sum) = (0_u64, 0);
    let slowest = [5, 50, 1_500][chance.usize(0..3)];
    for _ in 0..4_000 {
        now += chance.u64(0..20) * MS / [1, 4][chance.usize(0..2)] + chance.u64(0..MS);
        // Letters arrive in any order, after any time.
        let due = |(when, _): &(u64, Letter)| *when <= now;
        while let Some(place) = mail.iter().position(due) {
            let (when, letter) = mail.swap_remove(place);
            match letter {
                Letter::Question { from, ask } => {
                    let (units, ends_in_ms) = counter.lease(now, ask.units, rule);
                    let answer = Letter::Answer {
                        to: from,
                        number: ask.number,
                        units,
                        ends_in_ms,
                    };
                    let lost = chance.u8(0..40) == 0;
                    if !lost {
                        mail.push((when.max(now) + chance.u64(1..slowest * MS), answer));
                    }
                }
                Letter::Answer {
                    to,
                    number,
                    units,
                    ends_in_ms,
                } => leases[to].granted(Mono(now), number, grant(units, ends_in_ms)),
            }
        }
        let who = chance.usize(0..replicas);
        if chance.u16(0..500) == 0 {
            // It dies with all that it had; another one takes its place. Letters to the dead that
            // reach the living are answers to no question of theirs.
            leases[who] = Lease::new(rule);
            leases[who].asked = chance.u32(1_000..u32::MAX);
        }
        let n = chance.u64(1..=(rule.count / 8).max(1));
        if let Take::Taken(name) = leases[who].take(Mono(now), n) {
            let used = chance.u64(0..=n);
            if chance.bool() {
                counter.let_in(now, n, rule);
                sum += n;
            } else {
                counter.let_in(now, used, rule);
                leases[who].put_back(Mono(now), name, n - used);
                sum += used;
            }
        }
        if let Some(ask) = leases[who].ask(Mono(now)) {
            let letter = Letter::Question { from: who, ask };
            mail.push((now + chance.u64(1..slowest * MS), letter));
        }
    }
    (counter.windows.len(), sum)
}

#[test]
fn together_they_never_let_in_more_than_a_window_allows() {
    let (mut windows, mut sum) = (0, 0);
    for seed in 0..300 {
        let (some, more) = play(seed);
        windows += some;
        sum += more;
    }
    assert!(
        windows > 1_000 && sum > 30_000,
        "{windows} windows, {sum} let in"
    );
}

#[test]
fn a_process_that_is_alone_and_healthy_gets_all_of_it() {
    for count in [1, 7, 64, 1_000] {
        let rule = rule(count, 60_000);
        let (mut lease, mut counter, mut sum) = (Lease::new(rule), Counter::default(), 0);
        for ms in 0..20_000 {
            if let Take::Taken(_) = lease.take(at(ms), 1) {
                sum += 1;
            }
            if let Some(ask) = lease.ask(at(ms)) {
                let (units, ends_in_ms) = counter.lease(ms * MS, ask.units, rule);
                lease.granted(at(ms), ask.number, grant(units, ends_in_ms));
            }
        }
        assert_eq!(sum, count);
    }
}
