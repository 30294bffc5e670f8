//! Deliveries in SQLite: who is told that a job has ended.

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::jobs::{job, word};
use crate::store::jobs::delivery_sql as sql;
use crate::store::{
    ClaimedDelivery, DeliveryRow, DeliveryState, DeliveryWrite, JobRow, JobWritten, NewDelivery,
};

const CLAIM: &str = sql::claim!("");

/// Stores a delivery with its job. What is there already is left as it is.
pub(super) fn insert(conn: &Connection, of: &JobRow, new: &NewDelivery) -> rusqlite::Result<()> {
    conn.prepare_cached(sql::INSERT)?.execute(params![
        of.tenant,
        of.id.as_bytes(),
        new.id.as_bytes(),
        new.hook,
    ])?;
    Ok(())
}

/// The delivery of a job is due if the job has ended in this transaction.
pub(super) fn job_may_have_ended(
    conn: &Connection,
    tenant: &str,
    id: &[u8; 16],
    now_ms: i64,
) -> rusqlite::Result<()> {
    conn.prepare_cached(sql::JOB_ENDED)?
        .execute(params![now_ms, tenant, id])?;
    Ok(())
}

pub(super) fn carry_out(conn: &Connection, write: &DeliveryWrite) -> rusqlite::Result<JobWritten> {
    match write {
        DeliveryWrite::Claim {
            claim,
            now_ms,
            until_ms,
        } => {
            conn.prepare_cached(sql::KEEP)?
                .execute(params![until_ms, claim.as_bytes()])?;
            conn.prepare_cached(CLAIM)?
                .execute(params![now_ms, claim.as_bytes(), until_ms])?;
            conn.prepare_cached(sql::CLAIMED)?
                .query_row([claim.as_bytes()], claimed)
                .optional()
                .map(JobWritten::Delivery)
        }
        DeliveryWrite::End { claim, came } => {
            let (state, due_ms) = came.state();
            let heard = conn.prepare_cached(sql::END)?.execute(params![
                state.as_str(),
                due_ms,
                came.untried(),
                came.error(),
                claim.as_bytes(),
            ])?;
            Ok(JobWritten::Ended(heard > 0))
        }
    }
}

/// When the next one may be taken.
pub(super) fn due(conn: &Connection) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached(sql::DUE)?
        .query_row((), |row| row.get(0))
}

fn claimed(row: &Row<'_>) -> rusqlite::Result<Box<ClaimedDelivery>> {
    Ok(Box::new(ClaimedDelivery {
        job: job(row)?,
        id: Uuid::from_bytes(row.get(11)?),
        hook: row.get(12)?,
        attempts: row.get(13)?,
    }))
}

/// The delivery in the row of a job, from this column on, if the outer join has found one.
pub(super) fn of_page(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<DeliveryRow>> {
    let Some(id) = row.get::<_, Option<[u8; 16]>>(at)? else {
        return Ok(None);
    };
    Ok(Some(DeliveryRow {
        id: Uuid::from_bytes(id),
        hook: row.get(at + 1)?,
        state: word(row, at + 2, DeliveryState::from_word)?,
        attempts: row.get(at + 3)?,
        last_error: row.get(at + 4)?,
        due_ms: row.get(at + 5)?,
    }))
}
