//! One connection: its socket, the request on it, and the answer to that.
//!
//! ```text
//!   Closed ──► Connecting ──► Idle ──► Busy ──► Idle …
//!      ▲            └──────────┴────────┴── the server closes, or something is wrong
//!      └──────────────────────────────────┘
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Socket, Type};

use super::answer::Answer;
use super::tally::Fault;
use super::work::{Expected, Reading, Work};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Client {
    stream: Option<TcpStream>,
    is_connected: bool,
    /// The request under way.
    pub(crate) busy: Option<Box<Exchange>>,
    /// Answers of this connection so far.
    answered: u64,
    /// When something was last heard of it, in nanoseconds.
    pub(crate) heard_ns: u64,
    /// Bytes of an answer that were read and could not be used yet.
    tail: Vec<u8>,
}

/// A request and what has come of its answer. All times are nanoseconds.
#[derive(Debug)]
pub(crate) struct Exchange {
    request: Vec<u8>,
    sent: usize,
    /// When it should have been sent.
    pub(crate) due_ns: u64,
    /// When it was.
    pub(crate) sent_ns: u64,
    answer: Answer,
    reading: Reading,
    /// When the last token came.
    last_token_ns: Option<u64>,
}

/// What a look at a connection has come to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    /// Nothing that concerns anybody.
    Nothing,
    /// It stands, and is free.
    Connected,
    /// Something of the answer: its tokens, and if it is whole, whether it is right.
    Progress(Option<Tokens>, Option<Result<Done, Fault>>),
    /// It has ended without one.
    Failed(Fault),
    /// The server closed it between two requests, or without a byte of an answer to one that came
    /// at the same time: to be sent again on a new one, as every client does.
    Stale,
}

/// Tokens that came with one read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    pub(crate) count: u64,
    /// They are the first ones of their stream.
    pub(crate) are_first: bool,
    /// Since the last ones; for the first ones, since the request was due.
    pub(crate) waited_ns: u64,
}

/// A right answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) due_ns: u64,
    pub(crate) sent_ns: u64,
    pub(crate) text_bytes: u64,
    pub(crate) body_bytes: u64,
    /// The connection is free for the next request.
    pub(crate) keeps: bool,
}

/// The address that client `number` connects from: another one of 127.0.0.0/8 for each group, as
/// an address has only so many ports.
pub(crate) fn source(number: usize, sources: usize) -> IpAddr {
    let host = u8::try_from(number % sources.clamp(1, 200)).unwrap_or(0);
    Ipv4Addr::new(127, 0, 0, host + 1).into()
}

/// Errors of connecting that are known at once.
fn is_final(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::AddrNotAvailable
            | ErrorKind::AddrInUse
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::PermissionDenied
    )
}

