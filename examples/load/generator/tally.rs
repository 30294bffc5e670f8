//! What was counted: answers, tokens, durations, errors by kind.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::client::{Done, Tokens};
use super::histogram::Histogram;

/// What went wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection.
    Connect,
    /// Another status than 200.
    Status(u16),
    /// The connection ended before the answer did.
    Cut,
    /// Not HTTP.
    Malformed,
    /// Bytes that answer nothing.
    Unasked,
    /// A whole answer that is not right.
    Wrong(&'static str),
    /// Nothing came for too long.
    Timeout,
    /// The measurement was over long before the answer.
    Unfinished,
}

/// Requests without a right answer, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Errors {
    pub(crate) connect: u64,
    pub(crate) status: u64,
    pub(crate) cut: u64,
    pub(crate) protocol: u64,
    pub(crate) wrong: u64,
    pub(crate) timeout: u64,
    pub(crate) unfinished: u64,
    /// How often which status, or what was wrong.
    pub(crate) details: BTreeMap<String, u64>,
}

impl Errors {
    pub(crate) fn add(&mut self, fault: Fault) {
        let (count, detail) = match fault {
            Fault::Connect => (&mut self.connect, None),
            Fault::Status(status) => (&mut self.status, Some(format!("status {status}"))),
            Fault::Cut => (&mut self.cut, None),
            Fault::Malformed => (&mut self.protocol, Some("not HTTP".to_owned())),
            Fault::Unasked => (&mut self.protocol, Some("unasked bytes".to_owned())),
            Fault::Wrong(what) => (&mut self.wrong, Some(what.to_owned())),
            Fault::Timeout => (&mut self.timeout, None),
            Fault::Unfinished => (&mut self.unfinished, None),
        };
        *count += 1;
        if let Some(detail) = detail {
            *self.details.entry(detail).or_default() += 1;
        }
    }

    pub(crate) fn total(&self) -> u64 {
        let Errors {
            connect,
            status,
            cut,
            protocol,
            wrong,
            timeout,
            unfinished,
            details: _,
        } = self;
        connect + status + cut + protocol + wrong + timeout + unfinished
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.connect, "without connection"),
            (self.status, "with another status"),
            (self.cut, "cut"),
            (self.protocol, "not HTTP"),
            (self.wrong, "wrong"),
            (self.timeout, "timed out"),
            (self.unfinished, "unfinished"),
        ];
        write!(f, "{}", self.total())?;
        for (count, kind) in kinds.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {count} {kind}")?;
        }
        for (detail, count) in &self.details {
            write!(f, "\n    {count:>8} × {detail}")?;
        }
        Ok(())
    }
}

/// The measurement so far. All times are nanoseconds.
///
/// Answers and tokens count when they come in the measured time. Durations count when they *begin*
/// in it, also if they end later: otherwise the slow ones would be left out.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    begin_ns: Option<u64>,
    end_ns: Option<u64>,
    pub(crate) answers: u64,
    pub(crate) tokens: u64,
    pub(crate) text_bytes: u64,
    pub(crate) body_bytes: u64,
    /// From when a request was due to the end of its answer.
    pub(crate) latency: Histogram,
    /// From when a request was due to when it was sent.
    pub(crate) late: Histogram,
    pub(crate) first_token: Histogram,
    /// Between two tokens; of those that come together, all but one follow after nothing.
    pub(crate) token_gap: Histogram,
    pub(crate) errors: Errors,
    /// Requests that were sent again, as the server had closed the connection meanwhile.
    pub(crate) stale: u64,
    pub(crate) connections: u64,
}

impl Tally {
    pub(crate) fn begin(&mut self, now_ns: u64) {
        self.begin_ns = Some(now_ns);
    }

    pub(crate) fn end(&mut self, now_ns: u64) {
        self.end_ns = Some(now_ns);
    }

    /// Seconds that were measured.
    pub(crate) fn seconds(&self) -> f64 {
        match (self.begin_ns, self.end_ns) {
            (Some(begin), Some(end)) => end.saturating_sub(begin) as f64 / 1e9,
            _ => 0.0,
        }
    }

    fn holds(&self, at_ns: u64) -> bool {
        self.begin_ns.is_some_and(|begin| at_ns >= begin)
            && self.end_ns.is_none_or(|end| at_ns <= end)
    }

    pub(crate) fn done(&mut self, done: &Done, now_ns: u64) {
        if self.holds(now_ns) {
            self.answers += 1;
            self.text_bytes += done.text_bytes;
            self.body_bytes += done.body_bytes;
        }
        if self.holds(done.due_ns) {
            self.latency.record(now_ns.saturating_sub(done.due_ns));
            self.late.record(done.sent_ns.saturating_sub(done.due_ns));
        }
    }

    pub(crate) fn tokens(&mut self, tokens: &Tokens, now_ns: u64) {
        if !self.holds(now_ns) {
            return;
        }
        self.tokens += tokens.count;
        let histogram = if tokens.are_first {
            &mut self.first_token
        } else {
            &mut self.token_gap
        };
        histogram.record(tokens.waited_ns);
        for _ in 1..tokens.count {
            self.token_gap.record(0);
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.errors.add(fault);
    }
}

#[cfg(test)]
mod tests {
    use super::{Done, Fault, Tally, Tokens};

    fn done(due_ns: u64) -> Done {
        Done {
            due_ns,
            sent_ns: due_ns + 5,
            text_bytes: 1,
            body_bytes: 2,
            keeps: true,
        }
    }

    #[test]
    fn answers_count_when_they_come_and_durations_when_they_begin() {
        let mut tally = Tally::default();
        tally.done(&done(0), 5);
        tally.begin(10);
        tally.done(&done(0), 15);
        tally.done(&done(10), 20);
        tally.end(30);
        tally.done(&done(20), 90);
        tally.done(&done(40), 90);
        assert_eq!((tally.answers, tally.latency.count()), (2, 2));
        assert_eq!(tally.latency.quantile(1.0), 70);
        assert_eq!(tally.late.quantile(1.0), 5);
    }

    #[test]
    fn tokens_that_come_together_all_count() {
        let mut tally = Tally::default();
        tally.begin(0);
        let tokens = |count, are_first| Tokens {
            count,
            are_first,
            waited_ns: 7,
        };
        tally.tokens(&tokens(3, true), 1);
        tally.tokens(&tokens(1, false), 2);
        let counts = (
            tally.tokens,
            tally.first_token.count(),
            tally.token_gap.count(),
        );
        assert_eq!(counts, (4, 1, 3));
    }

    #[test]
    fn every_kind_of_error_is_in_the_total() {
        let mut tally = Tally::default();
        let faults = [
            Fault::Connect,
            Fault::Status(503),
            Fault::Cut,
            Fault::Malformed,
            Fault::Unasked,
            Fault::Wrong("x"),
            Fault::Timeout,
            Fault::Unfinished,
        ];
        faults.into_iter().for_each(|fault| tally.fault(fault));
        assert_eq!(tally.errors.total(), faults.len() as u64);
        assert_eq!(tally.errors.details["status 503"], 1);
    }
}
