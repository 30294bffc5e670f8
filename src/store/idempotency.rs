//! Idempotency keys as the store keeps them: claims, and the answers that become of them.
//!
//! ```text
//!  Claim ─► Yours ───► the answer, in the transaction of its rows ─► kept for a day
//!    │                └─► Free, or no renewal for a lease ─► nobody's
//!    ├────► Busy       another one answers
//!    ├────► Answered   here it is
//!    └────► Reused     it was another request
//! ```
//! Each step is one statement that the database carries out or not, so the processes that share a
//! database need not know of each other.
//!
//! An answer is there for as long as its text. One that is kept with its text is there because the text is.
//! One whose text was [found](KeptAnswer::found) is kept only if it still is there.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a key is a key to: the same words on another route are another key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyScope {
    /// The owner of the key that asked; `local` without keys.
    pub tenant: String,
    /// The pattern of the route.
    pub route: String,
    /// What the client has sent.
    pub key: String,
}

/// Something that happens to keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyChange {
    /// `owner` wants to answer the first request with this key.
    Claim {
        /// The key.
        scope: KeyScope,
        /// SHA-256 of the request.
        fingerprint: [u8; 32],
        /// Whoever claims twice by the same name has it.
        owner: Uuid,
        /// The time. Where several machines share a database, its own clock counts.
        now_ms: i64,
    },
    /// These owners still live.
    Renew {
        /// Keys that are in use.
        held: Vec<(KeyScope, Uuid)>,
        /// The time, as for a claim.
        now_ms: i64,
    },
    /// Whoever had this key gives no answer that could be kept. Does nothing to one that was.
    Free {
        /// The key.
        scope: KeyScope,
        /// Who had it.
        owner: Uuid,
    },
    /// Forget keys whose time is over, the oldest ones past [`crate::limits::KEYS_BYTES`], which texts
    /// have answered prompts long ago, and the oldest answers past [`crate::limits::CACHE_BYTES`]; some
    /// at a time.
    Sweep {
        /// The time, as for a claim.
        now_ms: i64,
    },
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claimed {
    /// Whoever claimed it is to answer.
    Yours,
    /// Another one is answering the same request.
    Busy,
    /// The same request was answered.
    Answered,
    /// Another request has the key.
    Reused,
}

impl Claimed {
    /// What the row of a key says to somebody who wants it.
    pub(super) fn of_row(is_owner: bool, is_equal: bool, is_answered: bool) -> Self {
        match (is_owner, is_equal, is_answered) {
            (_, false, _) => Claimed::Reused,
            (_, true, true) => Claimed::Answered,
            (true, true, false) => Claimed::Yours,
            (false, true, false) => Claimed::Busy,
        }
    }
}

/// An answer that is kept for a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// The key.
    pub scope: KeyScope,
    /// SHA-256 of the request.
    pub fingerprint: [u8; 32],
    /// Who has answered.
    pub owner: Uuid,
    /// When it is forgotten.
    pub until_ms: i64,
    /// The text in it: it is forgotten with its text.
    pub text: Option<Uuid>,
    /// What was answered.
    pub answer: Answer,
}

impl KeptAnswer {
    /// The text in it, if that was found and does not come with it. It may have been deleted since: then
    /// the answer is not kept, and its key is free.
    pub(super) fn found(&self, own: Option<Uuid>) -> Option<Uuid> {
        self.text.filter(|text| own != Some(*text))
    }
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Whether it was a stream of events.
    pub streamed: bool,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A good one.
    #[must_use]
    pub fn good(streamed: bool, body: String) -> Self {
        Answer {
            status: 200,
            streamed,
            body,
        }
    }
}
