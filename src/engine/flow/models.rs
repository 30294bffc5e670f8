//! Which models there are: `GET /v1/models` and `GET /v1beta/models`, and one of them by its name, for the
//! vendors' clients. From the configuration alone, so it is answered at once.
//!
//! Shown is what a client may ask for without knowing more: the names of the configuration, the models that
//! providers are said to have, and each provider's usual one. One model is there if a chat with it would be
//! let in, listed or not.

use crate::dialect::models::{Model, write_model, write_models};
use crate::engine::policy::route::Router;
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
        let mut body = Vec::new();
        if let Some(name) = &ask.one {
            let route = self.router.resolve(name);
            let route =
                route.map_err(|unknown| Failure::UnknownModel(unknown.near.map(Into::into)))?;
            let owner = &route.first().provider_name;
            write_model(ask.dialect, &Model { id: name, owner }, &mut body);
        } else {
            let known = all(&self.router);
            let ids: Vec<&str> = known.iter().map(|known| known.id.as_str()).collect();
            let (range, more) = ask.page.of(&ids, ask.dialect)?;
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

/// Every name, each once. The usual model of a provider has the provider before it where its name alone
/// would be asked of somebody else; the built-in provider is shown where there is no other.
fn all(router: &Router) -> Vec<Known> {
    let mut known: Vec<Known> = Vec::new();
    let mut add = |id: String, owner: &str| {
        if !known.iter().any(|other| other.id == id) {
            let owner = owner.to_owned();
            known.push(Known { id, owner });
        }
    };
    for name in router.names() {
        if let Ok(route) = router.resolve(name) {
            add(name.to_owned(), &route.first().provider_name);
        }
    }
    let alone = router.usual().all(|target| target.offline);
    for target in router.usual() {
        let owner = &*target.provider_name;
        if target.offline && !alone {
            continue;
        }
        let route = router.resolve(&target.model);
        let is_its_own = route.is_ok_and(|route| route.first() == target);
        if is_its_own {
            add(target.model.to_string(), owner);
        } else {
            add(format!("{owner}/{}", target.model), owner);
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::world;

    fn listed(config: &str) -> Vec<(String, String)> {
        let known = all(&Router::new(&world::config(config)));
        let pair = |known: Known| (known.id, known.owner);
        known.into_iter().map(pair).collect()
    }

    #[test]
    fn names_of_ones_own_come_first_and_each_is_there_once() {
        let config = "default_provider = \"a\"\n\
            [provider.a]\nbase_url = \"http://10.0.0.1/v1\"\nmodel = \"m\"\nmodels = [\"m\", \"n\"]\n\
            [provider.b]\nbase_url = \"http://10.0.0.2/v1\"\nmodel = \"m\"\n\
            [model.smart]\ntargets = [\"b/m\", \"a/m\"]\n";
        let names = listed(config);
        let names: Vec<(&str, &str)> = names.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(
            names,
            [("smart", "b"), ("m", "a"), ("n", "a"), ("b/m", "b")]
        );
    }

    #[test]
    fn the_built_in_provider_is_shown_where_it_is_the_only_one() {
        assert_eq!(listed(""), [("offline".to_owned(), "offline".to_owned())]);
        assert_eq!(
            listed(world::PROVIDER),
            [("m".to_owned(), "llm".to_owned())]
        );
    }
}
