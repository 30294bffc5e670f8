//! A provider that speaks any dialect and does exactly what it is told, one script for each
//! request, and that keeps a journal of what it saw.
//!
//! One thread for each connection, blocking reads, no HTTP library: it may break every rule.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::PATIENCE;
use super::script::{Act, Script};
use super::tls::Wire;

/// What it is asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Requests before this one, on all connections.
    pub before: usize,
    /// Connections before the one that it came on.
    pub connection: usize,
    /// Head and body.
    pub text: String,
}

/// What it has seen.
#[derive(Default)]
struct Journal {
    connections: usize,
    asked: Vec<Asked>,
    /// When the other side closed while a script was being played.
    deserted: Vec<Instant>,
    /// Connections that ended, however.
    ended: usize,
}

struct Shared {
    journal: Mutex<Journal>,
    news: Condvar,
    tls: Option<Arc<rustls::ServerConfig>>,
    script: Box<dyn Fn(&Asked) -> Script + Send + Sync>,
}

/// A running provider. Its threads end with the test program.
pub struct Provider {
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Provider {
    /// Starts one that plays `script` for each request.
    pub fn start(script: impl Fn(&Asked) -> Script + Send + Sync + 'static) -> Provider {
        Provider::serve(script, None)
    }

    /// The same behind TLS.
    pub fn start_tls(
        tls: Arc<rustls::ServerConfig>,
        script: impl Fn(&Asked) -> Script + Send + Sync + 'static,
    ) -> Provider {
        Provider::serve(script, Some(tls))
    }

    fn serve(
        script: impl Fn(&Asked) -> Script + Send + Sync + 'static,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            journal: Mutex::default(),
            news: Condvar::new(),
            tls,
            script: Box::new(script),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                let connection = shared.note(|journal| {
                    journal.connections += 1;
                    journal.connections - 1
                });
                std::thread::spawn(move || {
                    // A connection that breaks is what many of the scripts are about.
                    let _ = shared.converse(stream, connection);
                    shared.note(|journal| journal.ended += 1);
                });
            }
        });
        Provider { addr, shared }
    }

    /// The `[provider.fake]` table that makes it the default one. `further` holds more settings.
    pub fn config(&self, further: &str) -> String {
        let scheme = if self.shared.tls.is_some() {
            "https"
        } else {
            "http"
        };
        config_for(&format!("{scheme}://{}/v1", self.addr), further)
    }

    /// The same for a provider that speaks another dialect, whose base has no path.
    pub fn config_of_kind(&self, kind: &str, further: &str) -> String {
        let url = format!("http://{}", self.addr);
        config_for(&url, &format!("kind = \"{kind}\"\n{further}"))
    }

    /// Connections that it has accepted.
    pub fn connections(&self) -> usize {
        self.shared.note(|journal| journal.connections)
    }

    /// Everything it was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.note(|journal| journal.asked.clone())
    }

    /// Waits for so many requests.
    pub fn wait_for_requests(&self, number: usize) {
        self.wait_for("requests", |journal| {
            (journal.asked.len() >= number).then_some(())
        });
    }

    /// Waits until so many connections were closed by the other side in the middle of a script;
    /// says when the last of them was.
    pub fn wait_for_deserters(&self, number: usize) -> Instant {
        self.wait_for("deserters", |journal| {
            journal.deserted.get(number - 1).copied()
        })
    }

    /// Waits until no connection is open.
    pub fn wait_for_quiet(&self) {
        self.wait_for("quiet", |journal| {
            (journal.ended == journal.connections).then_some(())
        });
    }

    fn wait_for<T>(&self, what: &str, ready: impl Fn(&Journal) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut journal = self.shared.journal.lock().expect("no script panics");
        loop {
            if let Some(value) = ready(&journal) {
                return value;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the provider waited in vain for {what}");
            journal = self
                .shared
                .news
                .wait_timeout(journal, left)
                .expect("no script panics")
                .0;
        }
    }
}

/// A `[provider.fake]` table for whatever is at `url`.
pub fn config_for(url: &str, further: &str) -> String {
    format!("[provider.fake]\nbase_url = \"{url}\"\nmodel = \"model-1\"\n{further}\n")
}

/// An address that is free, for a server that is told where to listen.
pub fn free_addr() -> SocketAddr {
    free_addr_of("127.0.0.1")
}

/// The same at another address of this machine. Between being found and being listened at, a port of an
/// address that nobody else uses is nobody else's.
pub fn free_addr_of(host: &str) -> SocketAddr {
    let listener = TcpListener::bind((host, 0)).expect("a free port");
    listener.local_addr().expect("bound")
}

/// An address at which nobody listens, and nobody will: servers of other tests take free ports too,
/// but of 127.0.0.1.
pub fn nobody() -> SocketAddr {
    free_addr_of("127.7.7.7")
}

impl Shared {
    fn note<T>(&self, write: impl FnOnce(&mut Journal) -> T) -> T {
        let value = write(&mut self.journal.lock().expect("no script panics"));
        self.news.notify_all();
        value
    }

    fn converse(&self, stream: TcpStream, connection: usize) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(6 * PATIENCE))?;
        let mut wire = Wire::new(stream, self.tls.as_ref())?;
        while let Some(text) = read_request(&mut wire)? {
            let asked = self.note(|journal| {
                let before = journal.asked.len();
                journal.asked.push(Asked {
                    before,
                    connection,
                    text,
                });
                journal.asked[before].clone()
            });
            for act in (self.script)(&asked).0 {
                if !self.play(&mut wire, act)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Does one thing; `false` when the connection is over.
    fn play(&self, wire: &mut Wire, act: Act) -> std::io::Result<bool> {
        let goes_on = match act {
            Act::Send(bytes) => write(wire, &bytes),
            Act::Slices(bytes, size) => bytes.chunks(size).all(|slice| write(wire, slice)),
            Act::Wait(span) => !is_deserted_within(wire.socket(), span),
            Act::Hang => !is_deserted_within(wire.socket(), 6 * PATIENCE),
            Act::Close => {
                wire.close();
                // Wait for the other side, so that what was sent is not destroyed by a reset.
                is_deserted_within(wire.socket(), PATIENCE);
                return Ok(false);
            }
            Act::Reset => {
                let socket = socket2::SockRef::from(wire.socket());
                socket.set_linger(Some(Duration::ZERO))?;
                return Ok(false);
            }
        };
        if !goes_on {
            self.note(|journal| journal.deserted.push(Instant::now()));
        }
        Ok(goes_on)
    }
}

fn write(wire: &mut Wire, bytes: &[u8]) -> bool {
    wire.write_all(bytes).and_then(|()| wire.flush()).is_ok()
}

/// Whether the other side closes before `span` is over. Clients of HTTP/1.1 say nothing else
/// while they wait for an answer; over TLS it is the alert `close_notify`.
fn is_deserted_within(socket: &TcpStream, span: Duration) -> bool {
    if socket
        .set_read_timeout(Some(span.max(Duration::from_millis(1))))
        .is_err()
    {
        return true;
    }
    let seen = socket.peek(&mut [0]);
    let _ = socket.set_read_timeout(Some(6 * PATIENCE));
    match seen {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// One request; `None` at the end of the connection.
fn read_request(wire: &mut Wire) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut scratch = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let body: usize = text.lines().find_map(length_in).unwrap_or(0);
            if bytes.len() >= end + 4 + body {
                return Ok(Some(text));
            }
        }
        match wire.read(&mut scratch)? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(&scratch[..read]),
        }
    }
}

fn length_in(line: &str) -> Option<usize> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("content-length")
        .then(|| value.trim().parse().ok())?
}
