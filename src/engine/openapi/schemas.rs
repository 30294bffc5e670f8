//! The schemas: what is taken and what is answered, within the bounds of [`crate::limits`].

use serde_json::{Map, Value, json};

use super::code_words;
use crate::config::{Config, OFFLINE};
use crate::engine::policy::prefer::Figure;
use crate::limits::jobs::JOB_ITEMS;
use crate::limits::{
    BATCH_TOPICS, CANDIDATES, CONTENT_CHARS, GENERATION_BYTES, KEY_BYTES, KEYWORDS, MAX_TOKENS,
    NAME_CHARS, PAGE_ROWS, SEARCH_CHARS, TEMPERATURE, TOPIC_CHARS, WISH,
};
use crate::store::KeywordMethod;
use crate::web;

/// A character that is not white space, by Unicode, and not U+0000.
const NO_SPACE: &str = "[^\\u0000\\u0009-\\u000d\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\
                        \\u2028\\u2029\\u202f\\u205f\\u3000]";

/// All of them, by their names.
pub(super) fn all(config: &Config) -> Value {
    let mut all = Map::new();
    for group in [
        values(),
        requests(config),
        answers(),
        super::chats::schemas(),
        super::jobs::schemas(config),
    ] {
        if let Value::Object(group) = group {
            all.extend(group);
        }
    }
    Value::Object(all)
}

fn values() -> Value {
    json!({
        "Id": {"type": "string", "format": "uuid"},
        "Cursor": {"type": "string", "format": "uuid"},
        "Offset": {"type": "integer", "minimum": 0},
        "ItemPlace": {"type": "integer", "minimum": 0, "maximum": JOB_ITEMS - 1},
        "Tag": {"type": "string"},
        // What is not known is passed over (RFC 9111 section 5.2), so nothing is wrong.
        "CacheControl": {"examples": ["no-store", "no-cache", "max-age=60"]},
        "IdempotencyKey": {"type": "string", "minLength": 1, "maxLength": KEY_BYTES, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        "Limit": {"type": "integer", "minimum": 1, "maximum": PAGE_ROWS, "default": 20},
        "TopicFilter": {"type": "string"},
        "Words": {"type": "string", "maxLength": SEARCH_CHARS},
        "PlainText": {"type": "string"},
        "ModelName": plain_name(),
        "ModelsLimit": {"type": "integer", "minimum": 1},
        "EmbeddingsRequest": {
            "type": "object", "required": ["model", "input"],
            "properties": {
                "model": {"type": "string"},
                "input": {"type": ["string", "array"]},
                "encoding_format": {"enum": ["float", "base64"]},
                "dimensions": {"type": "integer", "minimum": 1},
            },
        },
        "EmbeddingsAnswer": {"type": "object", "description": "As the vendor's API has it."},
        "ModelAnswer": {"type": "object", "description": "As the vendor's API has it."},
        "AssetName": {"enum": web::names().collect::<Vec<_>>()},
        "Document": {"type": "object"},
        "Topic": visible(TOPIC_CHARS),
        "Name": plain_name(),
    })
}

/// A name without control characters.
fn plain_name() -> Value {
    json!({
        "type": "string", "minLength": 1, "maxLength": NAME_CHARS,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
    })
}

/// A string that has more in it than white space.
pub(super) fn visible(chars: usize) -> Value {
    let pattern = format!("^[^\\u0000]*{NO_SPACE}[^\\u0000]*$");
    json!({"type": "string", "minLength": 1, "maxLength": chars, "pattern": pattern})
}

fn requests(config: &Config) -> Value {
    let mut content = visible(CONTENT_CHARS);
    content["examples"] = json!(["Green tea is good."]); // one of a million characters is hard to make up
    let common = common(config);
    let mut generate = common.clone();
    generate.extend(members(json!({
        "topic": to("Topic"),
        "stream": {"type": ["boolean", "null"], "default": false},
        "candidates": {"type": ["integer", "null"], "minimum": 1, "maximum": CANDIDATES},
        "prefer": prefer(),
        "cache": {"enum": ["use", "skip", null]},
    })));
    let mut batch = common;
    let topics = json!({
        "type": "array", "items": to("Topic"), "minItems": 1, "maxItems": BATCH_TOPICS,
    });
    batch.insert("topics".to_owned(), topics);
    let several =
        json!({"candidates": {"type": "integer", "minimum": 2}, "stream": {"const": true}});
    let mut generate = closed(generate, &["topic"]);
    generate["not"] = json!({"required": ["candidates", "stream"], "properties": several});
    json!({
        "GenerateRequest": generate,
        "BatchRequest": closed(batch, &["topics"]),
        "AnalyzeRequest": closed(members(json!({"content": content})), &["content"]),
        "KeywordsRequest": closed(
            members(json!({
                "content": content,
                "method": {"enum": keyword_methods(config)},
                "limit": {"type": ["integer", "null"], "minimum": 1, "maximum": KEYWORDS},
            })),
            &["content"],
        ),
        "ImportRequest": {
            "type": "array", "items": to("ImportLine"),
            "description": "One element a line, without brackets and commas.",
        },
        "ImportLine": import_line(),
    })
}

/// Without a provider there is nobody to ask.
fn keyword_methods(config: &Config) -> Vec<Option<&'static str>> {
    let asks = config.default_provider != OFFLINE;
    let provider = asks.then_some(Some(KeywordMethod::Provider.as_str()));
    let others = [Some(KeywordMethod::Local.as_str()), None];
    provider.into_iter().chain(others).collect()
}

