//! Models: names that clients ask for, and who can be asked for them.
//!
//! ```toml
//! [model.smart]
//! targets = ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"]     # the second if the first fails
//!
//! [model.shared]
//! targets = [
//!     { target = "openai/gpt-4o", priority = 1, weight = 3 },     # equal priority: they share,
//!     { target = "azure/gpt-4o", priority = 1 },                  # three to one
//! ]
//! ```
//! A target is a provider, a slash and its model; the provider alone means its usual model.

use super::layers::{Layers, Raw};
use super::names::{nearest, segment};
use super::values::{Value, quoted};
use super::{Config, ConfigError, Origin, Provider};
use crate::limits::TARGETS;

/// A name that clients ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The name.
    pub name: String,
    /// Who can be asked, at least one.
    pub targets: Vec<ModelTarget>,
    /// A stream without content for so long goes on at the next target; 0: never.
    pub slow_ms: u64,
    /// A stream without content for so long is asked of the next target as well.
    pub hedge_ms: Option<u64>,
}

/// One model at one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelTarget {
    /// The name of a configured provider.
    pub provider: String,
    /// The model's name there.
    pub model: String,
    /// The lowest is asked first; those that have the same share the load …
    pub priority: u64,
    /// … in this proportion.
    pub weight: u64,
}

const EXPECTED: &str = "must be a list of targets such as \"openai/gpt-4o\"";
const PRIORITY: &str = "whose priority is no whole number from 0 on";
const WEIGHT: &str = "whose weight is no whole number from 1 to 1000";

/// The setting `targets` as it was written.
#[derive(Clone, Debug, Default, PartialEq)]
struct Targets(Vec<Written>);

/// One of them.
#[derive(Clone, Debug, PartialEq)]
struct Written {
    target: String,
    priority: Option<u64>,
    weight: Option<u64>,
}

impl Value for Targets {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let targets: Result<Vec<Written>, String> = match raw {
            Raw::Text(_) => Written::parse(raw, 1).map(|only| vec![only]),
            Raw::Untyped(text) => (text.split(',').zip(1..))
                .map(|(item, nth)| Written::parse(&Raw::Text(item.trim().to_owned()), nth))
                .collect(),
            Raw::List(items) => (items.iter().zip(1..))
                .map(|(item, nth)| Written::parse(item, nth))
                .collect(),
            _ => Err(EXPECTED.to_owned()),
        };
        targets.map(Targets)
    }

    fn show(&self) -> String {
        let items: Vec<String> = self.0.iter().map(Written::show).collect();
        format!("[{}]", items.join(", "))
    }
}

impl Written {
    /// Reads the target that is number `nth`.
    fn parse(raw: &Raw, nth: u64) -> Result<Self, String> {
        let wrong = |words: &str| format!("has a target, number {nth}, {words}");
        let whole = |value: &Raw, words: &str| u64::parse(value).map_err(|_| wrong(words));
        let mut written = Written {
            target: String::new(),
            priority: None,
            weight: None,
        };
        match raw {
            Raw::Text(text) => written.target.clone_from(text),
            Raw::Table(fields) => {
                for (name, value) in fields {
                    match name.as_str() {
                        "target" => {
                            written.target = String::parse(value)
                                .map_err(|_| wrong("that is no string, in quotes"))?;
                        }
                        "priority" => written.priority = Some(whole(value, PRIORITY)?),
                        "weight" => written.weight = Some(whole(value, WEIGHT)?),
                        other => {
                            return Err(wrong(&format!(
                                "with the field `{other}`, which is none of target, priority \
                                 and weight"
                            )));
                        }
                    }
                }
            }
            _ => return Err(EXPECTED.to_owned()),
        }
        Ok(written)
    }

    fn show(&self) -> String {
        let target = quoted(&self.target);
        let field = |name, value: Option<u64>| match value {
            Some(value) => format!(", {name} = {value}"),
            None => String::new(),
        };
        let more = field("priority", self.priority) + &field("weight", self.weight);
        match more.as_str() {
            "" => target,
            more => format!("{{ target = {target}{more} }}"),
        }
    }
}

/// What the sources say about one model.
pub(super) struct Draft {
    name: String,
    origin: Origin,
    targets: Option<Targets>,
    slow_ms: u64,
    hedge_ms: Option<u64>,
}

/// Asks for every model that the file has a table for.
pub(super) fn read_all(layers: &mut Layers, slow_ms: u64) -> Result<Vec<Draft>, ConfigError> {
    let names = layers.tables_below("model").into_iter();
    names
        .map(|(name, origin)| read(layers, name, origin, slow_ms))
        .collect()
}

