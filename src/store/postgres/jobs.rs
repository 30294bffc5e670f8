//! Jobs in PostgreSQL. Whoever claims an item skips those that somebody else is just claiming.

mod progress;

use uuid::Uuid;

use super::answer::{self, Answered};
use super::deliveries;
use super::told::tell;
use super::writes::{analysis, requests};
use super::{Cell, Part, many, one};
use crate::limits::PAGE_ROWS;
use crate::proto::postgres::Scalar::{self, Int8, Text, Uuid as Id};
use crate::proto::postgres::{Tag, ValueFault, Values, Wrong};
use crate::store::jobs::{job_list, sql};
use crate::store::{
    ClaimedDelivery, ClaimedItem, DeliveryRow, EndedItem, Found, ItemEnd, ItemKey, ItemRow,
    ItemState, JobFound, JobKind, JobPage, JobProgress, JobQuery, JobRow, JobState, JobWrite,
    JobWritten, NewItem, Written,
};

const CLAIM: &str = sql::claim!("FOR UPDATE SKIP LOCKED");

const INSERT_JOB: &str = concat!(
    "INSERT INTO jobs (tenant, id, kind, state, params, items, done, failed, created_ms)
    VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7) ON CONFLICT DO NOTHING RETURNING ",
    tell!("id")
);
const JOB: &[Scalar] = &[Text, Id, Text, Text, Text, Int8, Int8];

const INSERT_ITEMS: &str = "
    INSERT INTO job_items (tenant, job, position, state, input, row_id, attempts, due_ms)
    SELECT n.tenant, n.job, n.position, 'waiting', n.input, n.row_id, 0, n.due_ms
    FROM unnest($1, $2, $3, $4, $5, $6) AS n (tenant, job, position, input, row_id, due_ms)
    ON CONFLICT DO NOTHING";
const ITEM: &[Scalar] = &[Text, Id, Int8, Text, Id, Int8];

/// The row of the job is locked by its change, and read again then: of two who end its last two items
/// at the same time, the second one ends the job.
const END: &str = concat!(
    "WITH ended AS (
        UPDATE job_items SET state = $5, due_ms = $6, owner = NULL, error_code = $7,
            result = coalesce($8, result), attempts = attempts - $12
        WHERE tenant = $1 AND job = $2 AND position = $3 AND owner = $4 RETURNING 1
    )
    UPDATE jobs SET done = done + $9, failed = failed + $10,
        state = CASE WHEN done + failed + $9 + $10 >= items THEN 'done' ELSE state END,
        finished_ms = CASE WHEN done + failed + $9 + $10 >= items THEN $11 END
    WHERE tenant = $1 AND id = $2 AND EXISTS (SELECT 1 FROM ended) RETURNING ",
    tell!("id")
);
const ENDED: &[Scalar] = &[
    Text, Id, Int8, Id, Text, Int8, Text, Text, Int8, Int8, Int8, Int8,
];

const GIVE_BACK: &str = concat!(
    "WITH back AS (",
    sql::give_back!(),
    " RETURNING job) SELECT ",
    tell!("job"),
    " FROM (SELECT DISTINCT job FROM back) AS b"
);
const CANCELLED: &str = concat!(
    "SELECT state, ",
    tell!("id"),
    " FROM jobs WHERE tenant = $1 AND id = $2"
);
const NOTED: &[Scalar] = &[Text, Text, Id, Int8, Id];

/// What is asked, as far as its answer is read by it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Created,
    Claimed,
    Held,
    Noted,
    Ended,
    GivenBack,
    Cancelled,
    Delivery,
    DeliveryEnded,
    Due,
    List { limit: usize },
    One { limit: usize },
    Progress { limit: usize },
}

/// What has come of an answer about jobs.
#[derive(Debug, Default)]
pub(super) struct Rows {
    claimed: Option<Box<ClaimedItem>>,
    held: Vec<ItemKey>,
    state: Option<JobState>,
    due_ms: Option<i64>,
    jobs: Vec<JobRow>,
    items: Vec<ItemRow>,
    /// Of items in hand.
    running: u64,
    ended: Vec<EndedItem>,
    delivery: Option<Box<ClaimedDelivery>>,
    webhook: Option<DeliveryRow>,
    /// Whether the end of an item was heard.
    heard: bool,
    /// Rows that the statement changed that was done last.
    changed: u64,
}

