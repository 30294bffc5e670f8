//! A messages request, read into a [`Chat`].
//!
//! The messages are in `anthropic/read/message.rs`; here is everything beside them.
//!
//! Source: the API reference of messages, `create`, version 2023-06-01.

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
    let mut chat = Chat::new(Dialect::Anthropic, "");
    // The tokens come with every answer here.
    chat.include_usage = true;
    let (mut model, mut has_messages) = (None, false);
    for field in root.fields()? {
        match field.name() {
            "model" => model = Some(field.text()?),
            "messages" => {
                has_messages = true;
                field.items(&mut |item| message::read(&mut chat, &item))?;
            }
            "system" => {
                let texts = message::system(&mut chat, &field)?;
                chat.system.splice(..0, texts);
            }
            "stream" => chat.stream = field.flag()?,
            "tools" => field.items(&mut |item| tool(&mut chat, &item))?,
            "tool_choice" => tool_choice(&mut chat, &field)?,
            "thinking" => thinking(&mut chat, &field)?,
            "output_config" => output_config(&mut chat, &field)?,
            "metadata" => metadata(&mut chat, &field)?,
            _ => setting(&mut chat, &field)?,
        }
    }
    chat.model = model.ok_or_else(|| root.missing("model"))?;
    if chat.settings.max_tokens.is_none() {
        return Err(root.missing("max_tokens"));
    }
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
        "max_tokens" => settings.max_tokens = Some(field.whole()?),
        "temperature" => settings.temperature = Some(field.number_in(0.0, 1.0)?),
        "top_p" => settings.top_p = Some(field.number_in(0.0, 1.0)?),
        "top_k" => settings.top_k = Some(field.whole()?),
        "stop_sequences" => settings.stop = field.texts()?,
        "service_tier" if matches!(field.text()?.as_str(), "auto" | "standard_only") => {}
        "speed" if field.text()? == "standard" => {}
        // A hint to the provider's cache: it changes what the prompt costs, not what is answered.
        "cache_control" => {}
        _ => chat.note_foreign(field),
    }
    Ok(())
}

fn metadata(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    for field in node.fields()? {
        match field.name() {
            "user_id" => chat.user = Some(field.text()?),
            _ => chat.note_foreign(&field),
        }
    }
    Ok(())
}

fn tool(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    let mut tool = Tool::default();
    for field in node.fields()? {
        match field.name() {
            "name" => tool.name = field.text()?,
            "description" => tool.description = Some(field.text()?),
            "input_schema" => tool.parameters = Some(field.object()?),
            "strict" => tool.strict = Some(field.flag()?),
            "type" if field.text()? == "custom" => {}
            "cache_control" => {}
            "defer_loading" if !field.flag()? => {}
            "allowed_callers" if field.texts()? == ["direct"] => {}
            // Tools that the vendor runs have a type of their own, and settings.
            _ => chat.note_foreign(&field),
        }
    }
    if tool.name.is_empty() {
        return Err(node.missing("name"));
    }
    chat.tools.push(tool);
    Ok(())
}

fn tool_choice(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    let (mut kind, mut name) = (None, None);
    let fields = node.fields()?;
    for field in &fields {
        match field.name() {
            "type" => kind = Some(field),
            "name" => name = Some(field.text()?),
            "disable_parallel_tool_use" => chat.parallel_tool_calls = Some(!field.flag()?),
            _ => chat.note_foreign(field),
        }
    }
    let kind = kind.ok_or_else(|| node.missing("type"))?;
    chat.tool_choice = match kind.text()?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(name.ok_or_else(|| node.missing("name"))?),
        _ => return Err(kind.wrong(r#""auto", "any", "tool" or "none""#)),
    };
    Ok(())
}

/// `output_config.effort` may have come first; a number of tokens says more than a degree, and
/// "as you see fit" says less.
fn thinking(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    let (mut kind, mut budget) = (None, None);
    let fields = node.fields()?;
    for field in &fields {
        match field.name() {
            "type" => kind = Some(field),
            "budget_tokens" => budget = Some(field.whole()?),
            "display" => {
                chat.show_thoughts = Some(match field.text()?.as_str() {
                    "summarized" => true,
                    "omitted" => false,
                    _ => return Err(field.wrong(r#""summarized" or "omitted""#)),
                });
            }
            _ => chat.note_foreign(field),
        }
    }
    let kind = kind.ok_or_else(|| node.missing("type"))?;
    let reasoning = match kind.text()?.as_str() {
        "disabled" => Reasoning::Off,
        "adaptive" => {
            chat.reasoning.get_or_insert(Reasoning::Adaptive);
            return Ok(());
        }
        "enabled" => Reasoning::Budget(budget.ok_or_else(|| node.missing("budget_tokens"))?),
        // What is new.
        _ => {
            chat.note_foreign(kind);
            return Ok(());
        }
    };
    chat.reasoning = Some(reasoning);
    Ok(())
}

fn output_config(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    for field in node.fields()? {
        match field.name() {
            "effort" => {
                let effort = Effort::of(&field.text()?)
                    .ok_or_else(|| field.wrong(r#""low", "medium", "high", "xhigh" or "max""#))?;
                if matches!(chat.reasoning, None | Some(Reasoning::Adaptive)) {
                    chat.reasoning = Some(Reasoning::Effort(effort));
                }
            }
            "format" => chat.format = format(chat, &field)?,
            _ => chat.note_foreign(&field),
        }
    }
    Ok(())
}

fn format(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Format, Refused> {
    let mut schema: Option<JsonText> = None;
    for field in node.fields()? {
        match field.name() {
            "type" if field.text()? == "json_schema" => {}
            "schema" => schema = Some(field.object()?),
            // Other types, and what belongs to them.
            _ => chat.note_foreign(&field),
        }
    }
    if schema.is_none() && !chat.foreign.is_empty() {
        return Ok(Format::Text);
    }
    Ok(Format::JsonSchema {
        name: None,
        description: None,
        schema: schema.ok_or_else(|| node.missing("schema"))?,
        // There is no other way here.
        strict: Some(true),
    })
}

#[cfg(test)]
mod tests;
