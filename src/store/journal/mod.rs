//! The spill journal: rows that the database could not take, on the disk until it can.
//!
//! ```text
//!  append(rows) ── one write, one sync ──► segment 7 │ segment 8 │ segment 9 …
//!                                              ▲                      ▲
//!                        cursor: replayed up to here              written here
//!  next_batch() ──► rows in their order ──► the database commits ──► advance(number)
//! ```
//! A record is one whole [`Write`](super::Write), with its ids and times. Replaying it is the same
//! statement as writing it, and leaves a row that is there already as it is; the cursor moves after
//! the commit.
//! So whatever dies when, each row that was acknowledged gets to the database, once.
//!
//! What is found at the start ([`open`](Journal::open)):
//!
//! | at the end of a segment | means | so |
//! |---|---|---|
//! | zeros, or nothing | it was not full | go on |
//! | bytes that are no record, and nothing later says that one was there | the process or the machine died while writing, and nobody was promised anything | they are cut off |
//! | the same, and a later record or segment says that this one was on the disk | somebody lost what was promised | the file is kept, nothing behind it is replayed, nothing is taken in |
//!
//! A failed sync ends its segment for ever: what the kernel did with the bytes, nobody knows. The
//! rows of that group are not acknowledged, the next ones go to a new segment.
//!
//! This module refuses to know threads, clocks and the database.

mod answer;
mod aside;
mod ask;
mod crc32c;
mod cursor;
mod disk;
mod error;
mod format;
mod index;
mod look;
mod reader;
mod recovery;
mod segment;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

pub use ask::{Answer, Ask, Batch, Overlay, Standing};
pub use disk::{Disk, DiskFile, Folder};
pub use error::JournalError;
use error::io_error;

use cursor::Cursor;
use format::SegmentHead;
use index::Index;
use reader::Reading;
use segment::Segment;

/// See the module.
#[derive(Debug)]
pub struct Journal<D: Disk> {
    disk: D,
    /// Bytes of a segment, unless one group is longer.
    room: u64,
    cursor: Cursor<D::File>,
    /// The oldest first. All of them are whole up to their `end`.
    segments: VecDeque<Segment<D::File>>,
    /// The number of the last one that there ever was.
    last_segment: u64,
    /// Whether the last one may be written to.
    writable: bool,
    /// The number of the next record.
    next: u64,
    /// Everything up to this number is on the disk.
    durable: u64,
    index: Index,
    reading: Reading,
    /// Bytes and rows that wait.
    bytes: u64,
    rows: u64,
    oldest_ms: Option<i64>,
    /// Rows in files of their own.
    aside: u64,
    damage: Option<JournalError>,
    /// Memory that is used again.
    scratch: Vec<u8>,
}

impl<D: Disk> Journal<D> {
    /// How much waits.
    pub fn standing(&self) -> Standing {
        Standing {
            rows: self.rows,
            bytes: self.bytes,
            oldest_ms: self.oldest_ms,
            damaged: self.damage.is_some(),
            aside: self.aside,
        }
    }

    /// The name of the file in which the row with this number is, once it was set aside.
    #[must_use]
    pub fn file_aside(number: u64) -> String {
        aside::name(number)
    }

    /// What was found to be damaged, if anything was.
    pub fn damage(&self) -> Option<&JournalError> {
        self.damage.as_ref()
    }
}
