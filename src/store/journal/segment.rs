//! One file of the journal.
//!
//! ```text
//!  segment-0000000003.tmp   being made: head and zeros, synced, then renamed
//!  segment-0000000003       written to, one group of records and one sync at a time
//!                           full, or a sync has failed: never written to again
//!                           replayed: removed
//! ```
//! Its room is taken on the disk before the first record comes: rows have somewhere to go when the
//! disk is full, and a sync has no length of the file to write.

use uuid::Uuid;

use super::disk::{Disk, DiskFile};
use super::format::{self, HeadFault, RECORD_HEAD, RecordHead, SEGMENT_HEAD, SegmentHead};
use super::{JournalError, io_error};
use crate::limits::spill::{JOURNAL_RECORD_BYTES, JOURNAL_SEGMENT_BYTES};
use crate::store::Write;

const PREFIX: &str = "segment-";
/// What a file is called while it is made.
pub(super) const UNFINISHED: &str = ".tmp";
/// Zeros are written so many at a time.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// A segment as far as it is whole.
#[derive(Debug)]
pub(super) struct Segment<F> {
    pub(super) file: F,
    pub(super) head: SegmentHead,
    /// Where the next record would begin.
    pub(super) end: u64,
    /// The number of its last record; one less than `head.first` if it has none.
    pub(super) last: u64,
}

/// The name of a segment's file.
pub(super) fn name(segment: u64) -> String {
    format!("{PREFIX}{segment:010}")
}

/// The segment behind a file's name.
pub(super) fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix(PREFIX)?.parse().ok()?;
    (name == self::name(number)).then_some(number)
}

impl<F: DiskFile> Segment<F> {
    /// Makes a new one whose file has `room` bytes.
    pub(super) fn make<D: Disk<File = F>>(
        disk: &D,
        head: SegmentHead,
        room: u64,
    ) -> Result<Self, JournalError> {
        let name = name(head.segment);
        let unfinished = format!("{name}{UNFINISHED}");
        let make = || {
            let file = disk.create(&unfinished)?;
            file.write_at(0, &head.encode())?;
            let mut at = SEGMENT_HEAD as u64;
            while at < room {
                let length = ZEROS.len().min((room - at) as usize);
                file.write_at(at, &ZEROS[..length])?;
                at += length as u64;
            }
            file.sync()?;
            disk.rename(&unfinished, &name)?;
            disk.sync()?;
            Ok(file)
        };
        let file = make().map_err(|error| {
            // A half-made file holds room that somebody may need. If it stays, the start removes it.
            let _ = disk.remove(&unfinished);
            io_error(&name)(error)
        })?;
        Ok(Segment {
            file,
            head,
            end: SEGMENT_HEAD as u64,
            last: head.first - 1,
        })
    }

    /// Opens one that is there and reads its head, which was synced before it got its name.
    /// `journal`: whose it has to be.
    pub(super) fn open<D: Disk<File = F>>(
        disk: &D,
        segment: u64,
        journal: Option<Uuid>,
    ) -> Result<Self, JournalError> {
        let name = name(segment);
        let file = disk.open(&name).map_err(io_error(&name))?;
        let mut bytes = [0; SEGMENT_HEAD];
        let damaged = || JournalError::Damaged {
            file: name.clone(),
            offset: 0,
        };
        if file.length().map_err(io_error(&name))? < SEGMENT_HEAD as u64 {
            return Err(damaged());
        }
        file.read_at(0, &mut bytes).map_err(io_error(&name))?;
        let head = SegmentHead::decode(&bytes).map_err(|fault| match fault {
            HeadFault::Damaged => damaged(),
            HeadFault::Version(found) => JournalError::Version {
                file: name.clone(),
                found,
                expected: format::VERSION,
            },
        })?;
        if journal.is_some_and(|journal| journal != head.journal) {
            return Err(JournalError::Foreign { file: name });
        }
        if head.segment != segment || head.first == 0 {
            return Err(damaged());
        }
        Ok(Segment {
            file,
            head,
            end: SEGMENT_HEAD as u64,
            last: head.first - 1,
        })
    }

