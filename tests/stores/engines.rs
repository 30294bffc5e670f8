//! The two engines behind one trait.

use maitred::store::postgres::migrations::Migrator;
use maitred::store::postgres::{Answered, Request};
use maitred::store::sqlite::{Reader, Writer};
use maitred::store::{Found, Listed, Query, StoreError, TextRow, Write, Written};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::link::{Link, login};
use crate::support::postgres::Postgres;

/// What every engine can do.
pub(crate) trait Store {
    /// Carries out a change.
    fn write(&mut self, write: &Write) -> Result<Written, StoreError>;

    /// Answers a question.
    fn ask(&mut self, query: &Query) -> Result<Found, StoreError>;

    /// How many rows there are, by the end of a statement that begins with `SELECT count(*) FROM`.
    fn count(&mut self, what: &str) -> i64;

    /// A text as the engine keeps it.
    fn kept(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// What stories say. Everything that is asked of a store has to succeed.
impl dyn Store + '_ {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "stories make what they put in on the spot"
    )]
    pub(crate) fn put(&mut self, write: Write) -> Written {
        self.write(&write).unwrap()
    }

    pub(crate) fn one(&mut self, tenant: &str, id: Uuid) -> Option<TextRow> {
        let tenant = tenant.to_owned();
        match self.ask(&Query::One { tenant, id }).unwrap() {
            Found::One(row) => row.map(|row| *row),
            other => panic!("a look-up was answered with {other:?}"),
        }
    }

    pub(crate) fn page(&mut self, query: &Query) -> (Vec<Listed>, Option<Uuid>) {
        match self.ask(query).unwrap() {
            Found::Page { rows, next, .. } => (rows, next),
            other => panic!("a list was answered with {other:?}"),
        }
    }

    /// All pages of an export of `local`, and how many there were.
    pub(crate) fn export(&mut self) -> (Vec<TextRow>, usize) {
        let (mut all, mut pages) = (Vec::<TextRow>::new(), 0);
        let mut until = None;
        loop {
            let after = all.last().map(|row| row.id);
            let tenant = "local".to_owned();
            let query = Query::Export {
                tenant,
                after,
                until,
            };
            let Found::Texts { rows, more } = self.ask(&query).unwrap() else {
                panic!("an export was answered with something else");
            };
            assert!(
                more.is_none() || !rows.is_empty(),
                "a page that leads nowhere"
            );
            all.extend(rows);
            pages += 1;
            if more.is_none() {
                return (all, pages);
            }
            until = more;
        }
    }
}

/// SQLite.
pub(crate) struct File {
    folder: TempDir,
    pub(crate) writer: Writer,
    reader: Reader,
}

impl File {
    /// A new file.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maitred.db");
        File {
            writer: Writer::open(&path).unwrap(),
            reader: Reader::open(&path).unwrap(),
            folder,
        }
    }
}

impl Store for File {
    fn write(&mut self, write: &Write) -> Result<Written, StoreError> {
        self.writer.apply(std::slice::from_ref(write)).remove(0)
    }

    fn ask(&mut self, query: &Query) -> Result<Found, StoreError> {
        self.reader.run(query)
    }

    fn count(&mut self, what: &str) -> i64 {
        let path = self.folder.path().join("maitred.db");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let conn = Connection::open_with_flags(path, flags).unwrap();
        let sql = format!("SELECT count(*) FROM {what}");
        conn.query_row(&sql, (), |row| row.get(0)).unwrap()
    }
}

/// PostgreSQL, over a connection of its own.
pub(crate) struct Server {
    pub(crate) link: Link,
}

impl Server {
    /// A new database of this name, with our tables.
    pub(crate) fn new(postgres: &Postgres, database: &str) -> Self {
        postgres.psql("postgres", &format!("CREATE DATABASE \"{database}\""));
        let mut server = Server::open(postgres, database);
        server.migrate().unwrap();
        server
    }

    /// A database as it is.
    pub(crate) fn open(postgres: &Postgres, database: &str) -> Self {
        let database = database.to_owned();
        let login = maitred::proto::postgres::Login {
            database,
            ..login()
        };
        Server {
            link: Link::logged_in(postgres.addr, login),
        }
    }

    /// Has the tables looked at, and made.
    pub(crate) fn migrate(&mut self) -> Result<(), StoreError> {
        let mut migrator = Migrator::default();
        while let Some(script) = migrator.script()? {
            self.link.migrate(&mut migrator, &script)?;
        }
        Ok(())
    }
}

impl Store for Server {
    fn write(&mut self, write: &Write) -> Result<Written, StoreError> {
        match self.link.run(&Request::of_write(write))? {
            Answered::Written(written) => Ok(written),
            other => panic!("a change was answered with {other:?}"),
        }
    }

    fn ask(&mut self, query: &Query) -> Result<Found, StoreError> {
        match self.link.run(&Request::of_query(query))? {
            Answered::Found(found) => Ok(found),
            other => panic!("a question was answered with {other:?}"),
        }
    }

    fn count(&mut self, what: &str) -> i64 {
        let rows = self.link.rows(&format!("SELECT count(*) FROM {what}"));
        rows[0][0].parse().unwrap()
    }

    fn kept(&self, text: &str) -> String {
        text.replace('\0', "\u{fffd}")
    }
}
