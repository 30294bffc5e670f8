//! An answer as Anthropic streams it.
//!
//! ```text
//!   message_start
//!   ┌ content_block_start, content_block_delta …, content_block_stop ┐  per block, one at a time
//!   └────────────────────────────────────────────────────────────────┘
//!   message_delta (why it stopped, what it cost), message_stop
//! ```

use super::words::{Closing, put_anthropic};
use super::{Identity, Unspeakable, call_id, made_id, put, put_string, quoted};
use crate::dialect::pen::Pen;
use crate::dialect::{Arguments, Event, JsonStr};

/// The state of one stream.
#[derive(Debug)]
pub(super) struct Stream {
    identity: Identity,
    has_begun: bool,
    open: Option<Block>,
    /// Blocks so far.
    blocks: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Text,
    Thinking,
    /// The call with this index.
    Call(u32),
}

impl Stream {
    pub(super) fn new(identity: &Identity) -> Self {
        Self {
            identity: identity.clone(),
            has_begun: false,
            open: None,
            blocks: 0,
        }
    }

    pub(super) fn event(
        &mut self,
        event: &Event<'_>,
        closing: &Closing,
        out: &mut Vec<u8>,
    ) -> Result<(), Unspeakable> {
        self.begin(closing, out);
        match *event {
            Event::Text(text) | Event::Refusal(text) => {
                self.open(Block::Text, out, &[r#""text","text":"""#]);
                self.delta(out, r#""text_delta","text":"#, Arguments::Piece(text));
            }
            Event::Thinking(text) => {
                self.open_thinking(out);
                self.delta(
                    out,
                    r#""thinking_delta","thinking":"#,
                    Arguments::Piece(text),
                );
            }
            Event::Signature(seal) => {
                self.open_thinking(out);
                self.delta(
                    out,
                    r#""signature_delta","signature":"#,
                    Arguments::Piece(seal),
                );
            }
            Event::ToolCall {
                index, id, name, ..
            } => self.open_call(index, id, name, out),
            Event::Arguments { index, json } => {
                if self.open != Some(Block::Call(index)) {
                    return Err(Unspeakable::Interleaved);
                }
                self.delta(out, r#""input_json_delta","partial_json":"#, json);
            }
            Event::Model(_)
            | Event::Usage(_)
            | Event::Finish { .. }
            | Event::Done
            | Event::Error(_) => {}
        }
        Ok(())
    }

    fn open_thinking(&mut self, out: &mut Vec<u8>) {
        self.open(
            Block::Thinking,
            out,
            &[r#""thinking","thinking":"","signature":"""#],
        );
    }

    fn open_call(
        &mut self,
        index: u32,
        id: Option<JsonStr<'_>>,
        name: JsonStr<'_>,
        out: &mut Vec<u8>,
    ) {
        let id = call_id(id, || made_id("toolu_", &self.identity.id, index));
        self.open(
            Block::Call(index),
            out,
            &[
                r#""tool_use","id":""#,
                &id,
                r#"","name":""#,
                name.escaped(),
                r#"","input":{}"#,
            ],
        );
    }

    fn begin(&mut self, closing: &Closing, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let (id, model) = (quoted(&self.identity.id), quoted(&self.identity.model));
        put(
            out,
            &[
                "event: message_start\n",
                r#"data: {"type":"message_start","message":{"id":"#,
                &id,
                r#","type":"message","role":"assistant","model":"#,
                &model,
                r#","content":[],"stop_reason":null,"stop_sequence":null,"usage":"#,
            ],
        );
        Pen::object(out, |json| put_anthropic(json, &closing.usage));
        put(out, &["}}\n\n"]);
    }

    /// Makes `block` the open one. A call never goes on in a block that is open already.
    fn open(&mut self, block: Block, out: &mut Vec<u8>, content: &[&str]) {
        if self.open == Some(block) {
            return;
        }
        self.close(out);
        self.open = Some(block);
        let mut number = itoa::Buffer::new();
        put(
            out,
            &[
                "event: content_block_start\n",
                r#"data: {"type":"content_block_start","index":"#,
                number.format(self.blocks),
                r#","content_block":{"type":"#,
            ],
        );
        put(out, content);
        put(out, &["}}\n\n"]);
    }

    fn delta(&self, out: &mut Vec<u8>, kind: &str, text: Arguments<'_>) {
        let mut number = itoa::Buffer::new();
        put(
            out,
            &[
                "event: content_block_delta\n",
                r#"data: {"type":"content_block_delta","index":"#,
                number.format(self.blocks),
                r#","delta":{"type":"#,
                kind,
            ],
        );
        match text {
            Arguments::Piece(piece) => put(out, &["\"", piece.escaped(), "\""]),
            Arguments::Whole(json) => put_string(out, json),
        }
        put(out, &["}}\n\n"]);
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_none() {
            return;
        }
        let mut number = itoa::Buffer::new();
        put(
            out,
            &[
                "event: content_block_stop\n",
                r#"data: {"type":"content_block_stop","index":"#,
                number.format(self.blocks),
                "}\n\n",
            ],
        );
        self.blocks += 1;
    }

    pub(super) fn end(&mut self, closing: &Closing, out: &mut Vec<u8>) {
        self.begin(closing, out);
        self.close(out);
        put(
            out,
            &[
                "event: message_delta\n",
                r#"data: {"type":"message_delta","delta":{"stop_reason":""#,
                closing.anthropic(),
                r#"","stop_sequence":null},"usage":"#,
            ],
        );
        Pen::object(out, |json| put_anthropic(json, &closing.usage));
        put(
            out,
            &[
                "}\n\n",
                "event: message_stop\n",
                "data: {\"type\":\"message_stop\"}\n\n",
            ],
        );
    }
}
