//! Whom a chat is asked of: what the name of a model stands for.

use std::sync::Arc;

use crate::dialect::{Refused, Why};
use crate::engine::policy::route::ModelRoute;
use crate::engine::{Engine, Failure};
use crate::limits::NAME_CHARS;

impl Engine {
    /// Whom the router knows by that name.
    pub(super) fn chat_route(&self, name: &str) -> Result<Arc<ModelRoute>, Failure> {
        // It will stand in a field of a head and in a row.
        if name.chars().nth(NAME_CHARS).is_some() || name.chars().any(char::is_control) {
            return Err(super::refused(Refused {
                field: Some("model".to_owned()),
                why: Why::Wrong(format!(
                    "a name of at most {NAME_CHARS} characters, none of them a control character"
                )),
            }));
        }
        let route = self.router.resolve(name);
        route.map_err(|unknown| Failure::UnknownModel(unknown.near.map(Into::into)))
    }
}
