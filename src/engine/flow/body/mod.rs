//! Request bodies: from bytes to what is asked for, or to the field that is wrong.
//!
//! Pure functions, so that a long body can be parsed on a thread and a short one on the loop.
//!
//! Two kinds of fault are told apart. What is *not JSON* (syntax, depth, encoding, U+0000) is 400:
//! no field can be named. What is JSON of the *wrong shape* is 422 and names the field. A key that
//! stands twice, or that nobody knows, is a fault too: two readers must not see two requests.

mod fault;
mod jobs;
mod lists;
mod object;
mod place;
mod report;
mod whole;

pub use self::fault::ParseFault;
pub use self::jobs::JobAsk;

use serde::{Deserialize, Serialize};

pub(super) use self::object::{Field, is_longer_than, object};
pub(super) use self::whole::Whole;
use super::chat::inquiry::{self, ChatAsk};
use crate::dialect::Dialect;
use crate::engine::policy::cache::Wish;
use crate::engine::policy::prefer::Prefer;
use crate::limits::KEYWORDS_UNASKED;
use crate::store::KeywordMethod;

/// Which shape a body should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `POST /generate/`
    Generate,
    /// `POST /batch`
    Batch,
    /// `POST /analyze/`
    Analyze,
    /// `POST /keywords/`
    Keywords,
    /// `POST /jobs`
    Job,
    /// A chat in this dialect, and whether it may have to be translated.
    Chat(Dialect, bool),
    /// `POST /v1/embeddings`
    Embeddings,
}

/// What a body asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// A text about a topic.
    Generate(GenerateAsk),
    /// A text about each of several topics.
    Batch(BatchAsk),
    /// Scores of a text.
    Analyze {
        /// The text, not empty.
        content: String,
    },
    /// Keywords of a text.
    Keywords(KeywordsAsk),
    /// A job.
    Job(JobAsk),
    /// The answer to a chat.
    Chat(Box<ChatAsk>),
}

/// The body of `POST /keywords/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeywordsAsk {
    /// The text, not empty.
    pub content: String,
    /// Who is to name them; whoever there is otherwise.
    pub method: Option<KeywordMethod>,
    /// How many, at most: 1 to 100.
    pub limit: usize,
}

/// The body of `POST /generate/`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GenerateAsk {
    /// What the text is to be about: trimmed, not empty, at most 2,000 characters.
    pub topic: String,
    /// Whether the answer is to be streamed; the `Accept` field may say so too.
    pub stream: bool,
    /// Name of a configured provider; the default one otherwise.
    pub provider: Option<String>,
    /// Name of a model of that provider; its configured one otherwise.
    pub model: Option<String>,
    /// The most tokens that the text may have.
    pub max_tokens: Option<u32>,
    /// 0 to 2.
    pub temperature: Option<f32>,
    /// How many texts to choose the best of: 0 and 1 mean that there is nothing to choose.
    pub candidates: u8,
    /// What makes a text the best.
    pub prefer: Prefer,
    /// Whether a stored text will do.
    pub cache: Wish,
}

/// The body of `POST /batch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BatchAsk {
    /// The topics, each as in [`GenerateAsk`]; not empty, at most 1,000.
    pub topics: Vec<String>,
    /// What all of them have in common. Its topic is empty.
    pub common: GenerateAsk,
}

/// Parses `body` as `shape`.
pub fn parse(shape: Shape, body: &[u8]) -> Result<Ask, ParseFault> {
    let chat = match shape {
        Shape::Chat(dialect, may_translate) => {
            Some(inquiry::read(dialect, body, None, may_translate))
        }
        Shape::Embeddings => Some(inquiry::read_embeddings(body)),
        _ => None,
    };
    if let Some(ask) = chat {
        return ask
            .map(|ask| Ask::Chat(Box::new(ask)))
            .map_err(|refused| ParseFault::Refused(Box::new(refused)));
    }
    let fields = object(body)?;
    match shape {
        Shape::Chat(..) | Shape::Embeddings => Err(ParseFault::NotAnObject), // was taken above
        Shape::Generate => generate(fields).map(Ask::Generate),
        Shape::Batch => batch(fields).map(Ask::Batch),
        Shape::Analyze => analyze(fields),
        Shape::Keywords => keywords(fields).map(Ask::Keywords),
        Shape::Job => jobs::job(fields).map(Ask::Job),
    }
}

fn generate(fields: Vec<Field<'_>>) -> Result<GenerateAsk, ParseFault> {
    let mut topic = None;
    let mut ask = GenerateAsk::default();
    for field in fields {
        match field.name.as_ref() {
            "topic" => topic = Some(field.topic()?),
            "stream" => ask.stream = field.value("true or false")?.unwrap_or(false),
            "candidates" => ask.candidates = field.candidates()?,
            "prefer" => ask.prefer = field.prefer()?,
            "cache" => ask.cache = field.cache()?,
            _ => common(&mut ask, &field)?,
        }
    }
    ask.topic = topic.ok_or_else(|| ParseFault::Missing("topic".into()))?;
    if ask.stream && ask.candidates > 1 {
        return Err(ParseFault::Wrong {
            field: "stream".into(),
            expected: "false, or left out, where `candidates` asks for several texts".into(),
        });
    }
    Ok(ask)
}

fn batch(fields: Vec<Field<'_>>) -> Result<BatchAsk, ParseFault> {
    let mut topics = None;
    let mut ask = BatchAsk::default();
    for field in fields {
        match field.name.as_ref() {
            "topics" => topics = Some(field.topics()?),
            _ => common(&mut ask.common, &field)?,
        }
    }
    ask.topics = topics.ok_or_else(|| ParseFault::Missing("topics".into()))?;
    Ok(ask)
}

/// The fields that every request for texts may have.
fn common(ask: &mut GenerateAsk, field: &Field<'_>) -> Result<(), ParseFault> {
    match field.name.as_ref() {
        "provider" => ask.provider = field.name_of("the name of a configured provider")?,
        "model" => ask.model = field.name_of("the name of a model")?,
        "max_tokens" => ask.max_tokens = field.max_tokens()?,
        "temperature" => ask.temperature = field.temperature()?,
        _ => return Err(field.unknown()),
    }
    Ok(())
}

fn analyze(fields: Vec<Field<'_>>) -> Result<Ask, ParseFault> {
    let mut content = None;
    for field in fields {
        match field.name.as_ref() {
            "content" => content = Some(field.content()?),
            _ => return Err(field.unknown()),
        }
    }
    let content = content.ok_or_else(|| ParseFault::Missing("content".into()))?;
    Ok(Ask::Analyze { content })
}

fn keywords(fields: Vec<Field<'_>>) -> Result<KeywordsAsk, ParseFault> {
    let (mut content, mut method, mut limit) = (None, None, KEYWORDS_UNASKED);
    for field in fields {
        match field.name.as_ref() {
            "content" => content = Some(field.content()?),
            "method" => method = field.keyword_method()?,
            "limit" => limit = field.keyword_limit()?,
            _ => return Err(field.unknown()),
        }
    }
    Ok(KeywordsAsk {
        content: content.ok_or_else(|| ParseFault::Missing("content".into()))?,
        method,
        limit,
    })
}

#[cfg(test)]
mod tests;
