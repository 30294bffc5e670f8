//! The contents of a `generateContent` request.
//!
//! Gemini's calls of tools need not have ids, and results need not repeat them: without one, a result
//! belongs to the first call of that tool that has no result yet. (Google's own client sends a call
//! back with the id that it came with, and the result without.) Everybody else wants ids, so calls
//! without one get `call_0`, `call_1`, … in their order, and results find theirs.

use std::collections::{BTreeMap, VecDeque};

use crate::dialect::Refused;
use crate::dialect::chat::{
    Chat, JsonText, Media, MediaKind, Message, Node, Part, Role, Source, ToolCall, ToolResult,
};

/// Calls that have no result yet, by the name of the tool.
#[derive(Default)]
struct Unanswered {
    ids: BTreeMap<String, VecDeque<String>>,
    made: usize,
}

impl Unanswered {
    /// A call, and its id; one is made up if it has none.
    fn call(&mut self, name: &str, id: Option<String>) -> String {
        let id = id.unwrap_or_else(|| {
            self.made += 1;
            format!("call_{}", self.made - 1)
        });
        let waiting = self.ids.entry(name.to_owned()).or_default();
        waiting.push_back(id.clone());
        id
    }

    /// A result, and the id of its call; `None` if there is no such call. One that has an id is
    /// taken at its word.
    fn result(&mut self, name: &str, id: Option<String>) -> Option<String> {
        let waiting = self.ids.get_mut(name);
        match id {
            None => waiting?.pop_front(),
            Some(id) => {
                if let Some(waiting) = waiting
                    && let Some(at) = waiting.iter().position(|other| *other == id)
                {
                    waiting.remove(at);
                }
                Some(id)
            }
        }
    }
}

/// Reads `contents`.
pub(super) fn read(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    let mut unanswered = Unanswered::default();
    node.items(&mut |item| {
        let message = message(chat, &mut unanswered, &item, false)?;
        chat.messages.push(message);
        Ok(())
    })
}

