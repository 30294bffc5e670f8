//! The engine among clients, providers, a network and threads that do as they like.
//!
//! A run is made of a seed: who connects, what they ask for, how their bytes are cut, when they
//! leave, what a provider answers and where it breaks off, which thread ends first, which one
//! panics, how time passes, when the server is stopped. After every input the engine's invariants
//! are checked (`tests/world/` does so), every reply is judged when it is read (`verdict`), and
//! nobody waits longer than the time limits say; at the end everything has come to an end, and
//! what was acknowledged is in the store.
//!
//! ```text
//! cargo test --test simulation                   256 seeds
//! SIM_SEED=77 cargo test --test simulation       one seed, told step by step
//! SIM_SEEDS=100000 cargo test --release --test simulation
//! ```
#![allow(clippy::unwrap_used)]

mod books;
mod chat;
mod clients;
mod guest;
mod host;
mod nearby;
mod network;
mod play;
mod resolver;
mod setting;
mod story;
mod threads;
mod verdict;
#[path = "../world/mod.rs"]
mod world;

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use play::Play;
use story::Story;

fn run(seed: u64, story: &Story) -> Play {
    let mut play = Play::new(seed, story.clone());
    for _ in 0..play.setting.steps() {
        play.step();
    }
    play.rest();
    play.close();
    verdict::at_the_end(&play);
    play.world.replay_journal();
    books::compare(&play);
    play
}

/// What happened in one run, or in many together.
#[derive(Default)]
struct Sum {
    requests: AtomicU64,
    texts: AtomicU64,
    replies: AtomicU64,
    /// How replies ended, by code or status.
    seen: Mutex<BTreeMap<String, usize>>,
}

/// What has to have happened once at least in a few hundred runs.
const RARE: [&str; 32] = [
    "failovers_total",
    "hedges_total",
    "hedges_won_total",
    "chat streamed",
    "chat broken",
    "chat 200",
    "requests_limited",
    "tokens_limited",
    "connections_limited",
    "done",
    "stop",
    "204",
    "cancelled",
    "not_yet",
    "head_timeout",
    "body_timeout",
    "shutting_down",
    "generations_full",
    "parser_timeout",
    "scorer_timeout",
    "worker_panicked",
    "store_timeout",
    "store_full",
    "upstream_broken",
    "upstream_truncated",
    "upstream_malformed",
    "deadline_exceeded",
    "queue_timeout",
    "upstream_breaker_open",
    "upstream_rate_limited",
    "upstream_total_timeout",
    "upstream_tls",
];

impl Sum {
    fn add(&self, play: &Play) {
        let of = |n: usize| n as u64;
        self.requests
            .fetch_add(of(play.world.store.requests.len()), Ordering::Relaxed);
        self.texts
            .fetch_add(of(play.world.store.texts.len()), Ordering::Relaxed);
        let replies = play.guests.values().map(|guest| guest.replies).sum();
        self.replies.fetch_add(of(replies), Ordering::Relaxed);
        let mut seen = self.seen.lock().expect("nobody panics with it");
        for (what, times) in &play.books.seen {
            *seen.entry(what.clone()).or_default() += times;
        }
        for what in ["failovers_total", "hedges_total", "hedges_won_total"] {
            match play.world.metric(what) as usize {
                0 => {}
                times => *seen.entry(what.to_owned()).or_default() += times,
            }
        }
    }
}

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    let number = value.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} has to be a number")))
}

#[test]
fn whatever_happens_everything_ends_and_nothing_is_lost() {
    if let Some(seed) = number("SIM_SEED") {
        run(seed, &Story::aloud());
        return;
    }
    let seeds = number("SIM_SEEDS").unwrap_or(256);
    let (next, sum, began) = (AtomicU64::new(0), Sum::default(), Instant::now());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores())
            .map(|_| scope.spawn(|| run_some(&next, seeds, &sum)))
            .collect();
        for thread in threads {
            if let Err(failure) = thread.join() {
                next.store(seeds, Ordering::Relaxed);
                std::panic::resume_unwind(failure);
            }
        }
    });
    let [requests, texts, replies] =
        [&sum.requests, &sum.texts, &sum.replies].map(|n| n.load(Ordering::Relaxed));
    let took = began.elapsed();
    story::write(&format!(
        "{seeds} runs in {took:.1?}: {replies} replies, {requests} rows, {texts} texts"
    ));
    let seen = sum.seen.lock().expect("nobody panics with it");
    story::write(&format!("{seen:?}"));
    // A simulation in which nothing happens would prove nothing.
    assert!(requests > 4 * seeds && texts > 3 * seeds && replies > 10 * seeds);
    let missing = RARE.iter().filter(|what| !seen.contains_key(**what));
    let missing: Vec<_> = missing.collect();
    assert!(seeds < 256 || missing.is_empty(), "never seen: {missing:?}");
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

/// Runs seeds until none is left, or one fails: then its last steps are told.
fn run_some(next: &AtomicU64, seeds: u64, sum: &Sum) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds {
            return;
        }
        let story = Story::default();
        match catch_unwind(AssertUnwindSafe(|| run(seed, &story))) {
            Ok(play) => sum.add(&play),
            Err(failure) => {
                let steps = story.last_steps();
                let failure: &dyn Any = &*failure;
                let words = failure.downcast_ref::<String>().map(String::as_str);
                let words = words.or(failure.downcast_ref().copied()).unwrap_or("?");
                panic!(
                    "seed {seed} fails after:\n{steps}\n{words}\n\
                     SIM_SEED={seed} cargo test --test simulation"
                )
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let play = |seed| run(seed, &Story::default());
    for seed in [3, 77, 1_000_003] {
        let (one, other) = (play(seed), play(seed));
        assert_eq!(one.world.history, other.world.history, "seed {seed}");
        assert_eq!(one.world.engine.digest(), other.world.engine.digest());
    }
    assert_ne!(play(1).world.engine.digest(), play(2).world.engine.digest());
}
