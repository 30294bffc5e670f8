//! Replies: the one place where an answer leaves.
//!
//! Whole answers are written head and body together; streams are begun, fed and ended here too
//! (`stream.rs`). Whatever is written ends by telling the client side that the reply is complete.

use serde::Serialize;
use uuid::Uuid;

use super::archive::outcome_of;
use super::asked::Asked;
pub(super) use super::content::Content;
use super::documents::{PageReply, Problem, row_of_list, row_of_text};
use super::flow::chat::Chat;
use super::flow::kept::Hit;
use super::policy::cache::{Control, Status};
use crate::dialect::Dialect;
use crate::engine::blocks::Pen;
use crate::engine::client::takes_body;
use crate::engine::exchange::Terms;
use crate::engine::io::Output;
use crate::engine::slots::{ConnId, ExchangeId};
use crate::engine::{Engine, Failure};
use crate::proto::Sink;
use crate::proto::http1::{After, HttpDate, Method, ReplyBody, ReplyHead, Version, reply_head};
use crate::store::{Answer, Listed, Tally, TextRow};

impl Engine {
    /// Answers with a document and ends the exchange.
    pub(super) fn reply(&mut self, id: ExchangeId, status: u16, content: Content, body: &[u8]) {
        let failure_fields = ReplyFields::default();
        self.reply_with(id, status, content, body, &failure_fields);
    }

    pub(super) fn reply_json(&mut self, id: ExchangeId, status: u16, document: &impl Serialize) {
        let mut body = std::mem::take(&mut self.scratch);
        body.clear();
        match serde_json::to_writer(&mut body, document) {
            Ok(()) => self.reply(id, status, Content::Json, &body),
            Err(_) => self.fail_exchange(id, &Failure::Internal("an answer is no JSON")),
        }
        body.clear();
        body.shrink_to(crate::limits::SCRATCH_BYTES);
        self.scratch = body;
    }

    /// Answers with what went wrong. In a stream that has begun it is the last event.
    pub(super) fn fail_exchange(&mut self, id: ExchangeId, failure: &Failure) {
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        if let Status::Hit(_) | Status::Near(_) = exchange.terms.cache {
            exchange.terms.cache = Status::Unasked; // what was found is not told
        }
        let mut stored = None;
        if let super::flow::Flow::Import(import) = &exchange.flow {
            stored = Some(import.tally());
            // Where the next request would begin is not known before the end of this one.
            exchange.terms.keep_alive &= import.has_ended();
        }
        if exchange.flow.streams_events() {
            return self.end_stream(id, Some(failure));
        }
        if exchange.flow.chat() == Some(Chat::Streaming) {
            return self.break_chat(id, failure);
        }
        let dialect = exchange.terms.dialect;
        let status = failure.status_in(dialect);
        if exchange.flow.has_begun_to_answer() {
            // Its head is out: only a cut tells that it is not whole.
            let conn = exchange.conn;
            self.note_failure_of(id, failure);
            let outcome = outcome_of(failure, true);
            self.settle_row(id, outcome, status, Some(failure.code()));
            self.client_closed(conn);
            return self.out.push(Output::Close(conn, super::io::How::Reset));
        }
        let request_id = exchange.request_id;
        self.note_failure_of(id, failure);
        let outcome = outcome_of(failure, false);
        self.settle_row(id, outcome, status, Some(failure.code()));
        let mut body = std::mem::take(&mut self.scratch);
        body.clear();
        let content = match dialect {
            Some(dialect) => {
                let name = request_id.to_string();
                failure.spoken(false, &name).body(dialect, &mut body);
                Content::Json
            }
            None => {
                let problem = Problem::new(failure, request_id).and_stored(stored);
                if serde_json::to_writer(&mut body, &problem).is_err() {
                    body.clear();
                }
                Content::Problem
            }
        };
        let fields = ReplyFields {
            asked: self.asked_for(id),
            request_id: Some(request_id),
            ..ReplyFields::of_failure(failure)
        };
        self.reply_with(id, status, content, &body, &fields);
        self.scratch = body;
    }

    /// A problem for a connection on which no request could be made out.
    pub(super) fn write_lone_problem(&mut self, conn: ConnId, failure: &Failure, id: Uuid) {
        self.note_failure(failure, failure.status(), None, id, None);
        let body = serde_json::to_vec(&Problem::new(failure, id)).unwrap_or_default();
        let terms = Terms {
            method: Method::Get,
            version: Version::Http11,
            keep_alive: false,
            wants_stream: false,
            last_event_id: None,
            dialect: None,
            control: Control::Silent,
            cache: Status::Unasked,
        };
        self.rate_fields.clear();
        let document = Document {
            status: failure.status(),
            content: Content::Problem,
            body: &body,
            length: body.len() as u64,
        };
        self.write_reply(conn, &terms, &document, &ReplyFields::of_failure(failure));
    }

