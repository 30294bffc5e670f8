//! From the configuration to the routes of all names that it knows, and of those that it does not.

use std::sync::Arc;

use super::{ModelRoute, Rank, Target};
use crate::config::{Config, Model, nearest};

/// Nobody can be asked for this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownModel {
    /// A name that looks like it and is known.
    pub near: Option<String>,
}

/// Knows the route of every name.
#[derive(Debug)]
pub struct Router {
    /// Names with targets of their own, then those of the providers' lists; in order.
    named: Vec<(String, Arc<ModelRoute>)>,
    listed: Vec<(String, Arc<ModelRoute>)>,
    doors: Vec<Door>,
    /// The provider of requests that name none.
    default_provider: u16,
    /// The route of requests that name nothing.
    default_route: Arc<ModelRoute>,
}

/// One provider.
#[derive(Debug)]
struct Door {
    name: Arc<str>,
    offline: bool,
    /// Its usual model.
    usual: Arc<ModelRoute>,
    /// It has said which models it has.
    has_list: bool,
    /// It is the vendor of that name, so it has that vendor's models …
    vendor: bool,
    /// … and at the vendor's own address, so it has no others.
    official: bool,
}

impl Router {
    /// The routes of this configuration.
    #[must_use]
    pub fn new(config: &Config) -> Router {
        let doors: Vec<Door> = (0..).zip(&config.providers).map(door).collect();
        let default_provider = doors
            .iter()
            .position(|door| *door.name == *config.default_provider)
            .unwrap_or(0);
        let mut router = Router {
            named: Vec::with_capacity(config.models.len()),
            listed: Vec::new(),
            default_route: Arc::clone(&doors[default_provider].usual),
            default_provider: default_provider as u16,
            doors,
        };
        for model in &config.models {
            let route = router.of_model(model);
            router.named.push((model.name.clone(), Arc::new(route)));
        }
        router.named.sort_by(|(one, _), (other, _)| one.cmp(other));
        router.listed = router.of_lists(config);
        if let Some(name) = &config.default_model {
            // What is not known is what the default provider is asked for.
            router.default_route = router
                .resolve(name)
                .unwrap_or_else(|_| router.to_provider(router.default_provider, Some(name)));
        }
        router
    }

    /// The provider of requests that name none.
    #[must_use]
    pub fn default_provider(&self) -> u16 {
        self.default_provider
    }

    /// The route of requests that name neither a model nor a provider.
    #[must_use]
    pub fn default_route(&self) -> Arc<ModelRoute> {
        Arc::clone(&self.default_route)
    }

    /// The route to a model at this provider, or to its usual one.
    #[must_use]
    pub fn to_provider(&self, provider: u16, model: Option<&str>) -> Arc<ModelRoute> {
        let door = &self.doors[usize::from(provider)];
        match model {
            None => Arc::clone(&door.usual),
            Some(model) => Arc::new(ModelRoute::single(door.target(provider, model))),
        }
    }

    /// The route of the model that clients call `name`.
    pub fn resolve(&self, name: &str) -> Result<Arc<ModelRoute>, UnknownModel> {
        if let Some(route) = find(&self.named, name) {
            return Ok(route);
        }
        if let Some((provider, model)) = name.split_once('/')
            && !model.is_empty()
            && let Some(provider) = self.provider(provider)
        {
            return Ok(self.to_provider(provider, Some(model)));
        }
        if let Some(route) = find(&self.listed, name) {
            return Ok(route);
        }
        let vendor = vendor_of(name);
        if let Some(vendor) = vendor
            && let Some(provider) = self.provider(vendor)
            && self.doors[usize::from(provider)].vendor
        {
            return Ok(self.to_provider(provider, Some(name)));
        }
        let door = &self.doors[usize::from(self.default_provider)];
        if name.is_empty() || door.has_list || (door.official && vendor.is_some()) {
            return Err(UnknownModel {
                near: nearest(name, self.known_names()),
            });
        }
        let model = if door.offline { None } else { Some(name) };
        Ok(self.to_provider(self.default_provider, model))
    }

    /// Names that have a table or stand in a list, and the usual models: what can be told to
    /// somebody who asks which models there are.
    pub fn known_names(&self) -> impl Iterator<Item = &str> {
        self.names()
            .chain(self.usual().map(|target| &*target.model))
    }

