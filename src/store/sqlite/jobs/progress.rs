//! How far a job is: one question, which sees all of it at one moment.

use rusqlite::{Connection, Row, ToSql};
use uuid::Uuid;

use super::{Count, job, word};
use crate::store::jobs::sql;
use crate::store::{EndedItem, ItemState, JobProgress};

pub(super) fn read(
    conn: &Connection,
    which: &[&dyn ToSql],
    limit: usize,
) -> rusqlite::Result<Option<Box<JobProgress>>> {
    let mut statement = conn.prepare_cached(sql::PROGRESS)?;
    let mut rows = statement.query(which)?;
    let (mut found, mut ended) = (None, Vec::new());
    while let Some(row) = rows.next()? {
        if found.is_none() {
            found = Some((job(row)?, row.get::<_, Count>(11)?.0));
        }
        ended.extend(item(row)?);
    }
    Ok(found.map(|(job, running)| Box::new(JobProgress::new(job, running, ended, limit))))
}

/// The item of a row, which may have none.
fn item(row: &Row<'_>) -> rusqlite::Result<Option<EndedItem>> {
    let Some(position) = row.get(12)? else {
        return Ok(None);
    };
    Ok(Some(EndedItem {
        position,
        state: word(row, 13, ItemState::from_word)?,
        row_id: Uuid::from_bytes(row.get(14)?),
        error_code: row.get(15)?,
    }))
}
