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

    /// `GET /readyz`: whether requests that cost something are let in. A database that is away is no
    /// reason to send them elsewhere as long as rows can be kept: elsewhere has the same database.
    pub(super) fn reply_ready(&mut self, id: ExchangeId) -> Result<(), Failure> {
        let (status, body) = match (self.why_not_ready(), self.why_degraded()) {
            (Some(why), _) => (503, format!("not ready: {why}\n")),
            (None, Some(why)) => (200, format!("degraded: {why}\n")),
            (None, None) => (200, "ready\n".to_owned()),
        };
        self.reply(id, status, Content::Text, body.as_bytes());
        Ok(())
    }

    /// Why requests are refused, if they are.
    fn why_not_ready(&self) -> Option<&'static str> {
        if self.stopping.is_some() {
            Some("shutting down")
        } else if self.ledger.is_full() {
            Some("no memory left for buffers")
        } else if !self.works.has_room(Kind::Write) {
            Some("the store does not keep up")
        } else if !self.spill.keeps()
            && let Some(reason) = self.database_is_away()
        {
            Some(reason)
        } else if !self.store_takes_rows() {
            Some("the store takes no rows")
        } else if self.spill.standing().damaged {
            Some("the journal is damaged")
        } else if self.spill.is_full() {
            Some("the store takes no rows, and the journal is full")
        } else {
            None
        }
    }

    /// Why rows go another way than into the database, if they do.
    fn why_degraded(&self) -> Option<String> {
        if let Some(why) = self.database_is_away() {
            Some(format!("{why}, and rows wait in the journal"))
        } else if self.spill.away().is_some() {
            Some("the database takes no rows, and rows wait in the journal".to_owned())
        } else if self.spill.standing().aside > 0 {
            Some("the database refuses rows, which are set aside in the journal".to_owned())
        } else {
            None
        }
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
