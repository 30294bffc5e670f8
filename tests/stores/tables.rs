//! The tables: made once, brought up to date, and left alone if they are not ours (R37).

use maitred::store::Written;
use maitred::store::sqlite::Writer;
use rusqlite::Connection;

use crate::rows::{id, save, text};
use crate::support::postgres::Postgres;
use crate::{Server, Store};

/// What is done to the record, and words of the refusal that follows.
const HARM: &[(&str, &str)] = &[
    (
        "UPDATE maitred_schema SET checksum = 'other' WHERE version = 2",
        "0002_search",
    ),
    (
        "DELETE FROM maitred_schema WHERE version = 1",
        "0001_first_tables is not on record",
    ),
    (
        "INSERT INTO maitred_schema (version, name, checksum) VALUES (1000, 'x', 'y')",
        "have version 1000",
    ),
];

#[test]
fn sqlite_refuses_tables_that_are_not_its_own_and_leaves_them() {
    for (harm, words) in HARM {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maitred.db");
        drop(Writer::open(&path).unwrap());
        Connection::open(&path).unwrap().execute(harm, ()).unwrap();
        let before = std::fs::read(&path).unwrap();
        let error = Writer::open(&path).unwrap_err();
        assert_eq!(error.code(), "store_schema");
        let said = error.to_string();
        assert!(
            said.contains(words) && said.contains("maitred.db"),
            "{said}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

/// A file of a version that kept no record of its migrations.
#[test]
fn sqlite_takes_over_a_file_without_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maitred.db");
    let mut writer = Writer::open(&path).unwrap();
    assert_eq!(
        writer.apply(&[save(text("local", 1, "tea"))]),
        [Ok(Written::Saved)]
    );
    drop(writer);
    let conn = Connection::open(&path).unwrap();
    conn.execute("DROP TABLE maitred_schema", ()).unwrap();
    drop(Writer::open(&path).unwrap());
    let rows = |sql: &str| conn.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap();
    let complete = "SELECT count(*) FROM maitred_schema WHERE length(checksum) = 64";
    let version = rows("SELECT user_version FROM pragma_user_version");
    assert_eq!(rows(complete), version);
    assert_eq!(rows("SELECT count(*) FROM generated_content"), 1);
}

#[test]
#[ignore = "needs postgresql"]
fn postgresql_refuses_tables_that_are_not_its_own() {
    let postgres = Postgres::start();
    for (number, (harm, words)) in HARM.iter().enumerate() {
        let database = format!("harm_{number}");
        let mut server = Server::new(&postgres, &database);
        server.migrate().expect("its own are well");
        postgres.psql(&database, harm);
        let error = Server::open(&postgres, &database).migrate().unwrap_err();
        assert_eq!(error.code(), "store_schema");
        let said = error.to_string();
        assert!(
            said.contains(words) && said.contains("PostgreSQL"),
            "{said}"
        );
    }
}

#[test]
#[ignore = "needs postgresql"]
fn postgresql_takes_over_tables_without_hashes_and_needs_no_lock_after_that() {
    let postgres = Postgres::start();
    let mut server = Server::new(&postgres, "old");
    let store: &mut dyn Store = &mut server;
    store.put(save(text("local", 1, "tea")));
    let columns = "ALTER TABLE maitred_schema DROP COLUMN checksum, DROP COLUMN name";
    postgres.psql("old", columns);
    Server::open(&postgres, "old").migrate().unwrap();
    let unnoted = "SELECT count(*) FROM maitred_schema WHERE checksum IS NULL OR name IS NULL";
    assert_eq!(postgres.psql("old", unnoted), "0");
    // A standby takes no writes, and nobody who holds the lock has to be waited for.
    let read_only = "ALTER DATABASE old SET default_transaction_read_only = on";
    postgres.psql("old", read_only);
    let mut server = Server::open(&postgres, "old");
    server.migrate().unwrap();
    let store: &mut dyn Store = &mut server;
    assert!(store.one("local", id(1)).is_some());
    assert_eq!(
        store
            .write(&save(text("local", 2, "tea")))
            .unwrap_err()
            .code(),
        "store_read_only"
    );
}
