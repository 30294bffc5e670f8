//! Whom a chat is asked of: what the name of a model stands for.

use std::sync::Arc;

use crate::engine::policy::route::ModelRoute;
use crate::engine::{Engine, Failure, failure::Upstream};

impl Engine {
    /// Whom the router knows by that name.
    pub(super) fn chat_route(&self, name: &str) -> Result<Arc<ModelRoute>, Failure> {
        let route = self.router.resolve(name);
        route.map_err(|_| Failure::from(Upstream::Model))
    }
}
