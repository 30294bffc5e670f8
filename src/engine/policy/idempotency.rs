//! Idempotency keys in use: who answers, and who waits for the answer of the first.
//!
//! ```text
//!            ask: nobody has it                      the answer is on disk
//!   (free) ──────────────────────► taken ──────────────────────────────────► (free)
//!      ▲                           │   ▲  all who wait are given it
//!      │          its holder fails │   │ the next one asks
//!      └──────(nobody waits)───── vacant
//! ```
//! Only this process is here. Whether another one has the key is asked of the store each time that
//! somebody takes it; an heir takes it by the name of who had it before, and so need not wait for the
//! store to hear that it was given up.
//!
//! It knows no requests but by their ids, and no clock.

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

use crate::engine::slots::ExchangeId;
use crate::engine::timers::Timer;
use crate::limits::KEY_WAITERS;
use crate::store::KeyScope;

/// All keys in use.
#[derive(Debug, Default)]
pub struct Keys {
    guards: BTreeMap<KeyScope, Guard>,
    /// When they are to be renewed.
    pub timer: Timer,
}

#[derive(Debug)]
struct Guard {
    fingerprint: [u8; 32],
    /// By which name the store knows who has it.
    owner: Uuid,
    /// Whether somebody answers, or is asking the store whether to.
    is_taken: bool,
    /// Equal requests, in the order in which they came.
    waiting: VecDeque<ExchangeId>,
}

/// What somebody who asks for a key is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Claim it in the store, by this name.
    Claim(Uuid),
    /// Wait for the first one.
    Wait,
    /// Too many wait.
    Crowded,
    /// Another request has it.
    Reused,
}

/// What becomes of a key that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The next one is to ask for it.
    Next(ExchangeId),
    /// Nobody wants it: the store may forget this owner.
    Nobody(Uuid),
    /// Somebody has it, or it is not in use.
    Kept,
}

impl Keys {
    /// `id` asks for a key. `fresh` is its name in the store if nobody has the key here.
    pub fn ask(
        &mut self,
        scope: &KeyScope,
        fingerprint: [u8; 32],
        id: ExchangeId,
        fresh: Uuid,
    ) -> Turn {
        let guard = self.guards.entry(scope.clone()).or_insert_with(|| Guard {
            fingerprint,
            owner: fresh,
            is_taken: false,
            waiting: VecDeque::new(),
        });
        if guard.fingerprint != fingerprint {
            return Turn::Reused;
        }
        guard.waiting.retain(|other| *other != id);
        if !guard.is_taken {
            guard.is_taken = true;
            return Turn::Claim(guard.owner);
        }
        if guard.waiting.len() >= KEY_WAITERS {
            return Turn::Crowded;
        }
        guard.waiting.push_back(id);
        Turn::Wait
    }

    /// Its holder gives no answer that could be kept.
    pub fn give_up(&mut self, scope: &KeyScope) -> Left {
        if let Some(guard) = self.guards.get_mut(scope) {
            guard.is_taken = false;
        }
        self.after(scope)
    }

    /// Nobody knows yet whether its holder's answer is kept. Whoever is next asks by another name, so that
    /// the store says whose the key is: by the same name it would be told that nobody was answered, and
    /// the answer would still come.
    pub fn doubt(&mut self, scope: &KeyScope, fresh: Uuid) -> Left {
        if let Some(guard) = self.guards.get_mut(scope) {
            guard.owner = fresh;
        }
        self.give_up(scope)
    }

    /// `id` waits no more.
    pub fn leave(&mut self, scope: &KeyScope, id: ExchangeId) -> Left {
        if let Some(guard) = self.guards.get_mut(scope) {
            guard.waiting.retain(|other| *other != id);
        }
        self.after(scope)
    }

    fn after(&mut self, scope: &KeyScope) -> Left {
        match self.guards.get(scope) {
            Some(guard) if !guard.is_taken => match guard.waiting.front() {
                Some(next) => Left::Next(*next),
                None => {
                    let owner = guard.owner;
                    self.guards.remove(scope);
                    Left::Nobody(owner)
                }
            },
            _ => Left::Kept,
        }
    }

    /// The store knows what becomes of it. Returns who has waited.
    pub fn end(&mut self, scope: &KeyScope) -> VecDeque<ExchangeId> {
        self.guards
            .remove(scope)
            .map_or_else(VecDeque::new, |guard| guard.waiting)
    }

    /// Those that are to be renewed in the store.
    #[must_use]
    pub fn held(&self) -> Vec<(KeyScope, Uuid)> {
        let held = self.guards.iter();
        held.map(|(scope, guard)| (scope.clone(), guard.owner))
            .collect()
    }

    /// How many are in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.guards.len()
    }

    /// Whether none is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.guards.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::slots::Key;

    fn scope() -> KeyScope {
        KeyScope {
            tenant: "t".into(),
            route: "/generate/".into(),
            key: "k".into(),
        }
    }

    fn who(index: u32) -> ExchangeId {
        Key { index, epoch: 0 }.into()
    }

    fn ask(keys: &mut Keys, index: u32) -> Turn {
        keys.ask(&scope(), [1; 32], who(index), Uuid::from_u128(index.into()))
    }

    #[test]
    fn the_next_in_line_inherits_the_name_and_the_last_one_frees_it() {
        let mut keys = Keys::default();
        assert_eq!(ask(&mut keys, 1), Turn::Claim(Uuid::from_u128(1)));
        assert_eq!(ask(&mut keys, 2), Turn::Wait);
        assert_eq!(keys.give_up(&scope()), Left::Next(who(2)));
        assert_eq!(ask(&mut keys, 2), Turn::Claim(Uuid::from_u128(1)));
        assert_eq!(keys.give_up(&scope()), Left::Nobody(Uuid::from_u128(1)));
        assert!(keys.is_empty());
    }

    #[test]
    fn whoever_follows_an_answer_that_may_still_come_has_another_name() {
        let mut keys = Keys::default();
        ask(&mut keys, 1);
        ask(&mut keys, 2);
        let fresh = Uuid::from_u128(99);
        assert_eq!(keys.doubt(&scope(), fresh), Left::Next(who(2)));
        assert_eq!(ask(&mut keys, 2), Turn::Claim(fresh));
    }

    #[test]
    fn who_leaves_the_line_of_a_vacant_key_passes_it_on() {
        let mut keys = Keys::default();
        for index in 1..=3 {
            ask(&mut keys, index);
        }
        assert_eq!(keys.leave(&scope(), who(3)), Left::Kept);
        ask(&mut keys, 3);
        assert_eq!(keys.give_up(&scope()), Left::Next(who(2)));
        assert_eq!(keys.leave(&scope(), who(2)), Left::Next(who(3)));
        assert_eq!(
            keys.leave(&scope(), who(3)),
            Left::Nobody(Uuid::from_u128(1))
        );
    }

    #[test]
    fn another_request_and_a_crowd_are_turned_away() {
        let mut keys = Keys::default();
        ask(&mut keys, 0);
        for index in 1..=KEY_WAITERS as u32 {
            assert_eq!(ask(&mut keys, index), Turn::Wait);
        }
        assert_eq!(ask(&mut keys, 99), Turn::Crowded);
        let other = keys.ask(&scope(), [2; 32], who(100), Uuid::nil());
        assert_eq!(other, Turn::Reused);
        assert_eq!(keys.end(&scope()).len(), KEY_WAITERS);
    }
}
