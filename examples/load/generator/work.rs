//! What is asked for, and when an answer to it is right.
//!
//! | work | request | right is |
//! |---|---|---|
//! | health | `GET /healthz` | 200, a body |
//! | generate | `POST /generate/` | 200, a text, and it is stored |
//! | stream | the same with `"stream": true` | 200, token events, `done`; the last `id` counts the text |
//! | chat | OpenAI's `POST /v1/chat/completions` | 200, a text, and why it ended |
//! | chat-stream | the same with `"stream": true` | 200, pieces, and `[DONE]` |
//!
//! The two of OpenAI are what a plain proxy can be asked for in maitred's place. Every request has
//! a topic of its own, so that nobody can answer two of them at once.

use std::borrow::Cow;
use std::io::Write;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::events::{Event, Events};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Work {
    /// `GET /healthz`
    Health,
    /// A text from maitred, whole
    Generate,
    /// A text from maitred, as events
    Stream,
    /// A text from OpenAI's API, whole
    Chat,
    /// A text from OpenAI's API, as events
    ChatStream,
}

/// What is known beforehand about every text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expected {
    pub(crate) text_bytes: Option<u64>,
    pub(crate) tokens: Option<u64>,
}

/// The body of one answer, as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// The body, of an answer that does not stream.
    body: Vec<u8>,
    events: Events,
    /// Pieces of text so far.
    pub(crate) tokens: u64,
    /// Bytes of text so far.
    pub(crate) text_bytes: u64,
    /// What the last event said about its place in the text.
    last_id: Option<u64>,
    /// `done`, or `[DONE]`.
    is_done: bool,
    /// Something was not what it should be.
    wrong: Option<&'static str>,
}

impl Work {
    /// Whether the answer is a stream of events.
    pub(crate) fn streams(self) -> bool {
        matches!(self, Work::Stream | Work::ChatStream)
    }

    /// Writes request `number`.
    pub(crate) fn write(self, out: &mut Vec<u8>, host: &str, number: u64) {
        let stream = self.streams();
        let (path, body) = match self {
            Work::Health => {
                put(
                    out,
                    format_args!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"),
                );
                return;
            }
            Work::Generate | Work::Stream => {
                let body = format!(r#"{{"topic":"tea, cup {number}","stream":{stream}}}"#);
                ("/generate/", body)
            }
            Work::Chat | Work::ChatStream => {
                let prompt = "You are a helpful assistant. Write a detailed article about tea, cup";
                let body = format!(
                    r#"{{"model":"m","messages":[{{"role":"user","content":"{prompt} {number}."}}],"stream":{stream}}}"#
                );
                ("/v1/chat/completions", body)
            }
        };
        put(
            out,
            format_args!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        );
    }
}

fn put(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a Vec takes everything");
}

/// The fields of all four kinds of JSON; each kind has some.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    generated_text: Option<Cow<'a, str>>,
    stored: Option<bool>,
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, alias = "delta")]
    message: Message<'a>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<Cow<'a, str>>,
}

impl Reading {
    /// Takes a piece of the body.
    pub(crate) fn take(&mut self, work: Work, piece: &[u8]) {
        if !work.streams() {
            self.body.extend_from_slice(piece);
            return;
        }
        let mut events = std::mem::take(&mut self.events);
        if events
            .feed(piece, |event| self.take_event(work, event))
            .is_err()
        {
            self.wrong = Some("a line that belongs to no event");
        }
        self.events = events;
    }

    fn take_event(&mut self, work: Work, event: Event<'_>) {
        if self.is_done {
            self.wrong = Some("an event after the last one");
        }
        match (work, event.name, event.data) {
            (Work::ChatStream, b"", b"[DONE]") => self.is_done = true,
            (Work::ChatStream, b"", data) => self.take_document(data),
            (_, b"token", data) => {
                self.last_id = std::str::from_utf8(event.id)
                    .ok()
                    .and_then(|id| id.parse().ok());
                self.take_document(data);
            }
            (_, b"start", _) => {}
            (_, b"done", data) => {
                self.is_done = true;
                self.take_document(data);
            }
            (_, b"error", _) => self.wrong = Some("an error event"),
            _ => self.wrong = Some("an event of no known name"),
        }
    }

