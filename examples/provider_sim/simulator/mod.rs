//! The simulator: one thread, one loop, every client a request that is read and a script that is
//! played.
//!
//! ```text
//!   mio ──► client ──► ask ──► kitchen ──► answer ──► Script
//!             ▲         (route, body)    (kept, or made)    │
//!             └──────────── play, a step at a time ◄────────┘
//!                            timers: one per client
//! ```
//! It stands on the same parts as maitred itself (`Server` for requests, `Slots` for ids that
//! notice reuse, `Timers`), and has none of its rules: whatever is ordered is sent, right or
//! wrong. What it refuses to do is think: a text is the same for everybody.

mod answer;
mod ask;
mod client;
pub(crate) mod fault;
pub(crate) mod journal;
mod kitchen;
mod options;
mod play;
mod script;
mod socket;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use maitred::engine::slots::Slots;
use maitred::engine::timers::{Owner, Popped, Timers};
use maitred::engine::{ConnId, Key, Mono};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use self::ask::Route;
use self::client::{Asked, Client, Read};
use self::journal::{Begun, Journal, Outcome};
use self::kitchen::{Kitchen, plain, side_dish};
pub(crate) use self::options::Options;
use self::play::{Pace, Play, Wait};
use self::script::End;
use self::socket::{Socket, tls_config};

/// Clients at a time.
const CLIENTS: usize = 65_536;
/// An index that no client reaches.
const LISTENER: Token = Token(u32::MAX as usize);
/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 4096;
/// A client that does not close after our FIN is cut off after this.
const LINGER_MS: u64 = 2_000;
/// While no file is free, accepting is tried again this often.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// See the module.
pub(crate) struct Simulator {
    poll: Poll,
    events: Events,
    listener: TcpListener,
    /// There may be somebody to accept.
    knocking: bool,
    tls: Option<Arc<rustls::ServerConfig>>,
    clients: Slots<ConnId, Client>,
    timers: Timers,
    /// Clients that have something to do in this turn.
    ready: VecDeque<ConnId>,
    kitchen: Kitchen,
    pace: Pace,
    /// What it has seen.
    pub(crate) journal: Journal,
    start: Instant,
    now: Mono,
    scratch: Box<[u8]>,
}

impl Simulator {
    /// Listens; the address is the real one where port 0 was asked for.
    pub(crate) fn bind(options: &Options) -> anyhow::Result<(Simulator, SocketAddr)> {
        let tls = match options.tls.as_slice() {
            [certificate, key] => Some(tls_config(certificate, key)?),
            _ => None,
        };
        let mut listener = listen(options.listen)?;
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let pieces = options.pieces()?;
        let simulator = Simulator {
            poll,
            events: Events::with_capacity(4096),
            listener,
            knocking: false,
            tls,
            clients: Slots::new(CLIENTS),
            timers: Timers::default(),
            ready: VecDeque::new(),
            kitchen: Kitchen::new(pieces, options.fault.unwrap_or_default()),
            pace: Pace {
                latency_ms: options.latency_ms,
                gap_ms: options.gap_ms,
                jitter_ms: options.jitter_ms,
                random: fastrand::Rng::with_seed(options.seed),
            },
            journal: Journal::default(),
            start: Instant::now(),
            now: Mono(0),
            scratch: vec![0; 64 * 1024].into(),
        };
        Ok((simulator, address))
    }

    /// One turn of the loop. It waits for something to do, for so long at most if that is given.
    pub(crate) fn turn(&mut self, at_most: Option<Duration>) -> io::Result<()> {
        let timeout = self.timeout(at_most);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        self.now = self.clock();
        self.note_events();
        if self.knocking {
            self.accept();
        }
        for _ in 0..self.ready.len() {
            if let Some(id) = self.ready.pop_front() {
                self.serve(id);
            }
        }
        self.fire_timers();
        Ok(())
    }

