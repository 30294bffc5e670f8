//! Each [`Ask`] and the call behind it.

use super::disk::Disk;
use super::{Answer, Ask, Batch, Journal, JournalError};
use crate::limits::WRITE_GROUP;
use crate::store::{Write, Written};

impl<D: Disk> Journal<D> {
    /// Does what is asked. Rows that come together are better taken in together, with one sync:
    /// [`append`](Self::append).
    ///
    /// # Errors
    /// The disk failed, or the journal is damaged.
    pub fn answer(&mut self, ask: Ask) -> Result<Answer, JournalError> {
        match ask {
            Ask::Keep { write, at_ms } => self.keep(at_ms, write),
            Ask::Next => self.next(WRITE_GROUP),
            Ask::NextOne => self.next(1),
            Ask::Advance(through) => {
                self.advance(through)?;
                Ok(Answer::Advanced(self.standing()))
            }
            Ask::SetAside { through, .. } => {
                self.set_aside(through)?;
                Ok(Answer::Advanced(self.standing()))
            }
            Ask::Look(query) => {
                let overlay = self.look(&query)?;
                Ok(Answer::Here(query, overlay))
            }
        }
    }

    fn next(&mut self, most: usize) -> Result<Answer, JournalError> {
        match self.next_rows(most) {
            Ok(batch) => Ok(Answer::Next(batch, self.standing())),
            // Nothing behind it is replayed, and its standing says why.
            Err(JournalError::Damaged { .. }) => {
                Ok(Answer::Next(Batch::default(), self.standing()))
            }
            Err(error) => Err(error),
        }
    }

    fn keep(&mut self, at_ms: i64, write: Box<Write>) -> Result<Answer, JournalError> {
        let written = match *write {
            Write::Delete { .. } | Write::Rescore { .. } => self.append_if_here(at_ms, &write),
            _ => {
                let result = self.append(&[(at_ms, &write)]).pop();
                result.map(|result| result.map(|()| Written::Saved))
            }
        };
        match written {
            Some(written) => Ok(Answer::Kept(written?, self.standing())),
            None => Ok(Answer::NotHere(write)),
        }
    }
}
