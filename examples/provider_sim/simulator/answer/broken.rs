//! Bytes that are not HTTP as it should be, and responses that nobody should follow or unpack.

use super::{Reply, gzip};
use crate::simulator::fault::Fault;
use crate::simulator::script::{End, Pause, Script};

/// Both kinds of informational response.
pub(super) const EARLY_HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n\
     HTTP/1.1 100 Continue\r\n\r\n";
pub(super) const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
/// What somebody else may have been meant to get.
pub(super) const ANOTHER: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

/// A line, so that nobody waits for the end of it.
const GARBAGE: &[u8] = b"\x16\x03\x01\0\xff\xfe garbage \x00\x01\r\n\r\n\xde\xad\xbe\xef";

/// What a compressed answer is once it is unpacked.
const UNPACKED: usize = 10 * 1024 * 1024;

pub(super) fn of(reply: &Reply<'_>) -> Option<Script> {
    let script = Script::default().pause(Pause::Latency);
    let raw = |script: Script, rest: &str| script.send(OK).send(rest);
    let script = match reply.fault()? {
        Fault::BigHead => {
            let line = format!("x-filler: {}\r\n", "a".repeat(1012));
            script.send(OK).send_times(line, 1024)
        }
        Fault::ManyFields => script.send(OK).send_times("x: y\r\n", 10_000),
        Fault::LengthAndChunked => raw(
            script,
            "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        ),
        Fault::BadChunkSize => raw(
            script,
            "transfer-encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
        ),
        Fault::NegativeLength => raw(script, "content-length: -1\r\n\r\n{}"),
        Fault::TwoLengths => raw(script, "content-length: 2\r\ncontent-length: 3\r\n\r\n{} "),
        Fault::NulField => raw(script, "x-field: a\0b\r\ncontent-length: 2\r\n\r\n{}"),
        Fault::Garbage => return Some(script.send(GARBAGE).end(End::Close)),
        Fault::Http09 => return Some(script.send("{\"answer\": \"tea\"}\r\n").end(End::Close)),
        Fault::Gzip => compressed(script, &gzip::stored(b"{\"answer\": \"tea\"}")),
        Fault::GzipBomb => compressed(script, &gzip::bomb(UNPACKED)),
        Fault::Redirect => redirect(script, "http://169.254.169.254/latest/meta-data/"),
        Fault::RedirectFile => redirect(script, "file:///etc/passwd"),
        _ => return None,
    };
    // The connection stays open: to end it is the client's part.
    Some(script.end(End::Keep(None)))
}

fn compressed(script: Script, bytes: &[u8]) -> Script {
    let length = bytes.len();
    let fields = format!("content-encoding: gzip\r\ncontent-length: {length}\r\n\r\n");
    script.send(OK).send(fields).send(bytes)
}

fn redirect(script: Script, location: &str) -> Script {
    script.send(format!(
        "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
    ))
}
