//! Hedging: a second call beside a slow first one. The first content wins, and the other call is
//! given up at once.
//!
//! ```text
//!  the call, no content ──(hedge_ms)──► the call ─────┐ content of one: it is the call from now on,
//!                                       its hedge ────┘ the other is aborted
//!                                         └─(one of them fails: the other goes on alone)
//! ```
//! Only streams are hedged, and each text once. Up to the first content nothing of either call is in
//! the text, so there is nothing to be taken back; what they say about their answers before it is
//! kept apart. What fails in the breath of its first content has none, and does not win. A hedge takes
//! from the retry budget of the provider that it goes to.

use super::Engine;
use super::call::Call;
use super::now::Mono;
use super::outcome::About;
use super::slots::{CallId, GenerationId};
use crate::dialect::{Event, Usage};

/// Whether an event is a piece of an answer, and not something about it.
pub(super) fn is_content(event: &Event<'_>) -> bool {
    match event {
        Event::Text(_)
        | Event::Refusal(_)
        | Event::Thinking(_)
        | Event::Signature(_)
        | Event::ToolCall { .. }
        | Event::Arguments { .. } => true,
        Event::Usage(_)
        | Event::Model(_)
        | Event::Finish { .. }
        | Event::Done
        | Event::Error(_) => false,
    }
}

impl Engine {
    /// A call that has no content yet is not given up, but asked of the next target as well.
    pub(super) fn hedge(&mut self, id: CallId) {
        let now = self.now.mono;
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        call.hedge_at = Mono::NEVER;
        let generation = call.generation;
        let Some(text) = self.generations.get(generation) else {
            return;
        };
        let tried = text.result.tries.asked;
        if text.hedge.is_some() || text.was_seen() {
            return;
        }
        let Some((at, provider)) = self.next_target(generation, tried) else {
            return;
        };
        let gate = &mut self.gates[usize::from(provider)];
        if !gate.budget.take(now) {
            gate.tally.broke += 1;
            return;
        }
        // Without a place for it there is no hedge, which is no failure of anything.
        let Ok(hedge) = self.calls.insert(Call::new(generation, at, provider, now)) else {
            return;
        };
        if let Some(text) = self.generations.get_mut(generation) {
            text.hedge = Some(hedge);
        }
        self.counters.hedges += 1;
        self.note_target(hedge);
        if self.knock(hedge).is_err() {
            self.abort_call(hedge);
        }
    }

    /// The first content of a call has come: if it is one of two, the other is given up.
    pub(super) fn win(&mut self, id: CallId) {
        let Some(generation) = self.calls.get(id).map(|call| call.generation) else {
            return;
        };
        let Some(text) = self.generations.get_mut(generation) else {
            return;
        };
        let Some(hedge) = text.hedge.take() else {
            return;
        };
        let is_hedge = hedge == id;
        let loser = if is_hedge {
            text.call.replace(id)
        } else {
            Some(hedge)
        };
        self.counters.hedges_won += u64::from(is_hedge);
        if let Some(loser) = loser {
            self.abort_call(loser);
        }
        self.answers_alone(generation, id, is_hedge);
    }

    /// One of two calls ends without content: the other goes on alone. `false` if it was alone.
    pub(super) fn leave_race(&mut self, id: CallId) -> bool {
        let Some(generation) = self.calls.get(id).map(|call| call.generation) else {
            return false;
        };
        let Some(text) = self.generations.get_mut(generation) else {
            return false;
        };
        let Some(hedge) = text.hedge.take() else {
            return false;
        };
        let is_hedge = hedge == id;
        let left = if is_hedge {
            text.call
        } else {
            text.call.replace(hedge);
            Some(hedge)
        };
        self.abort_call(id);
        if let Some(left) = left {
            self.answers_alone(generation, left, !is_hedge);
        }
        true
    }

    /// What one of two calls says about its answer before there is any: it is noted with the call.
    pub(super) fn note_aside(&mut self, id: CallId, about: About) {
        if let Some(call) = self.calls.get_mut(id) {
            call.aside.get_or_insert_default().add(about);
        }
    }

    /// Whether two calls are under way for the text of this one.
    pub(super) fn is_racing(&self, id: CallId) -> bool {
        let text = self.calls.get(id).map(|call| call.generation);
        let text = text.and_then(|text| self.generations.get(text));
        text.is_some_and(|text| text.hedge.is_some())
    }

    /// A call is the only one of its text from now on: what it has said of its answer counts.
    fn answers_alone(&mut self, id: GenerationId, call: CallId, was_hedge: bool) {
        let (Some(call), Some(text)) = (self.calls.get_mut(call), self.generations.get_mut(id))
        else {
            return;
        };
        let result = &mut text.result;
        if was_hedge {
            // What the other one has said about its answer. Its text is not begun.
            (result.usage, result.finish, result.native) = (Usage::default(), None, None);
            (result.at, result.key, result.model) = (call.at, call.key, None);
            result.account.begin_anew(call.state);
        }
        if let Some(aside) = call.aside.take() {
            result.learn(*aside);
        }
    }
}
