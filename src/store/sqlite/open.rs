//! Opening the file: look first, and only then touch it.
//!
//! ```text
//!  folder there? ─► file writable? ─► a database? ─► ours? ─► tables ours? ─► WAL ─► migrate
//!        └────────────────┴───────────────┴───────────┴──────────┘
//!                  each "no" is its own StoreError, and the file is as it was
//! ```

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::errors::explain;
use super::migrations::{self, VERSION};
use crate::limits::SQLITE_WAL_BYTES;
use crate::store::StoreError;

/// How every SQLite file begins (<https://sqlite.org/fileformat.html#magic_header_string>).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// "mtrd", in the header of every file that maitred made (SQLite's `application_id`).
const APPLICATION_ID: i64 = 0x6d74_7264;
/// SQLite's page size for new files.
const PAGE_BYTES: u64 = 4096;
/// More statements than the writer and the reader have.
const STATEMENTS: usize = 32;

/// Opens the file for writing, makes it if there is none, and brings its tables up to date.
pub(super) fn for_writing(path: &Path, busy: Duration) -> Result<Connection, StoreError> {
    check_place(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let explain = |error| explain(path, &error);
    let mut conn = connect(path, flags, busy).map_err(explain)?;
    let contents = examine(&conn, path)?;
    if let Contents::Tables { version } = contents {
        if version > VERSION {
            return Err(wrong_version(path, version));
        }
        migrations::check(&conn, path)?;
    }
    // First of all, because a write before it would take four times as many waits for the disk.
    make_durable(&conn, path)?;
    if matches!(contents, Contents::Empty) {
        conn.pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(explain)?;
    }
    migrations::migrate(&mut conn, path)?;
    Ok(conn)
}

/// Opens a file that a writer has opened before.
pub(super) fn for_reading(path: &Path, busy: Duration) -> Result<Connection, StoreError> {
    check_place(path)?;
    let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, busy);
    let conn = conn.map_err(|error| explain(path, &error))?;
    match examine(&conn, path)? {
        Contents::Tables { version: VERSION } => Ok(conn),
        Contents::Tables { version } => Err(wrong_version(path, version)),
        Contents::Empty => Err(wrong_version(path, 0)),
    }
}

fn wrong_version(path: &Path, found: i64) -> StoreError {
    StoreError::Schema {
        path: path.to_owned(),
        found,
        expected: VERSION,
    }
}

/// What SQLite would report as "unable to open database file", told apart; and what it would
/// accept, though nobody should: a short file of garbage, or a damaged header that an old
/// write-ahead log happens to cover.
fn check_place(path: &Path) -> Result<(), StoreError> {
    let path = path.to_owned();
    // The parent of a bare file name is "", which stands for the current folder.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(StoreError::DirectoryMissing { path });
    }
    // Root could write to such a file all the same. Whoever took the right away meant it.
    match path.metadata() {
        Ok(file) if file.permissions().readonly() => return Err(StoreError::ReadOnly { path }),
        Ok(file) if file.is_file() && file.len() > 0 => {}
        // A new file; or something else, which SQLite refuses.
        _ => return Ok(()),
    }
    // A process that died while it wrote the very first page left a rollback journal that undoes
    // the page.
    if starts_as_sqlite(&path) || journal_of(&path).exists() {
        return Ok(());
    }
    Err(StoreError::Corrupt { path })
}

/// Whether the file begins like a database, or cannot be read, which SQLite reports better.
fn starts_as_sqlite(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    match File::open(path).and_then(|mut file| file.read_exact(&mut start)) {
        Ok(()) => start == *MAGIC,
        Err(error) => error.kind() != ErrorKind::UnexpectedEof,
    }
}

fn journal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-journal");
    name.into()
}

fn connect(path: &Path, flags: OpenFlags, busy: Duration) -> rusqlite::Result<Connection> {
    // One thread owns each connection, so SQLite need not lock it.
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(busy)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(conn)
}

/// What is in a file, as far as it matters for opening it.
enum Contents {
    /// Nothing yet.
    Empty,
    /// Tables of maitred's; version 0 if the first migration was cut off.
    Tables { version: i64 },
}

fn examine(conn: &Connection, path: &Path) -> Result<Contents, StoreError> {
    let read = || -> rusqlite::Result<(i64, i64, i64)> {
        let id = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let count = "SELECT count(*) FROM sqlite_schema";
        let objects = conn.query_row(count, (), |row| row.get(0))?;
        Ok((id, migrations::version(conn)?, objects))
    };
    match read().map_err(|error| explain(path, &error))? {
        (APPLICATION_ID, version, _) => Ok(Contents::Tables { version }),
        (0, 0, 0) => Ok(Contents::Empty),
        _ => Err(StoreError::Foreign {
            path: path.to_owned(),
        }),
    }
}

/// Sets what makes a commit a promise, and checks that SQLite agreed.
fn make_durable(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let set = || -> rusqlite::Result<String> {
        let mode = "PRAGMA journal_mode = WAL";
        let mode = conn.query_row(mode, (), |row| row.get(0))?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "fullfsync", true)?;
        conn.pragma_update(None, "checkpoint_fullfsync", true)?;
        conn.pragma_update(None, "foreign_keys", true)?;
        // What undoes a savepoint need not be a file: it is gone with the transaction in any case.
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        let pages = SQLITE_WAL_BYTES / PAGE_BYTES;
        conn.pragma_update(None, "wal_autocheckpoint", pages as i64)?;
        conn.pragma_update(None, "journal_size_limit", SQLITE_WAL_BYTES as i64)?;
        Ok(mode)
    };
    let mode = set().map_err(|error| explain(path, &error))?;
    if mode == "wal" {
        return Ok(());
    }
    // Shared memory is missing there, as on most network file systems.
    let reason = format!("its file system allows journal mode {mode} only, not WAL");
    Err(StoreError::Io {
        path: path.to_owned(),
        reason,
    })
}
