//! Webhooks: `[webhook.NAME]` tables. Who is told that a job has ended.
//!
//! ```toml
//! [webhook.orders]
//! url = "https://orders.example/hooks/texts"
//! secret = "whsec_…"                  # or MAITRED_WEBHOOK_ORDERS_SECRET
//! ```
//! A client names a webhook and never gives an address: so nobody can have this server call what only
//! this server can reach.

use std::fmt;
use std::path::PathBuf;

use super::layers::{Layers, Raw};
use super::provider::is_plain_name;
use super::values::{Value, quoted};
use super::{BaseUrl, ConfigError};
use crate::limits::hooks::{HOOK_ANSWER_MS, HOOK_ANSWER_MS_MAX, HOOK_RETRY_MS, HOOK_RETRY_MS_MAX};
use crate::proto::webhook::Secret;

/// What each setting is, for the reference; there the webhook is called `done`.
pub(super) const WORDS: &[(&str, &str)] = &[
    (
        "webhook.done.url",
        "where it is; `http://` only where nobody else can listen. What is behind its host is never shown",
    ),
    (
        "webhook.done.secret",
        "`whsec_…`, what it knows us by; several as a list while they are changed",
    ),
    (
        "webhook.done.timeout_ms",
        "from the request to the end of its answer, at most 60000",
    ),
    (
        "webhook.done.retry_ms",
        "the longest wait before the second attempt; four times as long each time, up to six hours",
    ),
    (
        "webhook.done.ca_file",
        "certificates to trust instead of the system's, in PEM",
    ),
];

/// Somebody who is told that jobs have ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// What requests call it.
    pub name: String,
    /// Where it is.
    pub url: HookUrl,
    /// What it knows us by; several while they are changed. At least one.
    pub secrets: Vec<Secret>,
    /// From the request to the end of the answer.
    pub timeout_ms: u64,
    /// The longest wait before the second attempt; the next ones are longer.
    pub retry_ms: u64,
    /// Certificates to trust instead of the system's, in PEM.
    pub ca_file: Option<PathBuf>,
}

/// An address to the letter, with its path and query. Many receivers know us by nothing else, so what is behind
/// the host is a secret: wherever it is shown, it is only said that there is something.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl {
    /// Scheme, host and port.
    pub base: BaseUrl,
    /// The rest, from its `/` on.
    pub target: String,
}

impl Value for HookUrl {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        let begin = text.find("://").map_or(0, |at| at + 3);
        let end = text[begin..]
            .find(['/', '?', '#'])
            .map_or(text.len(), |at| begin + at);
        let (base, rest) = text.split_at(end);
        let legal = |byte: u8| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte);
        if !rest.bytes().all(legal) {
            return Err("has a character behind its host that a URL cannot have there".to_owned());
        }
        let slash = if rest.starts_with('/') { "" } else { "/" };
        Ok(HookUrl {
            base: BaseUrl::parse(base)?,
            target: format!("{slash}{rest}"),
        })
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = if self.target == "/" { "/" } else { "/***" };
        write!(f, "{}{rest}", self.base)
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One secret, or several.
#[derive(Clone, PartialEq)]
struct Secrets(Vec<Secret>);

impl Value for Secret {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let words = "must be whsec_ and the base64 of 24 to 64 random bytes";
        Secret::parse(raw.text()?).ok_or_else(|| words.to_owned())
    }

    fn show(&self) -> String {
        quoted("***")
    }
}

