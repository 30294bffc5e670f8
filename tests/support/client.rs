//! A client that is nothing but bytes: it sends what it is given, in the pieces it is given, and
//! takes responses apart by itself.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::PATIENCE;
use super::response::{Event, Response};

/// How the body that is being read ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Ended,
    Length(usize),
    Chunked,
    UntilClose,
}

/// How a connection ended that should have brought a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Not one byte of it came.
    Unanswered,
    /// Some of it did.
    Midway,
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    /// Bytes that were read and not taken apart yet.
    raw: Vec<u8>,
    /// Bytes of the present body without their framing.
    body: Vec<u8>,
    framing: Framing,
}

impl Client {
    /// Connects. Every read gives up after a while.
    pub fn connect(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect(addr).expect("the server accepts");
        Client::new(stream)
    }

    /// Connects with a small window, so that little is on its way to who does not read.
    pub fn connect_narrow(addr: SocketAddr) -> Client {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
            .expect("a socket");
        socket.set_recv_buffer_size(16 * 1024).expect("a size");
        socket.connect(&addr.into()).expect("the server accepts");
        Client::new(socket.into())
    }

    /// Connects from this address of our own.
    pub fn connect_from(ip: [u8; 4], addr: SocketAddr) -> Client {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
            .expect("a socket");
        let from = SocketAddr::from((ip, 0));
        socket.bind(&from.into()).expect("it is ours");
        socket.connect(&addr.into()).expect("the server accepts");
        Client::new(socket.into())
    }

    /// Takes over a socket.
    pub fn new(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("not zero");
        stream.set_nodelay(true).expect("a TCP socket");
        Client {
            stream,
            raw: Vec::new(),
            body: Vec::new(),
            framing: Framing::Ended,
        }
    }

