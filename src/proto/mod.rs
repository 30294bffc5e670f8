//! Bytes to messages and back.
//!
//! Every codec here is *sans-IO*: it is handed bytes and hands back messages, or the other way
//! round. It refuses to know where the bytes come from: no socket, no clock, no identifiers, no
//! limits of its own ([`crate::limits`] has them all). That is what lets a test feed it a message
//! cut at every byte.

pub mod dns;
pub mod http1;
pub mod postgres;
pub mod redis;
pub mod sse;
pub mod webhook;

/// Where encoded bytes go.
///
/// Writers put many small pieces one after another, so `put` should be cheap and must not fail:
/// whoever owns the memory decides beforehand whether there is room for a message.
pub trait Sink {
    /// Appends `bytes` to what was put before.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