    fn clock(&self) -> Mono {
        Mono(u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn timeout(&self, at_most: Option<Duration>) -> Option<Duration> {
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let again = self.knocking.then_some(ACCEPT_AGAIN);
        let next = self.timers.next();
        let timer = (next != Mono::NEVER).then(|| next.from_now(self.clock()));
        [at_most, again, timer].into_iter().flatten().min()
    }

    fn note_events(&mut self) {
        for event in &self.events {
            if event.token() == LISTENER {
                self.knocking = true;
                continue;
            }
            let id = ConnId(Key::unpack(event.token().0 as u64));
            let Some(client) = self.clients.get_mut(id) else {
                continue; // closed earlier in this batch
            };
            client.read_closed |= event.is_read_closed() || event.is_error();
            client.readable |= event.is_readable() || client.read_closed;
            if !client.queued {
                client.queued = true;
                self.ready.push_back(id);
            }
        }
    }

    fn accept(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => self.welcome(stream),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return self.knocking = false,
                    // That one has gone before it was its turn.
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                    // Out of files: whoever knocks waits until one is free.
                    _ => return,
                },
            }
        }
    }

    /// A client without a place, or whose socket fails at once, is closed, which tells it.
    fn welcome(&mut self, stream: TcpStream) {
        let Ok(socket) = Socket::new(stream, self.tls.as_ref()) else {
            return;
        };
        let number = self.journal.accepted;
        let Ok(id) = self.clients.insert(Client::new(socket, number)) else {
            return;
        };
        self.journal.accepted += 1;
        self.journal.open += 1;
        let token = Token(Key::from(id).pack() as usize);
        let both = Interest::READABLE | Interest::WRITABLE;
        let registered = self.clients.get_mut(id).map(|client| {
            let stream = &mut client.socket.stream;
            self.poll.registry().register(stream, token, both)
        });
        if !matches!(registered, Some(Ok(()))) {
            self.remove(id);
        }
    }

    /// Reads from one client and goes on with its answer.
    fn serve(&mut self, id: ConnId) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        client.queued = false;
        if client.socket.flush().is_err() {
            return self.leave(id);
        }
        match client.read(&mut self.scratch) {
            // It has stopped at its bound and made room since: no event will tell of the rest.
            Read::Nothing if client.readable && client.play.is_none() => self.queue(id),
            Read::Nothing => {}
            Read::Request(asked) => self.begin(id, asked),
            Read::Gone => return self.leave(id),
        }
        self.play(id);
    }

    /// A request is whole: its answer begins.
    fn begin(&mut self, id: ConnId, asked: Asked) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        client.timer.clear();
        let Asked {
            route,
            asker,
            path,
            body,
        } = asked;
        let (script, call) = match route {
            Route::Journal => (Rc::new(plain(&self.journal.lines())), None),
            Route::Stats => (Rc::new(plain(&self.journal.stats())), None),
            route if route.dialect().is_some() => {
                let dish = self.kitchen.dish(&route, &asker, &body);
                let begun = Begun {
                    connection: client.number,
                    path: &path,
                    key: &asker.key,
                    model: &dish.model,
                    stream: dish.stream,
                };
                (dish.script, Some(self.journal.begin(&begun, self.now)))
            }
            route => (Rc::new(side_dish(&route, &asker)), None),
        };
        client.play = Some((Play::new(script, self.now), call));
    }

    /// Goes on with the answer of one client, and with those to requests sent ahead.
    fn play(&mut self, id: ConnId) {
        loop {
            let Some(client) = self.clients.get_mut(id) else {
                return;
            };
            let Some((play, call)) = &mut client.play else {
                return;
            };
            let (socket, began) = (&mut client.socket, play.bytes > 0);
            let wait = play.advance(self.now, &mut self.pace, |bytes| socket.write(bytes));
            if let Some(call) = call
                && !began
                && play.bytes > 0
            {
                self.journal.first_byte(*call, self.now);
            }
            match wait {
                Err(_) => return self.leave(id),
                Ok(Wait::Blocked) => return,
                Ok(Wait::Again) => return self.queue(id),
                Ok(Wait::Until(due)) => {
                    let owner = Owner::Conn(id);
                    return self.timers.set(owner, &mut client.timer, due);
                }
                Ok(Wait::Over(end)) => self.end(id, end),
            }
        }
    }

    fn queue(&mut self, id: ConnId) {
        if let Some(client) = self.clients.get_mut(id)
            && !client.queued
        {
            client.queued = true;
            self.ready.push_back(id);
        }
    }

    /// An answer is over.
    fn end(&mut self, id: ConnId, end: End) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        if let Some((play, Some(call))) = client.play.take() {
            let outcome = match end {
                End::Keep(_) | End::Close => Outcome::Completed,
                End::Cut | End::Reset => Outcome::Broken,
            };
            self.journal.end(call, outcome, play.bytes, self.now);
        }
        match end {
            End::Keep(_) if client.last => self.finish(id, true),
            End::Keep(idle_ms) => {
                if let Some(ms) = idle_ms {
                    let due = self.now.plus_ms(ms);
                    self.timers.set(Owner::Conn(id), &mut client.timer, due);
                }
                match client.next() {
                    // What it sent ahead beyond our bound is still to be read.
                    Read::Nothing if client.readable => self.queue(id),
                    Read::Nothing => {}
                    Read::Request(asked) => self.begin(id, asked),
                    Read::Gone => self.remove(id),
                }
            }
            End::Close => self.finish(id, true),
            End::Cut => self.finish(id, false),
            End::Reset => {
                // A socket that cannot be reset has been reset by its client.
                let _ = client.socket.reset_on_close();
                self.remove(id);
            }
        }
    }

    /// Sends a FIN and waits for the client's: a close with unread bytes would be a reset, which
    /// destroys what was sent before it.
    fn finish(&mut self, id: ConnId, honest: bool) {
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        client.ending = true;
        if client.socket.finish(honest).is_err() {
            return self.remove(id);
        }
        let due = self.now.plus_ms(LINGER_MS);
        self.timers.set(Owner::Conn(id), &mut client.timer, due);
    }

    fn fire_timers(&mut self) {
        while let Some((popped, owner)) = self.timers.pop(self.now) {
            let Owner::Conn(id) = owner else {
                continue;
            };
            let Some(client) = self.clients.get_mut(id) else {
                continue;
            };
            if self.timers.judge(popped, owner, &mut client.timer) != Popped::Due {
                continue;
            }
            if client.play.is_some() {
                self.play(id);
            } else {
                // Nobody asked in time, or nobody closed.
                self.remove(id);
            }
        }
    }

    /// The client has gone.
    fn leave(&mut self, id: ConnId) {
        if let Some(client) = self.clients.get_mut(id)
            && let Some((play, Some(call))) = client.play.take()
        {
            self.journal
                .end(call, Outcome::CutByClient, play.bytes, self.now);
        }
        self.remove(id);
    }

    fn remove(&mut self, id: ConnId) {
        if self.clients.remove(id).is_some() {
            self.journal.open -= 1;
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into()))
}
