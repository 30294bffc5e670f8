//! Clients: what they ask for, and their manners.

use std::collections::VecDeque;

use fastrand::Rng;
use maitred::engine::Mono;

use super::host::PROVIDERS;
use super::world::post;

/// Topics are few, so that equal prompts meet.
pub(crate) const TOPICS: u8 = 4;

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
    /// It sends its FIN as soon as it has said all.
    pub(crate) short: bool,
    /// It never reads.
    pub(crate) deaf: bool,
    /// Not all that it says is HTTP, so nobody knows how many replies there will be.
    pub(crate) wild: bool,
    /// Its side is closed.
    pub(crate) ended: bool,
    /// It was told that no reply will follow.
    pub(crate) dismissed: bool,
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
    /// How many bytes its guest has said when it is complete.
    pub(crate) end: usize,
}

/// What is asked for, as far as the reply is judged by it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Text {
        topic: u8,
        provider: usize,
    },
    Resume {
        id: String,
        from: u64,
    },
    Scores {
        /// It is parsed on a thread, and may fail there before it is accepted.
        long: bool,
    },
    Other,
}

/// A text that a guest has heard of, and offsets in it that it was told.
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) offsets: Vec<u64>,
}

impl Guest {
    pub(crate) fn new(chance: &mut Rng, now: Mono) -> Guest {
        let often = |chance: &mut Rng, one_in: u8| chance.u8(0..one_in) == 0;
        Guest {
            unsaid: Vec::new(),
            said: 0,
            asks: VecDeque::new(),
            more: 1 + chance.usize(0..4),
            pace: [1, 20, 200, 100_000, 100_000][chance.usize(0..5)],
            short: often(chance, 8),
            deaf: often(chance, 12),
            wild: often(chance, 8),
            ended: false,
            dismissed: false,
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

    /// Thinks of `n` requests and puts them on its tongue.
    pub(crate) fn think(&mut self, chance: &mut Rng, known: &[Known], n: usize) {
        for _ in 0..n.min(self.more) {
            self.more -= 1;
            let (mut bytes, what, mut head) = request(chance, known);
            if self.wild {
                // What becomes of a HEAD is not known, and so not where its reply ends.
                while head {
                    (bytes, _, head) = request(chance, known);
                }
                spoil(chance, &mut bytes);
            }
            self.unsaid.extend_from_slice(&bytes);
            self.asks.push_back(Ask {
                what: if self.wild { What::Other } else { what },
                head,
                end: self.said + self.unsaid.len(),
            });
        }
    }
}

fn request(chance: &mut Rng, known: &[Known]) -> (Vec<u8>, What, bool) {
    let text = (!known.is_empty()).then(|| &known[chance.usize(0..known.len())]);
    let id = text.map_or("018bcfe5-6800-7000-8000-000000000000", |text| &text.id);
    let plain = |line: String| format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (request, what) = match chance.u8(0..24) {
        0..=9 => return text_request(chance),
        10..=11 => {
            let long = chance.u8(0..4) == 0;
            (analysis(long), What::Scores { long })
        }
        12..=14 => {
            let offsets = text.map_or(&[][..], |text| &text.offsets);
            let from = chance.choice(offsets).copied().unwrap_or(0);
            let line = format!(
                "GET /generate/{id}/events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: {from}\r\n\r\n"
            );
            let id = id.to_owned();
            (line, What::Resume { id, from })
        }
        15 => (plain(format!("DELETE /generate/{id}")), What::Other),
        16 => (plain(format!("DELETE /contents/{id}")), What::Other),
        17 => (plain(format!("GET /contents/{id}")), What::Other),
        18 => (plain("GET /contents?limit=2".into()), What::Other),
        19 => (plain("GET /metrics".into()), What::Other),
        20 => (post("/generate/", r#"{"topic":5}"#), What::Other),
        21 => (plain("PUT /healthz".into()), What::Other),
        22 => (plain("GET /healthz".into()), What::Other),
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

fn text_request(chance: &mut Rng) -> (Vec<u8>, What, bool) {
    let (topic, stream) = (chance.u8(0..TOPICS), chance.bool());
    let provider = chance.usize(0..PROVIDERS.len());
    let name = PROVIDERS[provider].name;
    let json = format!(r#"{{"topic":"topic {topic}","stream":{stream},"provider":"{name}"}}"#);
    let what = What::Text { topic, provider };
    let request = match chance.u8(0..8) {
        0 => chunked(chance, &json),
        1 => {
            let expect = "\r\nExpect: 100-continue\r\n\r\n";
            post("/generate/", &json).replacen("\r\n\r\n", expect, 1)
        }
        2 => post("/generate/", &json).replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1),
        3 => post("/generate/", &json).replacen("HTTP/1.1", "HTTP/1.0", 1),
        _ => post("/generate/", &json),
    };
    (request.into_bytes(), what, false)
}

/// A text to be scored.
fn analysis(long: bool) -> String {
    let times = if long { 4_000 } else { 1 };
    let text = "I like this very much. ".repeat(times);
    post("/analyze/", &format!(r#"{{"content":"{text}"}}"#))
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
