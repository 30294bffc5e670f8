//! The journal on a disk that forgets, breaks and fills up.
#![allow(clippy::unwrap_used)]

mod bytes;
mod crashes;
mod faults;
mod model;
mod reading;

use uuid::Uuid;

use super::{Disk, Journal, JournalError};
use crate::store::{Calls, Inbound, RequestOutcome, RequestRow, TextRow, TextState, Write};
use model::Model;

const NAME: Uuid = Uuid::from_u128(7);
/// Small segments, so that there are many.
const ROOM: u64 = 32 * 1024;

fn open(disk: &Model) -> Journal<Model> {
    try_open(disk).unwrap()
}

fn try_open(disk: &Model) -> Result<Journal<Model>, JournalError> {
    let mut journal = Journal::open_with(disk.clone(), NAME, ROOM)?;
    journal.prepare()?;
    Ok(journal)
}

fn id(n: u64) -> Uuid {
    Uuid::from_u128(u128::from(n))
}

fn text(n: u64, words: &str) -> TextRow {
    TextRow {
        id: id(n),
        tenant: "local".to_owned(),
        search_term_id: id(1),
        term: "tea".to_owned(),
        text: words.to_owned(),
        provider: "openai".to_owned(),
        model: "gpt".to_owned(),
        offline: false,
        finish_reason: Some("stop".to_owned()),
        state: TextState::Complete,
        prompt_tokens: Some(3),
        completion_tokens: None,
        created_ms: 1_700_000_000_000,
        scores: None,
    }
}

fn save(n: u64, words: &str) -> Write {
    Write::Save {
        requests: vec![request(n)],
        text: Some(Box::new(text(n, words))),
        analysis: None,
    }
}

fn request(n: u64) -> RequestRow {
    RequestRow {
        id: id(n + 1_000_000),
        tenant: "local".to_owned(),
        route: "/generate/".to_owned(),
        generation_id: Some(id(n)),
        outcome: RequestOutcome::Ok,
        status: 200,
        streamed: false,
        provider: None,
        model: None,
        prompt_tokens: None,
        completion_tokens: None,
        error_code: None,
        started_ms: 1_700_000_000_000,
        duration_us: 5,
        inbound: Inbound::Own,
        calls: Calls::default(),
    }
}

fn delete(n: u64) -> Write {
    Write::Delete {
        tenant: "local".to_owned(),
        id: id(n),
    }
}

/// Takes one row in.
fn put<D: Disk>(journal: &mut Journal<D>, write: &Write) -> Result<(), JournalError> {
    journal.append(&[(5, write)]).pop().unwrap()
}

/// Replays everything into a list.
fn drain<D: Disk>(journal: &mut Journal<D>) -> Vec<Write> {
    let mut all = Vec::new();
    loop {
        let batch = journal.next_batch().unwrap();
        if batch.writes.is_empty() {
            return all;
        }
        all.extend(batch.writes);
        journal.advance(batch.through).unwrap();
    }
}
