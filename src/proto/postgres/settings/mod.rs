//! Where a database is and who logs in: `postgres://…` and the `PG…` variables, as libpq reads them
//! (PostgreSQL manual, "Connection Strings" and "Environment Variables").
//!
//! ```text
//!   postgres://user:password@host:5432,other/database?sslmode=verify-full
//!        │ url.rs                              PGUSER, PGPASSWORD, …
//!        └───────────┬───────────────────────────┘ (what the URL leaves out)
//!                    ▼
//!        names and words ── words.rs ──► Settings { hosts, login, tls, … }
//! ```
//! What differs from libpq: hosts are reached over TCP only, so a path of a Unix socket is refused,
//! and without any host it is `localhost`; `sslmode=allow` is refused; a name that is not known is
//! an error; `PGPORT` is the port of all hosts of a URL if none of them has one, however many they are. Files are named here and never read.

mod url;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use super::{ChannelBinding, Encryption, Login, Methods, Password, Target};
use crate::limits::PG_HOSTS;

/// Where a database is and who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// At least one. They are tried in this order.
    pub hosts: Vec<Host>,
    /// Who logs in.
    pub login: Login,
    /// How the server has to prove who it is.
    pub tls: TlsMode,
    /// A file with the certificates that are trusted, in PEM form; `system` stands for the
    /// system's.
    pub root_certificates: Option<String>,
    /// Which of the hosts will do.
    pub target: Target,
    /// For how many seconds one host may take to let us in. `None`: the caller's own limit.
    pub connect_timeout_s: Option<u32>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// A name, or an address; IPv6 without its brackets. What a certificate has to name.
    pub name: String,
    /// The TCP port.
    pub port: u16,
}

/// What TLS has to show (`sslmode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS if the server has it, with any certificate.
    Prefer,
    /// TLS, with any certificate.
    Require,
    /// TLS, with a certificate that a trusted authority has signed, for whatever name.
    VerifyCa,
    /// TLS, with a certificate for this host that a trusted authority has signed.
    VerifyFull,
}

/// A setting that cannot be used. Never holds the value, which may be a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// Where it stands: `DATABASE_URL`, `PGPORT`.
    pub from: String,
    /// The setting by its name in a URL; empty if it is the URL as a whole.
    pub field: String,
    /// What is wrong with it. Completes the sentence "`port` …".
    pub problem: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SettingsError {
            from,
            field,
            problem,
        } = self;
        match field.as_str() {
            "" => write!(f, "{from} {problem}"),
            field => write!(f, "{from}: {field} {problem}"),
        }
    }
}

impl std::error::Error for SettingsError {}

/// A value, and the place where it stands.
#[derive(Clone)]
struct Given {
    from: String,
    value: String,
}

