//! Taking rows in: a group of them with one write and one sync.

use super::disk::{Disk, DiskFile};
use super::format::{SEGMENT_HEAD, put_record};
use super::index::Place;
use super::segment::{self, Segment};
use super::{Journal, JournalError, SegmentHead, io_error};
use crate::limits::spill::JOURNAL_GROUP_BYTES;
use crate::store::{Write, Written};

/// Records that are written together.
#[derive(Default)]
struct Group<'a> {
    bytes: Vec<u8>,
    /// Each with its place in `bytes`.
    records: Vec<(usize, i64, &'a Write)>,
}

impl<D: Disk> Journal<D> {
    /// Takes rows in, each with the time at which it was handed in, and says of each whether it is
    /// on the disk.
    pub fn append(&mut self, rows: &[(i64, &Write)]) -> Vec<Result<(), JournalError>> {
        let mut results = Vec::with_capacity(rows.len());
        let mut rest = rows;
        while !rest.is_empty() {
            let mut group = Group {
                bytes: std::mem::take(&mut self.scratch),
                records: Vec::new(),
            };
            group.bytes.clear();
            let mut too_long = false;
            while let [(at_ms, write), after @ ..] = rest
                && group.bytes.len() < JOURNAL_GROUP_BYTES
                && !too_long
            {
                rest = after;
                let number = self.next + group.records.len() as u64;
                let start = group.bytes.len();
                if put_record(&mut group.bytes, (number, self.durable, *at_ms), write) {
                    group.records.push((start, *at_ms, write));
                } else {
                    too_long = true;
                }
            }
            let written = self.write_group(&group);
            results.extend(std::iter::repeat_n(written, group.records.len()));
            results.extend(too_long.then_some(Err(JournalError::TooLong)));
            self.scratch = group.bytes;
        }
        results
    }

    /// Takes a deletion or scores in if their text is here. `None`: it is not, and the database may
    /// have it.
    pub fn append_if_here(
        &mut self,
        at_ms: i64,
        write: &Write,
    ) -> Option<Result<Written, JournalError>> {
        let written = match write {
            Write::Delete { .. } => Written::Deleted(true),
            Write::Rescore { .. } => Written::Rescored(true),
            _ => return None,
        };
        let (tenant, id) = super::index::subject(write)?;
        let entry = self.index.find(tenant, id)?;
        if entry.deleted {
            return Some(Ok(match written {
                Written::Deleted(_) => Written::Deleted(false),
                _ => Written::Rescored(false),
            }));
        }
        let result = self.append(&[(at_ms, write)]).pop()?;
        Some(result.map(|()| written))
    }

    fn write_group(&mut self, group: &Group<'_>) -> Result<(), JournalError> {
        if group.records.is_empty() {
            return Ok(());
        }
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
        let length = group.bytes.len() as u64;
        let last = self.next - 1 + group.records.len() as u64;
        let segment = self.segment_for(length)?;
        let name = segment::name(segment.head.segment);
        let start = segment.end;
        let written = segment.file.write_at(start, &group.bytes);
        let synced = written.and_then(|()| segment.file.sync());
        if let Err(error) = synced {
            // These numbers may be on the disk after all. Nobody else gets them.
            (self.next, self.writable) = (last + 1, false);
            return Err(io_error(&name)(error));
        }
        let segment_number = segment.head.segment;
        (segment.end, segment.last) = (start + length, last);
        for (number, (at, at_ms, write)) in (self.next..).zip(&group.records) {
            let place = Place {
                segment: segment_number,
                at: start + *at as u64,
            };
            self.index.note(write, number, place);
            self.oldest_ms = self.oldest_ms.or(Some(*at_ms));
        }
        self.bytes += length;
        self.rows += group.records.len() as u64;
        (self.next, self.durable) = (last + 1, last);
        Ok(())
    }

    /// The segment that the next `bytes` go to.
    fn segment_for(&mut self, bytes: u64) -> Result<&mut Segment<D::File>, JournalError> {
        let room = match self.segments.back() {
            Some(last) if self.writable => last.has_room(bytes)?,
            _ => false,
        };
        if !room {
            self.begin_segment(bytes)?;
        }
        Ok(self.segments.back_mut().expect("one was just begun"))
    }

    /// Begins a new segment with room for at least `bytes` of records. The one before it is not written to any more.
    pub(super) fn begin_segment(&mut self, bytes: u64) -> Result<(), JournalError> {
        // Also if this fails, because half of it may have been done: a segment that says with which
        // record it begins.
        self.writable = false;
        let head = SegmentHead {
            journal: self.cursor.journal,
            segment: self.last_segment + 1,
            first: self.next,
            durable: self.durable,
        };
        let room = self.room.max(SEGMENT_HEAD as u64 + bytes);
        let segment = Segment::make(&self.disk, head, room)?;
        self.last_segment = segment.head.segment;
        self.segments.push_back(segment);
        self.writable = true;
        Ok(())
    }
}
