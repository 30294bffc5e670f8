//! Providers: three dialects, and every way to get an answer wrong.

use std::net::SocketAddr;

use fastrand::Rng;
use maitred::dialect::offline::Article;

use super::world::openai;

/// One that can be asked for by name.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    dialect: Dialect,
    /// Addresses that it has.
    ips: &'static [u8],
}

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    None,
    OpenAi,
    Anthropic,
    Gemini,
}

/// All of them.
pub(crate) const PROVIDERS: [Provider; 5] = [
    provider("offline", Dialect::None, &[]),
    provider("llm", Dialect::OpenAi, &[1]),
    provider("claude", Dialect::Anthropic, &[2]),
    provider("gem", Dialect::Gemini, &[3]),
    provider("named", Dialect::OpenAi, &[7, 8]),
];

const fn provider(name: &'static str, dialect: Dialect, ips: &'static [u8]) -> Provider {
    Provider { name, dialect, ips }
}

/// The configuration that knows them. `named` has a name to be looked up, and TLS.
pub(crate) fn config(connections: usize) -> String {
    let tables = [
        ("llm", "openai", "http://10.0.0.1:8000/v1"),
        ("claude", "anthropic", "http://10.0.0.2:8000"),
        ("gem", "gemini", "http://10.0.0.3:8000/v1beta"),
        ("named", "openai", "https://llm.test/v1"),
    ]
    .map(|(name, kind, base)| {
        format!(
            "[provider.{name}]\nkind = \"{kind}\"\nbase_url = \"{base}\"\nmodel = \"m\"\n\
             key = \"sk-1\"\nconnections = {connections}\ntotal_ms = 20000\n"
        )
    });
    format!(
        "default_provider = \"offline\"\n{}[offline]\ntokens = {OFFLINE_TOKENS}\n",
        tables.concat()
    )
}

const OFFLINE_TOKENS: u32 = 30;

/// What this provider writes about this topic, and no other does.
pub(crate) fn text(topic: u8, provider: usize) -> String {
    let Provider { name, dialect, .. } = &PROVIDERS[provider];
    if *dialect == Dialect::None {
        let mut text = String::new();
        let mut article = Article::new(&format!("topic {topic}"), Some(OFFLINE_TOKENS));
        while article.next_token(&mut text) {}
        return text.trim().to_owned();
    }
    format!("So says {name}:\n\"{topic}\" caf\u{e9} \u{1f600}, and much more of that. The end.")
}

/// One connection of a provider: what it has still to say, and what it does then.
pub(crate) struct Host {
    pub(crate) script: Vec<u8>,
    pub(crate) then: Then,
}

/// See [`Host`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Then {
    /// Waits for the next request.
    Keep,
    End,
    Reset,
    /// Says nothing more, whatever it is asked.
    Silence,
}

/// Takes a whole request off what has arrived, if there is one.
pub(crate) fn request(got: &mut Vec<u8>) -> Option<String> {
    let text = String::from_utf8(got.clone()).expect("requests are text");
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.split("content-length: ").nth(1)?;
    let length: usize = length.lines().next()?.parse().expect("a length");
    if body.len() < length {
        return None;
    }
    let used = head.len() + 4 + length;
    got.drain(..used);
    Some(text[..used].to_owned())
}

/// How a request that came to this address is answered.
pub(crate) fn answer(chance: &mut Rng, to: SocketAddr, request: &str) -> Host {
    let std::net::IpAddr::V4(ip) = to.ip() else {
        panic!("an address that nobody has");
    };
    let last = ip.octets()[3];
    let index = PROVIDERS.iter().position(|p| p.ips.contains(&last));
    let provider = index.expect("an address that somebody has");
    // A spoiled request may ask for anything.
    let topic = request
        .split("topic ")
        .nth(1)
        .and_then(|rest| rest.bytes().next());
    let topic = topic.unwrap_or(b'0').wrapping_sub(b'0');
    let dialect = PROVIDERS[provider].dialect;
    let streamed =
        request.contains("\"stream\":true") || request.contains(":streamGenerateContent");
    let text = text(topic, provider);
    let until_close = chance.u8(0..6) == 0;
    let (head, mut pieces) = if streamed {
        let cut = chance.usize(0..text.len());
        let cut = text.floor_char_boundary(cut);
        let events = events(dialect, &[&text[..cut], &text[cut..]]);
        framed_stream(events, until_close)
    } else {
        framed_whole(&whole(dialect, &text), until_close)
    };
    let then = if until_close { Then::End } else { Then::Keep };
    if chance.bool() {
        let before = ["", "", "HTTP/1.1 100 Continue\r\n\r\n"][chance.usize(0..3)];
        let script = [before, &head, &pieces.concat()].concat().into_bytes();
        return Host { script, then };
    }
    wrong(chance, head, &mut pieces, then)
}

