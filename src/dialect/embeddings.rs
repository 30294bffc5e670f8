//! Embeddings: OpenAI's request, passed on as it is or in Gemini's words, and the answer back.
//!
//! ```text
//!   POST /v1/embeddings ──▶ Embeddings ──┬─▶ splice, to OpenAI and those who copy it
//!                                        └─▶ write_gemini ──▶ …:batchEmbedContents
//!                answer ◀── answer_of_gemini ◀─────────────────────────┘
//!                answer ◀── check_openai, as it is ◀── OpenAI's
//! ```
//!
//! OpenAI's Python client asks for base64 unless told otherwise, so numbers are packed here if they
//! came as numbers: 32-bit floats, least significant byte first.
//!
//! Source: the API references of `embeddings.create` and of `models.batchEmbedContents`, v1beta.

use std::fmt::Write;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::chat::{Body, Node};
use super::json::{Gather, List, Object, count, parse};
use super::pen::Pen;
use super::{Dialect, Malformed, Refused, Skim, Usage, Why, gemini};

/// A request for embeddings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Embeddings {
    /// The model that was asked for.
    pub model: String,
    /// The texts; `None` if the client sent tokens, which belong to one model.
    pub input: Option<Vec<String>>,
    /// How many numbers for each.
    pub dimensions: Option<u64>,
    /// Whether the numbers are to come packed.
    pub base64: bool,
    /// A field that only OpenAI knows.
    pub foreign: Option<String>,
}

