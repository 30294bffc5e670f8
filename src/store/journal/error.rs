//! What can go wrong with the journal.

use std::io;

/// Why the journal did not do what it was asked. File names are relative to its folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The operating system reported an error.
    #[error("{file} cannot be read or written: {reason}")]
    Io {
        /// Which file.
        file: String,
        /// Its words.
        reason: String,
        /// Whether the disk has no room left.
        full: bool,
    },
    /// Bytes that were on the disk are not there any more. Nothing behind them is replayed.
    #[error("{file} is damaged at byte {offset}")]
    Damaged {
        /// Which file.
        file: String,
        /// Where.
        offset: u64,
    },
    /// Another version of maitred has written it.
    #[error("{file} has format {found}, this program knows format {expected}")]
    Version {
        /// Which file.
        file: String,
        /// The format of the file.
        found: u32,
        /// The one we know.
        expected: u32,
    },
    /// A segment of another journal lies in the folder.
    #[error("{file} belongs to another journal")]
    Foreign {
        /// Which file.
        file: String,
    },
    /// One row is longer than a record may be.
    #[error("a row is too long for the journal")]
    TooLong,
}

/// Says which file an error was about.
pub(super) fn io_error(file: &str) -> impl Fn(io::Error) -> JournalError {
    move |error| JournalError::Io {
        file: file.to_owned(),
        reason: error.kind().to_string(),
        full: error.kind() == io::ErrorKind::StorageFull,
    }
}
