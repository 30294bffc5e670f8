//! The configuration: read once, parsed into types that cannot hold an illegal value.
//!
//! ```text
//!  flags > environment > .env > maitred.toml > defaults
//!     └─────────┴─────────┴────────┴─► Layers ──► Config        a value that is wrong, or a name
//!                                                               that nobody knows, is an error
//! ```
//!
//! A setting exists because [`Config::load`] asks for it: the asking gives its name in the file,
//! its variable (`limits.body_bytes` is `MAITRED_LIMITS_BODY_BYTES`), its default and its legal
//! range in one line. What was given and never asked for is unknown. So there is no second list
//! to keep in step.
//!
//! Loading is a function of its [`Sources`]. Only [`Sources::read`] looks at files and at the
//! environment. No message quotes a value, because it could be a key in the wrong place.

mod base_url;
mod database;
mod error;
mod file;
mod gateway;
mod jobs;
mod keys;
mod layers;
mod limits;
mod model;
mod names;
mod price;
mod prompt;
mod provider;
mod rate;
mod redis;
mod reference;
mod resilience;
mod retention;
mod secret;
mod sources;
mod values;
mod vendors;
mod webhook;
mod words;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::limits::CONNECTIONS;
use layers::Layers;
use provider::Draft;
use vendors::Vendor;

pub use base_url::BaseUrl;
pub use database::{Database, Place};
pub use error::ConfigError;
pub use gateway::Gateway;
pub use jobs::Jobs;
pub use keys::ApiKey;
pub use layers::Origin;
pub use limits::{Cache, Drill, Limits, Offline};
pub use model::{Model, ModelTarget};
pub(crate) use names::nearest;
pub use price::{Price, Prices};
pub use prompt::{KeywordsPrompt, PromptTemplate};
pub use provider::{OFFLINE, Provider, ProviderKind, Timeouts, Upstream};
pub use rate::{Rate, RateRule};
pub use redis::Redis;
pub use reference::reference;
pub use resilience::{Breaker, Concurrency, Queue, Resilience, Retry};
pub use retention::Retention;
pub use secret::Secret;
pub use sources::{Flags, SourceFile, Sources};
pub use values::{Durable, HostName, LogFormat, LogLevel, NameServers, Speech, Store, WebOrigin};
pub use webhook::{HookUrl, Webhook};

/// Everything that an operator can choose. Made by [`Config::load`].
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where to listen. Beyond loopback only if `allow_anonymous` says so.
    pub listen: SocketAddr,
    /// The folder of the database.
    pub data_dir: PathBuf,
    /// Where rows are kept, if not there.
    pub database: Database,
    /// What several processes have in common, if they have anything.
    pub redis: Option<Redis>,
    /// What becomes of rows that the database cannot take.
    pub durable: Durable,
    /// The folder of the spill journal; in `data_dir` if absent.
    pub journal_dir: Option<PathBuf>,
    /// Names accepted in `Host`, beside the ones that are always safe.
    pub hosts: Vec<HostName>,
    /// Web origins that may call from a browser (CORS). None by default.
    pub origins: Vec<WebOrigin>,
    /// Whether anybody who can reach the address may spend the provider keys.
    pub allow_anonymous: bool,
    /// Who is asked for the addresses of providers; if nobody, the system's resolver.
    pub dns: NameServers,
    /// What a provider is asked for a topic.
    pub prompt: PromptTemplate,
    /// What a provider is asked for the keywords of a text.
    pub keywords_prompt: KeywordsPrompt,
    /// Equal prompts in flight share one call.
    pub coalesce: bool,
    /// A client that closed its sending side still waits for its answer.
    pub half_close: bool,
    /// The routes below `/debug` exist.
    pub debug: bool,
    /// Connections in all; derived from the limit of open files if absent.
    pub connections: Option<usize>,
    /// The seed of the run's random numbers; drawn at the start if absent.
    pub seed: Option<u64>,
    /// Where to record the run for replay.
    pub record: Option<PathBuf>,
    /// The provider of requests that name none. It is one of `providers`.
    pub default_provider: String,
    /// The configured providers by name, then the offline one, which is always there.
    pub providers: Vec<Provider>,
    /// The model of requests that name neither a model nor a provider; that provider's usual one
    /// if absent.
    pub default_model: Option<String>,
    /// Names that clients may ask for, beside those of the providers' own models.
    pub models: Vec<Model>,
    /// What tokens cost.
    pub prices: Vec<Prices>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines there are.
    pub log_level: LogLevel,
    /// What everybody may do.
    pub rate: Rate,
    /// Bounds that an operator may move.
    pub limits: Limits,
    /// Stored texts that answer again.
    pub cache: Cache,
    /// The vendors' own routes.
    pub gateway: Gateway,
    /// Jobs.
    pub jobs: Jobs,
    /// Who can be told that a job has ended.
    pub webhooks: Vec<Webhook>,
    /// How long rows are kept.
    pub retention: Retention,
    /// The built-in provider.
    pub offline: Offline,
    /// Faults on purpose.
    pub drill: Drill,
    /// What is set and has no effect, in words.
    pub notes: Vec<String>,
    effective: String,
}

