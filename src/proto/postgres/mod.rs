//! PostgreSQL as a client speaks it: protocol 3.0, without I/O.
//!
//! ```text
//!   Session ──┬── auth       SCRAM, channel binding, the old ways
//!             ├── frontend   what we say
//!             ├── backend    what the server says: frames, reports, rows
//!             └── value      values and their types, in binary form
//!   Settings ─────────────── postgres://…, PG… variables ──► hosts and a Login
//! ```
//!
//! # How a session is driven
//!
//! Whoever owns the socket owns two buffers, and tells the [`Session`] what arrives:
//!
//! 1. Connect, then [`Session::open`]: it writes the first message to `out`.
//! 2. Append what is read to `input`, and call [`Session::next`] until it gives `None`. It takes
//!    whole messages from the front and leaves what is not whole; that stays in the buffer. It may
//!    write to `out` at any time. Events borrow from both; act on one before the next call.
//! 3. [`Event::StartTls`]: set TLS up, then [`Session::secured`]. [`Event::Stretch`]: let a thread
//!    run it, then [`Session::stretched`]. [`Event::Ready`]: requests can be sent.
//! 4. [`Session::send`] writes statements that succeed or fail together, with a token of the
//!    caller's. Requests may be sent while others wait; their answers come in the same order, each
//!    as rows, `Done` for each statement, and `Finished`. One that fails does not touch the others.
//! 5. The connection is over when the socket says so, on [`Event::Goodbye`], and on a [`Fault`].
//!    [`Session::lost`] then names each request without an answer and what has become of it.
//!
//! Whoever stops waiting for a request lets its answer come, under a token that nobody knows any
//! more. [`cancel`] is for connections that serve a single owner.
//!
//! # What a peer can do
//!
//! The length of a message is held against [`crate::limits`] before anything waits for it, and never
//! sizes an allocation. Bytes that are copied out are handed on in pieces. SCRAM's iterations are
//! bounded. Nothing recurses, and nothing of a row is copied.
//!
//! What this module refuses to know: sockets, TLS (but for the hash of a certificate), threads, the
//! time, where nonces come from, pools, and which statements there are.

pub mod auth;
mod backend;
mod fault;
mod frame;
mod frontend;
mod meaning;
mod report;
mod request;
mod row;
mod session;
pub mod settings;
mod types;
mod value;

#[cfg(test)]
mod tests;

pub use auth::binding::server_end_point;
pub use auth::{Method, Password, ScramFault, Stretch, StretchedKey};
pub use backend::Transaction;
pub use fault::Fault;
pub use frontend::{CancelKey, cancel};
pub use meaning::Meaning;
pub use report::{Report, Severity, SqlState};
pub use request::{Refused, Statement};
pub use row::{FromValue, RawValue, Row, Timestamp, ValueFault, Values, Wrong};
pub use session::{
    Answer, ChannelBinding, Encryption, Event, Login, Methods, Outcome, Parameters, Session, Tag,
    Target,
};
pub use types::{Scalar, Type};
pub use value::Value;
