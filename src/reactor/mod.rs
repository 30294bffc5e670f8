//! The reactor: the only place that does system calls.
//!
//! It owns the poller, the sockets and the threads. It turns what the kernel says into
//! [`Input`]s for the engine and carries out the [`Output`]s that come back. It decides nothing
//! about requests: whoever wants to know *why* something happens reads `engine/`.
//!
//! One [`Reactor::turn`] is nine steps, numbered in the code:
//!
//! ```text
//!  1 flush what is dirty          6 read from those that are ready, within budgets
//!  2 how long may we wait         7 results of threads
//!  3 poll                         8 accept
//!  4 read the clock, once         9 tick: timers, and work for the threads
//!  5 note the events
//! ```

mod clock;
mod data_dir;
mod datagrams;
mod greet;
mod group;
mod keeper;
mod listener;
mod mask;
mod observe;
mod os_error;
mod perform;
pub mod recorder;
pub mod replay;
mod scorer;
mod signals;
mod socket;
mod start;
mod threads;
mod tls;
mod transfer;
mod watchdog;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use mio::event::Event;
use mio::{Events, Poll, Token};

use self::clock::Clock;
use self::datagrams::Datagram;
use self::listener::{Accepted, Listener};
use self::observe::Observer;
use self::recorder::Recorder;
use self::signals::{Signals, Wish};
use self::socket::Socket;
pub use self::start::{StartError, run};
use self::threads::{Finished, Threads};
use self::watchdog::Board;
use crate::engine::failover::Failover;
use crate::engine::gate::BreakerTurn;
use crate::engine::io::{Input, Output};
use crate::engine::policy::breaker;
use crate::engine::work::Work;
use crate::engine::{ConnId, Engine, Key, Mono, Now, WorkId};
use crate::engine::{database, hooks, redis};
use crate::limits::{ACCEPTS_PER_TURN, READY_MS_PER_TURN, READY_PER_TURN, RESULTS_PER_TURN};
use crate::proto::http1::Method;

/// Events fetched from the kernel at a time; more come with the next turn.
const EVENTS: usize = 1024;

/// Tokens that are no connection: indices that no table reaches.
const LISTENER: Token = Token(u32::MAX as usize);
const WAKER: Token = Token(u32::MAX as usize - 1);
const SIGNALS: Token = Token(u32::MAX as usize - 2);

/// See the module.
pub struct Reactor {
    poll: Poll,
    events: Events,
    engine: Engine,
    sockets: Vec<Option<Socket>>,
    /// Sockets of questions to name servers; never more than a few dozen.
    datagrams: Vec<Datagram>,
    listener: Listener,
    signals: Signals,
    threads: Threads,
    tls: Vec<Option<Arc<rustls::ClientConfig>>>,
    recorder: Option<Recorder>,
    clock: Clock,
    now: Now,
    board: Arc<Board>,
    observer: Observer,
    /// Sockets that may have something to read.
    ready: VecDeque<ConnId>,
    /// Sockets that may have something to write.
    dirty: VecDeque<ConnId>,
    /// What the engine wants done after the present input.
    outputs: Vec<Output>,
    /// What carrying that out has brought about: told after all of it is done.
    news: VecDeque<Input<'static>>,
    /// Work for the threads, handed over once a turn.
    work: Vec<(WorkId, Work)>,
    /// Everything is read into this.
    scratch: Box<[u8]>,
    /// … and decrypted into this.
    plain: Box<[u8]>,
    /// There were more results than one turn takes.
    results_left: bool,
    /// TLS handshakes moved on in this turn.
    handshakes: usize,
    /// A drill: milliseconds that each turn is held up on purpose.
    stall_ms: u64,
}

impl Reactor {
    /// Turns until the engine has finished, or until somebody does not want to wait for that.
    pub fn run(mut self) -> Result<(), StartError> {
        let mut wish = None;
        while !self.engine.is_finished() && wish != Some(Wish::StopNow) {
            wish = self.turn()?;
        }
        let finished = self.engine.is_finished();
        self.end();
        if finished {
            Ok(())
        } else {
            Err(StartError::CutOff)
        }
    }

