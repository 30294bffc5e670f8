//! The models that it claims to have. It has any model: these are only what a list shows.

use serde_json::{Value, json};

use super::{Dialect, End, Script, document};

const MODELS: [&str; 2] = ["sim", "fault:reset"];

/// One of them, or all.
pub(in crate::simulator) fn of(dialect: Dialect, model: Option<&str>) -> Script {
    let body = match (dialect, model) {
        (_, Some(id)) => one(dialect, id),
        (Dialect::OpenAi, None) => json!({"object": "list", "data": all(dialect)}),
        (Dialect::Anthropic, None) => json!({
            "data": all(dialect), "has_more": false,
            "first_id": MODELS[0], "last_id": MODELS[1],
        }),
        (Dialect::Gemini, None) => json!({"models": all(dialect)}),
    };
    document(200, &body.to_string()).end(End::Keep(None))
}

fn all(dialect: Dialect) -> Vec<Value> {
    MODELS.map(|id| one(dialect, id)).into()
}

fn one(dialect: Dialect, id: &str) -> Value {
    match dialect {
        Dialect::OpenAi => json!({
            "id": id, "object": "model", "created": 1_700_000_000, "owned_by": "provider_sim",
        }),
        Dialect::Anthropic => json!({
            "type": "model", "id": id, "display_name": id, "created_at": "2023-11-14T22:13:20Z",
        }),
        Dialect::Gemini => json!({
            "name": format!("models/{id}"), "displayName": id,
            "supportedGenerationMethods": ["generateContent", "embedContent"],
        }),
    }
}
