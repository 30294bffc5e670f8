//! Embeddings: `POST /v1/embeddings`, a chat whose answer is numbers.
//!
//! It goes the way of a chat (admission, route, attempts, rows) and differs in what is asked and in how
//! the answer is read: only as a whole, and on a thread if it is long, because a few hundred vectors are
//! some megabytes. No text comes of it, so none is scored or stored.
//!
//! ```text
//!   answer ─┬─(short)──► read ──────────────────────┬─► the document for the client
//!           └─(long)──► the call ends ─► a thread ──┴─► none: upstream_malformed
//! ```

use serde::{Deserialize, Serialize};

use crate::dialect::embeddings::Embeddings;
use crate::dialect::{Dialect, Usage};
use crate::engine::failure::Upstream;
use crate::engine::generation::Phase;
use crate::engine::provider::voice::Heard;
use crate::engine::slots::{CallId, GenerationId};
use crate::engine::work::{Kind, Work, WorkOwner};
use crate::engine::{Engine, Failure};
use crate::limits::JSON_ON_LOOP_BYTES;

/// Embeddings as the client gets them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Embedded {
    /// The document.
    pub document: Vec<u8>,
    /// Tokens of the input, if the provider has counted them.
    pub prompt_tokens: Option<u64>,
}

/// Reads the answer of somebody who speaks `theirs`. `None`: it is no answer to what was asked.
#[must_use]
pub fn read(asked: &Embeddings, theirs: Dialect, body: Vec<u8>) -> Option<Embedded> {
    let mut out = Vec::new();
    let usage = asked.answer(theirs, &body, &asked.model, &mut out).ok()?;
    Some(Embedded {
        document: if out.is_empty() { body } else { out },
        prompt_tokens: usage.prompt_tokens,
    })
}

impl Engine {
    /// The whole answer has come. What is long is read once the call has ended.
    pub(in crate::engine) fn embeddings_came(
        &mut self,
        id: CallId,
        theirs: Dialect,
        body: Vec<u8>,
    ) -> Result<(), Failure> {
        let Some(generation_id) = self.calls.get(id).map(|call| call.generation) else {
            return Ok(());
        };
        self.note_heard(id, Heard::whole())?;
        let generation = self.generations.get_mut(generation_id);
        let Some(inquiry) = generation.and_then(|generation| generation.inquiry.as_mut()) else {
            return Ok(());
        };
        if body.len() > JSON_ON_LOOP_BYTES {
            inquiry.unread = Some((theirs, body));
            self.settle_generation(generation_id);
        } else if let Some(asked) = &inquiry.ask.embeddings {
            let embedded = read(asked, theirs, body).ok_or(Upstream::Malformed)?;
            self.note_embedded(generation_id, embedded);
        }
        Ok(())
    }

    fn note_embedded(&mut self, id: GenerationId, embedded: Embedded) {
        if let Some(generation) = self.generations.get_mut(id) {
            generation.result.usage = Usage {
                prompt_tokens: embedded.prompt_tokens,
                ..Usage::default()
            };
            generation.result.document = Some(embedded.document.into());
        }
    }

    /// Whether an answer was left unread: then a thread has it now. Where none is free it is read here,
    /// because it was paid for.
    pub(super) fn read_elsewhere(&mut self, id: GenerationId) -> bool {
        let generation = self.generations.get_mut(id);
        let Some(inquiry) = generation.and_then(|generation| generation.inquiry.as_mut()) else {
            return false;
        };
        let (Some((theirs, body)), Some(asked)) =
            (inquiry.unread.take(), inquiry.ask.embeddings.clone())
        else {
            return false;
        };
        self.settle_generation(id);
        if !self.works.has_room(Kind::Parse) {
            self.embedded(id, read(&asked, theirs, body));
            return true;
        }
        let work = Work::Embeddings {
            asked,
            theirs,
            body,
        };
        let work = self.works.submit(WorkOwner::Generation(id), work);
        match (work, self.generations.get_mut(id)) {
            (Some(work), Some(generation)) => generation.work = Some(work),
            _ => self.fail_generation(id, Failure::Internal("no place for an answer")),
        }
        true
    }

    /// An answer was read.
    pub(in crate::engine) fn embedded(&mut self, id: GenerationId, read: Option<Embedded>) {
        let Some(generation) = self.generations.get_mut(id) else {
            return;
        };
        if generation.phase != Phase::Calling || generation.result.verdict.is_some() {
            return; // its client has left
        }
        generation.work = None;
        match read {
            Some(embedded) => {
                self.note_embedded(id, embedded);
                self.complete_chat(id);
            }
            None => self.fail_generation(id, Upstream::Malformed.into()),
        }
    }
}
