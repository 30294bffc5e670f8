//! One message of a chat completion request.
//!
//! A message of the role `tool` is a result that a tool gave, and becomes a message of the user
//! with that one part. Instructions (`system`, `developer`) leave the row and go to the top.

use crate::dialect::Refused;
use crate::dialect::chat::{
    Chat, JsonText, Media, MediaKind, Message, Node, Part, Role, Source, ToolCall, ToolResult,
};

/// The fields of a message that say something.
#[derive(Default)]
struct Fields {
    role: String,
    content: Vec<Part>,
    thinking: Option<String>,
    refusal: Option<String>,
    calls: Vec<ToolCall>,
    tool_call_id: Option<String>,
}

/// Reads one item of `messages`.
pub(super) fn read(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    let mut said = Fields::default();
    for field in node.fields()? {
        match field.name() {
            "role" => said.role = field.text()?,
            "content" => said.content = content(chat, &field)?,
            // Not OpenAI's own word, but the one under which thoughts are sent to its clients.
            "reasoning_content" => said.thinking = Some(field.text()?),
            "refusal" => said.refusal = Some(field.text()?),
            "tool_calls" => {
                field.items(&mut |item| {
                    said.calls.push(tool_call(chat, &item)?);
                    Ok(())
                })?;
            }
            "tool_call_id" => said.tool_call_id = Some(field.text()?),
            // Clients send back what they were sent.
            "annotations" if field.raw().get() == "[]" => {}
            _ => chat.note_foreign(&field),
        }
    }
    match said.role.as_str() {
        "system" | "developer" => instructions(chat, said, node),
        "user" => push(chat, node, Role::User, said.content),
        "assistant" => {
            let parts = assistant(said);
            push(chat, node, Role::Assistant, parts)
        }
        "tool" => {
            let result = ToolResult {
                id: (said.tool_call_id).ok_or_else(|| node.missing("tool_call_id"))?,
                name: None,
                content: said.content,
                is_error: false,
            };
            push(chat, node, Role::User, vec![Part::ToolResult(result)])
        }
        "" => Err(node.missing("role")),
        _ => Err(wrong_role(node)),
    }
}

fn wrong_role(node: &Node<'_, '_>) -> Refused {
    Refused::wrong(
        format!("{}.role", node.path().unwrap_or_default()),
        r#""system", "developer", "user", "assistant" or "tool""#,
    )
}

fn push(chat: &mut Chat, node: &Node<'_, '_>, role: Role, parts: Vec<Part>) -> Result<(), Refused> {
    let at = node.index();
    chat.messages.push(Message { at, role, parts });
    Ok(())
}

fn instructions(chat: &mut Chat, said: Fields, node: &Node<'_, '_>) -> Result<(), Refused> {
    for part in said.content {
        let Part::Text(text) = part else {
            let field = format!("{}.content", node.path().unwrap_or_default());
            return Err(Refused::wrong(field, "text"));
        };
        chat.system.push(text);
    }
    Ok(())
}

/// Thoughts first, then what was said, then what is to be called.
fn assistant(said: Fields) -> Vec<Part> {
    let thinking = said.thinking.map(|text| Part::Thinking {
        text,
        signature: None,
    });
    (thinking.into_iter())
        .chain(said.content)
        .chain(said.refusal.map(Part::Text))
        .chain(said.calls.into_iter().map(Part::ToolCall))
        .collect()
}

