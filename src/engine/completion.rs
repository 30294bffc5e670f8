//! From the last word of a text to its verdict: it is scored, and its rows are written.
//!
//! Usually that is one piece of work ([`super::work::Finish`]), which goes from a scorer to the
//! writer by itself. What has no scores, or cannot have them in time, is written from here.
//!
//! ```text
//!  complete ─► Scoring ──(a scorer has passed it on)──────────► Saving ─(commit)─► Finished
//!                 └─(too late, or the scorer panicked)─► written ─┘
//!  truncated, or keywords ─────────────────────────────► written ─┘
//! ```
//! Rows that are not committed in time go to the journal, if they may.

use std::sync::Arc;

use super::flow::generate::Event;
use super::generation::{GenerationWait, Phase};
use super::idempotency::Fate;
use super::keywords::Purpose;
use super::now::Mono;
use super::slots::{GenerationId, WorkId};
use super::timers::Owner;
use super::trace::State;
use super::work::{Kind, PassedOn, Work, WorkOwner};
use super::{Engine, Failure, failure::Upstream};
use crate::limits::STORE_MS;
use crate::score::Scores;
use crate::store::TextState;

impl Engine {
    /// The call has its answer, and the provider said that it is complete.
    pub(super) fn complete_generation(&mut self, id: GenerationId) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        generation.call = None;
        if generation.is_chat() {
            return self.complete_chat(id);
        }
        let text = Arc::make_mut(&mut generation.text);
        text.truncate(text.trim_end().len());
        if text.is_empty() {
            return self.fail_generation(id, Upstream::Empty.into());
        }
        text.shrink_to_fit();
        if let Purpose::Keywords(limit) = generation.plan.purpose {
            return self.complete_keywords(id, limit);
        }
        generation.phase = Phase::Scoring;
        self.forget_prompt(id);
        self.promise_text(id);
        self.score_generation(id);
    }

    /// The text is complete: a scorer is to have it, and its rows.
    pub(super) fn score_generation(&mut self, id: GenerationId) {
        self.count_usage(id);
        for exchange in self.subscribers(id) {
            self.enter(exchange, State::Scoring);
        }
        self.settle_generation(id);
        match self.works.submit_finish(id) {
            Some(work) => {
                let until = self.now.mono.plus_ms(self.config.limits.score_ms);
                self.watch_work(id, work, GenerationWait::Score, until);
            }
            None => self.scored(id, None),
        }
    }

    /// A scorer has handed the rows to the writer.
    pub(super) fn passed_on(&mut self, id: GenerationId, passed: PassedOn) {
        for exchange in self.subscribers(id) {
            self.enter(exchange, State::Saving);
        }
        let until = self.now.mono.plus_ms(STORE_MS);
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        generation.phase = Phase::Saving;
        generation.rows = Vec::new(); // they are among those that were passed on
        generation.result.scores = passed.scores;
        // A chat has its document already: it does not wait for its scores.
        if let Some(document) = passed.document {
            generation.result.document = Some(Arc::new(document.into_bytes()));
        }
        generation.wait = GenerationWait::Save;
        self.wait_on(id, until);
        self.settle_generation(id);
    }

    /// The scores are there, or will not be, and the rows are still to be written.
    pub(super) fn scored(&mut self, id: GenerationId, scores: Option<Scores>) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        generation.work = None;
        generation.result.scores = scores.map(Box::new);
        self.save_generation(id, TextState::Complete);
    }

    /// The commit has succeeded, or not.
    pub(super) fn saved(&mut self, id: GenerationId, result: Result<(), Failure>) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        generation.work = None;
        generation.result.stored = result.is_ok();
        self.promises_kept(id, Fate::of(&result));
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        if generation.is_chat() {
            return self.chat_saved(id);
        }
        if generation.result.verdict.is_none() {
            generation.result.verdict = Some(result.clone());
            self.errand_ended(id, &result);
            self.keep_for_replay(id);
            self.tell(id, &Event::Verdict(result));
        } else {
            self.keep_for_replay(id);
        }
        self.forget_read(id);
    }

    /// The text does not wait for its scores. If a scorer has it, they are written when they come;
    /// if not, it gives its place in the queue up, which it was promised only for this long, and the
    /// house finds it later.
    pub(super) fn scores_are_late(&mut self, id: GenerationId) {
        let at = self.store_deadline();
        // Where the scorers themselves wait for the store, so does it: to be scored later would be
        // one more write.
        if self.works.is_full(Kind::Write) && at > self.now.mono {
            return self.wait_on(id, at);
        }
        if let Some(generation) = self.generations.get_mut(id)
            && let Some(work) = generation.work.take()
        {
            if self.works.is_running(work) {
                let owner = WorkOwner::Rescore(super::TENANT.into(), generation.id);
                self.works.withdraw(work, owner);
            } else {
                self.works.cancel(work);
            }
        }
        self.counters.scores_late += 1;
        self.scored(id, None);
    }

    /// Its rows are not written yet. Those that can wait in the journal go there.
    pub(super) fn store_is_late(&mut self, id: GenerationId) {
        let at = self.store_deadline();
        if at > self.now.mono {
            return self.wait_on(id, at);
        }
        let work = self.generations.get(id).and_then(|text| text.work);
        if let Some(at) = work.and_then(|work| self.late_rows_wait(work)) {
            return self.wait_on(id, at);
        }
        if let Some(generation) = self.generations.get_mut(id)
            && let Some(work) = generation.work.take()
        {
            self.works.cancel(work);
        }
        self.saved(id, Err(Failure::StoreTimeout));
    }

    fn wait_on(&mut self, id: GenerationId, until: Mono) {
        if let Some(generation) = self.generations.get_mut(id) {
            self.timers
                .set(Owner::Generation(id), &mut generation.timer, until);
        }
    }

    /// Waits for `work` until `until`.
    pub(super) fn watch_work(
        &mut self,
        id: GenerationId,
        work: WorkId,
        wait: GenerationWait,
        until: Mono,
    ) {
        if let Some(generation) = self.generations.get_mut(id) {
            generation.work = Some(work);
            generation.wait = wait;
            self.timers
                .set(Owner::Generation(id), &mut generation.timer, until);
        }
    }

    /// Queues the transaction with everything that is known.
    pub(super) fn save_generation(&mut self, id: GenerationId, state: TextState) {
        let Some(write) = self.rows_of(id, state) else {
            return self.saved(id, Ok(()));
        };
        for exchange in self.subscribers(id) {
            self.enter(exchange, State::Saving);
        }
        if let Some(generation) = self.generations.get_mut(id) {
            generation.phase = Phase::Saving;
        }
        let work = Work::Write(Box::new(write));
        match self.works.submit(WorkOwner::Generation(id), work) {
            Some(work) => {
                let until = self.now.mono.plus_ms(STORE_MS);
                self.watch_work(id, work, GenerationWait::Save, until);
            }
            None => {
                self.counters.rows_lost += 1;
                self.saved(
                    id,
                    Err(Failure::Internal("no place was reserved for a row")),
                );
            }
        }
    }
}
