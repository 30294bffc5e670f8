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
    chat.format = format(chat, media_type, wanted)?;
    Ok(())
}

fn setting(chat: &mut Chat, field: &Node<'_, '_>) -> Result<(), Refused> {
    let settings = &mut chat.settings;
    match field.name() {
        "maxOutputTokens" => settings.max_tokens = Some(field.count()?),
        "temperature" => settings.temperature = Some(field.number_in(0.0, 2.0)?),
        "topP" => settings.top_p = Some(field.number_in(0.0, 1.0)?),
        "topK" => settings.top_k = Some(field.whole()?),
        "stopSequences" => settings.stop = field.texts()?,
        "seed" => settings.seed = Some(field.value("a whole number")?),
        "frequencyPenalty" => settings.frequency_penalty = Some(field.number_in(-2.0, 2.0)?),
        "presencePenalty" => settings.presence_penalty = Some(field.number_in(-2.0, 2.0)?),
        "candidateCount" => settings.n = Some(field.count()?),
        "responseModalities" if field.texts()?.iter().all(|word| word == "TEXT") => {}
        "responseLogprobs" if field.raw().get() == "false" => {}
        _ => chat.note_foreign(field),
    }
    Ok(())
}

fn format(
    chat: &mut Chat,
    media_type: Option<&Node<'_, '_>>,
    schema: Option<JsonText>,
) -> Result<Format, Refused> {
    let word = media_type.map(Node::text).transpose()?;
    if let Some(media_type) = media_type
        && !matches!(word.as_deref(), Some("application/json" | "text/plain"))
    {
        // One word of an enumeration, and what is new.
        chat.note_foreign(media_type);
    }
    if let Some(schema) = schema {
        return Ok(Format::JsonSchema {
            name: None,
            description: None,
            schema,
            strict: Some(true),
        });
    }
    Ok(match word.as_deref() {
        Some("application/json") => Format::JsonObject,
        _ => Format::Text,
    })
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
