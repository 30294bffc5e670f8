//! Where processes share what they have in common: a Redis or Valkey server, if there is one.
//!
//! ```text
//!  redis.url, MAITRED_REDIS_URL or REDIS_URL
//!     not set       each process counts for itself
//!     redis://…     shared; rediss://… the same over TLS
//! ```

use std::path::PathBuf;

use super::ConfigError;
use super::database::Database;
use super::layers::{Layers, Raw};
use super::values::{Value, quoted};
use crate::limits::{CACHE_SHARED_MAX_S, CACHE_SHARED_S, REDIS_OP_MS};
use crate::proto::redis::Url;

/// The variable that other programs read too.
const VARIABLE: &str = "REDIS_URL";
/// What our keys begin with, unless configured.
const PREFIX: &str = "maitred:";
/// The longest beginning of a key.
const PREFIX_BYTES: usize = 64;
/// Nothing was said about how long texts are kept.
const UNSAID: u64 = u64::MAX;

/// The settings of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    /// Where it is and who asks.
    pub url: Url,
    /// Whom it is to be known by, where that is not whom the system trusts.
    pub ca_file: Option<PathBuf>,
    /// What all keys begin with.
    pub prefix: String,
    /// How long an answer may take.
    pub op_ms: u64,
    /// For how many seconds a stored text is kept there; 0: not at all.
    pub answers_s: u64,
    /// Whether it is a cluster, whose other servers are asked too where it says so.
    pub cluster: bool,
    /// Which database the texts are of, as part of a key: processes over different ones have nothing to
    /// share.
    pub realm: String,
}

impl Redis {
    pub(super) fn read(layers: &mut Layers, section: &str) -> Result<Option<Self>, ConfigError> {
        let key = |field: &str| format!("{section}.{field}");
        let url: Option<Server> = layers.optional_or(&key("url"), &[VARIABLE])?;
        let ca_file = layers.optional(&key("ca_file"))?;
        if ca_file.is_some() && !url.as_ref().is_some_and(|Server(url)| url.tls) {
            let problem = "is of use only with a `redis.url` of rediss://".to_owned();
            return Err(layers.illegal(&key("ca_file"), problem));
        }
        let prefix: String = layers.value(&key("prefix"), PREFIX.to_owned())?;
        let op_ms = layers.number(&key("op_ms"), REDIS_OP_MS, 1..=10_000)?;
        let answers_s = layers.optional_number(&key("answers_s"), 0..=CACHE_SHARED_MAX_S)?;
        let cluster = layers.value(&key("cluster"), false)?;
        if cluster && url.as_ref().is_some_and(|Server(url)| url.database > 0) {
            let problem = "has database 0 only; leave the number out of the URL".to_owned();
            return Err(layers.illegal(&key("cluster"), problem));
        }
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || b":._-".contains(&byte);
        if prefix.len() > PREFIX_BYTES || !prefix.bytes().all(usual) {
            let problem = "must be letters, digits and : . _ - only, 64 at most".to_owned();
            return Err(layers.illegal(&key("prefix"), problem));
        }
        Ok(url.map(|Server(url)| Redis {
            url,
            ca_file,
            prefix,
            op_ms,
            answers_s: answers_s.unwrap_or(UNSAID),
            cluster,
            realm: String::new(),
        }))
    }

    /// What follows from the database. A file has one process, which has nobody to share its texts with.
    pub(super) fn know(&mut self, database: &Database) {
        self.realm = database.fingerprint();
        if self.answers_s == UNSAID {
            let shared = database.postgres().is_some();
            self.answers_s = if shared { CACHE_SHARED_S } else { 0 };
        }
    }
}

/// A URL, of which nothing but the beginning is ever shown: whoever forgot an escape may have the
/// password anywhere.
#[derive(Clone, PartialEq)]
struct Server(Url);

impl Value for Server {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let url = Url::parse(raw.text()?).map_err(|wrong| wrong.to_string())?;
        Ok(Server(url))
    }

    fn show(&self) -> String {
        quoted(if self.0.tls {
            "rediss://***"
        } else {
            "redis://***"
        })
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
    fn nothing_is_shared_unless_a_url_says_so() {
        assert_eq!(load(&[]).unwrap().redis, None);
        let config = load(&[
            ("REDIS_URL", "redis://other"),
            ("MAITRED_REDIS_URL", "rediss://cache:7/2"),
            ("MAITRED_REDIS_PREFIX", "a:"),
        ]);
        let redis = config.unwrap().redis.unwrap();
        assert_eq!(
            (&*redis.url.host, redis.url.port, redis.url.database),
            ("cache", 7, 2)
        );
        assert_eq!((&*redis.prefix, redis.op_ms), ("a:", 100));
    }

    #[test]
    fn no_word_of_a_url_is_repeated() {
        let good = load(&[("REDIS_URL", "redis://:hunter2@h")]).unwrap();
        let shown = format!("{good:?} {}", good.effective());
        assert!(!shown.contains("hunter2") && shown.contains("redis://***"));
        for wrong in ["http://:hunter2@h", "redis://:hunter2@h:x"] {
            let told = load(&[("REDIS_URL", wrong)]).unwrap_err().to_string();
            assert!(
                told.contains("REDIS_URL") && !told.contains("hunter2"),
                "{told}"
            );
        }
        let told = load(&[("MAITRED_REDIS_PREFIX", "a b")])
            .unwrap_err()
            .to_string();
        assert!(told.contains("letters"), "{told}");
    }
}
