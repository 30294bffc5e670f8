//! One message of a messages request.

use crate::dialect::Refused;
use crate::dialect::chat::{
    Chat, JsonText, Media, MediaKind, Message, Node, Part, Role, Source, ToolCall, ToolResult,
};

/// Reads one item of `messages`.
pub(super) fn read(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    let (mut role, mut said) = (None, None);
    let fields = node.fields()?;
    for field in &fields {
        match field.name() {
            "role" => role = Some(field),
            "content" => said = Some(field),
            _ => chat.note_foreign(field),
        }
    }
    let role = role.ok_or_else(|| node.missing("role"))?;
    let said = said.ok_or_else(|| node.missing("content"))?;
    let who = match role.text()?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        // Instructions in the middle go to the top, as those of OpenAI's clients.
        "system" => {
            let mut texts = system(chat, said)?;
            chat.system.append(&mut texts);
            return Ok(());
        }
        _ => return Err(role.wrong(r#""user", "assistant" or "system""#)),
    };
    let message = Message {
        at: node.index(),
        role: who,
        parts: content(chat, said)?,
    };
    chat.messages.push(message);
    Ok(())
}

/// Reads `system`: a string, or blocks of text.
pub(super) fn system(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Vec<String>, Refused> {
    let parts = content(chat, node)?;
    let text = |part| match part {
        Part::Text(text) => Ok(text),
        _ => Err(node.wrong("a string or blocks of text")),
    };
    parts.into_iter().map(text).collect()
}

/// A string, or a list of blocks.
fn content(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Vec<Part>, Refused> {
    if node.is_text() {
        return Ok(vec![Part::Text(node.text()?)]);
    }
    if !node.is_list() {
        return Err(node.wrong("a string or a list of blocks"));
    }
    let mut parts = Vec::new();
    node.items(&mut |item| {
        parts.push(block(chat, &item)?);
        Ok(())
    })?;
    Ok(parts)
}

/// The fields that some kind of block has.
#[derive(Default)]
struct Fields {
    text: Option<String>,
    source: Option<(Source, bool)>,
    title: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<JsonText>,
    tool_use_id: Option<String>,
    content: Option<Vec<Part>>,
    is_error: bool,
}

/// The kinds of blocks that others have as well.
const KINDS: [&str; 6] = [
    "text",
    "image",
    "document",
    "thinking",
    "tool_use",
    "tool_result",
];

/// One block; each becomes exactly one part, so that places in errors agree.
fn block(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Part, Refused> {
    let fields = node.fields()?;
    let kind = fields.iter().find(|field| field.name() == "type");
    let kind = kind.ok_or_else(|| node.missing("type"))?;
    let word = kind.text()?;
    if !KINDS.contains(&word.as_str()) {
        // Thoughts that are sealed, calls of the vendor's own tools, what is new.
        chat.note_foreign(kind);
        return Ok(Part::Text(String::new()));
    }
    let block = block_fields(chat, &word, &fields)?;
    match word.as_str() {
        "text" => Ok(Part::Text(block.text.ok_or_else(|| node.missing("text"))?)),
        "image" => media(node, block, MediaKind::Image),
        "document" => media(node, block, MediaKind::Document),
        "thinking" => Ok(Part::Thinking {
            text: block.thinking.ok_or_else(|| node.missing("thinking"))?,
            signature: block.signature,
        }),
        "tool_use" => Ok(Part::ToolCall(ToolCall {
            id: block.id.ok_or_else(|| node.missing("id"))?,
            name: block.name.ok_or_else(|| node.missing("name"))?,
            arguments: block.input.ok_or_else(|| node.missing("input"))?,
            signature: None,
        })),
        _ => Ok(Part::ToolResult(ToolResult {
            id: (block.tool_use_id).ok_or_else(|| node.missing("tool_use_id"))?,
            name: None,
            content: block.content.unwrap_or_default(),
            is_error: block.is_error,
        })),
    }
}

/// What a block of this kind says. Fields of another kind are noted; they would be lost.
fn block_fields(chat: &mut Chat, kind: &str, fields: &[Node<'_, '_>]) -> Result<Fields, Refused> {
    let mut block = Fields::default();
    for field in fields {
        match (field.name(), kind) {
            ("type" | "cache_control", _) => {}
            ("text", "text") => block.text = Some(field.text()?),
            ("source", "image" | "document") => block.source = Some(source(chat, field)?),
            ("title", "document") => block.title = Some(field.text()?),
            ("thinking", "thinking") => block.thinking = Some(field.text()?),
            ("signature", "thinking") => {
                block.signature = Some(field.text()?).filter(|seal| !seal.is_empty());
            }
            ("id", "tool_use") => block.id = Some(field.text()?),
            ("name", "tool_use") => block.name = Some(field.text()?),
            ("input", "tool_use") => block.input = Some(field.object()?),
            ("tool_use_id", "tool_result") => block.tool_use_id = Some(field.text()?),
            ("content", "tool_result") => block.content = Some(content(chat, field)?),
            ("is_error", "tool_result") => block.is_error = field.flag()?,
            // Clients send back what they were sent.
            ("citations" | "transformations", _) if field.is_empty() => {}
            ("citations", _) if is_only(field, "enabled", "false")? => {}
            ("caller", _) if is_only(field, "type", r#""direct""#)? => {}
            _ => chat.note_foreign(field),
        }
    }
    Ok(block)
}

/// Whether an object has this one field with this value.
fn is_only(node: &Node<'_, '_>, name: &str, value: &str) -> Result<bool, Refused> {
    if node.is_list() {
        return Ok(false);
    }
    let fields = node.fields()?;
    let is_it = |field: &Node<'_, '_>| field.name() == name && field.raw().get() == value;
    Ok(fields.len() == 1 && fields.iter().all(is_it))
}

fn media(node: &Node<'_, '_>, block: Fields, kind: MediaKind) -> Result<Part, Refused> {
    let (source, is_text) = block.source.ok_or_else(|| node.missing("source"))?;
    // A document that is plain text.
    if is_text && let Source::Inline { data, .. } = source {
        return Ok(Part::Text(match block.title {
            Some(title) => format!("{title}\n\n{data}"),
            None => data,
        }));
    }
    Ok(Part::Media(Media {
        kind,
        source,
        name: block.title,
        detail: None,
    }))
}

/// Where the bytes are, and whether they are text that is not in base64.
fn source(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(Source, bool), Refused> {
    let (mut media_type, mut data, mut url) = (None, None, None);
    let fields = node.fields()?;
    let kind = fields.iter().find(|field| field.name() == "type");
    let kind = kind.ok_or_else(|| node.missing("type"))?;
    let word = kind.text()?;
    for field in &fields {
        match (field.name(), word.as_str()) {
            ("type", _) => {}
            ("media_type", "base64" | "text") => media_type = Some(field.text()?),
            ("data", "base64" | "text") => data = Some(field.text()?),
            ("url", "url") => url = Some(field.text()?),
            _ => chat.note_foreign(field),
        }
    }
    match word.as_str() {
        word @ ("base64" | "text") => Ok((
            Source::Inline {
                media_type: media_type.ok_or_else(|| node.missing("media_type"))?,
                data: data.ok_or_else(|| node.missing("data"))?,
            },
            word == "text",
        )),
        "url" => Ok((
            Source::Url {
                url: url.ok_or_else(|| node.missing("url"))?,
                media_type: None,
            },
            false,
        )),
        // A file that lies with the provider: nobody else has it. The block has to be something
        // until the chat is refused.
        _ => {
            chat.note_foreign(kind);
            let url = String::new();
            Ok((
                Source::Url {
                    url,
                    media_type: None,
                },
                false,
            ))
        }
    }
}
