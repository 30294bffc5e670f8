//! All that was said in a request, told back in words that are the same whoever's API it came by.
//!
//! ```text
//!   {"system": "be brief", "said": [{"user": "hello"}, {"assistant": "hi"},
//!     {"user_image": "image/png, 68 bytes"}, {"call": ["weather", {"city": "Paris"}]},
//!     {"result": "18 C"}], "tools": ["weather"], "max_tokens": 9, "stop": ["x"], …}
//! ```
//! A test in front of a gateway compares it: what the client wrote in one dialect has to arrive in
//! another. Of a field that nobody knows, the name is told.

use serde_json::{Map, Value, json};

use super::{Asker, usize_of};

/// Fields that every vendor knows, by its name for them. Anything else at the top is `other`.
const KNOWN: &[&str] = &[
    "contents",
    "generationConfig",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "model",
    "n",
    "output_config",
    "reasoning_effort",
    "response_format",
    "stop",
    "stop_sequences",
    "stream",
    "stream_options",
    "system",
    "systemInstruction",
    "temperature",
    "thinking",
    "toolConfig",
    "tool_choice",
    "tools",
    "top_p",
];

/// See the module.
pub(in crate::simulator) fn of(body: &[u8], asker: &Asker) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let generation = &body["generationConfig"];
    let mut said = Vec::new();
    let mut system = words(&body["system"]);
    system.push_str(&words(&body["systemInstruction"]["parts"]));
    for message in list(&body["messages"]) {
        openai_or_anthropic(message, &mut system, &mut said);
    }
    for message in list(&body["contents"]) {
        for part in list(&message["parts"]) {
            gemini(part, &message["role"], &mut said);
        }
    }
    let mut told = Map::new();
    let mut tell = |name: &str, value: Value| {
        let empty = [json!(null), json!(""), json!([])];
        if !empty.contains(&value) {
            told.insert(name.to_owned(), value);
        }
    };
    tell("system", json!(system));
    tell("said", json!(said));
    tell("tools", json!(tools(&body["tools"])));
    let or = |name: &str, gemini: &str| match &body[name] {
        Value::Null => generation[gemini].clone(),
        value => value.clone(),
    };
    tell("temperature", or("temperature", "temperature"));
    tell("top_p", or("top_p", "topP"));
    let bounds = ["max_tokens", "max_completion_tokens"].map(|name| usize_of(&body[name]));
    let bound = (bounds.into_iter().flatten().next()).or(usize_of(&generation["maxOutputTokens"]));
    tell("max_tokens", json!(bound));
    tell("stop", json!(super::stops(&body["stop"], generation)));
    tell(
        "stop",
        json!(super::stops(&body["stop_sequences"], generation)),
    );
    let names = body.as_object().into_iter().flat_map(Map::keys);
    let other: Vec<&String> = names
        .filter(|name| !KNOWN.contains(&name.as_str()))
        .collect();
    tell("other", json!(other));
    tell("beta", json!(asker.beta));
    Value::Object(told).to_string()
}

/// A message whose content is a string or a list of blocks.
fn openai_or_anthropic(message: &Value, system: &mut String, said: &mut Vec<Value>) {
    let role = message["role"].as_str().unwrap_or("nobody");
    let content = &message["content"];
    match role {
        "system" | "developer" => system.push_str(&words(content)),
        "tool" => said.push(json!({"result": words(content)})),
        _ => {
            if let Some(text) = content.as_str() {
                said.push(json!({role: text}));
            }
            for block in list(content) {
                self::block(block, role, said);
            }
        }
    }
    for call in list(&message["tool_calls"]) {
        let function = &call["function"];
        let arguments = function["arguments"].as_str().unwrap_or("");
        let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
        said.push(json!({"call": [function["name"], arguments]}));
    }
}

fn block(block: &Value, role: &str, said: &mut Vec<Value>) {
    let image = |what: String| json!({format!("{role}_image"): what});
    match block["type"].as_str().unwrap_or("") {
        "text" => said.push(json!({role: block["text"]})),
        "image_url" => said.push(image(by_url(&block["image_url"]["url"]))),
        "image" => match block["source"]["url"].as_str() {
            Some(_) => said.push(image(by_url(&block["source"]["url"]))),
            None => {
                let source = &block["source"];
                said.push(image(inline(&source["media_type"], &source["data"])));
            }
        },
        "tool_use" => said.push(json!({"call": [block["name"], block["input"]]})),
        "tool_result" => said.push(json!({"result": words(&block["content"])})),
        other => said.push(json!({"block": other})),
    }
}

fn gemini(part: &Value, role: &Value, said: &mut Vec<Value>) {
    let role = match role.as_str() {
        Some("model") => "assistant",
        _ => "user",
    };
    let data = match &part["inlineData"] {
        Value::Null => &part["inline_data"],
        data => data,
    };
    if let Some(text) = part["text"].as_str() {
        said.push(json!({role: text}));
    } else if data.is_object() {
        let mime = match &data["mimeType"] {
            Value::Null => &data["mime_type"],
            mime => mime,
        };
        said.push(json!({format!("{role}_image"): inline(mime, &data["data"])}));
    } else if let Some(uri) = part["fileData"]["fileUri"].as_str() {
        said.push(json!({format!("{role}_image"): uri}));
    } else if let Some(name) = part["functionCall"]["name"].as_str() {
        let arguments = part["functionCall"].get("args").cloned();
        said.push(json!({"call": [name, arguments.unwrap_or_else(|| json!({}))]}));
    } else {
        let response = &part["functionResponse"]["response"];
        let plain = ["output", "result", "error"].map(|name| response[name].as_str());
        let result = plain.into_iter().flatten().next();
        let result = result.map_or_else(|| response.to_string(), ToOwned::to_owned);
        said.push(json!({"result": result}));
    }
}

/// A text, or all texts of a list of blocks.
fn words(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => (list(value))
            .filter_map(|block| block["text"].as_str())
            .collect(),
    }
}

fn tools(tools: &Value) -> Vec<&str> {
    let each = list(tools).flat_map(|tool| match list(&tool["functionDeclarations"]).next() {
        Some(_) => list(&tool["functionDeclarations"]).collect(),
        None if tool["function"].is_object() => vec![&tool["function"]],
        None => vec![tool],
    });
    each.filter_map(|tool| tool["name"].as_str()).collect()
}

/// An image by its address; one that is in its address is an inline one.
fn by_url(url: &Value) -> String {
    let url = url.as_str().unwrap_or("");
    match url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"))
    {
        Some((mime, data)) => inline(&json!(mime), &json!(data)),
        None => url.to_owned(),
    }
}

/// Four characters are three bytes, without what fills the last four.
fn inline(mime: &Value, data: &Value) -> String {
    let data = data.as_str().unwrap_or("").trim_end_matches('=');
    let bytes = data.len() * 3 / 4;
    format!("{}, {bytes} bytes", mime.as_str().unwrap_or("no type"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
