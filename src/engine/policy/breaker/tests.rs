//! The breaker, event by event.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::dialect::Reach;
use crate::engine::io::Gone;

fn breaker(failures: u32) -> Breaker {
    Breaker::new(config::Breaker {
        breaker_failures: failures,
        breaker_open_ms: 1_000,
    })
}

fn at(ms: u64) -> Mono {
    Mono(0).plus_ms(ms)
}

/// A call that is let through at `ms` and ends like this at once.
fn call(breaker: &mut Breaker, ms: u64, health: Health) -> bool {
    let pass = breaker.enter(at(ms)).unwrap();
    breaker.leave(at(ms), pass, health)
}

#[test]
fn it_opens_after_so_many_failures_in_a_row() {
    let mut breaker = breaker(3);
    for health in [Health::Failing, Health::Failing, Health::Alive] {
        assert!(!call(&mut breaker, 0, health));
    }
    assert!(!call(&mut breaker, 0, Health::Failing));
    assert!(
        !call(&mut breaker, 0, Health::Unknown),
        "a cancel changes nothing"
    );
    assert!(!call(&mut breaker, 0, Health::Failing));
    assert!(call(&mut breaker, 0, Health::Failing), "the third in a row");
    let refused = Refused {
        retry_after_ms: 600,
    };
    assert_eq!(breaker.enter(at(400)), Err(refused));
}

#[test]
fn one_probe_decides() {
    let mut breaker = breaker(1);
    call(&mut breaker, 0, Health::Failing);
    assert_eq!(breaker.enter(at(1_000)), Ok(Pass::Probe));
    assert!(breaker.enter(at(1_000)).is_err(), "exactly one");
    assert!(breaker.leave(at(1_500), Pass::Probe, Health::Alive));
    assert_eq!(breaker.state(), State::Closed { failures: 0 });
}

#[test]
fn it_stays_open_twice_as_long_after_each_probe_that_fails() {
    let mut breaker = breaker(1);
    call(&mut breaker, 0, Health::Failing);
    let mut now = 0;
    for ms in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
        assert!(breaker.check(at(now + ms - 1)).is_err(), "{ms}");
        now += ms;
        call(&mut breaker, now, Health::Failing);
    }
    // Once it has closed, it starts with the first time again.
    call(&mut breaker, now + 60_000, Health::Alive);
    call(&mut breaker, now + 60_000, Health::Failing);
    assert_eq!(breaker.check(at(now + 61_000)), Ok(()));
}

#[test]
fn a_probe_that_is_given_up_makes_way_for_the_next() {
    let mut breaker = breaker(1);
    call(&mut breaker, 0, Health::Failing);
    assert!(call(&mut breaker, 1_000, Health::Unknown) || breaker.check(at(1_000)).is_ok());
    assert_eq!(breaker.enter(at(1_000)), Ok(Pass::Probe));
}

#[test]
fn calls_from_before_it_opened_change_nothing() {
    let mut breaker = breaker(1);
    let early = breaker.enter(at(0)).unwrap();
    call(&mut breaker, 0, Health::Failing);
    let open = breaker.state();
    assert!(!breaker.leave(at(10), early, Health::Failing));
    assert!(!breaker.leave(at(10), early, Health::Alive));
    assert_eq!(breaker.state(), open);
}

#[test]
fn zero_is_never() {
    let mut breaker = breaker(0);
    for _ in 0..1_000 {
        assert!(!call(&mut breaker, 0, Health::Failing));
    }
}

#[test]
fn only_the_providers_own_failures_count() {
    let unavailable = |status| Upstream::Unavailable {
        status,
        code: None,
        retry_after_ms: None,
        busy: true,
    };
    for (upstream, expected) in [
        (Upstream::Connect(Gone::Refused), Health::Failing),
        (Upstream::FirstByteTimeout, Health::Failing),
        (unavailable(503), Health::Failing),
        (unavailable(200), Health::Failing), // in the stream
        (unavailable(408), Health::Alive),
        (Upstream::Key, Health::Alive),
        (
            Upstream::Rejected {
                status: 400,
                code: None,
                words: None,
            },
            Health::Alive,
        ),
        (
            Upstream::RateLimited {
                retry_after_ms: None,
                reach: Reach::Model,
            },
            Health::Alive,
        ),
        (Upstream::PoolTimeout, Health::Unknown),
        (Upstream::TotalTimeout, Health::Unknown),
    ] {
        assert_eq!(health(&upstream.into()), expected);
    }
    assert_eq!(health(&Failure::Cancelled), Health::Unknown);
}
