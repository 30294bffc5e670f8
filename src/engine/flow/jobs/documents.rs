//! What is answered about jobs.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::engine::documents::rfc3339;
use crate::engine::jobs::JobParams;
use crate::engine::jobs::report::{Report, ReportAsk, ReportDocument};
use crate::store::{
    DeliveryRow, DeliveryState, ItemRow, ItemState, JobKind, JobPage, JobRow, JobState,
};

/// A job and how far it is.
#[derive(Serialize)]
pub(in crate::engine) struct JobDocument {
    id: Uuid,
    kind: JobKind,
    state: JobState,
    items: u64,
    done: u64,
    failed: u64,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
}

impl JobDocument {
    pub(in crate::engine) fn new(job: &JobRow) -> Self {
        JobDocument {
            id: job.id,
            kind: job.kind,
            state: job.state,
            items: job.items,
            done: job.done,
            failed: job.failed,
            created_at: rfc3339(job.created_ms),
            started_at: job.started_ms.map(rfc3339),
            finished_at: job.finished_ms.map(rfc3339),
        }
    }
}

/// A page of jobs.
#[derive(Serialize)]
pub(super) struct JobsDocument {
    jobs: Vec<JobDocument>,
    next: Option<Uuid>,
}

impl JobsDocument {
    pub(super) fn new(rows: &[JobRow], next: Option<Uuid>) -> Self {
        JobsDocument {
            jobs: rows.iter().map(JobDocument::new).collect(),
            next,
        }
    }
}

/// A job with a page of its items.
#[derive(Serialize)]
pub(super) struct PageDocument<'a> {
    #[serde(flatten)]
    job: JobDocument,
    webhook: Option<WebhookDocument<'a>>,
    results: Vec<ItemDocument<'a>>,
    next: Option<u32>,
}

impl<'a> PageDocument<'a> {
    pub(super) fn new(page: &'a JobPage) -> Self {
        let about = (page.job.kind == JobKind::Report).then(|| {
            let params = serde_json::from_str::<JobParams>(&page.job.params);
            params
                .ok()
                .and_then(|params| params.report)
                .unwrap_or_default()
        });
        let of_item = |item| ItemDocument::new(item, about.as_ref());
        PageDocument {
            job: JobDocument::new(&page.job),
            webhook: page.webhook.as_ref().map(WebhookDocument::new),
            results: page.items.iter().map(of_item).collect(),
            next: page.next,
        }
    }
}

/// Who is told when the job has ended, and how far that is.
#[derive(Serialize)]
struct WebhookDocument<'a> {
    name: &'a str,
    /// What each attempt says in `webhook-id`.
    id: Uuid,
    state: DeliveryState,
    attempts: u32,
    last_error: Option<&'a str>,
    next_at: Option<String>,
}

impl<'a> WebhookDocument<'a> {
    fn new(row: &'a DeliveryRow) -> Self {
        let is_due = row.state == DeliveryState::Due;
        WebhookDocument {
            name: &row.hook,
            id: row.id,
            state: row.state,
            attempts: row.attempts,
            last_error: row.last_error.as_deref(),
            next_at: row.due_ms.filter(|_| is_due).map(rfc3339),
        }
    }
}

/// One item.
#[derive(Serialize)]
struct ItemDocument<'a> {
    index: u32,
    state: ItemState,
    input: &'a str,
    /// Of the row that it has left.
    id: Option<Uuid>,
    attempts: u32,
    error: Option<&'a str>,
    result: Option<Outcome<'a>>,
}

/// What came of it.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    /// As it was stored.
    Stored(&'a RawValue),
    /// Of a report that is going on, what is known so far.
    Report(Box<ReportDocument>),
}

impl<'a> ItemDocument<'a> {
    /// `about` says what the report is about that it is.
    fn new(item: &'a ItemRow, about: Option<&ReportAsk>) -> Self {
        let result = item.result.as_deref().and_then(|json| match about {
            None => serde_json::from_str(json).ok().map(Outcome::Stored),
            Some(ask) => {
                let report = Report::of_json(json)?;
                let document = ReportDocument::new(&report, ask);
                Some(Outcome::Report(Box::new(document)))
            }
        });
        let has_row = item.state == ItemState::Done && about.is_none();
        ItemDocument {
            index: item.position,
            state: item.state,
            input: &item.input,
            id: has_row.then_some(item.row_id),
            attempts: item.attempts,
            error: item.error_code.as_deref(),
            result,
        }
    }
}

/// What became of a job that was to be cancelled.
#[derive(Serialize)]
pub(super) struct StateDocument {
    pub(super) id: Uuid,
    pub(super) state: JobState,
}