impl Embeddings {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// It is not JSON, or not of OpenAI's shape.
    pub fn read(body: &[u8]) -> Result<Self, Refused> {
        let body = Body::parse(body)?;
        let root = body.root();
        let (mut model, mut has_input) = (None, false);
        let mut asked = Self {
            model: String::new(),
            input: None,
            dimensions: None,
            base64: false,
            foreign: None,
        };
        for field in root.fields()? {
            match field.name() {
                "model" => model = Some(field.text()?),
                "input" => {
                    has_input = true;
                    asked.input = input(&field)?;
                }
                "dimensions" => asked.dimensions = Some(field.whole()?),
                "encoding_format" => {
                    asked.base64 = match field.text()?.as_str() {
                        "float" => false,
                        "base64" => true,
                        _ => return Err(field.wrong(r#""float" or "base64""#)),
                    };
                }
                "user" => {}
                _ => asked.foreign = asked.foreign.or_else(|| field.path()),
            }
        }
        asked.model = model.ok_or_else(|| root.missing("model"))?;
        if has_input {
            Ok(asked)
        } else {
            Err(root.missing("input"))
        }
    }

    /// What has to be known of a body to pass it on: everything but the name of the model is the
    /// provider's business.
    ///
    /// # Errors
    /// It is not JSON, or names no model.
    pub fn skim(body: &[u8]) -> Result<Skim, Refused> {
        let mut skim = Skim::read(Dialect::Anthropic, body, None)?;
        (skim.dialect, skim.stream) = (Dialect::OpenAi, false);
        Ok(skim)
    }

    /// Appends the body that asks `model` of somebody who speaks `theirs`; nothing if that is what the
    /// client speaks, because its own body is passed on then.
    ///
    /// # Errors
    /// That dialect has no words for it.
    pub fn translate(
        &self,
        theirs: Dialect,
        model: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        match theirs {
            Dialect::OpenAi => Ok(()),
            Dialect::Gemini => self.write_gemini(model, out),
            Dialect::Anthropic => {
                let reason = "that API has no embeddings";
                Err(inexpressible(Dialect::Anthropic, "model", reason))
            }
        }
    }

    /// Reads the answer of somebody who speaks `theirs`, and appends the one for the client to `out`
    /// unless that is the same bytes. `model` is the one that the client has asked for. Much to read: where
    /// it is long, not on the loop.
    ///
    /// # Errors
    /// The body is no answer to this request.
    pub fn answer(
        &self,
        theirs: Dialect,
        body: &[u8],
        model: &str,
        out: &mut Vec<u8>,
    ) -> Result<Usage, Malformed> {
        match theirs {
            Dialect::OpenAi => self.check_openai(body),
            Dialect::Gemini => self
                .answer_of_gemini(body, model, out)
                .map(|()| Usage::default()),
            Dialect::Anthropic => Err(Malformed::Shape), // it was never asked
        }
    }

    /// Appends the body of `batchEmbedContents` for `model`.
    ///
    /// # Errors
    /// Gemini has no words for something in it.
    pub fn write_gemini(&self, model: &str, out: &mut Vec<u8>) -> Result<(), Refused> {
        if let Some(field) = &self.foreign {
            let reason = "there is nothing like it in that API";
            return Err(inexpressible(Dialect::Gemini, field, reason));
        }
        let Some(input) = &self.input else {
            let reason = "it takes texts, not tokens";
            return Err(inexpressible(Dialect::Gemini, "input", reason));
        };
        Pen::object(out, |json| {
            json.key("requests").list(|json| {
                for text in input {
                    json.nested(|json| {
                        json.key("model").text(&format!("models/{model}"));
                        json.key("content").nested(|json| {
                            let parts = json.key("parts");
                            parts.list(|json| json.nested(|json| json.key("text").text(text)));
                        });
                        json.maybe_whole("outputDimensionality", self.dimensions);
                    });
                }
            });
        });
        Ok(())
    }

    /// Whether the body of OpenAI's answer has a vector for each input, and the tokens.
    ///
    /// # Errors
    /// It is no answer to this request.
    pub fn check_openai(&self, body: &[u8]) -> Result<Usage, Malformed> {
        let Object(answer): Object<Embedded<'_>> = parse(body)?;
        let List(Counted(vectors)) = answer.data.ok_or(Malformed::Shape)?;
        let wanted = self.input.as_ref().map_or(vectors.max(1), Vec::len);
        if vectors != wanted {
            return Err(Malformed::Shape);
        }
        let usage = answer.usage.map(|Object(tokens)| Usage {
            prompt_tokens: count(tokens.prompt_tokens),
            total_tokens: count(tokens.total_tokens),
            ..Usage::default()
        });
        Ok(usage.unwrap_or_default())
    }

    /// Appends the answer to OpenAI's client, from the body of Gemini's.
    ///
    /// # Errors
    /// The body is no answer to this request.
    pub fn answer_of_gemini(
        &self,
        body: &[u8],
        model: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let Object(answer): Object<Answer> = parse(body)?;
        let List(Vectors(vectors)) = answer.embeddings.ok_or(Malformed::Shape)?;
        if self
            .input
            .as_ref()
            .is_none_or(|input| input.len() != vectors.len())
        {
            return Err(Malformed::Shape);
        }
        Pen::object(out, |json| {
            json.key("object").text("list");
            json.key("data").list(|json| {
                for (index, vector) in (0..).zip(&vectors) {
                    json.nested(|json| {
                        json.key("object").text("embedding");
                        json.key("index").whole(index);
                        json.key("embedding");
                        if self.base64 {
                            json.raw(&format!("\"{}\"", packed(vector)));
                        } else {
                            json.list(|json| put_numbers(json, vector));
                        }
                    });
                }
            });
            json.key("model").text(model);
            // Gemini does not count here, and the format wants numbers.
            let usage = json.key("usage");
            usage.raw(r#"{"prompt_tokens":0,"total_tokens":0}"#);
        });
        Ok(())
    }
}

/// The path after the base URL, at somebody who speaks `theirs`.
#[must_use]
pub fn path(theirs: Dialect, model: &str) -> String {
    match theirs {
        Dialect::Gemini => gemini::method_path(model, "batchEmbedContents"),
        Dialect::OpenAi | Dialect::Anthropic => "/embeddings".to_owned(),
    }
}

fn inexpressible(target: Dialect, field: &str, reason: &str) -> Refused {
    Refused {
        field: Some(field.to_owned()),
        why: Why::Inexpressible {
            target,
            reason: reason.to_owned(),
        },
    }
}

/// A text, texts, tokens, or lists of tokens; `None` for the last two.
fn input(node: &Node<'_, '_>) -> Result<Option<Vec<String>>, Refused> {
    if node.is_text() {
        return Ok(Some(vec![node.text()?]));
    }
    let mut texts = Some(Vec::new());
    node.items(&mut |item| {
        if !item.is_text() {
            texts = None;
        } else if let Some(texts) = &mut texts {
            texts.push(item.text()?);
        }
        Ok(())
    })?;
    Ok(texts)
}

#[derive(Deserialize)]
struct Embedded<'a> {
    data: Option<List<Counted>>,
    #[serde(borrow)]
    usage: Option<Object<Tokens<'a>>>,
}

#[derive(Deserialize)]
struct Tokens<'a> {
    #[serde(borrow)]
    prompt_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    total_tokens: Option<&'a RawValue>,
}

/// How many vectors there are, whatever they are written in.
#[derive(Default)]
struct Counted(usize);

impl<'de> Gather<'de> for Counted {
    type Item = Object<Anything>;

    fn take(&mut self, _: Self::Item) -> Result<(), &'static str> {
        self.0 += 1;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Anything {
    #[serde(rename = "embedding")]
    _embedding: IgnoredAny,
}

#[derive(Deserialize)]
struct Answer {
    embeddings: Option<List<Vectors>>,
}

#[derive(Default)]
struct Vectors(Vec<Vec<f32>>);

impl<'de> Gather<'de> for Vectors {
    type Item = Object<Vector>;

    fn take(&mut self, Object(vector): Self::Item) -> Result<(), &'static str> {
        self.0.push(vector.values);
        Ok(())
    }
}

#[derive(Deserialize)]
struct Vector {
    values: Vec<f32>,
}

fn put_numbers(json: &mut Pen<'_>, vector: &[f32]) {
    let mut digits = String::new();
    for number in vector {
        digits.clear();
        write!(digits, "{number}").expect("a String takes every character");
        json.raw(&digits);
    }
}

/// The numbers as bytes, in base64 (RFC 4648 §4).
fn packed(vector: &[f32]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place > group.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}

#[cfg(test)]
mod tests;
