//! Files that cannot be opened: each says why, names the path, and is left as it was.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::*;
use crate::store::sqlite::migrations::VERSION;

/// Opens `path`, which must fail, and checks that the words name it.
fn refusal(path: &Path) -> StoreError {
    let error = Writer::open_with(path, BUSY).unwrap_err();
    let words = error.to_string();
    assert!(words.contains(path.to_str().unwrap()), "{words}");
    assert!(!words.contains('\n'), "{words}");
    error
}

#[test]
fn a_new_file_is_made_and_found_again() {
    let mut store = Store::new();
    store.put(save_text(text("local", 1, "tea")));
    let path = store.path();
    let Store { folder, writer, .. } = store;
    drop(writer);
    Writer::open(&path).unwrap();
    assert!(one(&mut Reader::open(&path).unwrap(), "local", number_id(1)).is_some());
    drop(folder);
}

#[test]
fn the_writer_is_durable() {
    let store = Store::new();
    assert_eq!(store.number("PRAGMA synchronous"), 2);
    assert_eq!(store.number("PRAGMA fullfsync"), 1);
    assert_eq!(store.number("PRAGMA foreign_keys"), 1);
    let mode: String = store
        .writer
        .conn
        .query_row("PRAGMA journal_mode", (), |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_missing_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nowhere").join("maitred.db");
    assert_eq!(refusal(&path), StoreError::DirectoryMissing { path });
}

#[test]
fn a_read_only_file() {
    let store = Store::new();
    let path = store.path();
    let Store {
        folder,
        writer,
        reader,
    } = store;
    drop((writer, reader));
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    assert_eq!(refusal(&path), StoreError::ReadOnly { path });
    drop(folder);
}

#[test]
fn a_folder_in_the_place_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(refusal(folder.path()).code(), "store_io");
}

#[test]
fn garbage_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maitred.db");
    for garbage in [b"x".as_slice(), &[0x5a; 99], &[0x5a; 512], &[0x5a; 10_000]] {
        fs::write(&path, garbage).unwrap();
        assert_eq!(refusal(&path), StoreError::Corrupt { path: path.clone() });
        assert_eq!(fs::read(&path).unwrap(), garbage);
        let files = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1, "something was left beside it");
    }
}

#[test]
fn an_overwritten_header_is_left_as_it_was() {
    let store = Store::new();
    let path = store.path();
    let Store {
        folder,
        writer,
        reader,
    } = store;
    // In this order the log stays, and with it a good copy of the header. Still the file is not
    // what it was, so nobody should go on writing to it.
    drop((writer, reader));
    let mut bytes = fs::read(&path).unwrap();
    bytes[..100].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(refusal(&path), StoreError::Corrupt { path: path.clone() });
    assert_eq!(fs::read(&path).unwrap(), bytes);
    drop(folder);
}

#[test]
fn a_database_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bookmarks.sqlite");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("CREATE TABLE bookmarks (url TEXT)")
        .unwrap();
    drop(conn);
    let before = fs::read(&path).unwrap();
    assert_eq!(refusal(&path), StoreError::Foreign { path: path.clone() });
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn tables_of_a_newer_version() {
    let store = Store::new();
    let path = store.path();
    store.run_sql("PRAGMA user_version = 999");
    let Store {
        folder,
        writer,
        reader,
    } = store;
    drop((writer, reader));
    let error = refusal(&path);
    assert!(matches!(
        error,
        StoreError::Schema { found: 999, expected, .. } if expected == VERSION
    ));
    assert_eq!(Reader::open(&path).unwrap_err(), error);
    drop(folder);
}

#[test]
fn a_reader_does_not_make_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maitred.db");
    assert_eq!(Reader::open(&path).unwrap_err().code(), "store_io");
    fs::write(&path, b"").unwrap();
    assert_eq!(Reader::open(&path).unwrap_err().code(), "store_schema");
}

/// Set for the second process of the test below: the file that it is to lock.
const LOCK_THIS: &str = "MAITRED_TEST_LOCK_THIS";

#[test]
fn a_lock_of_another_process() {
    if let Some(path) = std::env::var_os(LOCK_THIS) {
        return hold_the_lock(Path::new(&path));
    }
    let mut store = Store::new();
    store.put(save_text(text("local", 1, "tea")));
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "store::sqlite::tests::opening::a_lock_of_another_process",
        ])
        .env(LOCK_THIS, store.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("locked")));

    let busy = StoreError::Busy { path: store.path() };
    let batch = [
        save_text(text("local", 2, "tea")),
        save_text(text("local", 3, "tea")),
    ];
    assert_eq!(store.writer.apply(&batch), [Err(busy.clone()), Err(busy)]);
    // Readers of a WAL do not wait for anybody's lock.
    assert!(store.one("local", number_id(1)).is_some());

    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    assert!(store.writer.apply(&batch).iter().all(Result::is_ok));
}

/// Locks the file until the standard input ends.
fn hold_the_lock(path: &Path) {
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut stdout = std::io::stdout();
    stdout.write_all(b"\nlocked\n").unwrap();
    stdout.flush().unwrap();
    std::io::stdin().lines().for_each(drop);
}
