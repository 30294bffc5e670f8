//! Connections: what both sides have in common.
//!
//! A [`Conn`] is the protocol side of one socket. It knows what it has not sent, the bytes that
//! are no whole message yet, and one deadline. It does not know the socket, and it does not know
//! whether there is TLS.
//!
//! `client.rs` says what a client's connection does, `provider.rs` what a provider's does,
//! `database/link.rs` what one to the database does, `redis/link.rs` what one to Redis does,
//! `hooks/link.rs` what one to a webhook does, and `resolver/ask.rs` what a question to a name server
//! does.

use std::net::IpAddr;

use super::blocks::Chain;
use super::database::link::Link;
use super::hooks;
use super::now::Mono;
use super::policy::rate::Door;
use super::redis;
use super::resolver::Question;
use super::slots::{CallId, DialId, ExchangeId};
use super::timers::Timer;
use crate::limits::{REQUESTS_PER_CONNECTION, SEND_LOW_BYTES};
use crate::proto::http1;

/// One socket's protocol side.
#[derive(Debug)]
pub struct Conn {
    /// What has still to be sent.
    pub out: Chain,
    /// Bytes that arrived and are no whole message yet. No memory while empty.
    pub tail: Vec<u8>,
    /// The deadline of `wait`.
    pub timer: Timer,
    /// What the deadline is for.
    pub wait: Wait,
    /// Whether [`super::io::Output::Flush`] was said since the last byte went out.
    pub flushing: bool,
    /// Whether reading is paused.
    pub paused: bool,
    /// When the peer last took a byte of ours.
    pub progress: Mono,
    /// Bytes in the ledger.
    pub charged: u32,
    /// Whose it is.
    pub role: Role,
}

const _: () = assert!(size_of::<Conn>() <= 256);

impl Conn {
    /// A connection that has just been made.
    #[must_use]
    pub fn new(role: Role, now: Mono) -> Self {
        Conn {
            out: Chain::default(),
            tail: Vec::new(),
            timer: Timer::default(),
            wait: Wait::Nothing,
            flushing: false,
            paused: false,
            progress: now,
            charged: 0,
            role,
        }
    }

    /// The client's side, if it is one.
    pub fn client(&mut self) -> Option<&mut Client> {
        match &mut self.role {
            Role::Client(client) => Some(client),
            _ => None,
        }
    }

    /// The provider's side, if it is one.
    pub fn provider(&mut self) -> Option<&mut Provider> {
        match &mut self.role {
            Role::Provider(provider) => Some(provider),
            _ => None,
        }
    }

    /// Redis's side, if it is one.
    pub fn redis(&self) -> Option<&redis::link::Link> {
        match &self.role {
            Role::Redis(link) => Some(link),
            Role::Client(_)
            | Role::Provider(_)
            | Role::Database(_)
            | Role::Hook(_)
            | Role::NameServer(_) => None,
        }
    }

    /// Whether so much is unsent that nothing more is begun on it.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.out.len() > SEND_LOW_BYTES
    }

    /// Bytes of memory it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.out.len() + self.tail.capacity()
    }
}

/// What a connection's deadline is for. Every time limit that is reported names one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// No deadline of its own: somebody else is at work.
    Nothing,
    /// The first byte of a request (keep-alive).
    Request,
    /// The rest of a head.
    Head,
    /// More of a body.
    Body,
    /// The peer takes its answer.
    Write,
    /// The peer closes, after an answer that ended the connection.
    Linger,
    /// The TCP connection to a provider.
    Connect,
    /// The TLS handshake with a provider.
    Tls,
    /// The next call on an idle connection of a provider.
    Idle,
    /// The framed end of an answer whose content is complete.
    Tail,
    /// The database lets us in, or answers.
    Database,
    /// Redis does.
    Redis,
    /// A webhook does.
    Hook,
}

/// Which side of the house a connection is on.
#[derive(Debug)]
pub enum Role {
    /// Somebody who asks us.
    Client(Client),
    /// Somebody whom we ask.
    Provider(Provider),
    /// Who keeps our rows.
    Database(Box<Link>),
    /// Who keeps what several processes share.
    Redis(Box<redis::link::Link>),
    /// Who is told that a job has ended.
    Hook(Box<hooks::link::Link>),
    /// Somebody whom we ask where the others are.
    NameServer(Question),
}

/// A client's connection.
///
/// ```text
///  Open ──(answer that ends the connection, or an error)──► Closing ──(all sent)──► Lingering ──► gone
///    └──(client's FIN between requests)──────────────────────────────────────────────────────────► gone
/// ```
#[derive(Debug)]
pub struct Client {
    /// Where in a request it is.
    pub http: http1::Server,
    /// The request being read or answered. One at a time; the rest waits in the tail.
    pub exchange: Option<ExchangeId>,
    /// Who it is.
    pub peer: IpAddr,
    /// Whether it is one of too many of its address.
    pub door: Door,
    /// Requests so far.
    pub requests: u32,
    /// Open, or on the way to be closed.
    pub phase: ClientPhase,
    /// The client has sent its FIN.
    pub eof: bool,
    /// Whether it is on the list of connections that have a request in their tail.
    pub queued: bool,
    /// When the head or body that is arriving began.
    pub began: Mono,
    /// Bytes of the body so far.
    pub body_bytes: u64,
    /// Whether its request is an import, of which much may follow an early answer.
    pub importing: bool,
}

/// See [`Client`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientPhase {
    /// Requests are read and answered.
    Open,
    /// The last answer is on its way out; what arrives is thrown away.
    Closing,
    /// The FIN is out; what arrives is thrown away, this much at most.
    Lingering {
        /// Bytes that may still be thrown away.
        left: usize,
    },
}

impl Client {
    /// A client that has just been accepted.
    #[must_use]
    pub fn new(peer: IpAddr, now: Mono) -> Self {
        Client {
            http: http1::Server::new(),
            exchange: None,
            peer,
            door: Door::Open,
            requests: 0,
            phase: ClientPhase::Open,
            eof: false,
            queued: false,
            began: now,
            body_bytes: 0,
            importing: false,
        }
    }

    /// Whether another request may follow the one that has begun.
    #[must_use]
    pub fn may_go_on(&self) -> bool {
        self.door == Door::Open && self.requests < REQUESTS_PER_CONNECTION
    }
}

/// A connection to a provider.
///
/// ```text
///  Connecting ─► Securing ─► Idle ◄──────────────┐
///       └──────(plain)────────▲ │ lease           │ framed end, nothing after it
///                             │ ▼                 │
///                            Leased ─(content complete)─► Tail
///  any fault, any byte nobody asked for, age, idle limit: closed
/// ```
#[derive(Debug)]
pub struct Provider {
    /// Place of the provider in the configuration, and of its pool.
    pub pool: u16,
    /// What it is doing.
    pub phase: ProviderPhase,
    /// Where in an answer it is.
    pub http: http1::Client,
    /// When it was opened.
    pub born: Mono,
    /// Calls it has carried.
    pub calls: u32,
}

/// See [`Provider`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderPhase {
    /// The TCP connection is being made.
    Connecting(DialId),
    /// The TLS handshake is going on.
    Securing,
    /// In its pool.
    Idle,
    /// Working for a call.
    Leased(CallId),
    /// The call has its answer; the end of the body has not been seen yet.
    Tail,
}
