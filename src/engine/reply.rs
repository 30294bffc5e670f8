//! Replies: the one place where an answer leaves.
//!
//! Whole answers are written head and body together; streams are begun, fed and ended here too
//! (`stream.rs`). Whatever is written ends by telling the client side that the reply is complete.

use serde::Serialize;
use uuid::Uuid;

use super::archive::outcome_of;
use super::blocks::Pen;
use super::client::takes_body;
use super::exchange::Terms;
use super::generation::Generation;
use super::io::Output;
use super::slots::{ConnId, ExchangeId};
use super::{Engine, Failure};
use crate::dialect::Usage;
use crate::proto::http1::{After, HttpDate, Method, ReplyBody, Version, reply_head};
use crate::score::{Readability, Scores, Sentiment};
use crate::store::{Listed, TextRow};

/// A type of content that we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// `application/json`
    Json,
    /// `application/problem+json` (RFC 9457)
    Problem,
    /// Plain text.
    Text,
    /// Prometheus' text format.
    Metrics,
    /// One JSON document a line.
    Lines,
}

impl Content {
    fn as_str(self) -> &'static str {
        match self {
            Content::Json => "application/json",
            Content::Problem => "application/problem+json",
            Content::Text => "text/plain; charset=utf-8",
            Content::Metrics => "text/plain; version=0.0.4; charset=utf-8",
            Content::Lines => "application/x-ndjson",
        }
    }
}

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

#[derive(Serialize)]
struct UsageReply {
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
struct RowReply<'a> {
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
struct PageReply<'a> {
    contents: Vec<RowReply<'a>>,
    next: Option<Uuid>,
}

#[derive(Serialize)]
struct AnalysisReply<'a> {
    readability: &'a Readability,
    sentiment: &'a Sentiment,
    id: Uuid,
    search_term_id: Uuid,
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

impl Engine {
    /// Answers with a document and ends the exchange.
    pub(super) fn reply(&mut self, id: ExchangeId, status: u16, content: Content, body: &[u8]) {
        let failure_fields = ReplyFields::default();
        self.reply_with(id, status, content, body, &failure_fields);
    }

    fn reply_json(&mut self, id: ExchangeId, status: u16, document: &impl Serialize) {
        let mut body = std::mem::take(&mut self.scratch);
        body.clear();
        match serde_json::to_writer(&mut body, document) {
            Ok(()) => self.reply(id, status, Content::Json, &body),
            Err(_) => self.fail_exchange(id, &Failure::Internal("an answer is no JSON")),
        }
        self.scratch = body;
    }

