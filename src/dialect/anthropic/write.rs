//! A [`Chat`] written as a messages request.
//!
//! Messages of the same side that follow each other become one, so that the results of several
//! calls stand in the one message after them, as this API wants. Empty texts are left out; it
//! refuses them. So are thoughts without a seal, for which it has no use.

use std::borrow::Cow;

use super::DEFAULT_MAX_TOKENS;
use crate::dialect::chat::{
    Chat, Effort, Format, Knob, Media, MediaKind, Message, NOT_FETCHED, Part, Reasoning, Role,
    Source, Tool, ToolChoice, ToolResult,
};
use crate::dialect::pen::Pen;
use crate::dialect::{Dialect, Refused};

/// Tokens to think, at least.
const LEAST_BUDGET: u64 = 1024;

/// Appends the body that asks `model` to continue `chat`.
///
/// # Errors
/// This dialect has no words for something in it.
pub fn write_chat(
    out: &mut Vec<u8>,
    chat: &Chat,
    model: &str,
    stream: bool,
) -> Result<(), Refused> {
    chat.check_common(Dialect::Anthropic)?;
    chat.check_description(Dialect::Anthropic)?;
    Pen::object(out, |json| {
        json.key("model").text(model);
        json.key("max_tokens").whole(most_tokens(chat));
        put_system(json, &chat.system);
        json.key("messages").list(|json| put_messages(json, chat))?;
        put_tools(json, chat);
        put_settings(json, chat)?;
        put_thinking(json, chat)?;
        put_output(json, chat)?;
        if let Some(user) = &chat.user {
            let metadata = json.key("metadata");
            metadata.nested(|json| json.key("user_id").text(user));
        }
        if stream {
            json.key("stream").flag(true);
        }
        Ok(())
    })
}

/// The bound on the answer, which has to be there. Thoughts are part of it.
fn most_tokens(chat: &Chat) -> u64 {
    let thoughts = match chat.reasoning {
        Some(Reasoning::Budget(tokens)) => tokens.max(LEAST_BUDGET),
        _ => 0,
    };
    let usual = u64::from(DEFAULT_MAX_TOKENS).saturating_add(thoughts);
    chat.settings.max_tokens.unwrap_or(usual)
}

fn put_system(json: &mut Pen<'_>, system: &[String]) {
    let mut texts = system.iter().filter(|text| !text.is_empty());
    match (texts.next(), texts.next()) {
        (None, _) => {}
        (Some(text), None) => json.key("system").text(text),
        (Some(_), Some(_)) => json.key("system").list(|json| {
            for text in system.iter().filter(|text| !text.is_empty()) {
                put_text(json, text);
            }
        }),
    }
}

fn put_text(json: &mut Pen<'_>, text: &str) {
    json.nested(|json| {
        json.key("type").text("text");
        json.key("text").text(text);
    });
}

/// Whether a part is worth a block.
fn says_something(part: &Part) -> bool {
    match part {
        Part::Text(text) => !text.is_empty(),
        Part::Thinking { signature, .. } => signature.is_some(),
        Part::Media(_) | Part::ToolCall(_) | Part::ToolResult(_) => true,
    }
}

fn put_messages(json: &mut Pen<'_>, chat: &Chat) -> Result<(), Refused> {
    let said = |message: &&Message| message.parts.iter().any(says_something);
    let messages: Vec<&Message> = chat.messages.iter().filter(said).collect();
    if messages.is_empty() {
        return Err(chat.nothing_said(Dialect::Anthropic));
    }
    for turn in messages.chunk_by(|a, b| a.role == b.role) {
        json.nested(|json| {
            json.key("role").text(match turn[0].role {
                Role::User => "user",
                Role::Assistant => "assistant",
            });
            json.key("content");
            if let [Message { parts, .. }] = turn
                && let [Part::Text(text)] = parts.as_slice()
            {
                json.text(text);
                return Ok(());
            }
            json.list(|json| put_turn(json, chat, turn))
        })?;
    }
    Ok(())
}

