//! Documents: what the bodies of our answers are made of.

use serde::Serialize;
use uuid::Uuid;

use crate::dialect::{Usage, put_json_string};
use crate::engine::Failure;
use crate::engine::generation::Generation;
use crate::engine::keywords::Purpose;
use crate::proto::sse;
use crate::score::keywords::Keyword;
use crate::score::{Readability, Sentiment};
use crate::store::{KeywordMethod, Listed, Tally, TextRow};

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
    finish_reason: Option<&'a str>,
    cached: bool,
    stored: bool,
    /// Only where it is not the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored_in: Option<&'static str>,
    readability: Option<&'a Readability>,
    sentiment: Option<&'a Sentiment>,
}

/// Whether a text is told for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// It was written for this request.
    New,
    /// It was written for another one.
    Cached,
}

impl<'a> TextReply<'a> {
    pub(super) fn new(generation: &'a Generation, with_text: bool) -> Self {
        let (plan, result) = (&generation.plan, &generation.result);
        let target = generation.target();
        TextReply {
            generated_text: with_text.then_some(generation.text.as_str()),
            id: generation.id,
            search_term_id: plan.term_id,
            provider: &target.provider_name,
            model: result.model.as_deref().unwrap_or(&target.model),
            offline: target.offline,
            usage: UsageReply::from(result.usage),
            finish_reason: result.finish.map(|finish| finish.as_str()),
            cached: result.cached,
            stored: result.stored,
            stored_in: (result.stored && result.journalled).then_some("journal"),
            readability: result.scores.as_ref().map(|s| &s.readability),
            sentiment: result.scores.as_ref().map(|s| &s.sentiment),
        }
    }

    /// The same of a row that will have been stored when it is told, without the text.
    fn of_row(row: &'a TextRow, total_tokens: Option<u64>, telling: Telling) -> Self {
        let usage = Usage {
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            total_tokens,
            ..Usage::default()
        };
        TextReply {
            generated_text: None,
            id: row.id,
            search_term_id: row.search_term_id,
            provider: &row.provider,
            model: &row.model,
            offline: row.offline,
            usage: UsageReply::from(usage),
            finish_reason: row.finish_reason.as_deref(),
            cached: telling == Telling::Cached,
            stored: true,
            stored_in: None,
            readability: row.scores.as_ref().map(|s| &s.readability),
            sentiment: row.scores.as_ref().map(|s| &s.sentiment),
        }
    }
}

/// A whole answer as JSON.
pub(super) fn whole_document(generation: &Generation) -> Vec<u8> {
    if let Purpose::Keywords(_) = generation.plan.purpose {
        // Strings and numbers cannot fail to be written into memory.
        return serde_json::to_vec(&KeywordsReply::of(generation)).unwrap_or_default();
    }
    with_text(&generation.text, &TextReply::new(generation, false))
}

/// The same, made of the row of a text that will have been stored when the answer is sent.
pub(super) fn whole_text(row: &TextRow, total_tokens: Option<u64>, telling: Telling) -> String {
    let reply = TextReply::of_row(row, total_tokens, telling);
    String::from_utf8(with_text(&row.text, &reply)).expect("JSON is UTF-8")
}

/// The same as events.
pub(super) fn stream_of_text(row: &TextRow, total_tokens: Option<u64>, telling: Telling) -> String {
    let mut events = Vec::with_capacity(row.text.len() + WITHOUT_TEXT_BYTES);
    let (id, term) = (row.id, row.search_term_id);
    put_start(&mut events, id, term);
    let (mut from, mut json) = (0, Vec::new());
    while from < row.text.len() {
        let to = row.text.floor_char_boundary(from + EVENT_BYTES);
        put_token(&mut events, &mut json, &row.text[from..to], to);
        from = to;
    }
    json.clear();
    // Strings and numbers cannot fail to be written into memory.
    let _ = serde_json::to_writer(&mut json, &TextReply::of_row(row, total_tokens, telling));
    sse::write_event(&mut events, None, Some("done"), &json);
    String::from_utf8(events).expect("JSON is UTF-8")
}

