//! One socket: its bytes, its TLS session if it has one, and what is known of its readiness.
//!
//! Readiness is edge-triggered: an event says that something *became* possible, once. It is
//! therefore remembered in flags and forgotten only when the kernel itself says `WouldBlock` (or
//! takes or gives less than it was offered, which on epoll and kqueue says the same).

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use socket2::SockRef;

use super::tls::Tls;
use crate::engine::ConnId;
use crate::engine::io::Gone;

/// A socket of the reactor, at the place of its connection's index.
#[derive(Debug)]
pub struct Socket {
    /// Whose it is. The epoch tells apart what came after.
    pub id: ConnId,
    /// The socket.
    pub stream: TcpStream,
    /// The session, for `https`.
    pub tls: Option<Box<Tls>>,
    /// Whether a client made it.
    pub accepted: bool,
    /// TCP is not there yet.
    pub connecting: bool,
    /// There may be something to read.
    pub readable: bool,
    /// There may be room to write.
    pub writable: bool,
    /// The peer's FIN was announced: read on until it is seen.
    pub read_closed: bool,
    /// The engine does not want to read.
    pub paused: bool,
    /// On the list of sockets to be read.
    pub queued: bool,
    /// On the list of sockets to be written.
    pub dirty: bool,
    /// FIN goes out as soon as TLS has nothing left to write.
    pub shut: bool,
}

/// What a read or a write came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now; an event will say when.
    Blocked,
    /// Nothing ever again: the peer's FIN.
    End,
    /// The connection is broken.
    Broken(Gone),
}

impl Socket {
    /// A socket that a client made.
    #[must_use]
    pub fn accepted(id: ConnId, stream: TcpStream) -> Self {
        Socket {
            accepted: true,
            connecting: false,
            writable: true,
            ..Socket::connecting(id, stream)
        }
    }

    /// A socket that is being connected.
    #[must_use]
    pub fn connecting(id: ConnId, stream: TcpStream) -> Self {
        Socket {
            id,
            stream,
            tls: None,
            accepted: false,
            connecting: true,
            readable: false,
            writable: false,
            read_closed: false,
            paused: false,
            queued: false,
            dirty: false,
            shut: false,
        }
    }

    /// Reads once into `scratch`. Clears `readable` when there is nothing left.
    pub fn read(&mut self, scratch: &mut [u8]) -> Moved {
        loop {
            return match self.stream.read(scratch) {
                Ok(0) => {
                    self.readable = false;
                    Moved::End
                }
                Ok(n) => {
                    // Less than there was room for: the kernel has no more, unless a FIN follows.
                    if n < scratch.len() && !self.read_closed {
                        self.readable = false;
                    }
                    Moved::Bytes(n)
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::WouldBlock => {
                        self.readable = false;
                        Moved::Blocked
                    }
                    _ => Moved::Broken(gone(&error)),
                },
            };
        }
    }

    /// Writes once. Clears `writable` when the kernel takes less than it was offered.
    pub fn write(&mut self, slices: &[IoSlice<'_>]) -> Moved {
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        loop {
            // One piece, as most writes are, needs no list of pieces to be copied and checked.
            let written = match slices {
                [only] => self.stream.write(only),
                several => self.stream.write_vectored(several),
            };
            return match written {
                Ok(n) => {
                    if n < offered {
                        self.writable = false;
                    }
                    Moved::Bytes(n)
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => continue,
                    io::ErrorKind::WouldBlock => {
                        self.writable = false;
                        Moved::Blocked
                    }
                    _ => Moved::Broken(gone(&error)),
                },
            };
        }
    }

    /// Whether a connection that was asked for stands: `None` while it is neither.
    pub fn connected(&mut self) -> Option<Result<(), Gone>> {
        match self.stream.take_error() {
            Ok(Some(error)) | Err(error) => return Some(Err(gone(&error))),
            Ok(None) => {}
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.connecting = false;
                self.writable = true;
                if let Err(error) = self.stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY was refused");
                }
                Some(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => None,
            Err(error) => Some(Err(gone(&error))),
        }
    }

    /// Sends the FIN.
    pub fn finish(&mut self) {
        self.shut = false;
        // A peer that has gone already cannot be told.
        if let Err(error) = self.stream.shutdown(Shutdown::Write) {
            tracing::trace!(%error, "the FIN could not be sent");
        }
    }

    /// Makes the close that follows a reset: nothing that was not taken is kept.
    pub fn reset(&self) {
        let abrupt = Some(std::time::Duration::ZERO);
        if let Err(error) = SockRef::from(&self.stream).set_linger(abrupt) {
            tracing::debug!(%error, "SO_LINGER was refused");
        }
    }
}

/// What an error of a socket means.
#[must_use]
pub fn gone(error: &io::Error) -> Gone {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Gone::Refused,
        io::ErrorKind::TimedOut => Gone::TimedOut,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::NetworkDown => Gone::Unreachable,
        _ => Gone::Reset,
    }
}
