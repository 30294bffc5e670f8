//! All connections, and who of them asks next.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};

use super::client::{Client, Done, Seen, source};
use super::lag::Lag;
use super::metronome::{self, Schedule};
use super::options::Options;
use super::phase::State;
use super::report::Report;
use super::tally::{Fault, Tally};
use super::watch::Watched;
use super::work::{Expected, Work};

/// Events of one turn.
const EVENTS: usize = 1024;
const SCRATCH_BYTES: usize = 64 * 1024;
/// The token of the metronome.
const METRONOME: Token = Token(usize::MAX);
/// After a connection failed, before it is tried again.
const AGAIN_NS: u64 = 100_000_000;

/// See the module.
pub(crate) struct Crowd {
    poll: Poll,
    events: Option<Events>,
    scratch: Vec<u8>,
    clients: Vec<Client>,
    /// Connections to be opened, and when.
    opening: VecDeque<(u64, usize)>,
    /// Connections without a request, the one that has waited longest first.
    idle: VecDeque<usize>,
    /// Requests that are due and have no connection.
    due: VecDeque<u64>,
    /// The due times of an open loop.
    beats: Option<Receiver<Duration>>,
    start: Instant,
    address: SocketAddr,
    host: String,
    sources: Option<usize>,
    work: Work,
    expected: Expected,
    timeout_ns: u64,
    ramp: Duration,
    /// Requests that may still begin.
    left: u64,
    /// Requests that began, and those of them that have ended.
    number: u64,
    ended: u64,
    /// Requests under way.
    busy: usize,
    /// Nothing new begins.
    is_draining: bool,
    tally: Tally,
    lag: Lag,
}

impl Crowd {
    /// With all connections still to be opened.
    pub(crate) fn new(options: &Options, start: Instant) -> anyhow::Result<Crowd> {
        let address = options.address()?;
        let poll = Poll::new()?;
        let ramp = Duration::from_secs_f64(options.ramp_s());
        let step_ns = ramp.as_nanos() as f64 / options.connections as f64;
        let beats = match options.rate {
            None => None,
            Some(rate) => {
                let waker = Arc::new(Waker::new(poll.registry(), METRONOME)?);
                let schedule = Schedule::new(rate, options.poisson.then_some(options.seed));
                Some(metronome::start(schedule, start + ramp, waker))
            }
        };
        Ok(Crowd {
            poll,
            events: Some(Events::with_capacity(EVENTS)),
            scratch: vec![0; SCRATCH_BYTES],
            clients: (0..options.connections)
                .map(|_| Client::default())
                .collect(),
            opening: (0..options.connections)
                .map(|at| ((at as f64 * step_ns) as u64, at))
                .collect(),
            idle: VecDeque::new(),
            due: VecDeque::new(),
            beats,
            start,
            address,
            host: options.host().to_owned(),
            sources: address.ip().is_loopback().then(|| options.source_count()),
            work: options.work,
            expected: Expected {
                text_bytes: options.text_bytes,
                tokens: options.tokens,
            },
            timeout_ns: (options.timeout_s * 1e9) as u64,
            ramp,
            left: options.requests.unwrap_or(u64::MAX),
            number: 0,
            ended: 0,
            busy: 0,
            is_draining: false,
            tally: Tally::default(),
            lag: Lag::default(),
        })
    }

    /// The measurement begins.
    pub(crate) fn begin(&mut self) {
        let now_ns = self.now_ns();
        self.tally.begin(now_ns);
        self.lag.begin(now_ns);
    }

    /// It ends. What is under way, and what is due, may go on.
    pub(crate) fn end(&mut self) {
        self.tally.end(self.now_ns());
        self.is_draining = true;
    }

    pub(crate) fn state(&self) -> State {
        State {
            ended: self.ended,
            open: self.busy + self.due.len(),
        }
    }

    /// The figures. Whatever has no answer now will never have one.
    pub(crate) fn report(mut self, options: &Options, watched: Vec<Watched>) -> Report {
        for _ in 0..self.busy + self.due.len() {
            self.tally.fault(Fault::Unfinished);
        }
        Report::new(options, self.tally, &self.lag, watched)
    }

    /// One turn of the loop. It waits until `until` at most.
    pub(crate) fn turn(&mut self, until: Duration) -> io::Result<()> {
        let now_ns = self.now_ns();
        let until_ns = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        let beat = (!self.is_draining).then(|| self.lag.next_ns()).flatten();
        let opening = self.opening.front().map(|(at, _)| *at);
        let next_ns = [beat, opening]
            .into_iter()
            .flatten()
            .fold(until_ns, u64::min);
        let timeout = Duration::from_nanos(next_ns.saturating_sub(now_ns));
        let Some(mut events) = self.events.take() else {
            return Ok(());
        };
        let polled = self.poll.poll(&mut events, Some(timeout));
        if !self.is_draining {
            self.lag.note(self.now_ns());
        }
        for event in events.iter().filter(|event| event.token() != METRONOME) {
            let at = event.token().0;
            if event.is_writable() || event.is_error() {
                self.write(at);
            }
            if event.is_readable() || event.is_read_closed() {
                self.read(at, event.is_read_closed());
            }
        }
        self.events = Some(events);
        self.take_beats();
        self.open();
        match polled {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            polled => polled,
        }
    }

    fn now_ns(&self) -> u64 {
        nanoseconds(self.start)
    }

    fn write(&mut self, at: usize) {
        let now_ns = self.now_ns();
        let was_busy = self.clients[at].busy.is_some();
        let seen = self.clients[at].writable(now_ns);
        self.settle(at, seen, was_busy);
    }

