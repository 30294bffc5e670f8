//! The rows, as the rest of the program sees them.
//!
//! Times are milliseconds of Unix time, token counts are the provider's: a zero that it reported
//! is `Some(0)`, silence is `None`. Columns and types of the tables are in `migrations/`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::EXCERPT_CHARS;
use crate::score::Scores;
use crate::score::keywords::Keyword;

/// Whether a text came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextState {
    /// The provider said that the text was finished.
    Complete,
    /// The text stops where the provider, the client or a limit cut it.
    Truncated,
}

impl TextState {
    /// The word in the table and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            TextState::Complete => "complete",
            TextState::Truncated => "truncated",
        }
    }

    /// The state behind a word of the table.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [TextState::Complete, TextState::Truncated];
        all.into_iter().find(|state| state.as_str() == word)
    }
}

/// A generated text: one row of `generated_content`, with its term and its scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextRow {
    /// The generation's id (UUIDv7), by which lists are ordered.
    pub id: Uuid,
    /// The owner of the key that asked; `local` without keys.
    pub tenant: String,
    /// [`super::term_id`] of tenant and term.
    pub search_term_id: Uuid,
    /// The topic, as it was asked for.
    pub term: String,
    /// The text, stored as it is, U+0000 included.
    pub text: String,
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model that answered.
    pub model: String,
    /// The built-in provider wrote it, no model did.
    pub offline: bool,
    /// Why the provider stopped, in its own word.
    pub finish_reason: Option<String>,
    /// Whether the text is whole.
    pub state: TextState,
    /// Tokens of the prompt. Above 2^63 - 1 the table keeps 2^63 - 1.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the text, with the same bound.
    pub completion_tokens: Option<u64>,
    /// When the generation began.
    pub created_ms: i64,
    /// `None` until a scorer was done with it.
    pub scores: Option<Scores>,
}

/// A generated text in a list: a [`TextRow`] whose text is cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of TextRow but for two")]
pub struct Listed {
    pub id: Uuid,
    pub search_term_id: Uuid,
    pub term: String,
    /// The first [`EXCERPT_CHARS`] characters.
    pub excerpt: String,
    /// Bytes of the whole text; more than the excerpt has means that it was cut.
    pub text_bytes: u64,
    pub provider: String,
    pub model: String,
    pub offline: bool,
    pub finish_reason: Option<String>,
    pub state: TextState,
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    pub created_ms: i64,
    pub scores: Option<Scores>,
}

/// A text that was handed in to be scored: one row of `sentiment_analysis`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnalysisRow {
    /// The analysis' id (UUIDv7).
    pub id: Uuid,
    /// The owner of the key that asked; `local` without keys.
    pub tenant: String,
    /// [`super::term_id`] of tenant and term.
    pub search_term_id: Uuid,
    /// What the analysis is filed under.
    pub term: String,
    /// The text that was analysed.
    pub content: String,
    /// When it was asked for.
    pub created_ms: i64,
    /// What came out.
    pub scores: Scores,
}

/// Who named keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeywordMethod {
    /// A model, on request.
    Provider,
    /// Our own figures.
    Local,
}

impl KeywordMethod {
    /// The word in the table, in requests and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            KeywordMethod::Provider => "provider",
            KeywordMethod::Local => "local",
        }
    }
}

/// The keywords of a text that was handed in: a row of `generated_keywords` for each of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeywordsRow {
    /// The id (UUIDv7) that all of them have; their position makes the difference.
    pub id: Uuid,
    /// The owner of the key that asked; `local` without keys.
    pub tenant: String,
    /// [`super::term_id`] of tenant and term.
    pub search_term_id: Uuid,
    /// What they are filed under: the text.
    pub term: String,
    /// Who named them.
    pub method: KeywordMethod,
    /// The keywords, the best first. None of them: nothing is stored, not even the term.
    pub keywords: Vec<Keyword>,
    /// When they were asked for.
    pub created_ms: i64,
}

/// A stored text that has no scores yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unscored {
    /// Whose text it is.
    pub tenant: String,
    /// Its id, for [`super::Write::Rescore`].
    pub id: Uuid,
    /// The text.
    pub text: String,
}

/// The beginning of a text: at most [`EXCERPT_CHARS`] characters, never half a character.
pub fn excerpt(text: &str) -> &str {
    match text.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_of_the_tables_and_of_json_are_the_same() {
        for state in [TextState::Complete, TextState::Truncated] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(TextState::from_word(state.as_str()), Some(state));
        }
        assert_eq!(TextState::from_word("Complete"), None);
        for method in [KeywordMethod::Provider, KeywordMethod::Local] {
            assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
        }
    }

    #[test]
    fn excerpt_counts_characters_and_not_bytes() {
        let exact = "é".repeat(EXCERPT_CHARS);
        assert_eq!(excerpt(&exact), exact);
        assert_eq!(excerpt(&format!("{exact}!")), exact);
        assert_eq!(excerpt("a\0b"), "a\0b");
    }
}
