//! An item that is a report: the texts are read page by page, and counted.
//!
//! ```text
//!            ┌───────────────(there are more)──────────────┐
//!            ▼                                             │
//!  begun ─► page asked for ─► counted ─┬─(some seconds)─► put away ─(ours no more)─► dropped
//!                                      └─(was the last)─► Ending
//! ```
//! One question about one page is on the way at a time; each is answered by walking an index and stops
//! at its limit, so that nobody waits for long behind it, and no database keeps anything for us between
//! two of them. How far it is stands in the item's row every few seconds: that is what a client sees of
//! it, and where whoever takes it over goes on. Which texts there are is settled by the id of the job:
//! those with a lower one.

use super::items::Stage;
use super::report::{Report, ReportAsk};
use super::{Engine, Failure, JobParams, JobWork, write_of};
use crate::engine::TENANT;
use crate::engine::failure::Bound;
use crate::engine::now::Mono;
use crate::engine::slots::HandId;
use crate::engine::work::{Work, WorkOwner, WorkResult};
use crate::limits::jobs::REPORT_NOTE_MS;
use crate::store::{Came, Found, JobWrite, JobWritten, Listed, Query, Written};
use uuid::Uuid;

/// See the module.
#[derive(Debug)]
pub(super) struct Reading {
    /// The job: texts before it are read.
    until: Uuid,
    ask: ReportAsk,
    report: Report,
    /// When it was put away.
    noted: Mono,
}

impl Engine {
    /// Begins a report, or goes on with one that somebody else has begun.
    pub(super) fn report_item(&mut self, id: HandId, params: JobParams) -> Result<(), Failure> {
        let Some(hand) = self.jobs.hands.get_mut(id) else {
            return Ok(());
        };
        let so_far = hand.item.result.take();
        let report = so_far.and_then(|json| Report::of_json(&json));
        let reading = Reading {
            until: hand.item.key.job,
            ask: params.report.unwrap_or_default(),
            report: report.unwrap_or_default(),
            // After its first page: what is put off again and again gets on all the same.
            noted: Mono::default(),
        };
        hand.stage = Stage::Reading(Box::new(reading), None);
        self.read_page(id)
    }

    /// Asks for the next page.
    fn read_page(&mut self, id: HandId) -> Result<(), Failure> {
        let Some(Stage::Reading(reading, _)) = self.jobs.hands.get(id).map(|hand| &hand.stage)
        else {
            return Ok(());
        };
        let query = Query::Survey {
            tenant: TENANT.to_string(),
            term: reading.ask.topic.clone(),
            after: reading.report.after(),
            until: reading.until,
        };
        self.ask_for_report(id, Work::Read(query))
    }

    fn ask_for_report(&mut self, id: HandId, ask: Work) -> Result<(), Failure> {
        let owner = WorkOwner::Job(JobWork::Item(id));
        let asked = self.works.submit(owner, ask);
        let asked = asked.ok_or(Failure::Full(Bound::Store))?;
        if let Some(hand) = self.jobs.hands.get_mut(id)
            && let Stage::Reading(_, work) = &mut hand.stage
        {
            *work = Some(asked);
        }
        Ok(())
    }

    /// The store has answered.
    pub(super) fn report_goes_on(&mut self, id: HandId, result: WorkResult) {
        let outcome = match result {
            WorkResult::Found(Ok(Found::Page { rows, next, .. })) => {
                self.page_read(id, &rows, next.is_some())
            }
            WorkResult::Written(Ok(Written::Job(JobWritten::Noted(false)))) => {
                self.jobs.counts.lost += 1;
                return self.drop_item(id);
            }
            // If it could not be put away, a takeover goes on at where it was before.
            WorkResult::Written(_) => self.read_page(id),
            WorkResult::Found(Err(error)) => Err(Failure::Store(error)),
            WorkResult::Panicked => Err(Failure::Panicked),
            _ => Err(Failure::Internal("another read was answered")),
        };
        if let Err(failure) = outcome {
            self.item_failed(id, &failure);
        }
    }

    fn page_read(&mut self, id: HandId, texts: &[Listed], more: bool) -> Result<(), Failure> {
        let (now, owner) = (self.now.mono, self.job_owner());
        let Some(hand) = self.jobs.hands.get_mut(id) else {
            return Ok(());
        };
        let Stage::Reading(reading, work) = &mut hand.stage else {
            return Ok(());
        };
        *work = None;
        let Reading {
            ask, report, noted, ..
        } = &mut **reading;
        texts.iter().for_each(|text| report.add(text, ask));
        if !more {
            let result = Some(report.to_json());
            self.end_item(id, Came::Done { result }, None);
            return Ok(());
        }
        if now < noted.plus_ms(REPORT_NOTE_MS) {
            return self.read_page(id);
        }
        *noted = now;
        let note = JobWrite::Note {
            key: hand.item.key.clone(),
            owner,
            result: report.to_json(),
        };
        self.ask_for_report(id, write_of(note))
    }
}
