//! Providers: three dialects, and every way to get an answer wrong.

use std::net::SocketAddr;

use fastrand::Rng;
use maitred::dialect::offline::Article;

use super::setting::Setting;
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
    provider("named", Dialect::OpenAi, &[7, 8, 9]),
];

const fn provider(name: &'static str, dialect: Dialect, ips: &'static [u8]) -> Provider {
    Provider { name, dialect, ips }
}

/// The configuration that knows them. `named` has a name to be looked up, and TLS.
pub(crate) fn config(connections: usize, setting: Setting) -> String {
    // Where nothing goes wrong, nothing may come too late either.
    let times = if setting.calm {
        "queue_ms = 600000\npool_wait_ms = 600000\nfirst_byte_ms = 600000\n\
         first_content_ms = 600000\ncontent_gap_ms = 600000\ntotal_ms = 600000"
    } else {
        "total_ms = 20000\nbreaker_failures = 3\nbreaker_open_ms = 1000"
    };
    let turns = if setting.calm {
        ""
    } else {
        "concurrency = 3\n"
    };
    let keys = if setting.routed {
        "keys = { one = \"sk-1\", two = \"sk-2\" }"
    } else {
        "key = \"sk-1\""
    };
    let tables = [
        ("llm", "openai", "http://10.0.0.1:8000/v1"),
        ("claude", "anthropic", "http://10.0.0.2:8000"),
        ("gem", "gemini", "http://10.0.0.3:8000/v1beta"),
        ("named", "openai", "https://llm.test/v1"),
    ]
    .map(|(name, kind, base)| {
        format!(
            "[provider.{name}]\nkind = \"{kind}\"\nbase_url = \"{base}\"\nmodel = \"m\"\n\
             {keys}\nconnections = {connections}\n{times}\n{}",
            if setting.routed {
                route(name)
            } else {
                String::new()
            }
        )
    });
    format!(
        "default_provider = \"offline\"\n{}[offline]\ntokens = {OFFLINE_TOKENS}\n{turns}",
        tables.concat()
    )
}

const OFFLINE_TOKENS: u32 = 30;

/// A model that is asked of `first`, and of the others if that is of no use.
fn route(first: &str) -> String {
    let others = PROVIDERS.iter().map(|provider| provider.name);
    let others = others.filter(|name| ![first, "offline"].contains(name));
    let others: Vec<String> = others
        .map(|name| format!("{{ target = \"{name}\", priority = 9 }}"))
        .collect();
    format!(
        "[model.\"{first}/m\"]\ntargets = [\"{first}\", {}]\nslow_ms = 800\nhedge_ms = 300\n",
        others.join(", ")
    )
}

