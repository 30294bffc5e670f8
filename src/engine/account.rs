//! Accounts: where the time of a text's calls has gone, for the rows of its requests.
//!
//! ```text
//!  Waiting ──► queue       Queued ──► connect       AwaitingAnswer ──► first byte ──► Receiving
//!                                                        │                                │
//!                            BackOff ──► lost ◄──────────┴──(the attempt has failed)──────┘
//! ```
//! The states of a call end with one reading of the clock each (`Engine::enter_call`), so what is
//! added here adds up to the time from the first turn asked for to the end of the last call. All
//! attempts count for what was waited for; what an attempt did that failed is lost time, and the
//! first byte is that of the attempt that was not lost.

use std::borrow::Cow;

use super::Engine;
use super::generation::{Generation, Outcome};
use super::now::Mono;
use super::policy::price::{self, units};
use super::slots::{CallId, GenerationId};
use super::trace::State;
use crate::dialect::{JsonStr, Usage};
use crate::store::{Calls, RequestRow};

/// Characters of a provider's word for why it stopped.
const FINISH_CHARS: usize = 64;

/// Where the time of a text's calls has gone, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// In line for a turn.
    queue: u64,
    /// Waiting for a connection.
    connect: u64,
    /// In attempts that failed, and between them.
    lost: u64,
    /// In this attempt: from the request to the head of the answer.
    first_byte: u64,
    /// In this attempt: from the head on.
    answer: u64,
    /// Whether this attempt has the head.
    has_head: bool,
    /// When the first content came.
    pub first_content: Option<Mono>,
}

impl Account {
    /// A call was in `state` for so long, and is in `next` from now on.
    pub fn spend(&mut self, state: State, next: State, nanos: u64) {
        self.end(state, nanos);
        match next {
            State::Receiving => self.has_head = true,
            // Whoever has to begin anew has done for nothing what was done.
            State::Waiting | State::Queued | State::BackOff => {
                self.lost += self.first_byte + self.answer;
                (self.first_byte, self.answer, self.has_head) = (0, 0, false);
                self.first_content = None;
            }
            _ => {}
        }
    }

    /// Another call answers instead, and is in `state`: what was done was done for nothing.
    pub fn begin_anew(&mut self, state: State) {
        self.spend(State::Queued, State::Queued, 0);
        self.has_head = state == State::Receiving;
    }

    /// A call was in `state` for so long, and that was its end.
    pub fn end(&mut self, state: State, nanos: u64) {
        match state {
            State::Waiting => self.queue += nanos,
            State::Queued => self.connect += nanos,
            State::AwaitingAnswer => self.first_byte += nanos,
            State::Receiving | State::Offline => self.answer += nanos,
            State::BackOff => self.lost += nanos,
            _ => {}
        }
    }
}

/// A provider's word for why it stopped. The usual ones cost no memory.
#[must_use]
pub fn native_finish(word: JsonStr<'_>) -> Cow<'static, str> {
    if let Some(usual) = USUAL.iter().find(|usual| **usual == word.escaped()) {
        return Cow::Borrowed(*usual);
    }
    let mut native = String::new();
    word.append_to(&mut native);
    Cow::Owned(native.chars().take(FINISH_CHARS).collect())
}

/// What providers usually say.
const USUAL: [&str; 12] = [
    "stop",
    "length",
    "tool_calls",
    "content_filter",
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "refusal",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
];

/// What several texts have come to, for the row of a request that asked for all of them. Their
/// phases overlap, so only the first content of all says something about time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    usage: Usage,
    cost_nanos: Option<u64>,
    attempts: u32,
    first_content: Option<Mono>,
}

impl Sum {
    /// Adds a text that has ended and cost so much.
    pub(super) fn add(&mut self, text: &Outcome, cost_nanos: Option<u64>) {
        let add = |sum: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        };
        let (sum, more) = (&mut self.usage, &text.usage);
        add(&mut sum.prompt_tokens, more.prompt_tokens);
        add(&mut sum.completion_tokens, more.completion_tokens);
        add(&mut sum.cached_tokens, more.cached_tokens);
        add(&mut sum.reasoning_tokens, more.reasoning_tokens);
        add(&mut self.cost_nanos, cost_nanos);
        self.attempts += text.attempts;
        let first = [self.first_content, text.account.first_content];
        self.first_content = first.into_iter().flatten().min();
    }

    /// Puts the sum into the row of a request that began at `started`.
    pub(super) fn enter(&self, row: &mut RequestRow, started: Mono) {
        row.prompt_tokens = self.usage.prompt_tokens;
        row.completion_tokens = self.usage.completion_tokens;
        row.calls.cached_tokens = self.usage.cached_tokens;
        row.calls.reasoning_tokens = self.usage.reasoning_tokens;
        row.calls.cost = self.cost_nanos.map(units);
        row.calls.attempts = self.attempts;
        row.calls.first_content_us = self.first_content.map(|at| at.since(started) / 1_000);
    }
}

