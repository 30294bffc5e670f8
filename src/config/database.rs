//! Where rows are kept: a file of SQLite's, or a PostgreSQL server.
//!
//! ```text
//!  database.url, MAITRED_DATABASE_URL or DATABASE_URL
//!     not set          maitred.db in the data directory
//!     sqlite:PATH      that file
//!     postgres://…     a server; what the URL leaves out is in PGUSER, PGPASSWORD, …
//! ```
//! The `PG…` variables alone choose nothing: many machines have them for other programs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::ConfigError;
use super::layers::{Layers, Raw};
use super::values::{Value, quoted};
use crate::limits::{DB_CONNECTIONS, DB_CONNECTIONS_MAX, DB_WAIT_MS, STORE_MS};
use crate::proto::postgres::settings::Settings;

/// The variable that other programs read too.
const VARIABLE: &str = "DATABASE_URL";
const POSTGRES: [&str; 2] = ["postgres://", "postgresql://"];
const SQLITE: &str = "sqlite:";
/// How long a statement may take, as the server has it.
const STATEMENT_TIMEOUT: &str = "statement_timeout";

/// The settings of the database.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// Which one it is.
    pub place: Place,
    /// Connections to a PostgreSQL server, at most.
    pub connections: usize,
    /// How long a statement may take there.
    pub statement_ms: u64,
    /// How long a statement may wait for a connection.
    pub wait_ms: u64,
}

/// Where rows are kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// The file of this process in its data directory.
    DataDir,
    /// Another file.
    File(PathBuf),
    /// A PostgreSQL server.
    Postgres(Box<Settings>),
}

impl Database {
    pub(super) fn read(layers: &mut Layers, section: &str) -> Result<Self, ConfigError> {
        let key = |field: &str| format!("{section}.{field}");
        let url: Option<Url> = layers.optional_or(&key("url"), &[VARIABLE])?;
        let connections = 1..=DB_CONNECTIONS_MAX as u64;
        let times = 10..=10 * 60 * 1000;
        let connections = layers.number(&key("connections"), DB_CONNECTIONS as u64, connections)?;
        let statement_ms = layers.number(&key("statement_ms"), STORE_MS, times.clone())?;
        let wait_ms = layers.number(&key("wait_ms"), DB_WAIT_MS, times)?;
        let pgbouncer = layers.value(&key("pgbouncer"), false)?;
        let mut place = match url {
            None => Place::DataDir,
            Some(Url::Sqlite(path)) => Place::File(path),
            Some(Url::Postgres(url)) => {
                let settings = Settings::parse("the URL", Some(&url), &layers.all_variables());
                let settings = settings.map_err(|wrong| {
                    let problem = format!("cannot be used: {wrong}");
                    layers.illegal(&key("url"), problem)
                })?;
                Place::Postgres(Box::new(settings))
            }
        };
        if let Place::Postgres(settings) = &mut place {
            settings.login.pooled |= pgbouncer;
            // The server itself ends what takes too long, so that the connection stays whole. What
            // the operator has put into `options` comes later and counts.
            let limit = (STATEMENT_TIMEOUT.to_owned(), statement_ms.to_string());
            settings.login.parameters.insert(0, limit);
        }
        Ok(Database {
            place,
            connections: connections as usize,
            statement_ms,
            wait_ms,
        })
    }

    /// The PostgreSQL server, if there is one.
    #[must_use]
    pub fn postgres(&self) -> Option<&Settings> {
        match &self.place {
            Place::Postgres(settings) => Some(settings),
            Place::DataDir | Place::File(_) => None,
        }
    }

    /// A name of what this process sees as its database: the same only where the settings are, so that
    /// two of the same name are one database.
    pub(super) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let mut part = |part: &str| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        match &self.place {
            Place::DataDir => part("data"),
            Place::File(path) => part(&path.to_string_lossy()),
            Place::Postgres(settings) => {
                for host in &settings.hosts {
                    part(&host.name);
                    part(&host.port.to_string());
                }
                // The tables that a name means may depend on the role and on `search_path`.
                part(&settings.login.database);
                part(&settings.login.user);
                let others = settings.login.parameters.iter();
                for (name, value) in others.filter(|(name, _)| name != STATEMENT_TIMEOUT) {
                    part(name);
                    part(value);
                }
            }
        }
        let sum = hash.finalize();
        sum[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A URL by what it begins with. A server's is read later, together with the variables.
#[derive(Clone, PartialEq)]
enum Url {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Value for Url {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        if POSTGRES.iter().any(|scheme| text.starts_with(scheme)) {
            return Ok(Url::Postgres(text.to_owned()));
        }
        match text.strip_prefix(SQLITE) {
            Some("") => Err("names no file".to_owned()),
            Some(path) => Ok(Url::Sqlite(path.into())),
            None => Err("must begin with postgres:// or sqlite:".to_owned()),
        }
    }

    /// Nothing of a server's URL: whoever forgot an escape may have the password anywhere.
    fn show(&self) -> String {
        match self {
            Url::Sqlite(path) => quoted(&format!("{SQLITE}{}", path.display())),
            Url::Postgres(_) => quoted("postgres://***"),
        }
    }
}

impl Layers {
    /// All variables, those of other programs too.
    fn all_variables(&self) -> BTreeMap<String, String> {
        let all = self.variables().iter();
        all.map(|(name, (value, _))| (name.clone(), value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{Config, Sources};

    fn load(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let pairs = variables.iter();
        let environment = pairs.map(|(name, value)| ((*name).into(), (*value).into()));
        Config::load(&Sources {
            environment: environment.collect(),
            ..Sources::default()
        })
    }

    #[test]
    fn rows_are_in_the_data_directory_unless_a_url_says_otherwise() {
        let place = |variables| load(variables).unwrap().database.place;
        assert_eq!(place(&[]), Place::DataDir);
        assert_eq!(place(&[("PGHOST", "db"), ("PGUSER", "u")]), Place::DataDir);
        let file = place(&[("DATABASE_URL", "sqlite:/srv/texts.db")]);
        assert_eq!(file, Place::File("/srv/texts.db".into()));
        let server = [("DATABASE_URL", "postgres://db/texts"), ("PGUSER", "linus")];
        let Place::Postgres(settings) = place(&server) else {
            panic!("a server");
        };
        assert_eq!(settings.hosts[0].name, "db");
        assert_eq!(settings.login.user, "linus");
        let limit = ("statement_timeout".to_owned(), "5000".to_owned());
        assert_eq!(settings.login.parameters, [limit]);
    }

    #[test]
    fn our_own_variable_counts_more_and_a_pooler_can_be_named() {
        let config = load(&[
            ("DATABASE_URL", "sqlite:other.db"),
            ("MAITRED_DATABASE_URL", "postgres://u@db"),
            ("MAITRED_DATABASE_PGBOUNCER", "true"),
            ("MAITRED_DATABASE_CONNECTIONS", "9"),
        ]);
        let database = config.unwrap().database;
        assert!(database.postgres().unwrap().login.pooled);
        assert_eq!(database.connections, 9);
    }

    #[test]
    fn no_word_of_a_url_is_repeated() {
        let good = load(&[("DATABASE_URL", "postgres://me:hunter2@db/x")]).unwrap();
        assert!(!good.effective().contains("hunter2"));
        assert!(good.effective().contains("postgres://***"));
        assert!(!format!("{good:?}").contains("hunter2"));
        for url in ["postgres://me:hunter2@db:x", "mysql://me:hunter2@db"] {
            let told = load(&[("DATABASE_URL", url)]).unwrap_err().to_string();
            assert_eq!(told.matches("DATABASE_URL").count(), 1, "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
