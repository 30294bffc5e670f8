//! Replies out of bytes: RESP2 and RESP3, which differ only in what a server chooses to send.
//!
//! ```text
//!   a line:  + text   - error   : integer   , double   # boolean   ( big number   _ null
//!   a bulk:  $ bytes  = verbatim text   ! error          after a line with their length
//!   a list:  * array  ~ set   % map   > push   | attributes   after a line with their number
//!
//!   ──▶ Line ── a length ──▶ Bulk ──┐
//!        │ ▲                        │ a value is whole: into the list that is open, or out
//!        │ └────────────────────────┤
//!        └── a number: a list opens ┘ (a short stack; each value that is whole may close it)
//! ```
//! A reply may come in any number of pieces. What was read of it is kept as values, so no byte is
//! read twice. Lists and bulks of unknown length (`$?`, `*?`) are in the specification and are
//! sent by nobody; they are refused.

use super::Refusal;
use crate::limits::{REDIS_DEPTH, REDIS_LINE_BYTES, REDIS_REPLY_BYTES, REDIS_VALUES};

/// A value that a server has sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Nothing: no such key.
    Null,
    /// Bytes: a string, simple or not, or a number too big for others.
    Bytes(Vec<u8>),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction, infinite or none at all.
    Double(f64),
    /// Yes or no.
    Boolean(bool),
    /// An array or a set.
    List(Vec<Reply>),
    /// Keys and values by turns.
    Map(Vec<Reply>),
    /// An error: of a command, or of one inside a transaction.
    Refused(Refusal),
}

/// What a server says at a time.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The answer to a command.
    Reply(Reply),
    /// Something that answers no command: a message of a channel, a key that has changed.
    Push(Vec<Reply>),
}

/// What a server must not send. Nothing after it can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A kind of value that there is not.
    Kind(u8),
    /// A line that does not end in CR LF.
    LineEnd,
    /// A line longer than [`REDIS_LINE_BYTES`].
    LongLine,
    /// Something that has to be a number and is none, or a length that makes no sense.
    Number,
    /// A boolean that is neither, or a null that is something.
    Value,
    /// Bytes that do not end where their length says.
    BulkEnd,
    /// A reply of more than [`REDIS_REPLY_BYTES`].
    TooLarge,
    /// A reply of more than [`REDIS_VALUES`] values.
    TooMany,
    /// Lists in lists, more than [`REDIS_DEPTH`].
    TooDeep,
}

/// Where in a reply it is. It holds values and no bytes that were not read.
#[derive(Debug, Default)]
pub struct Reader {
    /// A bulk whose length was read.
    bulk: Option<Bulk>,
    /// The lists that are open, the innermost last.
    open: Vec<Open>,
    /// Bytes of the line that begins the input which were searched for its end.
    searched: usize,
    /// What this reply has used of its allowance.
    bytes: usize,
    values: usize,
}

/// What comes next. The caller drops the first `consumed` bytes of the input in both cases.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// The message is not whole. Call again with what is left and more after it.
    NeedMore {
        /// Bytes that were read.
        consumed: usize,
    },
    /// A message is whole.
    Message {
        /// The message.
        message: Message,
        /// Bytes that were read.
        consumed: usize,
    },
}

#[derive(Clone, Copy, Debug)]
struct Bulk {
    kind: u8,
    length: usize,
}

#[derive(Debug)]
struct Open {
    shape: Shape,
    left: usize,
    values: Vec<Reply>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    List,
    Map,
    Push,
    /// About the value that follows; nobody here reads it.
    Attributes,
}

/// What a line was.
enum Line {
    Value(Reply),
    Bulk(Bulk),
    Opens(Shape, usize),
}

