//! Gemini's own schemas, written as JSON Schema.
//!
//! `parameters` and `responseSchema` are a part of OpenAPI 3.0: types may be in capitals, null is
//! a flag beside the type, 64-bit numbers may be strings, and the order of properties is a list of
//! their names. Everybody else takes JSON Schema, Gemini included, under another name.
//!
//! ```text
//!   {"type": "STRING", "nullable": true}    ──▶    {"type": ["string", "null"]}
//! ```
//!
//! The walk calls itself, as deep as the schema is nested, and no body is nested deeper than
//! `limits::JSON_DEPTH`.
//!
//! Source: the API reference of `Schema`, version v1beta.

use crate::dialect::Refused;
use crate::dialect::chat::{JsonText, Node};
use crate::dialect::pen::Pen;

/// The JSON Schema that `schema` means.
pub(super) fn json_schema(schema: &Node<'_, '_>) -> Result<JsonText, Refused> {
    let mut out = Vec::new();
    Pen::object(&mut out, |json| put_fields(json, schema))?;
    let text = String::from_utf8(out).map_err(|_| schema.wrong("a schema"))?;
    JsonText::object(&text).ok_or_else(|| schema.wrong("a schema"))
}

fn put(json: &mut Pen<'_>, schema: &Node<'_, '_>) -> Result<(), Refused> {
    json.nested(|json| put_fields(json, schema))
}

/// Schemas under names that are the client's own.
fn put_each(json: &mut Pen<'_>, schemas: &Node<'_, '_>) -> Result<(), Refused> {
    json.nested(|json| {
        schemas.each_field(&mut |schema| {
            json.key(schema.name());
            put(json, &schema)
        })
    })
}

fn put_fields(json: &mut Pen<'_>, schema: &Node<'_, '_>) -> Result<(), Refused> {
    let fields = schema.camel_fields()?;
    let is_nullable = (fields.iter()).any(|f| f.name() == "nullable" && f.raw().get() == "true");
    for field in &fields {
        match field.name() {
            "type" => {
                let word = field.text()?.to_ascii_lowercase();
                json.key("type");
                if is_nullable {
                    json.list(|json| {
                        json.text(&word);
                        json.text("null");
                    });
                } else {
                    json.text(&word);
                }
            }
            // A hint on the order in which Gemini writes them.
            "nullable" | "propertyOrdering" => {}
            "properties" => put_each(json.key("properties"), field)?,
            "items" => put(json.key("items"), field)?,
            "additionalProperties" if field.raw().get().starts_with('{') => {
                put(json.key("additionalProperties"), field)?;
            }
            "defs" => put_each(json.key("$defs"), field)?,
            "ref" => {
                let target = field.text()?;
                let target = target
                    .strip_prefix("#/defs/")
                    .map_or_else(|| target.clone(), |name| format!("#/$defs/{name}"));
                json.key("$ref").text(&target);
            }
            "anyOf" => {
                json.key("anyOf");
                json.list(|json| field.items(&mut |item| put(json, &item)))?;
            }
            "minItems" | "maxItems" | "minProperties" | "maxProperties" | "minLength"
            | "maxLength" => json
                .key(field.name())
                .raw(field.raw().get().trim_matches('"')),
            name => json.key(name).raw(field.raw().get()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::dialect::chat::Body;

    fn converted(schema: &str) -> String {
        let body = Body::parse(schema.as_bytes()).unwrap();
        json_schema(&body.root()).unwrap().as_str().to_owned()
    }

    #[test]
    fn capitals_null_and_strings_of_digits_become_json_schema() {
        assert_eq!(
            converted(
                r#"{"type":"OBJECT","properties":{
                    "type":{"type":"STRING","nullable":true,"enum":["A"]},
                    "rows":{"type":"ARRAY","items":{"type":"INTEGER","format":"int32"},"min_items":"2"},
                    "either":{"any_of":[{"type":"NUMBER"},{"type":"BOOLEAN"}]}},
                    "required":["type"],"propertyOrdering":["rows","type"]}"#
            ),
            concat!(
                r#"{"type":"object","properties":{"type":{"type":["string","null"],"enum":["A"]},"#,
                r#""rows":{"type":"array","items":{"type":"integer","format":"int32"},"minItems":2},"#,
                r#""either":{"anyOf":[{"type":"number"},{"type":"boolean"}]}},"required":["type"]}"#
            )
        );
    }

    #[test]
    fn references_and_schemas_of_further_properties_are_converted() {
        assert_eq!(
            converted(
                r##"{"type":"OBJECT","defs":{"Pet":{"type":"STRING"}},"additionalProperties":{"type":"NUMBER"},
                    "properties":{"pet":{"ref":"#/defs/Pet"},"any":{"additional_properties":false}}}"##
            ),
            concat!(
                r##"{"type":"object","$defs":{"Pet":{"type":"string"}},"additionalProperties":{"type":"number"},"##,
                r##""properties":{"pet":{"$ref":"#/$defs/Pet"},"any":{"additionalProperties":false}}}"##
            )
        );
    }

    #[test]
    fn what_is_no_schema_is_named() {
        let body = Body::parse(br#"{"properties":{"a":{"type":7}}}"#).unwrap();
        let refused = json_schema(&body.root()).unwrap_err();
        assert_eq!(refused.field.as_deref(), Some("properties.a.type"));
    }
}
