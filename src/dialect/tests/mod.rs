//! Streamed calls in any dialect, from the bytes of the body to what the engine would learn.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::proto::sse;

mod anthropic;
mod calls;
mod gemini;
mod inexpressible;
mod round_trip;
mod written;

/// One streamed call.
struct Call {
    sse: sse::Reader,
    stream: AnyStream,
    said: Vec<String>,
    malformed: Option<Malformed>,
}

impl Call {
    fn new(dialect: Dialect) -> Self {
        Self {
            sse: sse::Reader::new(),
            stream: dialect.stream(),
            said: Vec::new(),
            malformed: None,
        }
    }

    /// Takes bytes as they come off a socket.
    fn received(&mut self, mut bytes: &[u8]) {
        while let Some(event) = self.sse.next(&mut bytes).unwrap() {
            let said = &mut self.said;
            let read = (self.stream).event(event.data, &mut |event| said.push(words(event)));
            self.malformed = self.malformed.or(read.err());
        }
    }

    /// A framed end of the body; gives what the answer is worth.
    fn ended(&mut self) -> End {
        if let Some(event) = self.sse.end() {
            let said = &mut self.said;
            let read = (self.stream).event(event.data, &mut |event| said.push(words(event)));
            self.malformed = self.malformed.or(read.err());
        }
        self.stream.end()
    }

    /// A whole body with its end.
    fn whole(dialect: Dialect, body: &str) -> (String, End) {
        let mut call = Self::new(dialect);
        call.received(body.as_bytes());
        let end = call.ended();
        assert_eq!(call.malformed, None, "{body}");
        (call.said.join(" | "), end)
    }
}

#[test]
fn bare_errors_are_seen_in_openais_dialect_too() {
    let text = r#"data: {"choices":[{"delta":{"content":"x"}}]}"#;
    let body = format!("{text}\n\n{{\"error\": {{\"code\": 429}}}}\n");
    let expected = ("text x | error RateLimited None".to_owned(), End::Truncated);
    assert_eq!(Call::whole(Dialect::OpenAi, &body), expected);
}

/// Reads `body` cut in two everywhere, and with each kind of line end.
fn says_the_same_at_every_split(dialect: Dialect, body: &str, expected: &str) {
    for line_end in ["\n", "\r\n", "\r"] {
        let body = body.replace('\n', line_end);
        for split in 0..=body.len() {
            let mut call = Call::new(dialect);
            call.received(&body.as_bytes()[..split]);
            call.received(&body.as_bytes()[split..]);
            assert_eq!(call.ended(), End::Complete, "split at {split}");
            assert_eq!(call.said.join(" | "), expected, "split at {split}");
            assert_eq!(call.malformed, None);
        }
    }
}

/// A body that ends, properly framed, before `whole_from` is truncated, and is whole from there on.
fn is_truncated_before(dialect: Dialect, body: &str, whole_from: usize) {
    for cut in 0..=body.len() {
        let mut call = Call::new(dialect);
        call.received(&body.as_bytes()[..cut]);
        let expected = if cut < whole_from {
            End::Truncated
        } else {
            End::Complete
        };
        assert_eq!(call.ended(), expected, "cut at {cut}");
    }
}

/// What an unstreamed answer says, and what it is worth.
fn answered(dialect: Dialect, body: &str) -> (String, Result<End, Malformed>) {
    let mut said = Vec::new();
    let end = dialect.answer(body.as_bytes(), &mut |event| said.push(words(event)));
    (said.join(" | "), end)
}

/// Data that is no event: malformed, and nothing after it counts.
fn is_malformed(dialect: Dialect, data: &str, malformed: Malformed, after: &str) {
    let mut call = Call::new(dialect);
    call.received(format!("data: {data}\n\n{after}").as_bytes());
    assert_eq!(call.malformed, Some(malformed), "{data}");
    assert!(call.said.is_empty(), "{data}: {:?}", call.said);
    assert_eq!(call.ended(), End::Truncated, "{data}");
}

/// Bytes changed here and there: no panic, and no unfinished answer becomes a whole one.
fn survives(dialect: Dialect, golden: &str, changes: &[(usize, u8)], cut: usize) {
    let mut body = golden.as_bytes().to_vec();
    for &(at, byte) in changes {
        body[at] = byte;
    }
    let mut call = Call::new(dialect);
    call.received(&body[..cut]);
    let end = call.ended();
    let finished = call.said.iter().any(|said| said.starts_with("finish"));
    assert!(finished || end == End::Truncated);
    let _ = dialect.answer(&body, &mut |_| {});
    let _ = dialect.failure(500, &body);
}

/// An event in few words.
pub(in crate::dialect) fn words(event: Event<'_>) -> String {
    let text = |piece: JsonStr<'_>| {
        let mut text = String::new();
        piece.append_to(&mut text);
        text
    };
    match event {
        Event::Model(model) => format!("model {}", text(model)),
        Event::Text(piece) => format!("text {}", text(piece)),
        Event::Thinking(piece) => format!("thinking {}", text(piece)),
        Event::Refusal(piece) => format!("refusal {}", text(piece)),
        Event::Signature(seal) => format!("seal {}", text(seal)),
        Event::ToolCall {
            index,
            id,
            name,
            signature,
        } => format!(
            "call {index} {} {}{}",
            id.map_or("-".into(), text),
            text(name),
            signature.map_or(String::new(), |seal| format!(" seal {}", text(seal)))
        ),
        Event::Arguments { index, json } => match json {
            Arguments::Piece(piece) => format!("arguments {index} {}", text(piece)),
            Arguments::Whole(json) => format!("arguments {index} all {json}"),
        },
        Event::Usage(usage) => format!(
            "usage {:?}",
            [
                usage.prompt_tokens,
                usage.completion_tokens,
                usage.total_tokens,
                usage.cached_tokens,
                usage.reasoning_tokens
            ]
            .map(|count| count.map_or(-1, |count| i64::try_from(count).unwrap()))
        ),
        Event::Finish { reason, native } => format!("finish {} {}", reason.as_str(), text(native)),
        Event::Done => "done".into(),
        Event::Error(error) => format!("error {:?} {:?}", error.kind, error.code),
    }
}
