//! A chat completion request, read into a [`Chat`].
//!
//! The messages are in `openai/read/message.rs`; here is everything beside them.
//!
//! Source: the API reference of chat completions, `create`. The older `functions` are not read:
//! like every field that is not named here they are noted, and refused where another dialect would
//! have to say them.

mod message;

use crate::dialect::chat::{
    Body, Chat, Effort, Format, JsonText, Node, Reasoning, Tool, ToolChoice,
};
use crate::dialect::{Dialect, Refused};

/// Reads the body of a request.
///
/// # Errors
/// It is not JSON, or not of this shape.
pub fn read_chat(body: &[u8]) -> Result<Chat, Refused> {
    let body = Body::parse(body)?;
    let root = body.root();
    let mut chat = Chat::new(Dialect::OpenAi, "");
    let (mut model, mut has_messages) = (None, false);
    for field in root.fields()? {
        match field.name() {
            "model" => model = Some(field.text()?),
            "messages" => {
                has_messages = true;
                field.items(&mut |item| message::read(&mut chat, &item))?;
            }
            "stream" => chat.stream = field.flag()?,
            "stream_options" => stream_options(&mut chat, &field)?,
            "tools" => field.items(&mut |item| tool(&mut chat, &item))?,
            "tool_choice" => tool_choice(&mut chat, &field)?,
            "parallel_tool_calls" => chat.parallel_tool_calls = Some(field.flag()?),
            "response_format" => chat.format = format(&mut chat, &field)?,
            "reasoning_effort" => chat.reasoning = Some(reasoning(&field)?),
            // The newer name wins.
            "user" if chat.user.is_some() => {
                field.text()?;
            }
            "user" | "safety_identifier" => chat.user = Some(field.text()?),
            _ => setting(&mut chat, &field)?,
        }
    }
    chat.model = model.ok_or_else(|| root.missing("model"))?;
    if !has_messages {
        return Err(root.missing("messages"));
    }
    chat.check_sides()?;
    chat.check_tools()?;
    Ok(chat)
}

fn setting(chat: &mut Chat, field: &Node<'_, '_>) -> Result<(), Refused> {
    let settings = &mut chat.settings;
    match field.name() {
        // The newer name wins: whoever sends both means the same.
        "max_tokens" if settings.max_tokens.is_some() => {
            field.count()?;
        }
        "max_tokens" | "max_completion_tokens" => settings.max_tokens = Some(field.count()?),
        "temperature" => settings.temperature = Some(field.number_in(0.0, 2.0)?),
        "top_p" => settings.top_p = Some(field.number_in(0.0, 1.0)?),
        "top_k" => settings.top_k = Some(field.whole()?),
        "stop" => settings.stop = field.texts()?,
        "seed" => settings.seed = Some(field.value("a whole number")?),
        "frequency_penalty" => settings.frequency_penalty = Some(field.number_in(-2.0, 2.0)?),
        "presence_penalty" => settings.presence_penalty = Some(field.number_in(-2.0, 2.0)?),
        "n" => settings.n = Some(field.count()?),
        "modalities" if field.texts()? == ["text"] => {}
        _ if is_harmless(field) => {}
        _ => chat.note_foreign(field),
    }
    Ok(())
}

