//! JSON that fits a schema, for tools and structured answers.

use serde_json::{Map, Value, json};

/// Deeper than this nobody nests what a tool takes.
const DEPTH: usize = 8;

/// The plainest value that a JSON schema of the usual kind allows.
pub(in crate::simulator) fn of_schema(schema: &Value) -> Value {
    value(schema, schema, DEPTH)
}

fn value(schema: &Value, root: &Value, depth: usize) -> Value {
    // Classes inside classes are told apart from where they are used.
    let referred = schema["$ref"]
        .as_str()
        .and_then(|path| root.pointer(path.strip_prefix('#')?));
    let alternatives = schema["anyOf"].as_array().and_then(|all| all.first());
    if let Some(meant) = referred.or(alternatives).filter(|_| depth > 0) {
        return value(meant, root, depth - 1);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    if depth == 0 {
        return Value::Null;
    }
    // A list of types stands for any of them; Gemini writes them in capitals.
    let kind = schema["type"].as_str().or(schema["type"][0].as_str());
    match kind.unwrap_or("object").to_ascii_lowercase().as_str() {
        "string" => json!("tea"),
        "integer" => json!(1),
        "number" => json!(1.5),
        "boolean" => json!(true),
        "null" => Value::Null,
        "array" => json!([value(&schema["items"], root, depth - 1)]),
        _ => {
            let properties = schema["properties"].as_object();
            let fields = properties.into_iter().flatten();
            let object: Map<String, Value> = fields
                .map(|(name, schema)| (name.clone(), value(schema, root, depth - 1)))
                .collect();
            Value::Object(object)
        }
    }
}
