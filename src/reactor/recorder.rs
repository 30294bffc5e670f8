//! The recorder: every input of the engine in a file, so that a run can be repeated exactly.
//!
//! It sits above TLS and records what the engine is told, nothing else; the engine is a function of
//! that. Every few hundred records it adds the engine's hash of everything it has written to send and
//! has given to threads, so that a replay knows at which point it parted from the original. The API keys are not in the
//! file: the header has their lengths, in the hash a request to a provider counts by its length, and
//! a provider's answer that quotes a key has asterisks there. (A reply that hands such a quotation on, or
//! a text that is stored with it, is then other bytes in the replay, which says so.)
//! What users sent *is* in the file; it is made readable for its owner only.
//!
//! ```text
//!  {"maitred_recording":1,…}\n        header: version, configuration, seed, sizes
//!  [len u32][kind u8][mono u64][wall i64][…]   one record each, little endian
//! ```
//! A thread writes; when it cannot keep up, the recording ends with a mark, and the server goes on.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::{Deserialize, Serialize};

use super::mask::Mask;
use super::os_error;
use crate::engine::io::{Gone, Input, Observed, ResolveFault, Turn};
use crate::engine::work::WorkResult;
use crate::engine::{ConnId, Key, Mono, Now, Sizes, WorkId};
use crate::store::journal::Standing;

/// The format of the file.
pub const FORMAT: u32 = 2;
/// Bytes gathered before they are handed to the thread.
const BATCH_BYTES: usize = 64 * 1024;
/// Batches that may wait for the thread.
const BATCHES: usize = 256;
/// Records between two hashes.
const DIGEST_EVERY: u32 = 256;
/// The longest first line that a reader takes.
const HEADER_BYTES: usize = 1024 * 1024;
/// The longest record that a reader takes: a long body, plus its frame.
const RECORD_BYTES: usize = 256 * 1024 * 1024;

/// The first line of a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub maitred_recording: u32,
    /// The program's version.
    pub version: String,
    /// The effective configuration, without secrets.
    pub config: String,
    /// The settings that hold a key, each with its length: several times, if they are a list.
    pub keys: Vec<(String, usize)>,
    /// All the randomness there was.
    pub seed: u64,
    /// How large the tables were.
    pub sizes: Sizes,
}

/// One record: an input that the engine was given, or the hash at this point.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A client was accepted under this id.
    Accept(IpAddr, Option<ConnId>),
    /// See [`Input::Connected`].
    Connected(ConnId),
    /// See [`Input::Secured`].
    Secured(ConnId),
    /// See [`Input::Received`].
    Received(ConnId, Vec<u8>),
    /// See [`Input::EndOfInput`].
    EndOfInput(ConnId),
    /// See [`Input::HungUp`].
    HungUp(ConnId),
    /// See [`Input::Sent`].
    Sent(ConnId, u64),
    /// See [`Input::Closed`].
    Closed(ConnId, Gone),
    /// See [`Input::Done`].
    Done(WorkId, WorkResult),
    /// See [`Input::Resolved`].
    Resolved(u16, Result<Vec<IpAddr>, ResolveFault>),
    /// See [`Input::Observed`].
    Observed(Observed),
    /// See [`Input::Turned`].
    Turned(Turn),
    /// See [`Input::Journal`].
    Journal(Standing),
    /// See [`Input::Tick`].
    Tick,
    /// See [`Input::Shutdown`].
    Shutdown,
    /// The engine's hash of all that it wrote and gave to threads.
    Digest(u64),
    /// The recording ends here because the thread could not keep up.
    Overrun,
}

/// Writes a recording.
pub struct Recorder {
    batches: Sender<Vec<u8>>,
    batch: Vec<u8>,
    mask: Mask,
    since_digest: u32,
    /// Whether the recording has ended early.
    ended: bool,
    writer: Option<thread::JoinHandle<()>>,
}

