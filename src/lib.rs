//! maitred: one thread, one event loop, every wait somebody else's.
#![warn(missing_docs)]

pub mod cli;
pub mod config;
pub mod dialect;
pub mod engine;
pub mod limits;
pub mod proto;
pub mod reactor;
pub mod score;
pub mod store;
