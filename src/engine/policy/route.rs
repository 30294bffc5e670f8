//! Routes of models: who can be asked for what a client calls a model.
//!
//! A name has one *target* or several: a model at a provider. A call is at one of them at a time;
//! when it fails before any content, it may go on at another.
//!
//! ```text
//!  name ──► [model.NAME]? ──► provider/model? ──► some provider's `models`? ──► a vendor's name?
//!             │ yes            │ yes               │ yes                          │ yes
//!             ▼                ▼                   ▼                              ▼
//!           its targets      that one            all that have it              that vendor
//!                                                        else: the default provider, or nobody
//! ```
//! What is asked first among several is told by [`ModelRoute::choose`]. Knows no state: how a target
//! stands at the moment is an argument.

use std::sync::Arc;

mod router;
mod words;

pub use router::{Router, UnknownModel};
pub use words::explain;

/// One model at one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Place of the provider in the configuration.
    pub provider: u16,
    /// Its name.
    pub provider_name: Arc<str>,
    /// Whether it is the built-in one.
    pub offline: bool,
    /// The model's name there.
    pub model: Arc<str>,
}

/// What a target is among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    /// The lowest is asked first; those that have the same share the load …
    pub priority: u64,
    /// … in this proportion.
    pub weight: u64,
}

/// How a target stands at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Until it may be asked, in milliseconds; `None` if it may be asked now.
    pub rests_ms: Option<u64>,
    /// Calls that it has, those in its line included.
    pub outstanding: usize,
}

/// The targets of a name. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRoute {
    targets: Box<[Target]>,
    ranks: Box<[Rank]>,
    /// A stream without content for so long goes on at another target.
    pub slow_ms: Option<u64>,
    /// A stream without content for so long is asked of another target as well.
    pub hedge_ms: Option<u64>,
}

impl ModelRoute {
    /// The route of a name that only one target stands for.
    #[must_use]
    pub fn single(target: Target) -> Self {
        let rank = Rank {
            priority: 1,
            weight: 1,
        };
        ModelRoute {
            targets: Box::new([target]),
            ranks: Box::new([rank]),
            slow_ms: None,
            hedge_ms: None,
        }
    }

    /// All targets.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The target that stands first.
    #[must_use]
    pub fn first(&self) -> &Target {
        &self.targets[0]
    }

    /// `name`, if it is not what every target calls the model.
    #[must_use]
    pub fn unless_all_are(&self, name: &str) -> Option<Box<str>> {
        let differs = self.targets.iter().any(|target| *target.model != *name);
        differs.then(|| name.into())
    }

    /// Target number `at`, as a call or a generation remembers it.
    #[must_use]
    pub fn target(&self, at: u8) -> &Target {
        self.targets.get(usize::from(at)).unwrap_or(self.first())
    }

    /// Who is to be asked, of those that are not among `tried` (bit `n` is target `n`) and do not
    /// rest: of the lowest priority the one with the least to do for its weight, and of equals one
    /// by chance. `None` if there is nobody.
    #[must_use]
    pub fn choose(
        &self,
        tried: u32,
        standing: impl Fn(&Target) -> Standing,
        random: &mut fastrand::Rng,
    ) -> Option<u8> {
        let mut best: Option<(u8, Rank, usize)> = None;
        let mut equals = 0; // the weights of those that are as good as the best, it included
        for (at, target, rank) in self.untried(tried) {
            let stands = standing(target);
            if stands.rests_ms.is_some() {
                continue;
            }
            let order = match best {
                None => std::cmp::Ordering::Less,
                Some((_, other, outstanding)) => (rank.priority.cmp(&other.priority))
                    .then_with(|| less_to_do((stands.outstanding, rank), (outstanding, other))),
            };
            let takes = match order {
                std::cmp::Ordering::Less => {
                    equals = rank.weight;
                    true
                }
                std::cmp::Ordering::Equal => {
                    equals += rank.weight;
                    random.u64(0..equals) < rank.weight
                }
                std::cmp::Ordering::Greater => false,
            };
            if takes {
                best = Some((at, rank, stands.outstanding));
            }
        }
        best.map(|(at, ..)| at)
    }

    /// Who wakes first, of those that are not among `tried`.
    #[must_use]
    pub fn wakes_first(&self, tried: u32, standing: impl Fn(&Target) -> Standing) -> Option<u8> {
        let sleepers = self.untried(tried).map(|(at, target, rank)| {
            let wakes = standing(target).rests_ms.unwrap_or(0);
            (wakes, rank.priority, at)
        });
        sleepers.min().map(|(.., at)| at)
    }

    fn untried(&self, tried: u32) -> impl Iterator<Item = (u8, &Target, Rank)> {
        let all = (0u8..).zip(self.targets.iter().zip(&self.ranks));
        all.filter(move |(at, _)| tried & (1 << at) == 0)
            .map(|(at, (target, rank))| (at, target, *rank))
    }
}

/// Compares outstanding work by weight, without dividing.
fn less_to_do(
    (one, of_one): (usize, Rank),
    (other, of_other): (usize, Rank),
) -> std::cmp::Ordering {
    let one = one as u64 * of_other.weight;
    one.cmp(&(other as u64 * of_one.weight))
}

#[cfg(test)]
mod tests;
