//! Policies: who is let in, who shares, who is tried again. One file each, no state of their own
//! beyond what they decide with, so that a policy can be read, tested and changed alone.
//!
//! Whom a model's name can be asked of is in [`route`]. What a call meets on its way there, in this
//! order: [`cooldown`] and [`breaker`] (is the provider asked at all?), [`permit`] and [`adaptive`]
//! (is there a turn?), [`keys`] (with which key?), and when it fails [`failover`] (is somebody else
//! asked?), [`hint`], [`retry`] and [`budget`] (is the same one asked again, and when?). For which model
//! the first and the keys are closed is in [`by_model`].
//! `engine/gate.rs`, `engine/failover.rs` and `engine/attempts.rs` put them together.

pub mod adaptive;
pub mod breaker;
pub mod budget;
pub mod by_model;
pub mod cache;
pub mod coalesce;
pub mod cooldown;
pub mod deadline;
pub mod failover;
pub mod hint;
pub mod hosts;
pub mod idempotency;
pub mod keys;
pub mod permit;
pub mod prefer;
pub mod price;
pub mod rate;
pub mod retry;
pub mod route;
