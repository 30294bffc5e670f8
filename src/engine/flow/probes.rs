//! Answers for machines from the loop alone: probes, metrics, spans. They wait for nothing.

use crate::engine::reply::Content;
use crate::engine::slots::ExchangeId;
use crate::engine::work::Kind;
use crate::engine::{Engine, Failure};

/// Spans shown by `/debug/spans`: few enough to be written in well under a millisecond.
const SPANS_SHOWN: usize = 1_000;

impl Engine {
    /// `GET /healthz`: the loop turns, or nobody would answer.
    pub(super) fn reply_health(&mut self, id: ExchangeId) -> Result<(), Failure> {
        self.reply(id, 200, Content::Text, b"ok\n");
        Ok(())
    }

    /// `GET /readyz`: requests that cost something are let in.
    pub(super) fn reply_ready(&mut self, id: ExchangeId) -> Result<(), Failure> {
        let reason = if self.stopping.is_some() {
            Some("shutting down")
        } else if self.ledger.is_full() {
            Some("no memory left for buffers")
        } else if !self.works.has_room(Kind::Write) {
            Some("the store does not keep up")
        } else if let Some(reason) = self.database_is_away() {
            Some(reason)
        } else if !self.store_takes_rows() {
            Some("the store takes no rows")
        } else if self.spill.standing().damaged {
            Some("the journal is damaged")
        } else if self.spill.is_full() {
            Some("the store takes no rows, and the journal is full")
        } else {
            None
        };
        match reason {
            None if self.spill.away().is_some() => {
                let degraded = b"ready, degraded: rows wait in the journal\n";
                self.reply(id, 200, Content::Text, degraded);
            }
            None if self.spill.standing().aside > 0 => {
                let degraded = b"ready, degraded: the database refuses rows, which are set aside in the journal\n";
                self.reply(id, 200, Content::Text, degraded);
            }
            None => self.reply(id, 200, Content::Text, b"ready\n"),
            Some(reason) => {
                let body = format!("not ready: {reason}\n");
                self.reply(id, 503, Content::Text, body.as_bytes());
            }
        }
        Ok(())
    }

    /// `GET /metrics`
    pub(super) fn reply_metrics(&mut self, id: ExchangeId) -> Result<(), Failure> {
        let page = self.metrics();
        self.reply(id, 200, Content::Metrics, page.as_bytes());
        Ok(())
    }

    /// `GET /debug/spans`, which exists only where the configuration says so.
    pub(super) fn reply_spans(&mut self, id: ExchangeId) -> Result<(), Failure> {
        if !self.config.debug {
            return Err(Failure::NoSuchRoute);
        }
        let lines = self.spans_as_lines(SPANS_SHOWN);
        self.reply(id, 200, Content::Lines, &lines);
        Ok(())
    }
}
