//! The list of models, as each vendor's client asks for it.
//!
//! `GET /v1/models` is OpenAI's and Anthropic's path alike; the latter's clients send
//! `anthropic-version`. Gemini's is `GET /v1beta/models`. OpenAI's list has no pages; the others' have.
//!
//! When a model was made is something that nobody here knows, and two of the formats want a moment: it is
//! the first one, 1970, which Anthropic's API reference has for just that.

use super::Dialect;
use super::pen::Pen;

/// A model that a client may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model<'a> {
    /// What the client calls it.
    pub id: &'a str,
    /// Who has it: the name of a provider in the configuration.
    pub owner: &'a str,
}

/// Appends a page of the list. `more`: there are others after these, or before them if that is the way
/// in which they are read.
pub fn write_models(dialect: Dialect, models: &[Model<'_>], more: bool, out: &mut Vec<u8>) {
    Pen::object(out, |json| match dialect {
        Dialect::OpenAi => {
            json.key("object").text("list");
            json.key("data").list(|json| {
                for model in models {
                    json.nested(|json| put_openai(json, model));
                }
            });
        }
        Dialect::Anthropic => {
            json.key("data").list(|json| {
                for model in models {
                    json.nested(|json| put_anthropic(json, model));
                }
            });
            json.key("has_more").flag(more);
            for (name, model) in [("first_id", models.first()), ("last_id", models.last())] {
                match model {
                    Some(model) => json.key(name).text(model.id),
                    None => json.key(name).null(),
                }
            }
        }
        Dialect::Gemini => {
            json.key("models").list(|json| {
                for model in models {
                    json.nested(|json| put_gemini(json, model));
                }
            });
            if let Some(last) = models.last().filter(|_| more) {
                json.key("nextPageToken").text(last.id);
            }
        }
    });
}

/// Appends one model, the answer to `GET …/models/{id}`.
pub fn write_model(dialect: Dialect, model: &Model<'_>, out: &mut Vec<u8>) {
    Pen::object(out, |json| match dialect {
        Dialect::OpenAi => put_openai(json, model),
        Dialect::Anthropic => put_anthropic(json, model),
        Dialect::Gemini => put_gemini(json, model),
    });
}

fn put_openai(json: &mut Pen<'_>, model: &Model<'_>) {
    json.key("id").text(model.id);
    json.key("object").text("model");
    json.key("created").whole(0);
    json.key("owned_by").text(model.owner);
}

fn put_anthropic(json: &mut Pen<'_>, model: &Model<'_>) {
    json.key("type").text("model");
    json.key("id").text(model.id);
    json.key("display_name").text(model.id);
    json.key("created_at").text("1970-01-01T00:00:00Z");
}

fn put_gemini(json: &mut Pen<'_>, model: &Model<'_>) {
    json.key("name").text(&format!("models/{}", model.id));
    json.key("displayName").text(model.id);
    json.key("supportedGenerationMethods").list(|json| {
        json.text("generateContent");
        json.text("streamGenerateContent");
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn listed(dialect: Dialect, models: &[Model<'_>], more: bool) -> String {
        let mut out = Vec::new();
        write_models(dialect, models, more, &mut out);
        String::from_utf8(out).unwrap()
    }

    const FAST: Model<'_> = Model {
        id: "fast",
        owner: "groq",
    };
    const GOOD: Model<'_> = Model {
        id: "good",
        owner: "openai",
    };

    #[test]
    fn each_client_finds_its_own_shape() {
        assert_eq!(
            listed(Dialect::OpenAi, &[FAST, GOOD], false),
            concat!(
                r#"{"object":"list","data":[{"id":"fast","object":"model","created":0,"owned_by":"groq"},"#,
                r#"{"id":"good","object":"model","created":0,"owned_by":"openai"}]}"#
            )
        );
        assert_eq!(
            listed(Dialect::Anthropic, &[FAST], false),
            concat!(
                r#"{"data":[{"type":"model","id":"fast","display_name":"fast","created_at":"1970-01-01T00:00:00Z"}],"#,
                r#""has_more":false,"first_id":"fast","last_id":"fast"}"#
            )
        );
        assert_eq!(
            listed(Dialect::Anthropic, &[], false),
            r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#
        );
        assert!(
            listed(Dialect::Gemini, &[FAST], false)
                .starts_with(r#"{"models":[{"name":"models/fast""#)
        );
    }

    #[test]
    fn a_page_says_whether_there_is_another() {
        let anthropic = listed(Dialect::Anthropic, &[FAST], true);
        assert!(anthropic.contains(r#""has_more":true"#), "{anthropic}");
        let gemini = listed(Dialect::Gemini, &[FAST, GOOD], true);
        assert!(gemini.ends_with(r#"],"nextPageToken":"good"}"#), "{gemini}");
        assert!(!listed(Dialect::Gemini, &[FAST], false).contains("nextPageToken"));
    }

    #[test]
    fn one_model_is_an_item_of_the_list() {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini] {
            let mut one = Vec::new();
            write_model(dialect, &FAST, &mut one);
            let one = String::from_utf8(one).unwrap();
            assert!(listed(dialect, &[FAST], false).contains(&one), "{one}");
        }
    }
}
