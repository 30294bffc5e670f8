//! What is asked again and again, and what a reply to it says.

use fastrand::Rng;
use maitred::dialect::{Dialect, Event};
use maitred::proto::sse;
use uuid::Uuid;

use crate::clients::is_stream;
use crate::world::{Reply, post};

/// Topics that are asked for.
pub(super) const TOPICS: usize = 2;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    /// Which of [`DIALECTS`]; `None`: our own API.
    pub(super) dialect: Option<usize>,
    pub(super) topic: usize,
    pub(super) stream: bool,
}

const DIALECTS: [Dialect; 3] = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini];

impl Question {
    pub(super) fn new(chance: &mut Rng) -> Self {
        Question {
            dialect: [None, Some(0), Some(1), Some(2)][chance.usize(0..4)],
            topic: chance.usize(0..TOPICS),
            stream: chance.bool(),
        }
    }

    pub(super) fn request(self, key: Option<usize>) -> String {
        let Question { topic, stream, .. } = self;
        let words = format!(r#""messages":[{{"role":"user","content":"topic {topic}"}}]"#);
        let (path, body) = match self.dialect {
            None => (
                "/generate/",
                format!(r#"{{"topic":"topic {topic}","stream":{stream}}}"#),
            ),
            Some(0) => (
                "/v1/chat/completions",
                format!(r#"{{"model":"m","stream":{stream},{words}}}"#),
            ),
            Some(1) => (
                "/v1/messages",
                format!(r#"{{"model":"m","max_tokens":9,"stream":{stream},{words}}}"#),
            ),
            Some(_) => (
                match stream {
                    true => "/v1beta/models/m:streamGenerateContent?alt=sse",
                    false => "/v1beta/models/m:generateContent",
                },
                format!(
                    r#"{{"contents":[{{"role":"user","parts":[{{"text":"topic {topic}"}}]}}]}}"#
                ),
            ),
        };
        let request = post(path, &body);
        match key {
            Some(key) => request.replacen("Host:", &format!("Idempotency-Key: k{key}\r\nHost:"), 1),
            None => request,
        }
    }
}

/// The number of an answer, out of whatever quotes it whole.
pub(super) fn number(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once("Answer number ")?;
    rest.split_once('.')?.0.parse().ok()
}

/// The id of a text on our own API.
pub(super) fn id_of(reply: &Reply) -> Uuid {
    let document = match is_stream(reply) {
        true => reply.events().pop().unwrap().data,
        false => reply.json(),
    };
    document["id"].as_str().unwrap().parse().unwrap()
}

/// What a reply says, if it is whole.
pub(super) fn said(question: Question, reply: &Reply) -> Option<String> {
    let Some(dialect) = question.dialect else {
        if !is_stream(reply) {
            return Some(reply.json()["generated_text"].as_str().unwrap().to_owned());
        }
        let is_done = reply
            .events()
            .last()
            .is_some_and(|last| last.name == "done");
        return is_done.then(|| reply.text());
    };
    let dialect = DIALECTS[dialect];
    let (mut text, mut failed) = (String::new(), false);
    let mut note = |event: Event<'_>| match event {
        Event::Text(piece) => piece.append_to(&mut text),
        Event::Error(_) => failed = true,
        _ => {}
    };
    if is_stream(reply) {
        let (mut reader, mut stream) = (sse::Reader::new(), dialect.stream());
        let mut bytes = reply.body.as_bytes();
        while let Some(event) = reader.next(&mut bytes).unwrap() {
            stream.event(event.data, &mut note).unwrap();
        }
        failed |= stream.end() != maitred::dialect::End::Complete;
    } else {
        let end = dialect.answer(reply.body.as_bytes(), &mut note);
        assert_eq!(end, Ok(maitred::dialect::End::Complete), "{reply:?}");
    }
    (!failed).then_some(text)
}