pub(super) fn of_write(write: &JobWrite) -> (Vec<Part<'_>>, Kind) {
    match write {
        JobWrite::Create {
            requests: rows,
            job,
            items,
            webhook,
        } => {
            let mut parts = requests(rows);
            parts.extend(created(job, items));
            parts.extend(webhook.iter().map(|new| deliveries::made(job, new)));
            (parts, Kind::Created)
        }
        JobWrite::Claim {
            owner,
            now_ms,
            until_ms,
        } => {
            let (now, owner) = (Cell::Int8(*now_ms), Cell::Uuid(*owner));
            let until = Cell::Int8(*until_ms);
            let row = vec![now.clone(), owner.clone(), until];
            let parts = vec![
                one(CLAIM, &[Int8, Id, Int8], row),
                one(sql::START, &[Int8, Id], vec![now, owner]),
            ];
            (parts, Kind::Claimed)
        }
        JobWrite::Hold { owner, until_ms } => {
            let row = vec![Cell::Int8(*until_ms), Cell::Uuid(*owner)];
            (vec![one(sql::HOLD, &[Int8, Id], row)], Kind::Held)
        }
        JobWrite::GiveBack { owner, now_ms } => {
            let row = vec![Cell::Int8(*now_ms), Cell::Uuid(*owner)];
            (vec![one(GIVE_BACK, &[Int8, Id], row)], Kind::GivenBack)
        }
        JobWrite::Note { key, owner, result } => {
            let row = vec![
                Cell::text(result),
                Cell::text(&key.tenant),
                Cell::Uuid(key.job),
                Cell::Int8(key.position.into()),
                Cell::Uuid(*owner),
            ];
            (vec![one(sql::NOTE, NOTED, row)], Kind::Noted)
        }
        JobWrite::End(end) => {
            let stored = end.analysis.iter().flat_map(|row| analysis(row));
            let mut parts: Vec<Part<'_>> = stored.chain([ended(end)]).collect();
            if end.came.counts() != (0, 0) {
                let ItemKey { tenant, job, .. } = &end.key;
                parts.push(deliveries::job_may_have_ended(tenant, *job, end.now_ms));
            }
            (parts, Kind::Ended)
        }
        JobWrite::Cancel { tenant, id, now_ms } => {
            let which = vec![Cell::text(tenant), Cell::Uuid(*id)];
            let mut when = vec![Cell::Int8(*now_ms)];
            when.extend_from_slice(&which);
            let parts = vec![
                one(sql::CANCEL_ITEMS, &[Text, Id], which.clone()),
                one(sql::CANCEL_JOB, &[Int8, Text, Id], when),
                deliveries::job_may_have_ended(tenant, *id, *now_ms),
                one(CANCELLED, &[Text, Id], which),
            ];
            (parts, Kind::Cancelled)
        }
        JobWrite::Delivery(write) => deliveries::of_write(write),
    }
}

fn created<'a>(job: &'a JobRow, items: &'a [NewItem]) -> [Part<'a>; 2] {
    let row = vec![
        Cell::text(&job.tenant),
        Cell::Uuid(job.id),
        Cell::text(job.kind.as_str()),
        Cell::text(job.state.as_str()),
        Cell::text(&job.params),
        Cell::count(job.items),
        Cell::Int8(job.created_ms),
    ];
    let items = (0..).zip(items).map(|(position, item)| {
        vec![
            Cell::text(&job.tenant),
            Cell::Uuid(job.id),
            Cell::Int8(position),
            Cell::text(&item.input),
            Cell::Uuid(item.row_id),
            Cell::Int8(job.created_ms),
        ]
    });
    [
        one(INSERT_JOB, JOB, row),
        many(INSERT_ITEMS, ITEM, items.collect()),
    ]
}

