//! A [`Chat`] written as a `generateContent` request.
//!
//! The contents are in `gemini/write/content.rs`; here are tools and settings. The model and
//! whether to stream stand in the path.

mod content;

use crate::dialect::chat::{Chat, Effort, Format, Knob, Reasoning, ToolChoice};
use crate::dialect::pen::Pen;
use crate::dialect::{Dialect, Refused};

/// Stop strings that a request may have.
const STOPS: usize = 5;

/// Appends the body that asks `model` to continue `chat`.
///
/// # Errors
/// This dialect has no words for something in it.
pub fn write_chat(out: &mut Vec<u8>, chat: &Chat, model: &str) -> Result<(), Refused> {
    chat.check_common(Dialect::Gemini)?;
    chat.check_description(Dialect::Gemini)?;
    Pen::object(out, |json| {
        content::put(json, chat, is_third(model))?;
        put_tools(json, chat)?;
        put_settings(json, chat, model)
    })
}

/// Whether a model is of the third generation, which counts thoughts in degrees and wants seals on
/// calls.
fn is_third(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    name.starts_with("gemini-3")
}

fn put_tools(json: &mut Pen<'_>, chat: &Chat) -> Result<(), Refused> {
    if chat.tools.is_empty() {
        return Ok(());
    }
    if chat.parallel_tool_calls == Some(false) {
        let reason = "the model calls as many tools at once as it likes";
        return Err(chat.cannot(Dialect::Gemini, Knob::ParallelToolCalls, reason));
    }
    json.key("tools").list(|json| {
        json.nested(|json| {
            json.key("functionDeclarations").list(|json| {
                for tool in &chat.tools {
                    json.nested(|json| {
                        json.key("name").text(&tool.name);
                        json.maybe_text("description", tool.description.as_deref());
                        if let Some(schema) = &tool.parameters {
                            json.key("parametersJsonSchema").raw(schema.as_str());
                        }
                    });
                }
            });
        });
    });
    let mode = match &chat.tool_choice {
        // Arguments that fit their schema: `ANY` promises them, and so does this.
        ToolChoice::Auto if chat.tools.iter().any(|tool| tool.strict == Some(true)) => "VALIDATED",
        ToolChoice::Auto => return Ok(()),
        ToolChoice::None => "NONE",
        ToolChoice::Required | ToolChoice::Named(_) => "ANY",
    };
    json.key("toolConfig").nested(|json| {
        json.key("functionCallingConfig").nested(|json| {
            json.key("mode").text(mode);
            if let ToolChoice::Named(name) = &chat.tool_choice {
                json.key("allowedFunctionNames")
                    .list(|json| json.text(name));
            }
        });
    });
    Ok(())
}

fn put_settings(json: &mut Pen<'_>, chat: &Chat, model: &str) -> Result<(), Refused> {
    let settings = &chat.settings;
    if settings.stop.len() > STOPS {
        let reason = "at most five stop strings";
        return Err(chat.cannot(Dialect::Gemini, Knob::Stop, reason));
    }
    if settings
        .seed
        .is_some_and(|seed| i32::try_from(seed).is_err())
    {
        let reason = "it has to fit 32 bits there";
        return Err(chat.cannot(Dialect::Gemini, Knob::Seed, reason));
    }
    json.key("generationConfig").nested(|json| {
        json.maybe_whole("maxOutputTokens", settings.max_tokens);
        json.maybe_number("temperature", settings.temperature);
        json.maybe_number("topP", settings.top_p);
        json.maybe_whole("topK", settings.top_k);
        if !settings.stop.is_empty() {
            let stop = json.key("stopSequences");
            stop.list(|json| settings.stop.iter().for_each(|text| json.text(text)));
        }
        if let Some(seed) = settings.seed {
            json.key("seed").raw(itoa::Buffer::new().format(seed));
        }
        json.maybe_number("frequencyPenalty", settings.frequency_penalty);
        json.maybe_number("presencePenalty", settings.presence_penalty);
        if chat.format != Format::Text {
            json.key("responseMimeType").text("application/json");
        }
        if let Format::JsonSchema { schema, .. } = &chat.format {
            json.key("responseJsonSchema").raw(schema.as_str());
        }
        put_thinking(json, chat, model);
    });
    Ok(())
}

fn put_thinking(json: &mut Pen<'_>, chat: &Chat, model: &str) {
    // Anthropic's clients see thoughts unless they say otherwise.
    let by_default = chat.from == Dialect::Anthropic
        && matches!(
            chat.reasoning,
            Some(Reasoning::Budget(_) | Reasoning::Adaptive)
        );
    let shown = chat.show_thoughts.or(by_default.then_some(true));
    if chat.reasoning.is_none() && shown.is_none() {
        return;
    }
    json.key("thinkingConfig").nested(|json| {
        match chat.reasoning {
            None => {}
            Some(Reasoning::Off) => json.key("thinkingBudget").whole(0),
            Some(Reasoning::Adaptive) => json.key("thinkingBudget").raw("-1"),
            Some(Reasoning::Budget(tokens)) => json.key("thinkingBudget").whole(tokens),
            Some(Reasoning::Effort(effort)) if is_third(model) => {
                json.key("thinkingLevel").text(level(effort));
            }
            Some(Reasoning::Effort(effort)) => json.key("thinkingBudget").whole(effort.budget()),
        }
        if let Some(shown) = shown {
            json.key("includeThoughts").flag(shown);
        }
    });
}

const fn level(effort: Effort) -> &'static str {
    match effort {
        Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        Effort::High | Effort::Xhigh | Effort::Max => "HIGH",
    }
}
