//! The server half: requests out of the bytes of one client connection.
//!
//! ```text
//!             ┌──────────────────────── next_request ────────────────────────┐
//!             ▼                                                              │
//!   ──▶  Head (searching its end) ── Step::Head ──▶ Body ── Step::End ──▶ Ended
//!             │                                      │
//!             └───────────────▶ Refused ◀────────────┘      every step repeats the refusal
//! ```
//!
//! After [`Step::End`] the parser stands still, whatever is in the input, until
//! [`Server::next_request`]: requests that were sent ahead are not looked at before the current
//! one has its reply. The caller bounds how much may be waiting like that.

use super::body::Body;
use super::chunked::Piece;
use super::fault::Fault;
use super::message::is_token_byte;
use super::refusal::Refusal;
use super::request::RequestHead;
use super::section::Section;
use crate::limits;

/// The parser of one client connection. It holds no bytes.
#[derive(Debug)]
pub struct Server {
    state: State,
    /// How many bytes of body the current request may still bring.
    body_left: u64,
}

#[derive(Debug)]
enum State {
    /// Searching the end of a head.
    Head(Section),
    /// Counting out the body; a request without one passes through here too.
    Body(Body),
    /// The request is whole.
    Ended,
    /// Nothing that follows can be trusted.
    Refused(Refusal),
}

// There is one of these in every connection, the ten thousand idle ones too.
const _: () = assert!(size_of::<Server>() <= 64);

/// What comes next on the connection. The caller drops the first `consumed` bytes of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Nothing to report, nothing consumed. Call again with the same bytes and more after them;
    /// after [`Step::End`], call [`Server::next_request`] first.
    NeedMore,
    /// A request begins. Decide on its body limit now.
    Head {
        /// What it asks for.
        head: RequestHead<'a>,
        /// Length of the head in the input.
        consumed: usize,
    },
    /// Some of the request's body, never empty.
    Body {
        /// The content, without chunk framing.
        bytes: &'a [u8],
        /// Length in the input, framing included.
        consumed: usize,
    },
    /// The request is whole. Comes for every request, with a body or without.
    End {
        /// Length of the framing that ended it: 0 unless the body was chunked.
        consumed: usize,
    },
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// Ready for the first request of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Head(Section::default()),
            body_left: limits::BODY_BYTES as u64,
        }
    }

    /// The next thing in `input`, which holds all bytes that were not consumed yet.
    ///
    /// # Errors
    /// The request is refused; so is every later step.
    pub fn step<'a>(&mut self, input: &'a [u8]) -> Result<Step<'a>, Refusal> {
        let step = match &mut self.state {
            State::Head(section) => read_head(section, input),
            State::Body(body) => read_body(body, input, &mut self.body_left),
            State::Ended => Ok(Step::NeedMore),
            State::Refused(refusal) => Err(*refusal),
        };
        match &step {
            Ok(Step::Head { head, .. }) => self.state = State::Body(Body::new(head.length)),
            Ok(Step::End { .. }) => self.state = State::Ended,
            Err(refusal) => self.state = State::Refused(*refusal),
            Ok(Step::NeedMore | Step::Body { .. }) => {}
        }
        step
    }

    /// How long the body of the request whose head just came may be, in bytes without framing.
    /// Without this it is [`BODY_BYTES`](limits::BODY_BYTES). A body that announces more is
    /// refused by the next step, before any of it is handed out.
    pub fn set_body_limit(&mut self, bytes: u64) {
        self.body_left = bytes;
    }

    /// Whether nothing of a request has been seen since the last one, so that the connection may
    /// be closed without taking anything away from anybody.
    #[must_use]
    pub fn is_between_requests(&self) -> bool {
        matches!(self.state, State::Head(section) if section.is_untouched())
    }

    /// Ready for the next head. Call it after [`Step::End`], once the reply is decided.
    pub fn next_request(&mut self) {
        debug_assert!(
            matches!(self.state, State::Ended),
            "the request before is not at its end"
        );
        if let State::Ended = self.state {
            *self = Self::new();
        }
    }
}

fn read_head<'a>(section: &mut Section, input: &'a [u8]) -> Result<Step<'a>, Refusal> {
    if section.is_in_first_line() && !find_request_line(section, input)? {
        return Ok(Step::NeedMore);
    }
    let end = section.find_end(input, limits::HEAD_BYTES, Fault::HeadTooLarge)?;
    let Some(consumed) = end else {
        return Ok(Step::NeedMore);
    };
    let head = RequestHead::parse(&input[section.start()..consumed])?;
    Ok(Step::Head { head, consumed })
}

/// Passes over one empty line at most and goes on to the end of the request line.
fn find_request_line(section: &mut Section, input: &[u8]) -> Result<bool, Refusal> {
    loop {
        // A first byte that no method has is known to be wrong without waiting for a line end
        // that may never come: somebody speaks TLS, or noise.
        let first = input.get(section.start()).copied();
        if first.is_some_and(|byte| !is_token_byte(byte) && byte != b'\r' && byte != b'\n') {
            return Err(Refusal::Method);
        }
        let limit = limits::REQUEST_LINE_BYTES + b"\r\n".len();
        match section.next_line(input, limit, Refusal::RequestLineTooLong)? {
            None => return Ok(false),
            Some([]) if section.start() == 0 => *section = Section::at(b"\r\n".len()),
            Some([]) => return Err(Refusal::EmptyLines),
            Some(_) => return Ok(true),
        }
    }
}

fn read_body<'a>(body: &mut Body, input: &'a [u8], left: &mut u64) -> Result<Step<'a>, Refusal> {
    if body.announced() > *left {
        return Err(Refusal::PayloadTooLarge);
    }
    match body.step(input)? {
        Piece::NeedMore => Ok(Step::NeedMore),
        Piece::End { consumed } => Ok(Step::End { consumed }),
        Piece::Data { bytes, consumed } => {
            // What was handed out, and what its chunk still announces, both have to fit.
            *left = left
                .checked_sub(bytes.len() as u64)
                .ok_or(Refusal::PayloadTooLarge)?;
            if body.announced() > *left {
                return Err(Refusal::PayloadTooLarge);
            }
            Ok(Step::Body { bytes, consumed })
        }
    }
}

#[cfg(test)]
mod tests;
