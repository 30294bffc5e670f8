//! The answer cache: may a stored text answer, and how old may it be?
//!
//! What has to be equal is everything that a model is asked, and whose it is. That is the same question as
//! for requests in flight (`policy/coalesce.rs`), but its answer outlives the process, so it is a hash of
//! the same name everywhere. What is not part of it: whether the text is streamed.
//!
//! A chat on a vendor's route is the same question with other words: what is asked is the essence of its
//! body ([`crate::dialect::essence`]), and the client speaks of caches by `Cache-Control` alone.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::engine::call::Plan;
use crate::engine::policy::route::ModelRoute;
use crate::engine::routes::inbound::Passed;
use crate::limits::CACHE_AGE_S;
use crate::proto::http1::Fields;
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

/// What the field `Cache-Control` of a request says (RFC 9111 section 5.2.1), as far as it is heeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Control {
    /// Nothing.
    #[default]
    Silent,
    /// `max-age`: a stored answer may have so many seconds.
    Within(u32),
    /// `no-cache`: a new answer is wanted. It may be kept.
    Renew,
    /// `no-store`: a new answer is wanted, and is not to be kept.
    Avoid,
}

/// What is to be done about a request that the cache may be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// How old an answer may be, in milliseconds; 0: none is looked for.
    pub age_ms: u64,
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
    /// The client did not want one.
    Renewed,
}

impl Control {
    /// Reads the fields of a head. What is not known is passed over; of what contradicts itself the
    /// stricter counts, and an age that is no number is none.
    #[must_use]
    pub fn of_head(fields: &Fields<'_>) -> Self {
        let lines = fields.all("cache-control");
        let words = lines.flat_map(|line| line.split(|byte| *byte == b','));
        words
            .map(Control::of_word)
            .max_by_key(Control::strictness)
            .unwrap_or_default()
    }

    fn of_word(word: &[u8]) -> Self {
        let word = word.trim_ascii().to_ascii_lowercase();
        match word.as_slice() {
            b"no-store" => Control::Avoid,
            b"no-cache" => Control::Renew,
            other => match other.strip_prefix(b"max-age=") {
                Some(age) => Control::of_age(age),
                None => Control::Silent,
            },
        }
    }

    fn of_age(digits: &[u8]) -> Self {
        let age = str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok());
        match age {
            Some(0) | None => Control::Renew,
            Some(age_s) => Control::Within(age_s),
        }
    }

    fn strictness(&self) -> (u8, u32) {
        match self {
            Control::Silent => (0, 0),
            Control::Within(age_s) => (1, u32::MAX - age_s),
            Control::Renew => (2, 0),
            Control::Avoid => (3, 0),
        }
    }

    /// What is left of an age that is allowed otherwise.
    fn bound(self, age_s: u64) -> Option<Use> {
        let age_s = match self {
            Control::Silent => age_s,
            Control::Within(most_s) => age_s.min(most_s.into()),
            Control::Renew => 0,
            Control::Avoid => return None,
        };
        let age_ms = age_s * 1000;
        Some(Use { age_ms })
    }
}

/// Whether the cache is for this request. `None`: it is not.
#[must_use]
pub fn for_text(wish: Wish, control: Control, config: &Config) -> Option<Use> {
    match (wish, config.cache.max_age_s) {
        (Wish::Skip, _) | (Wish::Unsaid, 0) => None,
        (Wish::Use, 0) => control.bound(CACHE_AGE_S),
        (_, age_s) => control.bound(age_s),
    }
}

/// The same for a chat on a vendor's route.
#[must_use]
pub fn for_chat(control: Control, config: &Config) -> Option<Use> {
    match config.cache.chats_max_age_s {
        0 => None,
        age_s => control.bound(age_s),
    }
}

/// The fingerprint of what is asked.
#[must_use]
pub fn prompt(plan: &Plan, config: &Config) -> [u8; 32] {
    let words = plan.prompt(config);
    let names = names(&plan.route);
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

/// The fingerprint of a chat: its essence, whose words it is in, the model as its client calls it, and the
/// fields of its head that are passed on.
#[must_use]
pub fn question(
    dialect: &str,
    essence: &[u8],
    model: &str,
    passed: Option<&Passed>,
    route: &ModelRoute,
) -> [u8; 32] {
    let field = |value: &Option<Box<[u8]>>| value.clone().unwrap_or_default();
    let (version, beta) = passed.map_or_else(Default::default, |passed| {
        (field(&passed.version), field(&passed.beta))
    });
    let parts = [
        b"chat".as_slice(),
        dialect.as_bytes(),
        essence,
        model.as_bytes(),
        &*version,
        &*beta,
    ];
    prompt_hash(parts.into_iter().chain(names(route)))
}

/// Who may be asked, in their order.
fn names(route: &ModelRoute) -> impl Iterator<Item = &[u8]> {
    let targets = route.targets().iter();
    targets.flat_map(|target| [target.provider_name.as_bytes(), target.model.as_bytes()])
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
            Status::Renewed => "maitred; fwd=request".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn control(words: &[&str]) -> Control {
        let all = words.iter().map(|word| Control::of_word(word.as_bytes()));
        all.max_by_key(Control::strictness).unwrap()
    }

    #[test]
    fn of_what_a_client_says_the_stricter_counts() {
        for (words, expected) in [
            (&["private", "max-stale"][..], Control::Silent),
            (&["max-age=60"], Control::Within(60)),
            (&["max-age=60", " Max-Age=7 "], Control::Within(7)),
            (&["max-age=0"], Control::Renew),
            (&["max-age=soon"], Control::Renew),
            (&["max-age=60", "no-cache"], Control::Renew),
            (&["no-store", "no-cache"], Control::Avoid),
        ] {
            assert_eq!(control(words), expected, "{words:?}");
        }
    }

    #[test]
    fn a_client_can_shorten_an_age_and_not_lengthen_it() {
        let age = |control: Control| control.bound(60).map(|it| it.age_ms);
        assert_eq!(age(Control::Silent), Some(60_000));
        assert_eq!(age(Control::Within(7)), Some(7_000));
        assert_eq!(age(Control::Within(100)), Some(60_000));
        assert_eq!(age(Control::Renew), Some(0));
        assert_eq!(age(Control::Avoid), None);
    }
}