/// Reads `systemInstruction`: parts of text.
pub(super) fn system(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Vec<String>, Refused> {
    let message = message(chat, &mut Unanswered::default(), node, true)?;
    let text = |part| match part {
        Part::Text(text) => Ok(text),
        _ => Err(node.wrong("parts of text")),
    };
    message.parts.into_iter().map(text).collect()
}

fn message(
    chat: &mut Chat,
    unanswered: &mut Unanswered,
    node: &Node<'_, '_>,
    instructs: bool,
) -> Result<Message, Refused> {
    let mut role = Role::User;
    let mut parts = Vec::new();
    for field in node.camel_fields()? {
        match field.name() {
            "role" => {
                role = match field.text()?.as_str() {
                    "model" => Role::Assistant,
                    "user" | "function" | "" => Role::User,
                    "system" if instructs => Role::User,
                    _ => return Err(field.wrong(r#""user" or "model""#)),
                };
            }
            "parts" => field.items(&mut |item| {
                parts.push(part(chat, unanswered, &item)?);
                Ok(())
            })?,
            _ => chat.note_foreign(&field),
        }
    }
    if parts.is_empty() && !instructs {
        return Err(node.missing("parts"));
    }
    Ok(Message {
        at: node.index(),
        role,
        parts,
    })
}

/// One part; each becomes exactly one of ours, so that places in errors agree.
fn part(
    chat: &mut Chat,
    unanswered: &mut Unanswered,
    node: &Node<'_, '_>,
) -> Result<Part, Refused> {
    let (mut thought, mut signature, mut part) = (None, None, None);
    let fields = node.camel_fields()?;
    for field in &fields {
        let is_second = part.is_some();
        match field.name() {
            "thought" => thought = field.flag()?.then_some(field),
            "thoughtSignature" => signature = Some(field.text()?),
            "text" => part = Some(Part::Text(field.text()?)),
            "inlineData" | "fileData" => part = Some(media(chat, field)?),
            "functionCall" => part = Some(call(chat, unanswered, field)?),
            "functionResponse" => part = Some(result(chat, unanswered, field)?),
            _ => {
                chat.note_foreign(field);
                continue;
            }
        }
        if is_second && !matches!(field.name(), "thought" | "thoughtSignature") {
            return Err(field.wrong("in a part of its own"));
        }
    }
    match part {
        Some(Part::Text(text)) if thought.is_some() => Ok(Part::Thinking { text, signature }),
        Some(Part::ToolCall(call)) => Ok(Part::ToolCall(ToolCall { signature, ..call })),
        Some(part) => {
            // A picture that was made while thinking is not what was said.
            thought
                .into_iter()
                .for_each(|thought| chat.note_foreign(thought));
            Ok(part)
        }
        // Code and its output; noted above.
        None if !chat.foreign.is_empty() => Ok(Part::Text(String::new())),
        None => Err(node.wrong(
            "a part with `text`, `inlineData`, `fileData`, `functionCall` or `functionResponse`",
        )),
    }
}

fn media(chat: &mut Chat, node: &Node<'_, '_>) -> Result<Part, Refused> {
    let (mut media_type, mut data, mut url, mut name) = (None, None, None, None);
    let is_file = node.name() == "fileData";
    for field in node.camel_fields()? {
        match field.name() {
            "mimeType" => media_type = Some(field.text()?),
            "data" if !is_file => data = Some(field.text()?),
            "fileUri" if is_file => url = Some(field.text()?),
            "displayName" => name = Some(field.text()?),
            _ => chat.note_foreign(&field),
        }
    }
    let kind = match media_type
        .as_deref()
        .and_then(|text| text.split('/').next())
    {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        _ => MediaKind::Document,
    };
    let source = match (data, url) {
        (Some(data), _) => Source::Inline {
            media_type: media_type.ok_or_else(|| node.missing("mimeType"))?,
            data,
        },
        (None, Some(url)) => Source::Url { url, media_type },
        (None, None) => return Err(node.missing(if is_file { "fileUri" } else { "data" })),
    };
    Ok(Part::Media(Media {
        kind,
        source,
        name,
        detail: None,
    }))
}

fn call(
    chat: &mut Chat,
    unanswered: &mut Unanswered,
    node: &Node<'_, '_>,
) -> Result<Part, Refused> {
    let (mut id, mut name, mut arguments) = (None, None, JsonText::empty());
    for field in node.camel_fields()? {
        match field.name() {
            "id" => id = Some(field.text()?).filter(|id| !id.is_empty()),
            "name" => name = Some(field.text()?),
            "args" => arguments = field.object()?,
            _ => chat.note_foreign(&field),
        }
    }
    let name = name.ok_or_else(|| node.missing("name"))?;
    Ok(Part::ToolCall(ToolCall {
        id: unanswered.call(&name, id),
        name,
        arguments,
        signature: None,
    }))
}

fn result(
    chat: &mut Chat,
    unanswered: &mut Unanswered,
    node: &Node<'_, '_>,
) -> Result<Part, Refused> {
    let (mut id, mut name) = (None, None);
    let (mut content, mut is_error, mut media_parts) = (Vec::new(), false, Vec::new());
    for field in node.camel_fields()? {
        match field.name() {
            "id" => id = Some(field.text()?).filter(|id| !id.is_empty()),
            "name" => name = Some(field.text()?),
            "response" => (content, is_error) = response(&field)?,
            "parts" => field.items(&mut |item| {
                for source in item.camel_fields()? {
                    media_parts.push(media(chat, &source)?);
                }
                Ok(())
            })?,
            _ => chat.note_foreign(&field),
        }
    }
    let name = name.ok_or_else(|| node.missing("name"))?;
    let id = unanswered.result(&name, id).ok_or_else(|| {
        node.wrong("the result of a call that came before it, or to have an `id`")
    })?;
    content.extend(media_parts);
    Ok(Part::ToolResult(ToolResult {
        id,
        name: Some(name),
        content,
        is_error,
    }))
}

/// What a tool said is an object here and a text elsewhere. `output` and `error` with a text are
/// the names that Google documents, `result` is the one that its clients use; any other object is
/// the text of its JSON.
fn response(node: &Node<'_, '_>) -> Result<(Vec<Part>, bool), Refused> {
    let whole = node.object()?;
    let mut only = None;
    let mut count = 0;
    node.each_field(&mut |field| {
        count += 1;
        if field.is_text() {
            only = Some((
                field.name() == "error",
                field.name().to_owned(),
                field.text()?,
            ));
        }
        Ok(())
    })?;
    Ok(match only {
        Some((is_error, name, text))
            if count == 1 && matches!(name.as_str(), "output" | "result" | "error") =>
        {
            (vec![Part::Text(text)], is_error)
        }
        _ => (vec![Part::Text(whole.as_str().to_owned())], false),
    })
}
