//! What is known about the result of a generation: it comes bit by bit, and is told when all is known.

use std::borrow::Cow;
use std::sync::Arc;

use super::Failure;
use super::account::{Account, native_finish};
use super::failover::Tries;
use super::idempotency::Promise;
use super::rate::Charge;
use crate::dialect::{Event, FinishReason, Usage};
use crate::score::Scores;
use crate::score::keywords::Keyword;

/// Characters of a model's name that are kept.
const MODEL_CHARS: usize = 200;

/// What an answer says of itself, beside its content.
#[derive(Debug, Default)]
pub struct About {
    /// Tokens, as counted last.
    pub usage: Option<Usage>,
    /// Why the model has stopped.
    pub finish: Option<FinishReason>,
    /// The same in the provider's own word.
    pub native: Option<Cow<'static, str>>,
    /// The model that answers.
    pub model: Option<String>,
}

impl About {
    /// Notes what an event says of the answer; content says nothing of it.
    pub fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish { reason, native } => {
                self.finish = Some(*reason);
                self.native = Some(native_finish(*native));
            }
            Event::Model(name) => {
                let mut model = String::new();
                name.append_to(&mut model);
                let end = model.char_indices().nth(MODEL_CHARS);
                model.truncate(end.map_or(model.len(), |(end, _)| end));
                self.model = Some(model);
            }
            Event::Text(_)
            | Event::Refusal(_)
            | Event::Thinking(_)
            | Event::Signature(_)
            | Event::ToolCall { .. }
            | Event::Arguments { .. }
            | Event::Done
            | Event::Error(_) => {}
        }
    }

    /// Adds what was said later, which holds where both say something.
    pub fn add(&mut self, later: About) {
        self.usage = later.usage.or(self.usage);
        self.finish = later.finish.or(self.finish);
        self.native = later.native.or(self.native.take());
        self.model = later.model.or(self.model.take());
    }
}

/// What is known about the result of a generation.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Good, bad, or not known yet.
    pub verdict: Option<Result<(), Failure>>,
    /// Why the provider stopped.
    pub finish: Option<FinishReason>,
    /// The same in the provider's own word.
    pub native: Option<Cow<'static, str>>,
    /// Attempts that were begun, at whatever target.
    pub attempts: u32,
    /// Which target of the plan was asked last: of a text, the one that has written it.
    pub at: u8,
    /// With which key.
    pub key: Option<u8>,
    /// Which targets were asked, and what came of it.
    pub tries: Tries,
    /// Where the time went.
    pub account: Account,
    /// What the provider counted.
    pub usage: Usage,
    /// Pieces of content that came, whether or not their text is kept.
    pub pieces: u64,
    /// What was charged for it.
    pub charge: Charge,
    /// The model that the provider named.
    pub model: Option<String>,
    /// The scores, if there was time for them.
    pub scores: Option<Box<Scores>>,
    /// The keywords, if they are what was asked for.
    pub keywords: Vec<Keyword>,
    /// The whole answer, once somebody wants it whole; all who do read the same bytes.
    pub document: Option<Arc<Vec<u8>>>,
    /// Answers that are to be kept with its rows.
    pub promises: Vec<Promise>,
    /// The prompt that it answers, if the next one to ask is to find it.
    pub answers: Option<[u8; 32]>,
    /// Of a chat whose answer is to be found: all of it, as one document in its client's dialect.
    pub minutes: Option<String>,
    /// Whether it comes from an earlier answer.
    pub cached: bool,
    /// Whether the row is on disk.
    pub stored: bool,
    /// Whether it is there in the spill journal, and not in the database yet.
    pub journalled: bool,
    /// When it was asked for, in milliseconds since 1970.
    pub created_ms: i64,
}

impl Outcome {
    /// The answer has said something of itself.
    pub fn learn(&mut self, about: About) {
        self.usage = about.usage.unwrap_or(self.usage);
        self.finish = about.finish.or(self.finish);
        self.native = about.native.or(self.native.take());
        self.model = about.model.or(self.model.take());
    }
}
