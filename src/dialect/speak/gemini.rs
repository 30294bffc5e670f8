//! An answer as Gemini streams it.
//!
//! Every event looks like a whole answer with a piece of the text. Calls of tools have to be whole,
//! so they are collected and come with the last event, beside the finish reason and the usage.
//! Nothing comes after that one; the end of the body is the end.

use super::answer::{Block, Blocks, put_gemini_part};
use super::words::{Closing, is_known, put_gemini};
use super::{Identity, Unspeakable, put, quoted};
use crate::dialect::Event;
use crate::dialect::pen::Pen;

const HEAD: &str = r#"data: {"candidates":[{"content":{"parts":["#;

/// The state of one stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// The end of every event, from the model on.
    tail: String,
    /// The calls that wait for the end.
    calls: Blocks,
}

impl Stream {
    pub(super) fn new(identity: &Identity) -> Self {
        let (id, model) = (quoted(&identity.id), quoted(&identity.model));
        Self {
            tail: format!(",\"modelVersion\":{model},\"responseId\":{id}}}\r\n\r\n"),
            calls: Blocks::new(&identity.id, "call_"),
        }
    }

    /// What the calls that wait take.
    pub(super) fn bytes(&self) -> usize {
        self.calls.held()
    }

    pub(super) fn event(
        &mut self,
        event: &Event<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Unspeakable> {
        match event {
            Event::Text(text) | Event::Refusal(text) => {
                self.part(out, &[r#"{"text":""#, text.escaped(), r#""}"#]);
            }
            Event::Thinking(text) => {
                self.part(
                    out,
                    &[r#"{"text":""#, text.escaped(), r#"","thought":true}"#],
                );
            }
            Event::Signature(seal) => {
                let seal = seal.escaped();
                let head = r#"{"text":"","thought":true,"thoughtSignature":""#;
                self.part(out, &[head, seal, r#""}"#]);
            }
            Event::ToolCall { .. } | Event::Arguments { .. } => return self.calls.take(event),
            Event::Model(_)
            | Event::Usage(_)
            | Event::Finish { .. }
            | Event::Done
            | Event::Error(_) => {}
        }
        Ok(())
    }

    fn part(&self, out: &mut Vec<u8>, part: &[&str]) {
        put(out, &[HEAD]);
        put(out, part);
        put(out, &[r#"],"role":"model"},"index":0}]"#, &self.tail]);
    }

    pub(super) fn end(&self, closing: &Closing, out: &mut Vec<u8>) -> Result<(), Unspeakable> {
        let before = out.len();
        put(out, &["data: "]);
        let written = Pen::object(out, |json| {
            json.key("candidates").list(|json| {
                json.nested(|json| {
                    put_content(json, self.calls.as_slice())?;
                    json.key("finishReason").text(closing.gemini());
                    json.key("index").whole(0);
                    Ok(())
                })
            })?;
            if is_known(&closing.usage) {
                let usage = json.key("usageMetadata");
                usage.nested(|json| put_gemini(json, &closing.usage));
            }
            Ok(())
        });
        if written.is_err() {
            out.truncate(before);
            return written;
        }
        // The tail closes the object itself.
        out.pop();
        put(out, &[&self.tail]);
        Ok(())
    }
}

/// `content`, which is never without a part.
pub(super) fn put_content(json: &mut Pen<'_>, blocks: &[Block]) -> Result<(), Unspeakable> {
    json.key("content").nested(|json| {
        json.key("parts").list(|json| {
            if blocks.is_empty() {
                json.nested(|json| json.key("text").text(""));
            }
            blocks
                .iter()
                .try_for_each(|block| put_gemini_part(json, block))
        })?;
        json.key("role").text("model");
        Ok(())
    })
}
