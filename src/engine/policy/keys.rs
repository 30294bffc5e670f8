//! Keys: which one of a provider's a call takes, and which of them rest.
//!
//! ```text
//!  Awake ──(429)──────────────► Limited, for as long as was asked ──┐
//!    ▲ └───(401, 403, quota)──► Refused, for five minutes ──────────┤
//!    └──────────────────────────────────────────────────────────────┘
//! ```
//! Of those that are awake the one with the fewest calls is taken. When none is, one that was refused
//! may be tried, because somebody may have mended it; one that was limited may not. It rests for the
//! model that was asked, or for all, as the provider says (`by_model.rs`). A provider with one key, or
//! none, is limited itself (`cooldown.rs`).

use std::sync::Arc;

use super::by_model::{ByModel, Holds};
use crate::engine::now::Mono;
use crate::limits::{COOL_DOWN_MS, KEY_LIMITED_MS, KEY_REST_MS};

/// The keys of one provider, by name only.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

/// One of them.
#[derive(Clone, Debug)]
pub struct Key {
    /// What people call it.
    pub name: Arc<str>,
    /// Calls that have it.
    pub calls: usize,
    /// Times that it was put to rest.
    pub rests: u64,
    rests_for: ByModel<Rest>,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Mono,
    why: Why,
}

/// Why a key rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The provider asked for fewer calls; perhaps with the milliseconds to wait.
    Limited(Option<u64>),
    /// The provider does not accept it, or its account is empty, or what it had for a model is used up.
    Refused,
}

impl Keys {
    /// Keys with these names.
    #[must_use]
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let key = |name: &str| Key {
            name: name.into(),
            calls: 0,
            rests: 0,
            rests_for: ByModel::default(),
        };
        Keys(names.map(key).collect())
    }

    /// Takes a key for a call that asks for `model`; `None` if there are none.
    pub fn take(&mut self, now: Mono, model: &str) -> Option<u8> {
        let order = |key: &Key| match key.resting(now, model) {
            None => (0, 0, key.calls),
            Some(Rest { until, why }) => (1 + u8::from(why != Why::Refused), until.0, 0),
        };
        let all = (0u8..).zip(&self.0);
        let (at, _) = all.min_by_key(|(_, key)| order(key))?;
        self.0[usize::from(at)].calls += 1;
        Some(at)
    }

    /// A call has no more use for its key.
    pub fn give_back(&mut self, at: u8) {
        if let Some(key) = self.0.get_mut(usize::from(at)) {
            debug_assert!(key.calls > 0, "a key that nobody had");
            key.calls = key.calls.saturating_sub(1);
        }
    }

    /// The provider has said something against key `at` and `model`, or all models. Returns for how
    /// many milliseconds it rests.
    pub fn rest(&mut self, at: u8, now: Mono, model: Option<&Arc<str>>, why: Why) -> Option<u64> {
        let alone = self.0.len() == 1;
        let key = self.0.get_mut(usize::from(at))?;
        let ms = match why {
            Why::Limited(_) if alone => return None,
            Why::Limited(hint_ms) => hint_ms.unwrap_or(KEY_LIMITED_MS).clamp(1, COOL_DOWN_MS),
            Why::Refused => KEY_REST_MS,
        };
        let until = now.plus_ms(ms);
        key.rests += 1;
        key.rests_for.add(now, model, Rest { until, why });
        Some(ms)
    }

    /// It works with `model`: a refusal is over. A limit is not, because it is about the calls that come
    /// after.
    pub fn wake(&mut self, at: u8, model: &str) {
        if let Some(key) = self.0.get_mut(usize::from(at)) {
            key.rests_for.keep(model, |rest| rest.why != Why::Refused);
        }
    }

    /// Whether there is one that does not rest for `model`.
    #[must_use]
    pub fn has_awake(&self, now: Mono, model: &str) -> bool {
        self.0.iter().any(|key| key.resting(now, model).is_none())
    }

    /// Milliseconds until one wakes, if there are keys and all rest.
    #[must_use]
    pub fn rests_ms(&self, now: Mono, model: &str) -> Option<u64> {
        let wakes = (self.0.iter()).map(|key| Some(key.resting(now, model)?.until));
        let first = wakes.min().flatten()?;
        Some(first.since(now).div_ceil(1_000_000))
    }

    /// The same, if a call would only hear that there are too many: none is awake, and not all were
    /// refused.
    #[must_use]
    pub fn limited_ms(&self, now: Mono, model: &str) -> Option<u64> {
        let ms = self.rests_ms(now, model)?;
        let rests = self.0.iter().filter_map(|key| key.resting(now, model));
        let limited = rests.filter(|rest| rest.why != Why::Refused);
        let wakes = limited.map(|rest| rest.until).min()?;
        Some(wakes.since(now).div_ceil(1_000_000).max(ms))
    }

    /// The name of key `at`.
    #[must_use]
    pub fn name(&self, at: u8) -> Option<&Arc<str>> {
        self.0.get(usize::from(at)).map(|key| &key.name)
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Key> {
        self.0.iter()
    }
}

