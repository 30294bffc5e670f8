//! The keys of a provider: one, a list, or a table in which each has a name.
//!
//! ```toml
//! key = "sk-…"                                 # called `main`
//! keys = ["sk-…", "sk-…"]                      # called `1` and `2`
//! keys = { team-a = "sk-…", team-b = "sk-…" }
//! ```
//! A name is for people: it stands in headers, rows and figures where the key must not.

use super::layers::Layers;
use super::provider::is_plain_name;
use super::{ConfigError, Secret};

/// One key, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// What people call it.
    pub name: String,
    /// The key.
    pub secret: Secret,
    /// The setting that it stands in: `provider.openai.key`.
    pub setting: String,
    /// Where it was set, in words, for whoever has to set another.
    pub source: String,
}

/// The name of the only key.
const ONLY: &str = "main";

/// Asks for the keys of the provider in `section`. To be asked last in that section: named keys
/// are a table of their own.
pub(super) fn read(
    layers: &mut Layers,
    section: &str,
    also: &[&str],
) -> Result<Vec<ApiKey>, ConfigError> {
    let setting = format!("{section}.key");
    let mut keys = Vec::new();
    if let Some(secret) = layers.optional_or(&setting, also)? {
        keys.push(key(layers, ONLY.to_owned(), secret, setting));
    }
    let several = read_several(layers, section)?;
    if let Some((one, other)) = twice(&several) {
        let problem = format!(
            "has the same key twice, as `{}` and `{}`",
            one.name, other.name
        );
        return Err(layers.illegal(&other.setting, problem));
    }
    match (keys.first(), several.first()) {
        (Some(one), Some(other)) => {
            let problem = format!("is there, and {} as well: use one of them", other.setting);
            Err(layers.illegal(&one.setting, problem))
        }
        (_, Some(_)) => Ok(several),
        (_, None) => Ok(keys),
    }
}

fn read_several(layers: &mut Layers, section: &str) -> Result<Vec<ApiKey>, ConfigError> {
    let setting = format!("{section}.keys");
    let Some((names, origin)) = layers.names_in(&setting) else {
        let list: Option<Vec<Secret>> = layers.optional(&setting)?;
        if list.as_ref().is_some_and(Vec::is_empty) {
            return Err(layers.illegal(&setting, "is empty".to_owned()));
        }
        let list = list.into_iter().flatten().zip(1..);
        return Ok(list
            .map(|(secret, nth)| key(layers, nth.to_string(), secret, setting.clone()))
            .collect());
    };
    if names.is_empty() {
        return Err(ConfigError::Illegal {
            origin,
            key: setting,
            problem: "is empty".to_owned(),
        });
    }
    let mut keys = Vec::with_capacity(names.len());
    for name in names {
        let setting = format!("{setting}.{name}");
        let secret: Option<Secret> = layers.optional(&setting)?;
        if !is_plain_name(&name) {
            let problem = "must have a name of at most 32 letters a-z, digits and hyphens";
            return Err(layers.illegal(&setting, problem.to_owned()));
        }
        keys.extend(secret.map(|secret| key(layers, name, secret, setting)));
    }
    Ok(keys)
}

/// Two names of one key: a limit that it reaches would be taken for two. Keys that are only shown,
/// as in what `check-config` prints, all look alike.
fn twice(keys: &[ApiKey]) -> Option<(&ApiKey, &ApiKey)> {
    let mut pairs = (keys.iter().enumerate())
        .flat_map(|(at, other)| keys[..at].iter().map(move |one| (one, other)));
    pairs.find(|(one, other)| one.secret == other.secret && !one.secret.is_shown())
}

fn key(layers: &Layers, name: String, secret: Secret, setting: String) -> ApiKey {
    ApiKey {
        source: layers.origin(&setting).to_string(),
        name,
        secret,
        setting,
    }
}
