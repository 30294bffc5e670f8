//! Counts of ours (`u64`) in columns of SQLite's (`i64`).

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

/// A count as a column holds it. Above 2^63 - 1 it is kept as 2^63 - 1: a provider may report any
/// number of tokens, and its text is stored all the same.
pub(super) struct Count(pub(super) u64);

impl ToSql for Count {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(i64::try_from(self.0).unwrap_or(i64::MAX)))
    }
}

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let stored = value.as_i64()?;
        u64::try_from(stored)
            .map(Count)
            .map_err(|_| FromSqlError::OutOfRange(stored))
    }
}
