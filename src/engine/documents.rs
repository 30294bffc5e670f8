//! Documents: what the bodies of our answers are made of.

use serde::Serialize;
use uuid::Uuid;

use crate::dialect::Usage;
use crate::engine::Failure;
use crate::engine::generation::Generation;
use crate::proto::put_json_string;
use crate::score::{Readability, Sentiment};
use crate::store::Listed;

/// A generated text and all that is known about it, as `POST /generate/` and `done` say it.
#[derive(Serialize)]
pub(super) struct TextReply<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    generated_text: Option<&'a str>,
    id: Uuid,
    search_term_id: Uuid,
    provider: &'a str,
    model: &'a str,
    offline: bool,
    usage: UsageReply,
    finish_reason: Option<&'static str>,
    cached: bool,
    stored: bool,
    readability: Option<&'a Readability>,
    sentiment: Option<&'a Sentiment>,
}

impl<'a> TextReply<'a> {
    pub(super) fn new(generation: &'a Generation, with_text: bool) -> Self {
        let (plan, result) = (&generation.plan, &generation.result);
        TextReply {
            generated_text: with_text.then_some(generation.text.as_str()),
            id: generation.id,
            search_term_id: plan.term_id,
            provider: &plan.provider_name,
            model: result.model.as_deref().unwrap_or(&plan.model),
            offline: plan.offline,
            usage: UsageReply::from(result.usage),
            finish_reason: result.finish.map(|finish| finish.as_str()),
            cached: false,
            stored: result.stored,
            readability: result.scores.as_ref().map(|s| &s.readability),
            sentiment: result.scores.as_ref().map(|s| &s.sentiment),
        }
    }
}

/// A whole answer as JSON. The text, which is most of it, is written apart from the rest.
pub(super) fn whole_document(generation: &Generation) -> Vec<u8> {
    let mut document = Vec::with_capacity(generation.text.len() + WITHOUT_TEXT_BYTES);
    document.extend_from_slice(b"{\"generated_text\":");
    put_json_string(&mut document, &generation.text);
    let comma = document.len();
    // Strings and numbers cannot fail to be written into memory.
    let _ = serde_json::to_writer(&mut document, &TextReply::new(generation, false));
    document[comma] = b','; // was the brace of an object of its own
    document
}

/// About what an answer has besides its text.
const WITHOUT_TEXT_BYTES: usize = 1024;

#[derive(Serialize)]
pub(super) struct UsageReply {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
}

impl From<Usage> for UsageReply {
    fn from(usage: Usage) -> Self {
        let sum = usage
            .prompt_tokens
            .zip(usage.completion_tokens)
            .map(|(a, b)| a.saturating_add(b));
        UsageReply {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.total_tokens.or(sum),
        }
    }
}

/// A stored text, whole or cut, as `/contents` shows it.
#[derive(Serialize)]
pub(super) struct RowReply<'a> {
    pub(super) id: Uuid,
    pub(super) search_term_id: Uuid,
    pub(super) topic: &'a str,
    pub(super) text: &'a str,
    pub(super) text_bytes: u64,
    pub(super) state: &'static str,
    pub(super) provider: &'a str,
    pub(super) model: &'a str,
    pub(super) offline: bool,
    pub(super) finish_reason: Option<&'a str>,
    pub(super) usage: UsageReply,
    pub(super) created_at: String,
    pub(super) readability: Option<&'a Readability>,
    pub(super) sentiment: Option<&'a Sentiment>,
}

#[derive(Serialize)]
pub(super) struct PageReply<'a> {
    pub(super) contents: Vec<RowReply<'a>>,
    pub(super) next: Option<Uuid>,
}

#[derive(Serialize)]
pub(super) struct AnalysisReply<'a> {
    pub(super) readability: &'a Readability,
    pub(super) sentiment: &'a Sentiment,
    pub(super) id: Uuid,
    pub(super) search_term_id: Uuid,
}

/// RFC 9457, with our own members `code`, `field` and `request_id`.
#[derive(Serialize)]
pub(super) struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    request_id: Uuid,
}

impl<'a> Problem<'a> {
    pub(super) fn new(failure: &'a Failure, request_id: Uuid) -> Self {
        Problem {
            r#type: format!("urn:maitred:problem:{}", failure.code()),
            title: title(failure.status()),
            status: failure.status(),
            detail: failure.detail(),
            code: failure.code(),
            field: failure.field().filter(|field| !field.is_empty()),
            request_id,
        }
    }
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad request",
        403 => "Forbidden",
        404 => "Not found",
        405 => "Method not allowed",
        408 => "Request timeout",
        410 => "Gone",
        413 => "Content too large",
        414 => "URI too long",
        415 => "Unsupported media type",
        417 => "Expectation failed",
        421 => "Misdirected request",
        422 => "Unprocessable content",
        429 => "Too many requests",
        431 => "Request header fields too large",
        500 => "Internal server error",
        501 => "Not implemented",
        502 => "Bad gateway",
        503 => "Service unavailable",
        504 => "Gateway timeout",
        505 => "HTTP version not supported",
        507 => "Insufficient storage",
        _ => "Error",
    }
}

pub(super) fn usage(prompt_tokens: Option<u64>, completion_tokens: Option<u64>) -> UsageReply {
    UsageReply::from(Usage {
        prompt_tokens,
        completion_tokens,
        ..Usage::default()
    })
}

pub(super) fn row_of_list(row: &Listed) -> RowReply<'_> {
    RowReply {
        id: row.id,
        search_term_id: row.search_term_id,
        topic: &row.term,
        text: &row.excerpt,
        text_bytes: row.text_bytes,
        state: row.state.as_str(),
        provider: &row.provider,
        model: &row.model,
        offline: row.offline,
        finish_reason: row.finish_reason.as_deref(),
        usage: usage(row.prompt_tokens, row.completion_tokens),
        created_at: rfc3339(row.created_ms),
        readability: row.scores.as_ref().map(|s| &s.readability),
        sentiment: row.scores.as_ref().map(|s| &s.sentiment),
    }
}

pub(super) fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map(|stamp| format!("{stamp:.3}"))
        .unwrap_or_default()
}
