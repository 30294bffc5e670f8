//! A whole answer, collected from events and written in any dialect.
//!
//! What a provider said is kept in order, as a row of blocks: words, thoughts, calls. Nothing is
//! kept beyond `limits::GENERATION_BYTES`.

use super::words::{Closing, is_known, put_anthropic, put_gemini, put_openai};
use super::{Identity, Unspeakable, gemini, made_id};
use crate::dialect::chat::JsonText;
use crate::dialect::pen::Pen;
use crate::dialect::{Arguments, Dialect, Event, JsonStr};
use crate::limits;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Text(String),
    Refusal(String),
    Thinking {
        text: String,
        signature: String,
    },
    Call {
        id: String,
        name: String,
        /// The text of a JSON object, if the provider kept to it.
        arguments: String,
        signature: Option<String>,
    },
}

/// The pieces of one answer, in order.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    blocks: Vec<Block>,
    /// Where in `blocks` each call is.
    calls: Vec<usize>,
    bytes: usize,
    /// What ids of calls are made of if the provider gives none.
    identity: String,
    prefix: &'static str,
}

impl Blocks {
    pub(super) fn new(identity: &str, prefix: &'static str) -> Self {
        Self {
            blocks: Vec::new(),
            calls: Vec::new(),
            bytes: 0,
            identity: identity.to_owned(),
            prefix,
        }
    }

    pub(super) fn as_slice(&self) -> &[Block] {
        &self.blocks
    }

    /// Keeps what an event says.
    pub(super) fn take(&mut self, event: &Event<'_>) -> Result<(), Unspeakable> {
        match *event {
            Event::Text(piece) => {
                if !matches!(self.blocks.last(), Some(Block::Text(_))) {
                    self.begin(Block::Text(String::new()))?;
                }
                self.append(piece)
            }
            Event::Refusal(piece) => {
                if !matches!(self.blocks.last(), Some(Block::Refusal(_))) {
                    self.begin(Block::Refusal(String::new()))?;
                }
                self.append(piece)
            }
            Event::Thinking(piece) => {
                self.open_thinking()?;
                self.append(piece)
            }
            Event::Signature(seal) => {
                self.open_thinking()?;
                self.charge(seal.escaped().len())?;
                if let Some(Block::Thinking { signature, .. }) = self.blocks.last_mut() {
                    seal.append_to(signature);
                }
                Ok(())
            }
            Event::ToolCall {
                index,
                id,
                name,
                signature,
            } => self.begin_call(index, id, name, signature),
            Event::Arguments { index, json } => self.arguments(index, json),
            Event::Model(_)
            | Event::Usage(_)
            | Event::Finish { .. }
            | Event::Done
            | Event::Error(_) => Ok(()),
        }
    }

    /// Thoughts after a seal are new ones.
    fn open_thinking(&mut self) -> Result<(), Unspeakable> {
        if !matches!(self.blocks.last(), Some(Block::Thinking { .. })) {
            let (text, signature) = (String::new(), String::new());
            self.begin(Block::Thinking { text, signature })?;
        }
        Ok(())
    }

    /// A block costs something even if nothing is in it.
    fn begin(&mut self, block: Block) -> Result<(), Unspeakable> {
        self.blocks.push(block);
        match self.blocks_bytes() > limits::GENERATION_BYTES {
            true => Err(Unspeakable::TooLong),
            false => Ok(()),
        }
    }

    /// Bytes of memory that it holds, about.
    pub(super) fn held(&self) -> usize {
        self.bytes + self.blocks_bytes()
    }

    fn blocks_bytes(&self) -> usize {
        self.blocks.len() * size_of::<Block>()
    }

    fn append(&mut self, piece: JsonStr<'_>) -> Result<(), Unspeakable> {
        self.charge(piece.escaped().len())?;
        if let Some(Block::Text(text) | Block::Refusal(text) | Block::Thinking { text, .. }) =
            self.blocks.last_mut()
        {
            piece.append_to(text);
        }
        Ok(())
    }

