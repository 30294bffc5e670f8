//! The codec against real servers: PostgreSQL, and PgBouncer before it, from the packages of the
//! system.
#![allow(clippy::unwrap_used)]

mod captured;
mod copy;
mod ends;
mod login;
mod pooler;
mod requests;
mod values;

#[path = "../support/mod.rs"]
mod support;

use support::link;
