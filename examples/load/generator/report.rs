//! The figures, for people and as JSON.

use std::fmt;

use serde::Serialize;

use super::histogram::{Histogram, Summary};
use super::lag::{Lag, TOO_LATE_NS};
use super::options::Options;
use super::tally::{Errors, Tally};
use super::watch::Watched;
use super::work::Work;

/// See the module. Durations are in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) server: String,
    pub(crate) work: Work,
    pub(crate) connections: usize,
    /// Requests a second that were asked for; none in a closed loop.
    pub(crate) rate: Option<f64>,
    pub(crate) seconds: f64,
    pub(crate) answers: u64,
    pub(crate) answers_per_s: f64,
    pub(crate) tokens: u64,
    pub(crate) tokens_per_s: f64,
    pub(crate) text_bytes: u64,
    pub(crate) body_bytes: u64,
    pub(crate) latency_us: Summary,
    pub(crate) first_token_us: Option<Summary>,
    pub(crate) token_gap_us: Option<Summary>,
    /// How late requests were sent, for want of a free connection or of time.
    pub(crate) late_us: Summary,
    pub(crate) errors: Errors,
    pub(crate) stale: u64,
    pub(crate) connected: u64,
    pub(crate) lag_us: Summary,
    /// The generator was too late for its figures to be the server's.
    pub(crate) generator_bound: bool,
    pub(crate) watched: Vec<Watched>,
}

impl Report {
    pub(crate) fn new(options: &Options, tally: Tally, lag: &Lag, watched: Vec<Watched>) -> Report {
        let seconds = tally.seconds();
        let per_s = |count: u64| count as f64 / seconds.max(1e-9);
        let some = |histogram: &Histogram| (histogram.count() > 0).then(|| histogram.summary());
        Report {
            server: options.server.clone(),
            work: options.work,
            connections: options.connections,
            rate: options.rate,
            seconds,
            answers: tally.answers,
            answers_per_s: per_s(tally.answers),
            tokens: tally.tokens,
            tokens_per_s: per_s(tally.tokens),
            text_bytes: tally.text_bytes,
            body_bytes: tally.body_bytes,
            latency_us: tally.latency.summary(),
            first_token_us: some(&tally.first_token),
            token_gap_us: some(&tally.token_gap),
            late_us: tally.late.summary(),
            errors: tally.errors,
            stale: tally.stale,
            connected: tally.connections,
            lag_us: lag.histogram().summary(),
            generator_bound: lag.histogram().quantile(0.99) > TOO_LATE_NS,
            watched,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} answers in {:.1} s: {:.0} a second",
            self.answers, self.seconds, self.answers_per_s
        )?;
        if self.tokens > 0 {
            writeln!(
                f,
                "{} tokens: {:.0} a second",
                self.tokens, self.tokens_per_s
            )?;
        }
        writeln!(
            f,
            "{:14} {:>10} {:>10} {:>10} {:>10}",
            "ms", "p50", "p99", "p99.9", "max"
        )?;
        let lines = [
            ("answer", Some(self.latency_us)),
            ("first token", self.first_token_us),
            ("token to token", self.token_gap_us),
            ("sent late by", self.rate.map(|_| self.late_us)),
            ("own lag", Some(self.lag_us)),
        ];
        for (name, summary) in lines {
            let Some(Summary {
                p50,
                p99,
                p999,
                max,
                ..
            }) = summary
            else {
                continue;
            };
            write!(f, "{name:14}")?;
            for us in [p50, p99, p999, max] {
                write!(f, " {:>10.3}", us / 1000.0)?;
            }
            writeln!(f)?;
        }
        writeln!(f, "errors: {}", self.errors)?;
        for watched in &self.watched {
            writeln!(f, "{watched}")?;
        }
        if self.generator_bound {
            writeln!(f, "generator-bound: its own lag is more than 5 ms at p99")?;
        }
        Ok(())
    }
}
