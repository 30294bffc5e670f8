//! What a client asks in a vendor's words, kept for as long as somebody may have to be asked.
//!
//! ```text
//!   body ──▶ read ──▶ Inquiry ──┬─(same dialect)──▶ the body, the model's name replaced
//!                               └─(other dialect)─▶ the chat in that dialect's words
//! ```
//! It is dropped with the first content: from then on nobody else is asked.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dialect::embeddings::{self, Embeddings};
use crate::dialect::{Chat, Dialect, Refused, Skim};
use crate::engine::provider::voice::Listener;
use crate::engine::routes::inbound::Passed;
use crate::limits::TOPIC_CHARS;

/// What a body says: enough to pass it on, and the whole of it if it may have to be translated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatAsk {
    /// What has to be known to pass it on.
    pub skim: Skim,
    /// All of it; `None` if nobody needs it. That it cannot be read is no fault where it is only
    /// passed on.
    pub chat: Option<Result<Box<Chat>, Refused>>,
    /// What is asked for, if it is no chat but embeddings.
    pub embeddings: Option<Box<Embeddings>>,
}

impl ChatAsk {
    /// Reads all of the body that it came from, if that was not done.
    ///
    /// # Errors
    /// It is not of its dialect's shape.
    pub fn read_all(&mut self, body: &[u8]) -> Result<&Chat, &Refused> {
        let skim = &self.skim;
        let chat = self.chat.get_or_insert_with(|| {
            let path = Some((skim.model.as_str(), skim.stream));
            skim.dialect.read_chat(body, path).map(Box::new)
        });
        chat.as_deref()
    }

    /// How its client is to be answered. `id` and `created_ms` are the answer's; `model` is the one
    /// that the client is to see, if not the one that it has asked for.
    #[must_use]
    pub fn listener<'a>(
        &'a self,
        id: Uuid,
        created_ms: i64,
        model: Option<&'a str>,
    ) -> Listener<'a> {
        let skim = &self.skim;
        Listener {
            dialect: skim.dialect,
            stream: skim.stream,
            include_usage: skim.include_usage,
            choices: skim.choices,
            id,
            created_ms,
            model: model.unwrap_or(&skim.model),
        }
    }
}

/// Reads a body in `dialect`. `path` is what the path says of it, see [`Skim::read`].
///
/// # Errors
/// It is not JSON, or one of the fields that are read in any case is wrong.
pub fn read(
    dialect: Dialect,
    body: &[u8],
    path: Option<(&str, bool)>,
    may_translate: bool,
) -> Result<ChatAsk, Refused> {
    let skim = Skim::read(dialect, body, path)?;
    let chat = may_translate.then(|| dialect.read_chat(body, path).map(Box::new));
    Ok(ChatAsk {
        skim,
        chat,
        embeddings: None,
    })
}

/// Reads a body that asks for embeddings, in OpenAI's dialect.
///
/// # Errors
/// It is not JSON, or not of that shape.
pub fn read_embeddings(body: &[u8]) -> Result<ChatAsk, Refused> {
    let asked = Embeddings::read(body)?;
    Ok(ChatAsk {
        skim: Embeddings::skim(body)?,
        chat: None,
        embeddings: Some(Box::new(asked)),
    })
}

/// See the module.
#[derive(Debug)]
pub struct Inquiry {
    /// The body as it came.
    pub body: Arc<Vec<u8>>,
    /// What it says.
    pub ask: ChatAsk,
    /// Fields of its head that an Anthropic provider gets.
    pub passed: Option<Arc<Passed>>,
    /// The body for one of the targets, if it had to be translated …
    pub translated: Vec<u8>,
    /// … and which target of the plan that is.
    pub ready_for: Option<u8>,
    /// Of embeddings: an answer that is too long to be read on the loop, and what its provider speaks.
    pub unread: Option<(Dialect, Vec<u8>)>,
}

impl Inquiry {
    /// What its client speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.ask.skim.dialect
    }

    /// Bytes of memory that it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // What the chat holds came out of the body, and is about as much.
        let chat = if self.ask.chat.is_some() {
            self.body.capacity()
        } else {
            0
        };
        let unread = self.unread.as_ref().map_or(0, |(_, body)| body.capacity());
        self.body.capacity() + chat + self.translated.capacity() + unread
    }

    /// What the user said last.
    #[must_use]
    pub fn topic(&self) -> String {
        self.ask.skim.last_words(&self.body, TOPIC_CHARS)
    }

    /// Gets ready to ask the built-in provider, which speaks no dialect and understands all.
    ///
    /// # Errors
    /// The body is not of its dialect's shape, or has no message.
    pub fn understand(&mut self) -> Result<(), Refused> {
        if self.ask.embeddings.is_some() {
            let expected = "one of a provider that has embeddings; the built-in one has none";
            return Err(Refused::wrong("model", expected));
        }
        if let Err(refused) = self.ask.read_all(&self.body) {
            return Err(refused.clone());
        }
        self.ask.skim.check_messages(&self.body)
    }

    /// Gets ready to ask `model` of somebody who speaks `theirs`.
    ///
    /// # Errors
    /// This cannot be said in that dialect.
    pub fn translate(&mut self, theirs: Dialect, model: &str) -> Result<(), Refused> {
        self.translated.clear();
        if theirs == self.dialect() {
            return Ok(());
        }
        if let Some(embeddings) = &self.ask.embeddings {
            return embeddings.translate(theirs, model, &mut self.translated);
        }
        let stream = self.ask.skim.stream;
        match self.ask.read_all(&self.body) {
            Ok(chat) => theirs.write_chat(&mut self.translated, chat, model, stream),
            Err(refused) => Err(refused.clone()),
        }
    }

    /// Appends the body that asks `model` of somebody who speaks `theirs`.
    pub fn write(&self, theirs: Dialect, model: &str, out: &mut Vec<u8>) {
        if theirs == self.dialect() {
            self.ask.skim.splice(&self.body, model, out);
        } else {
            out.extend_from_slice(&self.translated);
        }
    }

    /// The path at somebody who speaks `theirs`, if it is another one than for chats.
    #[must_use]
    pub fn path(&self, theirs: Dialect, model: &str) -> Option<String> {
        let asked = self.ask.embeddings.as_ref();
        asked.map(|_| embeddings::path(theirs, model))
    }
}
