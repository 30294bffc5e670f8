//! What is written in any dialect is read back as what it was.

use proptest::prelude::*;

use super::written::{CONVERSATION, chat_of, written};
use super::*;
use crate::dialect::chat::{
    Format, JsonText, Media, MediaKind, Message, Part, Role, Source, Tool, ToolCall, ToolChoice,
    ToolResult,
};

const ALL: [Dialect; 3] = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini];

/// Equal up to what does not survive by its nature: where it came from, the places in the list,
/// how messages of one side were split, and names of shapes.
fn essence(mut chat: Chat) -> Chat {
    chat.from = Dialect::OpenAi;
    chat.model = String::new();
    chat.include_usage = false;
    chat.reasoning = None;
    chat.user = None;
    let mut messages: Vec<Message> = Vec::new();
    for mut message in chat.messages {
        for part in &mut message.parts {
            if let Part::ToolResult(result) = part {
                result.name = None;
            }
        }
        match messages.last_mut() {
            Some(last) if last.role == message.role => last.parts.append(&mut message.parts),
            _ => messages.push(Message { at: 0, ..message }),
        }
    }
    chat.messages = messages;
    if let Format::JsonSchema { name, strict, .. } = &mut chat.format {
        *name = None;
        *strict = Some(true);
    }
    for tool in &mut chat.tools {
        tool.parameters
            .get_or_insert_with(|| JsonText::object(r#"{"type":"object"}"#).unwrap());
    }
    chat
}

#[test]
fn from_each_to_each_and_back() {
    let chat = chat_of(Dialect::OpenAi, CONVERSATION);
    for first in ALL {
        let there = chat_of(first, &written(first, &chat, "m", false));
        assert_eq!(essence(there.clone()), essence(chat.clone()), "{first:?}");
        for second in ALL {
            let back = chat_of(second, &written(second, &there, "m", false));
            assert_eq!(essence(back), essence(chat.clone()), "{first:?} {second:?}");
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| format!("t{}", text.replace('\0', "")))
}

fn part(role: Role) -> impl Strategy<Value = Part> {
    let said = text().prop_map(Part::Text);
    let other = (text(), 0..4u8).prop_map(move |(text, id)| {
        let id = format!("id_{id}");
        match role {
            Role::User if text.len() % 2 == 0 => Part::Media(Media {
                kind: MediaKind::Image,
                source: Source::Inline {
                    media_type: "image/png".into(),
                    data: "iVBO".into(),
                },
                name: None,
                detail: None,
            }),
            Role::User => Part::ToolResult(ToolResult {
                id,
                name: Some("f".into()),
                content: vec![Part::Text(text)],
                is_error: false,
            }),
            Role::Assistant => Part::ToolCall(ToolCall {
                id,
                name: "f".into(),
                arguments: JsonText::object(&format!(
                    "{{\"a\":{}}}",
                    serde_json::to_string(&text).unwrap()
                ))
                .unwrap(),
                signature: None,
            }),
        }
    });
    prop_oneof![said, other]
}

/// Results first, then the rest; text of the model before its calls: in this order all three say
/// it.
fn message(role: Role) -> impl Strategy<Value = Message> {
    proptest::collection::vec(part(role), 1..4).prop_map(move |mut parts| {
        parts.sort_by_key(|part| match part {
            Part::ToolResult(_) => 0,
            Part::ToolCall(_) => 2,
            _ => 1,
        });
        Message { at: 0, role, parts }
    })
}

proptest! {
    #[test]
    fn any_conversation_survives_each_dialect(
        system in proptest::option::of(text()),
        turns in proptest::collection::vec((message(Role::User), message(Role::Assistant)), 1..4),
    ) {
        let mut chat = Chat::new(Dialect::OpenAi, "m");
        chat.system.extend(system);
        chat.messages = turns.into_iter().flat_map(|(user, model)| [user, model]).collect();
        chat.settings.max_tokens = Some(9);
        chat.tools.push(Tool { name: "f".into(), description: None, parameters: None, strict: None });
        chat.tool_choice = ToolChoice::Named("f".into());
        for dialect in ALL {
            let back = chat_of(dialect, &written(dialect, &chat, "m", false));
            prop_assert_eq!(essence(back), essence(chat.clone()), "{:?}", dialect);
        }
    }
}

proptest! {
    #[test]
    fn changed_bytes_are_refused_or_understood_by_all(
        dialect in 0..3_usize,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let dialect = ALL[dialect];
        let chat = chat_of(Dialect::OpenAi, CONVERSATION);
        let mut body = written(dialect, &chat, "m", false).into_bytes();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        let path = Some(("m", false));
        let Ok(chat) = dialect.read_chat(&body, path) else {
            return Ok(());
        };
        for to in ALL {
            let mut out = Vec::new();
            if to.write_chat(&mut out, &chat, "m", false).is_ok() {
                prop_assert!(to.read_chat(&out, path).is_ok());
            }
        }
        prop_assert!(Skim::read(dialect, &body, path).is_ok());
    }
}

#[test]
fn a_chat_survives_a_recording() {
    let chat = chat_of(Dialect::OpenAi, CONVERSATION);
    let recorded = serde_json::to_string(&chat).unwrap();
    assert_eq!(serde_json::from_str::<Chat>(&recorded).unwrap(), chat);
}
