//! What of a request decides its answer, so that equal questions can be told by their bytes.
//!
//! ```text
//!   {"stream": true, "model": "m", "user": "ann", "messages": [ … ], "seed": null}
//!                     └──────────────────┬───────────────┘
//!       "messages":[…]"model":"m"   ◄────┘  in the order of their names, without white space
//! ```
//! Left out are fields that say how the answer is to be sent, who asks, or what others may keep of it:
//! [`marginal`] is the whole list. A field that is `null` is as good as none. Inside a field every byte
//! counts but white space: to take two questions for different ones costs a call, to take them for equal
//! ones would give somebody the answer to another question.
//!
//! Only a request that is understood has an essence: its answer can then be told in either form, whole or
//! streamed, with nothing lost. It refuses to know hashes, stores, and who is asked.

use super::Chat;
use super::chat::Body;
use crate::dialect::Dialect;
use crate::limits::CHAT_FOREIGN;

/// Fields of a body that change nothing about the answer.
fn marginal(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::OpenAi => &[
            "stream",
            "stream_options",
            "user",
            "safety_identifier",
            "metadata",
            "prompt_cache_key",
            "prompt_cache_retention",
            "prompt_cache_options",
        ],
        Dialect::Anthropic => &["stream", "metadata"],
        Dialect::Gemini => &["labels"],
    }
}

/// The essence of `body`, which was read as `chat`. `None`: there is something in it that this program
/// does not know, and so would not know in the answer.
#[must_use]
pub fn essence(body: &[u8], chat: &Chat) -> Option<Vec<u8>> {
    let marginal = marginal(chat.from);
    let is_marginal = |path: &String| {
        let name = path.split(['.', '[']).next();
        name.is_some_and(|name| marginal.contains(&name))
    };
    // Of very many unknown fields not all are noted.
    if chat.foreign.len() >= CHAT_FOREIGN || !chat.foreign.iter().all(is_marginal) {
        return None;
    }
    let parsed = Body::parse(body).ok()?;
    let root = parsed.root();
    let mut fields = match chat.from {
        Dialect::Gemini => root.camel_fields(),
        Dialect::OpenAi | Dialect::Anthropic => root.fields(),
    }
    .ok()?;
    fields.retain(|field| !marginal.contains(&field.name()));
    fields.sort_by(|a, b| a.name().cmp(b.name()));
    let mut essence = Vec::with_capacity(body.len());
    for field in &fields {
        let name = serde_json::to_string(field.name()).ok()?;
        essence.extend_from_slice(name.as_bytes());
        essence.push(b':');
        put_tight(field.raw().get(), &mut essence);
    }
    Some(essence)
}

/// Appends a JSON value without the white space between its parts.
fn put_tight(json: &str, out: &mut Vec<u8>) {
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        if in_string {
            in_string = is_escaped || byte != b'"';
            is_escaped = byte == b'\\' && !is_escaped;
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(dialect: Dialect, body: &str) -> Option<String> {
        let chat = dialect.read_chat(body.as_bytes(), Some(("m", false)));
        let essence = essence(body.as_bytes(), &chat.unwrap())?;
        Some(String::from_utf8(essence).unwrap())
    }

    #[test]
    fn what_does_not_matter_is_left_out_and_the_rest_is_in_order() {
        let asked = of(
            Dialect::OpenAi,
            r#"{"stream": true, "stream_options":{"include_usage":true}, "user":"ann",
                "metadata":{"a":"b"}, "model":"m", "seed":null,
                "messages": [ {"role": "user", "content": "a \" \\" } ]}"#,
        );
        let essence = r#""messages":[{"role":"user","content":"a \" \\"}]"model":"m""#;
        assert_eq!(asked.as_deref(), Some(essence));
        let claude = of(
            Dialect::Anthropic,
            r#"{"metadata":{"user_id":"u"},"max_tokens":1,"messages":[],"model":"m"}"#,
        );
        let essence = r#""max_tokens":1"messages":[]"model":"m""#;
        assert_eq!(claude.as_deref(), Some(essence));
        let gemini = r#"{"contents":[],"generation_config":{"topK": 1},"labels":{"a":"b"}}"#;
        let essence = r#""contents":[]"generationConfig":{"topK":1}"#;
        assert_eq!(of(Dialect::Gemini, gemini).as_deref(), Some(essence));
    }

    #[test]
    fn what_is_not_known_has_none() {
        for field in [
            r#""logprobs":true"#,
            r#""web_search_options":{"a":1}"#,
            r#""store":true"#,
        ] {
            let body = format!(r#"{{"model":"m","messages":[],{field}}}"#);
            assert_eq!(of(Dialect::OpenAi, &body), None, "{field}");
        }
    }

    #[test]
    fn each_byte_inside_a_string_counts() {
        let of = |json| {
            let mut out = Vec::new();
            put_tight(json, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(of("[ 1 ,\n\t{ \"a b\" : true } ]"), "[1,{\"a b\":true}]");
        assert_eq!(of(r#" "a\\" , " \" " "#), r#""a\\"," \" ""#);
    }
}
