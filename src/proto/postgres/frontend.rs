//! What we say: the messages of protocol 3.0 (PostgreSQL manual, "Message Formats").
//!
//! Each function writes one message whole. Strings end at a zero byte, so one that holds a zero
//! would end early and turn its rest into fields: whoever calls has looked for it, in `request.rs`
//! for statements and in `session/login.rs` for names and settings.

use super::types::Type;
use super::value::{Value, wire_length};
use crate::proto::Sink;

/// Protocol 3.0, which every server since 2003 speaks.
const VERSION: u32 = 0x0003_0000;
const SSL_REQUEST: u32 = 80_877_103;
const CANCEL_REQUEST: u32 = 80_877_102;
/// One code for all values: binary.
const ALL_BINARY: [u8; 4] = [0, 1, 0, 1];

/// What a [`cancel`] needs to name the connection that it is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CancelKey {
    /// The process that serves the connection.
    pub(super) process: u32,
    /// What only the two of us know.
    pub(super) secret: [u8; 4],
}

impl CancelKey {
    pub(super) fn process(self) -> u32 {
        self.process
    }
}

impl std::fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CancelKey of process {}", self.process)
    }
}

/// Asks whether there is TLS. The answer is one byte, S or N.
pub(super) fn ssl_request(out: &mut impl Sink) {
    out.put(&8_u32.to_be_bytes());
    out.put(&SSL_REQUEST.to_be_bytes());
}

/// Asks the server to cancel what `key` is busy with: the only message of a connection of its own,
/// which the server closes without an answer. The request may come too late and hit the next
/// statement, so it is for connections that serve one owner. The key goes in clear, as in libpq's
/// own `PQcancel`: whoever hears it can cancel, and nothing else.
pub fn cancel(key: CancelKey, out: &mut impl Sink) {
    out.put(&16_u32.to_be_bytes());
    out.put(&CANCEL_REQUEST.to_be_bytes());
    out.put(&key.process.to_be_bytes());
    out.put(&key.secret);
}

/// Who we are and what we want: names and values in turn.
pub(super) fn startup(parameters: &[(&str, &str)], out: &mut impl Sink) {
    let pairs: usize = parameters
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2)
        .sum();
    out.put(&wire_length(4 + 4 + pairs + 1).to_be_bytes());
    out.put(&VERSION.to_be_bytes());
    for (name, value) in parameters {
        put_string(name, out);
        put_string(value, out);
    }
    out.put(&[0]);
}

/// A password, in clear or hashed.
pub(super) fn password(password: &str, out: &mut impl Sink) {
    head(b'p', password.len() + 1, out);
    put_string(password, out);
}

/// The first message of SASL, with the mechanism that was chosen.
pub(super) fn sasl_initial(mechanism: &str, response: &str, out: &mut impl Sink) {
    head(b'p', mechanism.len() + 1 + 4 + response.len(), out);
    put_string(mechanism, out);
    out.put(&wire_length(response.len()).to_be_bytes());
    out.put(response.as_bytes());
}

/// A later message of SASL.
pub(super) fn sasl_response(response: &str, out: &mut impl Sink) {
    head(b'p', response.len(), out);
    out.put(response.as_bytes());
}

/// Has a statement parsed. The empty name is that of the statement that the next one replaces.
pub(super) fn parse(name: &str, sql: &str, types: &[Type], out: &mut impl Sink) {
    head(b'P', parse_bytes(name, sql, types.len()), out);
    put_string(name, out);
    put_string(sql, out);
    put_count(types.len(), out);
    for kind in types {
        out.put(&kind.oid().to_be_bytes());
    }
}

pub(super) fn parse_bytes(name: &str, sql: &str, types: usize) -> usize {
    name.len() + 1 + sql.len() + 1 + 2 + 4 * types
}

/// Gives a statement its values; all of them, and all results, are in binary form.
/// `values_bytes` is their measure, with four bytes for the length of each.
pub(super) fn bind(
    name: &str,
    types: &[Type],
    values: &[Value<'_>],
    values_bytes: usize,
    out: &mut impl Sink,
) {
    head(b'B', bind_bytes(name, values_bytes), out);
    // The portal without a name, which the next one replaces.
    put_string("", out);
    put_string(name, out);
    out.put(&ALL_BINARY);
    put_count(values.len(), out);
    for (value, kind) in values.iter().zip(types) {
        value.put(*kind, out);
    }
    out.put(&ALL_BINARY);
}

pub(super) fn bind_bytes(name: &str, values_bytes: usize) -> usize {
    1 + name.len() + 1 + ALL_BINARY.len() + 2 + values_bytes + ALL_BINARY.len()
}

/// Asks for the columns of what was bound last.
pub(super) fn describe(out: &mut impl Sink) {
    head(b'D', 2, out);
    out.put(b"P\0");
}

/// Runs what was bound last, to its end.
pub(super) fn execute(out: &mut impl Sink) {
    head(b'E', 1 + 4, out);
    out.put(&[0; 5]);
}

/// Has a statement forgotten. One that does not exist is no error.
pub(super) fn close(name: &str, out: &mut impl Sink) {
    head(b'C', 1 + name.len() + 1, out);
    out.put(b"S");
    put_string(name, out);
}

/// Ends a request: what was not committed is, and after an error the server listens again.
pub(super) fn sync(out: &mut impl Sink) {
    head(b'S', 0, out);
}

/// Statements as a script, without values. Results are in text form.
pub(super) fn query(sql: &str, out: &mut impl Sink) {
    head(b'Q', sql.len() + 1, out);
    put_string(sql, out);
}

/// A piece of what is copied in; where it is cut does not matter.
pub(super) fn copy_data(bytes: &[u8], out: &mut impl Sink) {
    head(b'd', bytes.len(), out);
    out.put(bytes);
}

/// All was copied in.
pub(super) fn copy_done(out: &mut impl Sink) {
    head(b'c', 0, out);
}

/// What was copied in is to be forgotten, for this reason.
pub(super) fn copy_fail(reason: &str, out: &mut impl Sink) {
    head(b'f', reason.len() + 1, out);
    put_string(reason, out);
}

/// Says goodbye. The server closes.
pub(super) fn terminate(out: &mut impl Sink) {
    head(b'X', 0, out);
}

fn head(tag: u8, body: usize, out: &mut impl Sink) {
    out.put(&[tag]);
    out.put(&wire_length(4 + body).to_be_bytes());
}

fn put_string(text: &str, out: &mut impl Sink) {
    out.put(text.as_bytes());
    out.put(&[0]);
}

fn put_count(count: usize, out: &mut impl Sink) {
    let count = u16::try_from(count).expect("a request with more values is refused");
    out.put(&count.to_be_bytes());
}