impl Config {
    /// Puts the sources together. The first thing that is wrong is the error.
    pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
        read(&mut Layers::gather(sources)?)
    }

    /// All settings as TOML, secrets as `***`, each with where it came from as a comment.
    pub fn effective(&self) -> &str {
        &self.effective
    }

    /// What the tokens of a model at a provider cost, if that is known: the price of that very
    /// target before the one of the model wherever it is.
    pub fn prices_of(&self, provider: &str, model: &str) -> Option<&Prices> {
        let is = |prices: &&Prices| {
            let rest = prices.model.strip_prefix(provider);
            rest.and_then(|rest| rest.strip_prefix('/')) == Some(model)
        };
        let exact = self.prices.iter().find(is);
        exact.or_else(|| self.prices.iter().find(|prices| prices.model == model))
    }

    /// The provider of that name.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }
}

/// Asks for every setting, in the order in which `check-config` prints them; then looks for what
/// was not asked for; and only then at rules between settings, because a setting that seems to be
/// missing is often one that was misspelt.
fn read(layers: &mut Layers) -> Result<Config, ConfigError> {
    let connections = 16..=CONNECTIONS as u64;
    let chosen = layers.optional("default_provider")?;
    let default_model = layers.optional("default_model")?;
    let mut config = Config {
        listen: layers.value("listen", SocketAddr::from(([127, 0, 0, 1], 8080)))?,
        data_dir: layers.value("data_dir", PathBuf::from("maitred-data"))?,
        durable: layers.value("durable", Durable::Spill)?,
        journal_dir: layers.optional("journal_dir")?,
        hosts: layers.value("hosts", Vec::new())?,
        origins: layers.value("origins", Vec::new())?,
        allow_anonymous: layers.value("allow_anonymous", false)?,
        dns: layers.value("dns", NameServers::default())?,
        prompt: layers.value("prompt", PromptTemplate::default())?,
        keywords_prompt: layers.value("keywords_prompt", KeywordsPrompt::default())?,
        coalesce: layers.value("coalesce", true)?,
        half_close: layers.value("half_close", false)?,
        debug: layers.value("debug", false)?,
        connections: layers
            .optional_number("connections", connections)?
            .map(|number| number as usize),
        seed: layers.optional_number("seed", 0..=i64::MAX as u64)?,
        record: layers.optional("record")?,
        log_format: layers.value("log.format", LogFormat::Text)?,
        log_level: layers.value("log.level", LogLevel::Info)?,
        rate: Rate::read(layers, "rate")?,
        limits: Limits::read(layers, "limits")?,
        cache: Cache::read(layers, "cache")?,
        gateway: Gateway::read(layers, "gateway")?,
        jobs: Jobs::read(layers, "jobs")?,
        database: Database::read(layers, "database")?,
        redis: Redis::read(layers, "redis")?,
        retention: Retention::read(layers, "retention")?,
        default_model,
        offline: Offline::read(layers, OFFLINE)?,
        providers: vec![Provider::offline(layers)?],
        drill: Drill::read(layers, "drill")?,
        // `finish` knows these.
        default_provider: String::new(),
        models: Vec::new(),
        prices: Vec::new(),
        webhooks: Vec::new(),
        notes: Vec::new(),
        effective: String::new(),
    };
    let drafts = provider::read_all(layers)?;
    let models = model::read_all(layers, config.gateway.failover_ms)?;
    config.prices = price::read_all(layers)?;
    let webhooks = webhook::read_all(layers)?;
    layers.refuse_unknown()?;
    let webhooks = webhooks.into_iter().map(webhook::Draft::finish);
    config.webhooks = webhooks.collect::<Result<_, _>>()?;
    finish(config, chosen, (drafts, models), layers)
}

/// The rules between settings, and the defaults that depend on other settings.
fn finish(
    mut config: Config,
    chosen: Option<String>,
    (drafts, models): (Vec<Draft>, Vec<model::Draft>),
    layers: &mut Layers,
) -> Result<Config, ConfigError> {
    let listen = config.listen;
    if !config.allow_anonymous && !listen.ip().to_canonical().is_loopback() {
        let origin = layers.origin("listen");
        return Err(ConfigError::Open { origin, listen });
    }
    config.limits.check(layers)?;
    let mut providers = Vec::with_capacity(drafts.len() + 1);
    for draft in drafts {
        providers.push(draft.finish(layers)?);
    }
    config.default_provider = provider::default_name(layers, chosen, &providers)?;
    providers.append(&mut config.providers); // the built-in one comes last
    config.providers = providers;
    for model in models {
        let model = model.finish(layers, &config.providers)?;
        config.models.push(model);
    }
    if let Some(name) = &config.default_model {
        model::check_default(layers, name, &config)?;
    }
    if let Some(redis) = &mut config.redis {
        redis.know(&config.database);
    }
    config.notes = Vendor::notes(layers, &config.providers);
    config.effective = layers.effective();
    for note in &config.notes {
        config.effective += &format!("\n# {note}\n");
    }
    Ok(config)
}