/// How a request for a text says who is to write it.
pub(crate) fn whom(provider: usize, setting: Setting) -> String {
    let name = PROVIDERS[provider].name;
    if setting.routed && name != "offline" {
        format!(r#""model":"{name}/m""#)
    } else {
        format!(r#""provider":"{name}""#)
    }
}

/// What a text is about, and who writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Subject {
    pub(crate) topic: u8,
    pub(crate) provider: usize,
}

/// What this provider writes about this topic, and no other does.
pub(crate) fn text(subject: Subject, setting: Setting) -> String {
    let Subject { topic, provider } = subject;
    let Provider { name, dialect, .. } = &PROVIDERS[provider];
    let name = if setting.routed { "somebody" } else { name };
    if *dialect == Dialect::None {
        let mut text = String::new();
        let mut article = Article::new(&format!("topic {topic}"), Some(OFFLINE_TOKENS));
        while article.next_token(&mut text) {}
        return text.trim().to_owned();
    }
    let more = if setting.lengthy {
        "-".repeat(LENGTHY_BYTES)
    } else {
        String::new()
    };
    format!(
        "So says {name}:\n\"{topic}\" caf\u{e9} \u{1f600}, {more} and much more of that. The end."
    )
}

/// The subject that a stored text is of, if one of ours.
pub(crate) fn subject_of(term: &str, provider: &str) -> Option<Subject> {
    let topic = term.strip_prefix("topic ")?.parse().ok()?;
    let provider = PROVIDERS.iter().position(|known| known.name == provider)?;
    Some(Subject { topic, provider })
}

/// More than a client's buffer and what a provider may be ahead of it.
const LENGTHY_BYTES: usize = 800_000;

/// One connection of a provider: what it has still to say, and what it does then.
pub(crate) struct Host {
    pub(crate) script: Vec<u8>,
    pub(crate) then: Then,
    /// The text, and how much of the script has to be unsaid for it not to be whole.
    pub(crate) whole: Option<(String, usize)>,
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
pub(crate) fn answer(chance: &mut Rng, setting: Setting, to: SocketAddr, request: &str) -> Host {
    let subject = subject(to, request);
    let dialect = PROVIDERS[subject.provider].dialect;
    let streamed =
        request.contains("\"stream\":true") || request.contains(":streamGenerateContent");
    let text = text(subject, setting);
    let until_close = chance.u8(0..6) == 0;
    let ((head, mut pieces), end) = if streamed {
        let cut = chance.usize(0..text.len());
        let cut = text.floor_char_boundary(cut);
        let events = events(dialect, &[&text[..cut], &text[cut..]]);
        (
            framed_stream(events, until_close),
            last_word(dialect).to_owned(),
        )
    } else {
        let document = whole(dialect, &text);
        (framed_whole(&document, until_close), document)
    };
    let then = if until_close { Then::End } else { Then::Keep };
    let mut host = if setting.calm || chance.bool() {
        let before = ["", "", "HTTP/1.1 100 Continue\r\n\r\n"][chance.usize(0..3)];
        says([before, &head, &pieces.concat()].concat(), then)
    } else {
        wrong(chance, head, &mut pieces, then)
    };
    host.whole = left_after(&host.script, end.as_bytes()).map(|left| (text, left));
    host
}

/// What is asked, and who. A spoiled request may ask for anything.
fn subject(to: SocketAddr, request: &str) -> Subject {
    let std::net::IpAddr::V4(ip) = to.ip() else {
        panic!("an address that nobody has");
    };
    let last = ip.octets()[3];
    let index = PROVIDERS.iter().position(|p| p.ips.contains(&last));
    let rest = request.split("topic ").nth(1);
    let topic = rest.and_then(|rest| rest.bytes().next());
    Subject {
        topic: topic.unwrap_or(b'0').wrapping_sub(b'0'),
        provider: index.expect("an address that somebody has"),
    }
}

/// What has to be said at least before a streamed text may be called whole.
fn last_word(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Anthropic => r#""message_stop""#,
        Dialect::Gemini => r#""finishReason":"STOP""#,
        Dialect::OpenAi | Dialect::None => r#""finish_reason":"stop""#,
    }
}

/// How many bytes come after the first `end`.
fn left_after(script: &[u8], end: &[u8]) -> Option<usize> {
    let at = script.windows(end.len()).position(|bytes| bytes == end)?;
    Some(script.len() - at - end.len())
}

fn says(text: String, then: Then) -> Host {
    Host {
        script: text.into_bytes(),
        then,
        whole: None,
    }
}

/// A good answer gone bad.
fn wrong(chance: &mut Rng, head: String, pieces: &mut Vec<String>, then: Then) -> Host {
    match chance.u8(0..9) {
        0 => {
            let status = [400, 401, 404, 429, 500, 503, 529, 302][chance.usize(0..8)];
            let body = r#"{"error":{"type":"x","code":"y","message":"z"}}"#;
            says(
                openai::answer(status, "Retry-After: 2\r\n", body),
                Then::Keep,
            )
        }
        1 | 2 => {
            let then = [Then::End, Then::Reset, Then::Silence][chance.usize(0..3)];
            let mut host = says([head, pieces.concat()].concat(), then);
            host.script.truncate(chance.usize(0..host.script.len()));
            host
        }
        3 => {
            let at = chance.usize(0..head.len());
            let mut host = says([head, pieces.concat()].concat(), then);
            host.script[at] = chance.u8(..);
            host
        }
        4 => {
            // Something of what is said before the end of the body goes missing: the last word, or
            // why the text ends, or both.
            let framing = usize::from(then == Then::Keep);
            let last = pieces.len() - 1 - framing;
            let has_reason = last > 0 && pieces[last - 1].contains("_reason");
            match chance.u8(0..3) {
                0 if has_reason => drop(pieces.remove(last - 1)),
                1 if has_reason => drop(pieces.drain(last - 1..=last)),
                _ => drop(pieces.remove(last)),
            }
            says([head, pieces.concat()].concat(), then)
        }
        5 if then == Then::Keep => says([head, pieces.concat()].concat().repeat(2), then),
        6 => says(
            openai::answer(200, "Transfer-Encoding: chunked\r\n", "{}"),
            then,
        ),
        7 => says(
            [head, openai::event("nonsense"), pieces.concat()].concat(),
            then,
        ),
        _ => says(String::new(), Then::Silence),
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