    fn begin_call(
        &mut self,
        index: u32,
        id: Option<JsonStr<'_>>,
        name: JsonStr<'_>,
        signature: Option<JsonStr<'_>>,
    ) -> Result<(), Unspeakable> {
        let text = |piece: JsonStr<'_>| {
            let mut text = String::new();
            piece.append_to(&mut text);
            text
        };
        let length = |piece: Option<JsonStr<'_>>| piece.map_or(0, |piece| piece.escaped().len());
        self.charge(name.escaped().len() + length(id) + length(signature))?;
        self.calls.push(self.blocks.len());
        self.begin(Block::Call {
            id: id.map_or_else(|| made_id(self.prefix, &self.identity, index), text),
            name: text(name),
            arguments: String::new(),
            signature: signature.map(text),
        })
    }

    fn arguments(&mut self, index: u32, json: Arguments<'_>) -> Result<(), Unspeakable> {
        self.charge(match json {
            Arguments::Piece(piece) => piece.escaped().len(),
            Arguments::Whole(json) => json.len(),
        })?;
        let place = self.calls.get(index as usize);
        let Some(Block::Call { arguments, .. }) = place.and_then(|at| self.blocks.get_mut(*at))
        else {
            return Err(Unspeakable::Interleaved);
        };
        match json {
            Arguments::Piece(piece) => piece.append_to(arguments),
            Arguments::Whole(json) => arguments.push_str(json),
        }
        Ok(())
    }

    fn charge(&mut self, bytes: usize) -> Result<(), Unspeakable> {
        self.bytes += bytes;
        match self.bytes > limits::GENERATION_BYTES {
            true => Err(Unspeakable::TooLong),
            false => Ok(()),
        }
    }
}

/// The JSON object that a call is given. No text at all is what some servers send for `{}`.
fn object(arguments: &str) -> Result<JsonText, Unspeakable> {
    match arguments.trim().is_empty() {
        true => Ok(JsonText::empty()),
        false => JsonText::object(arguments).ok_or(Unspeakable::Arguments),
    }
}

/// One answer that is being collected.
#[derive(Debug)]
pub struct Answer {
    identity: Identity,
    dialect: Dialect,
    blocks: Blocks,
    closing: Closing,
}

impl Answer {
    /// For one answer to a client that speaks `dialect`.
    #[must_use]
    pub fn new(dialect: Dialect, identity: Identity) -> Self {
        let prefix = match dialect {
            Dialect::OpenAi | Dialect::Gemini => "call_",
            Dialect::Anthropic => "toolu_",
        };
        Self {
            blocks: Blocks::new(&identity.id, prefix),
            identity,
            dialect,
            closing: Closing::default(),
        }
    }

    /// Bytes of memory that were kept of it, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.blocks.held()
    }

    /// Keeps what an event says.
    ///
    /// # Errors
    /// It is too much, or a piece of a call that never began.
    pub fn event(&mut self, event: &Event<'_>) -> Result<(), Unspeakable> {
        if self.closing.takes(event) {
            return Ok(());
        }
        self.blocks.take(event)
    }

    /// Appends the body of the answer to `out`. Whoever calls this vouches that it is whole.
    ///
    /// # Errors
    /// What a tool is to be given is no JSON object, and this dialect has no place for anything
    /// else. `out` is as it was then.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Unspeakable> {
        let before = out.len();
        let written = Pen::object(out, |json| match self.dialect {
            Dialect::OpenAi => {
                self.put_openai(json);
                Ok(())
            }
            Dialect::Anthropic => self.put_anthropic(json),
            Dialect::Gemini => self.put_gemini(json),
        });
        written.inspect_err(|_| out.truncate(before))
    }

    fn put_openai(&self, json: &mut Pen<'_>) {
        json.key("id").text(&self.identity.id);
        json.key("object").text("chat.completion");
        json.key("created").whole(self.identity.created);
        json.key("model").text(&self.identity.model);
        json.key("choices").list(|json| {
            json.nested(|json| {
                json.key("index").whole(0);
                json.key("message")
                    .nested(|json| self.put_openai_message(json));
                json.key("logprobs").null();
                json.key("finish_reason").text(self.closing.openai());
                if let Some(native) = self.closing.native() {
                    json.key("native_finish_reason")
                        .raw(&format!("\"{native}\""));
                }
            });
        });
        if is_known(&self.closing.usage) {
            let usage = json.key("usage");
            usage.nested(|json| put_openai(json, &self.closing.usage));
        }
    }

    fn put_openai_message(&self, json: &mut Pen<'_>) {
        let blocks = self.blocks.as_slice();
        let joined = |pick: fn(&Block) -> Option<&str>| {
            let texts: Vec<&str> = blocks.iter().filter_map(pick).collect();
            (!texts.is_empty()).then(|| texts.concat())
        };
        let text = joined(|block| match block {
            Block::Text(text) => Some(text),
            _ => None,
        });
        let refusal = joined(|block| match block {
            Block::Refusal(text) => Some(text),
            _ => None,
        });
        let thoughts = joined(|block| match block {
            Block::Thinking { text, .. } => Some(text),
            _ => None,
        });
        json.key("role").text("assistant");
        match text {
            Some(text) => json.key("content").text(&text),
            None if refusal.is_none() && self.blocks.calls.is_empty() => {
                json.key("content").text("");
            }
            None => json.key("content").null(),
        }
        match refusal {
            Some(refusal) => json.key("refusal").text(&refusal),
            None => json.key("refusal").null(),
        }
        json.maybe_text("reasoning_content", thoughts.as_deref());
        if self.blocks.calls.is_empty() {
            return;
        }
        let calls = json.key("tool_calls");
        calls.list(|json| blocks.iter().for_each(|block| put_openai_call(json, block)));
    }

    fn put_anthropic(&self, json: &mut Pen<'_>) -> Result<(), Unspeakable> {
        json.key("id").text(&self.identity.id);
        json.key("type").text("message");
        json.key("role").text("assistant");
        json.key("model").text(&self.identity.model);
        let blocks = self.blocks.as_slice();
        json.key("content").list(|json| {
            blocks
                .iter()
                .try_for_each(|block| put_anthropic_block(json, block))
        })?;
        json.key("stop_reason").text(self.closing.anthropic());
        json.key("stop_sequence").null();
        let usage = json.key("usage");
        usage.nested(|json| put_anthropic(json, &self.closing.usage));
        Ok(())
    }

    fn put_gemini(&self, json: &mut Pen<'_>) -> Result<(), Unspeakable> {
        json.key("candidates").list(|json| {
            json.nested(|json| {
                gemini::put_content(json, self.blocks.as_slice())?;
                json.key("finishReason").text(self.closing.gemini());
                json.key("index").whole(0);
                Ok(())
            })
        })?;
        if is_known(&self.closing.usage) {
            let usage = json.key("usageMetadata");
            usage.nested(|json| put_gemini(json, &self.closing.usage));
        }
        json.key("modelVersion").text(&self.identity.model);
        json.key("responseId").text(&self.identity.id);
        Ok(())
    }
}

