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

use crate::dialect::speak::Identity;
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
    Ok(ChatAsk { skim, chat })
}

/// See the module.
#[derive(Debug)]
pub struct Inquiry {
    /// The body as it came.
    pub body: Arc<Vec<u8>>,
    /// What it says.
    pub ask: ChatAsk,
    /// Fields of its head that an Anthropic provider gets.
    pub passed: Option<Box<Passed>>,
    /// The body for the target that is being asked, if it had to be translated.
    pub translated: Vec<u8>,
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
        self.body.capacity() + chat + self.translated.capacity()
    }

    /// What the user said last.
    #[must_use]
    pub fn topic(&self) -> String {
        self.ask.skim.last_words(&self.body, TOPIC_CHARS)
    }

    /// The most tokens that the answer may have, as far as the body was read.
    #[must_use]
    pub fn max_tokens(&self) -> Option<u32> {
        let chat = self.ask.chat.as_ref()?.as_ref().ok()?;
        chat.settings
            .max_tokens
            .map(|most| u32::try_from(most).unwrap_or(u32::MAX))
    }

    /// Reads all of the body, if that was not done.
    fn read_all(&mut self) {
        if self.ask.chat.is_none() {
            let skim = &self.ask.skim;
            let path = Some((skim.model.as_str(), skim.stream));
            self.ask.chat = Some(skim.dialect.read_chat(&self.body, path).map(Box::new));
        }
    }

    /// Gets ready to ask the built-in provider, which speaks no dialect and understands all.
    ///
    /// # Errors
    /// The body is not of its dialect's shape.
    pub fn understand(&mut self) -> Result<(), Refused> {
        self.read_all();
        match &self.ask.chat {
            Some(Err(refused)) => Err(refused.clone()),
            Some(Ok(_)) | None => Ok(()),
        }
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
        self.read_all();
        let stream = self.ask.skim.stream;
        match &self.ask.chat {
            Some(Ok(chat)) => theirs.write_chat(&mut self.translated, chat, model, stream),
            Some(Err(refused)) => Err(refused.clone()),
            None => Ok(()),
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

    /// How its client is to be answered. `id` and `created_ms` are the answer's; `model` is the one
    /// that the client is to see, if not the one that it has asked for.
    #[must_use]
    pub fn listener(&self, id: Uuid, created_ms: i64, model: Option<&str>) -> Listener {
        let skim = &self.ask.skim;
        let prefix = match skim.dialect {
            Dialect::OpenAi => "chatcmpl-",
            Dialect::Anthropic => "msg_",
            Dialect::Gemini => "",
        };
        Listener {
            dialect: skim.dialect,
            stream: skim.stream,
            include_usage: skim.include_usage,
            choices: skim.choices,
            identity: Identity {
                id: format!("{prefix}{}", id.simple()),
                created: created_ms.max(0) as u64 / 1_000,
                model: model.unwrap_or(&skim.model).to_owned(),
            },
        }
    }
}
