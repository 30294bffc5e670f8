//! A stream that is passed on in the dialect it came in: read, checked, counted, and not rebuilt.
//!
//! ```text
//!   data of an event ──▶ reader ──▶ events, for the log and the counters
//!                          │
//!                          ├── understood ──▶ the same data to the client
//!                          ├── usage that the client did not ask for ──▶ nothing
//!                          ├── the last word of an answer that is not whole ──▶ nothing
//!                          └── error, or nothing that the dialect has ──▶ nothing
//! ```
//!
//! What says to a client "this answer is whole" is passed on only when it is. OpenAI and Anthropic
//! have a last event for it. Gemini has none: there the event with the finish reason says it, so
//! it is held back until the end of the body is known to be real.
//!
//! It refuses to know what an error was: the client is told in the words of
//! [`super::speak`], and none of the provider's.

use super::{AnyStream, Dialect, End, Event, Malformed};
use crate::limits;

/// Passes one streamed answer on.
#[derive(Debug)]
pub struct Relay {
    stream: AnyStream,
    hides_usage: bool,
    /// Nothing more is passed on.
    is_closed: bool,
    /// Gemini's last events.
    held: Vec<u8>,
}

impl Relay {
    /// For `choices` answers in `dialect`. `include_usage` is whether the client asked for the
    /// usage, see [`super::Skim`].
    #[must_use]
    pub fn new(dialect: Dialect, choices: u32, include_usage: bool) -> Self {
        Self {
            stream: dialect.stream_of(choices),
            hides_usage: !include_usage,
            is_closed: false,
            held: Vec::new(),
        }
    }

    /// Reads one server-sent event, reports what it says, and appends to `out` what the client is
    /// to get of it. After [`Event::Error`] nothing more is passed on.
    ///
    /// # Errors
    /// The data is nothing that this dialect has. The answer is truncated then.
    pub fn event(
        &mut self,
        name: &[u8],
        data: &[u8],
        out: &mut Vec<u8>,
        on: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if self.is_closed {
            return Ok(());
        }
        let (mut is_last, mut has_failed) = (false, false);
        let read = self.stream.event(data, &mut |event| {
            is_last |= event == Event::Done;
            has_failed |= matches!(event, Event::Error(_));
            on(event);
        });
        self.is_closed = is_last || has_failed || read.is_err();
        read?;
        let is_whole = self.stream.end() == End::Complete;
        if has_failed || (is_last && !is_whole) || self.is_hidden() {
            return Ok(());
        }
        if is_whole && matches!(self.stream, AnyStream::Gemini(_)) {
            put_frame(name, data, &mut self.held);
            return match self.held.len() > limits::SSE_EVENT_BYTES {
                true => Err(Malformed::Shape),
                false => Ok(()),
            };
        }
        put_frame(name, data, out);
        Ok(())
    }

    /// Bytes of memory that it holds beyond its own size.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held.capacity()
    }

    fn is_hidden(&self) -> bool {
        self.hides_usage && self.stream.is_bare_usage()
    }

    /// What the answer is worth if it ends here, as [`AnyStream::end`].
    #[must_use]
    pub const fn end(&self) -> End {
        self.stream.end()
    }

    /// The answer has come to a real end: appends what was held back for it.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.is_closed = true;
        out.append(&mut self.held);
    }
}

