//! A stand-in until the store's own is there. Never to be merged.
#![allow(missing_docs, clippy::unwrap_used)]
use crate::proto::postgres::{Meaning, Report, Row, Scalar, Statement, Tag, Type, Value};
use crate::store::{Found, Listed, Query, StoreError, TextRow, Write, Written, excerpt};

#[derive(Debug, Clone, Copy)]
enum Kind {
    Page,
    One,
    Texts,
    Unscored,
    Saved,
    Delete,
}

#[derive(Debug)]
pub struct Request {
    kind: Kind,
    sql: &'static str,
    types: &'static [Type],
    values: &'static [Value<'static>],
}

const UUID: Type = Type::One(Scalar::Uuid);
const TEXT: Type = Type::One(Scalar::Text);

impl Request {
    pub fn of_write(write: &Write) -> Request {
        match write {
            Write::Save { text: Some(row), .. } => {
                let body = serde_json::to_string(row).unwrap().leak();
                Request {
                    kind: Kind::Saved,
                    sql: "INSERT INTO generated_content (id, body) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                    types: &[UUID, TEXT],
                    values: vec![Value::Uuid(row.id), Value::Text(body)].leak(),
                }
            }
            Write::Delete { id, .. } => Request {
                kind: Kind::Delete,
                sql: "DELETE FROM generated_content WHERE id = $1",
                types: &[UUID],
                values: vec![Value::Uuid(*id)].leak(),
            },
            _ => Request { kind: Kind::Saved, sql: "SELECT 2", types: &[], values: &[] },
        }
    }
    pub fn of_query(query: &Query) -> Request {
        let all = "SELECT body FROM generated_content ORDER BY id DESC LIMIT 100";
        let (kind, sql) = match query {
            Query::One { id, .. } => {
                return Request {
                    kind: Kind::One,
                    sql: "SELECT body FROM generated_content WHERE id = $1",
                    types: &[UUID],
                    values: vec![Value::Uuid(*id)].leak(),
                };
            }
            Query::List { .. } => (Kind::Page, all),
            Query::Export { .. } => (Kind::Texts, all),
            Query::Unscored { .. } => (Kind::Unscored, "SELECT 3 LIMIT 0"),
        };
        Request { kind, sql, types: &[], values: &[] }
    }
    pub fn statements(&self) -> Vec<Statement<'_>> {
        vec![Statement { sql: self.sql, types: self.types, values: self.values, keep: true }]
    }
    pub fn answer(&self) -> Answer {
        Answer { kind: self.kind, rows: vec![], touched: 0 }
    }
}

#[derive(Debug)]
pub struct Answer {
    kind: Kind,
    rows: Vec<TextRow>,
    touched: u64,
}
#[derive(Debug)]
pub enum Answered {
    Written(Written),
    Found(Found),
}
impl Answer {
    pub fn row(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        if matches!(self.kind, Kind::Saved | Kind::Delete) {
            return Ok(());
        }
        let wrong = || StoreError::Failed { path: "postgres".into(), reason: "a row".into() };
        let body: &str = row.values().take().map_err(|_| wrong())?;
        self.rows.push(serde_json::from_str(body).map_err(|_| wrong())?);
        Ok(())
    }
    pub fn done(&mut self, tag: &Tag<'_>) {
        self.touched += tag.rows();
    }
    pub fn finish(mut self) -> Result<Answered, StoreError> {
        let listed = |row: TextRow| Listed {
            excerpt: excerpt(&row.text).into(),
            text_bytes: row.text.len() as u64,
            id: row.id,
            search_term_id: row.search_term_id,
            term: row.term,
            provider: row.provider,
            model: row.model,
            offline: row.offline,
            finish_reason: row.finish_reason,
            state: row.state,
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            created_ms: row.created_ms,
            scores: row.scores,
        };
        Ok(match self.kind {
            Kind::Page => Answered::Found(Found::Page {
                rows: self.rows.into_iter().map(listed).collect(),
                next: None,
                indexing: false,
            }),
            Kind::One => Answered::Found(Found::One(self.rows.pop().map(Box::new))),
            Kind::Texts => Answered::Found(Found::Texts { rows: self.rows, more: None }),
            Kind::Unscored => Answered::Found(Found::Unscored(vec![])),
            Kind::Saved => Answered::Written(Written::Saved),
            Kind::Delete => Answered::Written(Written::Deleted(self.touched > 0)),
        })
    }
}

pub fn store_error(report: &Report) -> StoreError {
    let path = std::path::PathBuf::from("postgres");
    match (report.code.bytes(), report.meaning()) {
        (b"53100", _) => StoreError::Full { path },
        (_, Meaning::ReadOnly) => StoreError::ReadOnly { path },
        (_, Meaning::TimedOut) => StoreError::TimedOut,
        (_, Meaning::Again | Meaning::Elsewhere | Meaning::Later | Meaning::Denied) => {
            StoreError::Unreachable { reason: report.to_string() }
        }
        _ => StoreError::Failed { path, reason: report.to_string() },
    }
}

pub mod migrations {
    use super::{Row, StoreError};
    #[derive(Debug, Default)]
    pub struct Migrator {
        step: usize,
    }
    impl Migrator {
        pub fn next(&mut self) -> Result<Option<String>, StoreError> {
            self.step += 1;
            let steps = [
                "SELECT pg_advisory_xact_lock(7); CREATE TABLE IF NOT EXISTS generated_content (id uuid PRIMARY KEY, body text)",
            ];
            Ok(steps.get(self.step - 1).map(|s| (*s).to_owned()))
        }
        pub fn row(&mut self, _: &Row<'_>) {}
    }
}