fn ended(end: &ItemEnd) -> Part<'_> {
    let (key, came) = (&end.key, &end.came);
    let (state, due_ms) = came.state();
    let (done, failed) = came.counts();
    let row = vec![
        Cell::text(&key.tenant),
        Cell::Uuid(key.job),
        Cell::Int8(key.position.into()),
        Cell::Uuid(end.owner),
        Cell::text(state.as_str()),
        Cell::maybe(due_ms, Cell::Int8),
        Cell::maybe(came.code(), Cell::text),
        Cell::maybe(came.result(), Cell::text),
        Cell::Int8(done),
        Cell::Int8(failed),
        Cell::Int8(end.now_ms),
        Cell::Int8(came.untried()),
    ];
    one(END, ENDED, row)
}

pub(super) fn of_query(query: &JobQuery) -> (Part<'_>, answer::Kind) {
    let (part, kind) = match query {
        JobQuery::Due => (one(sql::DUE, &[], Vec::new()), Kind::Due),
        JobQuery::DeliveryDue => return deliveries::due(),
        JobQuery::List {
            tenant,
            limit,
            before,
        } => {
            let limit = (*limit).clamp(1, PAGE_ROWS);
            let row = vec![
                Cell::text(tenant),
                Cell::Uuid(before.unwrap_or(Uuid::max())),
                Cell::Int8(limit as i64 + 1),
            ];
            (one(sql::LIST, &[Text, Id, Int8], row), Kind::List { limit })
        }
        JobQuery::One {
            tenant,
            id,
            after,
            limit,
        } => {
            let limit = (*limit).clamp(1, PAGE_ROWS);
            let row = vec![
                Cell::Int8(after.map_or(-1, i64::from)),
                Cell::text(tenant),
                Cell::Uuid(*id),
                Cell::Int8(limit as i64 + 1),
            ];
            (
                one(sql::ONE, &[Int8, Text, Id, Int8], row),
                Kind::One { limit },
            )
        }
        JobQuery::Progress {
            tenant,
            id,
            from,
            known,
            limit,
        } => {
            let limit = *limit;
            let row = vec![
                Cell::text(tenant),
                Cell::Uuid(*id),
                Cell::Int8((*from).into()),
                Cell::text(known),
                Cell::Int8(limit as i64 + 1),
            ];
            let types = &[Text, Id, Int8, Text, Int8];
            (one(sql::PROGRESS, types, row), Kind::Progress { limit })
        }
    };
    (part, answer::Kind::Job(kind))
}

impl Rows {
    /// One row of the present statement.
    pub(super) fn read(&mut self, kind: Kind, values: &mut Values<'_>) -> Result<(), ValueFault> {
        match kind {
            Kind::Claimed => self.claimed = Some(Box::new(claimed(values)?)),
            Kind::Held => self.held.push(key(values)?),
            Kind::Cancelled => self.state = Some(word(values, JobState::from_word)?),
            Kind::Due => self.due_ms = values.take()?,
            Kind::List { .. } => self.jobs.push(job(values)?),
            Kind::One { .. } => {
                let job = job(values)?;
                if self.jobs.is_empty() {
                    self.jobs.push(job);
                }
                self.items.extend(item(values)?);
                self.webhook = deliveries::of_page(values)?;
            }
            Kind::Progress { .. } => {
                let job = job(values)?;
                if self.jobs.is_empty() {
                    self.jobs.push(job);
                }
                self.running = answer::count(values)?;
                self.ended.extend(progress::item(values)?);
            }
            Kind::Ended => self.heard = true,
            Kind::Delivery => self.delivery = Some(Box::new(deliveries::claimed(values)?)),
            Kind::Created | Kind::Noted | Kind::GivenBack | Kind::DeliveryEnded => {}
        }
        Ok(())
    }

    /// The present statement is done.
    pub(super) fn done(&mut self, tag: &Tag<'_>) {
        self.changed = tag.rows();
    }