/// A good answer gone bad.
fn wrong(chance: &mut Rng, head: String, pieces: &mut Vec<String>, then: Then) -> Host {
    let host = |text: String, then| Host {
        script: text.into_bytes(),
        then,
    };
    match chance.u8(0..9) {
        0 => {
            let status = [400, 401, 404, 429, 500, 503, 529, 302][chance.usize(0..8)];
            let body = r#"{"error":{"type":"x","code":"y","message":"z"}}"#;
            host(
                openai::answer(status, "Retry-After: 2\r\n", body),
                Then::Keep,
            )
        }
        1 | 2 => {
            let mut script = [head, pieces.concat()].concat().into_bytes();
            script.truncate(chance.usize(0..script.len()));
            let then = [Then::End, Then::Reset, Then::Silence][chance.usize(0..3)];
            Host { script, then }
        }
        3 => {
            let mut script = head.into_bytes();
            let at = chance.usize(0..script.len());
            script[at] = chance.u8(..);
            script.extend_from_slice(pieces.concat().as_bytes());
            Host { script, then }
        }
        4 => {
            // The last thing that is said before the end of the body goes missing.
            let framing = usize::from(then == Then::Keep);
            let last = pieces.len() - 1 - framing;
            pieces.remove(last);
            host([head, pieces.concat()].concat(), then)
        }
        5 if then == Then::Keep => {
            let answer = [head, pieces.concat()].concat();
            host(answer.clone() + &answer, then)
        }
        6 => host(
            openai::answer(200, "Transfer-Encoding: chunked\r\n", "{}"),
            then,
        ),
        7 => host(
            [head, openai::event("nonsense"), pieces.concat()].concat(),
            then,
        ),
        _ => host(String::new(), Then::Silence),
    }
}

fn framed_stream(events: Vec<String>, until_close: bool) -> (String, Vec<String>) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    if until_close {
        return (format!("{head}Connection: close\r\n\r\n"), events);
    }
    let chunk = |event: String| format!("{:x}\r\n{event}\r\n", event.len());
    let mut pieces: Vec<String> = events.into_iter().map(chunk).collect();
    pieces.push(openai::END.to_owned());
    (format!("{head}Transfer-Encoding: chunked\r\n\r\n"), pieces)
}

fn framed_whole(body: &str, until_close: bool) -> (String, Vec<String>) {
    let framing = if until_close {
        "Connection: close".to_owned()
    } else {
        format!("Content-Length: {}", body.len())
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{framing}\r\n\r\n");
    // In two pieces, so that the last one can go missing.
    let (a, b) = body.split_at(body.len() - 1);
    (head, vec![a.to_owned(), b.to_owned()])
}

/// The events of a streamed answer: what it is, its pieces, and its end in one event or two.
fn events(dialect: Dialect, texts: &[&str]) -> Vec<String> {
    let json = |text: &str| serde_json::to_string(text).expect("a string is JSON");
    let texts = texts
        .iter()
        .filter(|text| !text.is_empty())
        .map(|text| json(text));
    let data: Vec<String> = match dialect {
        Dialect::None => Vec::new(),
        Dialect::OpenAi => texts
            .map(|text| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":{text}}}}}]}}"#))
            .chain([r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#.into()])
            .chain(["[DONE]".into()])
            .collect(),
        Dialect::Anthropic => [r#"{"type":"message_start","message":{"model":"m"}}"#.into()]
            .into_iter()
            .chain(texts.map(|text| {
                format!(
                    r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{text}}}}}"#
                )
            }))
            .chain([r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#.into()])
            .chain([r#"{"type":"message_stop"}"#.into()])
            .collect(),
        Dialect::Gemini => texts
            .map(|text| {
                format!(r#"{{"candidates":[{{"content":{{"parts":[{{"text":{text}}}]}},"index":0}}]}}"#)
            })
            .chain([r#"{"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}]}"#.into()])
            .collect(),
    };
    data.into_iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}

/// The JSON of an answer that is not streamed.
fn whole(dialect: Dialect, text: &str) -> String {
    let text = serde_json::to_string(text).expect("a string is JSON");
    match dialect {
        Dialect::Anthropic => format!(
            r#"{{"type":"message","role":"assistant","model":"m","content":[{{"type":"text","text":{text}}}],"stop_reason":"end_turn"}}"#
        ),
        Dialect::Gemini => format!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":{text}}}]}},"finishReason":"STOP"}}]}}"#
        ),
        Dialect::OpenAi | Dialect::None => format!(
            r#"{{"choices":[{{"index":0,"message":{{"content":{text}}},"finish_reason":"stop"}}]}}"#
        ),
    }
}
