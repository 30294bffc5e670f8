//! How each type of value is read and shown.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::base_url::{self, BaseUrl};
use super::layers::Raw;
use super::{KeywordsPrompt, PromptTemplate, Secret};
use crate::limits::DNS_SERVERS;

/// A type that a setting can have.
pub(super) trait Value: Sized {
    /// Takes a value as it was written. The words of an error complete the sentence
    /// "`setting` …" and never quote the value.
    fn parse(raw: &Raw) -> Result<Self, String>;

    /// The value as TOML, for `check-config`.
    fn show(&self) -> String;
}

/// A string as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl Value for bool {
    fn parse(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Bool(value) => Ok(*value),
            Raw::Untyped(text) if text == "true" => Ok(true),
            Raw::Untyped(text) if text == "false" => Ok(false),
            _ => Err("must be true or false".to_owned()),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u64 {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let (Raw::Untyped(digits) | Raw::Number(digits)) = raw else {
            return Err("must be a whole number".to_owned());
        };
        let number = digits.parse();
        number.map_err(|_| "must be a whole number that is not negative".to_owned())
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for String {
    fn parse(raw: &Raw) -> Result<Self, String> {
        raw.text().map(str::to_owned)
    }

    fn show(&self) -> String {
        quoted(self)
    }
}

impl Value for PathBuf {
    fn parse(raw: &Raw) -> Result<Self, String> {
        match raw.text()? {
            "" => Err("is empty".to_owned()),
            path => Ok(path.into()),
        }
    }

    fn show(&self) -> String {
        quoted(&self.to_string_lossy())
    }
}

impl Value for SocketAddr {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let words = "must be an address and a port, such as 127.0.0.1:8080 or [::1]:8080";
        raw.text()?.parse().map_err(|_| words.to_owned())
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

impl Value for PromptTemplate {
    fn parse(raw: &Raw) -> Result<Self, String> {
        PromptTemplate::parse(raw.text()?)
    }

    fn show(&self) -> String {
        quoted(&self.fill("{topic}"))
    }
}

impl Value for KeywordsPrompt {
    fn parse(raw: &Raw) -> Result<Self, String> {
        KeywordsPrompt::parse(raw.text()?)
    }

    fn show(&self) -> String {
        quoted(&self.template())
    }
}

impl Value for BaseUrl {
    fn parse(raw: &Raw) -> Result<Self, String> {
        BaseUrl::parse(raw.text()?)
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

impl Value for Secret {
    fn parse(raw: &Raw) -> Result<Self, String> {
        Secret::parse(raw.text()?)
    }

    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

/// What is wrong with one of several values, and with which.
fn at(nth: usize, of: usize, problem: String) -> String {
    match of {
        1 => problem,
        _ => format!("is wrong at number {nth}: it {problem}"),
    }
}

/// Several values: an array in the file, separated by commas in a variable.
impl<T: Value> Value for Vec<T> {
    fn parse(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::List(items) => (items.iter().zip(1..))
                .map(|(item, nth)| T::parse(item).map_err(|problem| at(nth, items.len(), problem)))
                .collect(),
            Raw::Untyped(text) => {
                let items: Vec<Raw> = (text.split(','))
                    .map(|item| Raw::Untyped(item.trim().to_owned()))
                    .collect();
                Self::parse(&Raw::List(items))
            }
            _ => Err("must be a list".to_owned()),
        }
    }

    fn show(&self) -> String {
        let items: Vec<String> = self.iter().map(T::show).collect();
        format!("[{}]", items.join(", "))
    }
}

/// The name servers to be asked, in their order. Empty: the system's own resolver is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameServers(Vec<SocketAddr>);

impl NameServers {
    /// Where they are.
    pub fn as_slice(&self) -> &[SocketAddr] {
        &self.0
    }
}

impl Value for NameServers {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let servers: Vec<SocketAddr> = match raw {
            Raw::Text(one) => Vec::parse(&Raw::Untyped(one.clone())),
            other => Vec::parse(other),
        }
        .map_err(|_| {
            "must be addresses and ports, such as 10.0.0.2:53 or [fd00::2]:53".to_owned()
        })?;
        if servers.len() > DNS_SERVERS {
            return Err(format!("must be at most {DNS_SERVERS} servers"));
        }
        let nobody = |ip: IpAddr| ip.is_unspecified() || ip.is_multicast();
        if servers
            .iter()
            .any(|server| server.port() == 0 || nobody(server.ip()))
        {
            return Err("must be addresses and ports that a server can have".to_owned());
        }
        Ok(NameServers(servers))
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

/// A name that may stand in the `Host` field of a request, without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for HostName {
    fn parse(raw: &Raw) -> Result<Self, String> {
        base_url::host_name(raw.text()?).map(HostName)
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}

/// A web origin as browsers send it: scheme, host and a port that is not the scheme's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin(String);

impl WebOrigin {
    /// What the `Origin` field of a request has to be equal to.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for WebOrigin {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        if text == "*" {
            let words = "must name its origins: * would let any web page spend the provider keys";
            return Err(words.to_owned());
        }
        let url = BaseUrl::parse(text)?;
        if !url.path_prefix.is_empty() {
            return Err("must be origins, which have no path".to_owned());
        }
        Ok(WebOrigin(url.to_string()))
    }

    fn show(&self) -> String {
        quoted(&self.0)
    }
}

/// A closed list of words.
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$word_doc])* $variant,)*
        }

        impl $name {
            /// The word in the configuration.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl Value for $name {
            fn parse(raw: &Raw) -> Result<Self, String> {
                match raw.text()? {
                    $($word => Ok($name::$variant),)*
                    _ => Err(format!("must be one of {}", [$($word),*].join(", "))),
                }
            }

            fn show(&self) -> String {
                quoted(self.as_str())
            }
        }
    };
}

words! {
    /// How log lines look.
    pub enum LogFormat {
        /// Lines for a person, in colours on a terminal.
        Text = "text",
        /// One JSON object a line, for a collector.
        Json = "json",
    }
}

words! {
    /// What becomes of rows that the database cannot take.
    pub enum Durable {
        /// They go to the spill journal, and to the database when it is back.
        Spill = "spill",
        /// Their request fails.
        Strict = "strict",
    }
}

words! {
    /// Which log lines are written: these and all that are worse.
    pub enum LogLevel {
        /// What needs somebody.
        Error = "error",
        /// What may need somebody.
        Warn = "warn",
        /// Starts, stops and what changes in between.
        Info = "info",
        /// Every exchange.
        Debug = "debug",
        /// Every event.
        Trace = "trace",
    }
}

words! {
    /// What is stored of answers on the vendors' routes.
    pub enum Store {
        /// A row of the request, and the text with its scores.
        Texts = "texts",
        /// A row of the request.
        Requests = "requests",
        /// Nothing.
        Off = "off",
    }
}

words! {
    /// How a provider is spoken to.
    pub enum Speech {
        /// OpenAI's chat completions, and everybody who copies them.
        OpenAi = "openai",
        /// Anthropic's messages.
        Anthropic = "anthropic",
        /// Google's Gemini.
        Gemini = "gemini",
    }
}
