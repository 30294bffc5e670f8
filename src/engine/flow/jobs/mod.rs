//! `/jobs`: made, listed, read and cancelled. Doing them is somebody else's ([`crate::engine::jobs`]).
//!
//! ```text
//!  POST    ─► Making ─(commit)─► 202      from here on the job is done whether its client lives or not
//!  GET     ─► Reading ─(rows)──► 200
//!  DELETE  ─► Cancelling ─(commit)─► 200, and calls for it are ended
//! ```
//! To watch a job is in `events.rs`.

mod documents;
mod events;

use std::sync::Arc;

use serde::Deserialize;
use uuid::Uuid;

pub(in crate::engine) use self::documents::JobDocument;
use self::documents::{JobsDocument, PageDocument};
use super::Flow;
use super::body::JobAsk;
use crate::engine::failure::Bound;
use crate::engine::jobs::cancelled;
use crate::engine::routes::JobsAsk;
use crate::engine::slots::ExchangeId;
use crate::engine::trace::State;
use crate::engine::work::{Work, WorkResult};
use crate::engine::{Engine, Failure, TENANT};
use crate::limits::STORE_MS;
use crate::store::{
    Found, JobFound, JobKind, JobQuery, JobRow, JobState, JobWrite, JobWritten, NewItem, Query,
    RequestOutcome, Write, Written,
};

/// Where such a request is.
#[derive(Debug)]
pub enum Jobs {
    /// The job is being stored. Its id, and what is answered then.
    Making(Uuid, Arc<String>),
    /// The store is being asked.
    Reading,
    /// The job is being cancelled.
    Cancelling(Uuid),
}

impl Engine {
    /// A request for `/jobs` is complete.
    pub(super) fn begin_jobs(&mut self, id: ExchangeId, ask: &JobsAsk) -> Result<(), Failure> {
        let tenant = TENANT.to_string();
        let query = match *ask {
            JobsAsk::Make => return self.parse_body(id, super::Shape::Job),
            JobsAsk::Cancel(job) => {
                let write = JobWrite::Cancel {
                    tenant,
                    id: job,
                    now_ms: self.now.wall_ms,
                };
                let work = Work::Write(Box::new(Write::Job(Box::new(write))));
                return self.wait_for_jobs(id, work, Jobs::Cancelling(job), State::Saving);
            }
            JobsAsk::Watch(job, ref seen) => return self.begin_events(id, job, seen.clone()),
            JobsAsk::List(limit, before) => JobQuery::List {
                tenant,
                limit,
                before,
            },
            JobsAsk::Read(job, limit, after) => JobQuery::One {
                tenant,
                id: job,
                after,
                limit,
            },
        };
        let work = Work::Read(Query::Job(query));
        self.wait_for_jobs(id, work, Jobs::Reading, State::Querying)
    }

    fn wait_for_jobs(
        &mut self,
        id: ExchangeId,
        work: Work,
        flow: Jobs,
        state: State,
    ) -> Result<(), Failure> {
        self.submit_for(id, work, Bound::Store)?;
        let at = self.now.mono.plus_ms(STORE_MS);
        self.set_exchange_timer(id, at);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.flow = Flow::Jobs(flow);
        }
        self.enter(id, state);
        Ok(())
    }

    /// A job is asked for. What can be known to be wrong with all of its items is refused now.
    pub(super) fn make_job(&mut self, id: ExchangeId, ask: JobAsk) -> Result<(), Failure> {
        let JobAsk {
            kind,
            inputs,
            params,
            webhook,
        } = ask;
        if kind == JobKind::Generate {
            self.route_for(params.provider.as_deref(), params.model.as_deref())?;
        }
        let webhook = webhook.map(|hook| self.delivery_to(hook)).transpose()?;
        self.admit_rows()?;
        self.charge_request(id)?;
        let job = JobRow {
            id: self.new_id(),
            tenant: TENANT.to_string(),
            kind,
            state: JobState::Queued,
            params: serde_json::to_string(&params)
                .map_err(|_| Failure::Internal("parameters that are no JSON"))?,
            items: inputs.len() as u64,
            done: 0,
            failed: 0,
            created_ms: self.now.wall_ms,
            started_ms: None,
            finished_ms: None,
        };
        let items = inputs.into_iter().map(|input| NewItem {
            input,
            row_id: self.new_id(),
        });
        let items = items.collect();
        let request = self.request_row(id, RequestOutcome::Ok, 202);
        let (job_id, answer) = (job.id, self.say_made(id, &JobDocument::new(&job)));
        let create = JobWrite::Create {
            requests: request.into_iter().collect(),
            job,
            items,
            webhook,
        };
        let write = self.with_answer(id, Write::Job(Box::new(create)));
        let work = Work::Write(Box::new(write));
        self.wait_for_jobs(id, work, Jobs::Making(job_id, answer), State::Saving)?;
        // The row of the request goes with it, so a client that leaves now leaves no second one.
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.held.owes_row = false;
        }
        Ok(())
    }

    /// The store has answered.
    pub(super) fn jobs_done(
        &mut self,
        id: ExchangeId,
        state: Jobs,
        result: WorkResult,
    ) -> Result<(), Failure> {
        match state {
            Jobs::Making(job, answer) => match super::written(result)? {
                Written::Job(JobWritten::Created) => {
                    self.items_may_be_due();
                    self.answer_is_kept(id);
                    self.reply_made(id, location(job), &answer);
                    Ok(())
                }
                _ => Err(Failure::Internal("another write was answered")),
            },
            Jobs::Cancelling(job) => {
                let state = cancelled(&super::written(result)?)?;
                self.drop_job(job);
                self.job_changed(job);
                self.deliveries_may_be_due();
                self.reply_json(id, 200, &documents::StateDocument { id: job, state });
                Ok(())
            }
            Jobs::Reading => self.reply_jobs(id, super::found(result)?),
        }
    }

    fn reply_jobs(&mut self, id: ExchangeId, found: Found) -> Result<(), Failure> {
        match found {
            Found::Job(JobFound::List { rows, next }) => {
                self.reply_json(id, 200, &JobsDocument::new(&rows, next));
                Ok(())
            }
            Found::Job(JobFound::One(Some(page))) => {
                self.reply_json(id, 200, &PageDocument::new(&page));
                Ok(())
            }
            Found::Job(JobFound::One(None)) => Err(Failure::NotFound),
            _ => Err(Failure::Internal("another read was answered")),
        }
    }
}

/// Where a job can be seen.
fn location(job: Uuid) -> String {
    format!("/jobs/{job}")
}

/// The same, by what was answered when it was made.
pub(super) fn location_of_made(answer: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Made {
        id: Uuid,
    }
    let made: Made = serde_json::from_str(answer).ok()?;
    Some(location(made.id))
}

impl Jobs {
    /// Whether the row of the request is being written, and says already how it has ended.
    pub(super) fn is_saving(&self) -> bool {
        matches!(self, Jobs::Making(..))
    }

    /// Whether something is being changed.
    pub(in crate::engine) fn is_settled(&self) -> bool {
        matches!(self, Jobs::Making(..) | Jobs::Cancelling(_))
    }
}
