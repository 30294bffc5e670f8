//! Forwarding a provider's event to a client allocates nothing: from the bytes that were received
//! to the bytes that are to be sent, through the whole engine.
//!
//! This file has one test, because the heap is counted for the whole process.
#![allow(clippy::unwrap_used)]

use std::io::IoSlice;
use std::sync::Arc;

use maitred::config::{self, Config, RateRule, SourceFile, Sources};
use maitred::engine::io::{Input, Output};
use maitred::engine::policy::rate::{Cost, Rates, Subject};
use maitred::engine::{ConnId, Engine, Mono, Now, Sizes};

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// An engine with one client and one provider, and a reactor that takes every byte at once.
struct Bench {
    engine: Engine,
    now: Now,
    outputs: Vec<Output>,
    dirty: Vec<ConnId>,
    provider: Option<ConnId>,
    sent: usize,
}

impl Bench {
    fn new() -> Bench {
        let text = "[provider.fake]\nbase_url = \"http://127.0.0.1:1\"\nmodel = \"m\"\n";
        let sources = Sources {
            file: Some(SourceFile {
                path: "maitred.toml".into(),
                text: text.to_owned(),
            }),
            ..Sources::default()
        };
        let sizes = Sizes {
            clients: 4,
            upstreams: 4,
            generations: 4,
            scorers: 1,
        };
        Bench {
            engine: Engine::new(Arc::new(Config::load(&sources).unwrap()), sizes, 7),
            now: Now::default(),
            outputs: Vec::new(),
            dirty: Vec::new(),
            provider: None,
            sent: 0,
        }
    }

    /// One input, and everything that follows from it.
    fn feed(&mut self, input: Input<'_>) {
        self.now.mono = Mono(self.now.mono.0 + 1_000_000);
        self.engine.handle(self.now, input, &mut self.outputs);
        self.perform();
        while let Some(id) = self.dirty.pop() {
            let mut slices = [IoSlice::new(&[]); 16];
            let count = self.engine.unsent(id, &mut slices);
            let bytes: usize = slices[..count].iter().map(|slice| slice.len()).sum();
            if bytes > 0 {
                self.sent += bytes;
                self.dirty.push(id);
                self.engine
                    .handle(self.now, Input::Sent(id, bytes), &mut self.outputs);
                self.perform();
            }
        }
    }

    fn perform(&mut self) {
        for output in self.outputs.drain(..) {
            match output {
                Output::Flush(id) => self.dirty.push(id),
                Output::Connect(id, _) => self.provider = Some(id),
                // Texts without scores are looked for once a minute; nobody answers here.
                Output::Submit(id) => drop(self.engine.take_work(id)),
                other => panic!("{other:?} was not expected"),
            }
        }
    }

    /// Receives `chunk` from the provider so many times.
    fn receive(&mut self, chunk: &str, times: usize) {
        let provider = self.provider.expect("it was connected");
        for _ in 0..times {
            self.feed(Input::Received(provider, chunk.as_bytes()));
            self.feed(Input::Tick);
        }
    }
}

/// Blocks that `work` asks the heap for.
fn blocks_of(work: impl FnOnce()) -> u64 {
    let before = dhat::HeapStats::get().total_blocks;
    work();
    dhat::HeapStats::get().total_blocks - before
}

/// Without the test harness: its own thread would allocate beside us, and be counted.
fn main() {
    a_forwarded_event_allocates_nothing();
}

/// Charging and settling, also where each request is somebody else's and the table is full.
fn a_rate_limit_allocates_nothing() {
    let rule = |count, window_ms| RateRule { count, window_ms };
    let config = config::Rate {
        requests: vec![rule(5, 1_000), rule(1_000, 60_000)],
        tokens: vec![rule(100_000, 1_000)],
        connections: None,
        subjects: 100,
    };
    let mut rates = Rates::new(&config, 1);
    let allocated = blocks_of(|| {
        for n in 0..100_000 {
            let (now, who) = (Mono(0).plus_ms(n), Subject::V4((n % 997) as u32));
            if let Ok(reserved) = rates.take(now, who, Cost::of_text(100, 1, Some(9))) {
                rates.settle(now, reserved, 30, true);
            }
        }
    });
    assert_eq!(allocated, 0);
    assert!(rates.tally.charged > 0 && rates.tally.crowded > 0);
}

/// Who asks: our own API, and each vendor's, the first of which is the provider's own.
const ASKED: [(&str, &str); 4] = [
    ("/generate/", r#"{"topic":"tea","stream":true}"#),
    (
        "/v1/chat/completions",
        r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Tea?"}]}"#,
    ),
    (
        "/v1/messages",
        r#"{"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"Tea?"}]}"#,
    ),
    (
        "/v1beta/models/m:streamGenerateContent?alt=sse",
        r#"{"contents":[{"role":"user","parts":[{"text":"Tea?"}]}]}"#,
    ),
];

fn a_forwarded_event_allocates_nothing() {
    let _profiler = dhat::Profiler::builder().testing().build();
    assert_eq!(
        blocks_of(|| drop(String::from("one"))),
        1,
        "the counter counts"
    );
    for (path, body) in ASKED {
        forward(path, body);
    }
    a_rate_limit_allocates_nothing();
}

fn forward(path: &str, body: &str) {
    let mut bench = Bench::new();
    let mut outputs = Vec::new();
    let client = bench
        .engine
        .accept(bench.now, [127, 0, 0, 1].into(), &mut outputs)
        .unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    bench.feed(Input::Received(client, request.as_bytes()));
    let provider = bench.provider.expect("it connects");
    bench.feed(Input::Connected(provider));
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    bench.feed(Input::Received(provider, head.as_bytes()));

    let data =
        r#"{"choices":[{"index":0,"delta":{"content":"a \"tea\"\n"},"finish_reason":null}]}"#;
    let event = format!("data: {data}\n\n");
    let chunk = format!("{:x}\r\n{event}\r\n", event.len());

    // The log of the text grows by doubling, from the 12 bytes that a piece has with its escapes: 56,000
    // bytes, 8 of each piece, have 98,304 reserved.
    bench.receive(&chunk, 7_000);
    let before = bench.sent;
    assert_eq!(blocks_of(|| bench.receive(&chunk, 3_000)), 0, "{path}");
    let each = (bench.sent - before) / 3_000;
    assert!(
        each > 40,
        "{path}: {each} bytes for each event: nothing was forwarded"
    );
}
