//! The door: accepting clients, some at a time, and never dying of it.
//!
//! ```text
//!  open ──(no place left)──► paused ──(a place)──► open
//!  open ──(no file left)───► resting, 100 ms ────► open
//!  any of them ──(asked to stop)──► closed: clients are refused, and a successor can listen
//! ```

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::engine::Mono;
use crate::limits::{ACCEPT_BACKOFF_MS, SEND_LOW_BYTES};

/// Connections that the kernel keeps for us while we are busy or full.
const BACKLOG: i32 = 4096;

/// A listening socket and what is known about it.
#[derive(Debug)]
pub struct Listener {
    /// `None` once the door is closed.
    socket: Option<TcpListener>,
    /// There may be connections to accept: the edge has come and `WouldBlock` has not.
    ready: bool,
    /// The engine has no place for more.
    paused: bool,
    /// Out of file descriptors: not before this time.
    rest_until: Mono,
}

/// What came of one attempt to accept.
#[derive(Debug)]
pub enum Accepted {
    /// A client.
    Client(TcpStream, IpAddr),
    /// That one was gone before it was accepted; there may be others.
    Lost,
    /// Nobody is waiting.
    Nobody,
    /// No file descriptor is free.
    NoFiles,
}

impl Listener {
    /// Binds and listens.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        keep_little_unsent(&socket);
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Listener {
            socket: Some(TcpListener::from_std(socket.into())),
            ready: false,
            paused: false,
            rest_until: Mono(0),
        })
    }

    /// The address that it really has: port 0 becomes a free one.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket
            .as_ref()
            .ok_or(io::ErrorKind::NotConnected)?
            .local_addr()
    }

    /// Registers once; the edge is remembered in `ready`.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let socket = self.socket.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        registry.register(socket, token, Interest::READABLE)
    }

    /// Closes the door for good. The kernel refuses whoever comes later, and resets those that it
    /// kept for us and that were never accepted. Closing takes the socket out of the poller, too.
    pub fn close(&mut self) {
        self.socket = None;
        self.ready = false;
    }

    /// The edge has come.
    pub fn set_ready(&mut self) {
        self.ready = self.socket.is_some();
    }

    /// The engine's wish.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Whether it makes sense to accept now.
    #[must_use]
    pub fn wants(&self, now: Mono) -> bool {
        self.ready && !self.paused && now >= self.rest_until
    }

    /// When it makes sense to accept again, if nothing else happens.
    #[must_use]
    pub fn next_try(&self) -> Mono {
        if self.ready && !self.paused {
            self.rest_until
        } else {
            Mono::NEVER
        }
    }

    /// Accepts one connection.
    pub fn accept(&mut self, now: Mono) -> Accepted {
        let Some(socket) = &self.socket else {
            return Accepted::Nobody;
        };
        match socket.accept() {
            Ok((stream, peer)) => {
                // A reply is written whole; waiting for more of it would only delay it. A socket
                // that refuses the option works all the same.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY was refused");
                }
                Accepted::Client(stream, peer.ip().to_canonical())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.ready = false;
                Accepted::Nobody
            }
            Err(error) if is_out_of_means(&error) => {
                self.rest_until = now.plus_ms(ACCEPT_BACKOFF_MS);
                Accepted::NoFiles
            }
            Err(error) => {
                tracing::debug!(%error, "a connection was lost before it was accepted");
                Accepted::Lost
            }
        }
    }
}

/// Bounds what the kernel holds of one connection and has not sent yet. Without it the kernel takes
/// megabytes for a client that reads nothing, and our own marks count only what comes after those.
/// Linux hands the option down to every socket that is accepted, which saves a call for each.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn keep_little_unsent(listening: &Socket) {
    // A kernel that refuses it works all the same, with more memory.
    if let Err(error) = listening.set_tcp_notsent_lowat(SEND_LOW_BYTES as u32) {
        tracing::debug!(%error, "TCP_NOTSENT_LOWAT was refused");
    }
}

/// Other systems have no such option, or none that socket2 knows.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn keep_little_unsent(_listening: &Socket) {}

/// `EMFILE` (the process) and `ENFILE` (the system): 24 and 23 on every Unix; or no memory for
/// another socket, which `io` has a name for. Trying again at once would only spin.
fn is_out_of_means(error: &io::Error) -> bool {
    let no_buffers = if cfg!(target_os = "linux") { 105 } else { 55 };
    error.kind() == io::ErrorKind::OutOfMemory
        || matches!(error.raw_os_error(), Some(23 | 24))
        || error.raw_os_error() == Some(no_buffers)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Accepts the client that is on its way.
    fn accepted(listener: &mut Listener) -> TcpStream {
        for _ in 0..1_000 {
            listener.set_ready();
            if let Accepted::Client(stream, _) = listener.accept(Mono(0)) {
                return stream;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("nobody came");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn whoever_is_accepted_has_the_mark_of_the_listening_socket() {
        let mut listener = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let _client = std::net::TcpStream::connect(listener.address().unwrap()).unwrap();
        let stream = accepted(&mut listener);
        let mark = socket2::SockRef::from(&stream).tcp_notsent_lowat().unwrap();
        assert_eq!(mark as usize, SEND_LOW_BYTES);
    }

    #[test]
    fn a_closed_door_wants_nobody_and_frees_its_address() {
        let mut listener = Listener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.address().unwrap();
        listener.close();
        listener.set_ready(); // an edge of the same batch
        assert!(!listener.wants(Mono(0)));
        assert_eq!(listener.next_try(), Mono::NEVER);
        assert!(matches!(listener.accept(Mono(0)), Accepted::Nobody));
        assert!(std::net::TcpStream::connect(address).is_err());
        assert!(Listener::bind(address).is_ok());
    }
}