impl Client {
    /// Begins to connect.
    pub(crate) fn connect(&mut self, to: SocketAddr, from: Option<IpAddr>) -> io::Result<()> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(from) = from {
            socket.bind(&SocketAddr::new(from, 0).into())?;
        }
        match socket.connect(&to.into()) {
            Err(error) if is_final(error.kind()) => return Err(error),
            // EINPROGRESS has no kind of its own; other failures are told by the first event.
            _ => {}
        }
        *self = Client {
            stream: Some(TcpStream::from_std(socket.into())),
            ..Client::default()
        };
        Ok(())
    }

    /// The socket, to be registered or taken from the poller.
    pub(crate) fn stream(&mut self) -> Option<&mut TcpStream> {
        self.stream.as_mut()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.is_connected && self.busy.is_none()
    }

    pub(crate) fn is_connecting(&self) -> bool {
        self.stream.is_some() && !self.is_connected
    }

    /// Sends a request; an error shows when the connection is looked at.
    pub(crate) fn ask(&mut self, request: Vec<u8>, due_ns: u64, now_ns: u64) {
        self.heard_ns = now_ns;
        self.busy = Some(Box::new(Exchange {
            request,
            sent: 0,
            due_ns,
            sent_ns: now_ns,
            answer: Answer::new(),
            reading: Reading::default(),
            last_token_ns: None,
        }));
        // What does not go now goes with the event that says there is room.
        let _ = self.send();
    }

    /// Sends what is left of the request.
    fn send(&mut self) -> io::Result<()> {
        let (Some(stream), Some(exchange)) = (&mut self.stream, &mut self.busy) else {
            return Ok(());
        };
        while exchange.sent < exchange.request.len() {
            match stream.write(&exchange.request[exchange.sent..]) {
                Ok(sent) => exchange.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// An event says that it can be written to.
    pub(crate) fn writable(&mut self, now_ns: u64) -> Seen {
        let Some(stream) = &mut self.stream else {
            return Seen::Nothing;
        };
        if !self.is_connected {
            match (stream.take_error(), stream.peer_addr()) {
                (Ok(None), Ok(_)) => {}
                (Ok(None), Err(error)) if error.kind() == ErrorKind::NotConnected => {
                    return Seen::Nothing;
                }
                _ => return Seen::Failed(Fault::Connect),
            }
            self.is_connected = true;
            self.heard_ns = now_ns;
            return Seen::Connected;
        }
        match self.send() {
            Ok(()) => Seen::Nothing,
            Err(_) => self.ended(),
        }
    }

    /// Reads once. Also says whether there may be more.
    pub(crate) fn read(
        &mut self,
        scratch: &mut [u8],
        work: Work,
        expected: Expected,
        clock: impl Fn() -> u64,
    ) -> (Seen, bool) {
        let Some(stream) = self.stream.as_mut().filter(|_| self.is_connected) else {
            return (Seen::Nothing, false);
        };
        match stream.read(scratch) {
            Ok(0) => (self.ended(), false),
            Ok(read) => {
                let seen = self.take(&scratch[..read], work, expected, clock());
                (seen, read == scratch.len())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => (Seen::Nothing, false),
            Err(error) if error.kind() == ErrorKind::Interrupted => (Seen::Nothing, true),
            Err(_) => (self.ended(), false),
        }
    }

    /// The connection is over.
    fn ended(&mut self) -> Seen {
        match &self.busy {
            None => Seen::Stale,
            Some(exchange)
                if self.answered > 0 && self.tail.is_empty() && exchange.is_untouched() =>
            {
                Seen::Stale
            }
            Some(_) => Seen::Failed(Fault::Cut),
        }
    }

    fn take(&mut self, bytes: &[u8], work: Work, expected: Expected, now_ns: u64) -> Seen {
        self.heard_ns = now_ns;
        let Some(exchange) = &mut self.busy else {
            return Seen::Failed(Fault::Unasked);
        };
        let tokens_before = exchange.reading.tokens;
        // Mostly a read holds whole pieces, and nothing is copied.
        let fed = if self.tail.is_empty() {
            let fed = exchange.feed(bytes, work);
            if let Ok(taken) = fed {
                self.tail.extend_from_slice(&bytes[taken..]);
            }
            fed
        } else {
            self.tail.extend_from_slice(bytes);
            let fed = exchange.feed(&self.tail, work);
            if let Ok(taken) = fed {
                self.tail.drain(..taken);
            }
            fed
        };
        if fed.is_err() {
            return Seen::Failed(Fault::Malformed);
        }
        let tokens = exchange.note_tokens(tokens_before, now_ns);
        let is_over = exchange.answer.is_over();
        let end = is_over.then(|| self.complete(work, expected));
        Seen::Progress(tokens, end)
    }

    fn complete(&mut self, work: Work, expected: Expected) -> Result<Done, Fault> {
        let mut exchange = self.busy.take().ok_or(Fault::Unasked)?;
        if exchange.answer.status != 200 {
            return Err(Fault::Status(exchange.answer.status));
        }
        if !self.tail.is_empty() {
            return Err(Fault::Unasked);
        }
        (exchange.reading.judge(work, expected)).map_err(Fault::Wrong)?;
        self.answered += 1;
        Ok(Done {
            due_ns: exchange.due_ns,
            sent_ns: exchange.sent_ns,
            text_bytes: exchange.reading.text_bytes,
            body_bytes: exchange.answer.body_bytes,
            keeps: exchange.answer.keep_alive,
        })
    }
}

impl Exchange {
    fn is_untouched(&self) -> bool {
        self.answer.status == 0
    }

    fn feed(&mut self, bytes: &[u8], work: Work) -> Result<usize, super::answer::Malformed> {
        let reading = &mut self.reading;
        self.answer.feed(bytes, |piece| reading.take(work, piece))
    }

    fn note_tokens(&mut self, before: u64, now_ns: u64) -> Option<Tokens> {
        let count = self.reading.tokens - before;
        if count == 0 {
            return None;
        }
        let since = self.last_token_ns.replace(now_ns);
        Some(Tokens {
            count,
            are_first: since.is_none(),
            waited_ns: now_ns.saturating_sub(since.unwrap_or(self.due_ns)),
        })
    }
}