fn put_openai_call(json: &mut Pen<'_>, block: &Block) {
    let Block::Call {
        id,
        name,
        arguments,
        signature,
    } = block
    else {
        return;
    };
    json.nested(|json| {
        json.key("id").text(id);
        json.key("type").text("function");
        json.key("function").nested(|json| {
            json.key("name").text(name);
            // Clients parse it, and no text at all is no JSON.
            let arguments = Some(arguments.as_str()).filter(|text| !text.trim().is_empty());
            json.key("arguments").text(arguments.unwrap_or("{}"));
        });
        if let Some(seal) = signature {
            let extra = json.key("extra_content");
            extra.nested(|json| {
                let google = json.key("google");
                google.nested(|json| json.key("thought_signature").text(seal));
            });
        }
    });
}

fn put_anthropic_block(json: &mut Pen<'_>, block: &Block) -> Result<(), Unspeakable> {
    json.nested(|json| {
        match block {
            Block::Text(text) | Block::Refusal(text) => {
                json.key("type").text("text");
                json.key("text").text(text);
            }
            Block::Thinking { text, signature } => {
                json.key("type").text("thinking");
                json.key("thinking").text(text);
                json.key("signature").text(signature);
            }
            Block::Call {
                id,
                name,
                arguments,
                ..
            } => {
                json.key("type").text("tool_use");
                json.key("id").text(id);
                json.key("name").text(name);
                json.key("input").raw(object(arguments)?.as_str());
            }
        }
        Ok(())
    })
}

/// One part of Gemini's `content`.
pub(super) fn put_gemini_part(json: &mut Pen<'_>, block: &Block) -> Result<(), Unspeakable> {
    json.nested(|json| {
        match block {
            Block::Text(text) | Block::Refusal(text) => json.key("text").text(text),
            Block::Thinking { text, signature } => {
                json.key("text").text(text);
                json.key("thought").flag(true);
                let seal = Some(signature.as_str()).filter(|seal| !seal.is_empty());
                json.maybe_text("thoughtSignature", seal);
            }
            Block::Call {
                id,
                name,
                arguments,
                signature,
            } => {
                let arguments = object(arguments)?;
                json.key("functionCall").nested(|json| {
                    json.key("id").text(id);
                    json.key("name").text(name);
                    json.key("args").raw(arguments.as_str());
                });
                json.maybe_text("thoughtSignature", signature.as_deref());
            }
        }
        Ok(())
    })
}