impl Key {
    /// Of what is said of it and of all models, what lasts longer.
    fn resting(&self, now: Mono, model: &str) -> Option<Rest> {
        self.rests_for.about(now, model).reduce(Holds::and)
    }

    /// `awake`; `refused`, which is for all models; or `limited`, for one at least.
    #[must_use]
    pub fn state(&self, now: Mono) -> &'static str {
        match self.rests_for.about_all(now).map(|rest| rest.why) {
            Some(Why::Refused) => "refused",
            _ if self.rests_for.is_any(now) => "limited",
            _ => "awake",
        }
    }
}

impl Holds for Rest {
    fn until(&self) -> Mono {
        self.until
    }

    /// Calls that were on their way may come back with less, or with another reason.
    fn and(self, other: Self) -> Self {
        if self.until < other.until {
            other
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&'static str]) -> Keys {
        Keys::new(names.iter().copied())
    }

    fn at_ms(ms: u64) -> Mono {
        Mono(0).plus_ms(ms)
    }

    #[test]
    fn the_one_with_the_fewest_calls_is_taken() {
        let mut keys = keys(&["a", "b"]);
        let taken: Vec<_> = (0..4).map(|_| keys.take(Mono(0), "m")).collect();
        assert_eq!(taken, [Some(0), Some(1), Some(0), Some(1)]);
        keys.give_back(1);
        assert_eq!(keys.take(Mono(0), "m"), Some(1));
        assert_eq!(self::keys(&[]).take(Mono(0), "m"), None);
    }

    #[test]
    fn one_that_rests_is_not_taken_until_its_time_is_over() {
        let mut keys = keys(&["a", "b"]);
        assert_eq!(
            keys.rest(0, Mono(0), Some(&"m".into()), Why::Limited(Some(2_000))),
            Some(2_000)
        );
        assert_eq!(
            (keys.take(at_ms(1), "m"), keys.take(at_ms(1), "m")),
            (Some(1), Some(1))
        );
        assert_eq!(keys.take(at_ms(2_000), "m"), Some(0));
        assert_eq!(keys.rests_ms(at_ms(1), "m"), None, "one is awake");
    }

    #[test]
    fn when_all_are_limited_it_is_known_until_when() {
        let mut keys = keys(&["a", "b"]);
        keys.rest(0, Mono(0), Some(&"m".into()), Why::Limited(Some(2_000)));
        keys.rest(1, Mono(0), Some(&"m".into()), Why::Limited(None));
        assert_eq!(keys.limited_ms(Mono(0), "m"), Some(KEY_LIMITED_MS));
        assert!(!keys.has_awake(Mono(0), "m") && keys.has_awake(at_ms(KEY_LIMITED_MS), "m"));
    }

    #[test]
    fn when_all_were_refused_they_are_tried_all_the_same() {
        let mut keys = keys(&["a", "b"]);
        keys.rest(1, Mono(0), None, Why::Refused);
        keys.rest(0, at_ms(5), None, Why::Refused);
        assert_eq!(keys.limited_ms(at_ms(9), "m"), None);
        assert_eq!(
            keys.take(at_ms(9), "m"),
            Some(1),
            "the one that was refused first"
        );
        keys.wake(1, "m");
        assert_eq!(keys.rests_ms(at_ms(9), "m"), None);
    }

    #[test]
    fn of_one_limited_and_one_refused_key_the_limited_one_is_waited_for() {
        let mut keys = keys(&["a", "b"]);
        keys.rest(0, Mono(0), None, Why::Refused);
        keys.rest(1, Mono(0), Some(&"m".into()), Why::Limited(Some(3_000)));
        assert_eq!(keys.limited_ms(Mono(0), "m"), Some(3_000));
    }

    #[test]
    fn an_only_key_is_not_limited_by_itself_and_a_shorter_hint_ends_no_rest() {
        let mut one = keys(&["a"]);
        assert_eq!(
            one.rest(0, Mono(0), Some(&"m".into()), Why::Limited(Some(9))),
            None
        );
        let mut two = keys(&["a", "b"]);
        two.rest(0, Mono(0), Some(&"m".into()), Why::Limited(Some(9_000)));
        two.rest(0, Mono(0), Some(&"m".into()), Why::Limited(Some(1)));
        two.rest(1, Mono(0), Some(&"m".into()), Why::Limited(Some(5_000)));
        assert_eq!(two.limited_ms(Mono(0), "m"), Some(5_000));
    }

    #[test]
    fn a_key_that_is_limited_for_one_model_is_taken_for_another() {
        let mut keys = keys(&["a", "b"]);
        keys.rest(0, Mono(0), Some(&"m".into()), Why::Limited(Some(9_000)));
        assert_eq!(keys.take(Mono(0), "m"), Some(1));
        assert_eq!(keys.take(Mono(0), "n"), Some(0));
        assert_eq!(keys.0[0].state(Mono(0)), "limited");
        keys.rest(0, Mono(0), None, Why::Refused);
        assert_eq!(keys.take(Mono(0), "n"), Some(1));
        assert_eq!(keys.0[0].state(Mono(0)), "refused");
        keys.wake(0, "n");
        assert_eq!(keys.0[0].state(Mono(0)), "limited", "for `m`, as before");
    }
}
