//! The records of a message (RFC 1035 §4.1.3), read in place.

use super::Name;
use super::answer::Malformed;

/// One record.
#[derive(Debug)]
pub(super) struct Record<'a> {
    /// Whose it is.
    pub(super) name: Name,
    /// What its data is: an address, another name …
    pub(super) kind: u16,
    /// Nearly always the Internet's.
    pub(super) class: u16,
    /// How long it holds; what it says in the pseudo-record OPT is something else.
    pub(super) ttl: u32,
    /// Its data.
    pub(super) data: &'a [u8],
    /// Where the data begins in the message: names in it may point back.
    pub(super) data_at: usize,
}

impl Record<'_> {
    /// How long it holds, in seconds. A number that would be negative counts as 0 (RFC 2181 §8).
    pub(super) fn ttl_s(&self) -> u32 {
        if self.ttl > i32::MAX.unsigned_abs() {
            0
        } else {
            self.ttl
        }
    }
}

/// A section of a message: so many records, beginning at `at`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Records<'a> {
    pub(super) message: &'a [u8],
    pub(super) at: usize,
    pub(super) left: u16,
}

impl<'a> Records<'a> {
    fn read(&mut self) -> Result<Record<'a>, Malformed> {
        let (name, at) = Name::read(self.message, self.at)?;
        let fixed = self.message.get(at..).and_then(<[u8]>::first_chunk::<10>);
        let [k1, k2, c1, c2, t1, t2, t3, t4, l1, l2] = *fixed.ok_or(Malformed::Short)?;
        let data_at = at + 10;
        let end = data_at + usize::from(u16::from_be_bytes([l1, l2]));
        let data = self.message.get(data_at..end).ok_or(Malformed::Short)?;
        self.at = end;
        Ok(Record {
            name,
            kind: u16::from_be_bytes([k1, k2]),
            class: u16::from_be_bytes([c1, c2]),
            ttl: u32::from_be_bytes([t1, t2, t3, t4]),
            data,
            data_at,
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    /// The next record. After one that is malformed nobody knows where the next would begin.
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let read = self.read();
        if read.is_err() {
            self.left = 0;
        }
        Some(read)
    }
}
