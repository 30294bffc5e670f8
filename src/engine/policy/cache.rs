//! The answer cache: may a stored text answer, and how old may it be?
//!
//! What has to be equal is everything that a model is asked, and whose it is. That is the same question as
//! for requests in flight (`policy/coalesce.rs`), but its answer outlives the process, so it is a hash of
//! the same name everywhere. What is not part of it: whether the text is streamed.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::engine::call::Plan;
use crate::limits::CACHE_AGE_S;
use crate::store::prompt_hash;

/// What a client says about the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// Nothing: as it is configured.
    #[default]
    Unsaid,
    /// A stored text will do.
    Use,
    /// A new one is wanted.
    Skip,
}

/// How an answer stands to the cache: the field `Cache-Status` (RFC 9211).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// It was not looked at.
    #[default]
    Unasked,
    /// From the store, and may be for so many more seconds.
    Hit(u32),
    /// From Redis, and may be for so many more seconds.
    Near(u32),
    /// There was none.
    Miss,
    /// There was none, but somebody else has asked for it.
    Collapsed,
}

/// How old a text may be that answers this request, in milliseconds. `None`: the cache is not for it.
#[must_use]
pub fn age_ms(wish: Wish, config: &Config) -> Option<u64> {
    let age_s = match (wish, config.cache.max_age_s) {
        (Wish::Skip, _) | (Wish::Unsaid, 0) => return None,
        (Wish::Use, 0) => CACHE_AGE_S,
        (_, age_s) => age_s,
    };
    Some(age_s * 1000)
}

/// The fingerprint of what is asked.
#[must_use]
pub fn prompt(plan: &Plan, config: &Config) -> [u8; 32] {
    let words = plan.prompt(config);
    let targets = plan.route.targets().iter();
    let names =
        targets.flat_map(|target| [target.provider_name.as_bytes(), target.model.as_bytes()]);
    let bounds = [
        plan.max_tokens.unwrap_or(0).to_be_bytes(),
        plan.temperature
            .map_or(u32::MAX, f32::to_bits)
            .to_be_bytes(),
    ];
    let parts = [
        plan.topic.as_bytes(),
        words.as_bytes(),
        bounds.as_flattened(),
    ];
    prompt_hash(parts.into_iter().chain(names))
}

impl Status {
    /// The value of the field. `is_stored`: the answer of a miss is stored by now.
    #[must_use]
    pub fn field(self, is_stored: bool) -> Option<String> {
        Some(match self {
            Status::Unasked => return None,
            Status::Hit(ttl) => format!("maitred; hit; ttl={ttl}"),
            Status::Near(ttl) => format!("maitred; hit; ttl={ttl}; detail=redis"),
            Status::Miss if is_stored => "maitred; fwd=miss; stored".to_owned(),
            Status::Miss => "maitred; fwd=miss".to_owned(),
            Status::Collapsed => "maitred; fwd=miss; collapsed".to_owned(),
        })
    }
}
