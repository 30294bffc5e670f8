//! What is on the disk at the moment the process dies.

use std::fs;

use super::*;

fn wal(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

/// A store as it would be found after a `kill -9` at this moment: the same two files, without
/// what SQLite keeps in memory. `wal_bytes` cuts the log, as a loss of power may.
fn after_a_crash(store: &Store, wal_bytes: usize) -> (TempDir, Writer, Reader) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maitred.db");
    fs::copy(store.path(), &path).unwrap();
    let log = fs::read(wal(&store.path())).unwrap();
    fs::write(wal(&path), &log[..wal_bytes.min(log.len())]).unwrap();
    let writer = Writer::open(&path).unwrap();
    let reader = Reader::open(&path).unwrap();
    (folder, writer, reader)
}

fn number(writer: &Writer, sql: &str) -> i64 {
    writer.conn.query_row(sql, (), |row| row.get(0)).unwrap()
}

#[test]
fn what_was_acknowledged_is_there_and_the_rest_is_not() {
    let mut store = Store::new();
    for n in 1..=20 {
        assert_eq!(store.put(save_both("local", n, "tea")), Written::Saved);
        let (_folder, writer, mut reader) = after_a_crash(&store, usize::MAX);
        assert_eq!(
            number(&writer, "SELECT count(*) FROM generated_content"),
            n as i64
        );
        assert!(one(&mut reader, "local", number_id(n)).is_some());
    }
    // A transaction so large that it reaches the log before its commit, which never comes.
    let log_bytes = |store: &Store| fs::metadata(wal(&store.path())).unwrap().len();
    let before = log_bytes(&store);
    store.run_sql("PRAGMA cache_size = 1; BEGIN IMMEDIATE; DELETE FROM requests;");
    store.run_sql("UPDATE generated_content SET text = hex(zeroblob(100000));");
    assert!(log_bytes(&store) > before);
    let (_folder, writer, _reader) = after_a_crash(&store, usize::MAX);
    assert_eq!(
        number(&writer, "SELECT count(*) FROM generated_content"),
        20
    );
}

#[test]
fn a_log_cut_anywhere_leaves_no_half_write() {
    let mut store = Store::new();
    store.writer.checkpoint().unwrap();
    for n in 1..=5 {
        store.put(save_both("local", n, "tea"));
    }
    let log = fs::metadata(wal(&store.path())).unwrap().len() as usize;
    let mut seen = Vec::new();
    for cut in (0..=log).step_by(1031).chain([log]) {
        let (_folder, writer, _reader) = after_a_crash(&store, cut);
        let check = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'";
        assert_eq!(number(&writer, check), 1);
        let texts = number(&writer, "SELECT count(*) FROM generated_content");
        assert_eq!(number(&writer, "SELECT count(*) FROM requests"), texts);
        assert_eq!(
            number(&writer, "SELECT count(*) FROM search_terms"),
            texts.min(1)
        );
        seen.push(texts);
    }
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!((seen.first(), seen.last()), (Some(&0), Some(&5)));
}

#[test]
fn a_checkpoint_moves_the_log_into_the_database() {
    let mut store = Store::new();
    store.put(save_text(text("local", 1, "tea")));
    store.writer.checkpoint().unwrap();
    fs::copy(store.path(), store.folder.path().join("copy.db")).unwrap();
    // Without its log, the copy has the row all the same.
    let mut copy = Reader::open(&store.folder.path().join("copy.db")).unwrap();
    assert!(one(&mut copy, "local", number_id(1)).is_some());
}
