//! What holds for one model for a while, or for all of them: a small table that forgets.
//!
//! ```text
//!   all models ──► one place of its own
//!   one model  ──► one of a few places ──(none free)──► what is over goes, else what is over first
//! ```
//! Vendors limit each model by itself, so what one of them has said of a model is remembered for
//! that model. Names of models come from clients, so the places are few; to forget a limit costs one
//! call, which hears of it again. Knows nothing of what it is that holds.

use std::sync::Arc;

use crate::engine::now::Mono;
use crate::limits::MODELS_LIMITED;

/// Something that holds until some time.
pub trait Holds: Copy {
    /// When it is over.
    fn until(&self) -> Mono;

    /// What holds if both are said of the same.
    #[must_use]
    fn and(self, other: Self) -> Self;
}

/// What holds for each model, and what for all of them.
#[derive(Clone, Debug)]
pub struct ByModel<T> {
    all: Option<T>,
    models: Vec<(Arc<str>, T)>,
}

impl<T> Default for ByModel<T> {
    fn default() -> Self {
        ByModel {
            all: None,
            models: Vec::new(),
        }
    }
}

impl<T: Holds> ByModel<T> {
    /// Something holds for this model from now on; `None`: for all.
    pub fn add(&mut self, now: Mono, model: Option<&Arc<str>>, what: T) {
        let both = |before: T| before.and(what);
        let Some(model) = model else {
            self.all = Some(self.all.map_or(what, both));
            return;
        };
        if let Some((_, before)) = self.models.iter_mut().find(|(name, _)| name == model) {
            *before = both(*before);
            return;
        }
        if self.models.len() == MODELS_LIMITED {
            self.make_room(now);
        }
        self.models.push((Arc::clone(model), what));
    }

    fn make_room(&mut self, now: Mono) {
        self.models.retain(|(_, what)| now < what.until());
        if self.models.len() == MODELS_LIMITED {
            let all = self.models.iter().enumerate();
            let first = all.min_by_key(|(_, (_, what))| what.until().0);
            if let Some((at, _)) = first {
                self.models.swap_remove(at);
            }
        }
    }

    /// What holds for this model: of what is said of it, and of all.
    pub fn about(&self, now: Mono, model: &str) -> impl Iterator<Item = T> {
        let of_it = self.models.iter().find(|(name, _)| **name == *model);
        let both = self.all.into_iter().chain(of_it.map(|(_, what)| *what));
        both.filter(move |what| now < what.until())
    }

    /// What holds for all models.
    #[must_use]
    pub fn about_all(&self, now: Mono) -> Option<T> {
        self.all.filter(|what| now < what.until())
    }

    /// Whether anything holds for any model.
    #[must_use]
    pub fn is_any(&self, now: Mono) -> bool {
        let mut models = self.models.iter();
        self.about_all(now).is_some() || models.any(|(_, what)| now < what.until())
    }

    /// Of what holds for this model, and of what holds for all, only what is to be kept stays.
    pub fn keep(&mut self, model: &str, is_kept: impl Fn(&T) -> bool) {
        self.all = self.all.filter(&is_kept);
        self.models
            .retain(|(name, what)| **name != *model || is_kept(what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Until(u64);

    impl Holds for Until {
        fn until(&self) -> Mono {
            Mono(self.0)
        }

        fn and(self, other: Self) -> Self {
            Until(self.0.max(other.0))
        }
    }

    fn about(table: &ByModel<Until>, now: u64, model: &str) -> Vec<Until> {
        table.about(Mono(now), model).collect()
    }

    #[test]
    fn what_is_said_of_one_model_holds_for_it_and_what_is_said_of_all_for_each() {
        let mut table = ByModel::default();
        table.add(Mono(0), Some(&"a".into()), Until(5));
        table.add(Mono(0), Some(&"a".into()), Until(3));
        assert_eq!(about(&table, 4, "a"), [Until(5)]);
        assert_eq!(about(&table, 5, "a"), []);
        assert_eq!(about(&table, 4, "b"), []);
        assert!(table.is_any(Mono(4)) && !table.is_any(Mono(5)));
        table.add(Mono(0), None, Until(9));
        assert_eq!(about(&table, 4, "a"), [Until(9), Until(5)]);
        assert_eq!(about(&table, 4, "b"), [Until(9)]);
        assert_eq!(table.about_all(Mono(9)), None);
    }

    #[test]
    fn where_there_is_no_room_what_is_over_first_is_forgotten() {
        let mut table = ByModel::default();
        let name = |n: usize| -> Arc<str> { format!("m{n}").into() };
        for n in 0..=MODELS_LIMITED {
            let until = Until(1_000 + n as u64);
            table.add(Mono(0), Some(&name(n)), until);
        }
        assert_eq!(table.models.len(), MODELS_LIMITED);
        assert_eq!(about(&table, 0, "m0"), []);
        assert_eq!(about(&table, 0, "m1"), [Until(1_001)]);
        // All but one are over when the next one comes: they go, and nothing else.
        let late = 999 + MODELS_LIMITED as u64;
        table.add(Mono(late), Some(&"new".into()), Until(late + 9));
        assert_eq!(table.models.len(), 2);
    }

    #[test]
    fn what_is_not_kept_goes_for_this_model_and_for_all() {
        let mut table = ByModel::default();
        for model in ["a", "b"] {
            table.add(Mono(0), Some(&model.into()), Until(5));
        }
        table.add(Mono(0), None, Until(5));
        table.keep("a", |what| what.0 > 5);
        assert_eq!(
            (about(&table, 0, "a"), about(&table, 0, "b").len()),
            (vec![], 1)
        );
    }
}
