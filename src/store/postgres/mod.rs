//! The store in PostgreSQL's words: what to send, and how its answer is read. No connection, no I/O.
//!
//! ```text
//!  Write, Query ─► Request ─(statements)─► …a session… ─(rows, tags)─► Answer ─► Written, Found
//! ```
//! A request is one transaction. Rows go in by `unnest`, so one text and a batch of an import are the
//! same few statements, which the server keeps prepared. What is there already is left as it is.
//!
//! Tables and their meaning are SQLite's; two things differ. PostgreSQL has no U+0000 in a text: it is
//! stored as U+FFFD. And words are found by its full-text search (`migrations.rs`).

mod answer;
mod cached;
mod counters;
mod deliveries;
mod expire;
mod idempotency;
mod jobs;
pub mod migrations;
mod queries;
mod rows;
mod told;
mod writes;

use std::borrow::Cow;

use uuid::Uuid;

use self::answer::Kind;
pub use self::answer::{Answer, Answered};
pub use self::told::{LISTEN, job_told_of};
use crate::proto::postgres::{Meaning, Report, Scalar, Statement, Type, Value};
use crate::store::{Query, StoreError, Write};

/// The name by which errors tell which database it is.
pub(crate) const NAME: &str = "PostgreSQL";

/// What is sent for one [`Write`] or [`Query`], from which it borrows.
#[derive(Debug)]
pub struct Request<'a> {
    parts: Vec<Part<'a>>,
    kind: Kind,
}

/// One statement.
#[derive(Debug)]
struct Part<'a> {
    sql: &'static str,
    kinds: &'static [Scalar],
    rows: Vec<Vec<Cell<'a>>>,
    /// Whether its values are lists, with an item for each row.
    many: bool,
}

/// One value, with what it may have to own.
#[derive(Clone, Debug)]
enum Cell<'a> {
    Null,
    Bool(bool),
    Int4(i32),
    Int8(i64),
    Float8(f64),
    Text(Cow<'a, str>),
    Hash([u8; 32]),
    Uuid(Uuid),
}

impl<'a> Cell<'a> {
    fn text(text: &'a str) -> Self {
        Cell::Text(if text.contains('\0') {
            text.replace('\0', "\u{fffd}").into()
        } else {
            text.into()
        })
    }

    /// Bytes of a text as it is kept.
    fn bytes(&self) -> u64 {
        match self {
            Cell::Text(text) => text.len() as u64,
            _ => 0,
        }
    }

    fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Cell::Null, cell)
    }

    /// A count of ours. Above 2^63 - 1 the table keeps 2^63 - 1.
    fn count(count: u64) -> Self {
        Cell::Int8(i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn value(&self) -> Value<'_> {
        match self {
            Cell::Null => Value::Null,
            Cell::Bool(value) => Value::Bool(*value),
            Cell::Int4(value) => Value::Int4(*value),
            Cell::Int8(value) => Value::Int8(*value),
            Cell::Float8(value) => Value::Float8(*value),
            Cell::Text(text) => Value::Text(text),
            Cell::Hash(hash) => Value::Bytes(hash),
            Cell::Uuid(id) => Value::Uuid(*id),
        }
    }
}

impl<'a> Request<'a> {
    /// What is sent for a change.
    #[must_use]
    pub fn of_write(write: &'a Write) -> Self {
        let (parts, kind) = writes::of(write);
        Request { parts, kind }
    }

    /// What is sent for a question.
    #[must_use]
    pub fn of_query(query: &'a Query) -> Self {
        let (part, kind) = queries::of(query);
        Request {
            parts: vec![part],
            kind,
        }
    }

    /// Gives its statements, in their order, to whoever sends them.
    pub fn with<T>(&self, send: impl FnOnce(&[Statement<'_>]) -> T) -> T {
        let types: Vec<Vec<Type>> = self.parts.iter().map(Part::types).collect();
        let columns: Vec<Vec<Vec<Value<'_>>>> = self.parts.iter().map(Part::columns).collect();
        let parts = self.parts.iter().zip(&columns);
        let values: Vec<Vec<Value<'_>>> =
            parts.map(|(part, columns)| part.values(columns)).collect();
        let parts = self.parts.iter().zip(&types).zip(&values);
        let statements = parts.map(|((part, types), values)| Statement {
            sql: part.sql,
            types,
            values,
            keep: true,
        });
        send(&statements.collect::<Vec<_>>())
    }

    /// Reads its answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        Answer::new(self.kind, self.parts.len())
    }
}

/// A statement for many rows.
fn many<'a>(sql: &'static str, kinds: &'static [Scalar], rows: Vec<Vec<Cell<'a>>>) -> Part<'a> {
    Part {
        sql,
        kinds,
        rows,
        many: true,
    }
}

/// A statement for one.
fn one<'a>(sql: &'static str, kinds: &'static [Scalar], row: Vec<Cell<'a>>) -> Part<'a> {
    Part {
        sql,
        kinds,
        rows: vec![row],
        many: false,
    }
}

impl Part<'_> {
    fn types(&self) -> Vec<Type> {
        let kind = if self.many { Type::List } else { Type::One };
        self.kinds.iter().map(|scalar| kind(*scalar)).collect()
    }

    fn columns(&self) -> Vec<Vec<Value<'_>>> {
        let column = |at: usize| self.rows.iter().map(|row| row[at].value()).collect();
        (0..self.kinds.len()).map(column).collect()
    }
}

impl Part<'_> {
    /// A list for each column, or the one value that is in it.
    fn values<'v>(&self, columns: &'v [Vec<Value<'v>>]) -> Vec<Value<'v>> {
        let value = |column: &'v Vec<Value<'v>>| {
            if self.many {
                return Value::List(column);
            }
            column.first().copied().unwrap_or(Value::Null)
        };
        columns.iter().map(value).collect()
    }
}

/// What an error of the server is to the store.
#[must_use]
pub fn store_error(report: &Report) -> StoreError {
    let path = NAME.into();
    let reason = report.code.to_string();
    match (report.code.bytes(), report.meaning()) {
        (b"53100", _) => StoreError::Full { path },
        (_, Meaning::ReadOnly) => StoreError::ReadOnly { path },
        (_, Meaning::TimedOut) => StoreError::TimedOut,
        (_, Meaning::Again) => StoreError::Busy { path },
        (_, Meaning::Elsewhere | Meaning::Later | Meaning::Denied | Meaning::Pooler) => {
            StoreError::Unreachable {
                reason: report.to_string(),
            }
        }
        _ => StoreError::Failed { path, reason },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_text_with_a_zero_can_be_stored() {
        assert_eq!(Cell::text("a\0b").value(), Value::Text("a\u{fffd}b"));
        assert_eq!(Cell::text("ab").value(), Value::Text("ab"));
        assert_eq!(Cell::count(u64::MAX).value(), Value::Int8(i64::MAX));
    }

    #[test]
    fn each_statement_has_as_many_values_as_types() {
        let id = Uuid::from_u128(7);
        let delete = Write::Delete {
            tenant: "t".into(),
            id,
        };
        let list = Query::List {
            tenant: "t".into(),
            term: None,
            words: None,
            limit: 5,
            before: None,
        };
        for request in [Request::of_write(&delete), Request::of_query(&list)] {
            request.with(|statements| {
                for statement in statements {
                    assert_eq!(statement.types.len(), statement.values.len());
                    let last = format!("${}", statement.values.len());
                    assert!(statement.sql.contains(&last), "{}", statement.sql);
                    let more = format!("${}", statement.values.len() + 1);
                    assert!(!statement.sql.contains(&more), "{}", statement.sql);
                }
            });
        }
    }
}
