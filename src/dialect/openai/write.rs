//! A [`Chat`] written as a chat completion request.
//!
//! What a user's message holds of tools' results becomes messages of the role `tool`, which stand
//! before the rest of it. Thoughts of earlier turns are left out: this API does not take them back.

use super::request::{put_bound, put_stream};
use crate::dialect::chat::{
    Chat, Effort, Format, Knob, Media, MediaKind, Message, NOT_FETCHED, Part, Reasoning, Role,
    Source, Tool, ToolCall, ToolChoice, ToolResult,
};
use crate::dialect::pen::Pen;
use crate::dialect::{Dialect, Refused};

/// Stop strings that a request may have.
const STOPS: usize = 4;

/// Appends the body that asks `model` to continue `chat`.
///
/// A stream always asks for its usage: a call without it could not be charged to anyone.
///
/// # Errors
/// This dialect has no words for something in it.
pub fn write_chat(
    out: &mut Vec<u8>,
    chat: &Chat,
    model: &str,
    stream: bool,
) -> Result<(), Refused> {
    chat.check_common(Dialect::OpenAi)?;
    if chat.system.is_empty() && chat.messages.is_empty() {
        return Err(chat.nothing_said(Dialect::OpenAi));
    }
    Pen::object(out, |json| {
        json.key("model").text(model);
        json.key("messages").list(|json| {
            for text in &chat.system {
                json.nested(|json| {
                    json.key("role").text("system");
                    json.key("content").text(text);
                });
            }
            (chat.messages.iter()).try_for_each(|message| put_message(json, chat, message))
        })?;
        put_tools(json, chat);
        put_settings(json, chat, model)?;
        put_format(json, &chat.format);
        put_effort(json, chat.reasoning);
        json.maybe_text("user", chat.user.as_deref());
        if stream {
            put_stream(json);
        }
        Ok(())
    })
}

fn cannot(chat: &Chat, at: (&Message, usize), inner: Option<usize>, reason: &str) -> Refused {
    chat.cannot_part(Dialect::OpenAi, at, inner, reason)
}

fn put_message(json: &mut Pen<'_>, chat: &Chat, message: &Message) -> Result<(), Refused> {
    if message.role == Role::Assistant {
        return put_answer(json, chat, message);
    }
    let mut rest = 0;
    for (place, part) in message.parts.iter().enumerate() {
        match part {
            Part::ToolResult(result) => put_result(json, chat, (message, place), result)?,
            _ => rest += 1,
        }
    }
    if rest == 0 && !message.parts.is_empty() {
        return Ok(());
    }
    json.nested(|json| {
        json.key("role").text("user");
        json.key("content");
        match message.parts.as_slice() {
            // A list of nothing is refused there.
            [] => {
                json.text("");
                return Ok(());
            }
            [Part::Text(text)] => {
                json.text(text);
                return Ok(());
            }
            _ => {}
        }
        json.list(|json| {
            for (place, part) in message.parts.iter().enumerate() {
                match part {
                    Part::Text(text) => put_text(json, text),
                    Part::Media(media) => put_media(json, chat, (message, place), media)?,
                    Part::ToolResult(_) => {}
                    Part::ToolCall(_) | Part::Thinking { .. } => {
                        let reason = "only the model thinks and calls";
                        return Err(cannot(chat, (message, place), None, reason));
                    }
                }
            }
            Ok(())
        })
    })
}

fn put_text(json: &mut Pen<'_>, text: &str) {
    json.nested(|json| {
        json.key("type").text("text");
        json.key("text").text(text);
    });
}

fn put_media(
    json: &mut Pen<'_>,
    chat: &Chat,
    at: (&Message, usize),
    media: &Media,
) -> Result<(), Refused> {
    let cannot = |reason| Err(cannot(chat, at, None, reason));
    match (media.kind, &media.source) {
        (MediaKind::Image, source) if source.is_off_the_web() => return cannot(NOT_FETCHED),
        (MediaKind::Image, source) => put_named(json, "image_url", |json| {
            json.key("url").text(&address(source));
            json.maybe_text("detail", media.detail.as_deref());
        }),
        (MediaKind::Document, Source::Inline { media_type, .. })
            if media_type.starts_with("video/") =>
        {
            return cannot("it does not watch films");
        }
        (MediaKind::Document, source @ Source::Inline { .. }) => put_named(json, "file", |json| {
            let name = media.name.as_deref().unwrap_or("document");
            json.key("filename").text(name);
            json.key("file_data").text(&address(source));
        }),
        (MediaKind::Audio, Source::Inline { media_type, data }) => {
            let format = match media_type.as_str() {
                "audio/wav" | "audio/x-wav" | "audio/wave" => "wav",
                "audio/mp3" | "audio/mpeg" => "mp3",
                _ => return cannot("sound has to be WAV or MP3"),
            };
            put_named(json, "input_audio", |json| {
                json.key("data").text(data);
                json.key("format").text(format);
            });
        }
        (MediaKind::Document | MediaKind::Audio, Source::Url { .. }) => {
            return cannot("it takes documents and sound in the request, not by address");
        }
    }
    Ok(())
}

fn put_named(json: &mut Pen<'_>, kind: &str, fill: impl FnOnce(&mut Pen<'_>)) {
    json.nested(|json| {
        json.key("type").text(kind);
        json.key(kind).nested(fill);
    });
}

fn address(source: &Source) -> String {
    match source {
        Source::Inline { media_type, data } => format!("data:{media_type};base64,{data}"),
        Source::Url { url, .. } => url.clone(),
    }
}