/// What was given, by its name in a URL.
#[derive(Default)]
struct Words(BTreeMap<&'static str, Given>);

/// The names that are known, each with its variable.
const NAMES: &[(&str, &str)] = &[
    ("host", "PGHOST"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("dbname", "PGDATABASE"),
    ("application_name", "PGAPPNAME"),
    ("options", "PGOPTIONS"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("require_auth", "PGREQUIREAUTH"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    // As other clients call it. libpq does not pool, and so has no name for it.
    ("pgbouncer", "PGBOUNCER"),
];

/// Variables that ask for something that is not done. Whoever sets one counts on it.
const UNSUPPORTED: &[&str] = &[
    "PGHOSTADDR",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGPASSFILE",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLCRL",
];

impl Settings {
    /// Reads a URL and the environment; what the URL says counts. `from` is what the URL is called
    /// in an error: `DATABASE_URL`.
    ///
    /// # Errors
    /// A setting is unknown, wrong or missing.
    pub fn parse(
        from: &str,
        url: Option<&str>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut words = Words::default();
        if let Some(url) = url {
            let whole = |problem| SettingsError {
                from: from.to_owned(),
                field: String::new(),
                problem,
            };
            for (name, value) in url::split(url).map_err(whole)? {
                words.add(from, &name, value)?;
            }
        }
        words.add_environment(environment)?;
        words.settings(environment)
    }
}

impl Words {
    fn add(&mut self, from: &str, name: &str, value: String) -> Result<(), SettingsError> {
        let error = |problem: &str| SettingsError {
            from: from.to_owned(),
            field: name
                .chars()
                .filter(|c| c.is_ascii_graphic())
                .take(64)
                .collect(),
            problem: problem.to_owned(),
        };
        let Some((known, _)) = NAMES.iter().find(|(known, _)| *known == name) else {
            return Err(error("is not a setting that is known here"));
        };
        if value.contains('\0') {
            return Err(error("holds a zero byte"));
        }
        let given = Given {
            from: from.to_owned(),
            value,
        };
        match self.0.insert(known, given) {
            Some(_) => Err(error("is given twice")),
            None => Ok(()),
        }
    }

    /// What the environment has and the URL has not. An empty variable says nothing, as in libpq.
    fn add_environment(
        &mut self,
        environment: &BTreeMap<String, String>,
    ) -> Result<(), SettingsError> {
        let set = |variable: &str| environment.get(variable).filter(|value| !value.is_empty());
        if let Some(variable) = UNSUPPORTED.iter().find(|variable| set(variable).is_some()) {
            return Err(SettingsError {
                from: (*variable).to_owned(),
                field: String::new(),
                problem: "is set, and not supported here".to_owned(),
            });
        }
        for (name, variable) in NAMES {
            if let Some(value) = set(variable).filter(|_| !self.0.contains_key(name)) {
                self.add(variable, name, value.clone())?;
            }
        }
        Ok(())
    }

    fn settings(&self, environment: &BTreeMap<String, String>) -> Result<Settings, SettingsError> {
        let root_certificates = self.text("sslrootcert");
        let tls = match self.read("sslmode", words::tls_mode)? {
            // Whoever names authorities wants them to be asked, in libpq as here.
            Some(TlsMode::Require) if root_certificates.is_some() => TlsMode::VerifyCa,
            asked => asked.unwrap_or(TlsMode::Prefer),
        };
        let login = self.login(tls, environment)?;
        let channel_binding = login.channel_binding;
        if channel_binding == ChannelBinding::Required && tls == TlsMode::Disable {
            return self.fail("channel_binding", "needs TLS, and sslmode is disable");
        }
        if root_certificates.as_deref() == Some("system") && tls != TlsMode::VerifyFull {
            return self.fail("sslrootcert", "is system, which needs sslmode=verify-full");
        }
        Ok(Settings {
            hosts: self.hosts()?,
            login,
            tls,
            root_certificates,
            target: self
                .read("target_session_attrs", words::target)?
                .unwrap_or_default(),
            connect_timeout_s: self.read("connect_timeout", words::seconds)?.flatten(),
        })
    }

    fn login(
        &self,
        tls: TlsMode,
        environment: &BTreeMap<String, String>,
    ) -> Result<Login, SettingsError> {
        let user = self
            .text("user")
            .or_else(|| environment.get("USER").cloned());
        let Some(user) = user.filter(|user| !user.is_empty()) else {
            return self.fail("user", "is missing: nobody is named who could log in");
        };
        let database = self.text("dbname").filter(|name| !name.is_empty());
        Ok(Login {
            password: self.text("password").map(Password::new),
            database: database.unwrap_or_else(|| user.clone()),
            user,
            application_name: self
                .text("application_name")
                .unwrap_or_else(|| "maitred".into()),
            parameters: self.read("options", words::options)?.unwrap_or_default(),
            encryption: match tls {
                TlsMode::Disable => Encryption::Never,
                TlsMode::Prefer => Encryption::IfOffered,
                _ => Encryption::Required,
            },
            methods: self
                .read("require_auth", words::methods)?
                .unwrap_or(Methods::USUAL),
            channel_binding: (self.read("channel_binding", words::channel_binding)?)
                .unwrap_or(ChannelBinding::IfOffered),
            pooled: self.read("pgbouncer", words::switch)?.unwrap_or(false),
        })
    }

    /// Hosts and ports are lists of the same length, or there is one port for all.
    fn hosts(&self) -> Result<Vec<Host>, SettingsError> {
        let names = self
            .read("host", words::hosts)?
            .unwrap_or_else(|| vec!["localhost".into()]);
        let ports = self
            .read("port", words::ports)?
            .unwrap_or_else(|| vec![words::PORT]);
        if names.len() > PG_HOSTS {
            return self.fail("host", "names too many servers");
        }
        if ports.len() != 1 && ports.len() != names.len() {
            return self.fail("port", "names neither one port nor one for each host");
        }
        let ports = ports.iter().copied().cycle();
        Ok(names
            .into_iter()
            .zip(ports)
            .map(|(name, port)| Host { name, port })
            .collect())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|given| given.value.clone())
    }

    fn read<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Result<Option<T>, SettingsError> {
        match self.0.get(name).map(|given| parse(&given.value)) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(problem)) => self.fail(name, problem),
        }
    }

    fn fail<T>(&self, name: &str, problem: &str) -> Result<T, SettingsError> {
        let from = self
            .0
            .get(name)
            .map_or("the database's settings", |given| &given.from);
        Err(SettingsError {
            from: from.to_owned(),
            field: name.to_owned(),
            problem: problem.to_owned(),
        })
    }
}
