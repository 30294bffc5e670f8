//! The path and the body of a request for content.
//!
//! The model stands in the path, and it may come from whoever sends us a request: it is escaped
//! so that it stays one segment and cannot begin a query. It refuses to know the URL before the
//! path, and keys.

use std::fmt::Write;

use crate::dialect::Ask;
use crate::dialect::pen::Pen;

/// The path after the base URL, query included.
///
/// ```
/// use maitred::dialect::gemini::path;
///
/// assert_eq!(
///     path("gemini-2.5-flash", true),
///     "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
/// );
/// assert_eq!(path("../x?key=", false), "/v1beta/models/..%2Fx%3Fkey%3D:generateContent");
/// ```
#[must_use]
pub fn path(model: &str, stream: bool) -> String {
    // Without `alt=sse` a stream would be one long JSON list.
    method_path(
        model,
        if stream {
            "streamGenerateContent?alt=sse"
        } else {
            "generateContent"
        },
    )
}

/// The path of any method of a model.
pub(in crate::dialect) fn method_path(model: &str, method: &str) -> String {
    let mut path = String::from("/v1beta/models/");
    for byte in model.bytes() {
        match byte {
            // The unreserved characters of RFC 3986 §2.3.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte));
            }
            other => write!(path, "%{other:02X}").expect("a String takes every character"),
        }
    }
    path.push(':');
    path.push_str(method);
    path
}

/// Appends the JSON body for `ask` to `out`. The model and whether to stream are in the [`path`].
pub fn write_request(out: &mut Vec<u8>, ask: &Ask<'_>) {
    Pen::object(out, |json| {
        json.key("contents").list(|json| {
            json.nested(|json| {
                json.key("role").text("user");
                json.key("parts").list(|json| {
                    json.nested(|json| json.key("text").text(ask.prompt));
                });
            });
        });
        if ask.max_tokens.is_some() || ask.temperature.is_some() {
            json.key("generationConfig").nested(|json| {
                json.maybe_whole("maxOutputTokens", ask.max_tokens.map(u64::from));
                json.maybe_temperature(ask.temperature);
            });
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
        model: "gemini-2.5-flash",
        prompt: "Say \"hi\"\n☃",
        max_tokens: None,
        temperature: None,
        stream: true,
    };

    #[test]
    fn a_plain_request_is_the_prompt_alone() {
        assert_eq!(
            written(&PLAIN),
            r#"{"contents":[{"role":"user","parts":[{"text":"Say \"hi\"\n☃"}]}]}"#
        );
    }

    #[test]
    fn settings_are_written_when_there_are_any() {
        let ask = Ask {
            prompt: "hi",
            max_tokens: Some(64),
            temperature: Some(0.5),
            ..PLAIN
        };
        assert_eq!(
            written(&ask),
            concat!(
                r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"#,
                r#""generationConfig":{"maxOutputTokens":64,"temperature":0.5}}"#
            )
        );
    }

    #[test]
    fn no_model_leaves_its_place_in_the_path() {
        for model in [
            "../../x?key=",
            "%2f..",
            "a/b",
            "a#b",
            "a b",
            "é",
            "..",
            "a:b",
            "\r\n",
        ] {
            let path = path(model, false);
            let middle = path
                .strip_prefix("/v1beta/models/")
                .and_then(|rest| rest.strip_suffix(":generateContent"))
                .unwrap();
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
            assert!(middle.bytes().all(legal), "{path}");
        }
        assert_eq!(
            path("%2f..", false),
            "/v1beta/models/%252f..:generateContent"
        );
    }
}
