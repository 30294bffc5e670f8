//! The flow of a file of the page: a head, then the bytes as fast as the client takes them.
//!
//! ```text
//!  (304, HEAD) ──► over
//!  Page ─(room in the send buffer)─► Page ─(the last byte is in it)─► over
//! ```
//! The bytes are the program's own. What is copied is what goes into the send buffer next, and that
//! is filled to the mark that holds for streams too: a client that does not read costs no more here
//! than there. It does not know what is in the files.

use crate::engine::blocks::Pen;
use crate::engine::client::takes_body;
use crate::engine::reply::after;
use crate::engine::slots::ExchangeId;
use crate::engine::{Engine, Failure};
use crate::limits::PUMP_BYTES;
use crate::proto::http1::{ReplyBody, reply_head};
use crate::web::Asset;

use super::Flow;

/// What the page may do: nothing but talk to its own server. No script or style in the document
/// itself, so that text of a provider could not become one even by a mistake of ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// A file that is on its way out.
#[derive(Debug)]
pub struct Page {
    bytes: &'static [u8],
    /// Bytes of it that are in the send buffer, or sent.
    cursor: usize,
}

impl Engine {
    /// `GET /`, `GET /app/NAME`. `known`: the client has the file as it is now.
    pub(super) fn begin_page(
        &mut self,
        id: ExchangeId,
        asset: &'static Asset,
        known: bool,
    ) -> Result<(), Failure> {
        let date = self.date();
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return Ok(());
        };
        let (conn_id, terms) = (exchange.conn, exchange.terms);
        exchange.flow = Flow::Page(Page {
            bytes: asset.bytes,
            cursor: 0,
        });
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
                .field("etag", &asset.etag)
                // Asked for each time, and then mostly answered by 304: a new version of the
                // program is a new page at once.
                .field("cache-control", "no-cache")
                .field("content-security-policy", POLICY)
                .field("cross-origin-resource-policy", "same-origin")
                .field("referrer-policy", "no-referrer")
                .field("x-content-type-options", "nosniff");
            if known {
                head.finish(ReplyBody::None, after(&terms));
            } else {
                let length = asset.bytes.len() as u64;
                head.field("content-type", asset.kind)
                    .finish(ReplyBody::Exact(length), after(&terms));
            }
        }
        self.flush(conn_id);
        self.rearm_client(conn_id);
        if known || !takes_body(terms.method) {
            self.reply_written(id, terms.keep_alive);
        } else {
            self.pump_page(id);
        }
        Ok(())
    }

    /// Puts as much of the file into the send buffer as there is room for. Called again whenever
    /// the client has taken some of it.
    pub(in crate::engine) fn pump_page(&mut self, id: ExchangeId) {
        let high = self.send_high();
        let Some(exchange) = self.exchanges.get_mut(id) else {
            return;
        };
        let (conn_id, keep_alive) = (exchange.conn, exchange.terms.keep_alive);
        let Flow::Page(page) = &mut exchange.flow else {
            return;
        };
        let Some(conn) = self.conns.get_mut(conn_id) else {
            return;
        };
        let room = high.saturating_sub(conn.out.len()).min(PUMP_BYTES);
        let rest = &page.bytes[page.cursor..];
        let piece = &rest[..rest.len().min(room)];
        page.cursor += piece.len();
        let done = page.cursor == page.bytes.len();
        self.blocks.put(&mut conn.out, piece);
        self.flush(conn_id);
        self.rearm_client(conn_id);
        if done {
            self.reply_written(id, keep_alive);
        }
    }
}
