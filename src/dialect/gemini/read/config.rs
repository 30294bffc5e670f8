//! The settings of a `generateContent` request.

use super::schema;
use crate::dialect::Refused;
use crate::dialect::chat::{Chat, Effort, Format, JsonText, Node, Reasoning};

/// Reads `generationConfig`.
pub(super) fn read(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    let (mut media_type, mut wanted) = (None, None);
    let fields = node.camel_fields()?;
    for field in &fields {
        match field.name() {
            "responseMimeType" => media_type = Some(field),
            "responseSchema" => wanted = Some(schema::json_schema(field)?),
            // The second one is the name that it had before it was official.
            "responseJsonSchema" | "_responseJsonSchema" | "ResponseJsonSchema" => {
                wanted = Some(field.object()?);
            }
            "thinkingConfig" => thinking(chat, field)?,
            _ => setting(chat, field)?,
        }
    }
    chat.format = format(media_type, wanted)?;
    Ok(())
}

fn setting(chat: &mut Chat, field: &Node<'_, '_>) -> Result<(), Refused> {
    let settings = &mut chat.settings;
    match field.name() {
        "maxOutputTokens" => settings.max_tokens = Some(field.whole()?),
        "temperature" => settings.temperature = Some(field.number()?),
        "topP" => settings.top_p = Some(field.number()?),
        "topK" => settings.top_k = Some(field.whole()?),
        "stopSequences" => settings.stop = field.texts()?,
        "seed" => settings.seed = Some(field.value("a whole number")?),
        "frequencyPenalty" => settings.frequency_penalty = Some(field.number()?),
        "presencePenalty" => settings.presence_penalty = Some(field.number()?),
        "candidateCount" => settings.n = Some(field.whole()?),
        "responseModalities" if field.texts()?.iter().all(|word| word == "TEXT") => {}
        "responseLogprobs" if field.raw().get() == "false" => {}
        _ => chat.note_foreign(field),
    }
    Ok(())
}

fn format(media_type: Option<&Node<'_, '_>>, schema: Option<JsonText>) -> Result<Format, Refused> {
    if let Some(schema) = schema {
        return Ok(Format::JsonSchema {
            name: None,
            description: None,
            schema,
            strict: Some(true),
        });
    }
    let Some(media_type) = media_type else {
        return Ok(Format::Text);
    };
    match media_type.text()?.as_str() {
        "application/json" => Ok(Format::JsonObject),
        "text/plain" => Ok(Format::Text),
        _ => Err(media_type.wrong(r#""text/plain" or "application/json""#)),
    }
}

fn thinking(chat: &mut Chat, node: &Node<'_, '_>) -> Result<(), Refused> {
    for field in node.camel_fields()? {
        match field.name() {
            "thinkingBudget" => {
                chat.reasoning = Some(match field.raw().get() {
                    "-1" => Reasoning::Adaptive,
                    "0" => Reasoning::Off,
                    _ => Reasoning::Budget(field.whole()?),
                });
            }
            "thinkingLevel" => {
                let effort = Effort::of(&field.text()?)
                    .ok_or_else(|| field.wrong(r#""MINIMAL", "LOW", "MEDIUM" or "HIGH""#))?;
                chat.reasoning = Some(Reasoning::Effort(effort));
            }
            "includeThoughts" => chat.show_thoughts = Some(field.flag()?),
            _ => chat.note_foreign(&field),
        }
    }
    Ok(())
}
