//! What is known of an answer while it arrives.

use super::voice::Voice;
use crate::dialect::{AnyStream, Dialect};
use crate::engine::call::Stage;
use crate::engine::failure::Bound;
use crate::engine::failure::Upstream;
use crate::engine::slots::CallId;
use crate::engine::{Engine, Failure};
use crate::limits::{EMBEDDINGS_BYTES, PROVIDER_BODY_BYTES};
use crate::proto::sse;

/// Bytes of an error's body that are looked at.
const ERROR_BODY_BYTES: usize = 64 * 1024;

/// What is known of an answer while it arrives.
#[derive(Debug)]
pub enum Reception {
    /// Events.
    Stream {
        /// Bytes to events.
        sse: sse::Reader,
        /// Events to text.
        dialect: AnyStream,
    },
    /// Events for a client of a vendor's.
    Told(Told),
    /// One JSON document.
    Whole(Vec<u8>),
    /// An error with its body.
    Refused {
        /// The status.
        status: u16,
        /// How long its head asks to wait, in milliseconds.
        retry_after_ms: Option<u64>,
        /// The body, as much as is of use.
        body: Vec<u8>,
    },
}

/// See [`Reception::Told`].
#[derive(Debug)]
pub struct Told {
    /// Bytes to events.
    pub sse: sse::Reader,
    /// Events to what the client reads.
    pub voice: Voice,
}

impl Engine {
    /// Keeps a piece of an answer that is read as a whole. Vectors may be longer than anything that is
    /// said, as long as there is memory for them.
    pub(super) fn keep_body(&mut self, id: CallId, bytes: &[u8]) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let Stage::Receiving(_, reception) = &mut call.stage else {
            return;
        };
        let inquiry = self.generations.get(call.generation);
        let inquiry = inquiry.and_then(|text| text.inquiry.as_ref());
        let is_vectors = inquiry.is_some_and(|inquiry| inquiry.ask.embeddings.is_some());
        let most = if is_vectors {
            EMBEDDINGS_BYTES
        } else {
            PROVIDER_BODY_BYTES
        };
        let kept = reception.keep(bytes, most);
        let held = reception.bytes();
        self.ledger.settle(&mut call.charged, held);
        if let Err(upstream) = kept {
            self.fail_call(id, upstream.into());
        } else if held > PROVIDER_BODY_BYTES && self.ledger.is_full() {
            self.fail_call(id, Failure::Full(Bound::Memory));
        }
    }
}

impl Reception {
    /// How the answer to a streamed or unstreamed request is to be read.
    #[must_use]
    pub fn of_success(is_events: bool, dialect: Dialect) -> Reception {
        if is_events {
            Reception::Stream {
                sse: sse::Reader::default(),
                dialect: dialect.stream(),
            }
        } else {
            Reception::Whole(Vec::new())
        }
    }

    /// Bytes of memory that it holds beyond one event.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Reception::Stream { .. } => 0,
            Reception::Told(told) => told.voice.bytes(),
            Reception::Whole(body) | Reception::Refused { body, .. } => body.capacity(),
        }
    }

    /// Keeps a piece of a body that is read as a whole and may have `most` bytes.
    pub fn keep(&mut self, bytes: &[u8], most: usize) -> Result<(), Upstream> {
        match self {
            Reception::Whole(body) => {
                if body.len() + bytes.len() > most {
                    return Err(Upstream::TooLarge);
                }
                body.extend_from_slice(bytes);
            }
            Reception::Refused { body, .. } => {
                let room = ERROR_BODY_BYTES.saturating_sub(body.len());
                body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Reception::Stream { .. } | Reception::Told(_) => {}
        }
        Ok(())
    }
}
