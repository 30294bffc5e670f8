//! A request that is passed on in the dialect it came in.
//!
//! Nothing of it is read that need not be: which model, whether to stream, how many answers, and
//! whether the client wants to hear of the usage. The body is passed on byte for byte, unknown
//! fields included, with two changes at most:
//!
//! ```text
//!   {"model":"fast","messages":[…],"stream":true}
//!            ──┬───                             ▲
//!              │ if the target has another      │ ,"stream_options":{"include_usage":true}
//!              ▼ name for it                    │ if OpenAI's client did not ask
//!           "gpt-5-mini"
//! ```
//!
//! The usage is always asked for: a call without it could not be charged to anyone. What a client
//! did not ask for it does not get; that is [`super::relay`]'s part.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::chat::{Body, Node};
use super::last_words::last_words;
use super::{Dialect, Refused};
use crate::limits;

/// What has to be known of a request to pass it on, and where the changes go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skim {
    /// The dialect that it came in.
    pub dialect: Dialect,
    /// The model that was asked for.
    pub model: String,
    /// Whether the answer is to come as a stream.
    pub stream: bool,
    /// How many answers, from 1 to [`limits::CHOICES`].
    pub choices: u32,
    /// The most tokens that the answer may have; a limit that is no number is for the provider to
    /// refuse.
    pub max_tokens: Option<u32>,
    /// Whether the client is to hear of the usage of a stream.
    pub include_usage: bool,
    /// The name of the model in the body, quotes included; Gemini's is in the path.
    model_place: Option<Range<usize>>,
    /// The list of messages in the body.
    messages: Option<Range<usize>>,
    /// What makes OpenAI's servers report the usage, and what it takes the place of.
    usage_edit: Option<(Range<usize>, String)>,
}

impl Skim {
    /// Looks through the body of a request. `path` is what the path said of it, which only
    /// Gemini's does: the model, and whether to stream.
    ///
    /// # Errors
    /// It is not JSON, or one of the few fields that are read is wrong.
    pub fn read(
        dialect: Dialect,
        body: &[u8],
        path: Option<(&str, bool)>,
    ) -> Result<Self, Refused> {
        let parsed = Body::parse(body)?;
        let root = parsed.root();
        let (model, stream) = path.unwrap_or_default();
        let mut skim = Self {
            dialect,
            model: model.to_owned(),
            stream,
            choices: 1,
            max_tokens: None,
            include_usage: dialect != Dialect::OpenAi,
            model_place: None,
            messages: None,
            usage_edit: None,
        };
        match dialect {
            Dialect::Gemini => skim.read_gemini(body, &root)?,
            Dialect::OpenAi | Dialect::Anthropic => skim.read_named(body, &root)?,
        }
        Ok(skim)
    }

