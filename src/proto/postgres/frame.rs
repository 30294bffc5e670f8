//! Frames: where one message of the server ends, and what its fields are.
//!
//! ```text
//!   1 byte   4 bytes              length − 4 bytes
//!  ┌──────┬────────────────────┬────────────────────────┐
//!  │ type │ length, itself incl.│ body: fields in order  │
//!  └──────┴────────────────────┴────────────────────────┘
//! ```
//! The length is the peer's word: it is held against a limit before anything waits for so many
//! bytes, and it never sizes an allocation.

use super::Fault;

/// Type and length.
pub(super) const HEADER_BYTES: usize = 5;

/// One whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'i> {
    pub(super) tag: u8,
    pub(super) body: &'i [u8],
}

/// What the first five bytes say: the type, and how long the body is. `None`: not yet five.
pub(super) fn header(input: &[u8]) -> Result<Option<(u8, usize)>, Fault> {
    let Some([tag, length @ ..]) = input.first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    // The field is signed: what is negative there is beyond every limit here.
    let length = u32::from_be_bytes(*length) as usize;
    let body = length.checked_sub(4).ok_or(Fault::Length)?;
    Ok(Some((*tag, body)))
}

/// Takes the next message from the front of `input`; `None` leaves what there is of it in place.
pub(super) fn take<'i>(
    input: &mut &'i [u8],
    limit: impl Fn(u8) -> usize,
) -> Result<Option<Frame<'i>>, Fault> {
    let Some((tag, length)) = header(input)? else {
        return Ok(None);
    };
    if length > limit(tag) {
        return Err(Fault::TooLong(tag));
    }
    let Some(body) = input.get(HEADER_BYTES..HEADER_BYTES + length) else {
        return Ok(None);
    };
    *input = &input[HEADER_BYTES + length..];
    Ok(Some(Frame { tag, body }))
}

/// The fields of one body, taken from its front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'i> {
    tag: u8,
    rest: &'i [u8],
}

impl<'i> Fields<'i> {
    pub(super) fn of(frame: Frame<'i>) -> Self {
        Fields {
            tag: frame.tag,
            rest: frame.body,
        }
    }

    /// That this message is wrong.
    pub(super) fn malformed(&self) -> Fault {
        Fault::Malformed(self.tag)
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'i [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(self.malformed())?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| self.malformed())
    }

    pub(super) fn u8(&mut self) -> Result<u8, Fault> {
        Ok(self.array::<1>()?[0])
    }

    /// Counts and codes of 16 bits. The protocol calls them signed; none of them may be negative.
    pub(super) fn count(&mut self) -> Result<usize, Fault> {
        let number = i16::from_be_bytes(self.array()?);
        usize::try_from(number).map_err(|_| self.malformed())
    }

    pub(super) fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// A value behind its length; −1 is NULL.
    pub(super) fn value(&mut self) -> Result<Option<&'i [u8]>, Fault> {
        match i32::from_be_bytes(self.array()?) {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| self.malformed())?;
                self.take(length).map(Some)
            }
        }
    }

    /// Bytes up to a zero, which is taken too.
    pub(super) fn bytes_to_zero(&mut self) -> Result<&'i [u8], Fault> {
        let end = memchr::memchr(0, self.rest).ok_or(self.malformed())?;
        let bytes = self.take(end)?;
        self.rest = &self.rest[1..];
        Ok(bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'i str, Fault> {
        let bytes = self.bytes_to_zero()?;
        str::from_utf8(bytes).map_err(|_| self.malformed())
    }

    pub(super) fn rest(&mut self) -> &'i [u8] {
        std::mem::take(&mut self.rest)
    }

    /// That nothing is left.
    pub(super) fn end(&self) -> Result<(), Fault> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.malformed())
        }
    }
}
