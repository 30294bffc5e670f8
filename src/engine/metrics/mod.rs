//! Counters, and how they are shown at `/metrics` (Prometheus' text format 0.0.4).
//!
//! A counter is a plain field of the engine: one thread, so no atomics, no registry, no lock. What
//! only the process knows (turns, resident bytes, busy threads) comes in as
//! [`Observed`](super::io::Observed) once a second.

mod page;

use std::collections::BTreeMap;

use crate::engine::work::Kind;

/// What has happened since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections turned away.
    pub refused_connections: u64,
    /// Request heads.
    pub requests: u64,
    /// Bytes that were no request.
    pub refused_requests: u64,
    /// Clients that left before their answer was complete.
    pub deserted: u64,
    /// Clients that did not take their answer.
    pub slow_readers: u64,
    /// Texts begun.
    pub generations: u64,
    /// Requests that joined a text.
    pub coalesced: u64,
    /// Pieces of text.
    pub tokens: u64,
    /// Events written to streams.
    pub events: u64,
    /// Attempts at an upstream.
    pub calls: u64,
    /// … that failed.
    pub calls_failed: u64,
    /// … that were given up.
    pub calls_aborted: u64,
    /// … that were tried again.
    pub retries: u64,
    /// Connections that could not be opened.
    pub dials_failed: u64,
    /// Inputs for an id that was stale.
    pub stale: u64,
    /// Work that panicked.
    pub panics: u64,
    /// Texts stored before their scores were there.
    pub scores_late: u64,
    /// Texts that could not be scored later either.
    pub scores_lost: u64,
    /// Rows that nobody waited for and that could not be stored.
    pub rows_lost: u64,
    exchanges: u64,
    latency_ns: u64,
    statuses: BTreeMap<u16, u64>,
    failures: BTreeMap<&'static str, u64>,
    texts_failed: BTreeMap<&'static str, u64>,
    full: [u64; 4],
}

impl Counters {
    /// A reply began with this status.
    pub fn answered(&mut self, status: u16) {
        *self.statuses.entry(status).or_default() += 1;
    }

    /// A request failed.
    pub fn failed(&mut self, code: &'static str) {
        *self.failures.entry(code).or_default() += 1;
    }

    /// A text failed.
    pub fn generation_failed(&mut self, code: &'static str) {
        *self.texts_failed.entry(code).or_default() += 1;
    }

    /// A queue was full.
    pub fn full(&mut self, kind: Kind) {
        self.full[kind as usize] += 1;
    }

    /// An exchange has ended after so many nanoseconds.
    pub fn exchange_ended(&mut self, nanos: u64) {
        self.exchanges += 1;
        self.latency_ns += nanos;
    }
}
