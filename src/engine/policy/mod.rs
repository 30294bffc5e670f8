//! Policies: who is let in, who shares, who is tried again. One file each, no state of their own
//! beyond what they decide with, so that a policy can be read, tested and changed alone.

pub mod coalesce;
pub mod hosts;
pub mod prefer;
pub mod retry;
