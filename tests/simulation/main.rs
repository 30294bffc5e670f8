//! The engine among clients, a provider, a network and threads that do as they like.
//!
//! A run is made of a seed: who connects, what they ask for, how their bytes are cut, when they
//! leave, what the provider answers and where it breaks off, which thread ends first, which one
//! panics, how time passes. After every input the engine's invariants are checked (`tests/world/`
//! does so); at the end of a run everything must have come to an end, every reply must be well
//! formed, and what was acknowledged must be in the store.
//!
//! ```text
//! cargo test --test simulation                   256 seeds
//! SIM_SEED=77 cargo test --test simulation       one seed, told step by step
//! SIM_SEEDS=100000 cargo test --release --test simulation
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod cast;
mod resolver;
mod verdict;
#[path = "../world/mod.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cast::Play;

/// Steps of one run before everything is brought to its end.
const STEPS: usize = 400;

fn run(seed: u64, tell: bool) -> Play {
    let mut play = Play::new(seed, tell);
    for _ in 0..STEPS {
        play.step();
    }
    play.close();
    verdict::check(&play);
    play
}

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} has to be a number")),
    )
}

#[test]
fn whatever_happens_everything_ends_and_nothing_is_lost() {
    if let Some(seed) = number("SIM_SEED") {
        run(seed, true);
        return;
    }
    let seeds = number("SIM_SEEDS").unwrap_or(256);
    let (mut requests, mut texts) = (0, 0);
    for seed in 0..seeds {
        let ran = catch_unwind(AssertUnwindSafe(|| run(seed, false)));
        let Ok(play) = ran else {
            panic!("seed {seed} fails: SIM_SEED={seed} cargo test --test simulation");
        };
        requests += play.world.store.requests.len();
        texts += play.world.store.texts.len();
    }
    println!("{seeds} runs, {requests} rows of requests, {texts} texts");
    // A simulation in which nothing happens would prove nothing.
    assert!(requests as u64 > seeds && texts as u64 > seeds);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in [3, 77, 1_000_003] {
        let (one, other) = (run(seed, false), run(seed, false));
        assert_eq!(one.world.history, other.world.history, "seed {seed}");
        assert_eq!(one.world.engine.digest(), other.world.engine.digest());
    }
    let (one, other) = (run(1, false), run(2, false));
    assert_ne!(one.world.engine.digest(), other.world.engine.digest());
}
