//! Thousands of clients on one thread: each sends one request and reads until its reply is over.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// How one client of a crowd ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The reply came with its framed end.
    Complete,
    /// The connection ended before it.
    Cut,
    /// It was still waiting when time was up.
    Waiting,
}

/// One client of a crowd, afterwards.
#[derive(Clone, Debug)]
pub struct Member {
    /// How it ended.
    pub fate: Fate,
    /// Every byte that it was sent.
    pub bytes: Vec<u8>,
}

impl Member {
    /// Whether `text` is in what it was sent.
    pub fn has(&self, text: &str) -> bool {
        self.bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }
}

struct Seat {
    stream: TcpStream,
    request: Vec<u8>,
    sent: usize,
    member: Member,
}

/// Sends each of `requests` on a connection of its own, all at once, and plays them until each
/// has the last chunk of its reply, or `limit` is over.
pub fn run(addr: SocketAddr, requests: Vec<String>, limit: Duration) -> Vec<Member> {
    let mut poll = Poll::new().expect("a poll");
    let mut seats: Vec<Seat> = Vec::with_capacity(requests.len());
    for request in requests {
        // Blocking, so that the backlog of the listener is never the matter of these tests.
        let stream = std::net::TcpStream::connect(addr).expect("the server accepts");
        stream.set_nonblocking(true).expect("a socket");
        let mut stream = TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = poll
            .registry()
            .register(&mut stream, Token(seats.len()), interest);
        registered.expect("a socket");
        seats.push(Seat {
            stream,
            request: request.into_bytes(),
            sent: 0,
            member: Member {
                fate: Fate::Waiting,
                bytes: Vec::new(),
            },
        });
    }
    let mut waiting = seats.len();
    let mut events = Events::with_capacity(1024);
    let deadline = Instant::now() + limit;
    while waiting > 0 && Instant::now() < deadline {
        let timeout = Some(Duration::from_millis(100));
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result.expect("poll"),
        }
        for event in &events {
            let seat = &mut seats[event.token().0];
            if seat.member.fate == Fate::Waiting {
                seat.advance();
                waiting -= usize::from(seat.member.fate != Fate::Waiting);
            }
        }
    }
    seats.into_iter().map(|seat| seat.member).collect()
}

impl Seat {
    fn advance(&mut self) {
        while self.sent < self.request.len() {
            match self.stream.write(&self.request[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return self.member.fate = Fate::Cut,
            }
        }
        let mut scratch = [0; 8192];
        loop {
            match self.stream.read(&mut scratch) {
                Ok(0) => return self.member.fate = Fate::Cut,
                Ok(read) => self.member.bytes.extend_from_slice(&scratch[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.member.fate = Fate::Cut,
            }
            if self.member.bytes.ends_with(b"\r\n0\r\n\r\n") {
                return self.member.fate = Fate::Complete;
            }
        }
    }
}