    /// Whether `bytes` more fit into the room that was taken.
    pub(super) fn has_room(&self, bytes: u64) -> Result<bool, JournalError> {
        let length = self.file.length();
        let length = length.map_err(io_error(&name(self.head.segment)))?;
        Ok(self.end + bytes <= length)
    }

    /// Reads the record at `at`, its row into `row`, whose memory is used again. `None`: there is
    /// no whole record.
    pub(super) fn record(
        &self,
        at: u64,
        row: &mut Vec<u8>,
    ) -> Result<Option<RecordHead>, JournalError> {
        let name = name(self.head.segment);
        let length = self.file.length().map_err(io_error(&name))?;
        if at + RECORD_HEAD as u64 > length {
            return Ok(None);
        }
        let mut bytes = [0; RECORD_HEAD];
        self.file.read_at(at, &mut bytes).map_err(io_error(&name))?;
        let Some(head) = RecordHead::decode(&bytes) else {
            return Ok(None);
        };
        if at + head.bytes() > length {
            return Ok(None);
        }
        row.resize(head.length as usize, 0);
        let start = at + RECORD_HEAD as u64;
        self.file.read_at(start, row).map_err(io_error(&name))?;
        Ok(head.vouches_for(row).then_some(head))
    }

    /// The row of the record at `at`, which was whole when it was written.
    pub(super) fn write_at(&self, at: u64) -> Result<Write, JournalError> {
        let mut row = Vec::new();
        let whole = self.record(at, &mut row)?.is_some();
        let write = whole.then(|| serde_json::from_slice(&row).ok()).flatten();
        write.ok_or_else(|| self.damage(at))
    }

    /// The error for bytes that should be here and are not.
    pub(super) fn damage(&self, offset: u64) -> JournalError {
        JournalError::Damaged {
            file: name(self.head.segment),
            offset,
        }
    }

    /// Whether it has all of its `room`, and nothing was ever written there, not even by half.
    pub(super) fn is_blank(&self, room: u64) -> Result<bool, JournalError> {
        let name = name(self.head.segment);
        let length = self.file.length().map_err(io_error(&name))?;
        let mut piece = Vec::new();
        let mut at = SEGMENT_HEAD as u64;
        while at < length {
            piece.resize(ZEROS.len().min((length - at) as usize), 0);
            self.file.read_at(at, &mut piece).map_err(io_error(&name))?;
            if piece != ZEROS[..piece.len()] {
                return Ok(false);
            }
            at += piece.len() as u64;
        }
        Ok(length >= room)
    }

    /// Cuts off what is behind its last record.
    pub(super) fn cut(&self) -> Result<(), JournalError> {
        let name = name(self.head.segment);
        if self.file.length().map_err(io_error(&name))? > self.end {
            self.file.cut(self.end).map_err(io_error(&name))?;
        }
        self.file.sync().map_err(io_error(&name))
    }

    /// Makes sure that its records are on the disk. What is read may be in memory only, and if a sync
    /// has failed before, the next one would not write it: so every byte is written once more.
    pub(super) fn write_again(&self) -> Result<(), JournalError> {
        let again = || {
            let mut piece = Vec::new();
            let mut at = SEGMENT_HEAD as u64;
            while at < self.end {
                piece.resize(ZEROS.len().min((self.end - at) as usize), 0);
                self.file.read_at(at, &mut piece)?;
                self.file.write_at(at, &piece)?;
                at += piece.len() as u64;
            }
            self.file.sync()
        };
        again().map_err(io_error(&name(self.head.segment)))
    }

    /// The highest number that a record from `at` on says was on the disk before it.
    pub(super) fn evidence(&self, at: u64) -> Result<u64, JournalError> {
        let name = name(self.head.segment);
        let mut highest = 0;
        let length = self.file.length().map_err(io_error(&name))?;
        // Pieces that overlap by a record, so that each record is whole in one of them.
        let (step, overlap) = (JOURNAL_SEGMENT_BYTES, JOURNAL_RECORD_BYTES as u64);
        let mut from = at;
        let mut bytes = Vec::new();
        while from < length {
            let until = (from + step + overlap).min(length);
            bytes.resize((until - from) as usize, 0);
            self.file
                .read_at(from, &mut bytes)
                .map_err(io_error(&name))?;
            highest = highest.max(format::evidence_in(&bytes));
            from += step;
        }
        Ok(highest)
    }
}
