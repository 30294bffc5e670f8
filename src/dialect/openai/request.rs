//! The body of a chat completion request.
//!
//! It asks for as little as possible, because compatible servers refuse fields that they do not
//! know. It refuses to know the URL before [`PATH`], headers and keys.

use serde::Serialize;

use crate::dialect::Ask;

/// The path after the base URL, which for this dialect ends in `/v1`.
pub const PATH: &str = "/chat/completions";

/// Appends the JSON body for `ask` to `out`.
///
/// A stream always asks for its usage: a call without it could not be charged to anyone.
pub fn write_request(out: &mut Vec<u8>, ask: &Ask<'_>) {
    let newer = takes_max_completion_tokens(ask.model);
    let request = Request {
        model: ask.model,
        messages: [Message {
            role: "user",
            content: ask.prompt,
        }],
        max_tokens: ask.max_tokens.filter(|_| !newer),
        max_completion_tokens: ask.max_tokens.filter(|_| newer),
        temperature: ask.temperature,
        stream: ask.stream,
        stream_options: ask.stream.then_some(StreamOptions {
            include_usage: true,
        }),
    };
    serde_json::to_writer(out, &request)
        .expect("a Vec takes every byte, and strings and numbers always have a JSON form");
}

/// Whether the bound on tokens goes by its newer name.
///
/// Every compatible server takes `max_tokens` and some refuse any other name (Mistral: 422);
/// OpenAI's own reasoning models refuse `max_tokens` (400 `unsupported_parameter`). Those are
/// `o1`, `o3`, … and `gpt-5` and up, also behind a router's prefix (`openai/gpt-5`).
pub(super) fn takes_max_completion_tokens(model: &str) -> bool {
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

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: [Message<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
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
