//! Jobs in memory, as both databases keep them.

use std::collections::BTreeMap;

use maitred::store::{
    Came, ClaimedItem, EndedItem, ItemEnd, ItemKey, ItemRow, ItemState, JobFound, JobPage,
    JobProgress, JobQuery, JobRow, JobState, JobWrite, JobWritten, TextRow,
};
use uuid::Uuid;

use super::deliveries::Deliveries;

/// One item.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) row: ItemRow,
    pub(crate) due_ms: Option<i64>,
    pub(crate) owner: Option<Uuid>,
}

/// The rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jobs {
    pub(crate) jobs: BTreeMap<Uuid, JobRow>,
    pub(crate) items: BTreeMap<ItemKey, Item>,
    pub(crate) deliveries: Deliveries,
}

impl Jobs {
    pub(crate) fn write(&mut self, write: JobWrite, texts: &BTreeMap<Uuid, TextRow>) -> JobWritten {
        match write {
            JobWrite::Create {
                job,
                items,
                webhook,
                ..
            } => {
                for (position, item) in (0..).zip(items) {
                    let key = ItemKey {
                        tenant: job.tenant.clone(),
                        job: job.id,
                        position,
                    };
                    let row = ItemRow {
                        position,
                        state: ItemState::Waiting,
                        input: item.input,
                        row_id: item.row_id,
                        attempts: 0,
                        error_code: None,
                        result: None,
                    };
                    let due_ms = Some(job.created_ms);
                    let owner = None;
                    self.items.insert(key, Item { row, due_ms, owner });
                }
                self.deliveries.insert(job.id, webhook);
                self.jobs.insert(job.id, job);
                JobWritten::Created
            }
            JobWrite::Claim {
                owner,
                now_ms,
                until_ms,
            } => self.claim(owner, now_ms, until_ms, texts),
            JobWrite::Hold { owner, until_ms } => {
                let mut held = Vec::new();
                for (key, item) in self.items.iter_mut() {
                    if item.owner == Some(owner) {
                        item.due_ms = Some(until_ms);
                        held.push(key.clone());
                    }
                }
                JobWritten::Held(held)
            }
            JobWrite::Note { key, owner, result } => {
                let item = self.items.get_mut(&key);
                let ours = item.filter(|item| item.owner == Some(owner));
                JobWritten::Noted(ours.map(|item| item.row.result = Some(result)).is_some())
            }
            JobWrite::End(end) => JobWritten::Ended(self.end(&end)),
            JobWrite::GiveBack { owner, now_ms } => {
                for item in self.items.values_mut() {
                    if item.owner == Some(owner) {
                        item.row.state = ItemState::Waiting;
                        item.row.attempts -= 1;
                        (item.owner, item.due_ms) = (None, Some(now_ms));
                    }
                }
                JobWritten::GivenBack
            }
            JobWrite::Cancel { id, now_ms, .. } => {
                for (key, item) in self.items.iter_mut() {
                    if key.job == id && item.due_ms.is_some() {
                        item.row.state = ItemState::Cancelled;
                        (item.owner, item.due_ms) = (None, None);
                    }
                }
                JobWritten::Cancelled(self.jobs.get_mut(&id).map(|job| {
                    self.deliveries.job_ended(id, now_ms);
                    if !job.state.is_over() {
                        job.state = JobState::Cancelled;
                        job.finished_ms = Some(now_ms);
                    }
                    job.state
                }))
            }
            JobWrite::Delivery(write) => self.deliveries.write(write, &self.jobs),
        }
    }

    fn claim(
        &mut self,
        owner: Uuid,
        now_ms: i64,
        until_ms: i64,
        texts: &BTreeMap<Uuid, TextRow>,
    ) -> JobWritten {
        let due = self.items.iter_mut();
        let due = due.filter(|(_, item)| item.due_ms.is_some_and(|due| due <= now_ms));
        let Some((key, item)) = due.min_by_key(|(key, item)| (item.due_ms, (*key).clone())) else {
            return JobWritten::Claimed(None);
        };
        item.row.state = ItemState::Running;
        item.row.attempts += 1;
        (item.owner, item.due_ms) = (Some(owner), Some(until_ms));
        let job = self.jobs.get_mut(&key.job).expect("an item has its job");
        if job.state == JobState::Queued {
            job.state = JobState::Running;
            job.started_ms = Some(now_ms);
        }
        JobWritten::Claimed(Some(Box::new(ClaimedItem {
            key: key.clone(),
            kind: job.kind,
            params: job.params.clone(),
            input: item.row.input.clone(),
            row_id: item.row.row_id,
            attempts: item.row.attempts,
            result: item.row.result.clone(),
            stored: texts.contains_key(&item.row.row_id),
        })))
    }

