//! The statements that remove rows which are kept no longer, and weigh those that are kept.

use uuid::Uuid;

use super::answer::Kind;
use super::{Cell, Part, one};
use crate::limits::WEIGH_ROWS;
use crate::proto::postgres::Scalar::{Int8, Uuid as Id};
use crate::store::Table;
use crate::store::expiry::time_of;

/// The oldest rows of each tenant; tenants are found one by one through the primary key. Rows that another
/// process is at are left to it. What hangs on a text goes with it by the foreign key, and terms that
/// nothing refers to any more by the tables' triggers.
macro_rules! gone {
    ($table:literal, $which:literal) => {
        concat!(
            "WITH RECURSIVE tenants (tenant) AS (
                SELECT min(tenant) FROM ",
            $table,
            "
                UNION ALL
                SELECT (SELECT min(o.tenant) FROM ",
            $table,
            " AS o WHERE o.tenant > t.tenant)
                FROM tenants AS t WHERE t.tenant IS NOT NULL
            ), old AS (
                SELECT o.tenant, o.id FROM tenants AS t JOIN ",
            $table,
            " AS o ON o.tenant = t.tenant
                WHERE o.id < $1 ",
            $which,
            " LIMIT $2 FOR UPDATE OF o SKIP LOCKED
            ), gone AS (
                DELETE FROM ",
            $table,
            " AS d USING (SELECT DISTINCT tenant, id FROM old) AS o
                WHERE d.tenant = o.tenant AND d.id = o.id
                RETURNING d.id
            ) SELECT count(*) FROM gone"
        )
    };
}

const TEXTS: &str = gone!("generated_content", "");
const ANALYSES: &str = gone!("sentiment_analysis", "AND o.content IS NOT NULL");
const KEYWORDS: &str = gone!("generated_keywords", "");
const REQUESTS: &str = gone!("requests", "");

/// Whole jobs, as long as those before them have not made up the limit. Their items go with them, by the
/// foreign key. One whose end is still to be told to a webhook stays.
const JOBS: &str = "
    WITH old AS (
        SELECT tenant, id, items, finished_ms FROM jobs AS j WHERE finished_ms < $1
          AND NOT EXISTS (SELECT 1 FROM deliveries AS w
                          WHERE w.tenant = j.tenant AND w.job = j.id AND w.due_ms IS NOT NULL)
        ORDER BY finished_ms, tenant, id LIMIT $2 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM jobs AS d USING (
            SELECT tenant, id, sum(items + 1) OVER in_order - items - 1 AS rows_before FROM old
            WINDOW in_order AS (ORDER BY finished_ms, tenant, id)) AS o
        WHERE d.tenant = o.tenant AND d.id = o.id AND o.rows_before < $2
        RETURNING d.items + 1 AS n
    ) SELECT coalesce(sum(n), 0)::bigint FROM gone";

/// Newest first, by two indexes; the size of an analysed text is known without reading it.
const WEIGHTS: &str = "
    SELECT id, text_bytes FROM generated_content WHERE id < $1
    UNION ALL
    SELECT id, octet_length(content)::bigint FROM sentiment_analysis
    WHERE id < $1 AND content IS NOT NULL
    ORDER BY id DESC LIMIT $2";

pub(super) fn expire<'a>(table: Table, before: Uuid, limit: usize) -> (Vec<Part<'a>>, Kind) {
    let sql = match table {
        Table::Answers => return super::cached::expire(before, limit),
        Table::Jobs => {
            let row = vec![Cell::Int8(time_of(before)), Cell::Int8(limit as i64)];
            return (vec![one(JOBS, &[Int8, Int8], row)], Kind::Expired);
        }
        Table::Texts => TEXTS,
        Table::Analyses => ANALYSES,
        Table::Keywords => KEYWORDS,
        Table::Requests => REQUESTS,
    };
    (vec![bounded(sql, before, limit)], Kind::Expired)
}

pub(super) fn weigh<'a>(before: Option<Uuid>) -> (Part<'a>, Kind) {
    let before = before.unwrap_or(Uuid::max());
    (bounded(WEIGHTS, before, WEIGH_ROWS), Kind::Weighed)
}

fn bounded<'a>(sql: &'static str, before: Uuid, limit: usize) -> Part<'a> {
    Part {
        sql,
        kinds: &[Id, Int8],
        rows: vec![vec![Cell::Uuid(before), Cell::Int8(limit as i64)]],
        many: false,
    }
}
