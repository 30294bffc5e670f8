//! Flows without sockets: one file per flow, each test a story.
//!
//! The world around the engine is the one of the simulation, in `tests/world/`.

mod cancel;
mod generate_offline;
mod generate_openai;
mod pool;
mod pressure;
mod resume;
mod saving;
mod sharing;

#[path = "../../../tests/world/mod.rs"]
mod world;

use self::world::{PROVIDER, World, openai, post};
