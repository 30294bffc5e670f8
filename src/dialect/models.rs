//! The list of models, as each vendor's client asks for it.
//!
//! `GET /v1/models` is OpenAI's and Anthropic's path alike; the latter's clients send
//! `anthropic-version`. Gemini's is `GET /v1beta/models`. Nothing is ever on a second page.

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

/// Appends the list of `models`. `since` is the moment, in seconds since 1970, that stands for when
/// they were made: nobody here knows it, and two of the formats want one.
pub fn write_models(dialect: Dialect, models: &[Model<'_>], since: i64, out: &mut Vec<u8>) {
    Pen::object(out, |json| match dialect {
        Dialect::OpenAi => {
            json.key("object").text("list");
            json.key("data").list(|json| {
                for model in models {
                    json.nested(|json| put_openai(json, model, since));
                }
            });
        }
        Dialect::Anthropic => {
            let since = moment(since);
            json.key("data").list(|json| {
                for model in models {
                    json.nested(|json| put_anthropic(json, model, &since));
                }
            });
            json.key("has_more").flag(false);
            for (name, model) in [("first_id", models.first()), ("last_id", models.last())] {
                match model {
                    Some(model) => json.key(name).text(model.id),
                    None => json.key(name).null(),
                }
            }
        }
        Dialect::Gemini => json.key("models").list(|json| {
            for model in models {
                json.nested(|json| put_gemini(json, model));
            }
        }),
    });
}

/// Appends one model, the answer to `GET …/models/{id}`.
pub fn write_model(dialect: Dialect, model: &Model<'_>, since: i64, out: &mut Vec<u8>) {
    Pen::object(out, |json| match dialect {
        Dialect::OpenAi => put_openai(json, model, since),
        Dialect::Anthropic => put_anthropic(json, model, &moment(since)),
        Dialect::Gemini => put_gemini(json, model),
    });
}

fn put_openai(json: &mut Pen<'_>, model: &Model<'_>, since: i64) {
    json.key("id").text(model.id);
    json.key("object").text("model");
    json.key("created").raw(itoa::Buffer::new().format(since));
    json.key("owned_by").text(model.owner);
}

fn put_anthropic(json: &mut Pen<'_>, model: &Model<'_>, since: &str) {
    json.key("type").text("model");
    json.key("id").text(model.id);
    json.key("display_name").text(model.id);
    json.key("created_at").text(since);
}

fn put_gemini(json: &mut Pen<'_>, model: &Model<'_>) {
    json.key("name").text(&format!("models/{}", model.id));
    json.key("displayName").text(model.id);
    json.key("supportedGenerationMethods").list(|json| {
        json.text("generateContent");
        json.text("streamGenerateContent");
    });
}

/// RFC 3339; a moment that no calendar has is the first one.
fn moment(since: i64) -> String {
    jiff::Timestamp::from_second(since)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn listed(dialect: Dialect, models: &[Model<'_>]) -> String {
        let mut out = Vec::new();
        write_models(dialect, models, 1_700_000_000, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_client_finds_its_own_shape() {
        let models = [
            Model {
                id: "fast",
                owner: "groq",
            },
            Model {
                id: "good",
                owner: "openai",
            },
        ];
        assert_eq!(
            listed(Dialect::OpenAi, &models),
            concat!(
                r#"{"object":"list","data":[{"id":"fast","object":"model","created":1700000000,"owned_by":"groq"},"#,
                r#"{"id":"good","object":"model","created":1700000000,"owned_by":"openai"}]}"#
            )
        );
        assert_eq!(
            listed(Dialect::Anthropic, &models[..1]),
            concat!(
                r#"{"data":[{"type":"model","id":"fast","display_name":"fast","created_at":"2023-11-14T22:13:20Z"}],"#,
                r#""has_more":false,"first_id":"fast","last_id":"fast"}"#
            )
        );
        assert_eq!(
            listed(Dialect::Anthropic, &[]),
            r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#
        );
        assert!(
            listed(Dialect::Gemini, &models).starts_with(r#"{"models":[{"name":"models/fast""#)
        );
    }

    #[test]
    fn one_model_is_an_item_of_the_list() {
        let model = Model {
            id: "fast",
            owner: "groq",
        };
        for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini] {
            let mut one = Vec::new();
            write_model(dialect, &model, 1_700_000_000, &mut one);
            let one = String::from_utf8(one).unwrap();
            assert!(listed(dialect, &[model]).contains(&one), "{one}");
        }
        let mut never = Vec::new();
        write_model(Dialect::Anthropic, &model, i64::MAX, &mut never);
        assert!(
            String::from_utf8(never)
                .unwrap()
                .contains("1970-01-01T00:00:00Z")
        );
    }
}
