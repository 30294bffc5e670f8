//! The digest: one number for all that an engine has done, to compare two runs of the same inputs.
//!
//! ```text
//!  bytes to be sent ──────┐
//!                         ├─► digest ─► in a recording, every few hundred inputs; the same in its replay
//!  work given to threads ─┘
//! ```
//! What a thread was given counts as much as what was sent: its result is in the recording, so a replay
//! that has asked for something else would otherwise come to the same answers. FNV-1a over 64 bits: not
//! for security. Knows nothing of secrets: whoever feeds it leaves them out.

use std::io;

use serde::Serialize;

use super::work::{Finish, Work};

/// The number so far.
#[derive(Debug)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Digest(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// What it has come to.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0
    }

    /// Adds bytes. Where one piece ends and the next begins does not count.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Adds what a thread is to do.
    pub fn feed_work(&mut self, work: &Work) {
        match work {
            Work::Parse { body, .. } => self.feed(body),
            Work::Embeddings { body, .. } => self.feed(body),
            Work::Score { text, .. } | Work::Keywords { text, .. } => self.feed(text.as_bytes()),
            Work::Import { lines, .. } => self.feed(lines),
            Work::Finish(finish) => self.feed_finish(finish),
            Work::Read(query) => self.feed_json(query),
            Work::Write(write) => self.feed_json(write),
            Work::Journal(ask) => self.feed_json(ask),
            Work::Count(counting) => self.feed_json(counting),
            Work::Stretch(_) => self.feed(b"*"), // a password
        }
    }

    fn feed_finish(&mut self, finish: &Finish) {
        self.feed(finish.text.as_bytes());
        self.feed_json(&finish.row);
        self.feed_json(&finish.requests);
    }

    fn feed_json(&mut self, what: &impl Serialize) {
        // Writing to a number cannot fail. What is no JSON would count as one letter in both runs.
        if serde_json::to_writer(&mut *self, what).is_err() {
            self.feed(b"?");
        }
    }
}

impl io::Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.feed(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::work::Cancel;

    #[test]
    fn each_byte_that_a_thread_is_given_counts() {
        let of = |text: &str| {
            let mut digest = Digest::default();
            digest.feed_work(&Work::Score {
                text: Arc::new(text.to_owned()),
                cancel: Cancel::default(),
            });
            digest.value()
        };
        assert_eq!(of("tea"), of("tea"));
        assert_ne!(of("tea"), of("tee"));
    }
}