    /// One turn of the loop. Only poll itself can fail it; a socket's trouble is the socket's.
    fn turn(&mut self) -> io::Result<Option<Wish>> {
        // 1: what was written by the last turn leaves, one write per connection
        self.flush_dirty();
        // Room in a connection may be what a piece of work has waited for.
        self.hand_work_over();
        // 2: with something still to be done there is no waiting
        let timeout = self.timeout();
        // 3
        loop {
            match self.poll.poll(&mut self.events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                polled => break polled?,
            }
        }
        // 4: this is "now" for all that follows
        self.now = self.clock.now();
        self.board.turn_begins(self.now.mono.0);
        self.handshakes = 0;
        self.feed(Input::Turned(self.observer.last_turn()));
        if let Some(observed) = self.observer.due(self.now.mono, &self.board, &self.threads) {
            self.feed(Input::Observed(observed));
        }
        // 5: events only set flags
        let (count, results, signalled) = self.note_events();
        self.observer.turn(count);
        // 6
        self.read_ready();
        // 7: also those that nobody was woken for
        if results {
            self.threads.begin_fetch();
        }
        if results || self.results_left || self.threads.has_results() {
            self.fetch_results();
        }
        // 8
        self.accept();
        // 9
        self.feed(Input::Tick);
        self.hand_work_over();
        self.log_failures();
        self.log_breakers();
        self.log_failovers();
        self.log_database();
        self.log_redis();
        self.log_hooks();
        self.log_counters();
        let wish = if signalled { self.signals.wish() } else { None };
        if let Some(wish) = wish {
            self.stop_accepting(wish);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.flush_if_idle();
        }
        if self.stall_ms > 0 {
            std::thread::sleep(std::time::Duration::from_millis(self.stall_ms));
        }
        Ok(wish)
    }