impl Reader {
    /// The next thing in `input`, which holds all bytes that were not consumed.
    ///
    /// # Errors
    /// The server broke the protocol. Nothing may be read after that.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, Violation> {
        let mut consumed = 0;
        loop {
            let rest = &input[consumed..];
            let value = match self.bulk {
                Some(bulk) => match read_bulk(bulk, rest)? {
                    None => return Ok(Step::NeedMore { consumed }),
                    Some(value) => {
                        self.bulk = None;
                        consumed += bulk.length + 2;
                        value
                    }
                },
                None => {
                    let Some(end) = self.find_line(rest)? else {
                        return Ok(Step::NeedMore { consumed });
                    };
                    consumed += end + 2;
                    match self.read_line(rest[0], &rest[1..end])? {
                        Some(value) => value,
                        None => continue,
                    }
                }
            };
            if let Some(message) = self.close(value) {
                (self.bytes, self.values) = (0, 0);
                return Ok(Step::Message { message, consumed });
            }
        }
    }

    /// Whether a message has begun and is not whole.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.bulk.is_some() || !self.open.is_empty()
    }

    /// Where the line at the start of `input` ends, before its CR LF.
    fn find_line(&mut self, input: &[u8]) -> Result<Option<usize>, Violation> {
        let from = self.searched.min(input.len());
        let found = memchr::memchr(b'\n', &input[from..]);
        let Some(at) = found else {
            self.searched = input.len();
            let too_long = input.len() > REDIS_LINE_BYTES;
            return if too_long {
                Err(Violation::LongLine)
            } else {
                Ok(None)
            };
        };
        let end = from + at;
        self.searched = 0;
        if end > REDIS_LINE_BYTES {
            return Err(Violation::LongLine);
        }
        // The kind, and a CR before the LF.
        if end < 2 || input[end - 1] != b'\r' {
            return Err(Violation::LineEnd);
        }
        Ok(Some(end - 1))
    }

    /// A whole line: a value, or the beginning of one.
    fn read_line(&mut self, kind: u8, line: &[u8]) -> Result<Option<Reply>, Violation> {
        self.values += 1;
        self.bytes += line.len();
        match parse_line(kind, line)? {
            Line::Value(value) => {
                self.keep_within()?;
                Ok(Some(value))
            }
            Line::Bulk(bulk) => {
                self.bytes = self.bytes.saturating_add(bulk.length);
                self.keep_within()?;
                self.bulk = Some(bulk);
                Ok(None)
            }
            Line::Opens(shape, length) => self.open_list(shape, length),
        }
    }

    fn keep_within(&self) -> Result<(), Violation> {
        if self.bytes > REDIS_REPLY_BYTES {
            Err(Violation::TooLarge)
        } else if self.values > REDIS_VALUES {
            Err(Violation::TooMany)
        } else {
            Ok(())
        }
    }

    fn open_list(&mut self, shape: Shape, length: usize) -> Result<Option<Reply>, Violation> {
        let left = match shape {
            Shape::Map | Shape::Attributes => length.checked_mul(2).ok_or(Violation::TooMany)?,
            Shape::List | Shape::Push => length,
        };
        // Told before the first of them is there; counted when they are.
        if left > REDIS_VALUES {
            return Err(Violation::TooMany);
        }
        self.keep_within()?;
        if shape == Shape::Push && !self.open.is_empty() {
            return Err(Violation::Kind(b'>'));
        }
        if self.open.len() == REDIS_DEPTH {
            return Err(Violation::TooDeep);
        }
        match (left, shape) {
            (0, Shape::List) => return Ok(Some(Reply::List(Vec::new()))),
            (0, Shape::Map) => return Ok(Some(Reply::Map(Vec::new()))),
            (0, Shape::Attributes) => return Ok(None),
            (0, Shape::Push) => return Err(Violation::Number),
            _ => {}
        }
        self.open.push(Open {
            shape,
            left,
            values: Vec::new(),
        });
        Ok(None)
    }

    /// Puts a whole value where it belongs. A list that is whole by that is a value itself.
    fn close(&mut self, mut value: Reply) -> Option<Message> {
        while let Some(innermost) = self.open.last_mut() {
            innermost.values.push(value);
            innermost.left -= 1;
            if innermost.left > 0 {
                return None;
            }
            let Open { shape, values, .. } = self.open.pop()?;
            value = match shape {
                Shape::List => Reply::List(values),
                Shape::Map => Reply::Map(values),
                Shape::Push => return Some(Message::Push(values)),
                Shape::Attributes => return None,
            };
        }
        Some(Message::Reply(value))
    }
}

fn parse_line(kind: u8, line: &[u8]) -> Result<Line, Violation> {
    let value = match kind {
        b'+' | b'(' => Reply::Bytes(line.to_vec()),
        b'-' => Reply::Refused(Refusal::parse(line)),
        b':' => Reply::Integer(number(line)?),
        b',' => Reply::Double(double(line)?),
        b'_' if line.is_empty() => Reply::Null,
        b'#' if line == b"t" => Reply::Boolean(true),
        b'#' if line == b"f" => Reply::Boolean(false),
        b'_' | b'#' => return Err(Violation::Value),
        // Nothing, as RESP2 writes it.
        b'$' | b'*' if line == b"-1" => Reply::Null,
        b'$' | b'=' | b'!' => {
            let length = length(line)?;
            return Ok(Line::Bulk(Bulk { kind, length }));
        }
        b'*' | b'~' => return Ok(Line::Opens(Shape::List, length(line)?)),
        b'%' => return Ok(Line::Opens(Shape::Map, length(line)?)),
        b'>' => return Ok(Line::Opens(Shape::Push, length(line)?)),
        b'|' => return Ok(Line::Opens(Shape::Attributes, length(line)?)),
        other => return Err(Violation::Kind(other)),
    };
    Ok(Line::Value(value))
}

fn read_bulk(bulk: Bulk, input: &[u8]) -> Result<Option<Reply>, Violation> {
    // Its length was checked when it was read.
    let Some(end) = input.get(bulk.length..bulk.length + 2) else {
        let early = input.get(bulk.length);
        let wrong = early.is_some_and(|byte| *byte != b'\r');
        return if wrong {
            Err(Violation::BulkEnd)
        } else {
            Ok(None)
        };
    };
    if end != b"\r\n" {
        return Err(Violation::BulkEnd);
    }
    let bytes = &input[..bulk.length];
    let value = match bulk.kind {
        b'!' => Reply::Refused(Refusal::parse(bytes)),
        // Three letters say what kind of text it is.
        b'=' => match bytes.split_at_checked(4) {
            Some((kind, text)) if kind[3] == b':' => Reply::Bytes(text.to_vec()),
            _ => return Err(Violation::Value),
        },
        _ => Reply::Bytes(bytes.to_vec()),
    };
    Ok(Some(value))
}

/// Digits, with a sign before them.
fn number(line: &[u8]) -> Result<i64, Violation> {
    let text = std::str::from_utf8(line).map_err(|_| Violation::Number)?;
    text.parse().map_err(|_| Violation::Number)
}

fn length(line: &[u8]) -> Result<usize, Violation> {
    let digits = !line.is_empty() && line.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(line).ok().filter(|_| digits);
    let length = text.and_then(|text| text.parse().ok());
    // A sum with it must not overflow; what is too large is found out by its bound.
    length
        .filter(|length| *length <= usize::MAX / 4)
        .ok_or(Violation::Number)
}

fn double(line: &[u8]) -> Result<f64, Violation> {
    let text = std::str::from_utf8(line).map_err(|_| Violation::Number)?;
    text.parse().map_err(|_| Violation::Number)
}
