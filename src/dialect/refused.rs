//! A request that cannot be passed on, and the field that is to blame.
//!
//! The words are for a person who looks at his own request: they name a field and say what it has
//! to be. They never repeat a value, which may be anything.

use serde::{Deserialize, Serialize};

use super::Dialect;
use crate::limits;

/// Why a request is refused. Every one of these is a 400 to whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Where in the request, such as `messages[2].content[0].image_url`; `None` if the whole of it
    /// is to blame.
    pub field: Option<String>,
    /// What is wrong there.
    pub why: Why,
}

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// Nothing was sent.
    Empty,
    /// Not JSON.
    Syntax {
        /// Line of the first fault, from 1.
        line: usize,
        /// Byte of that line, from 1.
        column: usize,
    },
    /// Not UTF-8.
    Encoding,
    /// Nested deeper than [`limits::JSON_DEPTH`].
    Depth,
    /// A string holds U+0000, which cannot be stored.
    Nul,
    /// A field that has to be there is not.
    Missing,
    /// A field stands there twice: two readers would see two requests.
    Twice,
    /// More fields in one object than any API has.
    TooManyFields,
    /// Something else was expected; the words say what, such as `a string`.
    Wrong(String),
    /// The field is fine, and the provider that the request goes to has no way to say it.
    Inexpressible {
        /// What the provider speaks.
        target: Dialect,
        /// What it cannot do, in words, such as `tokens cannot be drawn from the k best`.
        reason: String,
    },
}

impl Refused {
    /// Something else was expected at `field`.
    pub(crate) fn wrong(field: impl Into<String>, expected: &str) -> Self {
        Self {
            field: Some(field.into()),
            why: Why::Wrong(expected.to_owned()),
        }
    }

    /// Whether it is only the provider that has no words for it: another may have.
    #[must_use]
    pub fn is_of_target(&self) -> bool {
        matches!(self.why, Why::Inexpressible { .. })
    }

    /// A stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.why {
            Why::Empty => "empty_body",
            Why::Syntax { .. } => "not_json",
            Why::Encoding => "not_utf8",
            Why::Depth => "json_too_deep",
            Why::Nul => "json_nul",
            Why::Missing => "missing_field",
            Why::Twice => "duplicate_field",
            Why::TooManyFields => "too_many_fields",
            Why::Wrong(_) => "invalid_field",
            Why::Inexpressible { .. } => "unsupported_field",
        }
    }

    /// Words for a person: what, where, what it has to be.
    #[must_use]
    pub fn detail(&self) -> String {
        let place = match &self.field {
            Some(field) => format!("The field `{field}`"),
            None => "The body".to_owned(),
        };
        match &self.why {
            Why::Empty => format!("{place} is empty; it has to be a JSON object."),
            Why::Syntax { line, column } => {
                format!("{place} is not JSON: see line {line}, column {column}.")
            }
            Why::Encoding => format!("{place} is not UTF-8."),
            Why::Depth => format!("{place} is nested deeper than {}.", limits::JSON_DEPTH),
            Why::Nul => format!("{place} holds the character U+0000, which cannot be stored."),
            Why::Missing => format!("{place} is missing."),
            Why::Twice => format!("{place} stands there twice."),
            Why::TooManyFields => {
                format!("{place} has more than {} fields.", limits::CHAT_FIELDS)
            }
            Why::Wrong(expected) => format!("{place} has to be {expected}."),
            Why::Inexpressible { target, reason } => format!(
                "{place} cannot be passed on to this model, which is reached through {}: {reason}.",
                target.vendor()
            ),
        }
    }
}
