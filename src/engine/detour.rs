//! The way of rows and questions by the spill journal. Flows know nothing of it: a piece of work is
//! sent there and back under the id that its owner holds.
//!
//! ```text
//!  a row            ─► writer ─(the database is away)─► journal ─► "it is on disk" ─► owner
//!                   ─(it is known to be away)─────────►
//!  a deletion       ─(rows wait)─► journal ─► done ─► owner
//!                                     └─(not here)─► writer ─► owner
//!  a question       ─(rows wait)─► journal ─► whole answer ─► owner
//!                                     └─(part of it)─► reader ─► both together ─► owner
//! ```
//! Which way is decided when a thread is free, so what waits when the database goes takes it too.

use std::sync::Arc;

use super::Engine;
use super::slots::{GenerationId, WorkId};
use super::spill::Step;
use super::timers::Owner;
use super::work::{Cancel, Work, WorkOwner, WorkResult};
use crate::store::journal::{Answer, Ask, Overlay, Standing};
use crate::store::{Query, StoreError, Write};

impl Engine {
    /// What waited in the journal at the start.
    pub(super) fn journal_found(&mut self, standing: Standing) {
        self.spill.found(self.now.mono, standing);
        self.set_spill_timer();
    }

    /// Rows that wait in the journal.
    #[must_use]
    pub fn rows_in_journal(&self) -> u64 {
        self.spill.standing().rows
    }

    /// Sends a piece that was dispatched to the journal instead, if that is its way.
    pub(super) fn goes_to_journal(&mut self, id: WorkId) -> bool {
        let detours = match self.works.content(id) {
            Some(Work::Write(write)) => match **write {
                Write::Save { .. } | Write::Keywords { .. } | Write::Answered { .. } => {
                    self.spill.away().is_some() && self.spill.can_keep(write)
                }
                Write::Delete { .. } | Write::Rescore { .. } => self.spill.may_have(),
                Write::Import(_)
                | Write::Replay(_)
                | Write::Keys(_)
                | Write::Expire { .. }
                | Write::Job(_) => false,
            },
            Some(Work::Read(
                Query::Unscored { .. }
                | Query::Answer(_)
                | Query::Cached { .. }
                | Query::CachedChat { .. }
                | Query::Weigh { .. }
                | Query::Survey { .. }
                | Query::Job(_),
            )) => false,
            Some(Work::Read(_)) => self.spill.may_have(),
            _ => false,
        };
        if !detours {
            return false;
        }
        let at_ms = self.now.wall_ms;
        let ask = match self.works.take(id) {
            Some(Work::Write(write)) => Ask::Keep { write, at_ms },
            Some(Work::Read(query)) => Ask::Look(query),
            _ => return false,
        };
        self.works.again(id, Work::Journal(ask), None);
        true
    }

    /// While the database takes no rows, those of a text go another way than from the scorer to the
    /// writer: it is only scored.
    pub(super) fn is_only_scored(&mut self, id: WorkId, text: GenerationId, flag: &Cancel) -> bool {
        let Some(text) = self.generations.get(text) else {
            return false;
        };
        if self.spill.away().is_none() {
            return false;
        }
        let work = Work::Score {
            text: Arc::clone(&text.text),
            cancel: flag.clone(),
        };
        self.works.again(id, work, None);
        true
    }

    /// Takes in what comes of a piece of work. `None`: it is not at its end yet, or was the
    /// journal's own.
    pub(super) fn after_detour(&mut self, id: WorkId, result: WorkResult) -> Option<WorkResult> {
        if self.works.owner(id) == Some(&WorkOwner::Spill) {
            self.works.finish(id);
            self.replaying_goes_on(result);
            return None;
        }
        match result {
            WorkResult::Returned(write, error) => self.returned(id, write, error),
            WorkResult::Written(Err(error)) if error.is_away() => {
                self.spill.failed(self.now.mono, &error);
                self.set_spill_timer();
                Some(WorkResult::Written(Err(error)))
            }
            WorkResult::Journal(Ok(answer)) => self.journal_answered(id, answer),
            // The log knows both errors. A client is told the one of the database.
            WorkResult::Journal(Err(error)) if self.works.is_owed(id) => {
                let error = self.spill.away().cloned().unwrap_or(error);
                Some(WorkResult::Written(Err(error)))
            }
            WorkResult::Journal(Err(error)) => Some(WorkResult::Found(Err(error))),
            WorkResult::Found(Ok(found)) => {
                let overlay = self.works.take_detour(id);
                Some(WorkResult::Found(Ok(match overlay {
                    Some(overlay) => overlay.over(found),
                    None => found,
                })))
            }
            result => Some(result),
        }
    }

