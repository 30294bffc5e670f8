//! What goes into the engine and what comes out: its whole surface towards sockets and threads.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::now::Mono;
use super::slots::{ConnId, WorkId};
use super::work::WorkResult;
use crate::store::journal::Standing;

/// Something happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// The TCP connection that [`Output::Connect`] asked for stands.
    Connected(ConnId),
    /// The hash of the certificate of a database server, to tie the log-in to it (RFC 5929). Comes
    /// before [`Input::Secured`].
    EndPoint(ConnId, Vec<u8>),
    /// The handshake that [`Output::StartTls`] asked for is done.
    Secured(ConnId),
    /// Bytes arrived (plaintext, if the connection has TLS).
    Received(ConnId, &'a [u8]),
    /// The peer will send nothing more; it may still read.
    EndOfInput(ConnId),
    /// The peer has sent its FIN while reading is paused: more of what it said may still come.
    HungUp(ConnId),
    /// This many of the unsent bytes were taken by the socket (plaintext, if it has TLS).
    Sent(ConnId, usize),
    /// The connection is gone; the reactor has closed its socket already.
    Closed(ConnId, Gone),
    /// A thread has finished.
    Done(WorkId, WorkResult),
    /// A look-up has finished: addresses, or nothing under that name.
    Resolved(u16, Result<Vec<IpAddr>, ResolveFault>),
    /// Figures of the process that only the reactor can read, about once a second.
    Observed(Observed),
    /// The turn before this one, for the trace.
    Turned(Turn),
    /// What waited in the spill journal when it was opened. Comes once, at the start.
    Journal(Standing),
    /// Time has passed. Comes once a turn.
    Tick,
    /// SIGTERM or SIGINT: finish what is there and stop.
    Shutdown,
}

/// One turn of the loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Turns before it.
    pub number: u64,
    /// When it came out of poll.
    pub began: Mono,
    /// Nanoseconds until it went into poll again.
    pub nanos: u64,
    /// Events that poll reported.
    pub events: u32,
}

/// Why a connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gone {
    /// Nobody listens there.
    Refused,
    /// The network does not lead there.
    Unreachable,
    /// The kernel's own time limit for connecting.
    TimedOut,
    /// The peer reset it, or it broke.
    Reset,
    /// The TLS handshake failed, or a record was wrong.
    Tls(TlsFault),
}

impl Gone {
    /// The reason, for whoever looks after the server: of one that we connect to.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Gone::Refused => "nobody listens there",
            Gone::Unreachable => "the network does not lead there",
            Gone::TimedOut => "it does not answer",
            Gone::Reset => "the connection broke",
            Gone::Tls(TlsFault::WrongName) => "its certificate is for another name",
            Gone::Tls(TlsFault::Expired) => "its certificate has expired",
            Gone::Tls(TlsFault::UnknownIssuer) => {
                "nobody who is trusted has signed its certificate"
            }
            Gone::Tls(_) => "the TLS handshake failed",
        }
    }
}

/// What was wrong with TLS, as far as it helps the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsFault {
    /// The certificate is for another name.
    WrongName,
    /// The certificate has expired or is not valid yet.
    Expired,
    /// No trusted authority has signed it.
    UnknownIssuer,
    /// Another fault of the certificate.
    BadCertificate,
    /// No common version or cipher.
    Incompatible,
    /// The peer does not speak TLS, or broke off.
    Protocol,
    /// The connection ended without close_notify, so its end proves nothing.
    Truncated,
}

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResolveFault {
    /// The name does not exist.
    NoSuchName,
    /// The name exists and has no address.
    NoAddress,
    /// The resolver did not answer, or could not say.
    Failed,
}

/// Something to do. Small and `Copy`; bytes stay in the engine until they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Open a TCP connection.
    Connect(ConnId, SocketAddr),
    /// Send all that is unsent as one datagram, from a socket of its own that takes datagrams from
    /// this address alone. What comes back is [`Input::Received`], a datagram at a time.
    SendDatagram(ConnId, SocketAddr),
    /// Start TLS as a client towards the host of this pool, or of this server of the database, which
    /// come behind the pools.
    StartTls(ConnId, u16),
    /// Look the name of this pool, or of this server of the database, up.
    Resolve(u16),
    /// There are unsent bytes.
    Flush(ConnId),
    /// Stop reading; what arrives waits in the kernel.
    Pause(ConnId),
    /// Read again.
    Resume(ConnId),
    /// Send a FIN (after close_notify, with TLS); everything unsent is out.
    ShutWrite(ConnId),
    /// Close the socket. The id is stale from here on.
    Close(ConnId, How),
    /// Fetch the work with [`super::Engine::take_work`] and give it to its threads.
    Submit(WorkId),
    /// Accept no more connections.
    PauseAccept,
    /// Accept again.
    ResumeAccept,
}

/// How to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// FIN, as far as not sent yet.
    Plain,
    /// RST: the peer did not take its answer, and the kernel need not keep it.
    Reset,
}

/// Figures of the process, for `/metrics` and the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// Turns of the loop.
    pub turns: u64,
    /// Events that poll reported.
    pub events: u64,
    /// Events for a connection that was gone.
    pub stale_events: u64,
    /// Nanoseconds outside poll.
    pub busy_ns: u64,
    /// Nanoseconds since the loop started.
    pub elapsed_ns: u64,
    /// Turns by their length outside poll; bounds in [`LAG_BOUNDS_US`], the last is "longer".
    pub lag: [u64; LAG_BOUNDS_US.len() + 1],
    /// The longest turn outside poll, in nanoseconds.
    pub lag_max_ns: u64,
    /// Nanoseconds that scorer threads worked, all together.
    pub scorer_busy_ns: u64,
    /// Scorer threads.
    pub scorers: u64,
    /// Nanoseconds that the SQLite writer worked.
    pub writer_busy_ns: u64,
    /// Nanoseconds that the SQLite reader worked.
    pub reader_busy_ns: u64,
    /// Resident bytes.
    pub resident_bytes: u64,
    /// Open files.
    pub open_files: u64,
    /// Soft limit of open files.
    pub open_files_limit: u64,
    /// Log lines dropped because their queue was full.
    pub log_dropped: u64,
    /// Times that no file descriptor was free for a client.
    pub out_of_files: u64,
}

/// Upper bounds of the lag histogram in microseconds.
pub const LAG_BOUNDS_US: [u64; 10] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000,
];