    /// Reads until nothing is left. A short read leaves nothing but an end that was announced.
    fn read(&mut self, at: usize, is_closed: bool) {
        loop {
            let was_busy = self.clients[at].busy.is_some();
            let start = self.start;
            let (seen, is_full) =
                self.clients[at].read(&mut self.scratch, self.work, self.expected, || {
                    nanoseconds(start)
                });
            let is_progress = matches!(seen, Seen::Progress(..));
            self.settle(at, seen, was_busy);
            if !(is_full || is_closed && is_progress) {
                return;
            }
        }
    }

    /// Counts what was seen of a connection, and gives it its next request.
    fn settle(&mut self, at: usize, seen: Seen, was_busy: bool) {
        match seen {
            Seen::Nothing => {}
            Seen::Connected => {
                self.tally.connections += 1;
                self.employ(at);
            }
            Seen::Progress(tokens, end) => {
                let heard_ns = self.clients[at].heard_ns;
                if let Some(tokens) = tokens {
                    self.tally.tokens(&tokens, heard_ns);
                }
                match end {
                    None => {}
                    Some(Ok(done)) => self.finish(at, &done, heard_ns),
                    Some(Err(fault)) => self.fail(at, fault, was_busy),
                }
            }
            Seen::Failed(fault) => self.fail(at, fault, was_busy),
            Seen::Stale => {
                if let Some(exchange) = self.clients[at].busy.take() {
                    self.tally.stale += 1;
                    self.busy -= 1;
                    self.due.push_front(exchange.due_ns);
                }
                self.reopen(at, 0);
            }
        }
    }

    fn finish(&mut self, at: usize, done: &Done, now_ns: u64) {
        self.busy -= 1;
        self.ended += 1;
        self.tally.done(done, now_ns);
        if done.keeps {
            self.employ(at);
        } else {
            self.reopen(at, 0);
        }
    }

    fn fail(&mut self, at: usize, fault: Fault, was_busy: bool) {
        self.tally.fault(fault);
        if was_busy {
            self.busy -= 1;
            self.ended += 1;
        } else if fault == Fault::Connect && self.may_begin() {
            // The request that would have been its next one.
            self.left -= 1;
            self.ended += 1;
        }
        self.reopen(at, AGAIN_NS);
    }

    fn may_begin(&self) -> bool {
        self.left > 0 && !self.is_draining
    }

    /// Gives a free connection something to do.
    fn employ(&mut self, at: usize) {
        let now_ns = self.now_ns();
        if let Some(due_ns) = self.due.pop_front() {
            self.ask(at, due_ns, now_ns);
        } else if self.beats.is_none() && self.may_begin() {
            self.left -= 1;
            self.ask(at, now_ns, now_ns);
        } else {
            self.idle.push_back(at);
        }
    }

    fn ask(&mut self, at: usize, due_ns: u64, now_ns: u64) {
        let mut request = Vec::with_capacity(256);
        self.work.write(&mut request, &self.host, self.number);
        self.number += 1;
        self.busy += 1;
        self.clients[at].ask(request, due_ns, now_ns);
    }

    /// Requests of an open loop that have become due.
    fn take_beats(&mut self) {
        while let Some(due) = self.beats.as_ref().and_then(|beats| beats.try_recv().ok()) {
            if self.may_begin() {
                self.left -= 1;
                let due = due + self.ramp;
                (self.due).push_back(u64::try_from(due.as_nanos()).unwrap_or(u64::MAX));
            }
        }
        while !self.due.is_empty()
            && let Some(at) = self.idle.pop_front()
        {
            // One that was closed in the meantime is on this list once more when it is free again.
            if self.clients[at].is_idle() {
                self.employ(at);
            }
        }
    }

    fn reopen(&mut self, at: usize, wait_ns: u64) {
        self.clients[at] = Client::default();
        let when_ns = self.now_ns() + wait_ns;
        if wait_ns == 0 {
            self.opening.push_front((when_ns, at));
        } else {
            self.opening.push_back((when_ns, at));
        }
    }

    /// Opens the connections whose time has come.
    fn open(&mut self) {
        while let Some((when_ns, at)) = self.opening.front().copied() {
            let now_ns = self.now_ns();
            if when_ns > now_ns {
                return;
            }
            self.opening.pop_front();
            if self.is_draining && self.due.is_empty() {
                continue;
            }
            if self.connect(at, now_ns).is_err() {
                self.fail(at, Fault::Connect, false);
            }
        }
    }

    fn connect(&mut self, at: usize, now_ns: u64) -> io::Result<()> {
        let source = self.sources.map(|sources| source(at, sources));
        let client = &mut self.clients[at];
        client.connect(self.address, source)?;
        client.heard_ns = now_ns;
        let Some(stream) = client.stream() else {
            return Ok(());
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(stream, Token(at), interest)
    }

    /// Fails whoever has heard nothing for too long.
    pub(crate) fn give_up_on_the_silent(&mut self) {
        let now_ns = self.now_ns();
        for at in 0..self.clients.len() {
            let client = &mut self.clients[at];
            let waits = client.busy.is_some() || client.is_connecting();
            if waits && now_ns.saturating_sub(client.heard_ns) > self.timeout_ns {
                let was_busy = client.busy.is_some();
                let fault = if was_busy {
                    Fault::Timeout
                } else {
                    Fault::Connect
                };
                self.fail(at, fault, was_busy);
            }
        }
    }
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        write!(
            f,
            "{} under way, {} answers, {} tokens, {} errors",
            self.busy,
            self.ended,
            tally.tokens,
            tally.errors.total()
        )
    }
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