    fn end(&mut self, end: &ItemEnd) -> bool {
        let Some(item) = self.items.get_mut(&end.key) else {
            return false;
        };
        if item.owner != Some(end.owner) {
            return false;
        }
        let job = self
            .jobs
            .get_mut(&end.key.job)
            .expect("an item has its job");
        (item.owner, item.due_ms) = (None, None);
        match &end.came {
            Came::Done { result } => {
                item.row.state = ItemState::Done;
                item.row.result = result.clone().or(item.row.result.take());
                job.done += 1;
            }
            Came::Failed { code } => {
                item.row.state = ItemState::Failed;
                item.row.error_code = Some(code.clone());
                job.failed += 1;
            }
            Came::Again { code, due_ms } => {
                item.row.state = ItemState::Waiting;
                item.row.attempts -= u32::from(code.is_none());
                item.row.error_code.clone_from(code);
                item.due_ms = Some(*due_ms);
            }
        }
        if job.done + job.failed >= job.items {
            job.state = JobState::Done;
            job.finished_ms = Some(end.now_ms);
            self.deliveries.job_ended(end.key.job, end.now_ms);
        }
        true
    }

    /// Removes jobs that ended before the time of this id; how many rows those were.
    pub(crate) fn expire(&mut self, before: Uuid, limit: usize) -> u64 {
        let mut rows = 0;
        let before_ms = (before.as_u128() >> 80) as i64;
        let old = |job: &&JobRow| job.finished_ms.is_some_and(|ms| ms < before_ms);
        let mut old: Vec<JobRow> = self.jobs.values().filter(old).cloned().collect();
        old.sort_by_key(|job| (job.finished_ms, job.id));
        for job in old {
            if rows >= limit as u64 {
                break;
            }
            rows += job.items + 1;
            self.jobs.remove(&job.id);
            self.items.retain(|key, _| key.job != job.id);
        }
        rows
    }

    pub(crate) fn query(&self, query: &JobQuery) -> JobFound {
        match query {
            JobQuery::Due => JobFound::Due(self.items.values().filter_map(|i| i.due_ms).min()),
            JobQuery::DeliveryDue => JobFound::Due(self.deliveries.due()),
            JobQuery::List { limit, before, .. } => {
                let rows = self.jobs.values().rev();
                let rows = rows.filter(|job| before.is_none_or(|before| job.id < before));
                let mut rows: Vec<JobRow> = rows.take(limit + 1).cloned().collect();
                let more = rows.len() > *limit;
                rows.truncate(*limit);
                let next = rows.last().filter(|_| more).map(|row| row.id);
                JobFound::List { rows, next }
            }
            JobQuery::Progress {
                id,
                from,
                known,
                limit,
                ..
            } => JobFound::Progress(self.progress(*id, *from, known, *limit)),
            JobQuery::One {
                id, after, limit, ..
            } => JobFound::One(self.jobs.get(id).map(|job| {
                let items = self.items.iter().filter(|(key, _)| {
                    key.job == *id && after.is_none_or(|after| key.position > after)
                });
                let items = items.take(limit + 1).map(|(_, item)| item.row.clone());
                let mut items: Vec<ItemRow> = items.collect();
                let more = items.len() > *limit;
                items.truncate(*limit);
                let next = items.last().filter(|_| more).map(|item| item.position);
                Box::new(JobPage {
                    job: job.clone(),
                    webhook: self.deliveries.of(id).cloned(),
                    items,
                    next,
                })
            })),
        }
    }

    /// A job, and what of it has ended and is not `known` to have from place `from` on.
    fn progress(&self, id: Uuid, from: u32, known: &str, limit: usize) -> Option<Box<JobProgress>> {
        let job = self.jobs.get(&id)?.clone();
        let items = self.items.iter().filter(|(key, _)| key.job == id);
        let items: Vec<&ItemRow> = items.map(|(_, item)| &item.row).collect();
        let running = items.iter().filter(|i| i.state == ItemState::Running);
        let is_new = |item: &&&ItemRow| {
            let digit =
                (item.position.checked_sub(from)).map(|at| known.as_bytes().get(at as usize));
            let ended = matches!(item.state, ItemState::Done | ItemState::Failed);
            ended && digit.is_some_and(|digit| digit != Some(&b'1'))
        };
        let mut ended = items.iter().filter(is_new).map(|item| EndedItem {
            position: item.position,
            state: item.state,
            row_id: item.row_id,
            error_code: item.error_code.clone(),
        });
        Some(Box::new(JobProgress {
            job,
            running: running.count() as u64,
            ended: ended.by_ref().take(limit).collect(),
            more: ended.next().is_some(),
        }))
    }

    /// The states of all items, in their order.
    pub(crate) fn states(&self) -> Vec<ItemState> {
        self.items.values().map(|item| item.row.state).collect()
    }

    /// The only job.
    pub(crate) fn only(&self) -> &JobRow {
        assert_eq!(self.jobs.len(), 1, "jobs");
        self.jobs.values().next().expect("there is one")
    }
}
