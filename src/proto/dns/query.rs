//! Questions: one name, one kind of address.

use super::Name;
use crate::limits::DNS_UDP_BYTES;
use crate::proto::Sink;

/// The most that one message over TCP takes, its length in front included.
pub const STREAM_BYTES: usize = 2 + u16::MAX as usize;

/// Flags of a question: please look it up for me (recursion desired).
const RECURSE: u16 = 0x0100;
/// The class of all addresses, IN.
pub(super) const INTERNET: u16 = 1;
/// The pseudo-record that says what the sender of a message can do (RFC 6891 §6.1.1).
pub(super) const OPT: u16 = 41;
/// Its empty name, kind, class (the size of datagrams that are welcome), extended flags and data.
const OPT_BYTES: usize = 11;
const HEADER_BYTES: usize = 12;

/// Which kind of address is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// IPv4.
    A,
    /// IPv6 (RFC 3596).
    Aaaa,
}

impl Kind {
    /// Its number in a message.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Kind::A => 1,
            Kind::Aaaa => 28,
        }
    }
}

/// A question, and the measure for its answers.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// A number that nobody can guess, drawn by the caller for this question alone (RFC 5452).
    pub id: u16,
    /// Whose address is wanted.
    pub name: &'a Name,
    /// Of which kind.
    pub kind: Kind,
}

impl Query<'_> {
    /// Writes it as one datagram.
    pub fn write(&self, out: &mut impl Sink) {
        let counts_of_sections: [u16; 4] = [1, 0, 0, 1];
        out.put(&self.id.to_be_bytes());
        out.put(&RECURSE.to_be_bytes());
        for count in counts_of_sections {
            out.put(&count.to_be_bytes());
        }
        out.put(self.name.as_bytes());
        out.put(&self.kind.code().to_be_bytes());
        out.put(&INTERNET.to_be_bytes());
        out.put(&[0]); // the name of the pseudo-record is the root
        out.put(&OPT.to_be_bytes());
        out.put(&DNS_UDP_BYTES.to_be_bytes());
        out.put(&[0; 4]); // no extended code, version 0, no flags
        out.put(&[0; 2]); // no data
    }

    /// Writes it for a TCP connection: its length comes first (RFC 1035 §4.2.2).
    pub fn write_framed(&self, out: &mut impl Sink) {
        let length = HEADER_BYTES + self.name.as_bytes().len() + 4 + OPT_BYTES;
        out.put(&(length as u16).to_be_bytes());
        self.write(out);
    }
}

/// The first message in what came over a TCP connection; `None` until all of it is there.
#[must_use]
pub fn message_in(stream: &[u8]) -> Option<&[u8]> {
    let (length, rest) = stream.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}
