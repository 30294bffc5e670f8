//! Which models there are: `GET /v1/models` and `GET /v1beta/models`, and one of them by its name, for the
//! vendors' clients. From the configuration alone, so it is answered at once.
//!
//! Shown is what a client may ask for without knowing more: the names of the configuration, the models that
//! each provider is said to have, and each provider's usual one, with the provider before it.

use crate::config::{Config, OFFLINE};
use crate::dialect::models::{Model, write_model, write_models};
use crate::engine::reply::Content;
use crate::engine::routes::ModelsAsk;
use crate::engine::slots::ExchangeId;
use crate::engine::{Engine, Failure};

/// A name that a client may ask for, and the provider that is asked first.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    id: String,
    owner: String,
}

impl Engine {
    /// Answers with the list, or with one.
    pub(super) fn reply_models(&mut self, id: ExchangeId, ask: &ModelsAsk) -> Result<(), Failure> {
        let known = all(&self.config);
        let mut body = Vec::new();
        if let Some(name) = &ask.one {
            let one = one(&self.config, &known, name).ok_or(Failure::NotFound)?;
            write_model(ask.dialect, &one, &mut body);
        } else {
            let ids: Vec<&str> = known.iter().map(|known| known.id.as_str()).collect();
            let (range, more) = ask.page.of(&ids)?;
            let page: Vec<Model<'_>> = known[range].iter().map(Known::model).collect();
            write_models(ask.dialect, &page, more, &mut body);
        }
        self.reply(id, 200, Content::Json, &body);
        Ok(())
    }
}

impl Known {
    fn model(&self) -> Model<'_> {
        Model {
            id: &self.id,
            owner: &self.owner,
        }
    }
}

/// Every name, each once: where two would be the same, the first is what it stands for.
fn all(config: &Config) -> Vec<Known> {
    let mut names: Vec<(String, &str)> = Vec::new();
    for model in &config.models {
        let owner = model.targets.first();
        let owner = owner.map_or(OFFLINE, |target| &target.provider);
        names.push((model.name.clone(), owner));
    }
    for provider in &config.providers {
        let is_default = provider.name == config.default_provider;
        if is_default && !provider.model.is_empty() {
            names.push((provider.model.clone(), &provider.name));
        }
        for model in &provider.models {
            names.push((model.clone(), &provider.name));
        }
        if provider.name != OFFLINE {
            names.push((
                format!("{}/{}", provider.name, provider.model),
                &provider.name,
            ));
        }
    }
    let mut known: Vec<Known> = Vec::with_capacity(names.len());
    for (id, owner) in names {
        if !known.iter().any(|other| other.id == id) {
            let owner = owner.to_owned();
            known.push(Known { id, owner });
        }
    }
    known
}

/// The model that `name` stands for. A provider may have others than its usual one: with its name before
/// them they can be asked for, and so they are models.
fn one<'a>(config: &'a Config, known: &'a [Known], name: &'a str) -> Option<Model<'a>> {
    if let Some(known) = known.iter().find(|known| known.id == name) {
        return Some(known.model());
    }
    let (provider, model) = name.split_once('/')?;
    let owner = config.provider(provider).filter(|_| !model.is_empty())?;
    Some(Model {
        id: name,
        owner: &owner.name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::world;

    fn ids(config: &str) -> Vec<String> {
        let known = all(&world::config(config));
        known.into_iter().map(|known| known.id).collect()
    }

    #[test]
    fn names_of_ones_own_come_first_and_each_is_there_once() {
        let config = "default_provider = \"a\"\n\
            [provider.a]\nbase_url = \"http://10.0.0.1/v1\"\nmodel = \"m\"\nmodels = [\"m\", \"n\"]\n\
            [provider.b]\nbase_url = \"http://10.0.0.2/v1\"\nmodel = \"m\"\n\
            [model.smart]\ntargets = [\"b/m\", \"a/m\"]\n";
        assert_eq!(ids(config), ["smart", "m", "n", "a/m", "b/m"]);
        assert_eq!(ids(""), ["offline"]);
    }

    #[test]
    fn a_model_that_is_not_in_the_list_may_be_there_all_the_same() {
        let config = world::config(world::PROVIDER);
        let known = all(&config);
        let owner = |name| one(&config, &known, name).map(|model| model.owner.to_owned());
        assert_eq!(owner("m").as_deref(), Some("llm"));
        assert_eq!(owner("llm/other/7b").as_deref(), Some("llm"));
        for unknown in ["other", "llm/", "nobody/m", ""] {
            assert_eq!(owner(unknown), None, "{unknown}");
        }
    }
}
