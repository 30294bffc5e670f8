//! A judge of documents, as strict as it can be: what a schema does not list is wrong.

use serde_json::Value;

/// Whether `value` is what `schema` says; otherwise where it is not.
pub(super) fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let schema = resolved(document, schema);
    if let Some(choices) = schema["anyOf"].as_array() {
        let fits = |choice| check(document, choice, value).is_ok();
        return told(choices.iter().any(fits), || {
            format!("{value} fits no choice")
        });
    }
    if let Some(choices) = schema["enum"].as_array() {
        return told(choices.contains(value), || {
            format!("{value} is not one of {choices:?}")
        });
    }
    if let Some(least) = schema["minimum"].as_f64() {
        let small = value.as_f64().is_some_and(|number| number < least);
        told(!small, || format!("{value} is below {least}"))?;
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        Value::Null => return Err(format!("no type for {value}")),
        one => vec![one.clone()],
    };
    let kind = kind_of(value);
    let number = kind == "integer" && types.contains(&"number".into());
    told(number || types.contains(&kind.into()), || {
        format!("{value} is no {types:?}")
    })?;
    match value {
        Value::Object(members) if schema.get("properties").is_some() => {
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().unwrap();
                told(members.contains_key(name), || format!("{name} is missing"))?;
            }
            for (name, member) in members {
                let schema = &schema["properties"][name];
                told(!schema.is_null(), || format!("{name} is not in the schema"))?;
                check(document, schema, member).map_err(|wrong| format!("{name}: {wrong}"))?;
            }
            Ok(())
        }
        Value::Array(elements) => {
            (elements.iter()).try_for_each(|element| check(document, &schema["items"], element))
        }
        _ => Ok(()),
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => schema,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn told(fits: bool, words: impl FnOnce() -> String) -> Result<(), String> {
    if fits { Ok(()) } else { Err(words()) }
}
