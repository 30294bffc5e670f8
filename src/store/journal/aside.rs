//! Rows that the database refuses as such: each is kept in a file of its own, so that it does not stand
//! in the way of those behind it.
//!
//! ```text
//!  the row ──► aside-….json.tmp ──► synced ──► aside-….json ──► the cursor moves past it
//! ```
//! Should the process die before the last step, the row is refused again and gets the same file. The file
//! is the row as JSON, for a person to read; the program never looks into it. It counts for as long as
//! it is there when the journal is opened.

use super::disk::{Disk, DiskFile};
use super::segment::UNFINISHED;
use super::{Journal, JournalError, io_error};
use crate::limits::spill::JOURNAL_RECORD_BYTES;

const PREFIX: &str = "aside-";
const SUFFIX: &str = ".json";

/// The file of the row with this number.
pub(super) fn name(number: u64) -> String {
    format!("{PREFIX}{number:010}{SUFFIX}")
}

/// Whether a file of this name has such a row.
pub(super) fn is_one(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

impl<D: Disk> Journal<D> {
    /// Keeps the row that was said last in a file of its own, and goes on behind it. Nothing happens if
    /// that was another one, or one of several.
    ///
    /// # Errors
    /// The disk failed: the row comes again.
    pub fn set_aside(&mut self, number: u64) -> Result<(), JournalError> {
        let Some(row) = self.said_alone(number)? else {
            return Ok(());
        };
        let name = name(number);
        let mut bytes = Vec::new();
        let written = serde_json::to_writer(&mut bytes, &row).is_ok();
        debug_assert!(written && bytes.len() <= JOURNAL_RECORD_BYTES);
        self.put_aside(&name, &bytes).map_err(io_error(&name))?;
        let names = self.disk.list().map_err(io_error("the folder"))?;
        self.aside = names.iter().filter(|name| is_one(name)).count() as u64;
        self.advance(number)
    }

    fn put_aside(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let unfinished = format!("{name}{UNFINISHED}");
        let file = self.disk.create(&unfinished)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        self.disk.rename(&unfinished, name)?;
        self.disk.sync()
    }
}
