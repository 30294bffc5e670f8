//! Providers: `[provider.NAME]` tables, those known by their variables, and the built-in one.
//!
//! A provider is read in two steps. Its [`Draft`] holds what is there; [`Draft::finish`] demands
//! what must be there, after misspelt names have been looked for.

use std::path::PathBuf;

use super::layers::Layers;
use super::limits::bounded;
use super::names::variable;
use super::resilience::{Queue, Resilience, Turns};
use super::vendors::{VENDORS, Vendor};
use super::{ApiKey, BaseUrl, Concurrency, ConfigError, Speech, keys};
use crate::limits as default;

/// The name of the provider that is always there and needs nobody.
pub const OFFLINE: &str = "offline";

/// One provider of texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// What requests and rows call it.
    pub name: String,
    /// The model of requests that name none.
    pub model: String,
    /// The models that it has, if that was said: whoever asks for one of them by its name alone
    /// asks it.
    pub models: Vec<String>,
    /// Calls at a time; as many as it has connections if absent.
    pub concurrency: Option<Concurrency>,
    /// The calls that wait for their turn.
    pub queue: Queue,
    /// What is done when it fails.
    pub resilience: Resilience,
    /// How it is spoken to.
    pub kind: ProviderKind,
}

/// How a provider is spoken to.
#[derive(Clone, Debug, PartialEq)]
pub enum ProviderKind {
    /// Not at all: the built-in one writes its articles itself.
    Offline,
    /// Over HTTP, in the dialect that [`Upstream::speech`] names.
    Http(Box<Upstream>),
}

/// A provider at the other end of a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// How it is spoken to.
    pub speech: Speech,
    /// Where it is.
    pub base: BaseUrl,
    /// Whether that is the address of the vendor of that name.
    pub official: bool,
    /// What it knows us by; servers of one's own often want none.
    pub keys: Vec<ApiKey>,
    /// The variable that takes a key, for whoever has to set one.
    pub key_variable: String,
    /// Connections to it, at most.
    pub connections: usize,
    /// Certificates to trust instead of the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    /// How long each phase of a call may take.
    pub timeouts: Timeouts,
}

bounded! {
    /// How long each phase of a call may take, in milliseconds. Waiting for its turn is not one of
    /// them: see [`Queue`].
    pub struct Timeouts {
        /// Looking its name up.
        resolve_ms: u64 = default::RESOLVE_MS, 10..=60_000;
        /// TCP connect, all addresses together.
        connect_ms: u64 = default::CONNECT_MS, 10..=60_000;
        /// TLS handshake.
        tls_ms: u64 = default::TLS_MS, 10..=60_000;
        /// From the request to the first byte of the answer.
        first_byte_ms: u64 = default::FIRST_BYTE_MS, 10..=3_600_000;
        /// From the request to the first piece of content.
        first_content_ms: u64 = default::FIRST_CONTENT_MS, 10..=3_600_000;
        /// Between two pieces of content.
        content_gap_ms: u64 = default::CONTENT_GAP_MS, 10..=3_600_000;
        /// The whole call.
        total_ms: u64 = default::GENERATION_MS, 10..=3_600_000;
        /// Waiting for a connection.
        pool_wait_ms: u64 = default::POOL_WAIT_MS, 0..=600_000;
    }
}

impl Provider {
    /// The built-in provider. Its settings are in a table of their own.
    pub(super) fn offline(layers: &mut Layers) -> Result<Self, ConfigError> {
        let turns = Turns::read(layers, OFFLINE)?;
        if turns.concurrency == Some(Concurrency::Adaptive) {
            let problem = "must be a number: the built-in provider is never slow".to_owned();
            return Err(layers.illegal(&format!("{OFFLINE}.concurrency"), problem));
        }
        Ok(Provider {
            name: OFFLINE.to_owned(),
            model: OFFLINE.to_owned(),
            models: Vec::new(),
            concurrency: turns.concurrency,
            queue: turns.finish(OFFLINE, layers),
            resilience: Resilience::default(),
            kind: ProviderKind::Offline,
        })
    }

    /// Where it is, unless it is the built-in one.
    pub fn upstream(&self) -> Option<&Upstream> {
        match &self.kind {
            ProviderKind::Offline => None,
            ProviderKind::Http(upstream) => Some(upstream),
        }
    }
}

/// What the sources say about one provider.
pub(super) struct Draft {
    name: String,
    speech: Speech,
    base: Option<BaseUrl>,
    model: Option<String>,
    models: Vec<String>,
    keys: Vec<ApiKey>,
    turns: Turns,
    connections: u64,
    ca_file: Option<PathBuf>,
    timeouts: Timeouts,
    resilience: Resilience,
}

/// Asks for every provider that the file has a table for, and for the vendors whose variables are
/// set.
pub(super) fn read_all(layers: &mut Layers) -> Result<Vec<Draft>, ConfigError> {
    let mut names = Vec::new();
    for (name, origin) in layers.tables_below("provider") {
        if let Some(problem) = name_problem(&name) {
            let key = format!("provider.{name}");
            return Err(ConfigError::Illegal {
                origin,
                key,
                problem,
            });
        }
        names.push(name);
    }
    for vendor in &VENDORS {
        let is_set = vendor.presence().any(|name| layers.has_variable(name));
        if is_set && !names.iter().any(|name| name == vendor.name) {
            names.push(vendor.name.to_owned());
        }
    }
    names.sort();
    names.into_iter().map(|name| read(layers, name)).collect()
}

