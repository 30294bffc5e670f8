//! The tables' versions: SQL files in the binary, counted by SQLite's `user_version`, and the record
//! of what was made. What follows from it is judged in [`crate::store::migrations`].

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::errors::explain;
use crate::store::StoreError;
use crate::store::migrations::{Applied, Migration, migrations, missing};

const KNOWN: &[Migration] = &migrations![
    "0001_first_tables",
    "0002_search",
    "0003_what_requests_cost",
    "0004_how_old_rows_are",
    "0005_idempotency",
    "0006_answer_cache",
    "0007_jobs",
    "0008_ended_jobs",
    "0009_webhooks",
    "0010_counters",
    "0011_cached_chats",
    "0012_forgotten_terms",
];

/// The version of the tables that this program reads and writes.
pub(super) const VERSION: i64 = KNOWN.len() as i64;

/// Versions that were made before there was a record get their rows without a hash.
const MAKE_RECORD: &str = "
    CREATE TABLE maitred_schema (
        version  INTEGER PRIMARY KEY,
        name     TEXT NOT NULL,
        checksum TEXT,
        applied  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
    )";
const HAS_RECORD: &str = "SELECT 1 FROM sqlite_schema WHERE name = 'maitred_schema'";
const RECORD: &str = "SELECT version, checksum FROM maitred_schema ORDER BY version";
const NOTE: &str = "
    INSERT INTO maitred_schema (version, name, checksum) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET name = excluded.name, checksum = excluded.checksum";

/// The version of the tables in a file; 0 in a new one.
pub(super) fn version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Whether the tables in a file are of this program's making, as far as they go.
pub(super) fn check(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let applied = applied(conn).map_err(|error| explain(path, &error))?;
    missing(KNOWN, &applied, path).map(drop)
}

/// Brings the tables to [`VERSION`], in one transaction. Of several processes that open a new file
/// together, one makes them, and the others wait for it and find the work done.
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let explain = |error| explain(path, &error);
    let transaction = conn
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(explain)?;
    let applied = applied(&transaction).map_err(explain)?;
    let missing = missing(KNOWN, &applied, path)?;
    let unnoted = applied.iter().any(|row| row.checksum.is_none());
    if missing.is_empty() && !unnoted {
        return Ok(());
    }
    make(&transaction, missing).map_err(explain)?;
    transaction.commit().map_err(explain)
}

/// What was made, by the record; by the version alone, if there is no record yet.
fn applied(conn: &Connection) -> rusqlite::Result<Vec<Applied>> {
    if !has_record(conn)? {
        let row = |version| Applied {
            version,
            checksum: None,
        };
        // A version that cannot be is as good as one that is too new.
        let version = version(conn)?.clamp(0, VERSION + 1);
        return Ok((1..=version).map(row).collect());
    }
    let mut record = conn.prepare(RECORD)?;
    let rows = record.query_map((), |row| {
        Ok(Applied {
            version: row.get(0)?,
            checksum: row.get(1)?,
        })
    })?;
    rows.collect()
}

fn has_record(conn: &Connection) -> rusqlite::Result<bool> {
    let found = conn.query_row(HAS_RECORD, (), |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// Makes what is missing, and notes all of it.
fn make(conn: &Connection, missing: &[Migration]) -> rusqlite::Result<()> {
    if !has_record(conn)? {
        conn.execute_batch(MAKE_RECORD)?;
    }
    for migration in missing {
        conn.execute_batch(migration.sql)?;
    }
    for (version, migration) in (1_i64..).zip(KNOWN) {
        conn.execute(NOTE, params![version, migration.name, migration.checksum()])?;
    }
    conn.pragma_update(None, "user_version", VERSION)
}
