//! COPY: bytes of any length through a connection, in constant memory.
//!
//! ```text
//!         ┌─ CopyInResponse ──► In ──copy_done, copy_fail, or an error──┐
//!  No ────┤                                                             ├──► No
//!         └─ CopyOutResponse ─► Out { left of the present message } ────┘
//! ```
//! A row of a table may be as long as it likes: what the server copies out is handed on as it
//! arrives, and a message of it need not be whole for that.

use super::{Happened, Session};
use crate::limits::PG_REQUEST_BYTES;
use crate::proto::Sink;
use crate::proto::postgres::backend::COPY_DATA;
use crate::proto::postgres::request::check_text;
use crate::proto::postgres::{Fault, Refused, frame, frontend};

/// Whether bytes are being copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copying {
    No,
    In,
    /// So much of the present message has not come yet.
    Out {
        left: usize,
    },
}

impl Session {
    /// Sends a piece of what is copied in, after [`super::Answer::CopyIn`]. Where it is cut does not
    /// matter; that the server does not take it fast enough shows in the unsent bytes.
    ///
    /// # Errors
    /// No COPY wants bytes: it has failed, or was ended. The answer says why.
    pub fn copy_in(&mut self, bytes: &[u8], out: &mut impl Sink) -> Result<(), Refused> {
        self.check_copying()?;
        if bytes.len() > PG_REQUEST_BYTES {
            return Err(Refused::TooLong);
        }
        frontend::copy_data(bytes, out);
        Ok(())
    }

    /// All was copied in: the server stores it, and answers.
    ///
    /// # Errors
    /// No COPY wants bytes.
    pub fn copy_done(&mut self, out: &mut impl Sink) -> Result<(), Refused> {
        self.check_copying()?;
        self.copying = Copying::No;
        frontend::copy_done(out);
        Ok(())
    }

    /// What was copied in is to be forgotten: the request fails, with `reason` in its report.
    ///
    /// # Errors
    /// No COPY wants bytes, or the reason holds U+0000.
    pub fn copy_fail(&mut self, reason: &str, out: &mut impl Sink) -> Result<(), Refused> {
        self.check_copying()?;
        check_text(reason)?;
        self.copying = Copying::No;
        frontend::copy_fail(reason, out);
        Ok(())
    }

    fn check_copying(&self) -> Result<(), Refused> {
        if self.copying == Copying::In {
            Ok(())
        } else {
            Err(Refused::NotCopying)
        }
    }

    /// A piece of what is copied out, if that is what comes next: `Some(None)` if more is needed to
    /// have one. `None`: it is another message.
    #[expect(
        clippy::option_option,
        reason = "what comes next, and whether it is there"
    )]
    pub(super) fn copied<'i>(
        &mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Option<Happened<'i>>>, Fault> {
        let Copying::Out { left: 0 } = self.copying else {
            return Ok(self.rest_of_copied(input));
        };
        match frame::header(input)? {
            Some((COPY_DATA, length)) => {
                *input = &input[frame::HEADER_BYTES..];
                self.copying = Copying::Out { left: length };
                Ok(Some(Some(Happened::Nothing)))
            }
            _ => Ok(None),
        }
    }

    #[expect(clippy::option_option, reason = "as above")]
    fn rest_of_copied<'i>(&mut self, input: &mut &'i [u8]) -> Option<Option<Happened<'i>>> {
        let Copying::Out { left } = self.copying else {
            return None;
        };
        if input.is_empty() {
            return Some(None);
        }
        let (piece, rest) = input.split_at(left.min(input.len()));
        *input = rest;
        self.copying = Copying::Out {
            left: left - piece.len(),
        };
        Some(Some(Happened::Copied(piece)))
    }
}
