//! `GET /openapi.json`: what can be asked here, for programs (OpenAPI 3.1).
//!
//! ```text
//!  table    one row per route and method ──┐
//!  schemas  bodies, by the bounds of `limits` ─┼──► document(config) ──► bytes, with a tag
//!  codes    every problem and its status ──┘
//! ```
//! The tests beside this file compare it with the program: each row with the routes, each schema with
//! what the parsers take and with what the flows answer, each code with the enums. Something new that
//! is not written down here fails one of them.
//!
//! It knows no request: the document is made once, at the first that asks for it.

mod chats;
mod codes;
mod jobs;
mod schemas;
mod table;
mod vendors;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use self::codes::{CODES, Group};
use self::table::{In, Operation, Parameter, operations};
use crate::config::Config;

/// The document as it is sent.
#[derive(Debug)]
pub struct OpenApi {
    /// JSON.
    pub bytes: Vec<u8>,
    /// A strong entity tag (RFC 9110 §8.8.3), in quotes.
    pub etag: String,
}

impl OpenApi {
    /// The document for a server with this configuration, which says what providers there are.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let bytes = document(config).to_string().into_bytes();
        let digest = Sha256::digest(&bytes);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        OpenApi {
            bytes,
            etag: format!("\"{hex}\""),
        }
    }
}

/// The same as a value.
#[must_use]
pub fn document(config: &Config) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "maitred",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Generates texts with language models, streams, scores and stores them.",
            "description": "Every error is a problem (RFC 9457) with a stable `code`, and a field or \
                parameter that is not listed is refused; on the vendors' routes, errors and fields \
                are the vendors'. `GET` routes take `HEAD` too, and `OPTIONS` \
                says what a path allows.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths(),
        "components": {
            "schemas": schemas::all(config),
            "responses": {"Problem": default_answer(), "ChatError": chat_error()},
        },
    })
}

fn paths() -> Value {
    let mut paths = Map::new();
    for operation in operations() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described(operation);
    }
    Value::Object(paths)
}

fn described(operation: &Operation) -> Value {
    let mut value = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": answers(operation),
    });
    if !operation.parameters.is_empty() {
        value["parameters"] = operation.parameters.iter().map(parameter).collect();
    }
    if let Some((kind, schema)) = operation.body {
        // No lines at all are an import too.
        let required = kind == table::JSON;
        let content = json!({kind: {"schema": reference(schema)}});
        value["requestBody"] = json!({"required": required, "content": content});
    }
    value
}

fn parameter(parameter: &Parameter) -> Value {
    let place = match parameter.place {
        In::Path => "path",
        In::Query | In::NeededQuery => "query",
        In::Header => "header",
    };
    json!({
        "name": parameter.name,
        "in": place,
        "required": matches!(parameter.place, In::Path | In::NeededQuery),
        "description": parameter.text,
        "schema": reference(parameter.schema),
    })
}

fn answers(operation: &Operation) -> Value {
    let mut answers = Map::new();
    for answer in operation.answers {
        let mut value = json!({"description": answer.text});
        for (kind, schema) in answer.content {
            value["content"][*kind] = json!({"schema": reference(schema)});
        }
        if !operation.gives.is_empty() {
            value["links"] = links(operation);
        }
        answers.insert(answer.status.to_string(), value);
    }
    let mut problems: Vec<(u16, &str)> = CODES
        .iter()
        .filter(|(_, _, group)| operation.problems.contains(group))
        .flat_map(|(code, statuses, _)| statuses.iter().map(move |status| (*status, *code)))
        .collect();
    problems.sort_unstable();
    for same in problems.chunk_by(|a, b| a.0 == b.0) {
        let codes: Vec<&str> = same.iter().map(|(_, code)| *code).collect();
        let value = problem(&format!("One of: `{}`.", codes.join("`, `")));
        // A route may use a status for something of its own, as `/readyz` does.
        answers.entry(same[0].0.to_string()).or_insert(value);
    }
    let default = json!({"$ref": format!("#/components/responses/{}", operation.errors)});
    answers.insert("default".to_owned(), default);
    Value::Object(answers)
}

/// Where the id in an answer leads.
fn links(operation: &Operation) -> Value {
    let link = |(id, from): &(&str, &str)| {
        let from = format!("$response.body#{from}");
        (
            (*id).to_owned(),
            json!({"operationId": id, "parameters": {"id": from}}),
        )
    };
    Value::Object(operation.gives.iter().map(link).collect())
}

/// What any request may be answered with.
fn default_answer() -> Value {
    let of_all = CODES.iter().filter(|(_, _, group)| *group == Group::Any);
    let codes: Vec<&str> = of_all.map(|(code, _, _)| *code).collect();
    let text = format!(
        "The request is not as HTTP wants it, or the server cannot answer any: one of `{}`.",
        codes.join("`, `")
    );
    problem(&text)
}

/// What a request on a vendor's route may be answered with.
fn chat_error() -> Value {
    let text = "The error, in the vendor's shape and with its status.";
    json!({"description": text, "content": {table::JSON: {"schema": reference("ChatError")}}})
}

fn problem(text: &str) -> Value {
    let schema = reference("Problem");
    json!({"description": text, "content": {"application/problem+json": {"schema": schema}}})
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn code_words() -> Vec<&'static str> {
    CODES.iter().map(|(code, _, _)| *code).collect()
}
