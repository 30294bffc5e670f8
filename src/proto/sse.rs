//! Server-sent events, read and written (WHATWG HTML §9.2.6, "Interpreting an event stream").
//!
//! A stream is lines, an event is lines up to an empty one:
//!
//! ```text
//!   event: delta⏎          name     (the last one counts)
//!   data: first⏎           data     (joined with LF)
//!   data: second⏎
//!   id: 7⏎                 id       (stays for later events)
//!   : anything⏎            comment  (skipped)
//!   ⏎                      the event is whole
//! ```
//!
//! Lines end with LF, CRLF or CR, in any mixture. One thing is added to the standard: a line that
//! begins with `{` or `[`, which would be a field that nobody knows, begins a *bare JSON document*.
//! It and what follows up to an empty line, or up to the end, are data as they stand. Google's
//! servers put errors into a stream like that, and an error must not be overlooked.
//!
//! This module refuses to know what data means: it
//! is bytes, and neither JSON nor UTF-8 is looked at. [`Reader`] is one half, [`write_event`] the
//! other.

mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::{Event, Reader, TooLong};
pub use writer::{write_comment, write_event, write_id, write_retry};
