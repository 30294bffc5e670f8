//! What is found at the start: see the table in [`super`].

use std::collections::VecDeque;

use uuid::Uuid;

use super::aside;
use super::cursor::Cursor;
use super::disk::Disk;
use super::index::{Index, Place};
use super::reader::Reading;
use super::segment::{self, Segment, UNFINISHED};
use super::{Journal, JournalError, io_error};
use crate::limits::spill::JOURNAL_SEGMENT_BYTES;

impl<D: Disk> Journal<D> {
    /// Opens the journal of a folder, or makes one that is named `fresh`.
    ///
    /// # Errors
    /// The folder cannot be read or written, or is another journal's or version's. A journal that is
    /// damaged is opened: see [`Journal::damage`]. Before rows come, [`prepare`](Self::prepare) it.
    pub fn open(disk: D, fresh: Uuid) -> Result<Self, JournalError> {
        Self::open_with(disk, fresh, JOURNAL_SEGMENT_BYTES)
    }

    /// The same with segments of another size.
    pub(super) fn open_with(disk: D, fresh: Uuid, room: u64) -> Result<Self, JournalError> {
        let (numbers, aside) = tidy_up(&disk)?;
        let oldest = numbers.first().map(|n| Segment::open(&disk, *n, None));
        let (journal, replayed) = match &oldest {
            Some(Ok(oldest)) => (oldest.head.journal, oldest.head.first - 1),
            _ => (fresh, 0),
        };
        let cursor = Cursor::open(&disk, journal, replayed)?;
        let mut found = VecDeque::new();
        let mut damage = None;
        for number in numbers.iter().copied() {
            match Segment::open(&disk, number, Some(cursor.journal)) {
                Ok(segment) => found.push_back(segment),
                Err(error @ JournalError::Damaged { .. }) => {
                    damage = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        let mut journal = Journal {
            disk,
            room,
            next: cursor.replayed + 1,
            durable: cursor.replayed,
            reading: Reading::from(Place { segment: 0, at: 0 }),
            cursor,
            segments: VecDeque::new(),
            last_segment: numbers.last().copied().unwrap_or(0),
            writable: false,
            index: Index::default(),
            bytes: 0,
            rows: 0,
            oldest_ms: None,
            aside,
            damage,
            scratch: Vec::new(),
        };
        journal.take_over(found)?;
        if journal.damage.is_none() {
            journal.go_on()?;
        }
        Ok(journal)
    }

    /// Scans the segments, the oldest first, up to damage if there is any.
    fn take_over(&mut self, mut found: VecDeque<Segment<D::File>>) -> Result<(), JournalError> {
        while let Some(mut segment) = found.pop_front() {
            let replayed = self.cursor.replayed;
            if found
                .front()
                .is_some_and(|next| next.head.first <= replayed + 1)
            {
                let name = segment::name(segment.head.segment);
                self.disk.remove(&name).map_err(io_error(&name))?;
                continue;
            }
            if self.segments.is_empty() && segment.head.durable > replayed {
                self.damage = Some(segment.damage(0)); // the one before it is missing
                return Ok(());
            }
            let mut here = self.scan(&mut segment)?;
            // Where another one has begun, nothing was written any more: it knows what was here.
            let later = found.front().map_or(0, |next| next.head.durable);
            let evidence = segment.evidence(segment.end)?.max(later);
            if here.is_none() && evidence > segment.last.max(replayed) {
                here = Some(segment.damage(segment.end));
            }
            // Beside damage nothing is touched.
            if here.is_none() && self.damage.is_none() && !segment.is_blank(self.room)? {
                segment.cut()?;
                if evidence < segment.last {
                    segment.write_again()?;
                }
            }
            self.segments.push_back(segment);
            if here.is_some() {
                self.damage = here;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Walks over the whole records of a segment, and remembers those that wait. Returns the damage
    /// if one of them is no row.
    fn scan(
        &mut self,
        segment: &mut Segment<D::File>,
    ) -> Result<Option<JournalError>, JournalError> {
        let mut row = std::mem::take(&mut self.scratch);
        let mut damage = None;
        while let Some(head) = segment.record(segment.end, &mut row)? {
            if head.number != segment.last + 1 {
                break;
            }
            let place = Place {
                segment: segment.head.segment,
                at: segment.end,
            };
            if head.number > self.cursor.replayed {
                let Ok(write) = serde_json::from_slice(&row) else {
                    damage = Some(segment.damage(segment.end)); // whole, and no row of ours
                    break;
                };
                if self.rows == 0 {
                    self.reading = Reading::from(place);
                }
                self.index.note(&write, head.number, place);
                self.oldest_ms = self.oldest_ms.or(Some(head.at_ms));
                self.rows += 1;
                self.bytes += head.bytes();
            }
            (segment.end, segment.last) = (segment.end + head.bytes(), head.number);
            self.durable = self.durable.max(head.number);
        }
        self.scratch = row;
        self.next = self.next.max(segment.last + 1);
        Ok(damage)
    }

    /// Goes on in the last segment if nothing was ever written to it. Those in which nothing waits
    /// are removed.
    fn go_on(&mut self) -> Result<(), JournalError> {
        if let Some(last) = self.segments.back() {
            self.writable = last.head.first == self.next && last.is_blank(self.room)?;
        }
        let kept = usize::from(self.writable);
        while self.rows == 0
            && self.segments.len() > kept
            && let Some(first) = self.segments.pop_front()
        {
            let name = segment::name(first.head.segment);
            self.disk.remove(&name).map_err(io_error(&name))?;
        }
        Ok(())
    }

    /// Takes the room for rows to come, so that they need not wait for it, and have it on a disk that
    /// is full then.
    ///
    /// # Errors
    /// There is none, or the disk fails. The next row tries again.
    pub fn prepare(&mut self) -> Result<(), JournalError> {
        if self.writable || self.damage.is_some() {
            return Ok(());
        }
        self.begin_segment(0)
    }
}

/// Removes files that were never finished, names the segments in their order, and says how many rows
/// were set aside.
fn tidy_up<D: Disk>(disk: &D) -> Result<(Vec<u64>, u64), JournalError> {
    let (mut numbers, mut aside) = (Vec::new(), 0);
    for name in disk.list().map_err(io_error("the folder"))? {
        if name.ends_with(UNFINISHED) {
            disk.remove(&name).map_err(io_error(&name))?;
        } else {
            aside += u64::from(aside::is_one(&name));
            numbers.extend(segment::number_of(&name));
        }
    }
    numbers.sort_unstable();
    // What was renamed before may not have got its name for good.
    disk.sync().map_err(io_error("the folder"))?;
    Ok((numbers, aside))
}
