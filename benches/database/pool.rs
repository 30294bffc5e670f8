//! The server's own pool of connections, in this process: the engine as it is, on sockets that are
//! polled. Nobody asks by HTTP; orders are put in line and their answers dropped.
//!
//! ```text
//!  order ─► engine: work, order, line, link ─► socket ─► PostgreSQL
//!              ▲                                  │
//!              └────────── turn: poll, read ◄─────┘
//! ```

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use maitred::config::{Config, SourceFile, Sources};
use maitred::engine::database::Standing;
use maitred::engine::io::{Input, Output};
use maitred::engine::work::{Work, WorkResult};
use maitred::engine::{ConnId, Engine, Mono, Now, Sizes};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// See the module.
pub struct House {
    engine: Engine,
    poll: Poll,
    events: Events,
    /// By token.
    sockets: Vec<Option<Socket>>,
    dirty: Vec<ConnId>,
    outputs: Vec<Output>,
    scratch: Vec<u8>,
    began: Instant,
    now: Now,
}

struct Socket {
    id: ConnId,
    stream: TcpStream,
    connecting: bool,
}

impl House {
    /// With the store at `url`, as soon as there is a connection.
    pub fn open(url: &str) -> House {
        let text = format!("durable = 'strict'\n[jobs]\nparallel = 0\n[database]\nurl = '{url}'\n");
        let file = SourceFile {
            path: "maitred.toml".into(),
            text,
        };
        let sources = Sources {
            file: Some(file),
            ..Sources::default()
        };
        let config = Arc::new(Config::load(&sources).expect("a right configuration"));
        let sizes = Sizes {
            clients: 1,
            upstreams: 1,
            generations: 64,
            scorers: 1,
        };
        let mut house = House {
            engine: Engine::new(config, sizes, 7),
            poll: Poll::new().expect("a poll"),
            events: Events::with_capacity(64),
            sockets: Vec::new(),
            dirty: Vec::new(),
            outputs: Vec::new(),
            scratch: vec![0; 64 * 1024],
            began: Instant::now(),
            now: Now::default(),
        };
        while house.standing().ready == 0 {
            assert!(house.began.elapsed() < Duration::from_secs(20), "no pool");
            house.turn();
        }
        house
    }

    /// Orders a second, with so many in line or under way at a time.
    pub fn rate(&mut self, at_a_time: usize, span: Duration, mut ask: impl FnMut() -> Work) -> f64 {
        let (begun, before) = (Instant::now(), self.done());
        loop {
            let asks = begun.elapsed() < span;
            let standing = self.standing();
            let open = standing.waiting + standing.sent;
            if open == 0 && !asks {
                break;
            }
            for _ in open..at_a_time * usize::from(asks) {
                self.order(ask());
            }
            self.turn();
        }
        assert_eq!(self.engine.failed_for_nobody(), 0, "an order has failed");
        (self.done() - before) as f64 / begun.elapsed().as_secs_f64()
    }

    /// Orders that were answered so far.
    fn done(&self) -> u64 {
        let standing = self.standing();
        standing.counts.sent - standing.counts.repeated - standing.sent as u64
    }

    fn standing(&self) -> Standing {
        self.engine.database_standing().expect("it is configured")
    }

    fn order(&mut self, work: Work) {
        let mut outputs = std::mem::take(&mut self.outputs);
        let placed = self.engine.order_for_nobody(self.now, work, &mut outputs);
        assert!(placed, "there is room for as many as are asked for");
        self.perform(outputs);
    }

    fn feed(&mut self, input: Input<'_>) {
        let mut outputs = std::mem::take(&mut self.outputs);
        self.engine.handle(self.now, input, &mut outputs);
        self.perform(outputs);
    }

    fn perform(&mut self, mut outputs: Vec<Output>) {
        for output in outputs.drain(..) {
            match output {
                Output::Connect(id, address) => self.connect(id, address),
                Output::Flush(id) => self.mark_dirty(id),
                Output::Close(id, _) => {
                    let place = self.place_of(id);
                    self.sockets[place] = None;
                }
                Output::Submit(id) => {
                    // Anything else is a text without scores, for which there is time.
                    if let Some(Work::Stretch(password)) = self.engine.take_work(id) {
                        let key = password.run();
                        self.feed(Input::Done(id, WorkResult::Stretched(key)));
                    }
                }
                other => panic!("{other:?} is nothing of the pool's"),
            }
        }
        self.outputs = outputs;
    }

    fn connect(&mut self, id: ConnId, address: SocketAddr) {
        let mut stream = TcpStream::connect(address).expect("a socket");
        stream.set_nodelay(true).expect("a TCP socket");
        let token = Token(self.sockets.len());
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = self.poll.registry().register(&mut stream, token, interest);
        registered.expect("a socket");
        self.sockets.push(Some(Socket {
            id,
            stream,
            connecting: true,
        }));
    }

    fn place_of(&self, id: ConnId) -> usize {
        let is = |socket: &Option<Socket>| socket.as_ref().is_some_and(|socket| socket.id == id);
        self.sockets.iter().position(is).expect("it is open")
    }

    fn mark_dirty(&mut self, id: ConnId) {
        if !self.dirty.contains(&id) {
            self.dirty.push(id);
        }
    }

    /// As the reactor's: write, wait, read, tick.
    fn turn(&mut self) {
        while let Some(id) = self.dirty.pop() {
            self.flush(id);
        }
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        let next = self.engine.next_deadline().since(self.now.mono);
        let timeout = Duration::from_nanos(next).min(Duration::from_millis(100));
        match self.poll.poll(&mut events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            polled => polled.expect("poll"),
        }
        self.now = Now {
            mono: Mono(self.began.elapsed().as_nanos() as u64),
            wall_ms: SystemTime::UNIX_EPOCH
                .elapsed()
                .expect("after 1970")
                .as_millis() as i64,
        };
        for event in &events {
            if event.is_writable() {
                self.writable(event.token().0);
            }
            if event.is_readable() {
                self.read(event.token().0);
            }
        }
        self.events = events;
        self.feed(Input::Tick);
    }

    fn writable(&mut self, place: usize) {
        let Some(socket) = &mut self.sockets[place] else {
            return;
        };
        let (id, connected) = (socket.id, std::mem::take(&mut socket.connecting));
        if connected {
            let error = socket.stream.take_error().expect("a socket");
            assert!(error.is_none(), "{error:?}");
            self.feed(Input::Connected(id));
        }
        self.mark_dirty(id);
    }

    fn read(&mut self, place: usize) {
        let mut scratch = std::mem::take(&mut self.scratch);
        while let Some(socket) = &mut self.sockets[place] {
            let id = socket.id;
            match socket.stream.read(&mut scratch) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                read => {
                    let read = read.expect("a server that stays");
                    assert!(read > 0, "it has closed");
                    self.feed(Input::Received(id, &scratch[..read]));
                }
            }
        }
        self.scratch = scratch;
    }

    fn flush(&mut self, id: ConnId) {
        let place = self.place_of(id);
        loop {
            let Some(socket) = &mut self.sockets[place] else {
                return;
            };
            let mut slices = [IoSlice::new(&[]); 16];
            let count = self.engine.unsent(id, &mut slices);
            if count == 0 || socket.connecting {
                return;
            }
            match socket.stream.write_vectored(&slices[..count]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                written => {
                    let written = written.expect("a server that stays");
                    self.feed(Input::Sent(id, written));
                }
            }
        }
    }
}
