//! Whom a chat is asked of: what the name of a model stands for.

use std::sync::Arc;

use crate::dialect::Refused;
use crate::engine::flow::body::is_longer_than;
use crate::engine::policy::route::ModelRoute;
use crate::engine::routes::inbound::NO_CONTROLS;
use crate::engine::{Engine, Failure};
use crate::limits::NAME_CHARS;

impl Engine {
    /// Whom the router knows by that name.
    pub(super) fn chat_route(&self, name: &str) -> Result<Arc<ModelRoute>, Failure> {
        // It will stand in a field of a head and in a row.
        let wrong = |expected| Err(super::refused(Refused::wrong("model", expected)));
        if is_longer_than(NAME_CHARS, name) {
            return wrong(&format!("a name of at most {NAME_CHARS} characters"));
        }
        if name.chars().any(char::is_control) {
            return wrong(NO_CONTROLS);
        }
        let route = self.router.resolve(name);
        route.map_err(|unknown| Failure::UnknownModel(unknown.near.map(Into::into)))
    }
}
