//! Removing rows that are kept no longer, and weighing those that are kept.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::writer_sql::DELETE_UNUSED_TERM;
use crate::limits::WEIGH_ROWS;
use crate::store::expiry::time_of;
use crate::store::{Found, Table, Weight, Written};

/// The oldest rows of each tenant. Tenants are found one by one through the primary key, which begins
/// with them: so few rows are looked at beside those that go.
fn oldest(table: &str, which: &str) -> String {
    format!(
        "(tenant, id) IN (
            WITH RECURSIVE tenants (tenant) AS (
                SELECT min(tenant) FROM {table}
                UNION ALL
                SELECT (SELECT min(o.tenant) FROM {table} AS o WHERE o.tenant > t.tenant)
                FROM tenants AS t WHERE t.tenant IS NOT NULL)
            SELECT o.tenant, o.id FROM tenants AS t JOIN {table} AS o ON o.tenant = t.tenant
            WHERE o.id < ?1 {which} LIMIT ?2)"
    )
}

/// Newest first, by two indexes that have all of it; an analysed text is not read for its length.
const WEIGHTS: &str = "
    SELECT id, text_bytes FROM generated_content WHERE id < ?1
    UNION ALL
    SELECT id, octet_length(content) FROM sentiment_analysis WHERE id < ?1 AND content IS NOT NULL
    ORDER BY id DESC LIMIT ?2";

/// Removes some of the rows below `before`, and terms that nothing refers to any more.
pub(super) fn expire(
    conn: &Connection,
    table: Table,
    before: Uuid,
    limit: usize,
) -> rusqlite::Result<Written> {
    let (name, which) = match table {
        Table::Answers => return super::cached::expire(conn, before, limit),
        Table::Jobs => return ended_jobs(conn, time_of(before), limit),
        Table::Texts => ("generated_content", ""),
        Table::Analyses => ("sentiment_analysis", "AND o.content IS NOT NULL"),
        Table::Keywords => ("generated_keywords", ""),
        Table::Requests => ("requests", ""),
    };
    let condition = oldest(name, which);
    let bounds = params![before.as_bytes(), limit as i64];
    if table == Table::Requests {
        let delete = format!("DELETE FROM {name} WHERE {condition}");
        let rows = conn.prepare_cached(&delete)?.execute(bounds)?;
        return Ok(Written::Expired(rows as u64));
    }
    // The scores of a generated text go with it, by the foreign key.
    let delete = format!("DELETE FROM {name} WHERE {condition} RETURNING tenant, search_term_id");
    let mut delete = conn.prepare_cached(&delete)?;
    let mut removed = delete.query(bounds)?;
    let (mut rows, mut terms) = (0, BTreeSet::new());
    while let Some(row) = removed.next()? {
        rows += 1;
        terms.insert((row.get::<_, String>(0)?, row.get::<_, [u8; 16]>(1)?));
    }
    let mut unused = conn.prepare_cached(DELETE_UNUSED_TERM)?;
    for (tenant, term) in terms {
        unused.execute(params![tenant, term])?;
    }
    Ok(Written::Expired(rows))
}

/// Whole jobs, as long as those before them have not made up the limit. Their items go with them, by the
/// foreign key.
const ENDED_JOBS: &str = "
    DELETE FROM jobs WHERE (tenant, id) IN (
        SELECT tenant, id FROM (
            SELECT tenant, id, sum(items + 1) OVER in_order - items - 1 AS rows_before
            FROM (SELECT tenant, id, items, finished_ms FROM jobs AS j WHERE finished_ms < ?1
                    AND NOT EXISTS (SELECT 1 FROM deliveries AS w WHERE w.tenant = j.tenant
                                    AND w.job = j.id AND w.due_ms IS NOT NULL)
                  ORDER BY finished_ms, tenant, id LIMIT ?2)
            WINDOW in_order AS (ORDER BY finished_ms, tenant, id))
        WHERE rows_before < ?2)
    RETURNING items + 1";

fn ended_jobs(conn: &Connection, before_ms: i64, limit: usize) -> rusqlite::Result<Written> {
    let mut delete = conn.prepare_cached(ENDED_JOBS)?;
    let rows = delete.query_map(params![before_ms, limit as i64], |row| row.get::<_, i64>(0))?;
    let rows: rusqlite::Result<Vec<i64>> = rows.collect();
    Ok(Written::Expired(rows?.iter().sum::<i64>().unsigned_abs()))
}

/// What texts take, the newest first.
pub(super) fn weigh(conn: &Connection, before: Option<Uuid>) -> rusqlite::Result<Found> {
    let before = before.unwrap_or(Uuid::max());
    let mut statement = conn.prepare_cached(WEIGHTS)?;
    let rows = statement.query_map(params![before.as_bytes(), WEIGH_ROWS as i64], |row| {
        Ok(Weight {
            id: Uuid::from_bytes(row.get(0)?),
            bytes: row.get::<_, i64>(1)?.unsigned_abs(),
        })
    })?;
    Ok(Found::Weighed(rows.collect::<rusqlite::Result<_>>()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::sqlite::Writer;

    #[test]
    fn neither_walks_more_of_the_store_than_it_has_to() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::open(&folder.path().join("t.db")).unwrap();
        let plan = |sql: &str| {
            let explained = format!("EXPLAIN QUERY PLAN {sql}");
            let mut statement = writer.conn.prepare(&explained).unwrap();
            let before = Uuid::max();
            let lines = statement
                .query_map(params![before.as_bytes(), 5], |row| row.get::<_, String>(3))
                .unwrap();
            lines.map(Result::unwrap).collect::<Vec<_>>().join("\n")
        };
        let weights = plan(WEIGHTS);
        assert!(
            weights.contains("COVERING INDEX generated_content_by_age"),
            "{weights}"
        );
        assert!(
            weights.contains("INDEX sentiment_analysis_by_age"),
            "{weights}"
        );
        assert!(!weights.contains("TEMP B-TREE"), "{weights}");
        let expire = plan(&format!(
            "DELETE FROM requests WHERE {}",
            oldest("requests", "")
        ));
        assert!(
            !expire.contains("SCAN requests") && !expire.contains("SCAN o"),
            "{expire}"
        );
        let jobs = plan(ENDED_JOBS);
        assert!(jobs.contains("INDEX jobs_ended"), "{jobs}");
    }
}
