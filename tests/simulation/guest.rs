//! Clients: what they ask for, and their manners.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use fastrand::Rng;
use maitred::engine::Mono;

use super::chat::{self, Chat};
use super::host::{self, PROVIDERS, Subject};
use super::setting::Setting;
use super::world::post;

/// Topics are few, so that equal prompts meet.
const TOPICS: u8 = 4;

/// More than the loop parses itself.
const LONG_BYTES: usize = 70_000;

/// One client.
pub(crate) struct Guest {
    /// What it has still to say.
    pub(crate) unsaid: Vec<u8>,
    /// Bytes it has said.
    pub(crate) said: usize,
    /// What it has no reply to yet, in order.
    pub(crate) asks: VecDeque<Ask>,
    /// Requests that it thinks of one by one.
    pub(crate) more: usize,
    /// Bytes that it says at a time.
    pub(crate) pace: usize,
    /// All bodies that it sends are long.
    long: bool,
    /// It sends its FIN as soon as it has said all.
    pub(crate) short: bool,
    /// It never reads.
    pub(crate) deaf: bool,
    /// Not all that it says is HTTP, so nobody knows how many replies there will be.
    pub(crate) wild: bool,
    /// Its side is closed.
    pub(crate) ended: bool,
    /// … and so it counts as gone, or is gone: replies may be cut.
    pub(crate) left: bool,
    /// It was told that no reply will follow.
    pub(crate) dismissed: bool,
    /// It has said something after the server's FIN, which nobody has read.
    pub(crate) late: bool,
    /// Since when it has been waiting for its next reply.
    pub(crate) since: Mono,
    /// Replies it has read.
    pub(crate) replies: usize,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) what: What,
    pub(crate) head: bool,
    /// Whether it has a key.
    pub(crate) keyed: bool,
    /// How many bytes its guest has said when it is complete.
    pub(crate) end: usize,
}

/// What is asked for, as far as the reply is judged by it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Text(Subject),
    Resume {
        text: Told,
        from: u64,
    },
    Read(Told),
    Delete(Told),
    Stop(Told),
    /// Texts of one provider about these topics.
    Batch(Vec<Subject>),
    /// The best of several texts.
    Best(Subject),
    Keywords,
    Chat(Chat),
    Scores {
        /// It is parsed on a thread, and may fail there before it is accepted.
        long: bool,
    },
    Other,
}

/// A text as a guest knows it that asks for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) id: String,
    /// What it is about, unless nobody has asked for it.
    pub(crate) subject: Option<Subject>,
    /// Somebody was told before that it is deleted.
    pub(crate) gone: bool,
}

/// A text that a guest has heard of, and offsets in it that it was told.
pub(crate) struct Known {
    pub(crate) text: Told,
    pub(crate) offsets: Vec<u64>,
}

impl Guest {
    pub(crate) fn new(chance: &mut Rng, setting: Setting, now: Mono) -> Guest {
        let odd = |chance: &mut Rng, one_in: u8| chance.u8(0..one_in) == 0 && !setting.calm;
        Guest {
            unsaid: Vec::new(),
            said: 0,
            asks: VecDeque::new(),
            more: 1 + chance.usize(0..4),
            pace: if setting.calm {
                [30_000, 100_000][chance.usize(0..2)]
            } else {
                [1, 20, 200, 100_000, 100_000][chance.usize(0..5)]
            },
            long: chance.u8(0..5) == 0,
            short: odd(chance, 8),
            deaf: odd(chance, 12),
            wild: odd(chance, 8),
            ended: false,
            left: false,
            dismissed: false,
            late: false,
            since: now,
            replies: 0,
        }
    }

    /// In words, without what it says.
    pub(crate) fn describe(&self) -> String {
        let manners = [
            (self.wild, "wild"),
            (self.deaf, "deaf"),
            (self.short, "short"),
            (self.ended, "ended"),
        ];
        let manners = manners.iter().filter(|(is, _)| *is).map(|(_, word)| *word);
        let words: Vec<&str> = manners.collect();
        let (asks, unsaid) = (&self.asks, self.unsaid.len());
        format!(
            "{words:?}, {} B at a time, {unsaid} B of {asks:?}",
            self.pace
        )
    }

    /// Whether a whole request waits for its reply.
    pub(crate) fn waits(&self) -> bool {
        self.asks.front().is_some_and(|ask| ask.end <= self.said)
    }

    /// Whether it does all that a client has to do to get its replies.
    pub(crate) fn is_proper(&self) -> bool {
        !(self.deaf || self.wild || self.left || self.late)
    }

