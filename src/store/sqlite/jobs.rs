//! Jobs in SQLite. One connection writes, so nobody else can take the same item at the same time.

mod progress;

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::count::Count;
use super::deliveries;
use super::writer::{insert_analysis, insert_request};
use crate::limits::PAGE_ROWS;
use crate::store::jobs::{job_list, sql};
use crate::store::{
    ClaimedItem, ItemEnd, ItemKey, ItemRow, ItemState, JobFound, JobKind, JobPage, JobQuery,
    JobRow, JobState, JobWrite, JobWritten, NewItem,
};

const CLAIM: &str = sql::claim!("");

const INSERT_JOB: &str = "
    INSERT INTO jobs (tenant, id, kind, state, params, items, done, failed, created_ms)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7) ON CONFLICT (tenant, id) DO NOTHING";

const INSERT_ITEM: &str = "
    INSERT INTO job_items (tenant, job, position, state, input, row_id, attempts, due_ms)
    VALUES (?1, ?2, ?3, 'waiting', ?4, ?5, 0, ?6) ON CONFLICT (tenant, job, position) DO NOTHING";

const END_ITEM: &str = "
    UPDATE job_items SET state = ?5, due_ms = ?6, owner = NULL, error_code = ?7, result = coalesce(?8, result),
        attempts = attempts - ?9
    WHERE tenant = ?1 AND job = ?2 AND position = ?3 AND owner = ?4";

const COUNT_ITEM: &str = "
    UPDATE jobs SET done = done + ?3, failed = failed + ?4,
        state = CASE WHEN done + failed + ?3 + ?4 >= items THEN 'done' ELSE state END,
        finished_ms = CASE WHEN done + failed + ?3 + ?4 >= items THEN ?5 END
    WHERE tenant = ?1 AND id = ?2";

pub(super) fn carry_out(conn: &Connection, write: &JobWrite) -> rusqlite::Result<JobWritten> {
    match write {
        JobWrite::Create {
            requests,
            job,
            items,
            webhook,
        } => {
            for request in requests {
                insert_request(conn, request)?;
            }
            create(conn, job, items)?;
            if let Some(delivery) = webhook {
                deliveries::insert(conn, job, delivery)?;
            }
            Ok(JobWritten::Created)
        }
        JobWrite::Claim {
            owner,
            now_ms,
            until_ms,
        } => claim(conn, *owner, *now_ms, *until_ms),
        JobWrite::Hold { owner, until_ms } => {
            let mut statement = conn.prepare_cached(sql::HOLD)?;
            let held = statement.query_map(params![until_ms, owner.as_bytes()], key)?;
            held.collect::<rusqlite::Result<_>>().map(JobWritten::Held)
        }
        JobWrite::Note { key, owner, result } => {
            let noted = conn.prepare_cached(sql::NOTE)?.execute(params![
                result,
                key.tenant,
                key.job.as_bytes(),
                key.position,
                owner.as_bytes(),
            ])?;
            Ok(JobWritten::Noted(noted > 0))
        }
        JobWrite::End(end) => finish(conn, end),
        JobWrite::GiveBack { owner, now_ms } => {
            conn.prepare_cached(sql::give_back!())?
                .execute(params![now_ms, owner.as_bytes()])?;
            Ok(JobWritten::GivenBack)
        }
        JobWrite::Cancel { tenant, id, now_ms } => {
            let id = id.as_bytes();
            conn.prepare_cached(sql::CANCEL_ITEMS)?
                .execute(params![tenant, id])?;
            conn.prepare_cached(sql::CANCEL_JOB)?
                .execute(params![now_ms, tenant, id])?;
            deliveries::job_may_have_ended(conn, tenant, id, *now_ms)?;
            conn.prepare_cached(sql::STATE)?
                .query_row(params![tenant, id], |row| word(row, 0, JobState::from_word))
                .optional()
                .map(JobWritten::Cancelled)
        }
        JobWrite::Delivery(write) => deliveries::carry_out(conn, write),
    }
}

fn create(conn: &Connection, job: &JobRow, items: &[NewItem]) -> rusqlite::Result<()> {
    conn.prepare_cached(INSERT_JOB)?.execute(params![
        job.tenant,
        job.id.as_bytes(),
        job.kind.as_str(),
        job.state.as_str(),
        job.params,
        Count(job.items),
        job.created_ms,
    ])?;
    let mut insert = conn.prepare_cached(INSERT_ITEM)?;
    for (position, item) in (0_u32..).zip(items) {
        insert.execute(params![
            job.tenant,
            job.id.as_bytes(),
            position,
            item.input,
            item.row_id.as_bytes(),
            job.created_ms,
        ])?;
    }
    Ok(())
}

fn claim(
    conn: &Connection,
    owner: Uuid,
    now_ms: i64,
    until_ms: i64,
) -> rusqlite::Result<JobWritten> {
    let claimed = conn
        .prepare_cached(CLAIM)?
        .query_row(params![now_ms, owner.as_bytes(), until_ms], |row| {
            Ok(Box::new(ClaimedItem {
                key: key(row)?,
                input: row.get(3)?,
                row_id: Uuid::from_bytes(row.get(4)?),
                attempts: row.get(5)?,
                result: row.get(6)?,
                kind: word(row, 7, JobKind::from_word)?,
                params: row.get(8)?,
                stored: row.get(9)?,
            }))
        })
        .optional()?;
    if claimed.is_some() {
        conn.prepare_cached(sql::START)?
            .execute(params![now_ms, owner.as_bytes()])?;
    }
    Ok(JobWritten::Claimed(claimed))
}

