//! Answers: what a message says about the question that was asked.
//!
//! ```text
//!  header: the id, an answer, the question repeated ──no──► Stray
//!     │ cut to fit a datagram ──► Truncated: ask again over TCP
//!     │ code: no such name ──► NoSuchName       any other refusal ──► Failed
//!     ▼
//!  follow the aliases from the name that was asked for ──► Addresses, or NoAddress
//! ```

use std::net::IpAddr;

use super::query::{INTERNET, OPT};
use super::record::{Record, Records};
use super::{Kind, Name, Query};
use crate::limits::{DNS_ADDRESSES, DNS_ALIASES, DNS_RECORDS};

/// What a server says about one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The name has these addresses. At least one.
    Addresses {
        /// In the order of the message.
        addresses: Vec<IpAddr>,
        /// For how many seconds they hold, as the server says.
        ttl_s: u32,
    },
    /// The name exists and has no address of this kind (RFC 2308 §2.2).
    NoAddress {
        /// For how many seconds that holds; 0: it must not be kept.
        ttl_s: u32,
    },
    /// The name does not exist (NXDOMAIN, RFC 2308 §2.1).
    NoSuchName {
        /// For how many seconds that holds; 0: it must not be kept.
        ttl_s: u32,
    },
    /// The rest did not fit into the message.
    Truncated,
    /// The server cannot or will not say: SERVFAIL (2), REFUSED (5) and the like, or 0 if it names
    /// other servers instead of asking them.
    Failed(u16),
}

/// Why a message is no answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It belongs to another question, or is none at all. Anybody may have sent it.
    Stray,
    /// It is an answer to this question, and wrong.
    Malformed(Malformed),
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends too early.
    Short,
    /// A label of a kind that does not exist.
    Label,
    /// A pointer that does not lead back, or one too many.
    Pointer,
    /// A name of more than 255 bytes.
    LongName,
    /// Too many records.
    Records,
    /// An address of a wrong length.
    Address,
    /// Too many aliases, perhaps in a circle.
    Aliases,
}

impl From<Malformed> for Fault {
    fn from(what: Malformed) -> Self {
        Fault::Malformed(what)
    }
}

const CNAME: u16 = 5;
const SOA: u16 = 6;
const NS: u16 = 2;

const RESPONSE: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const TRUNCATED: u16 = 0x0200;
const CODE: u16 = 0x000F;

const NO_ERROR: u16 = 0;
const NO_SUCH_NAME: u16 = 3;

/// The sections of a message that is an answer.
struct Sections<'a> {
    answers: Records<'a>,
    /// The code of the header, with what OPT adds to it.
    code: u16,
    /// For how long "no" holds (RFC 2308 §5).
    negative_ttl_s: Option<u32>,
    /// It names servers of the zone.
    refers: bool,
}