/// What may be said of every text.
pub(super) fn common(config: &Config) -> Map<String, Value> {
    let mut providers: Vec<Value> = config
        .providers
        .iter()
        .map(|provider| json!(provider.name))
        .collect();
    providers.push(Value::Null);
    members(json!({
        "provider": {"enum": providers},
        "model": or_null("Name"),
        "max_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_TOKENS},
        "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": TEMPERATURE},
    }))
}

fn prefer() -> Value {
    let mut figures: Map<String, Value> = Figure::ALL
        .iter()
        .map(|(name, _)| {
            let wish = json!({"type": "number", "minimum": -WISH, "maximum": WISH});
            ((*name).to_owned(), wish)
        })
        .collect();
    let words = json!({"enum": ["positive", "neutral", "negative"]});
    figures.insert("sentiment".to_owned(), words);
    json!({"type": ["object", "null"], "properties": figures, "additionalProperties": false})
}

fn import_line() -> Value {
    let line = json!({
        "id": {
            "type": ["string", "null"], "format": "uuid",
            "pattern": "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-\
                        [0-9a-fA-F]{12}$",
        },
        "topic": {"type": "string", "maxLength": TOPIC_CHARS, "pattern": "^[^\\u0000]*$"},
        // Bytes are the bound; a character has up to four.
        "text": {"type": "string", "minLength": 1, "maxLength": GENERATION_BYTES / 4},
        "created_at": {"type": ["string", "null"], "format": "date-time"},
        "state": {"enum": ["complete", "truncated"]},
        "provider": or_null("Name"),
        "model": {"type": ["string", "null"], "maxLength": NAME_CHARS},
        "offline": {"type": ["boolean", "null"]},
        "finish_reason": or_null("Name"),
        "usage": {
            "type": ["object", "null"],
            "properties": {
                "prompt_tokens": count_or_null(), "completion_tokens": count_or_null(),
                "total_tokens": count_or_null(),
            },
            "additionalProperties": false,
        },
        "search_term_id": {}, "text_bytes": {}, "readability": {}, "sentiment": {},
    });
    closed(members(line), &["topic", "text"])
}

