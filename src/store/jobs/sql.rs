//! The statements about jobs that both databases understand.
//!
//! Their parameters stand in the order of their numbers, because SQLite numbers them by where each is
//! seen first.

/// Takes an item in hand. `$lock` is what keeps two connections from taking the same one; SQLite has
/// only one that writes.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "WITH next AS MATERIALIZED (
                SELECT tenant AS t, job AS j, position AS p FROM job_items
                WHERE due_ms <= $1 ORDER BY due_ms, job, position LIMIT 1 ",
            $lock,
            ") UPDATE job_items
            SET state = 'running', attempts = attempts + 1, owner = $2, due_ms = $3
            FROM next WHERE tenant = t AND job = j AND position = p
            RETURNING tenant, job, position, input, row_id, attempts, result,
                (SELECT kind FROM jobs
                 WHERE jobs.tenant = job_items.tenant AND jobs.id = job_items.job),
                (SELECT params FROM jobs
                 WHERE jobs.tenant = job_items.tenant AND jobs.id = job_items.job),
                EXISTS (SELECT 1 FROM generated_content AS g
                        WHERE g.tenant = job_items.tenant AND g.id = job_items.row_id)"
        )
    };
}
pub(in crate::store) use claim;

/// Jobs of which the owner has just taken the first item have begun.
pub(in crate::store) const START: &str = "
    UPDATE jobs SET state = 'running', started_ms = $1
    WHERE state = 'queued'
      AND (tenant, id) IN (SELECT tenant, job FROM job_items WHERE owner = $2)";

pub(in crate::store) const HOLD: &str = "
    UPDATE job_items SET due_ms = $1 WHERE owner = $2 RETURNING tenant, job, position";

pub(in crate::store) const NOTE: &str = "
    UPDATE job_items SET result = $1
    WHERE tenant = $2 AND job = $3 AND position = $4 AND owner = $5";

/// Lets go of all that an owner has.
macro_rules! give_back {
    () => {
        "UPDATE job_items
         SET state = 'waiting', owner = NULL, attempts = attempts - 1, due_ms = $1
         WHERE owner = $2"
    };
}
pub(in crate::store) use give_back;

pub(in crate::store) const CANCEL_ITEMS: &str = "
    UPDATE job_items SET state = 'cancelled', owner = NULL, due_ms = NULL
    WHERE tenant = $1 AND job = $2 AND due_ms IS NOT NULL";

pub(in crate::store) const CANCEL_JOB: &str = "
    UPDATE jobs SET state = 'cancelled', finished_ms = $1
    WHERE tenant = $2 AND id = $3 AND state IN ('queued', 'running')";

pub(in crate::store) const STATE: &str = "SELECT state FROM jobs WHERE tenant = $1 AND id = $2";

pub(in crate::store) const DUE: &str = "SELECT min(due_ms) FROM job_items WHERE due_ms IS NOT NULL";

pub(in crate::store) const LIST: &str = "
    SELECT tenant, id, kind, state, params, items, done, failed, created_ms, started_ms, finished_ms
    FROM jobs WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3";

/// The job stands in every row; a job without further items is one row with no item.
pub(in crate::store) const ONE: &str = "
    SELECT j.tenant, j.id, j.kind, j.state, j.params, j.items, j.done, j.failed, j.created_ms,
        j.started_ms, j.finished_ms,
        i.position, i.state, substr(i.input, 1, 500), i.row_id, i.attempts, i.error_code, i.result,
        d.id, d.hook, d.state, d.attempts, d.last_error, d.due_ms
    FROM jobs AS j
    LEFT JOIN deliveries AS d ON d.tenant = j.tenant AND d.job = j.id
    LEFT JOIN job_items AS i ON i.tenant = j.tenant AND i.job = j.id AND i.position > $1
    WHERE j.tenant = $2 AND j.id = $3 ORDER BY i.position LIMIT $4";

/// The job stands in every row; a job of which nothing else has ended is one row with no item. What is
/// known already is a string of digits, which both databases can look into, and an array only one.
pub(in crate::store) const PROGRESS: &str = "
    SELECT j.tenant, j.id, j.kind, j.state, j.params, j.items, j.done, j.failed, j.created_ms,
        j.started_ms, j.finished_ms,
        (SELECT count(*) FROM job_items AS r
         WHERE r.tenant = $1 AND r.job = $2 AND r.state = 'running'),
        i.position, i.state, i.row_id, i.error_code
    FROM jobs AS j
    LEFT JOIN job_items AS i ON i.tenant = j.tenant AND i.job = j.id AND i.position >= $3
        AND i.state IN ('done', 'failed')
        AND substr($4, CAST(i.position - $3 AS INTEGER) + 1, 1) <> '1'
    WHERE j.tenant = $1 AND j.id = $2 ORDER BY i.position LIMIT $5";