    /// All of it has come.
    pub(super) fn finish(mut self, kind: Kind) -> Answered {
        let written = match kind {
            Kind::Created => JobWritten::Created,
            Kind::Claimed => JobWritten::Claimed(self.claimed),
            Kind::Held => JobWritten::Held(self.held),
            Kind::Noted => JobWritten::Noted(self.changed > 0),
            Kind::Ended => JobWritten::Ended(self.heard),
            Kind::Delivery => JobWritten::Delivery(self.delivery),
            Kind::DeliveryEnded => JobWritten::Ended(self.changed > 0),
            Kind::GivenBack => JobWritten::GivenBack,
            Kind::Cancelled => JobWritten::Cancelled(self.state),
            Kind::Due => return found(JobFound::Due(self.due_ms)),
            Kind::List { limit } => return found(job_list(self.jobs, limit)),
            Kind::One { limit } => {
                let job = self.jobs.pop();
                let page = job.map(|job| JobPage::new(job, self.webhook, self.items, limit));
                let page = page.map(Box::new);
                return found(JobFound::One(page));
            }
            Kind::Progress { limit } => {
                let (running, ended) = (self.running, self.ended);
                let progress = |job| Box::new(JobProgress::new(job, running, ended, limit));
                return found(JobFound::Progress(self.jobs.pop().map(progress)));
            }
        };
        Answered::Written(Written::Job(written))
    }
}

fn found(found: JobFound) -> Answered {
    Answered::Found(Found::Job(found))
}

fn claimed(values: &mut Values<'_>) -> Result<ClaimedItem, ValueFault> {
    Ok(ClaimedItem {
        key: key(values)?,
        input: values.take::<&str>()?.to_owned(),
        row_id: values.take()?,
        attempts: small(values)?,
        result: values.take::<Option<&str>>()?.map(str::to_owned),
        kind: word(values, JobKind::from_word)?,
        params: values.take::<&str>()?.to_owned(),
        stored: values.take()?,
    })
}

fn key(values: &mut Values<'_>) -> Result<ItemKey, ValueFault> {
    Ok(ItemKey {
        tenant: values.take::<&str>()?.to_owned(),
        job: values.take()?,
        position: small(values)?,
    })
}

pub(super) fn job(values: &mut Values<'_>) -> Result<JobRow, ValueFault> {
    Ok(JobRow {
        tenant: values.take::<&str>()?.to_owned(),
        id: values.take()?,
        kind: word(values, JobKind::from_word)?,
        state: word(values, JobState::from_word)?,
        params: values.take::<&str>()?.to_owned(),
        items: answer::count(values)?,
        done: answer::count(values)?,
        failed: answer::count(values)?,
        created_ms: values.take()?,
        started_ms: values.take()?,
        finished_ms: values.take()?,
    })
}

/// The item of a row, which may have none. Its columns are read in any case.
fn item(values: &mut Values<'_>) -> Result<Option<ItemRow>, ValueFault> {
    let position = values.take::<Option<i64>>()?;
    let state = maybe_word(values, ItemState::from_word)?;
    let input = values.take::<Option<&str>>()?;
    let row_id = values.take::<Option<Uuid>>()?;
    let attempts = values.take::<Option<i64>>()?;
    let error_code = values.take::<Option<&str>>()?;
    let result = values.take::<Option<&str>>()?;
    let (Some(position), Some(state), Some(row_id)) = (position, state, row_id) else {
        return Ok(None);
    };
    Ok(Some(ItemRow {
        position: u32::try_from(position).unwrap_or(u32::MAX),
        state,
        input: input.unwrap_or_default().to_owned(),
        row_id,
        attempts: attempts.map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        error_code: error_code.map(str::to_owned),
        result: result.map(str::to_owned),
    }))
}

/// A word of a closed list.
fn word<T>(values: &mut Values<'_>, of: fn(&str) -> Option<T>) -> Result<T, ValueFault> {
    maybe_word(values, of)?.ok_or(UNKNOWN)
}

pub(super) fn maybe_word<T>(
    values: &mut Values<'_>,
    of: fn(&str) -> Option<T>,
) -> Result<Option<T>, ValueFault> {
    let word = values.take::<Option<&str>>()?;
    word.map(|word| of(word).ok_or(UNKNOWN)).transpose()
}

/// A word that no version of the program has written.
const UNKNOWN: ValueFault = ValueFault {
    column: 0,
    what: Wrong::Word,
};

/// A number that this program has written, and is small.
pub(super) fn small(values: &mut Values<'_>) -> Result<u32, ValueFault> {
    let number: i64 = values.take()?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}
