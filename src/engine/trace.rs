//! The trace ring: what every turn, exchange and call spent its time on.
//!
//! A record is written when a span *ends*, so whatever the ring has forgotten was finished, and
//! nothing seems to run for ever. One clock reading ends a state and starts the next one, so the
//! states of an exchange add up to its latency exactly.
//!
//! The ring is memory and nothing else: 32 bytes a record, no allocation, no system call, no lock.

use super::io::Turn;
use super::now::Mono;
use super::slots::Key;
use crate::limits::SPANS;

/// What a span belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// One turn of the loop, without the time in poll.
    Turn,
    /// A state of a request.
    Exchange,
    /// A state of an attempt at an upstream.
    Call,
}

/// What was going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    /// A turn of the loop.
    Turn,
    /// Exchange: the request is arriving.
    Reading,
    /// Exchange: a long body is parsed on a thread.
    Parsing,
    /// Exchange: a counter that several processes share is being asked.
    AwaitingShare,
    /// Exchange: waiting for the first content of a text.
    AwaitingText,
    /// Exchange: content is going out.
    Streaming,
    /// Exchange: a text is being scored.
    Scoring,
    /// Exchange: rows are being written.
    Saving,
    /// Exchange: the store is being asked.
    Querying,
    /// Call: waiting for its turn.
    Waiting,
    /// Call: waiting for a connection.
    Queued,
    /// Call: waiting for the first byte of the answer.
    AwaitingAnswer,
    /// Call: the answer is arriving.
    Receiving,
    /// Call: the offline provider is writing.
    Offline,
    /// Call: waiting for the next attempt.
    BackOff,
}

impl State {
    /// All states, for metrics.
    pub const ALL: [State; 15] = [
        State::Turn,
        State::Reading,
        State::Parsing,
        State::AwaitingShare,
        State::AwaitingText,
        State::Streaming,
        State::Scoring,
        State::Saving,
        State::Querying,
        State::Waiting,
        State::Queued,
        State::AwaitingAnswer,
        State::Receiving,
        State::Offline,
        State::BackOff,
    ];

    /// The label in metrics and exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::Turn => "turn",
            State::Reading => "reading",
            State::Parsing => "parsing",
            State::AwaitingShare => "awaiting_share",
            State::AwaitingText => "awaiting_text",
            State::Streaming => "streaming",
            State::Scoring => "scoring",
            State::Saving => "saving",
            State::Querying => "querying",
            State::Waiting => "waiting",
            State::Queued => "queued",
            State::AwaitingAnswer => "awaiting_answer",
            State::Receiving => "receiving",
            State::Offline => "offline",
            State::BackOff => "back_off",
        }
    }
}

/// One closed span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub start: Mono,
    /// How long it lasted, in nanoseconds.
    pub nanos: u64,
    /// Whose it is: index and epoch of its slot, or the number of the turn.
    pub whose: Key,
    /// A turn, an exchange or a call.
    pub kind: Kind,
    /// In which state.
    pub state: State,
    /// Events of a turn; otherwise 0.
    pub arg: u32,
}

const _: () = assert!(size_of::<Span>() == 32);

/// The ring.
pub struct Trace {
    spans: Vec<Span>,
    written: u64,
    nanos: [u64; State::ALL.len()],
    ended: [u64; State::ALL.len()],
}

impl Default for Trace {
    fn default() -> Self {
        Trace {
            spans: Vec::with_capacity(SPANS),
            written: 0,
            nanos: [0; State::ALL.len()],
            ended: [0; State::ALL.len()],
        }
    }
}

impl Trace {
    /// Writes a span that has ended.
    pub fn push(&mut self, span: Span) {
        self.nanos[span.state as usize] += span.nanos;
        self.ended[span.state as usize] += 1;
        let at = (self.written % SPANS as u64) as usize;
        if at < self.spans.len() {
            self.spans[at] = span;
        } else {
            self.spans.push(span);
        }
        self.written += 1;
    }

    /// Writes a turn of the loop.
    pub fn turn(&mut self, turn: &Turn) {
        self.push(Span {
            start: turn.began,
            nanos: turn.nanos,
            whose: Key::unpack(turn.number),
            kind: Kind::Turn,
            state: State::Turn,
            arg: turn.events,
        });
    }

    /// The last `n` spans, the oldest first.
    pub fn last(&self, n: usize) -> impl Iterator<Item = &Span> {
        let n = n.min(self.spans.len());
        let first = self.written - n as u64;
        (first..self.written).map(|i| &self.spans[(i % SPANS as u64) as usize])
    }

    /// Nanoseconds spent in `state`, and how often it has ended, since the start.
    #[must_use]
    pub fn total(&self, state: State) -> (u64, u64) {
        (self.nanos[state as usize], self.ended[state as usize])
    }

    /// Spans written since the start.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_newest_in_order() {
        let mut trace = Trace::default();
        for i in 0..SPANS as u64 + 10 {
            trace.push(Span {
                start: Mono(i),
                nanos: 2,
                whose: Key { index: 0, epoch: 0 },
                kind: Kind::Turn,
                state: State::Turn,
                arg: 0,
            });
        }
        let starts: Vec<u64> = trace.last(3).map(|s| s.start.0).collect();
        let end = SPANS as u64 + 10;
        assert_eq!(starts, [end - 3, end - 2, end - 1]);
        assert_eq!(trace.total(State::Turn), (2 * end, end));
        assert_eq!(trace.last(usize::MAX).count(), SPANS);
    }
}