    /// Answers that something was taken in, and where it is.
    pub(super) fn reply_made(&mut self, id: ExchangeId, location: String, body: &str) {
        let fields = ReplyFields {
            location: Some(location),
            ..ReplyFields::default()
        };
        self.reply_with(id, 202, Content::Json, body.as_bytes(), &fields);
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
        self.note_rate_fields(id);
        let document = Document {
            status,
            content,
            body,
            length: body.len() as u64,
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
        self.write_head(id, terms, document, fields);
        if takes_body(terms.method)
            && let Some(conn) = self.conns.get_mut(id)
        {
            let mut pen = Pen {
                blocks: &mut self.blocks,
                chain: &mut conn.out,
                secret: document.content == Content::Metrics,
            };
            Sink::put(&mut pen, document.body);
        }
        self.flush(id);
    }

    /// The head of an answer that was given before. Its body is written piece by piece.
    pub(super) fn write_kept_head(
        &mut self,
        id: ExchangeId,
        answer: &Answer,
        content: Content,
        hit: Option<&Hit>,
        location: Option<String>,
    ) {
        let Some(exchange) = self.exchanges.get(id) else {
            return;
        };
        let (conn, terms) = (exchange.conn, exchange.terms);
        let asked = hit.map(|hit| {
            let provider = self.provider_index(&hit.provider);
            let unheard = provider.and_then(|provider| self.unheard(id, provider));
            Asked::before(hit, &terms, unheard)
        });
        let fields = ReplyFields {
            asked: asked.unwrap_or_default(),
            replayed: hit.is_none(),
            location,
            request_id: Some(exchange.request_id),
            ..ReplyFields::default()
        };
        self.note_rate_fields(id);
        let document = Document {
            status: answer.status,
            content,
            body: &[],
            length: answer.body.len() as u64,
        };
        self.write_head(conn, &terms, &document, &fields);
    }

    /// The head of a document of which the body is written piece by piece.
    pub(super) fn write_document_head(
        &mut self,
        id: ConnId,
        terms: &Terms,
        length: u64,
        asked: Asked,
    ) {
        let document = Document {
            status: 200,
            content: Content::Json,
            body: &[],
            length,
        };
        let fields = ReplyFields {
            asked,
            ..ReplyFields::default()
        };
        self.write_head(id, terms, &document, &fields);
        self.flush(id);
    }

    fn write_head(
        &mut self,
        id: ConnId,
        terms: &Terms,
        document: &Document<'_>,
        fields: &ReplyFields,
    ) {
        let date = self.date();
        self.counters.answered(document.status);
        let mut bytes = std::mem::take(&mut self.head);
        let mut head = reply_head(&mut bytes, document.status)
            .date(&date)
            .field("x-content-type-options", "nosniff")
            .field("cache-control", "no-store");
        if let Some(ms) = fields.retry_after_ms {
            // Whole seconds for everybody, rounded up; the vendors' clients read the finer one.
            head = head
                .number("retry-after", ms.div_ceil(1000).max(1))
                .number("retry-after-ms", ms);
        }
        if fields.lasting {
            head = head.field("x-should-retry", "false");
        }
        head = fields.asked.put(head);
        for (name, value) in self.rate_fields.iter() {
            head = head.field(name, value);
        }
        if fields.replayed {
            head = head.field("idempotent-replayed", "true");
        }
        if let Some(allow) = fields.allow {
            head = head.field("allow", allow);
        }
        if let Some(location) = &fields.location {
            head = head.field("location", location);
        }
        if let Some(id) = fields.request_id {
            head = identified(head, terms.dialect, id);
        }
        let after = after(terms);
        if document.status == 204 {
            head.finish(ReplyBody::None, after);
        } else {
            head.field("content-type", document.content.as_str())
                .finish(ReplyBody::Exact(document.length), after);
        }
        self.put_head(id, bytes, document.content == Content::Metrics);
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

    /// A page of `GET /contents`.
    pub(super) fn reply_page(
        &mut self,
        id: ExchangeId,
        rows: &[Listed],
        next: Option<Uuid>,
        indexing: Option<bool>,
    ) {
        let page = PageReply {
            contents: rows.iter().map(row_of_list).collect(),
            next,
            indexing,
        };
        self.reply_json(id, 200, &page);
    }

    /// `GET /contents/{id}`
    pub(super) fn reply_row(&mut self, id: ExchangeId, row: &TextRow) {
        self.reply_json(id, 200, &row_of_text(row));
    }

    /// The answer to `POST /contents/import`.
    pub(super) fn reply_imported(&mut self, id: ExchangeId, tally: Tally) {
        self.reply_json(id, 200, &tally);
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
#[derive(Debug, Default)]
struct ReplyFields {
    retry_after_ms: Option<u64>,
    /// Trying again does not help.
    lasting: bool,
    /// Attempts at the provider.
    asked: Asked,
    allow: Option<&'static str>,
    location: Option<String>,
    /// It was answered before, and this is the same answer.
    replayed: bool,
    /// For clients of a vendor's.
    request_id: Option<Uuid>,
}

impl ReplyFields {
    fn of_failure(failure: &Failure) -> Self {
        ReplyFields {
            retry_after_ms: failure.retry_after_ms(),
            lasting: failure.is_lasting(),
            asked: Asked::default(),
            replayed: false,
            request_id: None,
            location: None,
            allow: match failure {
                Failure::Method { allow } => Some(*allow),
                _ => None,
            },
        }
    }
}

struct Document<'a> {
    status: u16,
    content: Content,
    body: &'a [u8],
    /// Of the whole body; more than `body` has if the rest is written later.
    length: u64,
}

/// The id of the request in the fields that the client of a vendor's reads it from.
pub(super) fn identified<'s, S: Sink>(
    head: ReplyHead<'s, S>,
    dialect: Option<Dialect>,
    id: Uuid,
) -> ReplyHead<'s, S> {
    let mut text = [0; 36];
    let id = &*id.hyphenated().encode_lower(&mut text);
    match dialect {
        None => head,
        Some(Dialect::Anthropic) => head.field("request-id", id).field("x-request-id", id),
        Some(Dialect::OpenAi | Dialect::Gemini) => head.field("x-request-id", id),
    }
}

/// What becomes of the connection after a reply on these terms.
pub(super) fn after(terms: &Terms) -> After {
    if terms.keep_alive {
        After::KeepAlive(terms.version)
    } else {
        After::Close
    }
}
