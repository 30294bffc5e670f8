//! Takes the chunked coding off a body (RFC 9112 §7.1).
//!
//! ```text
//!            ┌────────────── more chunks ───────────────┐
//!            ▼                                          │
//!   ──▶   Size ── n > 0 ──▶ Data(left) ── left = 0 ──▶ DataEnd (CRLF)
//!            │
//!            └─── n = 0 ──▶ Trailers ── empty line ──▶ ended
//! ```
//!
//! A step answers only when it has data or the end; until then it keeps its state and lets the
//! caller hold the few bytes of framing, so that the caller sees nothing but data. Extensions are
//! checked and ignored. Trailers are checked and thrown away: nothing in them can reach a field of
//! the head, which is the safe reading of RFC 9110 §6.5.1.

use super::fault::Fault;
use super::fields::Fields;
use super::message::{is_token_byte, is_value_byte};
use super::section::Section;
use crate::limits;

/// One step of reading a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// The input is empty, or holds only a part of the framing.
    NeedMore,
    /// Some of the body, never empty. `consumed` counts the framing before it too.
    Data { bytes: &'a [u8], consumed: usize },
    /// The body is whole.
    End { consumed: usize },
}

/// The decoder of one chunked body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dechunker {
    state: State,
    /// Bytes of extensions so far, of all chunks.
    extension_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// A chunk-size line is next.
    Size,
    /// This many bytes of the chunk are still to come: at least one.
    Data(u64),
    /// The CRLF after the data is next.
    DataEnd,
    /// The last chunk was there; its trailer section is being searched for its end.
    Trailers(Section),
}

impl Dechunker {
    pub(super) fn new() -> Self {
        Self {
            state: State::Size,
            extension_bytes: 0,
        }
    }

    /// Bytes that the current chunk still has to bring.
    pub(super) fn left_in_chunk(&self) -> u64 {
        match self.state {
            State::Data(left) => left,
            State::Size | State::DataEnd | State::Trailers(_) => 0,
        }
    }

    /// The next piece of the body in `input`.
    pub(super) fn step<'a>(&mut self, input: &'a [u8]) -> Result<Piece<'a>, Fault> {
        // Works on a copy: with `NeedMore` nothing is consumed, so nothing may be remembered.
        let mut next = *self;
        let mut at = 0;
        loop {
            match next.state {
                State::Size => {
                    let Some(consumed) = next.read_size(&input[at..])? else {
                        return Ok(Piece::NeedMore);
                    };
                    at += consumed;
                    if matches!(next.state, State::Trailers(_)) {
                        next.state = State::Trailers(Section::at(at));
                    }
                }
                State::Data(left) => {
                    let bytes = first(&input[at..], left);
                    if bytes.is_empty() {
                        return Ok(Piece::NeedMore);
                    }
                    let left = left - bytes.len() as u64;
                    next.state = if left == 0 {
                        State::DataEnd
                    } else {
                        State::Data(left)
                    };
                    *self = next;
                    return Ok(Piece::Data {
                        bytes,
                        consumed: at + bytes.len(),
                    });
                }
                State::DataEnd => match &input[at..] {
                    [b'\r', b'\n', ..] => {
                        at += 2;
                        next.state = State::Size;
                    }
                    [] | [b'\r'] => return Ok(Piece::NeedMore),
                    _ => return Err(Fault::ChunkEnd),
                },
                // Only here progress is kept without being consumed: the search remembers how far
                // it got, and its offsets count from the same unread bytes.
                State::Trailers(mut section) => {
                    let end = read_trailers(&mut section, input)?;
                    *self = Self {
                        state: State::Trailers(section),
                        ..next
                    };
                    return Ok(end.map_or(Piece::NeedMore, |consumed| Piece::End { consumed }));
                }
            }
        }
    }

    /// Reads one chunk-size line; returns its length with CRLF.
    fn read_size(&mut self, input: &[u8]) -> Result<Option<usize>, Fault> {
        let Some(line) =
            Section::at(0).next_line(input, limits::CHUNK_LINE_BYTES, Fault::ChunkLineTooLong)?
        else {
            return Ok(None);
        };
        let digits = line
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        let (size, extensions) = line.split_at(digits);
        let size = hexadecimal(size).ok_or(Fault::ChunkSize)?;
        self.check_extensions(extensions)?;
        self.state = if size == 0 {
            State::Trailers(Section::default())
        } else {
            State::Data(size)
        };
        Ok(Some(line.len() + 2))
    }

    /// Extensions are checked and not kept: none is of any use here.
    fn check_extensions(&mut self, extensions: &[u8]) -> Result<(), Fault> {
        self.extension_bytes += extensions.len();
        if self.extension_bytes > limits::CHUNK_EXTENSIONS_BYTES {
            return Err(Fault::ChunkExtensionsTooLong);
        }
        let mut rest = extensions;
        while !rest.is_empty() {
            rest = after_extension(rest).ok_or(match extensions[0] {
                b';' | b' ' | b'\t' => Fault::ChunkExtension,
                _ => Fault::ChunkSize,
            })?;
        }
        Ok(())
    }
}

/// What is behind one extension (RFC 9112 §7.1.1): `;name`, `;name=token` or `;name="quoted"`. White space is
/// bad but legal before and behind `;` and `=`, and nowhere else. `None`: it is none.
fn after_extension(bytes: &[u8]) -> Option<&[u8]> {
    let rest = after_token(after_space(after_space(bytes).strip_prefix(b";")?))?;
    let Some(value) = after_space(rest).strip_prefix(b"=") else {
        return Some(rest);
    };
    match after_space(value) {
        [b'"', quoted @ ..] => after_quoted(quoted),
        value => after_token(value),
    }
}

fn after_space(bytes: &[u8]) -> &[u8] {
    let spaces = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    &bytes[spaces.count()..]
}

fn after_token(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes
        .iter()
        .take_while(|byte| is_token_byte(**byte))
        .count();
    (length > 0).then(|| &bytes[length..])
}

/// What is behind a quoted string (RFC 9110 §5.6.4) whose first quote is gone.
fn after_quoted(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        bytes = match bytes {
            [b'"', rest @ ..] => return Some(rest),
            [b'\\', byte, rest @ ..] if is_value_byte(*byte) => rest,
            [byte, rest @ ..] if *byte != b'\\' && is_value_byte(*byte) => rest,
            _ => return None,
        };
    }
}

/// Searches the trailer section; returns the offset past its end once it is there and valid.
fn read_trailers(section: &mut Section, input: &[u8]) -> Result<Option<usize>, Fault> {
    let end = section.find_end(input, limits::TRAILER_BYTES, Fault::TrailersTooLarge)?;
    if let Some(end) = end {
        Fields::parse(&input[section.start()..end])?;
    }
    Ok(end)
}

/// 1 to 16 hexadecimal digits, and so never more than 64 bits.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        Some(number << 4 | u64::from(char::from(*byte).to_digit(16)?))
    })
}

/// The first `count` bytes, or as many as there are.
pub(super) fn first(input: &[u8], count: u64) -> &[u8] {
    usize::try_from(count)
        .ok()
        .and_then(|count| input.get(..count))
        .unwrap_or(input)
}

#[cfg(test)]
mod tests;
