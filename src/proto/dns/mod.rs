//! DNS as a client that asks a recursive name server (RFC 1035), without I/O.
//!
//! ```text
//!   Name::parse("api.example") ─► Query { id, name, kind } ──write──► bytes
//!                                       └──answer(bytes)──► Answer, or Fault
//!
//!   name      names: labels, lower case, compression undone and bounded
//!   query     a question, with room for answers of 1,232 bytes (EDNS, RFC 6891)
//!   record    the records of a message, one after the other
//!   answer    what a message says about one question
//! ```
//!
//! A query is also what an answer is measured against: the id, the question that is repeated in it,
//! and that it is an answer at all. What does not fit is [`Fault::Stray`], which somebody else may
//! have sent, and proves nothing.
//!
//! Bytes of a peer choose neither memory nor time: a name has 255 bytes, pointers lead strictly
//! backwards, [`DNS_RECORDS`](crate::limits::DNS_RECORDS) records are looked at,
//! [`DNS_ALIASES`](crate::limits::DNS_ALIASES) aliases are followed, and
//! [`DNS_ADDRESSES`](crate::limits::DNS_ADDRESSES) addresses are taken.
//!
//! What this module refuses to know: sockets, servers, time limits, where ids come from, and what
//! becomes of an answer. It does not check signatures (DNSSEC) and does not encode names of other
//! scripts (IDNA).

mod answer;
mod name;
mod query;
mod record;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Fault, Malformed};
pub use name::{BadName, Name, is_localhost};
pub use query::{Kind, Query, STREAM_BYTES, message_in};