    /// Tells the engine one thing, and does all that it wants done about it.
    fn feed(&mut self, input: Input<'_>) {
        self.tell(input);
        // Carrying an output out can bring news (a connect that fails at once). They are told
        // afterwards, one by one, each with its own outputs.
        while let Some(news) = self.news.pop_front() {
            self.tell(news);
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.input(self.now, &input);
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        self.engine.handle(self.now, input, &mut outputs);
        for output in outputs.drain(..) {
            self.perform(output);
        }
        self.outputs = outputs;
        if let Some(recorder) = &mut self.recorder
            && recorder.wants_digest()
        {
            recorder.digest(self.now, self.engine.digest());
        }
    }

    /// How long poll may wait: not at all if something is left to do, else until the next
    /// deadline of the engine or of the listener.
    fn timeout(&mut self) -> Option<std::time::Duration> {
        let end = self.clock.mono();
        self.observer.turn_ended(self.now.mono, end);
        self.board.turn_ends();
        let left = !self.ready.is_empty() || !self.dirty.is_empty() || self.results_left;
        if left || self.listener.wants(end) {
            return Some(std::time::Duration::ZERO);
        }
        let next = self.engine.next_deadline().min(self.listener.next_try());
        (next != Mono::NEVER).then(|| next.from_now(end))
    }

    /// Notes what the kernel says; returns how many events there were, and whether threads or
    /// signals are among them.
    fn note_events(&mut self) -> (usize, bool, bool) {
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let (mut results, mut signalled, mut count) = (false, false, 0);
        for event in &events {
            count += 1;
            match event.token() {
                LISTENER => self.listener.set_ready(),
                WAKER => results = true,
                SIGNALS => signalled = true,
                _ => self.note_socket(event),
            }
        }
        self.events = events;
        (count, results, signalled)
    }

    fn note_socket(&mut self, event: &Event) {
        let id = ConnId(Key::unpack(event.token().0 as u64));
        let place = self.sockets.get_mut(id.0.index as usize);
        let found = place.and_then(|place| place.as_mut().filter(|socket| socket.id == id));
        let Some(socket) = found else {
            if !self.note_datagram(id) {
                self.observer.stale_event();
            }
            return;
        };
        let readable = event.is_readable() || event.is_read_closed() || event.is_error();
        if readable {
            socket.readable = true;
            socket.read_closed |= event.is_read_closed() || event.is_error();
        }
        // A connection that is being made is looked at from the ready list, whatever came.
        if (readable || socket.connecting) && !socket.queued {
            socket.queued = true;
            self.ready.push_back(id);
        }
        // Every event of a socket says whether it can be written to; it is news only if it could not.
        if (event.is_writable() && !socket.writable) || event.is_error() {
            socket.writable = true;
            if !socket.dirty {
                socket.dirty = true;
                self.dirty.push_back(id);
            }
        }
    }

    /// Reads from those that are ready: so many at most, for so long at most. The rest comes
    /// first in the next turn, after everybody else had a chance to be noticed.
    fn read_ready(&mut self) {
        let until = self.now.mono.plus_ms(READY_MS_PER_TURN);
        let room = READY_PER_TURN.min(self.ready.len());
        for n in 0..room {
            // One socket's budget may be a quarter of a megabyte, so every one is followed by a
            // look at the clock, which costs far less than the read.
            if n > 0 && self.clock.mono() > until {
                break;
            }
            let Some(id) = self.ready.pop_front() else {
                break;
            };
            self.read_from(id);
        }
    }

    fn fetch_results(&mut self) {
        self.results_left = true;
        for _ in 0..RESULTS_PER_TURN {
            let Some(finished) = self.threads.next_result() else {
                self.results_left = false;
                break;
            };
            match finished {
                Finished::Work(id, result) => self.feed(Input::Done(id, result)),
                Finished::Name(index, result) => self.feed(Input::Resolved(index, result)),
            }
        }
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTS_PER_TURN {
            if !self.listener.wants(self.now.mono) {
                break;
            }
            match self.listener.accept(self.now.mono) {
                Accepted::Client(stream, peer) => self.welcome(stream, peer),
                Accepted::Lost => {}
                Accepted::Nobody => break,
                Accepted::NoFiles => {
                    self.observer.out_of_files();
                    break;
                }
            }
        }
    }

    /// The door closes at once, so that clients go elsewhere and a successor can listen; what is
    /// inside may finish.
    fn stop_accepting(&mut self, wish: Wish) {
        if wish == Wish::Stop {
            tracing::info!("asked to stop: no new requests, those in flight may finish");
        }
        self.listener.close();
        self.feed(Input::Shutdown);
    }

    fn hand_work_over(&mut self) {
        for (id, work) in self.work.drain(..) {
            self.threads.submit(id, work);
        }
    }

    /// One line for each failure that a client was told of: a fault of ours or of a provider's is a
    /// warning, a client's own is for whoever wonders why it gets no answer.
    fn log_failures(&mut self) {
        for words in self.engine.advice() {
            tracing::warn!("{words}");
        }
        for notice in self.engine.notices() {
            let (id, status, code) = (notice.request_id, notice.status, notice.code);
            let method = notice.method.map(Method::as_str);
            let path = &*notice.path;
            let tried = notice.tried.as_ref();
            let provider = tried.map(|tried| tried.provider.as_ref());
            let model = tried.map(|tried| tried.model.as_ref());
            let key = tried.and_then(|tried| tried.key.as_deref());
            let attempts = tried.map(|tried| tried.attempts);
            if status >= 500 {
                tracing::warn!(%id, method, path, status, code, provider, model, key, attempts, "a request failed");
            } else {
                tracing::info!(%id, method, path, status, code, "a request was refused");
            }
        }
    }

    fn log_breakers(&mut self) {
        for BreakerTurn { provider, state } in self.engine.breaker_turns() {
            match state {
                breaker::State::Closed { .. } => {
                    tracing::info!(%provider, "the provider works again");
                }
                breaker::State::Open { ms, .. } => tracing::warn!(
                    %provider, for_ms = ms, "the provider fails and is not asked for a while"
                ),
                breaker::State::Probing { .. } => {
                    tracing::info!(%provider, "one call is let through to the provider");
                }
            }
        }
    }

    fn log_failovers(&mut self) {
        for Failover { from, to, why } in self.engine.failovers() {
            tracing::info!(from, to, why, "a text is asked of another target");
        }
    }

    fn log_database(&mut self) {
        for turn in self.engine.database_turns() {
            match turn {
                database::Turn::Reached { host } => tracing::info!(%host, "the database is there"),
                database::Turn::Away(error) => tracing::error!(code = error.code(), "{error}"),
                database::Turn::Tight(why) => {
                    tracing::warn!("the database lets no further connection in: {why}");
                }
                database::Turn::Deaf(why) => {
                    tracing::warn!("what other processes tell is found by looking: {why}");
                }
            }
        }
    }

    fn log_counters(&mut self) {
        for error in self.engine.counter_refusals() {
            tracing::warn!(
                code = error.code(),
                "{error}; limits are counted by each process alone"
            );
        }
    }

    fn log_redis(&mut self) {
        for turn in self.engine.redis_turns() {
            match turn {
                redis::Turn::Reached => tracing::info!("Redis is there: limits are shared"),
                redis::Turn::Away(trouble) => {
                    tracing::warn!("{trouble}; limits are counted by each process alone");
                }
            }
        }
    }

    fn log_hooks(&mut self) {
        for hooks::GivenUp { hook, job, error } in self.engine.webhooks_given_up() {
            tracing::error!(webhook = %hook, %job, "the end of a job was told to nobody: {error}");
        }
    }

    /// After the last turn: what was recorded and what was written is on disk.
    fn end(self) {
        let now = self.clock.now();
        if let Some(recorder) = self.recorder {
            recorder.finish(now, self.engine.digest());
        }
        self.board.stop();
        self.threads.stop();
        match self.engine.rows_in_journal() {
            0 => tracing::info!("stopped"),
            rows => tracing::warn!(
                rows,
                "stopped: rows wait in the journal, and the next start writes them to the database"
            ),
        }
    }
}
