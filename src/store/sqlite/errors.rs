//! From SQLite's result codes to [`StoreError`].
//!
//! Only codes are read. SQLite's messages are left out, because they can quote what was stored.

use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::store::StoreError;

/// Says in our words what SQLite said about the file at `path`.
pub(super) fn explain(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    let Some(sqlite) = error.sqlite_error() else {
        return explain_value(&path, error);
    };
    let reason = || {
        let words = ffi::code_to_str(sqlite.extended_code);
        format!("{words}, SQLite code {}", sqlite.extended_code)
    };
    match sqlite.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy { path },
        ErrorCode::DiskFull => StoreError::Full { path },
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => StoreError::ReadOnly { path },
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => StoreError::Corrupt { path },
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::OutOfMemory => {
            StoreError::Io {
                path,
                reason: reason(),
            }
        }
        _ => StoreError::Failed {
            path,
            reason: reason(),
        },
    }
}

/// Errors of rusqlite itself: a stored value that is not what our tables hold means that the file
/// was damaged; anything else is a statement that we wrote wrongly.
fn explain_value(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::Utf8Error(..) => StoreError::Corrupt { path },
        _ => StoreError::Failed {
            path,
            reason: "a call that SQLite's client refused".to_owned(),
        },
    }
}
