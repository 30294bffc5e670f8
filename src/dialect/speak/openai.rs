//! An answer as OpenAI streams it.
//!
//! ```text
//!   role chunk, content chunks, finish chunk, usage chunk if it was asked for, [DONE]
//! ```
//!
//! Two fields are not OpenAI's own: `reasoning_content` for thoughts, the name that DeepSeek gave
//! it and most have taken over, and `native_finish_reason`, which OpenRouter sends.

use super::words::{Closing, is_known, put_openai};
use super::{Identity, call_id, made_id, put, put_string, quoted};
use crate::dialect::pen::Pen;
use crate::dialect::{Arguments, Event};

/// The state of one stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// The beginning of every chunk, up to `choices`.
    head: String,
    id: String,
    /// The client asked for the usage: every chunk has the field.
    include_usage: bool,
    has_begun: bool,
}

impl Stream {
    pub(super) fn new(identity: &Identity, include_usage: bool) -> Self {
        let (id, model) = (quoted(&identity.id), quoted(&identity.model));
        let created = identity.created;
        Self {
            head: format!(
                r#"data: {{"id":{id},"object":"chat.completion.chunk","created":{created},"model":{model},"choices":["#
            ),
            id: identity.id.clone(),
            include_usage,
            has_begun: false,
        }
    }

    pub(super) fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Text(text) => self.delta(out, &[r#""content":""#, text.escaped(), "\""]),
            Event::Thinking(text) => {
                self.delta(out, &[r#""reasoning_content":""#, text.escaped(), "\""]);
            }
            Event::Refusal(text) => self.delta(out, &[r#""refusal":""#, text.escaped(), "\""]),
            Event::ToolCall {
                index,
                id,
                name,
                signature,
            } => {
                let id = call_id(*id, || made_id("call_", &self.id, *index));
                let number = index.to_string();
                let seal = signature.map_or(String::new(), |seal| {
                    let seal = seal.escaped();
                    format!(r#","extra_content":{{"google":{{"thought_signature":"{seal}"}}}}"#)
                });
                self.delta(
                    out,
                    &[
                        r#""tool_calls":[{"index":"#,
                        &number,
                        r#","id":""#,
                        &id,
                        r#"","type":"function","function":{"name":""#,
                        name.escaped(),
                        r#"","arguments":""}"#,
                        &seal,
                        "}]",
                    ],
                );
            }
            Event::Arguments { index, json } => self.arguments(*index, *json, out),
            // Nobody here can read a seal, and the rest waits for the end.
            Event::Signature(_)
            | Event::Model(_)
            | Event::Usage(_)
            | Event::Finish { .. }
            | Event::Done
            | Event::Error(_) => {}
        }
    }

    fn arguments(&mut self, index: u32, json: Arguments<'_>, out: &mut Vec<u8>) {
        self.begin(out);
        let mut number = itoa::Buffer::new();
        let number = number.format(index);
        put(
            out,
            &[
                &self.head,
                r#"{"index":0,"delta":{"tool_calls":[{"index":"#,
                number,
                r#","function":{"arguments":"#,
            ],
        );
        match json {
            Arguments::Piece(piece) => put(out, &["\"", piece.escaped(), "\""]),
            Arguments::Whole(json) => put_string(out, json),
        }
        put(out, &[r#"}}]},"finish_reason":null}]"#]);
        self.close_chunk(out);
    }

    fn delta(&mut self, out: &mut Vec<u8>, delta: &[&str]) {
        self.begin(out);
        put(out, &[&self.head, r#"{"index":0,"delta":{"#]);
        put(out, delta);
        put(out, &[r#"},"finish_reason":null}]"#]);
        self.close_chunk(out);
    }

    /// The role chunk comes first, before whatever there is.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.delta(out, &[r#""role":"assistant","content":"","refusal":null"#]);
        }
    }

    fn close_chunk(&self, out: &mut Vec<u8>) {
        put(
            out,
            &[
                if self.include_usage {
                    r#","usage":null}"#
                } else {
                    "}"
                },
                "\n\n",
            ],
        );
    }

    pub(super) fn end(&mut self, closing: &Closing, out: &mut Vec<u8>) {
        self.begin(out);
        let reason = closing.openai();
        put(
            out,
            &[
                &self.head,
                r#"{"index":0,"delta":{},"finish_reason":""#,
                reason,
                "\"",
            ],
        );
        if let Some(native) = closing.native() {
            put(out, &[r#","native_finish_reason":""#, native, "\""]);
        }
        put(out, &["}]"]);
        self.close_chunk(out);
        // A stream whose usage nobody knows lacks it, as an interrupted one of OpenAI's does.
        if self.include_usage && is_known(&closing.usage) {
            put(out, &[&self.head, r#"],"usage":"#]);
            Pen::object(out, |json| put_openai(json, &closing.usage));
            put(out, &["}\n\n"]);
        }
        put(out, &["data: [DONE]\n\n"]);
    }
}
