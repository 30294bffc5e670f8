//! What is wrong with a configuration, where, and what to do about it.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Origin;

/// Why a configuration was refused. The process ends with exit code 2.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named, or that is there, cannot be read.
    #[error("{path} cannot be read: {reason}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// A file is not TOML, or not `NAME=value` lines.
    #[error("{path}:{line}: {reason}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What the parser expected.
        reason: String,
    },
    /// A setting or a `MAITRED_` variable that does not exist.
    #[error("{origin}: `{name}` is not a setting{}", nearest_words(nearest.as_ref()))]
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// Its name there.
        name: String,
        /// The setting that looks most like it.
        nearest: Option<String>,
    },
    /// A variable that sets something of a table that is not there: a variable makes none.
    #[error("{origin}: `{name}` sets nothing: there is no [{table}] in the configuration file")]
    NoTable {
        /// Where it stands.
        origin: Origin,
        /// Its name there.
        name: String,
        /// The table that it would be of.
        table: String,
    },
    /// A value that the setting cannot have.
    #[error("{origin}: `{key}` {problem}")]
    Illegal {
        /// Where the value stands.
        origin: Origin,
        /// The setting.
        key: String,
        /// What is wrong. Never the value.
        problem: String,
    },
    /// A setting that has no default.
    #[error("`{key}` is not set: {what_to_do}")]
    Missing {
        /// The setting.
        key: String,
        /// How to go on.
        what_to_do: String,
    },
    /// Listening where others can reach it, without anybody having said that this is meant.
    #[error(
        "{origin}: listening on {listen} lets anybody who can reach it use the server and spend \
         the provider keys; listen on 127.0.0.1, or say that this is meant with --allow-anonymous"
    )]
    Open {
        /// Where the address stands.
        origin: Origin,
        /// The address.
        listen: SocketAddr,
    },
}

fn nearest_words(nearest: Option<&String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None => "; `maitred check-config` without it lists all settings".to_owned(),
    }
}