fn read(
    layers: &mut Layers,
    name: String,
    origin: Origin,
    slow_ms: u64,
) -> Result<Draft, ConfigError> {
    let section = format!("model.{}", segment(&name));
    let key = |field: &str| format!("{section}.{field}");
    Ok(Draft {
        targets: layers.optional(&key("targets"))?,
        slow_ms: layers.number(&key("slow_ms"), slow_ms, 0..=600_000)?,
        hedge_ms: layers.optional_number(&key("hedge_ms"), 1..=600_000)?,
        name,
        origin,
    })
}

impl Draft {
    /// Demands what a model needs, of providers that are there.
    pub(super) fn finish(
        self,
        layers: &Layers,
        providers: &[Provider],
    ) -> Result<Model, ConfigError> {
        let section = format!("model.{}", segment(&self.name));
        let setting = format!("{section}.targets");
        let visible = |letter: char| !letter.is_whitespace() && !letter.is_control();
        if self.name.is_empty() || self.name.len() > 200 || !self.name.chars().all(visible) {
            return Err(ConfigError::Illegal {
                origin: self.origin,
                key: section,
                problem: "must have a name of at most 200 bytes without spaces".to_owned(),
            });
        }
        let Some(Targets(written)) = self.targets else {
            let what_to_do = "say who is to be asked, such as [\"openai/gpt-4o\"]".to_owned();
            return Err(ConfigError::Missing {
                key: setting,
                what_to_do,
            });
        };
        let targets = finish_targets(written, providers);
        let targets = targets.map_err(|problem| layers.illegal(&setting, problem))?;
        if self.hedge_ms.is_some() && targets.len() == 1 {
            let problem = "needs a second target, which would be asked as well".to_owned();
            return Err(layers.illegal(&format!("{section}.hedge_ms"), problem));
        }
        Ok(Model {
            name: self.name,
            targets,
            slow_ms: self.slow_ms,
            hedge_ms: self.hedge_ms,
        })
    }
}

/// The targets, or what is wrong with them. A text that is wrong is named by its place.
fn finish_targets(
    written: Vec<Written>,
    providers: &[Provider],
) -> Result<Vec<ModelTarget>, String> {
    if written.is_empty() {
        return Err("is empty: a model needs somebody who can be asked".to_owned());
    }
    if written.len() > TARGETS {
        return Err(format!("must be at most {TARGETS} targets"));
    }
    let mut targets: Vec<ModelTarget> = Vec::with_capacity(written.len());
    for (written, nth) in written.into_iter().zip(1..) {
        let target = finish_target(&written, nth, providers)?;
        let same = |other: &ModelTarget| {
            (&other.provider, &other.model) == (&target.provider, &target.model)
        };
        if let Some(at) = targets.iter().position(same) {
            return Err(format!(
                "has the same target twice, as number {} and {nth}",
                at + 1
            ));
        }
        targets.push(target);
    }
    Ok(targets)
}

fn finish_target(
    written: &Written,
    nth: u64,
    providers: &[Provider],
) -> Result<ModelTarget, String> {
    let (name, model) = match written.target.split_once('/') {
        Some((name, model)) => (name, Some(model)),
        None => (written.target.as_str(), None),
    };
    let Some(provider) = providers.iter().find(|provider| provider.name == name) else {
        let names = || providers.iter().map(|provider| provider.name.as_str());
        let advice = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        };
        return Err(format!(
            "has a target, number {nth}, at a provider that is not configured; {advice}"
        ));
    };
    let model = model.unwrap_or(&provider.model);
    if model.is_empty() {
        return Err(format!(
            "has a target, number {nth}, without a model behind the slash"
        ));
    }
    let weight = written.weight.unwrap_or(1);
    if !(1..=1_000).contains(&weight) {
        return Err(format!("has a target, number {nth}, {WEIGHT}"));
    }
    Ok(ModelTarget {
        provider: name.to_owned(),
        model: model.to_owned(),
        priority: written.priority.unwrap_or(nth),
        weight,
    })
}

/// A `default_model` that is almost one of `[model.NAME]` is a slip of the pen. What is like none of
/// them is a model of the default provider's, and so is what has the provider before it.
pub(super) fn check_default(
    layers: &Layers,
    name: &str,
    config: &Config,
) -> Result<(), ConfigError> {
    let known = || config.models.iter().map(|model| model.name.as_str());
    let theirs = |provider: &Provider| {
        provider.model == name || provider.models.iter().any(|model| model == name)
    };
    let is_known = known().any(|model| model == name) || config.providers.iter().any(theirs);
    if is_known || name.contains('/') {
        return Ok(());
    }
    match nearest(name, known()) {
        Some(near) => {
            let problem = format!(
                "is no `[model.NAME]`; did you mean `{near}`? A model of a provider's is written \
                 PROVIDER/{name}"
            );
            Err(layers.illegal("default_model", problem))
        }
        None => Ok(()),
    }
}