fn name_problem(name: &str) -> Option<String> {
    if name == OFFLINE {
        return Some("is built in; its settings are in the table [offline]".to_owned());
    }
    if !is_plain_name(name) {
        return Some("must have a name of at most 32 letters a-z, digits and hyphens".to_owned());
    }
    None
}

/// Whether a name can stand in a header and a variable.
pub(super) fn is_plain_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= 32 && name.bytes().all(legal)
}

fn read(layers: &mut Layers, name: String) -> Result<Draft, ConfigError> {
    let section = format!("provider.{name}");
    let key = |field: &str| format!("{section}.{field}");
    let vendor = Vendor::of_name(&name);
    // The variables that the vendor's own libraries read.
    let also = |variables: fn(&Vendor) -> &[&'static str]| vendor.map_or(&[][..], variables);
    let most = default::CONNECTIONS as u64;
    Ok(Draft {
        speech: layers.value(
            &key("kind"),
            vendor.map_or(Speech::OpenAi, |vendor| vendor.speech),
        )?,
        base: layers.optional_or(&key("base_url"), also(|vendor| &vendor.base_variables))?,
        model: layers.optional_or(&key("model"), also(|vendor| &vendor.model_variables))?,
        models: layers.value(&key("models"), Vec::new())?,
        turns: Turns::read(layers, &section)?,
        connections: layers.number(
            &key("connections"),
            default::POOL_CONNECTIONS as u64,
            1..=most,
        )?,
        ca_file: layers.optional(&key("ca_file"))?,
        timeouts: Timeouts::read(layers, &section)?,
        resilience: Resilience::read(layers, &section)?,
        keys: keys::read(layers, &section, also(|vendor| vendor.key_variables))?,
        name,
    })
}

impl Draft {
    /// Fills in a vendor's defaults for the provider of that name, unless it is told to speak like
    /// somebody else; others must say where they are.
    pub(super) fn finish(self, layers: &mut Layers) -> Result<Provider, ConfigError> {
        let key = |field: &str| format!("provider.{}.{field}", self.name);
        let missing = |field: &str, what_to_do: &str| ConfigError::Missing {
            key: key(field),
            what_to_do: what_to_do.to_owned(),
        };
        let vendor = Vendor::of_name(&self.name).filter(|vendor| vendor.speech == self.speech);
        let base = match (self.base, vendor) {
            (Some(base), _) => base,
            (None, Some(vendor)) if self.keys.is_empty() => {
                let words = format!(
                    "set {}, or the base_url of a server that needs no key",
                    vendor.key_variables[0]
                );
                return Err(missing("key", &words));
            }
            (None, Some(vendor)) => vendor.base(),
            (None, None) => return Err(missing("base_url", "say where the provider is")),
        };
        let model = match (self.model, vendor) {
            (Some(model), _) if model.is_empty() => {
                return Err(layers.illegal(&key("model"), "is empty".to_owned()));
            }
            (Some(model), _) => model,
            (None, Some(vendor)) => vendor.model.to_owned(),
            (None, None) => return Err(missing("model", "say which model to ask for")),
        };
        if self.ca_file.is_some() && !base.tls {
            let problem = "is of use only with a `base_url` of https://".to_owned();
            return Err(layers.illegal(&key("ca_file"), problem));
        }
        layers.settle(&key("base_url"), &base);
        layers.settle(&key("model"), &model);
        let upstream = Upstream {
            speech: self.speech,
            official: vendor.is_some_and(|vendor| vendor.base() == base),
            base,
            key_variable: match vendor {
                Some(vendor) => vendor.key_variables[0].to_owned(),
                None => variable(&key("key")),
            },
            keys: self.keys,
            connections: self.connections as usize,
            ca_file: self.ca_file,
            timeouts: self.timeouts,
        };
        if self.models.iter().any(String::is_empty) {
            return Err(layers.illegal(&key("models"), "has a name that is empty".to_owned()));
        }
        Ok(Provider {
            model,
            models: self.models,
            concurrency: self.turns.concurrency,
            queue: self
                .turns
                .finish(&format!("provider.{}", self.name), layers),
            resilience: self.resilience,
            name: self.name,
            kind: ProviderKind::Http(Box::new(upstream)),
        })
    }
}

/// The provider of requests that name none: the one that is set, the only one, or the built-in.
pub(super) fn default_name(
    layers: &mut Layers,
    chosen: Option<String>,
    configured: &[Provider],
) -> Result<String, ConfigError> {
    const KEY: &str = "default_provider";
    let known = |name: &str| name == OFFLINE || configured.iter().any(|p| p.name == name);
    let name = match (chosen, configured) {
        (Some(name), _) if known(&name) => name,
        (Some(_), _) => {
            let names: Vec<&str> = configured.iter().map(|p| p.name.as_str()).collect();
            let names = [names.as_slice(), &[OFFLINE]].concat().join(", ");
            return Err(layers.illegal(KEY, format!("must be one of {names}")));
        }
        (None, []) => OFFLINE.to_owned(),
        (None, [only]) => only.name.clone(),
        (None, _) => {
            let names: Vec<&str> = configured.iter().map(|p| p.name.as_str()).collect();
            let what_to_do = format!(
                "several providers are configured, say which one to use: {} is one of {}",
                variable(KEY),
                names.join(", ")
            );
            return Err(ConfigError::Missing {
                key: KEY.to_owned(),
                what_to_do,
            });
        }
    };
    layers.settle(KEY, &name);
    Ok(name)
}