    /// The database could not take a row.
    fn returned(&mut self, id: WorkId, write: Box<Write>, error: StoreError) -> Option<WorkResult> {
        self.spill.failed(self.now.mono, &error);
        self.set_spill_timer();
        if !self.spill.can_keep(&write) {
            return Some(WorkResult::Written(Err(error)));
        }
        let at_ms = self.now.wall_ms;
        let work = Work::Journal(Ask::Keep { write, at_ms });
        self.works.again(id, work, None);
        None
    }

    fn journal_answered(&mut self, id: WorkId, answer: Answer) -> Option<WorkResult> {
        match answer {
            Answer::Kept(written, standing) => {
                self.counters.rows_spilled += 1;
                self.spill.kept(self.now.mono, standing);
                self.set_spill_timer();
                if let Some(WorkOwner::Generation(id)) = self.works.owner(id)
                    && let Some(generation) = self.generations.get_mut(*id)
                {
                    generation.result.journalled = true;
                    generation.result.document = None; // it says otherwise
                }
                Some(WorkResult::Written(Ok(written)))
            }
            Answer::NotHere(write) => {
                let known = Some(Overlay::default());
                self.works.again(id, Work::Write(write), known);
                None
            }
            Answer::Here(query, mut overlay) => match overlay.alone(&query) {
                Some(found) => Some(WorkResult::Found(Ok(found))),
                None => {
                    self.works.again(id, Work::Read(query), Some(overlay));
                    None
                }
            },
            Answer::Next(..) | Answer::Advanced(_) => Some(WorkResult::Panicked),
        }
    }

    /// The time for the next try has come. While the server stops there is none: the next start
    /// goes on.
    pub(super) fn spill_due(&mut self) {
        if self.stopping.is_none() {
            let step = self.spill.due(self.now.mono);
            self.take_step(step);
        }
    }

    fn replaying_goes_on(&mut self, result: WorkResult) {
        let now = self.now.mono;
        let step = match result {
            WorkResult::Journal(Ok(Answer::Next(batch, standing))) => {
                self.spill.batch(now, Some((batch, standing)))
            }
            WorkResult::Written(result) => {
                if self.spill.is_deleting() {
                    self.mind_replayed(&result);
                }
                self.spill.replayed(now, result.map(|_| ()))
            }
            WorkResult::Journal(Ok(Answer::Advanced(standing))) => {
                let (rows, step) = self.spill.advanced(now, Some(standing));
                self.counters.rows_replayed += rows;
                step
            }
            // The journal's own trouble, or a panic, which says nothing of the row: later again.
            _ => {
                self.spill.wait(now);
                None
            }
        };
        self.take_step(step);
    }

    fn take_step(&mut self, step: Option<Step>) {
        let work = match step {
            Some(Step::Read | Step::ReadOne) if self.stopping.is_some() => {
                self.spill.wait(self.now.mono);
                None
            }
            Some(Step::Read) => Some(Work::Journal(Ask::Next)),
            Some(Step::ReadOne) => Some(Work::Journal(Ask::NextOne)),
            Some(Step::Replay(writes)) => Some(Work::Write(Box::new(Write::Replay(writes)))),
            Some(Step::Advance(through)) => Some(Work::Journal(Ask::Advance(through))),
            Some(Step::SetAside { through, why }) => {
                Some(Work::Journal(Ask::SetAside { through, why }))
            }
            None => None,
        };
        if let Some(work) = work
            && self.works.submit(WorkOwner::Spill, work).is_none()
        {
            self.spill.wait(self.now.mono); // no place is free
        }
        self.set_spill_timer();
    }

    fn set_spill_timer(&mut self) {
        let at = self.spill.deadline();
        self.timers.set(Owner::Spill, &mut self.spill.timer, at);
    }

    /// Texts whose rows may still come.
    fn texts_in_flight(&self) -> u64 {
        (self.generations.len() - self.replay.len().min(self.generations.len())) as u64
    }

    /// Whether the journal has room for the rows of one more request, if it would need it.
    pub(super) fn admit_spill(&self) -> Result<(), StoreError> {
        self.spill.admit(self.texts_in_flight())
    }
}