    /// Answers with what went wrong. In a stream that has begun it is the last event.
    pub(super) fn fail_exchange(&mut self, id: ExchangeId, failure: &Failure) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        if let super::flow::Flow::Generate(flow) = &exchange.flow
            && flow.is_streaming()
        {
            return self.end_stream(id, Some(failure));
        }
        let (request_id, route) = (exchange.request_id, exchange.route.as_str());
        self.note_failure(failure, route, request_id);
        let outcome = outcome_of(failure, false);
        self.settle_row(id, outcome, failure.status(), Some(failure.code()));
        let mut body = std::mem::take(&mut self.scratch);
        body.clear();
        let problem = Problem::new(failure, request_id);
        if serde_json::to_writer(&mut body, &problem).is_err() {
            body.clear();
        }
        let fields = ReplyFields {
            retry_after_s: failure.retry_after_s(),
            allow: match failure {
                Failure::Method { allow } => Some(*allow),
                _ => None,
            },
        };
        self.reply_with(id, failure.status(), Content::Problem, &body, &fields);
        self.scratch = body;
    }

    /// A problem for a connection on which no request could be made out.
    pub(super) fn write_lone_problem(&mut self, conn: ConnId, failure: &Failure, id: Uuid) {
        self.note_failure(failure, "none", id);
        let body = serde_json::to_vec(&Problem::new(failure, id)).unwrap_or_default();
        let terms = Terms {
            method: Method::Get,
            version: Version::Http11,
            keep_alive: false,
            wants_stream: false,
            last_event_id: None,
        };
        let fields = ReplyFields {
            retry_after_s: failure.retry_after_s(),
            allow: None,
        };
        let document = Document {
            status: failure.status(),
            content: Content::Problem,
            body: &body,
        };
        self.write_reply(conn, &terms, &document, &fields);
    }

    fn reply_with(
        &mut self,
        id: ExchangeId,
        status: u16,
        content: Content,
        body: &[u8],
        fields: &ReplyFields,
    ) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (conn, terms) = (exchange.conn, exchange.terms);
        let document = Document {
            status,
            content,
            body,
        };
        self.write_reply(conn, &terms, &document, fields);
        self.reply_written(id, terms.keep_alive);
    }

    fn write_reply(
        &mut self,
        id: ConnId,
        terms: &Terms,
        document: &Document<'_>,
        fields: &ReplyFields,
    ) {
        let date = self.date();
        self.counters.answered(document.status);
        let Some(conn) = self.conns.get_mut(id) else {
            return;
        };
        let mut pen = Pen {
            blocks: &mut self.blocks,
            chain: &mut conn.out,
            secret: document.content == Content::Metrics,
        };
        let mut head = reply_head(&mut pen, document.status)
            .date(&date)
            .field("x-content-type-options", "nosniff")
            .field("cache-control", "no-store");
        if let Some(seconds) = fields.retry_after_s {
            head = head.number("retry-after", seconds);
        }
        if let Some(allow) = fields.allow {
            head = head.field("allow", allow);
        }
        let after = after(terms);
        if document.status == 204 {
            head.finish(ReplyBody::None, after);
        } else {
            head.field("content-type", document.content.as_str())
                .finish(ReplyBody::Exact(document.body.len() as u64), after);
            if takes_body(terms.method) {
                crate::proto::Sink::put(&mut pen, document.body);
            }
        }
        self.flush(id);
    }

    pub(super) fn date(&mut self) -> HttpDate {
        let second = self.now.wall_ms.max(0) as u64 / 1000;
        if self.date.0 != second {
            self.date = (second, HttpDate::from_unix(second));
        }
        self.date.1
    }

    /// Says once that a connection has something to send.
    pub(super) fn flush(&mut self, id: ConnId) {
        let now = self.now.mono;
        if let Some(conn) = self.conns.get_mut(id)
            && !conn.flushing
            && !conn.out.is_empty()
        {
            conn.flushing = true;
            conn.progress = now;
            self.out.push(Output::Flush(id));
        }
        self.settle_conn(id);
    }

    // --- documents ---------------------------------------------------------------------------

    /// The whole answer to `POST /generate/`.
    pub(super) fn reply_text(&mut self, id: ExchangeId) {
        let generation = self
            .exchanges
            .get(id)
            .and_then(|exchange| exchange.held.generation)
            .and_then(|generation| self.generations.get(generation));
        let Some(generation) = generation else {
            return self.fail_exchange(id, &Failure::Internal("an answer without its text"));
        };
        let mut body = std::mem::take(&mut self.scratch);
        body.clear();
        let written = serde_json::to_writer(&mut body, &TextReply::new(generation, true));
        match written {
            Ok(()) => self.reply(id, 200, Content::Json, &body),
            Err(_) => self.fail_exchange(id, &Failure::Internal("an answer is no JSON")),
        }
        body.clear();
        body.shrink_to(crate::limits::SCRATCH_BYTES);
        self.scratch = body;
    }

    /// The answer to `POST /analyze/`.
    pub(super) fn reply_analysis(
        &mut self,
        id: ExchangeId,
        scores: &Scores,
        row: Uuid,
        term: Uuid,
    ) {
        let reply = AnalysisReply {
            readability: &scores.readability,
            sentiment: &scores.sentiment,
            id: row,
            search_term_id: term,
        };
        self.reply_json(id, 200, &reply);
    }

    /// A page of `GET /contents`.
    pub(super) fn reply_page(&mut self, id: ExchangeId, rows: &[Listed], next: Option<Uuid>) {
        let contents = rows.iter().map(row_of_list).collect();
        self.reply_json(id, 200, &PageReply { contents, next });
    }

    /// `GET /contents/{id}`
    pub(super) fn reply_row(&mut self, id: ExchangeId, row: &TextRow) {
        let reply = RowReply {
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
        };
        self.reply_json(id, 200, &reply);
    }

    /// The answer to `DELETE /generate/{id}`.
    pub(super) fn reply_stopped(&mut self, id: ExchangeId, generation: Uuid, stopped: bool) {
        #[derive(Serialize)]
        struct Stopped {
            id: Uuid,
            stopped: bool,
        }
        let reply = Stopped {
            id: generation,
            stopped,
        };
        self.reply_json(id, 200, &reply);
    }

    /// 204.
    pub(super) fn reply_no_content(&mut self, id: ExchangeId) {
        self.reply(id, 204, Content::Text, b"");
    }

    /// The answer to `OPTIONS`.
    pub(super) fn reply_options(
        &mut self,
        id: ExchangeId,
        allow: &'static str,
    ) -> Result<(), Failure> {
        let fields = ReplyFields {
            allow: Some(allow),
            ..ReplyFields::default()
        };
        self.reply_with(id, 204, Content::Text, b"", &fields);
        Ok(())
    }
}

/// Fields that only some replies have.
#[derive(Clone, Copy, Debug, Default)]
struct ReplyFields {
    retry_after_s: Option<u64>,
    allow: Option<&'static str>,
}

struct Document<'a> {
    status: u16,
    content: Content,
    body: &'a [u8],
}

/// What becomes of the connection after a reply on these terms.
pub(super) fn after(terms: &Terms) -> After {
    if terms.keep_alive {
        After::KeepAlive(terms.version)
    } else {
        After::Close
    }
}

fn usage(prompt_tokens: Option<u64>, completion_tokens: Option<u64>) -> UsageReply {
    UsageReply::from(Usage {
        prompt_tokens,
        completion_tokens,
        ..Usage::default()
    })
}

fn row_of_list(row: &Listed) -> RowReply<'_> {
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

fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map(|stamp| format!("{stamp:.3}"))
        .unwrap_or_default()
}
