//! A provider's own words for what is wrong with a request: for who has sent it, and nobody else.
//!
//! ```text
//! {"error": {"message": …, "param": "tools[0].type", "code": "invalid_value"}}    OpenAI
//! {"type": "error", "error": {"message": …}}                                      Anthropic
//! {"error": {"code": 400, "message": …}}, or that in a list                       Gemini
//! {"error": "model not found"}                                                    Ollama
//! {"object": "error", "message": …, "param": …, "code": …}                        Mistral, older vLLM
//! ```
//! Whatever prints [`Words`] for a log prints none of them. It refuses to know which failures deserve
//! to be explained, and what is a secret: see decision 0012.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ErrorCode;
use super::json::{First, JsonStr, List, Object, parse};

/// Characters of a message that are passed on. The longest known ones, which list the places where a
/// schema is broken, say what matters in the first few hundred.
const MESSAGE_CHARS: usize = 1_000;
/// The longest name of a parameter that is passed on, in characters.
const PARAM_CHARS: usize = 200;

/// What a provider says is wrong.
#[derive(Clone, PartialEq, Eq)]
pub struct Words {
    message: String,
    param: Option<String>,
    code: Option<ErrorCode>,
}

impl Words {
    /// The words in the body of an error, if it has any.
    #[must_use]
    pub fn of(body: &[u8]) -> Option<Self> {
        let fields: Fields<'_> = if body.trim_ascii_start().starts_with(b"[") {
            let List(First(first)) = parse(body).ok()?;
            first?
        } else {
            let Object(only) = parse(body).ok()?;
            only
        };
        match fields.error {
            None => fields.words(),
            Some(error) => match JsonStr::from_raw(error) {
                Some(sentence) => Self::new(sentence, None, None),
                None => {
                    let Object(inner): Object<Fields<'_>> =
                        serde_json::from_str(error.get()).ok()?;
                    inner.words()
                }
            },
        }
    }

    fn new(
        message: JsonStr<'_>,
        param: Option<JsonStr<'_>>,
        code: Option<ErrorCode>,
    ) -> Option<Self> {
        let message = text(message, MESSAGE_CHARS);
        let param = param.filter(|param| param.escaped().len() <= PARAM_CHARS);
        let param = param.map(|param| text(param, PARAM_CHARS));
        (!message.trim().is_empty()).then(|| Self {
            message,
            param: param.filter(|param| !param.is_empty()),
            code,
        })
    }

    /// The sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The client's field that is to blame.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    /// The name for it, where the provider has one beside its general types.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_ref().map(ErrorCode::as_str)
    }

    /// Each of them that there is.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        [Some(self.message()), self.param(), self.code()]
            .into_iter()
            .flatten()
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(…)")
    }
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    param: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
}

impl Fields<'_> {
    fn words(&self) -> Option<Words> {
        let code = self.code.and_then(JsonStr::from_raw);
        Words::new(
            JsonStr::from_raw(self.message?)?,
            self.param.and_then(JsonStr::from_raw),
            code.and_then(|code| ErrorCode::new(code.escaped())),
        )
    }
}

/// At most `most` characters, each control character as a space.
fn text(of: JsonStr<'_>, most: usize) -> String {
    let mut whole = String::new();
    of.append_to(&mut whole);
    let shown = whole.chars().take(most);
    shown
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn in_every_shape_of_body() {
        for body in [
            r#"{"error":{"message":"Too long","type":"invalid_request_error","param":null,"code":null}}"#,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Too long"}}"#,
            r#"[{"error":{"code":400,"message":"Too long","status":"INVALID_ARGUMENT"}}]"#,
            r#"{"error":"Too long"}"#,
            r#"{"object":"error","message":"Too long","type":"x","code":"1000000"}"#,
        ] {
            let words = Words::of(body.as_bytes()).unwrap();
            assert_eq!(words.all().collect::<Vec<_>>(), ["Too long"], "{body}");
        }
        for body in [
            "",
            "[]",
            "<html>",
            "{}",
            "\u{0}",
            r#"{"error":7}"#,
            r#"{"error":{"message":" "}}"#,
        ] {
            assert_eq!(Words::of(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_parameter_and_a_code_that_look_like_ones() {
        let of = |param: &str, code: &str| {
            let body = format!(r#"{{"error":{{"message":"m","param":{param},"code":{code}}}}}"#);
            let words = Words::of(body.as_bytes()).unwrap();
            (
                words.param().map(str::to_owned),
                words.code().map(str::to_owned),
            )
        };
        let both = (
            Some("tools[0]".to_owned()),
            Some("invalid_value".to_owned()),
        );
        assert_eq!(of(r#""tools[0]""#, r#""invalid_value""#), both);
        assert_eq!(of("[]", "400"), (None, None));
        let long = format!("\"{}\"", "p".repeat(PARAM_CHARS + 1));
        assert_eq!(of(&long, r#""Not a name""#), (None, None));
    }

    #[test]
    fn they_have_a_bound_no_controls_and_are_not_printed() {
        let body = format!(
            r#"{{"error":"one\u0000two\r\n\u001b[1m{}"}}"#,
            "ö".repeat(5_000)
        );
        let words = Words::of(body.as_bytes()).unwrap();
        assert!(
            words.message().starts_with("one two   [1mö"),
            "{}",
            words.message()
        );
        assert_eq!(words.message().chars().count(), MESSAGE_CHARS);
        assert_eq!(format!("{words:?}"), "Words(…)");
    }
}
