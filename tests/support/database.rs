//! The database as another program sees it: plain SQL on the file that the server leaves behind.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::until;

/// Opens the one database in a data folder, for reading.
pub fn open(data: &Path) -> Connection {
    Connection::open_with_flags(file(data), OpenFlags::SQLITE_OPEN_READ_ONLY)
        .expect("the database opens")
}

/// Where the database is.
pub fn file(data: &Path) -> std::path::PathBuf {
    let entries = std::fs::read_dir(data).expect("a data folder");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.is_file()) // the journal is a folder
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            !name.ends_with("-wal") && !name.ends_with("-shm") && !name.ends_with(".lock")
        })
        .collect();
    assert_eq!(files.len(), 1, "one database: {files:?}");
    files.remove(0)
}

/// One number.
pub fn count(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).expect(sql)
}

/// Waits until `sql` counts `expected`: rows of failures are written after the answer.
pub fn wait_for_count(data: &Path, sql: &str, expected: i64) {
    until(&format!("{sql} = {expected}"), || {
        (count(&open(data), sql) == expected).then_some(())
    });
}

/// The ids of all texts, spelt as the server spells them, each with its state and text.
pub fn texts(db: &Connection) -> Vec<(String, String, String)> {
    let sql = "SELECT id, state, text FROM generated_content";
    let mut statement = db.prepare(sql).expect(sql);
    let rows = statement
        .query_map([], |row| {
            let id: [u8; 16] = row.get(0)?;
            let id = uuid::Uuid::from_bytes(id).to_string();
            Ok((id, row.get(1)?, row.get(2)?))
        })
        .expect(sql);
    rows.map(|row| row.expect(sql)).collect()
}

/// The texts alone, by id.
pub fn whole_texts(db: &Connection) -> Vec<(String, String)> {
    let rows = texts(db).into_iter();
    rows.map(|(id, _, text)| (id, text)).collect()
}

/// What must hold after whatever happened: the file is sound, and no transaction is there by half.
pub fn check(db: &Connection) -> HashSet<String> {
    let verdict: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("integrity_check");
    assert_eq!(verdict, "ok");
    assert_eq!(
        count(db, "SELECT count(*) FROM pragma_foreign_key_check"),
        0
    );
    // Sets are compared as sets: the tables have no index for each of these questions.
    let half = [
        // Texts without what was asked for, or without the request or the job that asked for them.
        "SELECT tenant, search_term_id FROM generated_content
         EXCEPT SELECT tenant, id FROM search_terms",
        "SELECT tenant, id FROM generated_content
         EXCEPT SELECT tenant, generation_id FROM requests
         EXCEPT SELECT tenant, row_id FROM job_items",
        // Texts that say that they have their scores, and have not; and the other way round.
        "SELECT tenant, id FROM generated_content WHERE scored
         EXCEPT SELECT tenant, generated_content_id FROM sentiment_analysis",
        "SELECT tenant, generated_content_id FROM sentiment_analysis
         WHERE generated_content_id IS NOT NULL
         EXCEPT SELECT tenant, id FROM generated_content WHERE scored",
        // Texts that were cut.
        "SELECT id FROM generated_content WHERE text_bytes <> length(CAST(text AS BLOB))",
        // Requests that were answered well with a text, or with keywords, that are not there.
        "SELECT tenant, generation_id FROM requests
         WHERE outcome = 'ok' AND generation_id IS NOT NULL
         EXCEPT SELECT tenant, id FROM generated_content
         EXCEPT SELECT tenant, id FROM generated_keywords",
    ];
    for sql in half {
        assert_eq!(
            count(db, &format!("SELECT count(*) FROM ({sql})")),
            0,
            "{sql}"
        );
    }
    texts(db).into_iter().map(|(id, ..)| id).collect()
}