    fn read_gemini(&mut self, body: &[u8], root: &Node<'_, '_>) -> Result<(), Refused> {
        for field in root.camel_fields()? {
            match field.name() {
                "contents" => self.messages = Some(place(body, &field)),
                "generationConfig" => {
                    for setting in field.camel_fields()? {
                        match setting.name() {
                            "candidateCount" => self.choices = choices(&setting)?,
                            "maxOutputTokens" => self.max_tokens = tokens(&setting),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The two that name the model in the body.
    fn read_named(&mut self, body: &[u8], root: &Node<'_, '_>) -> Result<(), Refused> {
        let is_openai = self.dialect == Dialect::OpenAi;
        let fields = root.all_fields()?;
        let mut options = None;
        for field in &fields {
            match field.name() {
                "model" => {
                    self.model = field.text()?;
                    self.model_place = Some(place(body, field));
                }
                "stream" if field.is_set() => self.stream = field.flag()?,
                "n" if is_openai && field.is_set() => self.choices = choices(field)?,
                "stream_options" if is_openai => options = Some(field),
                // OpenAI's newer name counts where both stand there.
                "max_completion_tokens" if is_openai => {
                    self.max_tokens = tokens(field).or(self.max_tokens);
                }
                "max_tokens" => self.max_tokens = self.max_tokens.or(tokens(field)),
                "messages" => self.messages = Some(place(body, field)),
                _ => {}
            }
        }
        if self.model_place.is_none() {
            return Err(root.missing("model"));
        }
        if is_openai && self.stream {
            self.usage_edit = self.ask_for_usage(body, options)?;
        }
        Ok(())
    }

    /// What has to change for the usage to be asked for; `None` if the client did so.
    fn ask_for_usage(
        &mut self,
        body: &[u8],
        options: Option<&Node<'_, '_>>,
    ) -> Result<Option<(Range<usize>, String)>, Refused> {
        const ASK: &str = r#""include_usage":true"#;
        let Some(options) = options else {
            let end = body.trim_ascii_end().len() - 1;
            return Ok(Some((end..end, format!(r#","stream_options":{{{ASK}}}"#))));
        };
        let whole = place(body, options);
        if !options.is_set() {
            return Ok(Some((whole, format!("{{{ASK}}}"))));
        }
        let fields = options.all_fields()?;
        let Some(asked) = fields.iter().find(|field| field.name() == "include_usage") else {
            let after = whole.start + 1;
            let comma = if fields.is_empty() { "" } else { "," };
            return Ok(Some((after..after, format!("{ASK}{comma}"))));
        };
        self.include_usage = asked.is_set() && asked.flag()?;
        Ok((!self.include_usage).then(|| (place(body, asked), "true".to_owned())))
    }

    /// What the user said last, at most `chars` characters of it, out of the body that was read.
    /// Empty if there are no such words.
    #[must_use]
    pub fn last_words(&self, body: &[u8], chars: usize) -> String {
        let messages = self.messages.clone().and_then(|place| body.get(place));
        messages.map_or_else(String::new, |messages| last_words(messages, chars))
    }

    /// Refuses a list of messages with nothing in it, as the vendors do. `body` is the one that was
    /// read.
    ///
    /// # Errors
    /// There is no message.
    pub fn check_messages(&self, body: &[u8]) -> Result<(), Refused> {
        let messages = self.messages.clone().and_then(|place| body.get(place));
        let inside = messages.and_then(|list| list.strip_prefix(b"[")?.strip_suffix(b"]"));
        if inside.is_none_or(|inside| !inside.trim_ascii().is_empty()) {
            return Ok(());
        }
        let field = match self.dialect {
            Dialect::Gemini => "contents",
            Dialect::OpenAi | Dialect::Anthropic => "messages",
        };
        Err(Refused::wrong(field, "a list of at least one message"))
    }

    /// Appends `body`, which has to be the one that was read, to `out`, asking for `model`.
    pub fn splice(&self, body: &[u8], model: &str, out: &mut Vec<u8>) {
        let renamed = (self.model_place.clone())
            .filter(|_| model != self.model)
            .map(|place| {
                let name = serde_json::to_string(model).expect("a string always has a JSON form");
                (place, name)
            });
        let mut edits: Vec<(Range<usize>, String)> =
            renamed.into_iter().chain(self.usage_edit.clone()).collect();
        edits.sort_by_key(|(place, _)| place.start);
        let mut copied = 0;
        for (place, text) in edits {
            out.extend_from_slice(&body[copied..place.start]);
            out.extend_from_slice(text.as_bytes());
            copied = place.end;
        }
        out.extend_from_slice(&body[copied..]);
    }
}

fn choices(node: &Node<'_, '_>) -> Result<u32, Refused> {
    match node.whole()? {
        n @ 1..=limits::CHOICES => Ok(n as u32),
        _ => Err(node.wrong(&format!("a whole number from 1 to {}", limits::CHOICES))),
    }
}

fn tokens(node: &Node<'_, '_>) -> Option<u32> {
    let most = node.whole().ok()?;
    Some(u32::try_from(most).unwrap_or(u32::MAX))
}

/// Where a value stands in the body that it was read from.
fn place(body: &[u8], node: &Node<'_, '_>) -> Range<usize> {
    let value = node.raw().get().as_bytes();
    let start = value.as_ptr().addr() - body.as_ptr().addr();
    start..start + value.len()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn spliced(body: &str, model: &str) -> String {
        let skim = Skim::read(Dialect::OpenAi, body.as_bytes(), None).unwrap();
        let mut out = Vec::new();
        skim.splice(body.as_bytes(), model, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_the_name_and_the_question_for_usage_change() {
        const ASK: &str = r#""include_usage":true"#;
        for (body, expected) in [
            (
                " {\"x\":[1, 2e400],\n\"model\" : \"a\",\"n\":null} ",
                " {\"x\":[1, 2e400],\n\"model\" : \"b\",\"n\":null} ".to_owned(),
            ),
            (
                r#"{"model":"\u0061","stream":true } "#,
                format!(r#"{{"model":"b","stream":true ,"stream_options":{{{ASK}}}}} "#),
            ),
            (
                r#"{"stream_options":null,"stream":true,"model":"a"}"#,
                format!(r#"{{"stream_options":{{{ASK}}},"stream":true,"model":"b"}}"#),
            ),
            (
                r#"{"model":"a","stream":true,"stream_options":{ }}"#,
                format!(r#"{{"model":"b","stream":true,"stream_options":{{{ASK} }}}}"#),
            ),
            (
                r#"{"model":"a","stream":true,"stream_options":{"x":1}}"#,
                format!(r#"{{"model":"b","stream":true,"stream_options":{{{ASK},"x":1}}}}"#),
            ),
            (
                r#"{"stream_options":{"include_usage":false},"model":"a","stream":true}"#,
                format!(r#"{{"stream_options":{{{ASK}}},"model":"b","stream":true}}"#),
            ),
            (
                r#"{"stream_options":{"include_usage":null},"model":"a","stream":false}"#,
                r#"{"stream_options":{"include_usage":null},"model":"b","stream":false}"#.into(),
            ),
        ] {
            assert_eq!(spliced(body, "b"), expected);
        }
        assert_eq!(
            spliced(r#"{"model":"\u0061"}"#, "a"),
            r#"{"model":"\u0061"}"#
        );
    }

    #[test]
    fn who_asked_for_the_usage_is_remembered() {
        let asked = r#"{"model":"a","stream":true,"stream_options":{"include_usage":true},"n":3}"#;
        let skim = Skim::read(Dialect::OpenAi, asked.as_bytes(), None).unwrap();
        assert!(skim.include_usage && skim.stream && skim.choices == 3);
        assert_eq!(spliced(asked, "a"), asked);

        let skim = Skim::read(Dialect::OpenAi, br#"{"model":"a","stream":true}"#, None).unwrap();
        assert!(!skim.include_usage);
    }

    #[test]
    fn the_others_are_looked_through_as_well() {
        let anthropic = br#"{"model":"a","stream":true,"n":"x"}"#;
        let skim = Skim::read(Dialect::Anthropic, anthropic, None).unwrap();
        let mut out = Vec::new();
        skim.splice(anthropic, "b\"", &mut out);
        assert_eq!(out, br#"{"model":"b\"","stream":true,"n":"x"}"#);

        let gemini = br#"{"generation_config":{"candidate_count":2}}"#;
        let skim = Skim::read(Dialect::Gemini, gemini, Some(("m", true))).unwrap();
        assert_eq!(
            (skim.model.as_str(), skim.stream, skim.choices),
            ("m", true, 2)
        );
        let mut out = Vec::new();
        skim.splice(gemini, "other", &mut out);
        assert_eq!(out, gemini);
    }

    #[test]
    fn what_is_read_has_to_be_right() {
        for (body, field) in [
            (r#"{"stream":true}"#, "model"),
            (r#"{"model":1}"#, "model"),
            (r#"{"model":null}"#, "model"),
            (r#"{"model":"a","model":"b"}"#, "model"),
            (r#"{"model":"a","stream":"yes"}"#, "stream"),
            (r#"{"model":"a","n":0}"#, "n"),
            (r#"{"model":"a","n":33}"#, "n"),
            (
                r#"{"model":"a","stream":true,"stream_options":[]}"#,
                "stream_options",
            ),
            (
                r#"{"model":"a","stream":true,"stream_options":{"include_usage":1}}"#,
                "stream_options.include_usage",
            ),
        ] {
            let refused = Skim::read(Dialect::OpenAi, body.as_bytes(), None).unwrap_err();
            assert_eq!(refused.field.as_deref(), Some(field), "{body}");
        }
    }
}
