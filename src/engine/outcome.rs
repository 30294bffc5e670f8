//! What is known about the result of a generation: it comes bit by bit, and is told when all is known.

use std::borrow::Cow;
use std::sync::Arc;

use super::Failure;
use super::account::Account;
use super::failover::Tries;
use super::idempotency::Promise;
use super::rate::Charge;
use crate::dialect::{FinishReason, Usage};
use crate::score::Scores;
use crate::score::keywords::Keyword;

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
    /// Whether it comes from an earlier answer.
    pub cached: bool,
    /// Whether the row is on disk.
    pub stored: bool,
    /// Whether it is there in the spill journal, and not in the database yet.
    pub journalled: bool,
    /// When it was asked for, in milliseconds since 1970.
    pub created_ms: i64,
}