fn put_result(
    json: &mut Pen<'_>,
    chat: &Chat,
    at: (&Message, usize),
    result: &ToolResult,
) -> Result<(), Refused> {
    json.nested(|json| {
        json.key("role").text("tool");
        json.key("tool_call_id").text(&result.id);
        json.key("content");
        match result.content.as_slice() {
            [] => json.text(""),
            [Part::Text(text)] => json.text(text),
            parts => {
                return json.list(|json| {
                    for (inner, part) in parts.iter().enumerate() {
                        let Part::Text(text) = part else {
                            let reason = "what a tool says can only be text";
                            return Err(cannot(chat, at, Some(inner), reason));
                        };
                        put_text(json, text);
                    }
                    Ok(())
                });
            }
        }
        Ok(())
    })
}

fn put_answer(json: &mut Pen<'_>, chat: &Chat, message: &Message) -> Result<(), Refused> {
    let mut texts: Vec<&str> = Vec::new();
    let mut calls: Vec<&ToolCall> = Vec::new();
    for (place, part) in message.parts.iter().enumerate() {
        match part {
            Part::Text(text) => texts.push(text),
            Part::ToolCall(call) => calls.push(call),
            Part::Thinking { .. } => {}
            Part::Media(_) | Part::ToolResult(_) => {
                let reason = "what the model said can only be text and calls of tools";
                return Err(cannot(chat, (message, place), None, reason));
            }
        }
    }
    json.nested(|json| {
        json.key("role").text("assistant");
        json.key("content");
        match texts.as_slice() {
            [] if calls.is_empty() => json.text(""),
            [] => json.null(),
            [text] => json.text(text),
            texts => json.list(|json| texts.iter().for_each(|text| put_text(json, text))),
        }
        if !calls.is_empty() {
            let list = json.key("tool_calls");
            list.list(|json| calls.iter().for_each(|call| put_call(json, call)));
        }
    });
    Ok(())
}

fn put_call(json: &mut Pen<'_>, call: &ToolCall) {
    json.nested(|json| {
        json.key("id").text(&call.id);
        json.key("type").text("function");
        json.key("function").nested(|json| {
            json.key("name").text(&call.name);
            json.key("arguments").text(call.arguments.as_str());
        });
    });
}

fn put_tools(json: &mut Pen<'_>, chat: &Chat) {
    if chat.tools.is_empty() {
        return;
    }
    json.key("tools").list(|json| {
        for tool in &chat.tools {
            put_tool(json, tool);
        }
    });
    match &chat.tool_choice {
        ToolChoice::Auto => {}
        ToolChoice::None => json.key("tool_choice").text("none"),
        ToolChoice::Required => json.key("tool_choice").text("required"),
        ToolChoice::Named(name) => json.key("tool_choice").nested(|json| {
            json.key("type").text("function");
            let function = json.key("function");
            function.nested(|json| json.key("name").text(name));
        }),
    }
    if let Some(parallel) = chat.parallel_tool_calls {
        json.key("parallel_tool_calls").flag(parallel);
    }
}

fn put_tool(json: &mut Pen<'_>, tool: &Tool) {
    json.nested(|json| {
        json.key("type").text("function");
        json.key("function").nested(|json| {
            json.key("name").text(&tool.name);
            json.maybe_text("description", tool.description.as_deref());
            if let Some(schema) = &tool.parameters {
                json.key("parameters").raw(schema.as_str());
            }
            if let Some(strict) = tool.strict {
                json.key("strict").flag(strict);
            }
        });
    });
}

fn put_settings(json: &mut Pen<'_>, chat: &Chat, model: &str) -> Result<(), Refused> {
    let settings = &chat.settings;
    if settings.top_k.is_some() {
        let reason = "tokens cannot be drawn from the k best";
        return Err(chat.cannot(Dialect::OpenAi, Knob::TopK, reason));
    }
    if settings.stop.len() > STOPS {
        let reason = "at most four stop strings";
        return Err(chat.cannot(Dialect::OpenAi, Knob::Stop, reason));
    }
    put_bound(json, model, settings.max_tokens);
    json.maybe_number("temperature", settings.temperature);
    json.maybe_number("top_p", settings.top_p);
    if !settings.stop.is_empty() {
        let stop = json.key("stop");
        stop.list(|json| settings.stop.iter().for_each(|text| json.text(text)));
    }
    if let Some(seed) = settings.seed {
        json.key("seed").raw(itoa::Buffer::new().format(seed));
    }
    json.maybe_number("frequency_penalty", settings.frequency_penalty);
    json.maybe_number("presence_penalty", settings.presence_penalty);
    Ok(())
}

fn put_format(json: &mut Pen<'_>, format: &Format) {
    match format {
        Format::Text => {}
        Format::JsonObject => {
            let format = json.key("response_format");
            format.nested(|json| json.key("type").text("json_object"));
        }
        Format::JsonSchema {
            name,
            description,
            schema,
            strict,
        } => json.key("response_format").nested(|json| {
            json.key("type").text("json_schema");
            json.key("json_schema").nested(|json| {
                // The others do without a name; here there has to be one.
                json.key("name").text(name.as_deref().unwrap_or("answer"));
                json.maybe_text("description", description.as_deref());
                json.key("schema").raw(schema.as_str());
                if let Some(strict) = strict {
                    json.key("strict").flag(*strict);
                }
            });
        }),
    }
}

fn put_effort(json: &mut Pen<'_>, reasoning: Option<Reasoning>) {
    let word = match reasoning {
        // Seeing fit is what its models do unless told otherwise.
        None | Some(Reasoning::Adaptive) => return,
        Some(Reasoning::Off) => "none",
        Some(Reasoning::Effort(effort)) => effort.as_str(),
        Some(Reasoning::Budget(tokens)) => Effort::of_budget(tokens).as_str(),
    };
    json.key("reasoning_effort").text(word);
}
