//! maitred: one thread, one event loop, every wait somebody else's.
#![warn(missing_docs)]

// The tests of the engine share their outside world with the simulation, which sees this crate by
// its name.
#[cfg(test)]
extern crate self as maitred;

pub mod cli;
pub mod config;
pub mod dialect;
pub mod engine;
pub mod limits;
pub mod proto;
pub mod reactor;
pub mod score;
pub mod store;
