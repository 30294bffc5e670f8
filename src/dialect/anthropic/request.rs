//! The body of a messages request.
//!
//! It refuses to know the URL before [`PATH`] and keys.

use crate::dialect::Ask;
use crate::dialect::pen::Pen;

/// The path after the base URL.
pub const PATH: &str = "/v1/messages";

/// The value of the field `anthropic-version`, which every request must have.
pub const VERSION: &str = "2023-06-01";

/// The bound on tokens for a request that names none: this API refuses a request without one.
/// 4,096 is the most that *every* model of the vendor accepts, and enough for a long article.
pub const DEFAULT_MAX_TOKENS: u32 = 4096;

/// Appends the JSON body for `ask` to `out`.
pub fn write_request(out: &mut Vec<u8>, ask: &Ask<'_>) {
    Pen::object(out, |json| {
        json.key("model").text(ask.model);
        let bound = ask.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS);
        json.key("max_tokens").whole(bound.into());
        json.key("messages").list(|json| {
            json.nested(|json| {
                json.key("role").text("user");
                json.key("content").text(ask.prompt);
            });
        });
        json.maybe_temperature(ask.temperature);
        if ask.stream {
            json.key("stream").flag(true);
        }
    });
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
