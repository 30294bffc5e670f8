//! `GET /openapi.json`: the document, or word that the client has it.

use std::sync::Arc;

use crate::engine::blocks::Pen;
use crate::engine::client::takes_body;
use crate::engine::openapi::OpenApi;
use crate::engine::reply::after;
use crate::engine::routes::has_tag;
use crate::engine::slots::ExchangeId;
use crate::engine::{Engine, Failure};
use crate::proto::Sink;
use crate::proto::http1::{ReplyBody, reply_head};

impl Engine {
    /// `known`: the tags of what the client has. The document is smaller than what a send buffer may
    /// hold, so it is put there at once.
    pub(super) fn reply_openapi(&mut self, id: ExchangeId, known: &[u8]) -> Result<(), Failure> {
        let date = self.date();
        let config = &self.config;
        let document = self
            .openapi
            .get_or_insert_with(|| Arc::new(OpenApi::new(config)));
        let document = Arc::clone(document);
        let Some(exchange) = self.exchanges.get(id) else {
            return Ok(());
        };
        let (conn_id, terms) = (exchange.conn, exchange.terms);
        let known = has_tag(known, &document.etag);
        let status = if known { 304 } else { 200 };
        self.counters.answered(status);
        if let Some(conn) = self.conns.get_mut(conn_id) {
            let mut pen = Pen {
                blocks: &mut self.blocks,
                chain: &mut conn.out,
                secret: false,
            };
            let head = reply_head(&mut pen, status)
                .date(&date)
                .field("etag", &document.etag)
                .field("cache-control", "no-cache")
                .field("x-content-type-options", "nosniff");
            if known {
                head.finish(ReplyBody::None, after(&terms));
            } else {
                head.field("content-type", "application/json")
                    .finish(ReplyBody::Exact(document.bytes.len() as u64), after(&terms));
                if takes_body(terms.method) {
                    pen.put(&document.bytes);
                }
            }
        }
        self.flush(conn_id);
        self.reply_written(id, terms.keep_alive);
        Ok(())
    }
}