fn put_turn(json: &mut Pen<'_>, chat: &Chat, turn: &[&Message]) -> Result<(), Refused> {
    for message in turn {
        let parts = message.parts.iter().enumerate();
        for (place, part) in parts.filter(|(_, part)| says_something(part)) {
            let at = (*message, place);
            match part {
                Part::Text(text) => put_text(json, text),
                Part::Media(media) => put_media(json, chat, at, None, media)?,
                Part::ToolCall(call) => json.nested(|json| {
                    json.key("type").text("tool_use");
                    json.key("id").text(&legal_id(&call.id));
                    json.key("name").text(&call.name);
                    json.key("input").raw(call.arguments.as_str());
                }),
                Part::ToolResult(result) => put_result(json, chat, at, result)?,
                Part::Thinking { text, signature } => json.nested(|json| {
                    json.key("type").text("thinking");
                    json.key("thinking").text(text);
                    json.maybe_text("signature", signature.as_deref());
                }),
            }
        }
    }
    Ok(())
}

/// Ids of calls may have letters, digits, `_` and `-` here. Other servers make them up more
/// freely; a call and its result are changed alike, so they still belong together.
fn legal_id(id: &str) -> Cow<'_, str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if id.chars().all(legal) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(id.chars().map(|c| if legal(c) { c } else { '_' }).collect())
}

fn put_result(
    json: &mut Pen<'_>,
    chat: &Chat,
    at: (&Message, usize),
    result: &ToolResult,
) -> Result<(), Refused> {
    json.nested(|json| {
        json.key("type").text("tool_result");
        json.key("tool_use_id").text(&legal_id(&result.id));
        match result.content.as_slice() {
            [] => {}
            [Part::Text(text)] => json.key("content").text(text),
            parts => json.key("content").list(|json| {
                for (inner, part) in parts.iter().enumerate() {
                    match part {
                        Part::Text(text) if text.is_empty() => {}
                        Part::Text(text) => put_text(json, text),
                        Part::Media(media) => put_media(json, chat, at, Some(inner), media)?,
                        Part::ToolCall(_) | Part::ToolResult(_) | Part::Thinking { .. } => {
                            let reason = "what a tool says can only be text and media";
                            return Err(chat.cannot_part(
                                Dialect::Anthropic,
                                at,
                                Some(inner),
                                reason,
                            ));
                        }
                    }
                }
                Ok(())
            })?,
        }
        if result.is_error {
            json.key("is_error").flag(true);
        }
        Ok(())
    })
}

fn put_media(
    json: &mut Pen<'_>,
    chat: &Chat,
    at: (&Message, usize),
    inner: Option<usize>,
    media: &Media,
) -> Result<(), Refused> {
    let cannot = |reason| Err(chat.cannot_part(Dialect::Anthropic, at, inner, reason));
    let kind = match (media.kind, &media.source) {
        (MediaKind::Audio, _) => return cannot("it does not listen to sound"),
        (_, source) if source.is_off_the_web() => return cannot(NOT_FETCHED),
        (MediaKind::Image, _) => "image",
        (MediaKind::Document, Source::Inline { media_type, .. })
            if media_type != "application/pdf" =>
        {
            return cannot("documents have to be PDF");
        }
        (MediaKind::Document, _) => "document",
    };
    json.nested(|json| {
        json.key("type").text(kind);
        json.key("source").nested(|json| match &media.source {
            Source::Inline { media_type, data } => {
                json.key("type").text("base64");
                json.key("media_type").text(media_type);
                json.key("data").text(data);
            }
            Source::Url { url, .. } => {
                json.key("type").text("url");
                json.key("url").text(url);
            }
        });
        if media.kind == MediaKind::Document {
            json.maybe_text("title", media.name.as_deref());
        }
    });
    Ok(())
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
    let parallel = chat.parallel_tool_calls;
    if chat.tool_choice == ToolChoice::Auto && parallel.is_none() {
        return;
    }
    json.key("tool_choice").nested(|json| {
        json.key("type").text(match chat.tool_choice {
            ToolChoice::Auto => "auto",
            ToolChoice::None => "none",
            ToolChoice::Required => "any",
            ToolChoice::Named(_) => "tool",
        });
        if let ToolChoice::Named(name) = &chat.tool_choice {
            json.key("name").text(name);
        }
        if let Some(parallel) = parallel
            && chat.tool_choice != ToolChoice::None
        {
            json.key("disable_parallel_tool_use").flag(!parallel);
        }
    });
}

