//! Request bodies: from bytes to what is asked for, or to the field that is wrong.
//!
//! Pure functions, so that a long body can be parsed on a thread and a short one on the loop.
//!
//! Two kinds of fault are told apart. What is *not JSON* (syntax, depth, encoding, U+0000) is 400:
//! no field can be named. What is JSON of the *wrong shape* is 422 and names the field. A key that
//! stands twice, or that nobody knows, is a fault too: two readers must not see two requests.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::limits::{CONTENT_CHARS, JSON_DEPTH, TOPIC_CHARS};

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

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ParseFault {
    /// Not JSON.
    Syntax {
        /// Line of the first fault, from 1.
        line: u64,
        /// Column of the first fault, from 1.
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
            | ParseFault::Empty => 400,
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
            ParseFault::TooLong { field, chars } => {
                format!("The field `{field}` may have at most {chars} characters.")
            }
        }
    }
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

/// One key of the object with its value still unread.
struct Field<'a> {
    name: Cow<'a, str>,
    raw: &'a RawValue,
}

impl<'a> Field<'a> {
    fn wrong(&self, expected: &str) -> ParseFault {
        ParseFault::Wrong {
            field: self.name.to_string(),
            expected: expected.into(),
        }
    }

    fn unknown(&self) -> ParseFault {
        ParseFault::Unknown(cut(&self.name))
    }

    /// The value, `None` for null.
    fn value<T: Deserialize<'a>>(&self, expected: &str) -> Result<Option<T>, ParseFault> {
        serde_json::from_str(self.raw.get()).map_err(|e| {
            if e.is_data() {
                self.wrong(expected)
            } else {
                // A number or an escape that no JSON reader can turn into a value.
                ParseFault::Syntax {
                    line: e.line() as u64,
                    column: e.column() as u64,
                }
            }
        })
    }

    fn text(&self, expected: &str) -> Result<String, ParseFault> {
        let text: String = self.value(expected)?.ok_or_else(|| self.wrong(expected))?;
        if text.contains('\0') {
            return Err(ParseFault::Nul {
                field: self.name.to_string(),
            });
        }
        Ok(text)
    }

    fn topic(&self) -> Result<String, ParseFault> {
        const EXPECTED: &str = "a string that is not empty, of at most 2,000 characters";
        let text = self.text(EXPECTED)?;
        let topic = text.trim();
        if topic.is_empty() || topic.chars().nth(TOPIC_CHARS).is_some() {
            return Err(self.wrong(EXPECTED));
        }
        Ok(topic.to_string())
    }

    fn content(&self) -> Result<String, ParseFault> {
        const EXPECTED: &str = "a string that is not empty";
        let text = self.text(EXPECTED)?;
        if text.trim().is_empty() {
            return Err(self.wrong(EXPECTED));
        }
        if text.len() > CONTENT_CHARS && text.chars().nth(CONTENT_CHARS).is_some() {
            return Err(ParseFault::TooLong {
                field: self.name.to_string(),
                chars: CONTENT_CHARS as u64,
            });
        }
        Ok(text)
    }

    fn name_of(&self, expected: &str) -> Result<Option<String>, ParseFault> {
        if self.raw.get() == "null" {
            return Ok(None);
        }
        let name = self.text(expected)?;
        let fine = !name.is_empty() && name.len() <= 200 && !name.chars().any(char::is_control);
        if fine {
            Ok(Some(name))
        } else {
            Err(self.wrong(expected))
        }
    }

    fn max_tokens(&self) -> Result<Option<u32>, ParseFault> {
        const EXPECTED: &str = "a whole number from 1 to 1,000,000";
        match self.value::<u32>(EXPECTED)? {
            Some(0) | Some(1_000_001..) => Err(self.wrong(EXPECTED)),
            fine => Ok(fine),
        }
    }

    fn temperature(&self) -> Result<Option<f32>, ParseFault> {
        const EXPECTED: &str = "a number from 0 to 2";
        match self.value::<f32>(EXPECTED)? {
            Some(t) if !(0.0..=2.0).contains(&t) => Err(self.wrong(EXPECTED)),
            fine => Ok(fine),
        }
    }
}

/// The fields of the object that `body` has to be. The values stay unread: each is read as the
/// type that its field has, so that an error can name the field.
fn object(body: &[u8]) -> Result<Vec<Field<'_>>, ParseFault> {
    let text = std::str::from_utf8(body).map_err(|_| ParseFault::Encoding)?;
    if text.trim_ascii().is_empty() {
        return Err(ParseFault::Empty);
    }
    if depth(body) > JSON_DEPTH {
        return Err(ParseFault::Depth);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let mut twice = None;
    let fields = Fields { twice: &mut twice }
        .deserialize(&mut json)
        .and_then(|fields| json.end().map(|()| fields));
    match fields {
        Ok(_) if twice.is_some() => Err(ParseFault::Twice(twice.unwrap_or_default())),
        Ok(fields) => Ok(fields),
        // Data of another type is JSON all the same, if the rest is.
        Err(e) if e.is_data() && serde_json::from_str::<&RawValue>(text).is_ok() => {
            Err(ParseFault::NotAnObject)
        }
        Err(e) => Err(ParseFault::Syntax {
            line: e.line() as u64,
            column: e.column() as u64,
        }),
    }
}

