//! Idempotency keys in memory, as both databases have them.

use std::collections::BTreeMap;

use maitred::limits::KEY_LEASE_MS;
use maitred::store::{Answer, Claimed, KeptAnswer, KeyChange, KeyScope, Written};
use uuid::Uuid;

/// All keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys(pub(crate) BTreeMap<KeyScope, Row>);

/// What is known of one.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    fingerprint: [u8; 32],
    owner: Uuid,
    until_ms: i64,
    text: Option<Uuid>,
    pub(crate) answer: Option<Answer>,
}

impl Keys {
    pub(super) fn change(&mut self, change: KeyChange) -> Written {
        match change {
            KeyChange::Claim {
                scope,
                fingerprint,
                owner,
                now_ms,
            } => return Written::Claimed(self.claim(scope, fingerprint, owner, now_ms)),
            KeyChange::Renew { held, now_ms } => {
                for (scope, owner) in held {
                    let row = self.0.get_mut(&scope);
                    if let Some(row) = row.filter(|row| row.owner == owner && row.answer.is_none())
                    {
                        row.until_ms = now_ms + KEY_LEASE_MS as i64;
                    }
                }
            }
            KeyChange::Free { scope, owner } => {
                let row = self.0.get(&scope);
                if row.is_some_and(|row| row.owner == owner && row.answer.is_none()) {
                    self.0.remove(&scope);
                }
            }
            KeyChange::Sweep { now_ms } => self.0.retain(|_, row| row.until_ms > now_ms),
        }
        Written::Keys
    }

    fn claim(
        &mut self,
        scope: KeyScope,
        fingerprint: [u8; 32],
        owner: Uuid,
        now_ms: i64,
    ) -> Claimed {
        let new = Row {
            fingerprint,
            owner,
            until_ms: now_ms + KEY_LEASE_MS as i64,
            text: None,
            answer: None,
        };
        let row = self.0.entry(scope).or_insert_with(|| new.clone());
        if row.until_ms <= now_ms || (row.owner == owner && row.answer.is_none()) {
            *row = new;
        }
        match &row.answer {
            _ if row.fingerprint != fingerprint => Claimed::Reused,
            Some(_) => Claimed::Answered,
            None if row.owner == owner => Claimed::Yours,
            None => Claimed::Busy,
        }
    }

    pub(super) fn keep(&mut self, kept: KeptAnswer) {
        let row = self.0.entry(kept.scope).or_insert(Row {
            fingerprint: kept.fingerprint,
            owner: kept.owner,
            until_ms: kept.until_ms,
            text: None,
            answer: None,
        });
        if row.owner == kept.owner && row.answer.is_none() {
            (row.until_ms, row.text) = (kept.until_ms, kept.text);
            row.answer = Some(kept.answer);
        }
    }

    pub(super) fn forget_text(&mut self, id: Uuid) {
        self.0.retain(|_, row| row.text != Some(id));
    }

    pub(super) fn read(&self, scope: &KeyScope) -> Option<Box<Answer>> {
        self.0.get(scope)?.answer.clone().map(Box::new)
    }
}