fn put_tool(json: &mut Pen<'_>, tool: &Tool) {
    json.nested(|json| {
        json.key("name").text(&tool.name);
        json.maybe_text("description", tool.description.as_deref());
        let schema = tool.parameters.as_ref();
        json.key("input_schema")
            .raw(schema.map_or(r#"{"type":"object"}"#, |schema| schema.as_str()));
        if let Some(strict) = tool.strict {
            json.key("strict").flag(strict);
        }
    });
}

fn put_settings(json: &mut Pen<'_>, chat: &Chat) -> Result<(), Refused> {
    let settings = &chat.settings;
    let is_set = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
    let cannot = |knob, reason| Err(chat.cannot(Dialect::Anthropic, knob, reason));
    if settings.temperature.is_some_and(|t| t > 1.0) {
        return cannot(Knob::Temperature, "it goes from 0 to 1 there");
    }
    if settings.seed.is_some() {
        return cannot(Knob::Seed, "chance cannot be repeated there");
    }
    if is_set(settings.frequency_penalty) {
        return cannot(Knob::FrequencyPenalty, "it has no penalties");
    }
    if is_set(settings.presence_penalty) {
        return cannot(Knob::PresencePenalty, "it has no penalties");
    }
    if settings.stop.iter().any(|text| text.trim().is_empty()) {
        return cannot(Knob::Stop, "white space alone stops nothing there");
    }
    json.maybe_number("temperature", settings.temperature);
    json.maybe_number("top_p", settings.top_p);
    json.maybe_whole("top_k", settings.top_k);
    if !settings.stop.is_empty() {
        let stop = json.key("stop_sequences");
        stop.list(|json| settings.stop.iter().for_each(|text| json.text(text)));
    }
    Ok(())
}

fn put_thinking(json: &mut Pen<'_>, chat: &Chat) -> Result<(), Refused> {
    let (kind, budget) = match chat.reasoning {
        None | Some(Reasoning::Effort(_)) => return Ok(()),
        Some(Reasoning::Off) => ("disabled", None),
        Some(Reasoning::Adaptive) => ("adaptive", None),
        Some(Reasoning::Budget(tokens)) => ("enabled", Some(tokens.max(LEAST_BUDGET))),
    };
    if budget.is_some_and(|budget| budget >= most_tokens(chat)) {
        let reason = "it has to be less than the tokens of the answer there, and at least 1024";
        return Err(chat.cannot(Dialect::Anthropic, Knob::ThinkingBudget, reason));
    }
    json.key("thinking").nested(|json| {
        json.key("type").text(kind);
        json.maybe_whole("budget_tokens", budget);
        if let Some(shown) = chat.show_thoughts
            && kind != "disabled"
        {
            let word = if shown { "summarized" } else { "omitted" };
            json.key("display").text(word);
        }
    });
    Ok(())
}

/// The shape of the answer and the degree of effort, which share a field.
fn put_output(json: &mut Pen<'_>, chat: &Chat) -> Result<(), Refused> {
    let effort = match chat.reasoning {
        // There is nothing below `low`.
        Some(Reasoning::Effort(effort)) => Some(effort.max(Effort::Low)),
        _ => None,
    };
    let schema = match &chat.format {
        Format::Text => None,
        Format::JsonSchema { schema, .. } => Some(schema),
        Format::JsonObject => {
            let reason = "JSON has to come with a schema there";
            return Err(chat.cannot(Dialect::Anthropic, Knob::Format, reason));
        }
    };
    if effort.is_none() && schema.is_none() {
        return Ok(());
    }
    json.key("output_config").nested(|json| {
        json.maybe_text("effort", effort.map(Effort::as_str));
        if let Some(schema) = schema {
            json.key("format").nested(|json| {
                json.key("type").text("json_schema");
                json.key("schema").raw(schema.as_str());
            });
        }
    });
    Ok(())
}
