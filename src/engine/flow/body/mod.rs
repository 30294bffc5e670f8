//! Request bodies: from bytes to what is asked for, or to the field that is wrong.
//!
//! Pure functions, so that a long body can be parsed on a thread and a short one on the loop.
//!
//! Two kinds of fault are told apart. What is *not JSON* (syntax, depth, encoding, U+0000) is 400:
//! no field can be named. What is JSON of the *wrong shape* is 422 and names the field. A key that
//! stands twice, or that nobody knows, is a fault too: two readers must not see two requests.

mod fault;
mod object;
mod place;

pub use self::fault::ParseFault;

use serde::{Deserialize, Serialize};

pub(super) use self::object::{Field, object};

/// Which shape a body should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `POST /generate/`
    Generate,
    /// `POST /analyze/`
    Analyze,
}

/// What a body asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ask {
    /// A text about a topic.
    Generate(GenerateAsk),
    /// Scores of a text.
    Analyze {
        /// The text, not empty.
        content: String,
    },
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
}

/// Parses `body` as `shape`.
pub fn parse(shape: Shape, body: &[u8]) -> Result<Ask, ParseFault> {
    let fields = object(body)?;
    match shape {
        Shape::Generate => generate(fields).map(Ask::Generate),
        Shape::Analyze => analyze(fields),
    }
}

fn generate(fields: Vec<Field<'_>>) -> Result<GenerateAsk, ParseFault> {
    let mut topic = None;
    let mut ask = GenerateAsk::default();
    for field in fields {
        match field.name.as_ref() {
            "topic" => topic = Some(field.topic()?),
            "stream" => ask.stream = field.value("true or false")?.unwrap_or(false),
            "provider" => ask.provider = field.name_of("the name of a configured provider")?,
            "model" => ask.model = field.name_of("the name of a model")?,
            "max_tokens" => ask.max_tokens = field.max_tokens()?,
            "temperature" => ask.temperature = field.temperature()?,
            _ => return Err(field.unknown()),
        }
    }
    ask.topic = topic.ok_or_else(|| ParseFault::Missing("topic".into()))?;
    Ok(ask)
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

#[cfg(test)]
mod tests;
