//! One client: its socket, the request that is being read, and the answer that is being played.
//!
//! ```text
//!            ┌──────────── the answer is over, and the connection stays ─────────┐
//!            ▼                                                                   │
//!   Reading the request ──► Playing the answer ──► Ending (FIN sent, reading on) │
//!            │                        └──────────────────────────────────────────┘
//!            └── idle for too long, the client's FIN, or an error ──► gone
//! ```

use std::io::{self, ErrorKind};

use maitred::engine::timers::Timer;
use maitred::proto::http1::{CONTINUE, Server, Step};

use super::ask::{Asker, Route};
use super::play::Play;
use super::socket::Socket;

/// Bytes that a client may send ahead; past them nothing is read until its answer is over.
const AHEAD_BYTES: usize = 256 * 1024;
/// A request body, at most.
const BODY_BYTES: u64 = 64 * 1024 * 1024;

/// See the module.
pub(super) struct Client {
    pub(super) socket: Socket,
    /// Its number among all that were accepted.
    pub(super) number: u64,
    parser: Server,
    /// Bytes that were read and not parsed.
    tail: Vec<u8>,
    asked: Option<Asked>,
    /// The answer, and the number of its call if it is one.
    pub(super) play: Option<(Play, Option<u64>)>,
    pub(super) timer: Timer,
    pub(super) readable: bool,
    /// Its end was announced: it is there to be read after the last byte.
    pub(super) read_closed: bool,
    /// It is on the list of those that have something to do.
    pub(super) queued: bool,
    /// A FIN was sent; nothing but the client's own is waited for.
    pub(super) ending: bool,
    /// The client wants to close after this answer.
    pub(super) last: bool,
    /// It has asked before, on this connection.
    reused: bool,
}

/// A request, as far as it has come.
pub(super) struct Asked {
    pub(super) route: Route,
    pub(super) asker: Asker,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

/// What reading has come to.
pub(super) enum Read {
    /// No whole request yet.
    Nothing,
    /// A request is whole.
    Request(Asked),
    /// The client has gone, or speaks no HTTP.
    Gone,
}

impl Client {
    pub(super) fn new(socket: Socket, number: u64) -> Client {
        Client {
            socket,
            number,
            parser: Server::new(),
            tail: Vec::new(),
            asked: None,
            play: None,
            timer: Timer::default(),
            readable: false,
            read_closed: false,
            queued: false,
            ending: false,
            last: false,
            reused: false,
        }
    }

    /// Reads what is there and parses it. While an answer is being played, what comes is kept for
    /// later, and only the end is noticed.
    pub(super) fn read(&mut self, scratch: &mut [u8]) -> Read {
        while self.readable && self.tail.len() < AHEAD_BYTES {
            match self.socket.read(scratch) {
                Ok(0) => return Read::Gone,
                Ok(read) => {
                    // Less than there was room for: the socket is empty, and what comes next has
                    // an event of its own, except for an end that was announced already.
                    if read < scratch.len() && !self.read_closed && self.socket.is_plain() {
                        self.readable = false;
                    }
                    if !self.ending {
                        self.tail.extend_from_slice(&scratch[..read]);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Read::Gone,
            }
        }
        self.parse()
    }

    /// Goes on with what was kept.
    fn parse(&mut self) -> Read {
        if self.play.is_some() || self.ending {
            return Read::Nothing;
        }
        let mut parsed = 0;
        let read = loop {
            let input = &self.tail[parsed..];
            match self.parser.step(input) {
                Ok(Step::NeedMore) => break Read::Nothing,
                Ok(Step::Head { head, consumed }) => {
                    let whole = input.len() > consumed;
                    self.last = !head.keep_alive;
                    let asker = Asker::of(&head.fields, self.reused);
                    self.asked = Some(Asked {
                        route: Route::of(head.method, head.path, head.query, &asker),
                        asker,
                        path: head.path.to_owned(),
                        body: Vec::new(),
                    });
                    if head.expect_continue && !whole && self.say_continue().is_err() {
                        break Read::Gone;
                    }
                    self.parser.set_body_limit(BODY_BYTES);
                    parsed += consumed;
                }
                Ok(Step::Body { bytes, consumed }) => {
                    if let Some(asked) = &mut self.asked {
                        asked.body.extend_from_slice(bytes);
                    }
                    parsed += consumed;
                }
                Ok(Step::End { consumed }) => {
                    parsed += consumed;
                    match self.asked.take() {
                        Some(asked) => break Read::Request(asked),
                        None => break Read::Gone,
                    }
                }
                Err(_) => break Read::Gone,
            }
        };
        self.tail.drain(..parsed);
        read
    }

    /// The socket is empty when this is sent, so it always fits.
    fn say_continue(&mut self) -> io::Result<()> {
        match self.socket.write(CONTINUE)? {
            sent if sent == CONTINUE.len() => Ok(()),
            _ => Err(ErrorKind::WriteZero.into()),
        }
    }

    /// The answer is over, and the next request may come; it may be there already.
    pub(super) fn next(&mut self) -> Read {
        self.reused = true;
        self.parser.next_request();
        self.parse()
    }
}
