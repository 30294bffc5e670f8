//! What the end-to-end tests share: the real binary, a client made of bytes, and a provider that
//! does what it is told.
//!
//! ```text
//!  Client, Crowd ──HTTP/1.1──► Server (the binary, its folder, its log) ──HTTP/1.1──► Provider
//! ```
//! Nothing here uses maitred's own codec: what both sides got wrong in the same way would be right.
//! Everything that is waited for has a deadline; nothing sleeps and hopes.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the log of a server belongs to a test that failed"
)]
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each test program includes this module and uses a part of it"
)]

pub mod balancer;
pub mod client;
pub mod crowd;
pub mod database;
#[path = "../world/dns_message.rs"]
pub mod dns_message;
pub mod ledger;
pub mod link;
pub mod name_server;
pub mod postgres;
pub mod process;
pub mod provider;
pub mod proxy;
pub mod redis;
pub mod redis_cluster;
pub mod response;
pub mod script;
pub mod server;
pub mod tls;
pub mod told;

use std::time::{Duration, Instant};

pub use client::{Client, ask, generate, get};
pub use name_server::{NameServer, Say};
pub use provider::Provider;
pub use response::{Event, Response};
pub use script::{Act, Script};
pub use server::{House, Server};

/// How long anything may take that ought to happen at once. Long, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again and again until `ready` has something, or the test fails.
pub fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A number in milliseconds.
pub const fn ms(number: u64) -> Duration {
    Duration::from_millis(number)
}
