//! Counters, and how they are shown at `/metrics` (Prometheus' text format 0.0.4).
//!
//! A counter is a plain field of the engine: one thread, so no atomics, no registry, no lock. What
//! only the process knows (turns, resident bytes, busy threads) comes in as
//! [`Observed`](super::io::Observed) once a second.

mod database;
mod gates;
mod hooks;
mod jobs;
mod page;
mod rates;
mod redis;
mod usage;

use std::collections::BTreeMap;

pub use self::usage::Used;
use crate::engine::work::Kind;

/// Defines the plain counters: field, name on the page, and words for both.
macro_rules! counters {
    ($($field:ident, $name:literal, $help:literal;)*) => {
        /// What has happened since the start.
        #[derive(Debug, Default)]
        pub struct Counters {
            $(#[doc = $help] pub $field: u64,)*
            exchanges: u64,
            latency_ns: u64,
            statuses: BTreeMap<u16, u64>,
            failures: BTreeMap<&'static str, u64>,
            texts_failed: BTreeMap<&'static str, u64>,
            full: [u64; super::work::KINDS],
        }

        impl Counters {
            /// Name, words and value of each plain counter.
            fn plain(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$(($name, $help, self.$field),)*].into_iter()
            }
        }
    };
}

counters! {
    accepted, "connections_accepted_total", "Connections accepted.";
    refused_connections, "connections_refused_total", "Connections turned away.";
    requests, "requests_total", "Request heads.";
    refused_requests, "requests_refused_total", "Bytes that were no request.";
    deserted, "requests_deserted_total", "Clients that left early.";
    slow_readers, "slow_readers_total", "Clients cut off for not reading.";
    generations, "generations_total", "Texts begun.";
    coalesced, "generations_coalesced_total", "Requests that joined a text.";
    cache_hits, "cache_hits_total", "Requests answered with a stored text.";
    replayed, "idempotent_replays_total", "Requests answered as the first one with their key.";
    tokens, "content_total", "Pieces of text.";
    events, "stream_events_total", "Events written to streams.";
    written, "text_bytes_written_total", "Bytes of streams and whole answers written.";
    calls, "calls_total", "Attempts at a provider.";
    calls_failed, "calls_failed_total", "Attempts that failed.";
    calls_aborted, "calls_aborted_total", "Attempts that were given up.";
    retries, "calls_retried_total", "Attempts that failed and were followed by another.";
    failovers, "failovers_total", "Attempts that failed and were followed by one at another target.";
    hedges, "hedges_total", "Second calls beside a slow first one.";
    hedges_won, "hedges_won_total", "Those of them that had content first.";
    renewed, "calls_renewed_total", "Attempts sent again because an idle connection had died.";
    lookups, "name_lookups_total", "Names looked up.";
    lookups_failed, "name_lookups_failed_total", "Look-ups that gave no address.";
    questions, "dns_questions_total", "Questions to name servers.";
    strays, "dns_strays_total", "Datagrams from a name server's address that answered no question.";
    dials_failed, "dials_failed_total", "Connections that could not be opened.";
    stale, "stale_inputs_total", "Inputs for an id that was stale.";
    panics, "work_panicked_total", "Pieces of work that panicked.";
    scores_late, "scores_late_total", "Texts stored before their scores.";
    scores_lost, "scores_lost_total", "Texts that could not be scored.";
    rows_lost, "rows_lost_total", "Rows that could not be stored.";
    rows_expired, "rows_expired_total", "Rows that were removed because they were kept no longer.";
    rows_spilled, "journal_kept_total", "Rows that went to the spill journal.";
    rows_replayed, "journal_replayed_total", "Rows of the spill journal that are in the database.";
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
