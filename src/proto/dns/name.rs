//! Names as they stand in a message (RFC 1035 §3.1 and §4.1.4).
//!
//! A name is kept as it is written there: each label behind its length, and an empty one at the end;
//! at most 255 bytes, so it needs no memory of its own. Upper and lower case are the same name
//! (RFC 4343), and are made so when a name is read.

use std::fmt;

use super::answer::Malformed;
use crate::limits::DNS_POINTERS;

/// The longest name, lengths and the empty label included (RFC 1035 §2.3.4).
const NAME_BYTES: usize = 255;
/// The longest label; the two bits above it say what else the byte may be.
const LABEL_BYTES: usize = 63;

/// A name.
#[derive(Clone, PartialEq, Eq)]
pub struct Name {
    bytes: [u8; NAME_BYTES],
    len: u8,
}

/// A host that can be no name of the DNS: a label that is empty or too long, or too many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadName;

impl Name {
    /// The name of a host in ASCII, with or without the dot of the root at its end.
    ///
    /// # Errors
    /// See [`BadName`].
    pub fn parse(host: &str) -> Result<Name, BadName> {
        let mut name = Name::empty();
        for label in host.strip_suffix('.').unwrap_or(host).split('.') {
            if label.is_empty() || label.len() > LABEL_BYTES || !label.is_ascii() {
                return Err(BadName);
            }
            name.push(label.as_bytes()).ok_or(BadName)?;
        }
        name.push(&[]).ok_or(BadName)?;
        Ok(name)
    }

    /// The name that begins at `start`, and where the message goes on after it.
    ///
    /// A pointer has to lead to before the place where the labels now being read began. So each one
    /// leads further back than the last, and no message can send its reader round in circles.
    pub(super) fn read(message: &[u8], start: usize) -> Result<(Name, usize), Malformed> {
        let mut name = Name::empty();
        let (mut at, mut began, mut after) = (start, start, None);
        let mut pointers = 0;
        loop {
            let length = *message.get(at).ok_or(Malformed::Short)?;
            match length {
                0..=0x3F => {
                    let end = at + 1 + usize::from(length);
                    let label = message.get(at + 1..end).ok_or(Malformed::Short)?;
                    name.push(label).ok_or(Malformed::LongName)?;
                    at = end;
                    if label.is_empty() {
                        return Ok((name, after.unwrap_or(at)));
                    }
                }
                0xC0.. => {
                    let low = *message.get(at + 1).ok_or(Malformed::Short)?;
                    let to = usize::from(u16::from_be_bytes([length & 0x3F, low]));
                    pointers += 1;
                    if to >= began || pointers > DNS_POINTERS {
                        return Err(Malformed::Pointer);
                    }
                    after.get_or_insert(at + 2);
                    (at, began) = (to, to);
                }
                _ => return Err(Malformed::Label),
            }
        }
    }

    /// As it is written in a message.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn empty() -> Name {
        Name {
            bytes: [0; NAME_BYTES],
            len: 0,
        }
    }

    /// Appends a label; `None` if the name becomes too long.
    fn push(&mut self, label: &[u8]) -> Option<()> {
        let start = usize::from(self.len);
        let place = self.bytes.get_mut(start..start + 1 + label.len())?;
        place[0] = label.len() as u8;
        place[1..].copy_from_slice(label);
        place[1..].make_ascii_lowercase();
        self.len += place.len() as u8;
        Some(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.as_bytes();
        while let [length @ 1..=0x3F, more @ ..] = rest {
            let (label, after) = more.split_at(usize::from(*length));
            write!(f, "{}.", label.escape_ascii())?;
            rest = after;
        }
        Ok(())
    }
}

/// Whether a host is this machine by its very name, which nobody is asked about (RFC 6761 §6.3).
#[must_use]
pub fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    last.eq_ignore_ascii_case("localhost")
}
