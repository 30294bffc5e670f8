//! HTTP/1.1 (RFC 9112), strict, without I/O.
//!
//! ```text
//!                  Server (one per client)          Client (one per provider connection)
//!   bytes ──step──▶ Head · Body… · End               Informational… · Head · Body… · End
//!                  └──────────── both stand on ────────────┘
//!        section   where a head ends, searched once, however slowly it comes
//!        fields    the field lines, validated once, then only borrowed
//!        control   what Content-Length, Transfer-Encoding, Connection … say together
//!        body      counts a body out: exact, chunked (chunked), until close
//! ```
//!
//! Both halves are pull parsers: the caller keeps the unread bytes in one piece, calls `step`,
//! drops as many bytes as the step says were consumed, and calls again until it hears `NeedMore`.
//! Nothing of a message is stored in here, so an idle connection costs a few dozen bytes.
//!
//! **Strict** means: where two readers of one message could disagree about where it ends, it is
//! refused. That is the whole family of request-smuggling attacks: repeated lengths, a length
//! beside `Transfer-Encoding`, a bare LF taken for a line end, and so on. After a refusal nobody
//! knows where the next message would start, so every refusal ends the connection.
//!
//! What this module refuses to know: routes, time-outs, content codings, and what a body means.

mod body;
mod chunked;
mod client;
mod control;
mod date;
mod encode;
mod fault;
mod fields;
mod message;
mod refusal;
mod reply;
mod request;
mod response;
mod section;
mod server;
mod target;
mod violation;

#[cfg(test)]
mod tests;

pub use client::{Client, ClientStep};
pub use date::HttpDate;
pub use encode::{
    CONTINUE, Unwritable, begin_request, end_request, put_chunk, put_last_chunk, write_request,
};
pub use fault::Fault;
pub use fields::Fields;
pub use message::{BodyLength, Method, Version};
pub use refusal::Refusal;
pub use reply::{After, ReplyBody, ReplyHead, reply_head};
pub use request::RequestHead;
pub use response::ResponseHead;
pub use server::{Server, Step};
pub use violation::Violation;
