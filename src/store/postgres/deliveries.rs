//! Deliveries in PostgreSQL: who is told that a job has ended. Whoever claims one skips those that
//! somebody else is just claiming.

use uuid::Uuid;

use super::answer;
use super::jobs::{Kind, job, maybe_word, small};
use super::{Cell, Part, one};
use crate::proto::postgres::Scalar::{Int8, Text, Uuid as Id};
use crate::proto::postgres::{ValueFault, Values};
use crate::store::jobs::delivery_sql as sql;
use crate::store::{
    ClaimedDelivery, DeliveryRow, DeliveryState, DeliveryWrite, JobRow, NewDelivery,
};

const CLAIM: &str = sql::claim!("FOR UPDATE SKIP LOCKED");

/// Stores a delivery with its job.
pub(super) fn made<'a>(of: &'a JobRow, new: &'a NewDelivery) -> Part<'a> {
    let row = vec![
        Cell::text(&of.tenant),
        Cell::Uuid(of.id),
        Cell::Uuid(new.id),
        Cell::text(&new.hook),
    ];
    one(sql::INSERT, &[Text, Id, Id, Text], row)
}

/// The delivery of a job is due if the job has ended in this transaction.
pub(super) fn job_may_have_ended(tenant: &str, id: Uuid, now_ms: i64) -> Part<'_> {
    let row = vec![Cell::Int8(now_ms), Cell::text(tenant), Cell::Uuid(id)];
    one(sql::JOB_ENDED, &[Int8, Text, Id], row)
}

pub(super) fn of_write(write: &DeliveryWrite) -> (Vec<Part<'_>>, Kind) {
    match write {
        DeliveryWrite::Claim {
            claim,
            now_ms,
            until_ms,
        } => {
            let claim = Cell::Uuid(*claim);
            let until = Cell::Int8(*until_ms);
            let row = vec![Cell::Int8(*now_ms), claim.clone(), until.clone()];
            let parts = vec![
                one(sql::KEEP, &[Int8, Id], vec![until, claim.clone()]),
                one(CLAIM, &[Int8, Id, Int8], row),
                one(sql::CLAIMED, &[Id], vec![claim]),
            ];
            (parts, Kind::Delivery)
        }
        DeliveryWrite::End { claim, came } => {
            let (state, due_ms) = came.state();
            let row = vec![
                Cell::text(state.as_str()),
                Cell::maybe(due_ms, Cell::Int8),
                Cell::Int8(came.untried()),
                Cell::maybe(came.error(), Cell::text),
                Cell::Uuid(*claim),
            ];
            let part = one(sql::END, &[Text, Int8, Int8, Text, Id], row);
            (vec![part], Kind::DeliveryEnded)
        }
    }
}

/// What is asked for the time of the next one.
pub(super) fn due() -> (Part<'static>, answer::Kind) {
    (one(sql::DUE, &[], Vec::new()), answer::Kind::Job(Kind::Due))
}

pub(super) fn claimed(values: &mut Values<'_>) -> Result<ClaimedDelivery, ValueFault> {
    Ok(ClaimedDelivery {
        job: job(values)?,
        id: values.take()?,
        hook: values.take::<&str>()?.to_owned(),
        attempts: small(values)?,
    })
}

/// The delivery in the row of a job, if the outer join has found one. Its columns are read in any case.
pub(super) fn of_page(values: &mut Values<'_>) -> Result<Option<DeliveryRow>, ValueFault> {
    let id = values.take::<Option<Uuid>>()?;
    let hook = values.take::<Option<&str>>()?;
    let state = maybe_word(values, DeliveryState::from_word)?;
    let attempts = values.take::<Option<i64>>()?;
    let last_error = values.take::<Option<&str>>()?;
    let due_ms = values.take::<Option<i64>>()?;
    let (Some(id), Some(state)) = (id, state) else {
        return Ok(None);
    };
    Ok(Some(DeliveryRow {
        id,
        hook: hook.unwrap_or_default().to_owned(),
        state,
        attempts: attempts.map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        last_error: last_error.map(str::to_owned),
        due_ms,
    }))
}
