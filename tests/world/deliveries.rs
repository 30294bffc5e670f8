//! Deliveries in memory, as both databases keep them.

use std::collections::BTreeMap;

use maitred::store::{
    Attempted, ClaimedDelivery, DeliveryRow, DeliveryState, DeliveryWrite, JobRow, JobWritten,
    NewDelivery,
};
use uuid::Uuid;

/// By the job that each is for; beside it the claim of the attempt that is being made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deliveries(BTreeMap<Uuid, (DeliveryRow, Option<Uuid>)>);

impl Deliveries {
    pub(crate) fn insert(&mut self, job: Uuid, new: Option<NewDelivery>) {
        let row = |new: NewDelivery| DeliveryRow {
            id: new.id,
            hook: new.hook,
            state: DeliveryState::Waiting,
            attempts: 0,
            last_error: None,
            due_ms: None,
        };
        self.0.extend(new.map(|new| (job, (row(new), None))));
    }

    pub(crate) fn job_ended(&mut self, job: Uuid, now_ms: i64) {
        if let Some((row, _)) = self.0.get_mut(&job)
            && row.state == DeliveryState::Waiting
        {
            (row.state, row.due_ms) = (DeliveryState::Due, Some(now_ms));
        }
    }

    pub(crate) fn write(
        &mut self,
        write: DeliveryWrite,
        jobs: &BTreeMap<Uuid, JobRow>,
    ) -> JobWritten {
        match write {
            DeliveryWrite::Claim {
                claim,
                now_ms,
                until_ms,
            } => {
                let mut all = self.0.iter();
                let mine = all.find(|(_, (_, claimed))| *claimed == Some(claim));
                let due = self.0.iter();
                let due = due.filter(|(_, (row, _))| row.due_ms.is_some_and(|due| due <= now_ms));
                let next = due.min_by_key(|(job, (row, _))| (row.due_ms, **job));
                let (is_mine, found) = (mine.is_some(), mine.or(next).map(|(job, _)| *job));
                let Some(job) = found else {
                    return JobWritten::Delivery(None);
                };
                let (row, claimed) = self.0.get_mut(&job).expect("it was found");
                (row.state, row.due_ms) = (DeliveryState::Sending, Some(until_ms));
                row.attempts += u32::from(!is_mine);
                *claimed = Some(claim);
                JobWritten::Delivery(Some(Box::new(ClaimedDelivery {
                    id: row.id,
                    hook: row.hook.clone(),
                    attempts: row.attempts,
                    job: jobs[&job].clone(),
                })))
            }
            DeliveryWrite::End { claim, came } => {
                let mut all = self.0.values_mut();
                let Some((row, claimed)) = all.find(|(_, claimed)| *claimed == Some(claim)) else {
                    return JobWritten::Ended(false);
                };
                *claimed = None;
                let (state, due_ms, error) = match came {
                    Attempted::Delivered => (DeliveryState::Delivered, None, None),
                    Attempted::GivenUp { error } => (DeliveryState::GivenUp, None, Some(error)),
                    Attempted::Again { error, due_ms } => {
                        if error.is_none() {
                            row.attempts -= 1;
                        }
                        let error = error.or(row.last_error.take());
                        (DeliveryState::Due, Some(due_ms), error)
                    }
                };
                (row.state, row.due_ms, row.last_error) = (state, due_ms, error);
                JobWritten::Ended(true)
            }
        }
    }

    pub(crate) fn due(&self) -> Option<i64> {
        self.0.values().filter_map(|(row, _)| row.due_ms).min()
    }

    pub(crate) fn of(&self, job: &Uuid) -> Option<&DeliveryRow> {
        self.0.get(job).map(|(row, _)| row)
    }

    /// All of them, in the order of their jobs.
    pub(crate) fn all(&self) -> impl Iterator<Item = &DeliveryRow> {
        self.0.values().map(|(row, _)| row)
    }

    /// The only one.
    pub(crate) fn only(&self) -> &DeliveryRow {
        assert_eq!(self.0.len(), 1, "deliveries");
        &self.0.values().next().expect("there is one").0
    }
}