/// Fields that change nothing about the answer; see the list at [`crate::dialect::chat`].
fn is_harmless(field: &Node<'_, '_>) -> bool {
    let value = field.raw().get();
    match field.name() {
        "prompt_cache_key" | "prompt_cache_retention" | "prompt_cache_options" => true,
        "store" | "logprobs" => value == "false",
        "top_logprobs" => value == "0",
        "service_tier" => matches!(value, r#""auto""# | r#""default""#),
        "logit_bias" | "metadata" => field.is_empty(),
        "verbosity" => value == r#""medium""#,
        _ => false,
    }
}

fn stream_options(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    for field in node.fields()? {
        match field.name() {
            "include_usage" => chat.include_usage = field.flag()?,
            // Padding against guessing at lengths; it is not part of the answer.
            "include_obfuscation" => {}
            _ => chat.note_foreign(&field),
        }
    }
    Ok(())
}

fn tool(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    let mut function = None;
    let fields = node.fields()?;
    for field in &fields {
        match field.name() {
            "type" if field.text()? == "function" => {}
            "function" => function = Some(field),
            // Other types, and what belongs to them.
            _ => chat.note_foreign(field),
        }
    }
    let Some(function) = function else {
        return match chat.foreign.is_empty() {
            true => Err(node.missing("function")),
            false => Ok(()),
        };
    };
    let mut tool = Tool::default();
    for field in function.fields()? {
        match field.name() {
            "name" => tool.name = field.text()?,
            "description" => tool.description = Some(field.text()?),
            "parameters" => tool.parameters = Some(field.object()?),
            "strict" => tool.strict = Some(field.flag()?),
            _ => chat.note_foreign(&field),
        }
    }
    if tool.name.is_empty() {
        return Err(function.missing("name"));
    }
    chat.tools.push(tool);
    Ok(())
}

fn tool_choice(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    const EXPECTED: &str = r#""auto", "none", "required" or a function"#;
    if node.is_text() {
        chat.tool_choice = match node.text()?.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" => ToolChoice::Required,
            _ => return Err(node.wrong(EXPECTED)),
        };
        return Ok(());
    }
    let (mut named, mut is_foreign) = (None, false);
    for field in node.fields()? {
        match field.name() {
            "type" if field.text()? == "function" => {}
            "function" => named = Some(name_in(chat, &field)?),
            // Tools of another type, and a choice among several.
            _ => {
                is_foreign = true;
                chat.note_foreign(&field);
            }
        }
    }
    match named {
        Some(name) => chat.tool_choice = ToolChoice::Named(name),
        None if is_foreign => {}
        None => return Err(node.missing("function")),
    }
    Ok(())
}

fn name_in(chat: &mut Chat, node: &Node<'_, '_>) -> Result<String, Refused> {
    let mut name = None;
    for field in node.fields()? {
        match field.name() {
            "name" => name = Some(field.text()?),
            _ => chat.note_foreign(&field),
        }
    }
    name.ok_or_else(|| node.missing("name"))
}

fn format(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Format, Refused> {
    let (mut kind, mut inner) = (None, None);
    let fields = node.fields()?;
    for field in &fields {
        match field.name() {
            "type" => kind = Some(field),
            "json_schema" => inner = Some(field),
            _ => chat.note_foreign(field),
        }
    }
    let kind = kind.ok_or_else(|| node.missing("type"))?;
    let word = kind.text()?;
    if word == "json_schema" {
        return json_schema(chat, inner.ok_or_else(|| node.missing("json_schema"))?);
    }
    // A shape that nobody is held to is a shape that is lost.
    if let Some(inner) = inner {
        chat.note_foreign(inner);
    }
    match word.as_str() {
        "json_object" => return Ok(Format::JsonObject),
        "text" => {}
        // Grammars, and what is new.
        _ => chat.note_foreign(kind),
    }
    Ok(Format::Text)
}

fn json_schema(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Format, Refused> {
    let (mut name, mut description, mut schema, mut strict) = (None, None, None, None);
    for field in node.fields()? {
        match field.name() {
            "name" => name = Some(field.text()?),
            "description" => description = Some(field.text()?),
            "schema" => schema = Some(field.object()?),
            "strict" => strict = Some(field.flag()?),
            _ => chat.note_foreign(&field),
        }
    }
    Ok(Format::JsonSchema {
        name: Some(name.ok_or_else(|| node.missing("name"))?),
        description,
        // Without one, any object will do.
        schema: schema.unwrap_or_else(JsonText::empty),
        strict,
    })
}

fn reasoning(node: &Node<'_, '_>) -> Result<Reasoning, Refused> {
    let word = node.text()?;
    if word == "none" {
        return Ok(Reasoning::Off);
    }
    match Effort::of(&word) {
        Some(effort) => Ok(Reasoning::Effort(effort)),
        None => Err(node.wrong(r#""none", "minimal", "low", "medium", "high", "xhigh" or "max""#)),
    }
}

#[cfg(test)]
mod tests;