    /// Sends its FIN.
    pub(crate) fn end(&mut self, setting: Setting) {
        self.ended = true;
        self.left |= !setting.half_close;
    }

    /// Thinks of `n` requests and puts them on its tongue.
    pub(crate) fn think(&mut self, chance: &mut Rng, setting: Setting, known: &[Known], n: usize) {
        for _ in 0..n.min(self.more) {
            self.more -= 1;
            let (mut bytes, what, mut head) = request(chance, setting, known, self.long);
            if self.wild {
                // What becomes of a HEAD is not known, and so not where its reply ends.
                while head {
                    (bytes, _, head) = request(chance, setting, known, self.long);
                }
                spoil(chance, &mut bytes);
            }
            let keyed = setting.keyed && !self.wild && chance.bool() && add_key(&mut bytes, &what);
            if bytes.len() > LONG_BYTES {
                self.pace = self.pace.max(20_000); // or it would never come to its end
            }
            self.unsaid.extend_from_slice(&bytes);
            self.asks.push_back(Ask {
                what: if self.wild { What::Other } else { what },
                head,
                keyed,
                end: self.said + self.unsaid.len(),
            });
        }
    }
}

fn request(
    chance: &mut Rng,
    setting: Setting,
    known: &[Known],
    long: bool,
) -> (Vec<u8>, What, bool) {
    let known = (!known.is_empty()).then(|| &known[chance.usize(0..known.len())]);
    let text = known.map_or_else(nothing, |known| known.text.clone());
    let id = &text.id;
    let plain = |line: String| format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (request, what) = match chance.u8(0..36) {
        _ if setting.crowd && chance.u8(0..4) > 0 => return text_request(chance, setting, long),
        0..=10 => return text_request(chance, setting, long),
        11..=12 => (analysis(long), What::Scores { long }),
        13..=15 => {
            let offsets = known.map_or(&[][..], |known| &known.offsets);
            let from = chance.choice(offsets).copied().unwrap_or(0);
            let line = format!(
                "GET /generate/{id}/events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: {from}\r\n\r\n"
            );
            (line, What::Resume { text, from })
        }
        26 | 27 if !setting.several => return text_request(chance, setting, long),
        26 => return batch(chance, setting),
        27 => return best(chance, setting),
        28 => (keywords(long), What::Keywords),
        29 => (plain("GET /contents/export".into()), What::Other),
        30 => (import(chance), What::Other),
        31..=35 => return chat::request(chance, setting, long),
        // Whoever stops a text takes it from all who wait for it.
        16 if setting.calm => (plain("GET /healthz".into()), What::Other),
        16 => (plain(format!("DELETE /generate/{id}")), What::Stop(text)),
        17 => (plain(format!("DELETE /contents/{id}")), What::Delete(text)),
        18 => (plain(format!("GET /contents/{id}")), What::Read(text)),
        19 => (plain("GET /contents?limit=2".into()), What::Other),
        20 => (plain("GET /metrics".into()), What::Other),
        21 => (post("/generate/", r#"{"topic":5}"#), What::Other),
        22 => (plain("PUT /healthz".into()), What::Other),
        23 => (plain("GET /healthz".into()), What::Other),
        _ => {
            let path = ["/healthz", "/contents", "/nowhere"][chance.usize(0..3)];
            return (
                plain(format!("HEAD {path}")).into_bytes(),
                What::Other,
                true,
            );
        }
    };
    (request.into_bytes(), what, false)
}

/// Gives a request a key, if it is for one text: equal ones the same, and others another.
fn add_key(bytes: &mut Vec<u8>, what: &What) -> bool {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let is_for_text = matches!(what, What::Text(_) | What::Chat(_));
    if !is_for_text || head.contains("chunked") {
        return false;
    }
    let target = head.split(' ').nth(1).unwrap_or("");
    let mut hash = DefaultHasher::new();
    (target, body).hash(&mut hash);
    let key = format!("\r\nIdempotency-Key: {:x}\r\n", hash.finish());
    *bytes = text.replacen("\r\n", &key, 1).into_bytes();
    true
}

/// A few texts, some of them the same in each import, some wrong.
fn import(chance: &mut Rng) -> String {
    let mut lines = String::new();
    for _ in 0..chance.usize(0..4) {
        let n = chance.u8(0..8);
        let text = "Nice. ".repeat(chance.usize(1..20_000));
        lines += &match n {
            0 => "{\"topic\":\"no text\"}\n".to_owned(),
            _ => format!(
                "{{\"id\":\"0190d6a5-6f27-7ad0-8a5e-00000000000{n}\",\"topic\":\"t{n}\",\
                 \"provider\":\"import\",\"text\":\"{text}\"}}\n"
            ),
        };
    }
    let kind = "Content-Type: application/x-ndjson";
    post("/contents/import", &lines).replace("Content-Type: application/json", kind)
}

/// An id that nothing has.
fn nothing() -> Told {
    Told {
        id: "018bcfe5-6800-7000-8000-000000000000".to_owned(),
        subject: None,
        gone: false,
    }
}

fn text_request(chance: &mut Rng, setting: Setting, long: bool) -> (Vec<u8>, What, bool) {
    let (mut topic, mut stream) = (chance.u8(0..TOPICS), chance.bool());
    let mut provider = chance.usize(0..PROVIDERS.len());
    if setting.crowd {
        (topic, stream, provider) = (0, true, 1);
    }
    stream |= setting.lengthy;
    let whom = host::whom(provider, setting);
    let mut json = format!(r#"{{"topic":"topic {topic}","stream":{stream},{whom}}}"#);
    if long {
        json = lengthened(&json);
    }
    let what = What::Text(Subject { topic, provider });
    let request = match chance.u8(0..10) {
        0 => chunked(chance, &json),
        1 => {
            let expect = "\r\nExpect: 100-continue\r\n\r\n";
            post("/generate/", &json).replacen("\r\n\r\n", expect, 1)
        }
        2 => post("/generate/", &json).replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1),
        3 => post("/generate/", &json).replacen("HTTP/1.1", "HTTP/1.0", 1),
        4 if !setting.calm => {
            let within = format!("HTTP/1.1\r\nX-Request-Timeout-Ms: {}", chance.u64(1..5_000));
            post("/generate/", &json).replacen("HTTP/1.1", &within, 1)
        }
        _ => post("/generate/", &json),
    };
    (request.into_bytes(), what, false)
}

fn batch(chance: &mut Rng, setting: Setting) -> (Vec<u8>, What, bool) {
    let provider = if setting.crowd {
        1
    } else {
        chance.usize(0..PROVIDERS.len())
    };
    let topics: Vec<u8> = (0..chance.u8(1..5)).map(|_| chance.u8(0..TOPICS)).collect();
    let words: Vec<String> = topics
        .iter()
        .map(|topic| format!("topic {topic}"))
        .collect();
    let whom = host::whom(provider, setting);
    let json = format!(r#"{{"topics":{words:?},{whom}}}"#);
    let subjects = topics.into_iter().map(|topic| Subject { topic, provider });
    let what = What::Batch(subjects.collect());
    (post("/batch", &json).into_bytes(), what, false)
}

fn best(chance: &mut Rng, setting: Setting) -> (Vec<u8>, What, bool) {
    let (topic, provider) = (chance.u8(0..TOPICS), chance.usize(0..PROVIDERS.len()));
    let whom = host::whom(provider, setting);
    let json = format!(r#"{{"topic":"topic {topic}",{whom},"candidates":3}}"#);
    let what = What::Best(Subject { topic, provider });
    (post("/generate/", &json).into_bytes(), what, false)
}

fn keywords(long: bool) -> String {
    let json = format!(r#"{{"content":"{LIKED}","method":"local"}}"#);
    let json = if long { lengthened(&json) } else { json };
    post("/keywords/", &json)
}

/// What texts say that are to be scored.
pub(crate) const LIKED: &str = "I like this very much.";

/// A text to be scored.
fn analysis(long: bool) -> String {
    let json = format!(r#"{{"content":"{LIKED}"}}"#);
    let json = if long { lengthened(&json) } else { json };
    post("/analyze/", &json)
}

/// The same document, with so much white space that it is parsed on a thread.
fn lengthened(json: &str) -> String {
    json.replacen('{', &format!("{{{}", " ".repeat(LONG_BYTES)), 1)
}

fn chunked(chance: &mut Rng, json: &str) -> String {
    let (a, b) = json.split_at(chance.usize(1..json.len()));
    format!(
        "POST /generate/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{a}\r\n{:x};x=\"y\"\r\n{b}\r\n0\r\nX-Trailer: z\r\n\r\n",
        a.len(),
        b.len()
    )
}

/// Something of it is not as it was. The method stays: a HEAD could not be told from a GET.
fn spoil(chance: &mut Rng, bytes: &mut Vec<u8>) {
    let at = chance.usize(5..bytes.len());
    match chance.u8(0..5) {
        0 => bytes[at] = chance.u8(..),
        1 => drop(bytes.remove(at)),
        2 => bytes.insert(at, b"\r\n :0\x00"[chance.usize(0..6)]),
        3 => bytes.truncate(at),
        _ => *bytes = (0..at).map(|_| chance.u8(..)).collect(),
    }
}