/// A string, or a list of parts.
fn content(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Vec<Part>, Refused> {
    if node.is_text() {
        return Ok(vec![Part::Text(node.text()?)]);
    }
    if !node.is_list() {
        return Err(node.wrong("a string or a list of parts"));
    }
    let mut parts = Vec::new();
    node.items(&mut |item| {
        parts.push(part(chat, &item)?);
        Ok(())
    })?;
    Ok(parts)
}

/// One part; each becomes exactly one of ours, so that places in errors agree.
fn part(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Part, Refused> {
    let mut kind = None;
    let mut part = None;
    for field in node.fields()? {
        match field.name() {
            "type" => kind = Some(field.text()?),
            "text" | "refusal" => part = Some(Part::Text(field.text()?)),
            "image_url" => part = Some(image(chat, &field)?),
            "input_audio" => part = Some(audio(chat, &field)?),
            "file" => part = Some(file(chat, &field)?),
            _ => chat.note_foreign(&field),
        }
    }
    let kind = kind.ok_or_else(|| node.missing("type"))?;
    match kind.as_str() {
        "text" | "refusal" | "image_url" | "input_audio" | "file" => {
            part.ok_or_else(|| node.missing(&kind))
        }
        _ => Err(Refused::wrong(
            format!("{}.type", node.path().unwrap_or_default()),
            r#""text", "image_url", "input_audio", "file" or "refusal""#,
        )),
    }
}

fn image(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Part, Refused> {
    let (mut source, mut detail) = (None, None);
    for field in node.fields()? {
        match field.name() {
            "url" => source = Some(address(&field.text()?).ok_or_else(|| data_url(&field))?),
            // What is done without it.
            "detail" if field.raw().get() == r#""auto""# => {}
            "detail" => detail = Some(field.text()?),
            _ => chat.note_foreign(&field),
        }
    }
    Ok(Part::Media(Media {
        kind: MediaKind::Image,
        source: source.ok_or_else(|| node.missing("url"))?,
        name: None,
        detail,
    }))
}

fn audio(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Part, Refused> {
    let (mut data, mut media_type) = (None, None);
    for field in node.fields()? {
        match field.name() {
            "data" => data = Some(field.text()?),
            "format" => media_type = Some(format!("audio/{}", field.text()?)),
            _ => chat.note_foreign(&field),
        }
    }
    Ok(Part::Media(Media {
        kind: MediaKind::Audio,
        source: Source::Inline {
            media_type: media_type.ok_or_else(|| node.missing("format"))?,
            data: data.ok_or_else(|| node.missing("data"))?,
        },
        name: None,
        detail: None,
    }))
}

fn file(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Part, Refused> {
    let (mut source, mut name) = (None, None);
    for field in node.fields()? {
        match field.name() {
            "filename" => name = Some(field.text()?),
            "file_data" => match address(&field.text()?) {
                Some(inline @ Source::Inline { .. }) => source = Some(inline),
                Some(Source::Url { .. }) | None => return Err(data_url(&field)),
            },
            // A file that lies with the provider: nobody else has it. The part has to be
            // something until the chat is refused.
            "file_id" => {
                chat.note_foreign(&field);
                source.get_or_insert(Source::Url {
                    url: field.text()?,
                    media_type: None,
                });
            }
            _ => chat.note_foreign(&field),
        }
    }
    Ok(Part::Media(Media {
        kind: MediaKind::Document,
        source: source.ok_or_else(|| node.missing("file_data"))?,
        name,
        detail: None,
    }))
}

fn data_url(node: &Node<'_, '_>) -> Refused {
    node.wrong("an address, or data:TYPE;base64,DATA")
}

/// An address, or the data that one holds (RFC 2397). `None`: data that is not base64.
fn address(url: &str) -> Option<Source> {
    let Some(rest) = url.strip_prefix("data:") else {
        return Some(Source::Url {
            url: url.to_owned(),
            media_type: None,
        });
    };
    let (media_type, data) = rest.split_once(";base64,")?;
    Some(Source::Inline {
        media_type: media_type.to_owned(),
        data: data.to_owned(),
    })
}

fn tool_call(chat: &mut Chat, node: &Node<'_, '_>) -> Result<ToolCall, Refused> {
    let (mut id, mut function, mut signature) = (None, None, None);
    for field in node.fields()? {
        match field.name() {
            "id" => id = Some(field.text()?),
            "type" if field.text()? == "function" => {}
            "type" => return Err(field.wrong(r#""function""#)),
            "function" => function = Some(called(chat, &field)?),
            "extra_content" => signature = thought_signature(chat, &field)?,
            // Some clients keep the number that a piece of a stream had.
            "index" => {}
            _ => chat.note_foreign(&field),
        }
    }
    let (name, arguments) = function.ok_or_else(|| node.missing("function"))?;
    Ok(ToolCall {
        id: id.ok_or_else(|| node.missing("id"))?,
        name,
        arguments,
        signature,
    })
}

fn called(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(String, JsonText), Refused> {
    let (mut name, mut arguments) = (None, JsonText::empty());
    for field in node.fields()? {
        match field.name() {
            "name" => name = Some(field.text()?),
            "arguments" => {
                let text = field.text()?;
                if !text.trim().is_empty() {
                    arguments = JsonText::object(&text)
                        .ok_or_else(|| field.wrong("the text of a JSON object"))?;
                }
            }
            _ => chat.note_foreign(&field),
        }
    }
    Ok((name.ok_or_else(|| node.missing("name"))?, arguments))
}

/// `{"google": {"thought_signature": …}}`: where Google's endpoint for OpenAI's clients puts it.
fn thought_signature(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Option<String>, Refused> {
    let mut signature = None;
    for vendor in node.fields()? {
        if vendor.name() != "google" {
            chat.note_foreign(&vendor);
            continue;
        }
        for field in vendor.fields()? {
            match field.name() {
                "thought_signature" => signature = Some(field.text()?),
                _ => chat.note_foreign(&field),
            }
        }
    }
    Ok(signature)
}
