//! A stand-in until the store's own is there.
#![allow(missing_docs)]
use crate::proto::postgres::{Meaning, Report, Row, Statement, Tag};
use crate::store::{Found, Query, StoreError, Write, Written};

#[derive(Debug)]
pub struct Request {
    read: bool,
}

impl Request {
    pub fn of_write(_: &Write) -> Request {
        Request { read: false }
    }
    pub fn of_query(_: &Query) -> Request {
        Request { read: true }
    }
    pub fn statements(&self) -> Vec<Statement<'_>> {
        let sql = if self.read { "SELECT 1" } else { "SELECT 2" };
        vec![Statement {
            sql,
            types: &[],
            values: &[],
            keep: true,
        }]
    }
    pub fn answer(&self) -> Answer {
        Answer { read: self.read }
    }
}

#[derive(Debug)]
pub struct Answer {
    read: bool,
}
#[derive(Debug)]
pub enum Answered {
    Written(Written),
    Found(Found),
}
impl Answer {
    pub fn row(&mut self, _: &Row<'_>) -> Result<(), StoreError> {
        Ok(())
    }
    pub fn done(&mut self, _: &Tag<'_>) {}
    pub fn finish(self) -> Result<Answered, StoreError> {
        Ok(if self.read {
            Answered::Found(Found::Page {
                rows: vec![],
                next: None,
                indexing: false,
            })
        } else {
            Answered::Written(Written::Saved)
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
            StoreError::Unreachable {
                reason: report.to_string(),
            }
        }
        _ => StoreError::Failed {
            path,
            reason: report.to_string(),
        },
    }
}

pub mod migrations {
    use super::*;
    #[derive(Debug, Default)]
    pub struct Migrator {
        step: usize,
    }
    impl Migrator {
        pub fn next(&mut self) -> Result<Option<String>, StoreError> {
            self.step += 1;
            Ok((self.step == 1).then(|| "SELECT version()".to_owned()))
        }
        pub fn row(&mut self, _: &Row<'_>) {}
    }
}
