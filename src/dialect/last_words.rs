//! What the user said last, out of the messages of a request in any dialect.
//!
//! ```text
//!   [{"role":"user","content":"…"}, …, {"role":"user","content":[{"type":"text","text":"…"}]}]
//!                                                                             ▲
//!   [{"role":"user","parts":[{"text":"…"}]}]                                  these words
//! ```
//!
//! A stored answer is found again by them. They are looked for once, and only where an answer is
//! stored; the body was checked before, so whatever is not as expected is simply not there.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{Gather, List};

/// The fields of a message that matter here, in any dialect.
#[derive(Deserialize)]
struct Message<'a> {
    role: Option<Cow<'a, str>>,
    /// OpenAI's and Anthropic's: a string, or pieces.
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    /// Gemini's: pieces.
    #[serde(borrow)]
    parts: Option<&'a RawValue>,
}

/// A piece of a message.
#[derive(Deserialize)]
struct Piece {
    text: Option<String>,
}

/// What the user said, message by message.
#[derive(Default)]
struct Said<'a>(Vec<&'a RawValue>);

impl<'a> Gather<'a> for Said<'a> {
    type Item = Message<'a>;

    fn take(&mut self, message: Message<'a>) -> Result<(), &'static str> {
        // Gemini's clients may leave the role of the user out.
        if message.role.is_none_or(|role| role == "user") {
            self.0.extend(message.content.or(message.parts));
        }
        Ok(())
    }
}

/// The texts of a message, with a space between them.
#[derive(Default)]
struct Words(String);

impl Gather<'_> for Words {
    type Item = Piece;

    fn take(&mut self, piece: Piece) -> Result<(), &'static str> {
        if let Some(text) = piece.text {
            if !self.0.is_empty() {
                self.0.push(' ');
            }
            self.0.push_str(&text);
        }
        Ok(())
    }
}

/// The last words of the user in `messages`, a JSON list: at most `chars` characters.
pub(super) fn last_words(messages: &[u8], chars: usize) -> String {
    let Ok(List(Said(said))) = serde_json::from_slice(messages) else {
        return String::new();
    };
    let texts = said.iter().rev().map(|said| text_of(said.get()));
    let words = texts.map(|text| text.trim().to_owned());
    let mut words = words.into_iter().find(|words| !words.is_empty());
    let words = words.get_or_insert_default();
    let end = words.char_indices().nth(chars);
    words.truncate(end.map_or(words.len(), |(end, _)| end));
    words.trim_end().to_owned()
}

fn text_of(said: &str) -> String {
    if said.starts_with('"') {
        return serde_json::from_str(said).unwrap_or_default();
    }
    serde_json::from_str(said).map_or_else(|_| String::new(), |List(Words(words))| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_every_dialect_the_last_message_of_the_user_with_words_in_it() {
        for (messages, expected) in [
            (r#"[{"role":"user","content":" Tea?\n"}]"#, "Tea?"),
            (
                r#"[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]"#,
                "a",
            ),
            (
                r#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image"},{"text":"b"}]}]"#,
                "a b",
            ),
            (
                r#"[{"role":"user","content":"a"},{"role":"user","content":[{"type":"tool_result","content":"x"}]}]"#,
                "a",
            ),
            (
                r#"[{"parts":[{"text":"a"}]},{"role":"model","parts":[]}]"#,
                "a",
            ),
            (r#"[{"role":"system","content":"a"}]"#, ""),
            (
                r#"[{"role":"user","content":"\u2603\u2603\u2603\u2603\u2603\u2603"}]"#,
                "☃☃☃☃☃",
            ),
            ("[]", ""),
            ("{}", ""),
        ] {
            assert_eq!(last_words(messages.as_bytes(), 5), expected, "{messages}");
        }
    }
}
