//! Flows without sockets: one file per flow, each test a story.
//!
//! The world around the engine is the one of the simulation, in `tests/world/`.

#![allow(clippy::unwrap_used)]

mod account;
mod advice;
mod analyze;
mod back;
mod breaker;
mod cache;
mod cancel;
mod chat;
mod cluster;
mod contents;
mod counters;
mod database;
mod deadline;
mod dns;
mod export;
mod failover;
mod gather;
mod generate_offline;
mod generate_openai;
mod hedge;
mod hooks;
mod http;
mod idempotency;
mod import;
mod jobs;
mod keyed_cache;
mod keyed_doubt;
mod keys;
mod keywords;
mod models;
mod models_limited;
mod nearby;
mod outage;
mod page;
mod parsing;
mod permit;
mod pool;
mod pressure;
mod probes;
mod rate;
mod redis;
mod refused;
mod report;
mod resume;
mod retention;
mod retry;
mod round_trip;
mod saving;
mod sharing;
mod shutdown;
mod slow;
mod spill;
mod told_once;
mod watch;

#[path = "../../../tests/world/mod.rs"]
pub(super) mod world;

use self::world::{PROVIDER, RETRIED, World, openai, post};

/// Clients go, time passes, and nothing is left in memory.
fn over(mut world: World) {
    for id in world.open_sockets() {
        world.end(id);
    }
    world.pass(120_000);
    world.holds_nothing();
}
