//! A `generateContent` request, read into a [`Chat`].
//!
//! The model and whether to stream stand in the path, which [`read_path`] takes apart; the
//! contents are in `gemini/read/content.rs`, the settings in `gemini/read/config.rs`, and here are
//! tools. Names are taken in `camelCase` and `snake_case`, as Google's servers take them.
//!
//! Source: the API reference of `models.generateContent`, versions v1 and v1beta.

mod config;
mod content;

use percent_encoding::percent_decode_str;

use super::schema;
use crate::dialect::chat::{Body, Chat, Node, Tool, ToolChoice};
use crate::dialect::{Dialect, Refused};

/// The model and whether to stream, out of a path without its query.
///
/// Both versions of the API and both spellings of the colon are known; `None` is some other path.
///
/// ```
/// use maitred::dialect::gemini::read_path;
///
/// assert_eq!(read_path("/v1beta/models/m:streamGenerateContent"), Some(("m".into(), true)));
/// assert_eq!(read_path("/v1/models/a%2Fb%3AgenerateContent"), Some(("a/b".into(), false)));
/// assert_eq!(read_path("/v1/models/m:countTokens"), None);
/// ```
#[must_use]
pub fn read_path(path: &str) -> Option<(String, bool)> {
    let rest =
        (path.strip_prefix("/v1beta/models/")).or_else(|| path.strip_prefix("/v1/models/"))?;
    let decoded = percent_decode_str(rest).decode_utf8().ok()?;
    let (model, method) = decoded.rsplit_once(':')?;
    let stream = match method {
        "generateContent" => false,
        "streamGenerateContent" => true,
        _ => return None,
    };
    (!model.is_empty()).then(|| (model.to_owned(), stream))
}

/// Reads the body of a request for `model`.
///
/// # Errors
/// It is not JSON, or not of this shape.
pub fn read_chat(body: &[u8], model: &str, stream: bool) -> Result<Chat, Refused> {
    let body = Body::parse(body)?;
    let root = body.root();
    let mut chat = Chat::new(Dialect::Gemini, model);
    chat.stream = stream;
    // The tokens come with every answer here.
    chat.include_usage = true;
    let mut has_contents = false;
    let mut is_validated = false;
    for field in root.camel_fields()? {
        match field.name() {
            "contents" => {
                has_contents = true;
                content::read(&mut chat, &field)?;
            }
            "systemInstruction" => chat.system = content::system(&mut chat, &field)?,
            "generationConfig" => config::read(&mut chat, &field)?,
            "tools" => field.items(&mut |item| tools(&mut chat, &item))?,
            "toolConfig" => is_validated = tool_config(&mut chat, &field)?,
            "safetySettings" => safety(&mut chat, &field)?,
            "labels" if field.is_empty() => {}
            // What clients write that have one body for all.
            "model" => {}
            _ => chat.note_foreign(&field),
        }
    }
    if !has_contents {
        return Err(root.missing("contents"));
    }
    if is_validated {
        for tool in &mut chat.tools {
            tool.strict = Some(true);
        }
    }
    chat.check_sides()?;
    chat.check_tools()?;
    Ok(chat)
}

/// Filters that let everything pass are what other providers have: none.
fn safety(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    let mut all_open = true;
    node.items(&mut |item| {
        let fields = item.camel_fields()?;
        let threshold = fields.iter().find(|field| field.name() == "threshold");
        let word = threshold.map_or(Ok(String::new()), Node::text)?;
        all_open &= matches!(word.as_str(), "BLOCK_NONE" | "OFF");
        Ok(())
    })?;
    if !all_open {
        chat.note_foreign(node);
    }
    Ok(())
}

fn tools(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    for field in node.camel_fields()? {
        match field.name() {
            "functionDeclarations" => field.items(&mut |item| {
                let tool = declaration(chat, &item)?;
                chat.tools.push(tool);
                Ok(())
            })?,
            // Tools that the vendor runs.
            _ => chat.note_foreign(&field),
        }
    }
    Ok(())
}

fn declaration(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Tool, Refused> {
    let (mut name, mut description, mut parameters) = (None, None, None);
    for field in node.camel_fields()? {
        match field.name() {
            "name" => name = Some(field.text()?).filter(|name| !name.is_empty()),
            "description" => description = Some(field.text()?),
            "parameters" => parameters = Some(schema::json_schema(&field)?),
            "parametersJsonSchema" => parameters = Some(field.object()?),
            // What the tool promises to answer. Google's client writes it for every function.
            "response" | "responseJsonSchema" => {}
            "behavior" if field.text()? == "BLOCKING" => {}
            _ => chat.note_foreign(&field),
        }
    }
    Ok(Tool {
        name: name.ok_or_else(|| node.missing("name"))?,
        description,
        parameters,
        strict: None,
    })
}

/// Returns whether arguments have to fit their schemas.
fn tool_config(chat: &mut Chat, node: &Node<'_, '_>) -> Result<bool, Refused> {
    let mut is_validated = false;
    for field in node.camel_fields()? {
        match field.name() {
            "functionCallingConfig" => is_validated = calling(chat, &field)?,
            _ => chat.note_foreign(&field),
        }
    }
    Ok(is_validated)
}

fn calling(chat: &mut Chat, node: &Node<'_, '_>) -> Result<bool, Refused> {
    let (mut mode, mut allowed, mut names) = ("AUTO".to_owned(), Vec::new(), None);
    let fields = node.camel_fields()?;
    for field in &fields {
        match field.name() {
            "mode" => mode = field.text()?,
            "allowedFunctionNames" => {
                allowed = field.texts()?;
                names = Some(field);
            }
            _ => chat.note_foreign(field),
        }
    }
    // One function of several can only be asked for, not several, and not only allowed.
    if let Some(names) = names
        && (allowed.len() > 1 || (allowed.len() == 1 && mode != "ANY"))
    {
        chat.note_foreign(names);
    }
    let first = allowed.into_iter().next();
    chat.tool_choice = match (mode.as_str(), first) {
        ("ANY", Some(name)) => ToolChoice::Named(name),
        ("ANY", None) => ToolChoice::Required,
        ("NONE", _) => ToolChoice::None,
        ("AUTO" | "VALIDATED" | "MODE_UNSPECIFIED", _) => ToolChoice::Auto,
        _ => {
            let field = format!("{}.mode", node.path().unwrap_or_default());
            return Err(Refused::wrong(
                field,
                r#""AUTO", "ANY", "NONE" or "VALIDATED""#,
            ));
        }
    };
    Ok(mode == "VALIDATED")
}

#[cfg(test)]
mod tests;
