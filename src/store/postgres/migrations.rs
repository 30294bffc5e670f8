//! The tables: made, brought up to date, or left alone because they are not ours.
//!
//! ```text
//!  is there a record? ─┬─ yes: all there? ─┬─ yes ───────────────► done, and nothing was locked
//!                      │                   ├─ not ours ──────────► refused, and the connection closed
//!                      ▼                   ▼
//!                  BEGIN, lock, what is on record? ─► what is missing, COMMIT
//! ```
//! The lock ends with the transaction, so it works through a pooler too, and whoever waits for it finds
//! the tables made. Tables that are as they should be are only looked at, so a server that takes no
//! writes will do. What follows from the record is judged in [`crate::store::migrations`]; two of the
//! files are SQLite's as well.

use std::path::Path;

use super::NAME;
use crate::proto::postgres::Row;
use crate::store::StoreError;
use crate::store::migrations::{Applied, Migration, migrations, missing};

const KNOWN: &[Migration] = &migrations![
    "0001_first_tables",
    "0002_search.postgres",
    "0003_what_requests_cost",
    "0004_how_old_rows_are",
    "0005_idempotency",
    "0006_answer_cache",
    "0007_jobs",
    "0008_ended_jobs",
    "0009_webhooks",
    "0010_counters.postgres",
    "0011_cached_chats",
    "0012_forgotten_terms.postgres",
];

/// A row, if there is a record with hashes.
const LOOK: &str = "
    SELECT 1 FROM pg_attribute
    WHERE attrelid = to_regclass('maitred_schema') AND attname = 'checksum' AND NOT attisdropped";
const READ: &str = "SELECT version, checksum FROM maitred_schema ORDER BY version";
/// The number of the lock is any that nobody else uses.
const LOCK: &str = "
    BEGIN; SELECT pg_advisory_xact_lock(7885302917);
    CREATE TABLE IF NOT EXISTS maitred_schema (
        version BIGINT PRIMARY KEY, applied TIMESTAMPTZ NOT NULL DEFAULT now());
    ALTER TABLE maitred_schema
        ADD COLUMN IF NOT EXISTS name TEXT, ADD COLUMN IF NOT EXISTS checksum TEXT;";

/// Goes through it, one script at a time.
#[derive(Debug, Default)]
pub struct Migrator {
    step: Step,
    has_record: bool,
    applied: Vec<Applied>,
}

/// What the next row or script is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Begin,
    Look,
    Read,
    Lock,
    Over,
}

impl Migrator {
    /// The next script; `None` when the tables are as they should be.
    ///
    /// # Errors
    /// They are not of this program's making, or newer. The connection is to be closed.
    pub fn script(&mut self) -> Result<Option<String>, StoreError> {
        let (next, script) = match self.step {
            Step::Begin => (Step::Look, LOOK.to_owned()),
            Step::Look if self.has_record => (Step::Read, READ.to_owned()),
            Step::Read if self.is_complete()? => return Ok(None),
            Step::Look | Step::Read => {
                self.applied.clear();
                (Step::Lock, format!("{LOCK} {READ}"))
            }
            Step::Lock => (Step::Over, self.make()?),
            Step::Over => return Ok(None),
        };
        self.step = next;
        Ok(Some(script))
    }

    fn missing(&self) -> Result<&'static [Migration], StoreError> {
        missing(KNOWN, &self.applied, Path::new(NAME))
    }

    /// Whether nothing has to be made, and nothing to be noted.
    fn is_complete(&self) -> Result<bool, StoreError> {
        let noted = self.applied.iter().all(|row| row.checksum.is_some());
        Ok(self.missing()?.is_empty() && noted)
    }

    fn make(&self) -> Result<String, StoreError> {
        let mut script = String::new();
        for migration in self.missing()? {
            script += migration.sql;
        }
        for (version, migration) in (1..).zip(KNOWN) {
            let (name, checksum) = (migration.name, migration.checksum());
            script += &format!(
                ";\nINSERT INTO maitred_schema (version, name, checksum)
                 VALUES ({version}, '{name}', '{checksum}')
                 ON CONFLICT (version) DO UPDATE SET name = excluded.name, checksum = excluded.checksum
                 WHERE maitred_schema.checksum IS NULL"
            );
        }
        script += ";\nCOMMIT";
        Ok(script)
    }

    /// A row of the present script.
    pub fn row(&mut self, row: &Row<'_>) {
        if self.step == Step::Look {
            self.has_record = true;
            return;
        }
        let mut values = row.values();
        // The lock's own row holds no number.
        if let Ok(Some(version)) = values.text()
            && let Ok(version) = version.parse()
            && let Ok(checksum) = values.text()
        {
            let checksum = checksum.map(str::to_owned);
            self.applied.push(Applied { version, checksum });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The scripts that are sent to a database with these versions on record, or with no record.
    fn scripts(recorded: Option<i64>) -> Result<Vec<String>, StoreError> {
        let mut migrator = Migrator::default();
        let mut sent = Vec::new();
        while let Some(script) = migrator.script()? {
            migrator.has_record = recorded.is_some();
            if script.contains(READ) {
                migrator.applied = (1..=recorded.unwrap_or(0))
                    .map(|version| Applied {
                        version,
                        checksum: KNOWN.get(version as usize - 1).map(Migration::checksum),
                    })
                    .collect();
            }
            sent.push(script);
        }
        Ok(sent)
    }

    #[test]
    fn what_is_missing_is_made_under_a_lock() {
        let sent = scripts(None).unwrap();
        assert_eq!(sent.len(), 3);
        assert!(sent[1].contains("BEGIN") && sent[1].contains("pg_advisory_xact_lock"));
        assert!(sent[2].contains("CREATE TABLE search_terms") && sent[2].ends_with("COMMIT"));
        let sent = scripts(Some(2)).unwrap();
        assert_eq!(sent.len(), 4);
        let last = sent.last().unwrap();
        assert!(!last.contains("CREATE TABLE search_terms") && last.contains("ADD COLUMN cost"));
    }

    #[test]
    fn tables_as_they_should_be_are_only_looked_at() {
        let sent = scripts(Some(KNOWN.len() as i64)).unwrap();
        assert_eq!(sent, [LOOK, READ]);
    }

    #[test]
    fn newer_tables_are_left_alone() {
        let error = scripts(Some(KNOWN.len() as i64 + 1)).unwrap_err();
        assert_eq!(error.code(), "store_schema");
    }
}
