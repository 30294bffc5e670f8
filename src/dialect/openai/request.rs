//! The body of a chat completion request.
//!
//! It asks for as little as possible, because compatible servers refuse fields that they do not
//! know. It refuses to know the URL before [`PATH`], headers and keys.

use crate::dialect::Ask;
use crate::dialect::pen::Pen;

/// The path after the base URL, which for this dialect ends in `/v1`.
pub const PATH: &str = "/chat/completions";

/// Appends the JSON body for `ask` to `out`.
///
/// A stream always asks for its usage: a call without it could not be charged to anyone.
pub fn write_request(out: &mut Vec<u8>, ask: &Ask<'_>) {
    Pen::object(out, |json| {
        json.key("model").text(ask.model);
        json.key("messages").list(|json| {
            json.nested(|json| {
                json.key("role").text("user");
                json.key("content").text(ask.prompt);
            });
        });
        put_bound(json, ask.model, ask.max_tokens.map(u64::from));
        json.maybe_temperature(ask.temperature);
        if ask.stream {
            put_stream(json);
        }
    });
}

/// Asks for a stream, and for its usage with it.
pub(super) fn put_stream(json: &mut Pen<'_>) {
    json.key("stream").flag(true);
    let options = json.key("stream_options");
    options.nested(|json| json.key("include_usage").flag(true));
}

/// The bound on tokens, by the name that `model` takes.
pub(super) fn put_bound(json: &mut Pen<'_>, model: &str, max_tokens: Option<u64>) {
    let name = match takes_max_completion_tokens(model) {
        true => "max_completion_tokens",
        false => "max_tokens",
    };
    json.maybe_whole(name, max_tokens);
}

/// Whether the bound on tokens goes by its newer name.
///
/// Every compatible server takes `max_tokens` and some refuse any other name (Mistral: 422);
/// OpenAI's own reasoning models refuse `max_tokens` (400 `unsupported_parameter`). Those are
/// `o1`, `o3`, … and `gpt-5` and up, also behind a router's prefix (`openai/gpt-5`).
fn takes_max_completion_tokens(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    if let Some(version) = name.strip_prefix("gpt-") {
        let digits = version.split(|c: char| !c.is_ascii_digit()).next();
        return digits
            .and_then(|digits| digits.parse::<u32>().ok())
            // `gpt-35-turbo` is Azure's spelling of 3.5.
            .is_some_and(|major| major >= 5 && major != 35);
    }
    name.strip_prefix('o')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn written(ask: &Ask<'_>) -> String {
        let mut out = Vec::new();
        write_request(&mut out, ask);
        String::from_utf8(out).unwrap()
    }

    const PLAIN: Ask<'static> = Ask {
        model: "llama3.2",
        prompt: "Say \"hi\"\n☃",
        max_tokens: None,
        temperature: None,
        stream: false,
    };

    #[test]
    fn a_plain_request_asks_for_nothing_but_an_answer() {
        assert_eq!(
            written(&PLAIN),
            r#"{"model":"llama3.2","messages":[{"role":"user","content":"Say \"hi\"\n☃"}]}"#
        );
    }

    #[test]
    fn a_stream_asks_for_its_usage() {
        let ask = Ask {
            prompt: "hi",
            max_tokens: Some(64),
            temperature: Some(0.7),
            stream: true,
            ..PLAIN
        };
        assert_eq!(
            written(&ask),
            concat!(
                r#"{"model":"llama3.2","messages":[{"role":"user","content":"hi"}],"#,
                r#""max_tokens":64,"temperature":0.7,"#,
                r#""stream":true,"stream_options":{"include_usage":true}}"#
            )
        );
    }

    #[test]
    fn the_bound_on_tokens_has_the_name_that_the_model_takes() {
        let name = |model| {
            let ask = Ask {
                model,
                max_tokens: Some(9),
                ..PLAIN
            };
            let body: serde_json::Value = serde_json::from_str(&written(&ask)).unwrap();
            ["max_tokens", "max_completion_tokens"].map(|name| body.get(name).is_some())
        };
        for model in [
            "o1",
            "o3-mini",
            "gpt-5",
            "gpt-5.2-pro",
            "gpt-12",
            "openai/gpt-5",
            "o4-mini",
        ] {
            assert_eq!(name(model), [false, true], "{model}");
        }
        for model in [
            "gpt-4o",
            "gpt-4.1",
            "gpt-35-turbo",
            "gpt-oss-20b",
            "olmo-7b",
            "openchat",
            "mistral-large",
            "gemini-2.5-flash",
            "",
            "/",
        ] {
            assert_eq!(name(model), [true, false], "{model}");
        }
    }

    #[test]
    fn the_body_is_appended() {
        let mut out = b"head".to_vec();
        write_request(&mut out, &PLAIN);
        assert!(out.starts_with(b"head{"));
    }
}