impl Engine {
    /// The first content of a text has come.
    pub(super) fn note_first_content(&mut self, id: GenerationId) {
        let now = self.now.mono;
        let Some(generation) = self.generations.get(id) else {
            return;
        };
        if generation.result.account.first_content.is_some() {
            return;
        }
        let account = self.account(generation);
        let nanos = account.first_byte + account.answer;
        let provider = generation.target().provider;
        self.gates[usize::from(provider)].used.first_content(nanos);
        if let Some(generation) = self.generations.get_mut(id) {
            generation.result.account.first_content = Some(now);
        }
    }

    /// A text has ended: what its calls came to is counted, once.
    pub(super) fn count_usage(&mut self, id: GenerationId) {
        if let Some(generation) = self.generations.get(id) {
            let cost = self.cost_nanos(generation);
            let provider = usize::from(generation.target().provider);
            let used = &mut self.gates[provider].used;
            used.text(&generation.result.usage, cost);
        }
    }

    /// What the tokens of a text cost; `None` without a price, or without a count.
    pub(super) fn cost_nanos(&self, generation: &Generation) -> Option<u64> {
        let target = generation.target();
        let prices = self
            .config
            .prices_of(&target.provider_name, &target.model)?;
        price::cost_nanos(&generation.result.usage, prices)
    }

    /// The account of a text as it stands now, what its call is at included.
    fn account(&self, generation: &Generation) -> Account {
        let mut account = generation.result.account;
        if let Some(call) = generation.call.and_then(|call| self.calls.get(call)) {
            account.end(call.state, self.now.mono.since(call.since));
        }
        account
    }

    /// Puts what is known of a text's calls into the row of a request that began at `started`.
    pub(super) fn enter_calls(&self, row: &mut RequestRow, generation: &Generation, started: Mono) {
        let result = &generation.result;
        let account = self.account(generation);
        let us = |nanos: u64| Some(nanos / 1_000);
        let target = generation.target();
        row.provider = Some(target.provider_name.to_string());
        row.model = Some(target.model.to_string());
        row.prompt_tokens = result.usage.prompt_tokens;
        row.completion_tokens = result.usage.completion_tokens;
        let asked = generation.plan.asked.as_deref();
        let asked = asked.filter(|asked| *asked != &*target.model);
        row.calls = Calls {
            asked_model: asked.map(str::to_owned),
            key_name: self.key_name(generation).map(ToString::to_string),
            attempts: result.attempts,
            finish_reason: result.finish.map(|finish| finish.as_str().into()),
            native_finish_reason: result.native.clone(),
            cached_tokens: result.usage.cached_tokens,
            reasoning_tokens: result.usage.reasoning_tokens,
            cost: self.cost_nanos(generation).map(units),
            queue_us: us(account.queue),
            connect_us: us(account.connect),
            lost_us: us(account.lost),
            first_byte_us: account.has_head.then_some(account.first_byte / 1_000),
            first_content_us: account.first_content.map(|at| at.since(started) / 1_000),
        };
    }

    /// A call has left its state for `next`; `None`: it has ended.
    pub(super) fn spend(&mut self, id: CallId, state: State, next: Option<State>, nanos: u64) {
        let generation = self.calls.get(id).map(|call| call.generation);
        let generation = generation.and_then(|id| self.generations.get_mut(id));
        // The time of a hedge is that of the call beside it.
        let Some(generation) = generation.filter(|text| text.hedge != Some(id)) else {
            return;
        };
        let account = &mut generation.result.account;
        match next {
            Some(next) => account.spend(state, next, nanos),
            None => account.end(state, nanos),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{AwaitingAnswer, BackOff, Queued, Receiving, Waiting};

    fn account(steps: &[(State, State, u64)], last: (State, u64)) -> Account {
        let mut account = Account::default();
        for (state, next, nanos) in steps {
            account.spend(*state, *next, *nanos);
        }
        account.end(last.0, last.1);
        account
    }

    #[test]
    fn a_call_that_goes_well() {
        let steps = [
            (Waiting, Queued, 5),
            (Queued, AwaitingAnswer, 7),
            (AwaitingAnswer, Receiving, 11),
        ];
        let account = account(&steps, (Receiving, 13));
        let spent = (account.queue, account.connect, account.first_byte);
        assert_eq!(spent, (5, 7, 11));
        assert_eq!(
            (account.lost, account.answer, account.has_head),
            (0, 13, true)
        );
    }

    #[test]
    fn what_a_failed_attempt_did_is_lost_and_what_it_waited_for_counts() {
        let steps = [
            (Waiting, Queued, 1),
            (Queued, AwaitingAnswer, 2),
            (AwaitingAnswer, Receiving, 4),
            (Receiving, BackOff, 8),
            (BackOff, Waiting, 16),
            (Waiting, Queued, 32),
            (Queued, AwaitingAnswer, 64),
        ];
        let account = account(&steps, (AwaitingAnswer, 128));
        assert_eq!((account.queue, account.connect), (33, 66));
        assert_eq!(account.lost, 4 + 8 + 16);
        assert_eq!((account.first_byte, account.has_head), (128, false));
    }
}
