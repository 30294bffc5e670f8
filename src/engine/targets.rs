//! Targets: whom a text is asked of, as far as that depends on the state of the engine.
//!
//! What a name stands for is in `policy/route.rs`, which knows no state.

use std::sync::Arc;

use super::Engine;
use super::policy::route::{ModelRoute, Target};

impl Engine {
    /// The route to one provider: to this model there, or to its usual one.
    pub(super) fn route_to(&self, provider: u16, model: Option<&str>) -> Arc<ModelRoute> {
        let configured = &self.config.providers[provider as usize];
        Arc::new(ModelRoute::single(Target {
            provider,
            provider_name: Arc::clone(&self.provider_names[provider as usize]),
            offline: configured.upstream().is_none(),
            model: model.unwrap_or(&configured.model).into(),
        }))
    }

    /// How long a text may take in all: as long as its most patient target.
    pub(super) fn total_ms(&self, route: &ModelRoute) -> u64 {
        let targets = route.targets().iter();
        let most = targets.map(|target| self.times(target.provider).total_ms);
        most.max().unwrap_or(0)
    }
}
