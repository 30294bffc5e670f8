//! Pools: connections that die in them, and one slow provider beside quick ones.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::drill::{Drill, LIMITS};
use crate::sim::{DIALECTS, Sim};
use crate::support::ms;

#[test]
fn p21_a_provider_that_closes_idle_connections() {
    for dialect in DIALECTS {
        let sim = Sim::start();
        let drill = Drill::start(&sim.config(dialect, LIMITS));
        // Many connections are closed just when the next request is on its way.
        std::thread::scope(|scope| {
            for worker in 0..4_u64 {
                let drill = &drill;
                scope.spawn(move || {
                    for n in 0..84 {
                        let told = drill.ask("fault:idle-close-1", n % 2 == 0);
                        assert!(told.is_whole(), "{dialect} {worker} {n}: {told:?}");
                        if n % 3 == worker % 3 {
                            std::thread::sleep(ms(1));
                        }
                    }
                });
            }
        });
        assert_eq!(sim.stat("calls"), 336, "{dialect}: none was answered twice");
        assert!(sim.stat("connections") > 20, "they were closed");
        drill.end(sim);
    }
}

/// The 99th of a hundred answers of one provider.
fn p99(drill: &Drill, provider: &str) -> Duration {
    let mut times: Vec<Duration> = (0..100)
        .map(|_| {
            let told = drill.ask_of(provider, false);
            assert!(told.is_whole(), "{provider}: {told:?}");
            told.took
        })
        .collect();
    times.sort();
    times[98]
}

/// The p99 of two healthy providers, asked side by side.
fn healthy(drill: &Drill) -> Duration {
    std::thread::scope(|scope| {
        let both = ["fake", "other"].map(|name| scope.spawn(move || p99(drill, name)));
        both.map(|thread| thread.join().unwrap())
            .into_iter()
            .max()
            .unwrap()
    })
}

#[test]
fn p27_one_slow_provider_beside_two_quick_ones() {
    let quick = || Sim::with(|options| options.latency_ms = 50);
    let (one, two) = (quick(), quick());
    let slow = Sim::with(|options| options.latency_ms = 500);
    let table = |sim: &Sim, name: &str| sim.config("openai", LIMITS).replace("fake", name);
    let all = table(&one, "fake") + &table(&two, "other") + &table(&slow, "slow");
    let drill = Drill::start(&all);
    // On a machine that others use as well a measurement may go wrong, but not five times.
    let calm = (0..5).any(|_| {
        let alone = healthy(&drill);
        let over = AtomicBool::new(false);
        let beside = std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    while !over.load(Ordering::SeqCst) {
                        assert!(drill.ask_of("slow", false).is_whole());
                    }
                });
            }
            let beside = healthy(&drill);
            over.store(true, Ordering::SeqCst);
            beside
        });
        beside <= alone * 11 / 10 + ms(2)
    });
    assert!(calm, "five times over 10 %");
    drill.end((one, two, slow));
}
