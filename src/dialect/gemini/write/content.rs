//! The contents of a `generateContent` request.
//!
//! Messages of the same side that follow each other become one. Thoughts of earlier turns are left
//! out: the model does not read them.

use std::collections::BTreeMap;

use crate::dialect::chat::{
    Chat, JsonText, Media, Message, Part, Role, Source, ToolCall, ToolResult,
};
use crate::dialect::pen::Pen;
use crate::dialect::{Dialect, Refused};

/// In the place of a seal on a call that another model made. Models of the third generation refuse
/// calls without one; this word is documented for a conversation that comes from elsewhere.
const UNSEALED: &str = "skip_thought_signature_validator";

/// Addresses that the provider fetches: files that lie with it, and films.
const FETCHED: &[&str] = &[
    "gs://",
    "https://generativelanguage.googleapis.com/",
    "https://www.youtube.com/",
    "https://youtu.be/",
];

/// Writes what the model is told, and the conversation.
pub(super) fn put(json: &mut Pen<'_>, chat: &Chat, wants_seals: bool) -> Result<(), Refused> {
    let system = || chat.system.iter().filter(|text| !text.is_empty());
    if system().next().is_some() {
        json.key("systemInstruction").nested(|json| {
            let parts = json.key("parts");
            parts.list(|json| system().for_each(|text| put_text(json, text)));
        });
    }
    let contents = Contents {
        chat,
        tools: tool_names(chat),
        wants_seals,
    };
    json.key("contents").list(|json| contents.put(json))
}

/// Which tool each call was for. Results have to say it, and elsewhere they do not.
fn tool_names(chat: &Chat) -> BTreeMap<&str, &str> {
    let parts = chat.messages.iter().flat_map(|message| &message.parts);
    parts
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some((call.id.as_str(), call.name.as_str())),
            _ => None,
        })
        .collect()
}

fn put_text(json: &mut Pen<'_>, text: &str) {
    json.nested(|json| json.key("text").text(text));
}

fn says_something(part: &Part) -> bool {
    match part {
        Part::Text(text) => !text.is_empty(),
        Part::Thinking { .. } => false,
        Part::Media(_) | Part::ToolCall(_) | Part::ToolResult(_) => true,
    }
}

struct Contents<'c> {
    chat: &'c Chat,
    tools: BTreeMap<&'c str, &'c str>,
    wants_seals: bool,
}

impl Contents<'_> {
    fn put(&self, json: &mut Pen<'_>) -> Result<(), Refused> {
        let said = |message: &&Message| message.parts.iter().any(says_something);
        let messages: Vec<&Message> = self.chat.messages.iter().filter(said).collect();
        if messages.is_empty() {
            return Err(self.chat.nothing_said(Dialect::Gemini));
        }
        for turn in messages.chunk_by(|a, b| a.role == b.role) {
            json.nested(|json| {
                json.key("role").text(match turn[0].role {
                    Role::User => "user",
                    Role::Assistant => "model",
                });
                json.key("parts").list(|json| self.put_turn(json, turn))
            })?;
        }
        Ok(())
    }

    fn put_turn(&self, json: &mut Pen<'_>, turn: &[&Message]) -> Result<(), Refused> {
        // Of calls that are made at once only the first one is sealed.
        let mut is_first_call = true;
        for message in turn {
            let parts = message.parts.iter().enumerate();
            for (place, part) in parts.filter(|(_, part)| says_something(part)) {
                let at = (*message, place);
                match part {
                    Part::Text(text) => put_text(json, text),
                    Part::Media(media) => self.put_media(json, at, None, media)?,
                    Part::ToolCall(call) => {
                        let seal = (self.wants_seals && is_first_call).then_some(UNSEALED);
                        put_call(json, call, call.signature.as_deref().or(seal));
                        is_first_call = false;
                    }
                    Part::ToolResult(result) => self.put_result(json, at, result)?,
                    Part::Thinking { .. } => {}
                }
            }
        }
        Ok(())
    }

    fn put_media(
        &self,
        json: &mut Pen<'_>,
        at: (&Message, usize),
        inner: Option<usize>,
        media: &Media,
    ) -> Result<(), Refused> {
        if let Source::Url { url, .. } = &media.source
            && !FETCHED.iter().any(|begin| url.starts_with(begin))
        {
            let reason = "it fetches only files that lie with Google; send the data itself";
            return Err((self.chat).cannot_part(Dialect::Gemini, at, inner, reason));
        }
        json.nested(|json| match &media.source {
            Source::Inline { media_type, data } => json.key("inlineData").nested(|json| {
                json.key("mimeType").text(media_type);
                json.key("data").text(data);
            }),
            Source::Url { url, media_type } => json.key("fileData").nested(|json| {
                json.maybe_text("mimeType", media_type.as_deref());
                json.key("fileUri").text(url);
            }),
        });
        Ok(())
    }

    fn put_result(
        &self,
        json: &mut Pen<'_>,
        at: (&Message, usize),
        result: &ToolResult,
    ) -> Result<(), Refused> {
        let known = self.tools.get(result.id.as_str()).copied();
        let Some(name) = result.name.as_deref().or(known) else {
            let reason = "a result has to name its tool there, and no call has this id";
            return Err((self.chat).cannot_part(Dialect::Gemini, at, None, reason));
        };
        json.nested(|json| {
            json.key("functionResponse").nested(|json| {
                json.key("id").text(&result.id);
                json.key("name").text(name);
                put_response(json, result);
                let is_media = |part: &&Part| matches!(part, Part::Media(_));
                if !result.content.iter().any(|part| is_media(&part)) {
                    return Ok(());
                }
                json.key("parts").list(|json| {
                    for (inner, part) in result.content.iter().enumerate() {
                        if let Part::Media(media) = part {
                            self.put_media(json, at, Some(inner), media)?;
                        }
                    }
                    Ok(())
                })
            })
        })
    }
}

fn put_call(json: &mut Pen<'_>, call: &ToolCall, seal: Option<&str>) {
    json.nested(|json| {
        json.key("functionCall").nested(|json| {
            json.key("id").text(&call.id);
            json.key("name").text(&call.name);
            json.key("args").raw(call.arguments.as_str());
        });
        json.maybe_text("thoughtSignature", seal);
    });
}

/// The text of an object is that object; any other text stands under the name that is documented
/// for what came out, or for what went wrong.
fn put_response(json: &mut Pen<'_>, result: &ToolResult) {
    let text: String = (result.content.iter())
        .filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    match JsonText::object(&text).filter(|_| !result.is_error) {
        Some(object) => json.key("response").raw(object.as_str()),
        None => json.key("response").nested(|json| {
            let name = if result.is_error { "error" } else { "output" };
            json.key(name).text(&text);
        }),
    }
}