/// Appends one server-sent event. Data of several lines takes a field for each.
fn put_frame(name: &[u8], data: &[u8], out: &mut Vec<u8>) {
    if !name.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name);
        out.push(b'\n');
    }
    for line in data.split(|byte| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// What the client gets of these events, and whether the answer is whole.
    fn relayed(relay: &mut Relay, events: &[(&str, &str)]) -> (String, End) {
        let mut out = Vec::new();
        for (name, data) in events {
            let read = relay.event(name.as_bytes(), data.as_bytes(), &mut out, &mut |_| {});
            read.unwrap();
        }
        (String::from_utf8(out).unwrap(), relay.end())
    }

    const TEXT: &str = r#"{"id":"x","choices":[{"index":0,"delta":{"content":"a"}}],"new":[1]}"#;
    const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    const USAGE: &str = r#"{"choices":[],"usage":{"prompt_tokens":1}}"#;

    #[test]
    fn everything_goes_through_as_it_came() {
        let mut relay = Relay::new(Dialect::OpenAi, 1, true);
        let events = [
            ("", TEXT),
            ("", STOP),
            ("", USAGE),
            ("", "[DONE]"),
            ("", TEXT),
        ];
        let expected = format!("data: {TEXT}\n\ndata: {STOP}\n\ndata: {USAGE}\n\ndata: [DONE]\n\n");
        assert_eq!(relayed(&mut relay, &events), (expected, End::Complete));
    }

    #[test]
    fn usage_that_nobody_asked_for_is_hidden() {
        let mut relay = Relay::new(Dialect::OpenAi, 1, false);
        let (out, _) = relayed(&mut relay, &[("", STOP), ("", USAGE), ("", "[DONE]")]);
        assert_eq!(out, format!("data: {STOP}\n\ndata: [DONE]\n\n"));
        // Beside content it stays.
        let beside = r#"{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}"#;
        let mut relay = Relay::new(Dialect::OpenAi, 1, false);
        assert_eq!(
            relayed(&mut relay, &[("", beside)]).0,
            format!("data: {beside}\n\n")
        );
    }

    #[test]
    fn the_last_word_of_half_an_answer_is_not_passed_on() {
        let mut relay = Relay::new(Dialect::OpenAi, 1, true);
        let (out, end) = relayed(&mut relay, &[("", TEXT), ("", "[DONE]")]);
        assert_eq!((out, end), (format!("data: {TEXT}\n\n"), End::Truncated));
        let mut relay = Relay::new(Dialect::OpenAi, 2, true);
        let second = r#"{"choices":[{"index":1,"delta":{"content":"b"}}]}"#;
        let (out, end) = relayed(&mut relay, &[("", second), ("", STOP), ("", "[DONE]")]);
        let expected = format!("data: {second}\n\ndata: {STOP}\n\n");
        assert_eq!((out, end), (expected, End::Truncated));
        let mut relay = Relay::new(Dialect::Anthropic, 1, true);
        let stop = r#"{"type":"message_stop"}"#;
        let (out, end) = relayed(&mut relay, &[("message_stop", stop)]);
        assert_eq!((out.as_str(), end), ("", End::Truncated));
    }

    #[test]
    fn errors_and_what_comes_after_are_not_passed_on() {
        let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"secret"}}"#;
        let ping = r#"{"type": "ping"}"#;
        let mut relay = Relay::new(Dialect::Anthropic, 1, true);
        let events = [("ping", ping), ("error", error), ("ping", ping)];
        let (out, end) = relayed(&mut relay, &events);
        assert_eq!(out, format!("event: ping\ndata: {ping}\n\n"));
        assert_eq!(end, End::Truncated);

        let mut out = Vec::new();
        let mut relay = Relay::new(Dialect::OpenAi, 1, true);
        let read = relay.event(b"", b"<html>", &mut out, &mut |_| {});
        assert_eq!((read, out.len()), (Err(Malformed::Syntax), 0));
    }

    #[test]
    fn geminis_last_events_wait_for_a_real_end() {
        let text = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
        let stop = "{\"candidates\":[{\n\"finishReason\":\"STOP\"}]}";
        let mut relay = Relay::new(Dialect::Gemini, 1, true);
        let (out, end) = relayed(&mut relay, &[("", text), ("", stop)]);
        assert_eq!((out, end), (format!("data: {text}\n\n"), End::Complete));
        let mut out = Vec::new();
        relay.finish(&mut out);
        let lines = "data: {\"candidates\":[{\ndata: \"finishReason\":\"STOP\"}]}\n\n";
        assert_eq!(String::from_utf8(out).unwrap(), lines);
    }
}
