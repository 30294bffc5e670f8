//! What an answer is to be made of: words, calls of tools, or JSON of a given form.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Body, value_of};
use crate::simulator::answer::sample;

/// What the answer is made of.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::simulator) enum Want {
    /// The text.
    Text,
    /// Calls of these tools.
    Tools(Vec<Tool>),
    /// JSON of the form that was asked for.
    Json(Value),
}

/// A tool, and what it is to be called with.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::simulator) struct Tool {
    pub(in crate::simulator) name: String,
    pub(in crate::simulator) arguments: Value,
}

/// # Errors
/// A tool is asked for that is not there.
pub(super) fn of(body: &Body<'_>, generation: &Value) -> Result<Want, String> {
    let tools = if body.tools.is_some() {
        tools(body)?
    } else {
        Vec::new()
    };
    if !tools.is_empty() {
        return Ok(Want::Tools(tools));
    }
    let format = value_of(body.response_format);
    let schemas = [
        &format["json_schema"]["schema"],
        &format["format"]["schema"],
        &format["schema"],
        &generation["responseSchema"],
        &generation["responseJsonSchema"],
        &generation["response_json_schema"],
    ];
    if let Some(schema) = schemas.into_iter().find(|schema| schema.is_object()) {
        return Ok(Want::Json(sample::of_schema(schema)));
    }
    let json =
        format["type"] == "json_object" || generation["responseMimeType"] == "application/json";
    Ok(if json {
        Want::Json(json!({"answer": "tea"}))
    } else {
        Want::Text
    })
}

/// The tools to be called: the one that the request names; the first, if the request insists on
/// one, or the prompt has the words `use the tool`; each of them, if it has `use every tool`. None
/// once a tool has answered.
fn tools(body: &Body<'_>) -> Result<Vec<Tool>, String> {
    let tools = value_of(body.tools);
    let declared = declared(&tools);
    let messages = body.messages.map_or("", RawValue::get);
    let answered = [
        "\"tool_call_id\"",
        "\"tool_result\"",
        "\"functionResponse\"",
    ]
    .iter()
    .any(|sign| messages.contains(sign));
    let choice = value_of(body.tool_choice);
    let calling = &choice["functionCallingConfig"];
    if answered || choice == "none" || choice["type"] == "none" || calling["mode"] == "NONE" {
        return Ok(Vec::new());
    }
    let named = [
        &choice["function"]["name"],
        &choice["name"],
        &calling["allowedFunctionNames"][0],
    ];
    if let Some(name) = named.into_iter().find_map(Value::as_str) {
        let tool = declared.into_iter().find(|tool| tool.name == name);
        return tool
            .map(|tool| vec![tool])
            .ok_or_else(|| format!("tool_choice: there is no tool {name:?}"));
    }
    let insists = choice == "required" || choice["type"] == "any" || calling["mode"] == "ANY";
    let all = messages.contains("use every tool");
    let one = insists || messages.contains("use the tool");
    let most = match (all, one) {
        (true, _) => usize::MAX,
        (false, true) => 1,
        (false, false) => 0,
    };
    Ok(declared.into_iter().take(most).collect())
}

/// Gemini's declarations are in one element; everybody else's tool is an element of its own.
fn declared(tools: &Value) -> Vec<Tool> {
    let mut all = Vec::new();
    for tool in tools.as_array().into_iter().flatten() {
        let several = [
            &tool["functionDeclarations"],
            &tool["function_declarations"],
        ];
        match several.into_iter().find_map(Value::as_array) {
            Some(several) => all.extend(several.iter().filter_map(one)),
            None => all.extend(one(if tool["function"].is_object() {
                &tool["function"]
            } else {
                tool
            })),
        }
    }
    all
}

fn one(tool: &Value) -> Option<Tool> {
    let schemas = [
        &tool["parameters"],
        &tool["parametersJsonSchema"],
        &tool["parameters_json_schema"],
        &tool["input_schema"],
    ];
    let schema = schemas.into_iter().find(|schema| schema.is_object());
    Some(Tool {
        name: tool["name"].as_str()?.to_owned(),
        arguments: schema.map_or_else(|| json!({}), sample::of_schema),
    })
}