    /// Sends everything at once.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        self.stream.write_all(bytes.as_ref()).expect("it is taken");
        self
    }

    /// Sends as long as the other side takes it: it may have refused and closed in the middle.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Sends in pieces of `size` bytes, each in a segment of its own.
    pub fn send_in_pieces(&mut self, bytes: impl AsRef<[u8]>, size: usize) -> &mut Client {
        for piece in bytes.as_ref().chunks(size) {
            self.send(piece);
            std::thread::yield_now();
        }
        self
    }

    /// Sends a FIN and can still read.
    pub fn finish_sending(&mut self) -> &mut Client {
        self.stream.shutdown(Shutdown::Write).expect("connected");
        self
    }

    /// The response to a request that was sent; `102` and the like are returned as they are.
    pub fn response(&mut self) -> Response {
        let mut response = self.head();
        response.body = self.body();
        response
    }

    /// The body of a response whose head was read.
    pub fn body(&mut self) -> Vec<u8> {
        while self
            .more_body()
            .expect("the body is framed as its head says")
        {}
        std::mem::take(&mut self.body)
    }

    /// The response to HEAD: a head and nothing else, whatever it says of a body.
    pub fn response_to_head(&mut self) -> Response {
        let response = self.head();
        self.framing = Framing::Ended;
        response
    }

    /// The head of a response; its body is read by [`Client::event`] or [`Client::response`].
    pub fn head(&mut self) -> Response {
        let head = self.try_head();
        head.unwrap_or_else(|error| panic!("no head: {error}: {}", self.raw.escape_ascii()))
    }

    /// A whole response, or how much of one there was when the connection ended.
    pub fn try_response(&mut self) -> Result<Response, Cut> {
        let Ok(mut response) = self.try_head() else {
            let unanswered = self.raw.is_empty();
            return Err(if unanswered {
                Cut::Unanswered
            } else {
                Cut::Midway
            });
        };
        let (body, whole) = self.body_until_cut();
        response.body = body;
        if whole {
            Ok(response)
        } else {
            Err(Cut::Midway)
        }
    }

    fn try_head(&mut self) -> std::io::Result<Response> {
        self.body.clear();
        let end = loop {
            if let Some(at) = find(&self.raw, b"\r\n\r\n") {
                break at;
            }
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8(self.raw.drain(..end + 4).collect()).expect("ASCII");
        let status = head.split(' ').nth(1).expect("a status line");
        let response = Response {
            status: status.parse().expect("a status"),
            head: head.trim_end().to_owned(),
            body: Vec::new(),
        };
        self.framing = framing(&response);
        Ok(response)
    }

    /// The next event of a stream; `None` at its framed end.
    pub fn event(&mut self) -> Option<Event> {
        loop {
            if let Some(at) = find(&self.body, b"\n\n") {
                let block: Vec<u8> = self.body.drain(..at + 2).collect();
                return Some(Event::parse(
                    std::str::from_utf8(&block).expect("UTF-8").trim_end(),
                ));
            }
            if !self.more_body().expect("a stream ends with its last chunk") {
                assert!(self.body.is_empty(), "half an event at the end");
                return None;
            }
        }
    }

    /// All events up to the end of the stream.
    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.event()).collect()
    }

    /// The rest of a body whose head was read.
    pub fn rest_of_body(&mut self) -> Vec<u8> {
        let (body, whole) = self.body_until_cut();
        assert!(whole, "the body is framed as its head says");
        body
    }

    /// As much as comes of a body whose head was read, and whether its framing says that this is
    /// all of it.
    pub fn body_until_cut(&mut self) -> (Vec<u8>, bool) {
        loop {
            match self.more_body() {
                Ok(true) => {}
                end => return (std::mem::take(&mut self.body), end.is_ok()),
            }
        }
    }

    /// Whatever comes until the other side closes.
    pub fn rest(&mut self) -> Vec<u8> {
        while matches!(self.fill(), Ok(read) if read > 0) {}
        std::mem::take(&mut self.raw)
    }

    /// Whether the other side ends the connection (FIN or RST) within `limit`, and sends nothing
    /// before it does.
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        assert!(self.raw.is_empty(), "unread: {}", self.raw.escape_ascii());
        self.stream.set_read_timeout(Some(limit)).expect("not zero");
        let read = self.fill();
        self.stream
            .set_read_timeout(Some(PATIENCE))
            .expect("not zero");
        match read {
            Ok(read) => read == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Whether nothing comes, not even the end, for `span`.
    pub fn is_silent_for(&mut self, span: Duration) -> bool {
        let until = Instant::now() + span;
        self.stream.set_read_timeout(Some(span)).expect("not zero");
        let read = self.fill();
        self.stream
            .set_read_timeout(Some(PATIENCE))
            .expect("not zero");
        read.is_err() && Instant::now() >= until
    }

    /// The socket itself.
    pub fn socket(&self) -> &TcpStream {
        &self.stream
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket
            .set_linger(Some(Duration::ZERO))
            .expect("a TCP socket");
    }

    /// Moves some of the body from `raw` to `body`; `false` at its end.
    fn more_body(&mut self) -> std::io::Result<bool> {
        match self.framing {
            Framing::Ended => return Ok(false),
            Framing::Chunked => {
                if let Some(size) = self.whole_chunk() {
                    if size == 0 {
                        self.framing = Framing::Ended;
                    }
                    return Ok(size > 0);
                }
            }
            Framing::Length(left) if !self.raw.is_empty() => {
                let taken = left.min(self.raw.len());
                self.body.extend(self.raw.drain(..taken));
                self.framing = Framing::Length(left - taken);
                return Ok(left > taken);
            }
            Framing::Length(0) => return Ok(false),
            Framing::Length(_) => {}
            Framing::UntilClose => self.body.append(&mut self.raw),
        }
        match (self.fill()?, self.framing) {
            (0, Framing::UntilClose) => Ok(false),
            (0, _) => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(true),
        }
    }

    /// Takes one whole chunk off `raw`, if it is there.
    fn whole_chunk(&mut self) -> Option<usize> {
        let line = find(&self.raw, b"\r\n")?;
        let digits = std::str::from_utf8(&self.raw[..line]).expect("hexadecimal digits");
        let size = usize::from_str_radix(digits, 16).expect("hexadecimal digits");
        let end = line + 2 + size;
        if self.raw.len() < end + 2 {
            return None;
        }
        assert_eq!(&self.raw[end..end + 2], b"\r\n", "a chunk ends with CRLF");
        self.body.extend_from_slice(&self.raw[line + 2..end]);
        self.raw.drain(..end + 2);
        Some(size)
    }

    fn fill(&mut self) -> std::io::Result<usize> {
        let mut scratch = vec![0; 64 * 1024];
        let read = loop {
            match self.stream.read(&mut scratch) {
                // A process that was stopped and goes on.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.raw.extend_from_slice(&scratch[..read]);
        Ok(read)
    }
}

fn framing(response: &Response) -> Framing {
    match (
        response.field("content-length"),
        response.field("transfer-encoding"),
    ) {
        (Some(length), None) => Framing::Length(length.parse().expect("a length")),
        (None, Some("chunked")) => Framing::Chunked,
        (None, None) if matches!(response.status, 100..=199 | 204 | 304) => Framing::Ended,
        (None, None) => Framing::UntilClose,
        both => panic!("a length that can be read in two ways: {both:?}"),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// A request for `GET path`.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A request for `DELETE path`.
pub fn delete(path: &str) -> String {
    format!("DELETE {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

/// A request with a JSON body.
pub fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request for a text about `topic`.
pub fn generate(topic: &str, stream: bool) -> String {
    let body = serde_json::json!({"topic": topic, "stream": stream});
    post("/generate/", &body.to_string())
}

/// Sends one request on a connection of its own and reads the answer.
pub fn ask(addr: SocketAddr, request: impl AsRef<[u8]>) -> Response {
    let mut client = Client::connect(addr);
    // A refusal may close the connection before all is sent.
    let _ = client.try_send(request);
    client.response()
}

/// The same request, by whom the connection is not used again.
pub fn last(request: &str) -> String {
    request.replacen("\r\nHost", "\r\nConnection: close\r\nHost", 1)
}

/// The body of a whole, good answer on a connection of its own; `None` if the server died before the
/// end of it.
pub fn try_whole(addr: SocketAddr, request: &str) -> Option<String> {
    let mut client = Client::new(TcpStream::connect(addr).ok()?);
    client.try_send(last(request)).ok()?;
    let response = client.try_response().ok()?;
    (response.status == 200).then(|| response.text().to_owned())
}
