//! The tables' versions: SQL files in the binary, counted by SQLite's `user_version`.
//!
//! A migration only adds. A file whose version is newer than the newest file here was written by a
//! newer maitred and is not opened, because this one would not know what it must keep.

use std::path::Path;

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use super::errors::explain;
use crate::store::StoreError;

const STEPS: &[M<'_>] = &[
    M::up(include_str!("../migrations/0001_first_tables.sql")),
    M::up(include_str!("../migrations/0002_search.sql")),
    M::up(include_str!("../migrations/0003_what_requests_cost.sql")),
    M::up(include_str!("../migrations/0004_how_old_rows_are.sql")),
    M::up(include_str!("../migrations/0005_idempotency.sql")),
    M::up(include_str!("../migrations/0006_answer_cache.sql")),
    M::up(include_str!("../migrations/0007_jobs.sql")),
];

/// The version of the tables that this program reads and writes.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// The version of the tables in a file; 0 in a new one.
pub(super) fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings the tables to [`VERSION`], one transaction per step.
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let Err(error) = Migrations::from_slice(STEPS).to_latest(conn) else {
        return Ok(());
    };
    // Two processes that open a new file together both try; the one that came second fails and
    // finds the work done.
    if version(conn).map_err(|e| explain(path, &e))? == VERSION {
        return Ok(());
    }
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => Err(explain(path, &err)),
        _ => Err(StoreError::Failed {
            path: path.to_owned(),
            reason: "a migration failed".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_step_runs_on_an_empty_file() {
        Migrations::from_slice(STEPS).validate().unwrap();
    }
}