    fn take_document(&mut self, data: &[u8]) {
        let Ok(document) = serde_json::from_slice::<Document<'_>>(data) else {
            self.wrong = Some("not the JSON that was expected");
            return;
        };
        if document.stored == Some(false) {
            self.wrong = Some("a text that was not stored");
        }
        let whole = document.text.or(document.generated_text);
        let pieces = document.choices.into_iter();
        let texts = pieces
            .filter_map(|choice| choice.message.content)
            .chain(whole);
        for text in texts.filter(|text| !text.is_empty()) {
            self.tokens += 1;
            self.text_bytes += text.len() as u64;
        }
    }

    /// The answer is whole: whether it is right.
    pub(crate) fn judge(&mut self, work: Work, expected: Expected) -> Result<(), &'static str> {
        match work {
            Work::Health if self.body.is_empty() => return Err("an empty body"),
            Work::Health => return Ok(()),
            Work::Generate | Work::Chat => self.judge_whole(work),
            Work::Stream | Work::ChatStream => {
                if !self.is_done || self.events.has_begun() {
                    return Err("a stream without its last event");
                }
            }
        }
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        if self.text_bytes == 0 {
            return Err("no text");
        }
        let differs = |seen: u64, expected: Option<u64>| expected.is_some_and(|e| e != seen);
        if differs(self.text_bytes, expected.text_bytes) || differs(self.text_bytes, self.last_id) {
            return Err("text of another length");
        }
        if work.streams() && differs(self.tokens, expected.tokens) {
            return Err("another number of tokens");
        }
        Ok(())
    }

    fn judge_whole(&mut self, work: Work) {
        let body = std::mem::take(&mut self.body);
        self.take_document(&body);
        let document = serde_json::from_slice::<Document<'_>>(&body).ok();
        let ended = document.is_some_and(|document| match work {
            Work::Generate => document.stored == Some(true),
            _ => document.choices.iter().all(|c| c.finish_reason.is_some()),
        });
        if !ended {
            self.wrong
                .get_or_insert("a text that says nothing of its end");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Expected, Reading, Work};

    fn judge(work: Work, body: &str, text_bytes: u64) -> Result<(), &'static str> {
        let mut reading = Reading::default();
        reading.take(work, body.as_bytes());
        let tokens = Some(reading.tokens);
        let text_bytes = Some(text_bytes);
        reading.judge(work, Expected { text_bytes, tokens })
    }

    #[test]
    fn whole_texts_are_measured() {
        let own = r#"{"generated_text":"t\u00e9a","stored":true}"#;
        assert_eq!(judge(Work::Generate, own, 4), Ok(()));
        assert_eq!(judge(Work::Generate, own, 5), Err("text of another length"));
        assert!(
            judge(
                Work::Generate,
                r#"{"generated_text":"t","stored":false}"#,
                1
            )
            .is_err()
        );
        let open = r#"{"choices":[{"message":{"content":"tea"},"finish_reason":"stop"}]}"#;
        assert_eq!(judge(Work::Chat, open, 3), Ok(()));
        assert!(
            judge(
                Work::Chat,
                r#"{"choices":[{"message":{"content":"t"}}]}"#,
                1
            )
            .is_err()
        );
        assert!(judge(Work::Chat, "tea", 3).is_err());
    }

    #[test]
    fn a_stream_is_right_only_with_its_last_event_and_all_of_its_text() {
        let start = "event: start\ndata: {\"id\":\"1\"}\n\n";
        let token = "id: 3\nevent: token\ndata: {\"text\":\"tea\"}\n\n";
        let done = "event: done\ndata: {\"stored\":true}\n\n";
        assert_eq!(
            judge(Work::Stream, &[start, token, done].concat(), 3),
            Ok(())
        );
        assert!(judge(Work::Stream, &[start, token].concat(), 3).is_err());
        assert!(judge(Work::Stream, &[start, token, token, done].concat(), 6).is_err());
        assert!(judge(Work::Stream, &[start, token, done, token].concat(), 6).is_err());
        let error = "event: error\ndata: {}\n\n";
        assert!(judge(Work::Stream, &[start, token, error].concat(), 3).is_err());
    }

    #[test]
    fn openais_stream_ends_with_done() {
        let piece = "data: {\"choices\":[{\"delta\":{\"content\":\"te\"}}]}\n\n";
        let last = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        let done = "data: [DONE]\n\n";
        assert_eq!(
            judge(Work::ChatStream, &[piece, piece, last, done].concat(), 4),
            Ok(())
        );
        assert!(judge(Work::ChatStream, &[piece, last].concat(), 2).is_err());
    }

    #[test]
    fn every_request_has_a_topic_of_its_own() {
        for work in [Work::Generate, Work::ChatStream] {
            let [mut one, mut two] = [Vec::new(), Vec::new()];
            work.write(&mut one, "a", 1);
            work.write(&mut two, "a", 2);
            assert_ne!(one, two);
        }
    }
}
