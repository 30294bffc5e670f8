//! The vendors' routes: their rows of the table and their schemas.
//!
//! What their bodies may hold is for the vendors to say; here stands what every one of them has.

use serde_json::{Value, json};

use super::table::{Answer, CACHE, CHATS, EVENTS, In, JSON, KEY, Operation, PLAIN, Parameter};

const MODEL: Parameter = Parameter {
    name: "model",
    place: In::Path,
    text: "The model: an alias, `provider/model`, or a model of the default provider.",
    schema: "ModelName",
};

const ALT: Parameter = Parameter {
    name: "alt",
    place: In::NeededQuery,
    text: "How the stream is written.",
    schema: "ServerSentEvents",
};

const WHOLE: Answer = Answer {
    status: 200,
    text: "The answer, in the vendor's shape.",
    content: &[(JSON, "ChatAnswer")],
};

const EITHER: Answer = Answer {
    status: 200,
    text: "The answer, in the vendor's shape; with `stream` as events.",
    content: &[(JSON, "ChatAnswer"), (EVENTS, "ChatEvent")],
};

const STREAM: Answer = Answer {
    status: 200,
    text: "The answer as events, in the vendor's shape.",
    content: &[(EVENTS, "ChatEvent")],
};

/// A row without path, summary, body and answers.
const CHAT: Operation = Operation {
    method: "post",
    tag: CHATS,
    parameters: &[KEY, CACHE],
    errors: "ChatError",
    ..PLAIN
};

/// The rows.
pub(super) const OPERATIONS: [Operation; 4] = [
    Operation {
        id: "chat",
        path: "/v1/chat/completions",
        summary: "A chat, as OpenAI's clients ask for it",
        body: Some((JSON, "ChatRequest")),
        answers: &[EITHER],
        ..CHAT
    },
    Operation {
        id: "messages",
        path: "/v1/messages",
        summary: "A chat, as Anthropic's clients ask for it",
        body: Some((JSON, "MessagesRequest")),
        answers: &[EITHER],
        ..CHAT
    },
    Operation {
        id: "content",
        path: "/v1beta/models/{model}:generateContent",
        summary: "A chat, as Gemini's clients ask for it; `/v1` is taken as well",
        parameters: &[MODEL, KEY, CACHE],
        body: Some((JSON, "ContentsRequest")),
        answers: &[WHOLE],
        ..CHAT
    },
    Operation {
        id: "contents_stream",
        path: "/v1beta/models/{model}:streamGenerateContent",
        summary: "The same as a stream",
        parameters: &[MODEL, ALT, KEY, CACHE],
        body: Some((JSON, "ContentsRequest")),
        answers: &[STREAM],
        ..CHAT
    },
];

/// The schemas.
pub(super) fn schemas() -> Value {
    let name = json!({"$ref": "#/components/schemas/ModelName"});
    let words = json!({"type": "string", "pattern": "^[^\\u0000]*$"});
    let message = |role: &[&str]| {
        json!({
            "type": "object",
            "required": ["role", "content"],
            "properties": {"role": {"enum": role}, "content": words},
        })
    };
    let chat = |roles: &[&str], required: &[&str]| {
        json!({
            "type": "object",
            "required": required,
            "properties": {
                "model": name,
                "messages": {"type": "array", "minItems": 1, "items": message(roles)},
                "max_tokens": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
                "stream": {"type": ["boolean", "null"]},
            },
        })
    };
    let part = json!({"type": "object", "required": ["text"], "properties": {"text": words}});
    let content = json!({
        "type": "object",
        "required": ["role", "parts"],
        "properties": {
            "role": {"enum": ["user", "model"]},
            "parts": {"type": "array", "minItems": 1, "items": part},
        },
    });
    json!({
        "ServerSentEvents": {"enum": ["sse"]},
        "ChatRequest": chat(&["system", "user", "assistant"], &["model", "messages"]),
        "MessagesRequest": chat(&["user", "assistant"], &["model", "messages", "max_tokens"]),
        "ContentsRequest": {
            "type": "object",
            "required": ["contents"],
            "properties": {"contents": {"type": "array", "minItems": 1, "items": content}},
        },
        "ChatAnswer": {"type": "object"},
        "ChatEvent": {
            "type": "object",
            "required": ["data"],
            "properties": {
                "event": {"type": "string"},
                "data": {"type": "string", "description": "As the vendor's API has it."},
            },
        },
        "ChatError": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {"type": "object", "required": ["message"]},
                "type": {"enum": ["error"]},
                "request_id": {"type": "string"},
            },
        },
    })
}
