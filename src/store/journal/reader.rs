//! Replaying: rows in their order, so many at a time, and the cursor after each.
//!
//! Asked twice without an [`advance`](Journal::advance) in between, it says the same rows again:
//! nobody knows whether the database has committed them.

use uuid::Uuid;

use super::disk::Disk;
use super::format::SEGMENT_HEAD;
use super::index::{Place, subject};
use super::segment;
use super::{Batch, Journal, JournalError, cursor, io_error};
use crate::limits::WRITE_GROUP;
use crate::limits::spill::JOURNAL_BATCH_BYTES;
use crate::store::Write;

/// Where replaying is.
#[derive(Debug)]
pub(super) struct Reading {
    /// The first record that is not replayed, or the place where it will be.
    pub(super) at: Place,
    /// What was said last.
    said: Said,
}

/// A batch that is with the database.
#[derive(Debug, Default)]
struct Said {
    through: u64,
    rows: u64,
    bytes: u64,
    /// Where the next one begins.
    next: Option<Place>,
    subjects: Vec<(String, Uuid)>,
}

impl Reading {
    pub(super) fn from(at: Place) -> Self {
        Reading {
            at,
            said: Said::default(),
        }
    }
}

impl<D: Disk> Journal<D> {
    /// The rows to be replayed next. An empty batch: nothing waits.
    ///
    /// # Errors
    /// The disk cannot be read, or something on it is not what was written.
    pub fn next_batch(&mut self) -> Result<Batch, JournalError> {
        self.next_rows(WRITE_GROUP)
    }

    /// At most so many of them.
    pub(super) fn next_rows(&mut self, most: usize) -> Result<Batch, JournalError> {
        let mut row = std::mem::take(&mut self.scratch);
        let batch = self.read_batch(&mut row, most);
        self.scratch = row;
        if let Err(error @ JournalError::Damaged { .. }) = &batch {
            self.damage = Some(error.clone());
        }
        let (batch, said) = batch?;
        self.reading.said = said;
        Ok(batch)
    }

    fn read_batch(&self, row: &mut Vec<u8>, most: usize) -> Result<(Batch, Said), JournalError> {
        let (mut batch, mut said) = (Batch::default(), Said::default());
        let mut place = self.reading.at;
        for segment in &self.segments {
            if segment.head.segment < place.segment {
                continue;
            }
            if segment.head.segment > place.segment {
                (place.segment, place.at) = (segment.head.segment, SEGMENT_HEAD as u64);
            }
            while place.at < segment.end {
                if batch.writes.len() >= most || said.bytes >= JOURNAL_BATCH_BYTES {
                    return Ok((batch, said));
                }
                let head = segment.record(place.at, row)?;
                let Some((head, write)) = head.zip(serde_json::from_slice(row).ok()) else {
                    // What is before the damage is replayed first; then it is met again.
                    return match batch.writes.is_empty() {
                        true => Err(segment.damage(place.at)),
                        false => Ok((batch, said)),
                    };
                };
                let named = subject(&write).map(|(tenant, id)| (tenant.to_owned(), id));
                said.subjects.extend(named);
                said.rows += 1;
                said.bytes += head.bytes();
                place.at += head.bytes();
                batch.writes.push(write);
                batch.through = head.number;
                (said.through, said.next) = (head.number, Some(place));
            }
        }
        Ok((batch, said))
    }

    /// Everything up to `through`, the end of the batch that was said last, is in the database.
    /// Files that have nothing else are removed.
    ///
    /// # Errors
    /// The cursor could not be moved: the same batch comes again.
    pub fn advance(&mut self, through: u64) -> Result<(), JournalError> {
        let said = &self.reading.said;
        let Some(next) = said.next.filter(|_| said.through == through) else {
            return Ok(()); // an older batch; it is replayed again
        };
        let moved = self.cursor.move_to(through);
        moved.map_err(io_error(cursor::NAME))?;
        let said = std::mem::take(&mut self.reading.said);
        self.reading.at = next;
        self.rows -= said.rows;
        self.bytes -= said.bytes;
        for (tenant, id) in said.subjects {
            self.index.forget(tenant, id, through);
        }
        self.oldest_ms = self.first_waiting()?;
        self.remove_replayed();
        Ok(())
    }

    /// The row that was said last, if it was the only one and this is its number.
    pub(super) fn said_alone(&mut self, number: u64) -> Result<Option<Write>, JournalError> {
        let said = &self.reading.said;
        if (said.rows, said.through) != (1, number) {
            return Ok(None);
        }
        Ok(self.next_rows(1)?.writes.pop())
    }

    /// When the oldest row that waits was handed in.
    fn first_waiting(&mut self) -> Result<Option<i64>, JournalError> {
        let mut row = std::mem::take(&mut self.scratch);
        let place = self.reading.at;
        let mut at = place.at;
        let mut found = Ok(None);
        for segment in &self.segments {
            if segment.head.segment < place.segment {
                continue;
            }
            if segment.head.segment > place.segment {
                at = SEGMENT_HEAD as u64;
            }
            if at < segment.end {
                found = segment.record(at, &mut row);
                break;
            }
        }
        self.scratch = row;
        Ok(found?.map(|head| head.at_ms))
    }

    /// What is in the database is not kept here. A file that cannot be removed is skipped by the
    /// next start, which tries again.
    fn remove_replayed(&mut self) {
        // Nothing waits: not even the last file has anything that anybody needs.
        let done = self.rows == 0 && self.damage.is_none();
        while let Some(first) = self.segments.front()
            && (done || self.reading.at.segment > first.head.segment)
        {
            let _ = self.disk.remove(&segment::name(first.head.segment));
            self.segments.pop_front();
        }
        // Now rather than when a row waits for it. Without room for it, the row tries again.
        if done && self.begin_segment(0).is_err() {
            self.writable = false;
        }
    }
}