impl Recorder {
    /// Creates the file, which must not be there yet, and starts the thread. What `mask` covers is
    /// not written.
    pub(super) fn start(path: &Path, header: &Header, mask: Mask) -> io::Result<Self> {
        let named = |error: io::Error| {
            let path = path.display();
            let words = match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    format!("the recording {path} exists already: choose another name")
                }
                _ => format!(
                    "the recording {path} cannot be made: {}; choose a file in a folder that is there",
                    os_error::plain(&error)
                ),
            };
            io::Error::new(error.kind(), words)
        };
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(named)?;
        let mut first = serde_json::to_vec(header)?;
        first.push(b'\n');
        let (batches, incoming) = bounded::<Vec<u8>>(BATCHES);
        let writer = thread::Builder::new()
            .name("recorder".into())
            .spawn(move || write_file(BufWriter::new(file), &first, &incoming))
            .map_err(|error| os_error::thread("recorder", &error))?;
        Ok(Recorder {
            batches,
            batch: Vec::with_capacity(BATCH_BYTES),
            mask,
            since_digest: 0,
            ended: false,
            writer: Some(writer),
        })
    }

    /// Writes an accepted client.
    pub fn accept(&mut self, now: Now, peer: IpAddr, id: Option<ConnId>) {
        let id = id.map_or(u64::MAX, |id| id.0.pack());
        let peer = peer.to_string();
        self.record(0, now, &[&id.to_le_bytes(), peer.as_bytes()]);
    }

    /// Writes an input.
    pub fn input(&mut self, now: Now, input: &Input<'_>) {
        let conn = |id: &ConnId| id.0.pack().to_le_bytes();
        match input {
            Input::Connected(id) => self.record(1, now, &[&conn(id)]),
            // There are none: with a database server there is no recording.
            Input::EndPoint(..) => {}
            Input::Secured(id) => self.record(2, now, &[&conn(id)]),
            Input::Received(id, bytes) => self.record(3, now, &[&conn(id), bytes]),
            Input::EndOfInput(id) => self.record(4, now, &[&conn(id)]),
            Input::HungUp(id) => self.record(15, now, &[&conn(id)]),
            Input::Sent(id, bytes) => {
                self.record(5, now, &[&conn(id), &(*bytes as u64).to_le_bytes()]);
            }
            Input::Closed(id, gone) => self.record_json(6, now, &(id.0.pack(), gone)),
            Input::Done(id, result) => self.record_json(7, now, &(id.0.pack(), result)),
            Input::Resolved(index, result) => self.record_json(8, now, &(index, result)),
            Input::Observed(observed) => self.record_json(9, now, observed),
            Input::Journal(standing) => self.record_json(16, now, standing),
            Input::Tick => self.record(10, now, &[]),
            Input::Turned(turn) => self.record_json(14, now, turn),
            Input::Shutdown => self.record(11, now, &[]),
        }
    }

    /// Whether the engine's hash is due, because enough was recorded since the last one.
    #[must_use]
    pub fn wants_digest(&self) -> bool {
        self.since_digest >= DIGEST_EVERY
    }

    /// Writes the engine's hash.
    pub fn digest(&mut self, now: Now, digest: u64) {
        self.record(12, now, &[&digest.to_le_bytes()]);
        self.since_digest = 0;
    }

    /// Hands what was gathered to the thread if the thread has nothing to do: so that a turn with
    /// little in it does not take a whole place in the channel.
    pub fn flush_if_idle(&mut self) {
        if self.batches.is_empty() {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.batch.is_empty() || self.ended {
            return;
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_BYTES));
        if self.batches.try_send(batch).is_err() {
            self.ended = true;
            tracing::warn!("the recording ends here: its file cannot keep up");
        }
    }

    /// Ends the recording and waits until it is in the file.
    pub fn finish(mut self, now: Now, digest: u64) {
        self.digest(now, digest);
        self.flush();
        let mut last = Vec::new();
        if self.ended {
            frame(&mut last, 13, now, &[]);
        }
        // Waits for room: the loop has ended, nothing is held up any more.
        if !last.is_empty() && self.batches.send(last).is_err() {
            tracing::error!("the end of the recording could not be written");
        }
        drop(self.batches);
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the recorder ended by a panic");
        }
    }

    fn record_json(&mut self, kind: u8, now: Now, value: &impl Serialize) {
        match serde_json::to_vec(value) {
            Ok(json) => self.record(kind, now, &[&json]),
            Err(error) => {
                self.ended = true;
                tracing::error!(%error, "the recording ends here: an input is no JSON");
            }
        }
    }

    fn record(&mut self, kind: u8, now: Now, parts: &[&[u8]]) {
        if self.ended {
            return;
        }
        frame(&mut self.batch, kind, now, parts);
        // The last part is what came from outside.
        let len = parts.last().map_or(0, |part| part.len());
        let from = self.batch.len() - len;
        self.mask.apply(&mut self.batch[from..]);
        self.since_digest += 1;
        if self.batch.len() >= BATCH_BYTES {
            self.flush();
        }
    }
}

