//! Events out of a stream of bytes.

use std::fmt;

use memchr::{memchr, memchr2};

use crate::limits;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event. Borrows the input where it can, and otherwise the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The value of `event:`. Empty stands for the default, `message`.
    pub name: &'a [u8],
    /// The values of `data:`, joined with LF.
    pub data: &'a [u8],
    /// The last `id:` of the stream so far; empty if there was none.
    pub id: &'a [u8],
}

/// An event, or a single line, is longer than [`SSE_EVENT_BYTES`](limits::SSE_EVENT_BYTES).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event of the stream is too long")
    }
}

impl std::error::Error for TooLong {}

/// Reads one stream, however it is cut into pieces.
///
/// Nothing is allocated for an event that lies whole in the input and has one data line, which
/// is what every provider sends most of the time; nor for any other, once the buffers in here
/// have grown to the size of the largest.
#[derive(Debug, Default)]
pub struct Reader {
    /// The start of a line whose end has not come yet.
    line: Vec<u8>,
    /// The name of the event that is being read.
    name: Vec<u8>,
    /// The data lines of that event, joined; `None` of them is not the same as an empty one.
    data: Vec<u8>,
    has_data: bool,
    /// Bytes of that event's whole lines; comments do not count, or heartbeats would add up.
    event_bytes: usize,
    /// The event in `name` and `data` was handed out: they are to be emptied first.
    is_handed_out: bool,
    /// A bare JSON document is being read: its lines are data as they stand.
    in_document: bool,
    /// The last `id:`, for this and all later events.
    id: Vec<u8>,
    /// The last `retry:`, in milliseconds.
    retry_ms: Option<u64>,
    /// The last line ended with CR, so an LF that comes next belongs to it.
    after_carriage_return: bool,
    /// A line was seen. Only the first one may begin with a byte order mark.
    past_first_line: bool,
}

/// A line, and where it lies.
enum Line<'i> {
    /// All of it in the input.
    Whole(&'i [u8]),
    /// It came in pieces, and is in `Reader::line` now.
    Joined,
}

/// What the current call has of the event without having copied it.
#[derive(Default)]
struct InInput<'i> {
    name: Option<&'i [u8]>,
    data: Option<&'i [u8]>,
}