impl Query<'_> {
    /// What `message` says about this question.
    ///
    /// # Errors
    /// It is no answer to it, or a wrong one.
    pub fn answer(&self, message: &[u8]) -> Result<Answer, Fault> {
        let header = *message.first_chunk::<12>().ok_or(Fault::Stray)?;
        let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let (id, flags, code) = (word(0), word(2), word(2) & CODE);
        if id != self.id || flags & RESPONSE == 0 || flags & OPCODE != 0 {
            return Err(Fault::Stray);
        }
        // A server that did not understand the question need not repeat it (RFC 6891 §7).
        if word(4) == 0 && code != NO_ERROR && code != NO_SUCH_NAME {
            return Ok(Answer::Failed(code));
        }
        let at = self.repeated_in(message).filter(|_| word(4) == 1);
        let at = at.ok_or(Fault::Stray)?;
        if flags & TRUNCATED != 0 {
            return Ok(Answer::Truncated);
        }
        let sections = sections(message, at, code, [word(6), word(8), word(10)])?;
        let negative = sections.negative_ttl_s.unwrap_or(0);
        match sections.code {
            NO_ERROR => match self.addresses(sections.answers)? {
                Some(found) => Ok(found),
                None if sections.refers && sections.negative_ttl_s.is_none() => {
                    Ok(Answer::Failed(NO_ERROR))
                }
                None => Ok(Answer::NoAddress { ttl_s: negative }),
            },
            NO_SUCH_NAME => Ok(Answer::NoSuchName { ttl_s: negative }),
            code => Ok(Answer::Failed(code)),
        }
    }

    /// Where the records begin, if the question before them is this one.
    fn repeated_in(&self, message: &[u8]) -> Option<usize> {
        let (name, at) = Name::read(message, 12).ok()?;
        let [k1, k2, c1, c2] = *message.get(at..)?.first_chunk::<4>()?;
        let kind = u16::from_be_bytes([k1, k2]);
        let class = u16::from_be_bytes([c1, c2]);
        (name == *self.name && kind == self.kind.code() && class == INTERNET).then_some(at + 4)
    }

    /// The addresses at the end of the aliases (RFC 1034 §3.6.2), all of which a recursive server
    /// puts into its answer, in whatever order.
    fn addresses(&self, answers: Records<'_>) -> Result<Option<Answer>, Malformed> {
        let (mut owner, mut ttl_s) = (self.name.clone(), u32::MAX);
        for _ in 0..=DNS_ALIASES {
            let (mut addresses, mut alias) = (Vec::new(), None);
            for record in answers {
                let record = record?;
                if record.class != INTERNET || record.name != owner {
                    continue;
                }
                if record.kind == CNAME {
                    let (target, _) = Name::read(answers.message, record.data_at)?;
                    alias = Some((target, record.ttl_s()));
                } else if record.kind == self.kind.code() && addresses.len() < DNS_ADDRESSES {
                    let found = address(self.kind, record.data)?;
                    addresses.extend(Some(found).filter(leads_somewhere));
                    ttl_s = ttl_s.min(record.ttl_s());
                }
            }
            if !addresses.is_empty() {
                return Ok(Some(Answer::Addresses { addresses, ttl_s }));
            }
            let Some((target, alias_ttl_s)) = alias else {
                return Ok(None);
            };
            owner = target;
            ttl_s = ttl_s.min(alias_ttl_s);
        }
        Err(Malformed::Aliases)
    }
}

/// Walks all records once, so that a message with a fault anywhere is not half believed.
fn sections(
    message: &[u8],
    at: usize,
    code: u16,
    counts: [u16; 3],
) -> Result<Sections<'_>, Malformed> {
    let all: usize = counts.iter().map(|count| usize::from(*count)).sum();
    if all > DNS_RECORDS {
        return Err(Malformed::Records);
    }
    let section = |at, left| Records { message, at, left };
    let mut found = Sections {
        answers: section(at, counts[0]),
        code,
        negative_ttl_s: None,
        refers: false,
    };
    let mut at = end_of(found.answers, |_| {})?;
    at = end_of(section(at, counts[1]), |record| match record.kind {
        SOA => found.negative_ttl_s = negative_ttl_s(record),
        NS => found.refers = true,
        _ => {}
    })?;
    end_of(section(at, counts[2]), |record| {
        if record.kind == OPT {
            // The upper eight of twelve bits of the code (RFC 6891 §6.1.3).
            found.code |= ((record.ttl >> 24) as u16) << 4;
        }
    })?;
    Ok(found)
}

fn end_of(mut records: Records<'_>, mut each: impl FnMut(&Record<'_>)) -> Result<usize, Malformed> {
    for record in records.by_ref() {
        each(&record?);
    }
    Ok(records.at)
}

/// The smaller one of how long the record itself holds, and the last number in it (RFC 2308 §5).
fn negative_ttl_s(soa: &Record<'_>) -> Option<u32> {
    let minimum = soa.data.last_chunk::<4>()?;
    Some(soa.ttl_s().min(u32::from_be_bytes(*minimum)))
}

fn address(kind: Kind, data: &[u8]) -> Result<IpAddr, Malformed> {
    let address = match kind {
        Kind::A => <[u8; 4]>::try_from(data).map(IpAddr::from),
        Kind::Aaaa => <[u8; 16]>::try_from(data).map(IpAddr::from),
    };
    address.map_err(|_| Malformed::Address)
}

/// Filters answer with 0.0.0.0 or :: what they want to be found nowhere. To a socket these mean
/// this machine, which is somewhere.
fn leads_somewhere(address: &IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast()
}
