//! Results of threads: from the piece of work to whoever waits for it.

use super::work::{WorkOwner, WorkResult};
use super::{Engine, Failure, GenerationId, WorkId};

impl Engine {
    pub(crate) fn work_done(&mut self, id: WorkId, result: WorkResult) {
        if result == WorkResult::Panicked {
            self.counters.panics += 1;
        }
        match self.works.finish(id) {
            Some(WorkOwner::Exchange(id)) => self.exchange_work_done(id, result),
            Some(WorkOwner::Generation(id)) => self.generation_work_done(id, result),
            Some(WorkOwner::House) => self.house_work_done(result),
            Some(WorkOwner::Rescore(tenant, id)) => self.rescored(&tenant, id, result),
            Some(WorkOwner::Nobody) => self.unwatched_done(&result),
            None => self.counters.stale += 1,
        }
    }

    pub(crate) fn generation_work_done(&mut self, id: GenerationId, result: WorkResult) {
        match result {
            WorkResult::Scored(scores) => self.scored(id, scores),
            WorkResult::Written(Ok(_)) => self.saved(id, Ok(())),
            WorkResult::Written(Err(error)) => self.saved(id, Err(Failure::Store(error))),
            WorkResult::Panicked => self.generation_work_panicked(id),
            _ => self.saved(id, Err(Failure::Internal("a result of another kind"))),
        }
    }
}
