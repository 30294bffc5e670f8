//! Keys at work: a call takes one with its turn, and what its provider says against the key is the
//! key's business and not the provider's.
//!
//! Which one is taken and how long one rests is in `policy/keys.rs`.

use std::sync::Arc;

use super::generation::Generation;
use super::policy::keys::Why;
use super::slots::CallId;
use super::{Engine, Failure, failure::Upstream};
use crate::dialect::Reach;

impl Engine {
    /// A call has its turn: it takes a key, if its provider has any.
    pub(super) fn take_key(&mut self, id: CallId) {
        let now = self.now.mono;
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Some(generation) = self.generations.get_mut(call.generation) else {
            return;
        };
        let model = generation.model_at(call.at);
        call.key = self.gates[call.provider as usize].keys.take(now, model);
        if generation.hedge != Some(id) {
            generation.result.key = call.key;
        }
    }

    /// The model that a call asks for.
    pub(super) fn model_of(&self, id: CallId) -> Option<Arc<str>> {
        let call = self.calls.get(id)?;
        let generation = self.generations.get(call.generation)?;
        Some(Arc::clone(generation.model_at(call.at)))
    }

    /// What a failed call says about its key. Whether the same provider is to be asked again at
    /// once, with another key.
    pub(super) fn blame_key(&mut self, id: CallId, failure: &Failure) -> bool {
        let now = self.now.mono;
        let Failure::Upstream(upstream) = failure else {
            return false;
        };
        let (why, reach) = match upstream {
            Upstream::Key => (Why::Refused, Reach::Account),
            Upstream::Quota(reach) => (Why::Refused, *reach),
            Upstream::RateLimited {
                retry_after_ms,
                reach,
            } => (Why::Limited(*retry_after_ms), *reach),
            _ => return false,
        };
        let Some((at, provider)) = self.calls.get(id).and_then(|c| Some((c.key?, c.provider)))
        else {
            return false;
        };
        let Some(model) = self.model_of(id) else {
            return false;
        };
        let keys = &mut self.gates[provider as usize].keys;
        let of = (reach == Reach::Model).then_some(&model);
        let rests = keys.rest(at, now, of, why).is_some();
        let Some(call) = self.calls.get_mut(id) else {
            return false;
        };
        // Each key once: one that rests for a millisecond is awake again before the next is refused.
        call.keys_tried = call.keys_tried.saturating_add(1);
        rests && keys.has_awake(now, &model) && usize::from(call.keys_tried) < keys.iter().len()
    }

    /// The key of a call that has gone well is in order.
    pub(super) fn praise_key(&mut self, id: CallId) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        if let (Some(at), Some(generation)) = (call.key, self.generations.get(call.generation)) {
            let model = generation.model_at(call.at);
            self.gates[call.provider as usize].keys.wake(at, model);
        }
    }

    /// The name of the key with which a text was asked for last, if its provider has keys.
    pub(super) fn key_name(&self, generation: &Generation) -> Option<&Arc<str>> {
        let gate = &self.gates[usize::from(generation.target().provider)];
        gate.keys.name(generation.result.key?)
    }
}