    /// Names that have a table, then those that stand in a list.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.named.iter().map(|(name, _)| name.as_str());
        named.chain(self.listed.iter().map(|(name, _)| name.as_str()))
    }

    /// The usual model of each provider.
    pub fn usual(&self) -> impl Iterator<Item = &Target> {
        self.doors.iter().map(|door| door.usual.first())
    }

    fn provider(&self, name: &str) -> Option<u16> {
        let at = self.doors.iter().position(|door| &*door.name == name)?;
        Some(at as u16)
    }

    fn of_model(&self, model: &Model) -> ModelRoute {
        let mut targets = model.targets.clone();
        targets.sort_by_key(|target| target.priority);
        let ranked = targets.iter().filter_map(|target| {
            let provider = self.provider(&target.provider)?; // loading has seen to it
            let door = &self.doors[usize::from(provider)];
            let rank = Rank {
                priority: target.priority,
                weight: target.weight,
            };
            Some((door.target(provider, &target.model), rank))
        });
        let (targets, ranks): (Vec<Target>, Vec<Rank>) = ranked.unzip();
        ModelRoute {
            targets: targets.into(),
            ranks: ranks.into(),
            slow_ms: Some(model.slow_ms).filter(|ms| *ms > 0),
            hedge_ms: model.hedge_ms,
        }
    }

    /// Models that providers say they have: those who have the same one share the load.
    fn of_lists(&self, config: &Config) -> Vec<(String, Arc<ModelRoute>)> {
        let mut names: Vec<&String> = (config.providers.iter())
            .flat_map(|provider| &provider.models)
            .collect();
        names.sort_unstable();
        names.dedup();
        let route = |name: &String| {
            let owners = (0..).zip(&config.providers);
            let owners = owners.filter(|(_, provider)| provider.models.contains(name));
            let targets: Box<[Target]> = owners
                .take(crate::limits::TARGETS)
                .map(|(at, _)| self.doors[usize::from(at)].target(at, name))
                .collect();
            let rank = Rank {
                priority: 1,
                weight: 1,
            };
            let route = ModelRoute {
                ranks: vec![rank; targets.len()].into(),
                targets,
                slow_ms: Some(config.gateway.failover_ms).filter(|ms| *ms > 0),
                hedge_ms: None,
            };
            (name.clone(), Arc::new(route))
        };
        names.into_iter().map(route).collect()
    }
}

fn door((at, provider): (u16, &crate::config::Provider)) -> Door {
    let upstream = provider.upstream();
    let usual = Target {
        provider: at,
        provider_name: provider.name.as_str().into(),
        offline: upstream.is_none(),
        model: provider.model.as_str().into(),
    };
    Door {
        name: Arc::clone(&usual.provider_name),
        offline: usual.offline,
        usual: Arc::new(ModelRoute::single(usual)),
        has_list: !provider.models.is_empty(),
        vendor: upstream.is_some_and(|upstream| provider.name == upstream.speech.as_str()),
        official: upstream.is_some_and(|upstream| upstream.official),
    }
}

impl Door {
    fn target(&self, provider: u16, model: &str) -> Target {
        Target {
            provider,
            provider_name: Arc::clone(&self.name),
            offline: self.offline,
            model: model.into(),
        }
    }
}

fn find(routes: &[(String, Arc<ModelRoute>)], name: &str) -> Option<Arc<ModelRoute>> {
    let at = routes.binary_search_by(|(known, _)| known.as_str().cmp(name));
    at.ok().map(|at| Arc::clone(&routes[at].1))
}

/// The vendor whose models have such names.
fn vendor_of(name: &str) -> Option<&'static str> {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    // `o3`, `o3-mini`, but not `o3x`.
    let reasons = |prefix: &str| {
        let rest = name.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    if begins(&["gemini-", "text-embedding-004"]) {
        Some("gemini")
    } else if begins(&["gpt-", "chatgpt-", "text-embedding-"])
        || ["o1", "o3", "o4"].into_iter().any(reasons)
    {
        Some("openai")
    } else if begins(&["claude-"]) {
        Some("anthropic")
    } else {
        None
    }
}