struct Fields<'s> {
    twice: &'s mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Vec<Field<'de>>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Vec<Field<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields: Vec<Field<'de>> = Vec::new();
        while let Some(Key(name)) = map.next_key()? {
            let raw = map.next_value()?;
            // No route knows more than a handful of fields: the first thirty-two are enough to
            // name the fault, and the work stays linear whatever the peer sends.
            if fields.len() < 32 {
                if fields.iter().any(|field| field.name == name) {
                    self.twice.get_or_insert_with(|| cut(&name));
                }
                fields.push(Field { name, raw });
            }
        }
        Ok(fields)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The deepest nesting of brackets outside strings. Runs before the parser, without recursion.
fn depth(json: &[u8]) -> usize {
    let (mut now, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for &byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                now += 1;
                deepest = deepest.max(now);
            }
            b']' | b'}' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// A name from a peer, short enough to be shown.
fn cut(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fault(shape: Shape, body: &str) -> (u16, &'static str, String) {
        let fault = parse(shape, body.as_bytes()).unwrap_err();
        (
            fault.status(),
            fault.code(),
            fault.field().unwrap_or("").to_string(),
        )
    }

    #[test]
    fn a_whole_request_is_understood() {
        let body = r#"{"topic":"  tea \u00e9 ","stream":true,"provider":null,"model":"m-1",
                       "max_tokens":7,"temperature":0.5}"#;
        let Ask::Generate(ask) = parse(Shape::Generate, body.as_bytes()).unwrap() else {
            panic!("a generate body")
        };
        assert_eq!(ask.topic, "tea é");
        assert!(ask.stream);
        assert_eq!((ask.provider, ask.model), (None, Some("m-1".into())));
        assert_eq!((ask.max_tokens, ask.temperature), (Some(7), Some(0.5)));
    }

    #[test]
    fn each_fault_names_itself_and_its_field() {
        let long = format!(r#"{{"topic":"{}"}}"#, "x".repeat(2_001));
        let deep = format!(r#"{{"topic":{}1{}}}"#, "[".repeat(64), "]".repeat(64));
        for (body, status, code, field) in [
            ("", 400, "empty_body", ""),
            ("{", 400, "not_json", ""),
            ("{} x", 400, "not_json", ""),
            (r#"{"topic":"a",}"#, 400, "not_json", ""),
            (r#"{"topic":"\ud800"}"#, 400, "not_json", ""),
            (r#"{"topic":"a\u0000b"}"#, 400, "json_nul", "topic"),
            (&deep, 400, "json_too_deep", ""),
            ("[]", 422, "not_an_object", ""),
            ("null", 422, "not_an_object", ""),
            ("{}", 422, "missing_field", "topic"),
            (r#"{"topic":""}"#, 422, "invalid_field", "topic"),
            (r#"{"topic":null}"#, 422, "invalid_field", "topic"),
            (r#"{"topic":5}"#, 422, "invalid_field", "topic"),
            (&long, 422, "invalid_field", "topic"),
            (
                r#"{"topic":"a","topic":"b"}"#,
                422,
                "duplicate_field",
                "topic",
            ),
            (
                r#"{"topic":"a","tpoic":"b"}"#,
                422,
                "unknown_field",
                "tpoic",
            ),
            (
                r#"{"topic":"a","stream":1}"#,
                422,
                "invalid_field",
                "stream",
            ),
            (
                r#"{"topic":"a","max_tokens":0}"#,
                422,
                "invalid_field",
                "max_tokens",
            ),
            (
                r#"{"topic":"a","max_tokens":1.5}"#,
                422,
                "invalid_field",
                "max_tokens",
            ),
            (
                r#"{"topic":"a","temperature":3}"#,
                422,
                "invalid_field",
                "temperature",
            ),
            (
                r#"{"topic":"a","temperature":-0.1}"#,
                422,
                "invalid_field",
                "temperature",
            ),
            (
                r#"{"topic":"a","model":"a\nb"}"#,
                422,
                "invalid_field",
                "model",
            ),
        ] {
            let got = fault(Shape::Generate, body);
            assert_eq!(got, (status, code, field.to_string()), "{body:.60}");
        }
    }

    #[test]
    fn a_topic_is_counted_in_characters_not_bytes() {
        let body = format!(r#"{{"topic":"{}"}}"#, "é".repeat(2_000));
        assert!(parse(Shape::Generate, body.as_bytes()).is_ok());
    }

    #[test]
    fn a_text_over_a_million_characters_is_too_large() {
        let body = format!(r#"{{"content":"{}"}}"#, "a".repeat(1_000_001));
        assert_eq!(
            fault(Shape::Analyze, &body),
            (413, "text_too_long", "content".into())
        );
    }

    #[test]
    fn depth_is_seen_without_recursion() {
        let body = "[".repeat(1_000_000);
        assert_eq!(fault(Shape::Generate, &body).1, "json_too_deep");
        assert_eq!(depth(br#"["[[[[", "\"[["]"#), 1);
    }

    #[test]
    fn invalid_utf8_is_not_guessed_at() {
        assert_eq!(
            parse(Shape::Generate, b"{\"topic\":\"\xff\"}"),
            Err(ParseFault::Encoding)
        );
    }
}
