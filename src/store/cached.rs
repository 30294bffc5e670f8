//! The answer cache as the store keeps it: which text answers which prompt.
//!
//! A text of our own API is stored anyway, so its row only says which one it is. What a vendor's client
//! was told is more than its text, and that may not be stored at all: it is in the row itself.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A text that answers a prompt from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedText {
    /// Whose text; nobody else is answered with it.
    pub tenant: String,
    /// [`prompt_hash`] of what was asked.
    pub prompt: [u8; 32],
    /// The text.
    pub text: Uuid,
    /// When it was asked for.
    pub created_ms: i64,
    /// Of a chat: the answer itself.
    #[serde(default)]
    pub chat: Option<Box<ToldChat>>,
}

/// What a client of a vendor's was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldChat {
    /// Who has written it.
    pub provider: String,
    /// With which model.
    pub model: String,
    /// The whole of it, as one document in the client's dialect.
    pub body: String,
}

/// The same, when it is found again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundChat {
    /// The id of its text, stored or not.
    pub text: Uuid,
    /// When it was asked for.
    pub created_ms: i64,
    /// The answer.
    pub told: ToldChat,
}

/// The fingerprint of a prompt: SHA-256 of its parts, each after its length, so that no two lists of
/// parts have the same bytes.
#[must_use]
pub fn prompt_hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(b"maitred prompt 1\n");
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