fn finish(conn: &Connection, end: &ItemEnd) -> rusqlite::Result<JobWritten> {
    if let Some(analysis) = &end.analysis {
        insert_analysis(conn, analysis)?;
    }
    let (key, came) = (&end.key, &end.came);
    let (state, due_ms) = came.state();
    let heard = conn.prepare_cached(END_ITEM)?.execute(params![
        key.tenant,
        key.job.as_bytes(),
        key.position,
        end.owner.as_bytes(),
        state.as_str(),
        due_ms,
        came.code(),
        came.result(),
        came.untried(),
    ])?;
    let (done, failed) = came.counts();
    if heard > 0 && done + failed > 0 {
        conn.prepare_cached(COUNT_ITEM)?.execute(params![
            key.tenant,
            key.job.as_bytes(),
            done,
            failed,
            end.now_ms
        ])?;
        deliveries::job_may_have_ended(conn, &key.tenant, key.job.as_bytes(), end.now_ms)?;
    }
    Ok(JobWritten::Ended(heard > 0))
}

pub(super) fn answer(conn: &Connection, query: &JobQuery) -> rusqlite::Result<JobFound> {
    match query {
        JobQuery::Due => conn
            .prepare_cached(sql::DUE)?
            .query_row((), |row| row.get(0))
            .map(JobFound::Due),
        JobQuery::DeliveryDue => deliveries::due(conn).map(JobFound::Due),
        JobQuery::List {
            tenant,
            limit,
            before,
        } => {
            let limit = (*limit).clamp(1, PAGE_ROWS);
            let before = before.unwrap_or(Uuid::max());
            let mut statement = conn.prepare_cached(sql::LIST)?;
            let rows =
                statement.query_map(params![tenant, before.as_bytes(), limit as i64 + 1], job)?;
            let rows: rusqlite::Result<Vec<JobRow>> = rows.collect();
            Ok(job_list(rows?, limit))
        }
        JobQuery::One {
            tenant,
            id,
            after,
            limit,
        } => one(conn, tenant, *id, *after, (*limit).clamp(1, PAGE_ROWS)).map(JobFound::One),
        JobQuery::Progress {
            tenant,
            id,
            from,
            known,
            limit,
        } => {
            let which = params![tenant, id.as_bytes(), from, known, *limit as i64 + 1];
            progress::read(conn, which, *limit).map(JobFound::Progress)
        }
    }
}

fn one(
    conn: &Connection,
    tenant: &str,
    id: Uuid,
    after: Option<u32>,
    limit: usize,
) -> rusqlite::Result<Option<Box<JobPage>>> {
    let after = after.map_or(-1, i64::from);
    let mut statement = conn.prepare_cached(sql::ONE)?;
    let mut rows = statement.query(params![after, tenant, id.as_bytes(), limit as i64 + 1])?;
    let (mut found, mut items) = (None, Vec::new());
    while let Some(row) = rows.next()? {
        if found.is_none() {
            found = Some((job(row)?, deliveries::of_page(row, 18)?));
        }
        items.extend(item(row)?);
    }
    Ok(found.map(|(job, webhook)| Box::new(JobPage::new(job, webhook, items, limit))))
}

pub(super) fn job(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    Ok(JobRow {
        tenant: row.get(0)?,
        id: Uuid::from_bytes(row.get(1)?),
        kind: word(row, 2, JobKind::from_word)?,
        state: word(row, 3, JobState::from_word)?,
        params: row.get(4)?,
        items: row.get::<_, Count>(5)?.0,
        done: row.get::<_, Count>(6)?.0,
        failed: row.get::<_, Count>(7)?.0,
        created_ms: row.get(8)?,
        started_ms: row.get(9)?,
        finished_ms: row.get(10)?,
    })
}

/// The item of a row, which may have none.
fn item(row: &Row<'_>) -> rusqlite::Result<Option<ItemRow>> {
    let Some(position) = row.get(11)? else {
        return Ok(None);
    };
    Ok(Some(ItemRow {
        position,
        state: word(row, 12, ItemState::from_word)?,
        input: row.get(13)?,
        row_id: Uuid::from_bytes(row.get(14)?),
        attempts: row.get(15)?,
        error_code: row.get(16)?,
        result: row.get(17)?,
    }))
}

fn key(row: &Row<'_>) -> rusqlite::Result<ItemKey> {
    Ok(ItemKey {
        tenant: row.get(0)?,
        job: Uuid::from_bytes(row.get(1)?),
        position: row.get(2)?,
    })
}

/// A word of a closed list. One that no version of the program has written is a broken row.
pub(super) fn word<T>(row: &Row<'_>, at: usize, of: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let word: String = row.get(at)?;
    of(&word).ok_or_else(|| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::InvalidColumnType(at, word, kind)
    })
}
