//! Whom a chat is asked of: what the name of a model stands for.

use std::sync::Arc;

use crate::engine::policy::route::ModelRoute;
use crate::engine::{Engine, Failure};

impl Engine {
    /// `PROVIDER/MODEL` is that model at that provider; any other name is a model of the default
    /// provider. The built-in provider has one model, whatever it is called.
    pub(super) fn chat_route(&self, name: &str) -> Result<Arc<ModelRoute>, Failure> {
        let named = name.split_once('/').and_then(|(provider, model)| {
            let provider = self.provider_index(provider)?;
            (!model.is_empty()).then_some((provider, model))
        });
        let (provider, model) = named.unwrap_or((self.default_provider, name));
        let is_remote = self.upstream(provider).is_some();
        Ok(self.route_to(provider, is_remote.then_some(model)))
    }
}