impl Value for Secrets {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let secrets: Vec<Secret> = match raw {
            Raw::Text(one) => Vec::parse(&Raw::Untyped(one.clone())),
            other => Vec::parse(other),
        }?;
        if secrets.is_empty() {
            return Err("is empty".to_owned());
        }
        Ok(Secrets(secrets))
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

/// What the sources say about one of them.
pub(super) struct Draft {
    name: String,
    url: Option<HookUrl>,
    secrets: Option<Secrets>,
    timeout_ms: u64,
    retry_ms: u64,
    ca_file: Option<PathBuf>,
}

/// Asks for every webhook that the file has a table for.
pub(super) fn read_all(layers: &mut Layers) -> Result<Vec<Draft>, ConfigError> {
    let mut drafts = Vec::new();
    for (name, origin) in layers.tables_below("webhook") {
        let section = format!("webhook.{name}");
        if !is_plain_name(&name) {
            let problem = "must have a name of at most 32 letters a-z, digits and hyphens";
            return Err(ConfigError::Illegal {
                origin,
                key: section,
                problem: problem.to_owned(),
            });
        }
        let key = |field: &str| format!("{section}.{field}");
        let (answer, retry) = (10..=HOOK_ANSWER_MS_MAX, 1..=HOOK_RETRY_MS_MAX);
        drafts.push(Draft {
            url: layers.optional(&key("url"))?,
            secrets: layers.optional(&key("secret"))?,
            timeout_ms: layers.number(&key("timeout_ms"), HOOK_ANSWER_MS, answer)?,
            retry_ms: layers.number(&key("retry_ms"), HOOK_RETRY_MS, retry)?,
            ca_file: layers.optional(&key("ca_file"))?,
            name,
        });
    }
    Ok(drafts)
}

impl Draft {
    /// Demands what a webhook needs.
    pub(super) fn finish(self) -> Result<Webhook, ConfigError> {
        let missing = |field: &str, what_to_do: &str| ConfigError::Missing {
            key: format!("webhook.{}.{field}", self.name),
            what_to_do: what_to_do.to_owned(),
        };
        let url = self.url.ok_or_else(|| missing("url", "say where it is"))?;
        let Secrets(secrets) = (self.secrets).ok_or_else(|| {
            let words = "what is sent is signed; make one with: \
                         echo whsec_$(head -c 32 /dev/urandom | base64)";
            missing("secret", words)
        })?;
        Ok(Webhook {
            name: self.name,
            url,
            secrets,
            timeout_ms: self.timeout_ms,
            retry_ms: self.retry_ms,
            ca_file: self.ca_file,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{Config, SourceFile, Sources};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let pairs = variables.iter();
        let environment = pairs.map(|(name, value)| ((*name).into(), (*value).into()));
        Config::load(&Sources {
            environment: environment.collect(),
            file: Some(SourceFile {
                path: "maitred.toml".into(),
                text: text.to_owned(),
            }),
            ..Sources::default()
        })
    }

    #[test]
    fn an_address_is_kept_to_the_letter() {
        for (url, authority, target) in [
            ("https://h", "h", "/"),
            ("https://h/a/", "h", "/a/"),
            ("http://127.0.0.1:9/a?b=%20c", "127.0.0.1:9", "/a?b=%20c"),
            ("https://[::1]?token=x", "[::1]", "/?token=x"),
        ] {
            let config = load(
                &format!("[webhook.a]\nurl = '{url}'\nsecret = '{SECRET}'"),
                &[],
            );
            let hook = &config.unwrap().webhooks[0];
            assert_eq!(
                (&*hook.url.base.authority(), &*hook.url.target),
                (authority, target)
            );
        }
        for url in [
            "https://h/a b",
            "https://h/#a",
            "h/a",
            "ftp://h",
            "https://u:p@h/",
        ] {
            let config = load(
                &format!("[webhook.a]\nurl = '{url}'\nsecret = '{SECRET}'"),
                &[],
            );
            assert!(config.unwrap_err().to_string().contains("url"), "{url}");
        }
    }

    #[test]
    fn of_an_address_only_the_server_is_shown() {
        for (url, shown) in [
            ("https://h", "https://h/"),
            ("http://[::1]:9/", "http://[::1]:9/"),
            ("https://h/services/T0/B0/hidden", "https://h/***"),
            ("https://h?hidden", "https://h/***"),
        ] {
            let url = HookUrl::parse(&Raw::Text(url.to_owned())).unwrap();
            assert_eq!(url.show(), format!("\"{shown}\""));
            assert_eq!(format!("{url:?}"), shown);
        }
    }

    #[test]
    fn secrets_come_from_the_file_or_a_variable_and_are_never_shown() {
        let url = "url = 'https://h/services/hidden?token=hidden'";
        let variable = "MAITRED_WEBHOOK_MY_ORDERS_SECRET";
        for (text, variables, count) in [
            (format!("{url}\nsecret = '{SECRET}'"), vec![], 1),
            (
                format!("{url}\nsecret = ['{SECRET}', '{SECRET}']"),
                vec![],
                2,
            ),
            (url.to_owned(), vec![(variable, SECRET)], 1),
        ] {
            let config = load(&format!("[webhook.my-orders]\n{text}"), &variables).unwrap();
            assert_eq!(config.webhooks[0].secrets.len(), count);
            let shown = format!("{} {:?}", config.effective(), config.webhooks[0]);
            assert!(
                !shown.contains("MfKQ9r8") && !shown.contains("hidden"),
                "{shown}"
            );
            assert!(shown.contains("https://h/***"));
        }
        for (wrong, words) in [
            ("", "not set"),
            ("secret = 'hunter2'", "whsec_"),
            ("secret = []", "empty"),
        ] {
            let told = load(&format!("[webhook.a]\n{url}\n{wrong}"), &[]);
            let told = told.unwrap_err().to_string();
            assert!(told.contains(words) && !told.contains("hunter2"), "{told}");
        }
    }
}
