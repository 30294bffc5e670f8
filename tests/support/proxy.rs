//! A proxy that harms bytes: it stands between the server and a provider and knows nothing about
//! what they say, only how many bytes of the provider's have passed.
//!
//! ```text
//!   server ◄── face ──┬── harm: slices, pauses, a wrong byte, an early end ──◄── provider
//!              plain  └──────────────── bytes as they are ──────────────────────►
//!              or TLS
//! ```
//! With a plain face in front of a provider that speaks TLS it harms TLS records; with a TLS face
//! in front of a plain provider it harms what is inside them.
//!
//! Two threads for each connection, blocking reads.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection};

use super::{PATIENCE, ms};

/// What is done to the bytes of one connection on their way to the server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Harm {
    /// Bytes of each write.
    pub slice: Option<usize>,
    /// A pause before each write.
    pub pause: Duration,
    /// The byte at this place is turned into another one.
    pub flip: Option<usize>,
    /// After so many bytes it ends.
    pub end: Option<(usize, End)>,
}

/// How a connection ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A FIN. Over TLS without close_notify.
    Cut,
    /// A reset.
    Reset,
    /// Nothing comes any more.
    Hang,
}

impl Harm {
    /// In slices of `size` bytes.
    pub fn slices(size: usize) -> Harm {
        Harm {
            slice: Some(size),
            ..Harm::default()
        }
    }

    /// Ends after `bytes`.
    pub fn after(bytes: usize, end: End) -> Harm {
        Harm {
            end: Some((bytes, end)),
            ..Harm::default()
        }
    }

    /// Another byte at `place`.
    pub fn flip(place: usize) -> Harm {
        Harm {
            flip: Some(place),
            ..Harm::default()
        }
    }

    /// A pause before each write.
    pub fn pausing(mut self, pause: Duration) -> Harm {
        self.pause = pause;
        self
    }
}

/// A running proxy. Its threads end with the test program.
pub struct Proxy {
    /// Where it listens.
    pub addr: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    /// Bytes that the server has sent, as they were on the wire.
    from_server: AtomicUsize,
}

impl Proxy {
    /// In front of the provider at `upstream`; `harm` says what is done to each connection, which
    /// are counted from 0.
    pub fn start(
        upstream: SocketAddr,
        harm: impl Fn(usize) -> Harm + Send + Sync + 'static,
    ) -> Proxy {
        Proxy::serve(upstream, None, harm)
    }

    /// The same, and the server is spoken to by TLS, which the provider knows nothing of.
    pub fn start_tls(
        upstream: SocketAddr,
        tls: Arc<ServerConfig>,
        harm: impl Fn(usize) -> Harm + Send + Sync + 'static,
    ) -> Proxy {
        Proxy::serve(upstream, Some(tls), harm)
    }

    fn serve(
        upstream: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        harm: impl Fn(usize) -> Harm + Send + Sync + 'static,
    ) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let counts = Arc::new(Counts::default());
        let counting = Arc::clone(&counts);
        std::thread::spawn(move || {
            for server in listener.incoming().flatten() {
                let number = counting.connections.fetch_add(1, Ordering::SeqCst);
                let (harm, tls) = (harm(number), tls.clone());
                let counts = Arc::clone(&counting);
                // A connection that breaks is what this is about.
                std::thread::spawn(move || connect(server, upstream, tls, harm, &counts));
            }
        });
        Proxy { addr, counts }
    }

    /// Connections that the server has opened.
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// Bytes that the server has sent, TLS included.
    pub fn bytes_from_server(&self) -> usize {
        self.counts.from_server.load(Ordering::SeqCst)
    }
}

/// Both directions of one connection.
fn connect(
    server: TcpStream,
    upstream: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    harm: Harm,
    counts: &Counts,
) -> std::io::Result<()> {
    let provider = TcpStream::connect(upstream)?;
    for socket in [&server, &provider] {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(6 * PATIENCE))?;
    }
    let face = Arc::new(Face::new(server, tls)?);
    let back = (Arc::clone(&face), provider.try_clone()?);
    let answers = std::thread::spawn(move || carry_back(&back.0, back.1, harm));
    let carried = carry_forth(&face, &provider, counts);
    // The server has gone, and so it is told to the provider.
    let _ = provider.shutdown(Shutdown::Both);
    let _ = answers.join();
    carried
}