fn answers() -> Value {
    let mut answer = text_members();
    let whole = open(answer.clone());
    answer.insert(
        "candidates".to_owned(),
        json!({"type": "array", "items": to("Candidate")}),
    );
    let mut generated = open(answer);
    remove_required(&mut generated, &["candidates", "stored_in"]);
    json!({
        "TextAnswer": generated,
        "Candidate": partly(&whole, json!({
            "chosen": {"type": "boolean"}, "distance": {"type": ["number", "null"]},
        })),
        "BatchAnswer": {"type": "array", "items": to("BatchLine"), "description": "One a line."},
        "BatchLine": partly(&whole, json!({"index": count(), "topic": {"type": "string"}})),
        "Event": event(),
        "Stopped": open(members(json!({"id": to("Id"), "stopped": {"type": "boolean"}}))),
        "Analysis": open(members(json!({
            "readability": to("Readability"), "sentiment": to("Sentiment"),
            "id": to("Id"), "search_term_id": to("Id"),
        }))),
        "Keywords": open(members(json!({
            "keywords": {"type": "array", "items": to("Keyword")},
            "method": {"enum": [KeywordMethod::Provider.as_str(), KeywordMethod::Local.as_str()]},
            "id": to("Id"), "search_term_id": to("Id"),
        }))),
        "Keyword": open(members(json!({"keyword": {"type": "string"}, "score": number()}))),
        "Text": stored_text(),
        "Page": page(),
        "Export": {"type": "array", "items": to("Text"), "description": "One a line."},
        "Providers": open(members(json!({
            "default": {"type": "string"},
            "providers": {"type": "array", "items": open(members(json!({
                "name": {"type": "string"}, "kind": {"type": "string"},
                "model": {"type": "string"}, "offline": {"type": "boolean"},
                "keys": {"type": "array", "items": open(members(json!({
                    "name": {"type": "string"}, "calls": count(),
                    "state": {"enum": ["awake", "limited", "refused"]},
                })))},
            })))},
        }))),
        "Status": status(),
        "Spans": {"type": "array", "items": {"type": "object"}, "description": "One a line."},
        "Imported": open(members(json!({"imported": count(), "skipped": count(), "scored": count()}))),
        "Usage": open(members(json!({
            "prompt_tokens": count_or_null(), "completion_tokens": count_or_null(),
            "total_tokens": count_or_null(),
        }))),
        "Readability": readability(),
        "Sentiment": open(members(json!({
            "label": {"enum": ["positive", "neutral", "negative"]},
            "compound": number(), "pos": number(), "neu": number(), "neg": number(),
        }))),
        "Problem": problem(),
    })
}

fn status() -> Value {
    let with_server = |mut figures: Value| {
        figures["type"] = json!(["object", "null"]);
        figures
    };
    let queue = open(members(json!({
        "waiting": count(), "waiting_max": count(), "running": count(),
    })));
    open(members(json!({
        "version": {"type": "string"},
        "uptime_s": count(), "requests": count(),
        "connections": count(), "connections_max": count(),
        "calls": open(members(json!({"waiting": count(), "running": count()}))),
        "queues": {"type": "object", "additionalProperties": queue},
        "limits": open(members(json!({
            "counted_by": {"enum": ["process", "redis", "postgresql"]}, "degraded": {"type": "boolean"},
        }))),
        "store": open(members(json!({
            "kind": {"enum": ["sqlite", "postgresql"]}, "away": {"type": ["string", "null"]},
            "connections": with_server(open(members(json!({
                "ready": count(), "opening": count(), "max": count(),
            })))),
            "orders": with_server(open(members(json!({"waiting": count(), "sent": count()})))),
            "journal": open(members(json!({"rows": count(), "bytes": count(), "aside": count()}))),
        }))),
        "loop": open(members(json!({
            "turns": count(), "busy": number(), "turn_p99_us": count_or_null(),
            "turn_max_us": count(),
        }))),
    })))
}

/// A generated text and all that is known about it.
fn text_members() -> Map<String, Value> {
    members(json!({
        "generated_text": {"type": "string"},
        "id": to("Id"),
        "search_term_id": to("Id"),
        "provider": {"type": "string"},
        "model": {"type": "string"},
        "offline": {"type": "boolean"},
        "usage": to("Usage"),
        "finish_reason": {"enum": ["stop", "length", "content_filter", "tool_calls", "other", null]},
        "cached": {"type": "boolean"},
        "stored": {"type": "boolean"},
        "stored_in": {"const": "journal", "description": "Only if the row waits there for the database."},
        "readability": or_null("Readability"),
        "sentiment": or_null("Sentiment"),
    }))
}