/// The most text in one event, for those who have to catch up.
pub(super) const EVENT_BYTES: usize = 16 * 1024;

/// The first event of a text.
pub(super) fn put_start(event: &mut Vec<u8>, id: Uuid, term: Uuid) {
    let data = format!("{{\"id\":\"{id}\",\"search_term_id\":\"{term}\"}}");
    sse::write_event(event, None, Some("start"), data.as_bytes());
}

/// A piece of a text, which ends at its byte `to`. `json` is memory that is used again.
pub(super) fn put_token(event: &mut Vec<u8>, json: &mut Vec<u8>, piece: &str, to: usize) {
    json.clear();
    json.extend_from_slice(b"{\"text\":");
    put_json_string(json, piece);
    json.extend_from_slice(b"}");
    sse::write_event(event, Some(to as u64), Some("token"), json);
}

/// A text, which is most of an answer, is written apart from the rest.
fn with_text(text: &str, rest: &TextReply<'_>) -> Vec<u8> {
    let mut document = Vec::with_capacity(text.len() + WITHOUT_TEXT_BYTES);
    document.extend_from_slice(b"{\"generated_text\":");
    put_json_string(&mut document, text);
    let comma = document.len();
    // Strings and numbers cannot fail to be written into memory.
    let _ = serde_json::to_writer(&mut document, rest);
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
    id: Uuid,
    search_term_id: Uuid,
    topic: &'a str,
    text: &'a str,
    text_bytes: u64,
    state: &'static str,
    provider: &'a str,
    model: &'a str,
    offline: bool,
    finish_reason: Option<&'a str>,
    usage: UsageReply,
    created_at: String,
    readability: Option<&'a Readability>,
    sentiment: Option<&'a Sentiment>,
}

#[derive(Serialize)]
pub(super) struct PageReply<'a> {
    pub(super) contents: Vec<RowReply<'a>>,
    pub(super) next: Option<Uuid>,
    /// Only in the answer to a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) indexing: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct AnalysisReply<'a> {
    pub(super) readability: &'a Readability,
    pub(super) sentiment: &'a Sentiment,
    pub(super) id: Uuid,
    pub(super) search_term_id: Uuid,
}

/// The keywords of a text, as `POST /keywords/` says them.
#[derive(Serialize)]
pub(super) struct KeywordsReply<'a> {
    pub(super) keywords: &'a [Keyword],
    pub(super) method: KeywordMethod,
    pub(super) id: Uuid,
    pub(super) search_term_id: Uuid,
}

impl<'a> KeywordsReply<'a> {
    pub(super) fn of(generation: &'a Generation) -> Self {
        KeywordsReply {
            keywords: &generation.result.keywords,
            method: KeywordMethod::Provider,
            id: generation.id,
            search_term_id: generation.plan.term_id,
        }
    }
}

/// RFC 9457, with our own members from `code` on.
#[derive(Serialize)]
pub(super) struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// The line of an import.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// What an import stored before it failed.
    #[serde(flatten)]
    tally: Option<Tally>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_of: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
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
            line: failure.line(),
            tally: None,
            limit_of: failure.limit_of(),
            retry_after_ms: failure.retry_after_ms(),
            request_id,
        }
    }

    /// With what was stored all the same.
    pub(super) fn and_stored(self, tally: Option<Tally>) -> Self {
        Problem { tally, ..self }
    }
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad request",
        403 => "Forbidden",
        404 => "Not found",
        405 => "Method not allowed",
        408 => "Request timeout",
        409 => "Conflict",
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

fn usage(prompt_tokens: Option<u64>, completion_tokens: Option<u64>) -> UsageReply {
    UsageReply::from(Usage {
        prompt_tokens,
        completion_tokens,
        ..Usage::default()
    })
}

pub(super) fn row_of_text(row: &TextRow) -> RowReply<'_> {
    RowReply {
        id: row.id,
        search_term_id: row.search_term_id,
        topic: &row.term,
        text: &row.text,
        text_bytes: row.text.len() as u64,
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
