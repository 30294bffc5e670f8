//! Results of threads: from the piece of work to whoever waits for it. And what they say about the
//! store: while it takes no rows, no text is paid for that could not be kept.

use super::failure::Bound;
use super::work::{Kind, PassedOn, WorkOwner, WorkResult};
use super::{ConnId, Engine, Failure, GenerationId, Mono, WorkId};
use crate::limits::STORE_MS;
use crate::store::{StoreError, Write};

/// How often a store that takes no rows is tried again, by letting one request in.
const PROBE_MS: u64 = 1_000;

/// Rows can be kept nowhere: not by the store, and not by the journal.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    error: StoreError,
    probe_at: Mono,
}

impl Engine {
    pub(crate) fn work_done(&mut self, id: WorkId, result: WorkResult) {
        let Some(result) = self.after_detour(id, result) else {
            return;
        };
        let result = self.works.in_doubt(id, result);
        self.watch_store(id, &result);
        self.mind_deletions(&result);
        match result {
            WorkResult::PassedOn(passed) => return self.work_passed_on(id, passed),
            WorkResult::Rows(passed, write) => return self.rows_scored(id, passed, write),
            _ => {}
        }
        if result == WorkResult::Panicked {
            self.counters.panics += 1;
        }
        match self.works.finish(id) {
            Some(WorkOwner::Exchange(id)) => self.exchange_work_done(id, result),
            Some(WorkOwner::Generation(id)) => self.generation_work_done(id, result),
            Some(WorkOwner::Database(id)) => self.stretched(id, &result),
            Some(WorkOwner::House) => self.house_work_done(result),
            Some(WorkOwner::Retention) => self.retention_goes_on(result),
            Some(WorkOwner::Rescore(tenant, id)) => self.rescored(&tenant, id, result),
            Some(WorkOwner::Nobody) => self.unwatched_done(&result),
            Some(WorkOwner::Job(work)) => self.job_work_done(work, result),
            Some(WorkOwner::Hook(work)) => self.hook_work_done(work, result),
            Some(WorkOwner::Counters) => self.counted(result),
            Some(WorkOwner::Sweeper) => self.counters_swept(&result),
            Some(WorkOwner::Keys) => {}
            Some(WorkOwner::Spill) => {} // was taken in above
            None => self.counters.stale += 1,
        }
    }

    /// The first of two results: the rows are with the writer.
    fn work_passed_on(&mut self, id: WorkId, passed: PassedOn) {
        match self.works.passed_on(id) {
            Some(WorkOwner::Generation(id)) => self.passed_on(id, passed),
            Some(WorkOwner::Rescore(tenant, uuid)) => {
                self.works.cancel(id);
                self.rescored(&tenant, uuid, WorkResult::PassedOn(passed));
            }
            _ => self.counters.stale += 1,
        }
    }

    /// A scorer is done with a text, and the database is ours to talk to. Nobody has withdrawn it, or
    /// its rows are there already.
    fn rows_scored(&mut self, id: WorkId, passed: PassedOn, write: Box<Write>) {
        if let Some(WorkOwner::Rescore(tenant, uuid)) = self.works.owner(id).cloned() {
            self.works.finish(id);
            return self.rescored(&tenant, uuid, WorkResult::PassedOn(passed));
        }
        match self.works.passed_on(id) {
            Some(WorkOwner::Generation(text)) => {
                self.passed_on(text, passed);
                self.order_rows(id, write);
            }
            Some(_) => self.order_rows(id, write),
            None => self.counters.stale += 1,
        }
    }

    fn stretched(&mut self, id: ConnId, result: &WorkResult) {
        match result {
            WorkResult::Stretched(key) => self.password_stretched(id, key),
            _ => self.database_ended(id),
        }
    }

    fn generation_work_done(&mut self, id: GenerationId, result: WorkResult) {
        match result {
            WorkResult::Scored(scores) => self.scored(id, scores),
            WorkResult::Written(Ok(_)) => self.saved(id, Ok(())),
            WorkResult::Written(Err(error)) => {
                self.counters.rows_lost += 1;
                self.saved(id, Err(Failure::Store(error)));
            }
            WorkResult::Embeddings(read) => self.embedded(id, read),
            WorkResult::Panicked => self.generation_work_panicked(id),
            _ => self.saved(id, Err(Failure::Internal("a result of another kind"))),
        }
    }

    /// Remembers whether rows can be kept. A lock of another process passes by itself and is no reason
    /// to turn requests away; neither is that nobody knows what has become of one piece, nor what cannot
    /// wait in the journal (a job, an import, a deletion, a key), as long as rows can.
    fn watch_store(&mut self, id: WorkId, result: &WorkResult) {
        match result {
            WorkResult::Written(Ok(_)) => {
                self.store_trouble = None;
                self.last_commit = self.now.mono;
            }
            WorkResult::Written(Err(StoreError::Busy { .. } | StoreError::Unknown)) => {}
            WorkResult::Written(Err(_)) if self.spill.keeps() && !self.works.adds_rows(id) => {}
            WorkResult::Written(Err(error)) => {
                self.store_trouble = Some(Trouble {
                    error: error.clone(),
                    probe_at: self.now.mono.plus_ms(PROBE_MS),
                });
            }
            _ => {}
        }
    }

    /// Whether a request may be let in whose result has to be stored.
    pub(super) fn admit_rows(&mut self) -> Result<(), Failure> {
        if !self.works.has_room(Kind::Write) {
            self.counters.full(Kind::Write);
            return Err(Failure::Full(Bound::Store));
        }
        if let Some(error) = self.database_refuses()
            && !self.spill.keeps()
        {
            return Err(Failure::Store(error.clone()));
        }
        self.admit_spill().map_err(Failure::Store)?;
        let now = self.now.mono;
        match &mut self.store_trouble {
            Some(trouble) if now < trouble.probe_at => Err(Failure::Store(trouble.error.clone())),
            Some(trouble) => {
                trouble.probe_at = now.plus_ms(PROBE_MS);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Until when a text waits for its rows to be written, at least: a store that writes others is
    /// not silent, it is behind, and takes everything in its turn.
    pub(super) fn store_deadline(&self) -> Mono {
        self.last_commit.plus_ms(STORE_MS)
    }

    /// Whether a request would be let in now, as far as it depends on what became of the last rows. It
    /// would be after a while whatever became of them, or nobody would ever find out.
    pub(super) fn store_takes_rows(&self) -> bool {
        let now = self.now.mono;
        self.store_trouble
            .as_ref()
            .is_none_or(|trouble| trouble.probe_at <= now)
    }
}
