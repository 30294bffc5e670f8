//! What is SQLite's own. What every store does is told once, in `tests/stores/`.
#![allow(clippy::unwrap_used)]

mod batches;
mod cached;
mod crashes;
mod expiry;
mod keys;
mod lists;
mod opening;
mod search;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use uuid::Uuid;

use super::{Reader, Writer};
use crate::score::{Readability, Scores, Sentiment};
use crate::store::{
    AnalysisRow, Calls, Found, Inbound, Listed, Query, RequestOutcome, RequestRow, StoreError,
    TextRow, TextState, Write, Written, term_id,
};

/// Long enough for a lock to be noticed, short enough for a test.
const BUSY: Duration = Duration::from_millis(50);

/// A writer and a reader of one new file.
struct Store {
    folder: TempDir,
    writer: Writer,
    reader: Reader,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maitred.db");
        let writer = Writer::open_with(&path, BUSY).unwrap();
        let reader = Reader::open(&path).unwrap();
        Store {
            folder,
            writer,
            reader,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("maitred.db")
    }

    /// Applies one write that has to succeed.
    fn put(&mut self, write: Write) -> Written {
        self.writer.apply(&[write]).remove(0).unwrap()
    }

    fn one(&mut self, tenant: &str, id: Uuid) -> Option<TextRow> {
        one(&mut self.reader, tenant, id)
    }

    fn page(&mut self, query: &Query) -> (Vec<Listed>, Option<Uuid>) {
        match self.reader.run(query).unwrap() {
            Found::Page { rows, next, .. } => (rows, next),
            other => panic!("a list was answered with {other:?}"),
        }
    }

    /// A number that a statement gives.
    fn number(&self, sql: &str) -> i64 {
        self.writer
            .conn
            .query_row(sql, (), |row| row.get(0))
            .unwrap()
    }

    /// Changes the file behind the writer's back.
    fn run_sql(&self, sql: &str) {
        self.writer.conn.execute_batch(sql).unwrap();
    }
}

fn one(reader: &mut Reader, tenant: &str, id: Uuid) -> Option<TextRow> {
    match reader
        .run(&Query::One {
            tenant: tenant.to_owned(),
            id,
        })
        .unwrap()
    {
        Found::One(row) => row.map(|row| *row),
        other => panic!("a look-up was answered with {other:?}"),
    }
}

/// An id that sorts by its number, as ids of UUIDv7 sort by their time.
fn number_id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn text(tenant: &str, number: u128, term: &str) -> TextRow {
    TextRow {
        id: number_id(number),
        tenant: tenant.to_owned(),
        search_term_id: term_id(tenant, term),
        term: term.to_owned(),
        text: format!("Text {number} about {term}."),
        provider: "offline".to_owned(),
        model: "article".to_owned(),
        offline: true,
        finish_reason: Some("stop".to_owned()),
        state: TextState::Complete,
        prompt_tokens: Some(0),
        completion_tokens: None,
        created_ms: 1_700_000_000_000,
        scores: None,
    }
}

fn request(tenant: &str, number: u128) -> RequestRow {
    RequestRow {
        id: number_id(number),
        tenant: tenant.to_owned(),
        route: "POST /generate".to_owned(),
        generation_id: Some(number_id(number)),
        outcome: RequestOutcome::Ok,
        status: 200,
        streamed: true,
        provider: Some("offline".to_owned()),
        model: None,
        prompt_tokens: Some(0),
        completion_tokens: None,
        error_code: None,
        started_ms: 1_700_000_000_000,
        duration_us: 1_500,
        inbound: Inbound::OpenAi,
        calls: Calls::default(),
    }
}

fn analysis(tenant: &str, number: u128, term: &str) -> AnalysisRow {
    AnalysisRow {
        id: number_id(number),
        tenant: tenant.to_owned(),
        search_term_id: term_id(tenant, term),
        term: term.to_owned(),
        content: "What a lovely day.".to_owned(),
        created_ms: 1_700_000_000_000,
        scores: scores(0.5),
    }
}

fn scores(compound: f64) -> Scores {
    Scores {
        readability: Readability {
            label: Cow::Borrowed("Easy"),
            flesch_reading_ease: 80.25,
            flesch_kincaid_grade: 4.5,
            gunning_fog: 5.0,
            smog_index: 6.0,
            automated_readability_index: 7.0,
            coleman_liau_index: 8.0,
            dale_chall_readability_score: 9.0,
            lix: 30.0,
            linsear_write_formula: 3.5,
            syllable_count: 40,
            sentence_count: 3,
            lexicon_count: 30,
        },
        sentiment: Sentiment {
            label: Cow::Borrowed("Positive"),
            compound,
            pos: 0.5,
            neu: 0.5,
            neg: 0.0,
        },
    }
}

fn save_text(row: TextRow) -> Write {
    Write::Save {
        requests: Vec::new(),
        text: Some(Box::new(row)),
        analysis: None,
    }
}

fn save_request(row: RequestRow) -> Write {
    Write::Save {
        requests: vec![row],
        text: None,
        analysis: None,
    }
}

/// A text and the request that asked for it, as a generation leaves them behind.
fn save_both(tenant: &str, number: u128, term: &str) -> Write {
    Write::Save {
        requests: vec![request(tenant, number)],
        text: Some(Box::new(text(tenant, number, term))),
        analysis: None,
    }
}
