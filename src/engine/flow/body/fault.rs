//! What can be wrong with a body, and how it is told.

use serde::{Deserialize, Serialize};

use crate::dialect::Refused;
use crate::limits::JSON_DEPTH;

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ParseFault {
    /// Not JSON.
    Syntax {
        /// Line of the body with the first fault, from 1.
        line: u64,
        /// Character of that line, from 1.
        column: u64,
    },
    /// Not UTF-8.
    Encoding,
    /// Nested deeper than 64.
    Depth,
    /// A string holds U+0000, which no database takes.
    Nul {
        /// Which field, if it is one of ours.
        field: String,
    },
    /// Nothing was sent.
    Empty,
    /// JSON, but not an object.
    NotAnObject,
    /// A required field is not there.
    Missing(String),
    /// A field that nobody knows.
    Unknown(String),
    /// A field that stands twice.
    Twice(String),
    /// A field with a wrong value.
    Wrong {
        /// Which one.
        field: String,
        /// What it has to be, in words.
        expected: String,
    },
    /// The body of a chat is wrong, or cannot be passed on.
    Refused(Box<Refused>),
    /// A text that is too long to be analysed.
    TooLong {
        /// Which field.
        field: String,
        /// The bound in characters.
        chars: u64,
    },
}

impl ParseFault {
    /// 400 where the bytes are wrong, 413 where there are too many, 422 where the meaning is.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            ParseFault::Syntax { .. }
            | ParseFault::Encoding
            | ParseFault::Depth
            | ParseFault::Nul { .. }
            | ParseFault::Empty
            | ParseFault::Refused(_) => 400,
            ParseFault::TooLong { .. } => 413,
            _ => 422,
        }
    }

    /// The stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ParseFault::Syntax { .. } => "not_json",
            ParseFault::Encoding => "not_utf8",
            ParseFault::Depth => "json_too_deep",
            ParseFault::Nul { .. } => "json_nul",
            ParseFault::Empty => "empty_body",
            ParseFault::NotAnObject => "not_an_object",
            ParseFault::Missing(_) => "missing_field",
            ParseFault::Unknown(_) => "unknown_field",
            ParseFault::Twice(_) => "duplicate_field",
            ParseFault::Wrong { .. } => "invalid_field",
            ParseFault::TooLong { .. } => "text_too_long",
            ParseFault::Refused(refused) => refused.code(),
        }
    }

    /// The field to blame.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            ParseFault::Nul { field }
            | ParseFault::Missing(field)
            | ParseFault::Unknown(field)
            | ParseFault::Twice(field)
            | ParseFault::Wrong { field, .. }
            | ParseFault::TooLong { field, .. } => Some(field),
            ParseFault::Refused(refused) => refused.field.as_deref(),
            _ => None,
        }
    }

    /// Words for a person.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            ParseFault::Syntax { line, column } => {
                format!("The body is not JSON: see line {line}, column {column}.")
            }
            ParseFault::Encoding => "The body is not UTF-8.".into(),
            ParseFault::Depth => format!("The body is nested deeper than {JSON_DEPTH}."),
            ParseFault::Nul { field } => {
                format!("The field `{field}` holds the character U+0000, which cannot be stored.")
            }
            ParseFault::Empty => "The body is empty; it has to be a JSON object.".into(),
            ParseFault::NotAnObject => "The body has to be a JSON object, `{…}`.".into(),
            ParseFault::Missing(field) => format!("The field `{field}` is missing."),
            ParseFault::Unknown(field) => {
                format!("The field `{field}` is not known here. Check its spelling.")
            }
            ParseFault::Twice(field) => format!("The field `{field}` stands there twice."),
            ParseFault::Wrong { field, expected } => {
                format!("The field `{field}` has to be {expected}.")
            }
            ParseFault::Refused(refused) => refused.detail(),
            ParseFault::TooLong { field, chars } => {
                format!("The field `{field}` may have at most {chars} characters.")
            }
        }
    }
}
