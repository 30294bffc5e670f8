//! Embeddings: OpenAI's request, passed on as it is or in Gemini's words, and the answer back.
//!
//! ```text
//!   POST /v1/embeddings ──▶ Embeddings ──┬─▶ splice, to OpenAI and those who copy it
//!                                        └─▶ write_gemini ──▶ …:batchEmbedContents
//!                answer ◀── read_gemini ◀──────────────────────────────┘
//! ```
//!
//! OpenAI's Python client asks for base64 unless told otherwise, so numbers are packed here if they
//! came as numbers: 32-bit floats, least significant byte first.
//!
//! Source: the API references of `embeddings.create` and of `models.batchEmbedContents`, v1beta.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::chat::{Body, Node};
use super::json::{Gather, List, Object, parse};
use super::pen::Pen;
use super::{Dialect, Malformed, Refused, Skim, Why};

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

    /// Appends `body`, which has to be the one that was read, to `out`, asking for `model`.
    ///
    /// # Errors
    /// It is not the body that was read.
    pub fn splice(body: &[u8], model: &str, out: &mut Vec<u8>) -> Result<(), Refused> {
        // Everything but the name of the model is the provider's business.
        Skim::read(Dialect::Anthropic, body, None)?.splice(body, model, out);
        Ok(())
    }

    /// Appends the body of `batchEmbedContents` for `model`.
    ///
    /// # Errors
    /// Gemini has no words for something in it.
    pub fn write_gemini(&self, model: &str, out: &mut Vec<u8>) -> Result<(), Refused> {
        if let Some(field) = &self.foreign {
            return Err(inexpressible(field, "there is nothing like it in that API"));
        }
        let Some(input) = &self.input else {
            return Err(inexpressible("input", "it takes texts, not tokens"));
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

/// The path of Gemini's embeddings after the base URL.
#[must_use]
pub fn gemini_path(model: &str) -> String {
    super::gemini::method_path(model, "batchEmbedContents")
}

fn inexpressible(field: &str, reason: &str) -> Refused {
    Refused {
        field: Some(field.to_owned()),
        why: Why::Inexpressible {
            target: Dialect::Gemini,
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
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn asked(body: &str) -> Embeddings {
        Embeddings::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn texts_go_to_gemini_and_come_back_as_numbers() {
        let asked = asked(r#"{"model":"e","input":["a","b\""],"dimensions":2,"user":"u"}"#);
        let mut out = Vec::new();
        asked
            .write_gemini("gemini-embedding-001", &mut out)
            .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]},"outputDimensionality":2},"#,
                r#"{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"b\""}]},"outputDimensionality":2}]}"#
            )
        );
        let answer = br#"{"embeddings":[{"values":[0.5,-1]},{"values":[1e-7,2]}]}"#;
        let mut out = Vec::new();
        asked.answer_of_gemini(answer, "e", &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]},"#,
                r#"{"object":"embedding","index":1,"embedding":[0.0000001,2]}],"model":"e","#,
                r#""usage":{"prompt_tokens":0,"total_tokens":0}}"#
            )
        );
        for broken in [
            "{}",
            r#"{"embeddings":[{"values":[1]}]}"#,
            r#"{"embeddings":[1,2]}"#,
        ] {
            let read = asked.answer_of_gemini(broken.as_bytes(), "e", &mut Vec::new());
            assert_eq!(read, Err(Malformed::Shape), "{broken}");
        }
        // What fits no number would be written as none.
        let huge = br#"{"embeddings":[{"values":[1e39]},{"values":[]}]}"#;
        assert!(asked.answer_of_gemini(huge, "e", &mut Vec::new()).is_err());
    }

    #[test]
    fn packed_numbers_are_what_pythons_client_unpacks() {
        // base64.b64encode(struct.pack("<2f", 0.5, -1)) and the same for one and three numbers.
        assert_eq!(packed(&[0.5, -1.0]), "AAAAPwAAgL8=");
        assert_eq!(packed(&[1.0]), "AACAPw==");
        assert_eq!(packed(&[0.0, 0.0, 0.0]), "AAAAAAAAAAAAAAAA");
        let asked = asked(r#"{"model":"e","input":"a","encoding_format":"base64"}"#);
        let mut out = Vec::new();
        let answer = br#"{"embeddings":[{"values":[1]}]}"#;
        asked.answer_of_gemini(answer, "e", &mut out).unwrap();
        assert!(
            String::from_utf8(out)
                .unwrap()
                .contains(r#""embedding":"AACAPw==""#)
        );
    }

    #[test]
    fn what_cannot_be_said_or_is_wrong_is_named() {
        for (body, field) in [
            (r#"{"model":"e","input":[1,2]}"#, "input"),
            (r#"{"model":"e","input":"a","x":1}"#, "x"),
        ] {
            let refused = asked(body).write_gemini("m", &mut Vec::new()).unwrap_err();
            assert_eq!(refused.field.as_deref(), Some(field));
        }
        for (body, field) in [
            (r#"{"input":"a"}"#, "model"),
            (r#"{"model":"e"}"#, "input"),
            (r#"{"model":"e","input":7}"#, "input"),
            (
                r#"{"model":"e","input":"a","encoding_format":"int8"}"#,
                "encoding_format",
            ),
        ] {
            let refused = Embeddings::read(body.as_bytes()).unwrap_err();
            assert_eq!(refused.field.as_deref(), Some(field), "{body}");
        }
    }

    #[test]
    fn openais_own_go_through_as_they_are() {
        let body = br#"{"model":"e", "input":[1], "new":true}"#;
        let mut out = Vec::new();
        Embeddings::splice(body, "text-embedding-3-small", &mut out).unwrap();
        assert_eq!(
            out,
            br#"{"model":"text-embedding-3-small", "input":[1], "new":true}"#
        );
        assert_eq!(
            gemini_path("a/b"),
            "/v1beta/models/a%2Fb:batchEmbedContents"
        );
    }
}