impl Reader {
    /// For a new stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next event. Takes from the front of `input` what it used; `None` means that all of it
    /// was used and more is needed.
    ///
    /// # Errors
    /// An event or a line is too long. The stream cannot be read any further.
    pub fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'a>>, TooLong> {
        self.forget_handed_out();
        let mut here = InInput::default();
        while let Some(line) = self.take_line(input)? {
            let is_end = match line {
                Line::Whole(line) => self.read_line(line, &mut here),
                Line::Joined => self.read_joined_line(),
            };
            if is_end {
                return Ok(Some(self.hand_out(&here)));
            }
        }
        self.keep(&here);
        Ok(None)
    }

    /// What is left at the end of the stream: a bare JSON document, which needs no empty line after
    /// it. An event without one is dropped, as the standard wants.
    pub fn end(&mut self) -> Option<Event<'_>> {
        self.forget_handed_out();
        if !self.line.is_empty() {
            self.read_joined_line();
        }
        let is_document = std::mem::take(&mut self.in_document) && self.has_data;
        is_document.then(|| self.hand_out(&InInput::default()))
    }

    /// Whether an event has begun and not ended. At the end of the stream the standard drops it;
    /// whoever cares about truncation asks here.
    #[must_use]
    pub fn has_partial(&self) -> bool {
        !self.line.is_empty() || self.event_bytes > 0
    }

    /// How long the stream asked to wait before a reconnection, in milliseconds.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// The next line without its end; what has no end yet is put aside.
    fn take_line<'i>(&mut self, input: &mut &'i [u8]) -> Result<Option<Line<'i>>, TooLong> {
        if self.after_carriage_return && !input.is_empty() {
            self.after_carriage_return = false;
            *input = input.strip_prefix(b"\n").unwrap_or(input);
        }
        let end = memchr2(b'\n', b'\r', input);
        let line = &input[..end.unwrap_or(input.len())];
        // Counts alike whether the line came whole or in pieces, so that the limit does too.
        if self.event_bytes + self.line.len() + line.len() > limits::SSE_EVENT_BYTES {
            return Err(TooLong);
        }
        let Some(end) = end else {
            self.line.extend_from_slice(line);
            *input = &[];
            return Ok(None);
        };
        self.after_carriage_return = input[end] == b'\r';
        *input = &input[end + 1..];
        if self.line.is_empty() {
            return Ok(Some(Line::Whole(line)));
        }
        self.line.extend_from_slice(line);
        Ok(Some(Line::Joined))
    }

    /// A line that came in pieces can only be the first one of a call, so nothing is borrowed from
    /// the input yet, and what it brings is copied at once.
    fn read_joined_line(&mut self) -> bool {
        let mut line = std::mem::take(&mut self.line);
        let mut here = InInput::default();
        let is_end = self.read_line(&line, &mut here);
        self.keep(&here);
        line.clear();
        self.line = line;
        is_end
    }

    /// Does what a line says; returns whether it ends an event that has data.
    fn read_line<'l>(&mut self, mut line: &'l [u8], here: &mut InInput<'l>) -> bool {
        if !self.past_first_line {
            self.past_first_line = true;
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        let begins_document = matches!(line, [b'{' | b'[', ..]) && !self.holds_data(here);
        self.in_document |= begins_document;
        match line {
            [] => return self.end_event(here),
            [b':', ..] if !self.in_document => return false,
            _ => self.event_bytes += line.len(),
        }
        if self.in_document {
            self.add_data(line, here);
            return false;
        }
        let (field, value) = match memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => self.add_data(value, here),
            b"event" => here.name = Some(value),
            b"id" if memchr(0, value).is_none() => {
                self.id.clear();
                self.id.extend_from_slice(value);
            }
            b"retry" => self.retry_ms = milliseconds(value).or(self.retry_ms),
            // The standard wants unknown fields to be ignored.
            _ => {}
        }
        false
    }

    /// The first data line stays in the input; with a second one both have to be copied.
    fn add_data<'l>(&mut self, value: &'l [u8], here: &mut InInput<'l>) {
        if let Some(first) = here.data.take() {
            self.data.extend_from_slice(first);
            self.has_data = true;
        }
        if self.has_data {
            self.data.push(b'\n');
            self.data.extend_from_slice(value);
        } else {
            here.data = Some(value);
        }
    }

    /// An empty line: an event without data is none, and its name is forgotten.
    fn end_event(&mut self, here: &mut InInput<'_>) -> bool {
        self.event_bytes = 0;
        self.in_document = false;
        let has_data = self.holds_data(here);
        if !has_data {
            here.name = None;
            self.name.clear();
        }
        has_data
    }

    fn holds_data(&self, here: &InInput<'_>) -> bool {
        self.has_data || here.data.is_some()
    }

    fn hand_out<'a>(&'a mut self, here: &InInput<'a>) -> Event<'a> {
        self.is_handed_out = true;
        Event {
            name: here.name.unwrap_or(&self.name),
            data: here.data.unwrap_or(&self.data),
            id: &self.id,
        }
    }

    fn forget_handed_out(&mut self) {
        if self.is_handed_out {
            self.is_handed_out = false;
            self.has_data = false;
            self.name.clear();
            self.data.clear();
        }
    }

    /// Copies what is borrowed from an input that is about to go away.
    fn keep(&mut self, here: &InInput<'_>) {
        if let Some(name) = here.name {
            self.name.clear();
            self.name.extend_from_slice(name);
        }
        if let Some(data) = here.data {
            self.data.extend_from_slice(data);
            self.has_data = true;
        }
    }
}

/// ASCII digits only, as the standard has it; a number beyond 64 bits is ignored.
fn milliseconds(value: &[u8]) -> Option<u64> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    is_number.then(|| str::from_utf8(value).ok()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_grow_once() {
        let stream = b"event: delta\nid: 12\ndata: first\ndata: second\n\n";
        let mut reader = Reader::new();
        let mut pass = || {
            for mut piece in stream.chunks(5) {
                while let Ok(Some(event)) = reader.next(&mut piece) {
                    assert_eq!(event.data, b"first\nsecond");
                }
            }
            let Reader {
                line,
                name,
                data,
                id,
                ..
            } = &reader;
            [line, name, data, id].map(Vec::capacity)
        };
        let grown = pass();
        assert!(grown.iter().all(|capacity| *capacity > 0));
        for _ in 0..100 {
            assert_eq!(pass(), grown);
        }
    }
}
