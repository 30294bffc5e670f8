//! What bad input gets, and what good manners get: HTTP/1.1 as strangers speak it, against the
//! real binary.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod bodies;
mod framing;
mod limits;
mod manners;
#[cfg(target_os = "linux")]
mod rate;
mod slow;
