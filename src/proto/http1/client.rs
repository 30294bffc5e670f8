//! The client half: responses out of the bytes of one provider connection.
//!
//! ```text
//!   ──▶  Idle ── start ──▶ Head ── ClientStep::Head ──▶ Body ── ClientStep::End ──▶ Idle
//!                          │  ▲                          │
//!               1xx, a few └──┘                          ├── end_of_input, until close ──▶ Idle
//!                          │                             │
//!                          └────────▶ Broken ◀───────────┘   every step repeats the violation
//! ```
//!
//! One request is under way at a time. Bytes that follow the end of a response belong to nobody:
//! the caller must not give the connection to the next request when its input is not empty after
//! [`ClientStep::End`], or when [`Client::step`] later says [`Violation::Unsolicited`]. Otherwise
//! the next user would read an answer that was meant for somebody else.

use super::body::Body;
use super::chunked::Piece;
use super::fault::Fault;
use super::response::ResponseHead;
use super::section::Section;
use super::violation::Violation;
use crate::limits;

/// The parser of one provider connection. It holds no bytes.
#[derive(Debug)]
pub struct Client {
    state: State,
    /// The request under way is a HEAD.
    head_request: bool,
    /// Informational responses before the real one.
    informational: usize,
    /// Whether the connection can be used again, by what the head said.
    keep_alive: bool,
}

#[derive(Debug)]
enum State {
    /// No request is under way.
    Idle,
    /// Searching the end of a head.
    Head(Section),
    /// Counting out the body; a response without one passes through here too.
    Body(Body),
    /// Nothing that follows can be trusted.
    Broken(Violation),
}

const _: () = assert!(size_of::<Client>() <= 64);

/// What comes next on the connection. The caller drops the first `consumed` bytes of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientStep<'a> {
    /// Nothing to report, nothing consumed. Call again with the same bytes and more after them.
    NeedMore,
    /// A 1xx that means nothing here and is passed over: `100 Continue`, `103 Early Hints` …
    Informational {
        /// Its length in the input.
        consumed: usize,
    },
    /// The response begins.
    Head {
        /// Status and fields.
        head: ResponseHead<'a>,
        /// Length of the head in the input.
        consumed: usize,
    },
    /// Some of the response's body, never empty.
    Body {
        /// The content, without chunk framing.
        bytes: &'a [u8],
        /// Length in the input, framing included.
        consumed: usize,
    },
    /// The response is whole.
    End {
        /// Length of the framing that ended it: 0 unless the body was chunked.
        consumed: usize,
        /// Whether the provider leaves the connection open. Only if the request was sent whole
        /// and no bytes are left in the input may it really be used again.
        reusable: bool,
    },
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A fresh connection.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: State::Idle,
            head_request: false,
            informational: 0,
            keep_alive: false,
        }
    }

    /// A request goes out; `head_request` says that its method is HEAD, whose response has no body
    /// although its fields speak of one.
    pub fn start(&mut self, head_request: bool) {
        debug_assert!(matches!(self.state, State::Idle), "one request at a time");
        if let State::Idle = self.state {
            *self = Self {
                state: State::Head(Section::default()),
                head_request,
                ..Self::new()
            };
        }
    }

    /// The next thing in `input`, which holds all bytes that were not consumed yet.
    ///
    /// # Errors
    /// The provider broke the protocol; every later step says the same.
    pub fn step<'a>(&mut self, input: &'a [u8]) -> Result<ClientStep<'a>, Violation> {
        let step = match &mut self.state {
            State::Idle if input.is_empty() => Ok(ClientStep::NeedMore),
            State::Idle => Err(Violation::Unsolicited),
            State::Head(section) => {
                read_head(section, input, self.head_request, &mut self.informational)
            }
            State::Body(body) => read_body(body, input, self.keep_alive),
            State::Broken(violation) => Err(*violation),
        };
        match &step {
            Ok(ClientStep::Informational { .. }) => self.state = State::Head(Section::default()),
            Ok(ClientStep::Head { head, .. }) => {
                self.keep_alive = head.keep_alive;
                self.state = State::Body(Body::new(head.length));
            }
            Ok(ClientStep::End { .. }) => self.state = State::Idle,
            Err(violation) => self.state = State::Broken(*violation),
            Ok(ClientStep::NeedMore | ClientStep::Body { .. }) => {}
        }
        step
    }

    /// The provider has closed its side, and `step` has said `NeedMore` for what came before.
    ///
    /// `Ok(true)`: that was the end of a body that lasts until close. (Over TLS it counts only
    /// after a `close_notify`, which is the caller's to know.) `Ok(false)`: no response was under
    /// way, nothing is lost.
    ///
    /// # Errors
    /// The response is not whole: [`Violation::NoResponse`] if nothing of it came, else
    /// [`Violation::Truncated`].
    pub fn end_of_input(&mut self) -> Result<bool, Violation> {
        let violation = match &self.state {
            State::Idle => return Ok(false),
            State::Body(Body::UntilClose) => {
                self.state = State::Idle;
                return Ok(true);
            }
            State::Head(section) if section.is_untouched() && self.informational == 0 => {
                Violation::NoResponse
            }
            State::Head(_) | State::Body(_) => Violation::Truncated,
            State::Broken(violation) => *violation,
        };
        self.state = State::Broken(violation);
        Err(violation)
    }
}

fn read_head<'a>(
    section: &mut Section,
    input: &'a [u8],
    head_request: bool,
    informational: &mut usize,
) -> Result<ClientStep<'a>, Violation> {
    // Without this a stream of noise would be read up to the limit before it is found out.
    if !input.starts_with(b"HTTP/") && !b"HTTP/".starts_with(input) {
        return Err(Violation::StatusLine);
    }
    let end = section.find_end(input, limits::HEAD_BYTES, Fault::HeadTooLarge)?;
    let Some(consumed) = end else {
        return Ok(ClientStep::NeedMore);
    };
    let head = ResponseHead::parse(&input[..consumed], head_request)?;
    match head.status {
        101 => Err(Violation::SwitchedProtocols),
        100..=199 => {
            *informational += 1;
            if *informational > limits::INFORMATIONAL_RESPONSES {
                return Err(Violation::TooManyInformational);
            }
            Ok(ClientStep::Informational { consumed })
        }
        _ => Ok(ClientStep::Head { head, consumed }),
    }
}

fn read_body<'a>(
    body: &mut Body,
    input: &'a [u8],
    keep_alive: bool,
) -> Result<ClientStep<'a>, Violation> {
    Ok(match body.step(input)? {
        Piece::NeedMore => ClientStep::NeedMore,
        Piece::Data { bytes, consumed } => ClientStep::Body { bytes, consumed },
        Piece::End { consumed } => ClientStep::End {
            consumed,
            reusable: keep_alive,
        },
    })
}

#[cfg(test)]
mod tests;