/// From the server to the provider, as it is.
fn carry_forth(face: &Face, mut provider: &TcpStream, counts: &Counts) -> std::io::Result<()> {
    let mut raw = vec![0; 16 * 1024];
    loop {
        let read = (&face.socket).read(&mut raw)?;
        counts.from_server.fetch_add(read, Ordering::SeqCst);
        if read == 0 {
            return Ok(());
        }
        let plain = face.decode(&raw[..read])?;
        provider.write_all(&plain)?;
    }
}

/// From the provider to the server, with harm.
fn carry_back(face: &Face, mut provider: TcpStream, harm: Harm) -> std::io::Result<()> {
    let mut raw = vec![0; 16 * 1024];
    let mut passed = 0;
    loop {
        let room = harm.end.map_or(usize::MAX, |(after, _)| after - passed);
        if room == 0 {
            return face.end(harm.end.map_or(End::Cut, |(_, end)| end));
        }
        let most = room.min(raw.len());
        let read = match provider.read(&mut raw[..most]) {
            Ok(0) => return face.end(End::Cut),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                return face.end(End::Reset);
            }
            Err(error) => return Err(error),
        };
        if let Some(at) = harm.flip.and_then(|place| place.checked_sub(passed))
            && at < read
        {
            raw[at] ^= 0x15;
        }
        passed += read;
        for slice in raw[..read].chunks(harm.slice.unwrap_or(read)) {
            if !harm.pause.is_zero() {
                std::thread::sleep(harm.pause);
            } else if harm.slice.is_some() {
                std::thread::yield_now();
            }
            face.write(slice)?;
        }
    }
}

/// The side that the server sees.
struct Face {
    socket: TcpStream,
    tls: Option<Mutex<ServerConnection>>,
}

impl Face {
    fn new(socket: TcpStream, tls: Option<Arc<ServerConfig>>) -> std::io::Result<Face> {
        let tls = match tls {
            None => None,
            Some(config) => {
                let session = ServerConnection::new(config).map_err(std::io::Error::other)?;
                Some(Mutex::new(session))
            }
        };
        Ok(Face { socket, tls })
    }

    /// What was read from the server, without TLS. What TLS has to say to it is sent.
    fn decode(&self, mut raw: &[u8]) -> std::io::Result<Vec<u8>> {
        let Some(tls) = &self.tls else {
            return Ok(raw.to_vec());
        };
        let mut session = tls.lock().expect("no thread panics");
        let mut plain = Vec::new();
        while !raw.is_empty() {
            session.read_tls(&mut raw)?;
            let state = session.process_new_packets().map_err(std::io::Error::other);
            while session.wants_write() {
                session.write_tls(&mut &self.socket)?;
            }
            let mut part = vec![0; state?.plaintext_bytes_to_read()];
            session.reader().read_exact(&mut part)?;
            plain.append(&mut part);
        }
        Ok(plain)
    }

    /// Sends plaintext, over TLS in a record of its own.
    fn write(&self, plain: &[u8]) -> std::io::Result<()> {
        let Some(tls) = &self.tls else {
            return (&self.socket).write_all(plain);
        };
        let mut session = tls.lock().expect("no thread panics");
        session.writer().write_all(plain)?;
        while session.wants_write() {
            session.write_tls(&mut &self.socket)?;
        }
        Ok(())
    }

    /// Ends this side. Hanging ends nothing: that is the server's to do.
    fn end(&self, end: End) -> std::io::Result<()> {
        match end {
            End::Hang => Ok(()),
            End::Cut => self.socket.shutdown(Shutdown::Write),
            End::Reset => {
                // The last one to hold the socket closes it, so it is closed here for all.
                let socket = socket2::SockRef::from(&self.socket);
                socket.set_linger(Some(Duration::ZERO))?;
                socket.shutdown(Shutdown::Read)
            }
        }
    }
}

/// A listener that answers no SYN: its queue is full. The streams that fill it are kept.
pub struct BlackHole {
    /// Where it is.
    pub addr: SocketAddr,
    _listener: TcpListener,
    _fillers: Vec<TcpStream>,
}

impl BlackHole {
    /// A new one.
    pub fn new() -> BlackHole {
        let kind = socket2::Type::STREAM;
        let socket = socket2::Socket::new(socket2::Domain::IPV4, kind, None).expect("a socket");
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        socket.bind(&any.into()).expect("a free port");
        socket.listen(0).expect("bound");
        let listener = TcpListener::from(socket);
        let addr = listener.local_addr().expect("bound");
        let fillers = (0..4).filter_map(|_| TcpStream::connect_timeout(&addr, ms(100)).ok());
        BlackHole {
            addr,
            _fillers: fillers.collect(),
            _listener: listener,
        }
    }
}
