//! What threads do: most end as they should, some fail, and some take their time.

use maitred::engine::work::{Work, WorkResult};
use maitred::store::journal::Ask;
use maitred::store::{StoreError, Write};

use super::play::Play;

impl Play {
    pub(super) fn a_thread_ends(&mut self) {
        // A stalled one goes on some day.
        if self.chance.u8(0..16) == 0 {
            self.stalled.pop_first();
        }
        let jobs = &self.world.jobs;
        let awake = (0..jobs.len()).filter(|at| !self.stalled.contains(&jobs[*at].0));
        let awake: Vec<usize> = awake.collect();
        let Some(at) = self.pick(&awake) else {
            return;
        };
        let trouble = self
            .trouble
            .is_some_and(|one_in| self.chance.u8(0..one_in) == 0);
        if !trouble {
            let kind = self.world.jobs[at].1.kind();
            self.tell(&format!("a thread ends: {kind:?}"));
            self.world.work(at);
        } else if self.chance.bool() {
            let (id, work) = &self.world.jobs[at];
            self.stalled.insert(*id);
            self.tell(&format!("a thread stalls: {:?}", work.kind()));
        } else {
            self.a_thread_fails(at);
        }
    }

    fn a_thread_fails(&mut self, at: usize) {
        let path = || "maitred.db".into();
        let error = match self.chance.u8(0..3) {
            0 => StoreError::Full { path: path() },
            1 => StoreError::Busy { path: path() },
            _ => StoreError::Corrupt { path: path() },
        };
        let panics = self.chance.bool();
        let spills = match &self.world.jobs[at].1 {
            Work::Write(write) => write.may_wait(),
            _ => false,
        };
        if spills && self.chance.bool() {
            self.tell("the store gives rows back");
            return self.world.return_work(at, error);
        }
        let result = match &self.world.jobs[at].1 {
            // They wait in the journal.
            Work::Write(write) if matches!(**write, Write::Replay(_)) => {
                WorkResult::Written(Err(error))
            }
            Work::Journal(ask) => {
                if let Ask::Keep { write, .. } = ask {
                    self.books.note_lost(write);
                }
                WorkResult::Journal(Err(StoreError::Journal {
                    path: path(),
                    reason: "a fault on purpose".to_owned(),
                }))
            }
            Work::Write(write) => {
                self.books.note_lost(write);
                WorkResult::Written(Err(error))
            }
            Work::Read(_) => WorkResult::Found(Err(error)),
            Work::Parse { .. }
            | Work::Embeddings { .. }
            | Work::Stretch(_)
            | Work::Score { .. }
            | Work::Finish(_)
            | Work::Keywords { .. }
            | Work::Import { .. }
            | Work::Count(_) => WorkResult::Panicked,
        };
        let result = if panics { WorkResult::Panicked } else { result };
        self.tell(&format!("a thread fails: {result:?}"));
        self.world.fail_work(at, result);
    }
}
