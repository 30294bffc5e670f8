//! How far the journal was replayed. Moved after the database has committed, never before.
//!
//! ```text
//!  slot 0   "mtrdcurs" │ crc 4 │ 0 4 │ journal 16 │ turn 8 │ replayed 8
//!  slot 1   the same, 4,096 bytes further on
//! ```
//! The two are written in turn, so the one that is valid is never the one being written: half a
//! write costs the last step and nothing before it. A step that is lost is a step that is replayed
//! again, and a row that is there already stays as it is.

use std::io;

use uuid::Uuid;

use super::crc32c::checksum;
use super::disk::{Disk, DiskFile};
use super::{JournalError, io_error};

/// The file's name.
pub(super) const NAME: &str = "cursor";
const MAGIC: &[u8; 8] = b"mtrdcurs";
const SLOT: usize = 48;
/// Apart from each other by more than what a disk writes at once.
const APART: u64 = 4096;

/// The file, and what it says.
#[derive(Debug)]
pub(super) struct Cursor<F> {
    file: F,
    /// Drawn when the journal was made.
    pub(super) journal: Uuid,
    turn: u64,
    /// Every record up to this number is in the database.
    pub(super) replayed: u64,
}

impl<F: DiskFile> Cursor<F> {
    /// Opens the cursor of a folder, or makes one that says `replayed` for a journal named `fresh`.
    pub(super) fn open<D: Disk<File = F>>(
        disk: &D,
        fresh: Uuid,
        replayed: u64,
    ) -> Result<Self, JournalError> {
        match disk.open(NAME) {
            Ok(file) => Self::read(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::make(disk, fresh, replayed).map_err(io_error(NAME))
            }
            Err(error) => Err(io_error(NAME)(error)),
        }
    }

    fn make<D: Disk<File = F>>(disk: &D, journal: Uuid, replayed: u64) -> io::Result<Self> {
        let new = "cursor.tmp";
        let file = disk.create(new)?;
        let mut cursor = Cursor {
            file,
            journal,
            turn: 0,
            replayed,
        };
        cursor.file.write_at(0, &[0; 2 * APART as usize])?;
        cursor.move_to(replayed)?;
        disk.rename(new, NAME)?;
        disk.sync()?;
        Ok(cursor)
    }

    fn read(file: F) -> Result<Self, JournalError> {
        let mut best = None;
        for at in [0, APART] {
            let mut slot = [0; SLOT];
            let read = file.read_at(at, &mut slot);
            if read.is_ok()
                && let Some(found) = decode(&slot)
            {
                best = best.max(Some(found));
            }
        }
        let (turn, replayed, journal) = best.ok_or_else(|| JournalError::Damaged {
            file: NAME.to_owned(),
            offset: 0,
        })?;
        let mut cursor = Cursor {
            file,
            journal,
            turn: turn - 1,
            replayed,
        };
        // It may be in memory only, after a sync that failed: the other slot is not to be touched
        // before this one is on the disk.
        cursor.move_to(replayed).map_err(io_error(NAME))?;
        Ok(cursor)
    }

    /// Says durably that everything up to `replayed` is in the database.
    pub(super) fn move_to(&mut self, replayed: u64) -> io::Result<()> {
        let turn = self.turn + 1;
        let mut slot = [0; SLOT];
        slot[..8].copy_from_slice(MAGIC);
        slot[16..32].copy_from_slice(self.journal.as_bytes());
        slot[32..40].copy_from_slice(&turn.to_le_bytes());
        slot[40..].copy_from_slice(&replayed.to_le_bytes());
        let crc = checksum(&[&slot[..8], &slot[16..]]);
        slot[8..12].copy_from_slice(&crc.to_le_bytes());
        self.file.write_at(turn % 2 * APART, &slot)?;
        self.file.sync()?;
        // After a failure the same slot is written again: the other one still holds.
        (self.turn, self.replayed) = (turn, replayed);
        Ok(())
    }
}

/// Turn, replayed and journal.
fn decode(slot: &[u8; SLOT]) -> Option<(u64, u64, Uuid)> {
    let number = |at: usize| slot[at..].first_chunk().map(|b| u64::from_le_bytes(*b));
    let crc = checksum(&[&slot[..8], &slot[16..]]);
    let valid = slot[..8] == *MAGIC && slot[8..12] == crc.to_le_bytes();
    let journal = Uuid::from_slice(&slot[16..32]).ok()?;
    let turn = number(32).filter(|turn| *turn > 0)?;
    valid.then_some((turn, number(40)?, journal))
}