fn frame(out: &mut Vec<u8>, kind: u8, now: Now, parts: &[&[u8]]) {
    let len: usize = 17 + parts.iter().map(|part| part.len()).sum::<usize>();
    out.extend_from_slice(&(len as u32).to_le_bytes());
    out.push(kind);
    out.extend_from_slice(&now.mono.0.to_le_bytes());
    out.extend_from_slice(&now.wall_ms.to_le_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn write_file(mut file: impl Write, first: &[u8], incoming: &Receiver<Vec<u8>>) {
    let mut written = file.write_all(first);
    for batch in incoming {
        if written.is_ok() {
            written = file.write_all(&batch);
        }
    }
    if let Err(error) = written.and_then(|()| file.flush()) {
        tracing::error!(%error, "the recording is not complete");
    }
}

/// Reads a recording.
pub struct Recording<R> {
    /// The first line.
    pub header: Header,
    /// The file was found to end in the middle of a record: its run was killed, or is still going on.
    pub cut: bool,
    source: R,
}

impl<R: Read> Recording<R> {
    /// Reads the header.
    pub fn open(mut source: R) -> io::Result<Self> {
        let mut line = Vec::new();
        let mut byte = [0];
        while byte != *b"\n" {
            if source.read(&mut byte)? == 0 {
                return Err(bad("it ends within its first line"));
            }
            line.push(byte[0]);
            if line.len() > HEADER_BYTES {
                return Err(bad("its first line is too long"));
            }
        }
        Ok(Recording {
            header: header(&line)?,
            cut: false,
            source,
        })
    }

    /// The next record; `None` at the end, also when the last record was cut: see
    /// [`Recording::cut`].
    pub fn read(&mut self) -> io::Result<Option<(Now, Record)>> {
        let len = self.up_to(4)?;
        let Ok(len) = <[u8; 4]>::try_from(len.as_slice()) else {
            self.cut = !len.is_empty();
            return Ok(None);
        };
        let len = u32::from_le_bytes(len) as usize;
        if !(17..=RECORD_BYTES).contains(&len) {
            return Err(bad("a record has an impossible length"));
        }
        let bytes = self.up_to(len)?;
        if bytes.len() < len {
            self.cut = true;
            return Ok(None);
        }
        let now = Now {
            mono: Mono(word(&bytes[1..])?),
            wall_ms: word(&bytes[9..])?.cast_signed(),
        };
        parse(bytes[0], &bytes[17..]).map(|record| Some((now, record)))
    }

    /// The next `len` bytes, or as many as there are.
    fn up_to(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self.source)
            .take(len as u64)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn header(line: &[u8]) -> io::Result<Header> {
    let found: serde_json::Value =
        serde_json::from_slice(line).map_err(|_| bad("its first line is no JSON"))?;
    // Asked before the rest, which another format may have otherwise.
    match found.get("maitred_recording") {
        Some(format) if *format == FORMAT => {}
        Some(_) => return Err(bad("it has another format")),
        None => return Err(bad("its first line is no header")),
    }
    serde_json::from_value(found).map_err(|error| bad(&format!("its header is damaged: {error}")))
}

fn parse(kind: u8, bytes: &[u8]) -> io::Result<Record> {
    let conn = || word(bytes).map(|word| ConnId(Key::unpack(word)));
    Ok(match kind {
        0 => {
            let id = word(bytes)?;
            let peer = std::str::from_utf8(&bytes[8..]).map_err(|_| bad("a peer is no text"))?;
            let peer = peer.parse().map_err(|_| bad("a peer is no address"))?;
            let id = (id != u64::MAX).then(|| ConnId(Key::unpack(id)));
            Record::Accept(peer, id)
        }
        1 => Record::Connected(conn()?),
        2 => Record::Secured(conn()?),
        3 => Record::Received(conn()?, bytes[8..].to_vec()),
        4 => Record::EndOfInput(conn()?),
        5 => Record::Sent(conn()?, word(bytes.get(8..).unwrap_or(&[]))?),
        6 => {
            let (id, gone): (u64, Gone) = serde_json::from_slice(bytes)?;
            Record::Closed(ConnId(Key::unpack(id)), gone)
        }
        7 => {
            let (id, result): (u64, WorkResult) = serde_json::from_slice(bytes)?;
            Record::Done(WorkId(Key::unpack(id)), result)
        }
        8 => {
            let (index, result) = serde_json::from_slice(bytes)?;
            Record::Resolved(index, result)
        }
        9 => Record::Observed(serde_json::from_slice(bytes)?),
        10 => Record::Tick,
        11 => Record::Shutdown,
        12 => Record::Digest(word(bytes)?),
        13 => Record::Overrun,
        15 => Record::HungUp(conn()?),
        14 => Record::Turned(serde_json::from_slice(bytes)?),
        16 => Record::Journal(serde_json::from_slice(bytes)?),
        _ => return Err(bad("a record is of no known kind")),
    })
}

fn word(bytes: &[u8]) -> io::Result<u64> {
    let (first, _) = bytes
        .split_first_chunk()
        .ok_or_else(|| bad("a record is too short"))?;
    Ok(u64::from_le_bytes(*first))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not a recording: {what}"),
    )
}
