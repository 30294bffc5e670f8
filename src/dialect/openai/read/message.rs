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
    content: Option<Vec<Part>>,
    thinking: Option<String>,
    refusal: Option<String>,
    calls: Vec<ToolCall>,
    tool_call_id: Option<String>,
}

/// Reads one item of `messages`.
pub(super) fn read(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    let mut said = Fields::default();
    let fields = node.fields()?;
    for field in &fields {
        match field.name() {
            "role" => said.role = field.text()?,
            "content" => said.content = Some(content(chat, field)?),
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
            "annotations" if field.is_empty() => {}
            _ => chat.note_foreign(field),
        }
    }
    check_role(chat, &said, &fields)?;
    match said.role.as_str() {
        "system" | "developer" => instructions(chat, said, node),
        "user" => {
            let content = said.content.ok_or_else(|| node.missing("content"))?;
            push(chat, node, Role::User, content)
        }
        "assistant" => {
            let parts = assistant(chat, said, node)?;
            push(chat, node, Role::Assistant, parts)
        }
        "tool" => {
            let result = ToolResult {
                id: (said.tool_call_id).ok_or_else(|| node.missing("tool_call_id"))?,
                name: None,
                content: said.content.ok_or_else(|| node.missing("content"))?,
                is_error: false,
            };
            push(chat, node, Role::User, vec![Part::ToolResult(result)])
        }
        // From before there were tools; noted.
        "function" => Ok(()),
        _ => Err(node.missing("role")),
    }
}

/// Whether everything in a message belongs to its role: what would not be read is not lost without
/// a word.
fn check_role(chat: &mut Chat, said: &Fields, fields: &[Node<'_, '_>]) -> Result<(), Refused> {
    for field in fields {
        match (field.name(), said.role.as_str()) {
            ("role", "system" | "developer" | "user" | "assistant" | "tool") => {}
            ("role", "function") => chat.note_foreign(field),
            ("role", _) => {
                let roles = r#""system", "developer", "user", "assistant" or "tool""#;
                return Err(field.wrong(roles));
            }
            ("tool_calls", _) if said.calls.is_empty() => {}
            ("reasoning_content" | "refusal" | "tool_calls", role) if role != "assistant" => {
                return Err(field.wrong("in a message of the role \"assistant\""));
            }
            ("tool_call_id", role) if role != "tool" => {
                return Err(field.wrong("in a message of the role \"tool\""));
            }
            _ => {}
        }
    }
    Ok(())
}

fn push(chat: &mut Chat, node: &Node<'_, '_>, role: Role, parts: Vec<Part>) -> Result<(), Refused> {
    let at = node.index();
    chat.messages.push(Message { at, role, parts });
    Ok(())
}

fn instructions(chat: &mut Chat, said: Fields, node: &Node<'_, '_>) -> Result<(), Refused> {
    for part in said.content.ok_or_else(|| node.missing("content"))? {
        let Part::Text(text) = part else {
            let field = format!("{}.content", node.path().unwrap_or_default());
            return Err(Refused::wrong(field, "text"));
        };
        chat.system.push(text);
    }
    Ok(())
}

/// Thoughts first, then what was said, then what is to be called.
fn assistant(chat: &Chat, said: Fields, node: &Node<'_, '_>) -> Result<Vec<Part>, Refused> {
    // What is noted may be what was said: a sound, a call in the old way.
    let is_silent = said.content.is_none() && said.refusal.is_none() && said.thinking.is_none();
    if is_silent && said.calls.is_empty() && chat.foreign.is_empty() {
        return Err(node.missing("content"));
    }
    let thinking = said.thinking.map(|text| Part::Thinking {
        text,
        signature: None,
    });
    Ok((thinking.into_iter())
        .chain(said.content.unwrap_or_default())
        .chain(said.refusal.map(Part::Text))
        .chain(said.calls.into_iter().map(Part::ToolCall))
        .collect())
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
    let fields = node.fields()?;
    let named = |name: &str| fields.iter().find(|field| field.name() == name);
    let kind = named("type").ok_or_else(|| node.missing("type"))?;
    let word = kind.text()?;
    for field in &fields {
        match field.name() {
            // What the part is, and a hint to caches.
            "type" | "prompt_cache_breakpoint" => {}
            name if name == word => {}
            _ => chat.note_foreign(field),
        }
    }
    let said = || named(&word).ok_or_else(|| node.missing(&word));
    match word.as_str() {
        "text" | "refusal" => Ok(Part::Text(said()?.text()?)),
        "image_url" => image(chat, said()?),
        "input_audio" => audio(chat, said()?),
        "file" => file(chat, said()?),
        // What is new.
        _ => {
            chat.note_foreign(kind);
            Ok(Part::Text(String::new()))
        }
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
            // Tools that take text as it comes; the call has to be something until the chat is refused.
            "type" => {
                chat.note_foreign(&field);
                function.get_or_insert((String::new(), JsonText::empty()));
            }
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
