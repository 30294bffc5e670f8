//! The threads of the world: a piece of work is done, given back, or ends in another way, when a test says so.

use maitred::engine::WorkId;
use maitred::engine::io::Input;
use maitred::engine::work::{Finish, Work, WorkResult};
use maitred::score::score;
use maitred::store::journal::Ask;
use maitred::store::{StoreError, Write};

use super::{World, store};

impl World {
    /// A thread does piece `at` as it should.
    pub(crate) fn work(&mut self, at: usize) {
        let (id, work) = self.jobs.remove(at);
        let result = match work.compute() {
            Ok(result) => result,
            Err(work) => match work {
                Work::Finish(finish) => return self.finish_text(at, id, *finish),
                Work::Read(query) => WorkResult::Found(Ok(self.store.query(&query))),
                Work::Write(write) => WorkResult::Written(Ok(self.store.write(*write))),
                Work::Count(_) => panic!("no thread counts for others"),
                Work::Journal(ask) => {
                    if let Ask::Keep { write, .. } = &ask {
                        self.kept.extend(store::id_of(write));
                    }
                    let answer = self.journal.answer(ask);
                    WorkResult::Journal(Ok(answer.expect("a disk that does not fail")))
                }
                other => panic!("somebody does nothing with {other:?}"),
            },
        };
        self.feed(Input::Done(id, result));
    }

    /// The writer finds the store locked, and gives the rows of piece `at` back.
    pub(crate) fn return_work(&mut self, at: usize, error: StoreError) {
        let (id, work) = self.jobs.remove(at);
        let result = match work {
            Work::Write(write) if write.may_wait() => WorkResult::Returned(write, error),
            Work::Write(_) => WorkResult::Written(Err(error)),
            other => panic!("no write: {other:?}"),
        };
        self.feed(Input::Done(id, result));
    }

    /// What waits in the journal comes to the store, as the next start would have it.
    pub(crate) fn replay_journal(&mut self) {
        loop {
            let batch = self.journal.next_batch().unwrap();
            if batch.writes.is_empty() {
                return;
            }
            self.store.write(Write::Replay(batch.writes));
            self.journal.advance(batch.through).unwrap();
        }
    }

    /// A scorer is done with a text: the writer has its rows, unless they are not wanted any more.
    fn finish_text(&mut self, at: usize, id: WorkId, finish: Finish) {
        let scores = score(&finish.text, &|| false);
        if finish.withdrawn.is_cancelled() {
            return self.feed(Input::Done(id, WorkResult::Scored(scores)));
        }
        let (passed, write) = finish.pass_on(scores);
        if self.engine.has_database() {
            return self.feed(Input::Done(id, WorkResult::Rows(passed, Box::new(write))));
        }
        self.jobs.insert(at, (id, Work::Write(Box::new(write))));
        self.feed(Input::Done(id, WorkResult::PassedOn(passed)));
    }

    /// A thread ends piece `at` with another result.
    pub(crate) fn fail_work(&mut self, at: usize, result: WorkResult) {
        let (id, _) = self.jobs.remove(at);
        self.feed(Input::Done(id, result));
    }

    /// The store does piece `at`, and nobody hears of it.
    pub(crate) fn lose_answer(&mut self, at: usize) {
        let (id, work) = self.jobs.remove(at);
        let Work::Write(write) = work else {
            panic!("no write: {work:?}")
        };
        self.store.write(*write);
        let unknown = WorkResult::Written(Err(StoreError::Unknown));
        self.feed(Input::Done(id, unknown));
    }
}
