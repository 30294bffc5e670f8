//! The body of a messages request.
//!
//! It refuses to know the URL before [`PATH`] and keys.

use serde::Serialize;

use crate::dialect::Ask;

/// The path after the base URL.
pub const PATH: &str = "/v1/messages";

/// The value of the field `anthropic-version`, which every request must have.
pub const VERSION: &str = "2023-06-01";

/// The bound on tokens for a request that names none: this API refuses a request without one.
/// 4,096 is the most that *every* model of the vendor accepts, and enough for a long article.
pub const DEFAULT_MAX_TOKENS: u32 = 4096;

/// Appends the JSON body for `ask` to `out`.
pub fn write_request(out: &mut Vec<u8>, ask: &Ask<'_>) {
    let request = Request {
        model: ask.model,
        max_tokens: ask.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
        messages: [Message {
            role: "user",
            content: ask.prompt,
        }],
        temperature: ask.temperature,
        stream: ask.stream,
    };
    serde_json::to_writer(out, &request)
        .expect("a Vec takes every byte, and strings and numbers always have a JSON form");
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    max_tokens: u32,
    messages: [Message<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
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
        model: "claude-sonnet-4-5",
        prompt: "Say \"hi\"\n☃",
        max_tokens: None,
        temperature: None,
        stream: false,
    };

    #[test]
    fn a_plain_request_has_a_bound_on_tokens_all_the_same() {
        assert_eq!(
            written(&PLAIN),
            concat!(
                r#"{"model":"claude-sonnet-4-5","max_tokens":4096,"#,
                r#""messages":[{"role":"user","content":"Say \"hi\"\n☃"}]}"#
            )
        );
    }

    #[test]
    fn what_was_asked_for_is_written_down() {
        let ask = Ask {
            prompt: "hi",
            max_tokens: Some(64),
            temperature: Some(0.5),
            stream: true,
            ..PLAIN
        };
        assert_eq!(
            written(&ask),
            concat!(
                r#"{"model":"claude-sonnet-4-5","max_tokens":64,"#,
                r#""messages":[{"role":"user","content":"hi"}],"temperature":0.5,"stream":true}"#
            )
        );
    }
}
