//! The protocol of Redis and Valkey (RESP), as a client, without I/O.
//!
//! ```text
//!   Url::parse("rediss://…") ─► where, who, which database
//!   Session ─── hello, send ──► bytes ───► server
//!      ▲                                     │
//!      └─ Answer, Push, Fault ◄── Reader ◄── bytes
//!
//!   reply      bytes to replies: RESP2 and RESP3, as deep and as large as allowed and no more
//!   command    a command to bytes
//!   session    the greeting, and which answer is whose
//!   refusal    what an error of the server means, and what may be done about it
//!   counters   counters that several processes share: one script each
//!   slot       which part of a cluster a key lives in
//!   map        which server of a cluster has which slots
//!   url        `redis://` and `rediss://`
//! ```
//! Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>; the tests hold bytes that a
//! real server (7.0) has sent.
//!
//! Bytes of a peer choose neither memory nor time: no length in a header makes room for anything, nesting
//! is a short stack and no recursion, each byte is looked at once however it is cut
//! ([why our own](../../../docs/decisions/0035-redis-by-hand.md)). What this module refuses to
//! know: sockets, TLS, time limits, and what is kept in the server.

pub mod command;
pub mod counters;
pub mod map;
pub mod refusal;
pub mod reply;
pub mod session;
pub mod slot;
pub mod url;

#[cfg(test)]
mod tests;

pub use self::refusal::{Redirect, Refusal, Remedy};
pub use self::reply::{Message, Reader, Reply, Violation};
pub use self::session::{Event, Fault, Login, Session};
pub use self::url::{BadUrl, Url};