/// One of several: the members of a text, or an `error`; and some of its own, always.
fn partly(whole: &Value, own: Value) -> Value {
    let own = members(own);
    let required: Vec<Value> = own.keys().map(|name| json!(name)).collect();
    let mut value = whole.clone();
    if let Some(properties) = value["properties"].as_object_mut() {
        properties.extend(own);
        properties.insert("error".to_owned(), to("Problem"));
    }
    value["required"] = Value::Array(required);
    value
}

/// One of the server-sent events.
fn event() -> Value {
    let mut event = open(members(json!({
        "event": {"enum": ["start", "token", "done", "error"]},
        "data": {"type": "string", "description": "JSON: see docs/api.md."},
        "id": {"type": ["string", "integer"], "description": "Bytes of the text so far."},
    })));
    remove_required(&mut event, &["id"]);
    event
}

fn stored_text() -> Value {
    open(members(json!({
        "id": to("Id"),
        "search_term_id": to("Id"),
        "topic": {"type": "string"},
        "text": {"type": "string"},
        "text_bytes": count(),
        "state": {"enum": ["complete", "truncated"]},
        "provider": {"type": "string"},
        "model": {"type": "string"},
        "offline": {"type": "boolean"},
        "finish_reason": {"type": ["string", "null"]},
        "usage": to("Usage"),
        "created_at": {"type": "string", "format": "date-time"},
        "readability": or_null("Readability"),
        "sentiment": or_null("Sentiment"),
    })))
}

fn page() -> Value {
    let mut page = open(members(json!({
        "contents": {"type": "array", "items": to("Text")},
        "next": or_null("Cursor"),
        "indexing": {"type": "boolean"},
    })));
    remove_required(&mut page, &["indexing"]);
    page
}

fn readability() -> Value {
    let mut figures = Map::new();
    figures.insert("label".to_owned(), json!({"type": "string"}));
    for (name, _) in Figure::ALL.iter().filter(|(name, _)| *name != "compound") {
        let schema = if name.ends_with("_count") {
            count()
        } else {
            number()
        };
        figures.insert((*name).to_owned(), schema);
    }
    figures.insert("syllable_count".to_owned(), count());
    open(figures)
}

fn problem() -> Value {
    let mut problem = open(members(json!({
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"enum": code_words()},
        "field": {"type": "string"},
        "limit_of": {"type": "string"},
        "retry_after_ms": count(),
        "line": count(),
        "imported": count(),
        "skipped": count(),
        "scored": count(),
        "request_id": to("Id"),
    })));
    remove_required(
        &mut problem,
        &[
            "field",
            "limit_of",
            "retry_after_ms",
            "line",
            "imported",
            "skipped",
            "scored",
        ],
    );
    problem
}

pub(super) fn to(schema: &str) -> Value {
    super::reference(schema)
}

pub(super) fn or_null(schema: &str) -> Value {
    json!({"anyOf": [to(schema), {"type": "null"}]})
}

pub(super) fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn count_or_null() -> Value {
    json!({"type": ["integer", "null"], "minimum": 0, "maximum": u64::MAX})
}

fn number() -> Value {
    json!({"type": "number"})
}

pub(super) fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// An object in a request: what is not listed is refused.
pub(super) fn closed(members: Map<String, Value>, required: &[&str]) -> Value {
    let mut object = json!({"type": "object", "required": required, "additionalProperties": false});
    object["properties"] = Value::Object(members);
    object
}

/// An object in an answer: all members are there, and later versions may have more.
pub(super) fn open(members: Map<String, Value>) -> Value {
    let required: Vec<&String> = members.keys().collect();
    let mut object = json!({"type": "object", "required": required});
    object["properties"] = Value::Object(members);
    object
}

fn remove_required(object: &mut Value, names: &[&str]) {
    if let Some(required) = object["required"].as_array_mut() {
        required.retain(|name| !names.iter().any(|other| name == other));
    }
}
