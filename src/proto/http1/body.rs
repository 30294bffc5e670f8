//! Counts a body out of the bytes of a connection, whatever frames it.

use super::chunked::{Dechunker, Piece, first};
use super::fault::Fault;
use super::message::BodyLength;

/// A body that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body {
    /// This many bytes are still to come. A body that does not exist is one with nothing to come.
    Exact(u64),
    /// Chunks are still to come.
    Chunked(Dechunker),
    /// All that comes is body.
    UntilClose,
}

impl Body {
    pub(super) fn new(length: BodyLength) -> Self {
        match length {
            BodyLength::None => Self::Exact(0),
            BodyLength::Exact(bytes) => Self::Exact(bytes),
            BodyLength::Chunked => Self::Chunked(Dechunker::new()),
            BodyLength::UntilClose => Self::UntilClose,
        }
    }

    /// Bytes that the sender has announced and that are still to come. A chunked body announces
    /// one chunk at a time.
    pub(super) fn announced(&self) -> u64 {
        match self {
            Self::Exact(left) => *left,
            Self::Chunked(dechunker) => dechunker.left_in_chunk(),
            Self::UntilClose => 0,
        }
    }

    /// The next piece of the body in `input`.
    pub(super) fn step<'a>(&mut self, input: &'a [u8]) -> Result<Piece<'a>, Fault> {
        match self {
            Self::Exact(0) => Ok(Piece::End { consumed: 0 }),
            _ if input.is_empty() => Ok(Piece::NeedMore),
            Self::Exact(left) => {
                let bytes = first(input, *left);
                *left -= bytes.len() as u64;
                Ok(Piece::Data {
                    bytes,
                    consumed: bytes.len(),
                })
            }
            Self::Chunked(dechunker) => dechunker.step(input),
            Self::UntilClose => Ok(Piece::Data {
                bytes: input,
                consumed: input.len(),
            }),
        }
    }
}
