//! Flows without sockets: one file per flow, each test a story.
//!
//! The world around the engine is the one of the simulation, in `tests/world/`.

#![allow(clippy::unwrap_used)]

mod analyze;
mod cancel;
mod contents;
mod dns;
mod gather;
mod generate_offline;
mod generate_openai;
mod http;
mod keywords;
mod page;
mod parsing;
mod pool;
mod pressure;
mod probes;
mod refused;
mod resume;
mod saving;
mod sharing;
mod shutdown;
mod slow;

#[path = "../../../tests/world/mod.rs"]
mod world;

use self::world::{PROVIDER, World, openai, post};
