//! What one request costs the engine: everything that the loop does for it but system calls.
//!
//! `cargo bench --bench engine`. The reactor's place is taken by a list: what the engine wants to
//! send is taken at once, and threads have their results ready, so neither the kernel's time nor
//! theirs is in the figures. Scores are measured on their own: they are a thread's work.

use std::hint::black_box;
use std::io::IoSlice;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use maitred::config::{Config, SourceFile, Sources};
use maitred::engine::io::{Input, Output};
use maitred::engine::work::{Work, WorkResult};
use maitred::engine::{ConnId, Engine, Mono, Now, Sizes, WorkId};
use maitred::score::{Scores, score};
use maitred::store::{Found, Written};

/// About what a provider writes in a short answer: 1 KB.
const TEXT: &str = "Tea is a drink that people have made for a very long time, and they like it. ";

/// An engine, one client that stays, and a provider that has been told nothing yet.
struct House {
    engine: Engine,
    now: Now,
    outputs: Vec<Output>,
    dirty: Vec<ConnId>,
    work: Vec<(WorkId, Work)>,
    client: Option<ConnId>,
    provider: Option<ConnId>,
    /// What every text scores.
    scores: Option<Scores>,
    /// Bytes that were sent to the client.
    answered: usize,
    topics: u64,
}

impl House {
    fn new() -> House {
        let text = "[provider.fake]\nbase_url = \"http://127.0.0.1:1\"\nmodel = \"m\"\n\
                    [limits]\nreplay_ms = 1_000\nresume_grace_ms = 0\n";
        let sources = Sources {
            file: Some(SourceFile {
                path: "maitred.toml".into(),
                text: text.to_owned(),
            }),
            ..Sources::default()
        };
        let config = Arc::new(Config::load(&sources).expect("a right configuration"));
        let sizes = Sizes {
            clients: 4,
            upstreams: 4,
            generations: 64,
            scorers: 1,
        };
        let mut house = House {
            engine: Engine::new(config, sizes, 7),
            now: Now::default(),
            outputs: Vec::new(),
            dirty: Vec::new(),
            work: Vec::new(),
            client: None,
            provider: None,
            scores: score(&text_of(1024), &|| false),
            answered: 0,
            topics: 0,
        };
        house.come();
        house
    }

    /// A client connects.
    fn come(&mut self) {
        let peer = [127, 0, 0, 1].into();
        self.client = self.engine.accept(self.now, peer, &mut self.outputs);
        self.perform();
    }

    /// One input, and all that follows from it.
    fn feed(&mut self, input: Input<'_>) {
        self.now.mono = Mono(self.now.mono.0 + 100_000);
        self.now.wall_ms = (self.now.mono.0 / 1_000_000) as i64;
        self.engine.handle(self.now, input, &mut self.outputs);
        self.perform();
        loop {
            if let Some(id) = self.dirty.pop() {
                self.send(id);
            } else if let Some((id, work)) = self.work.pop() {
                let result = self.result(id, work);
                self.engine
                    .handle(self.now, Input::Done(id, result), &mut self.outputs);
                self.perform();
            } else {
                return;
            }
        }
    }

    fn send(&mut self, id: ConnId) {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = self.engine.unsent(id, &mut slices);
        let bytes: usize = slices[..count].iter().map(|slice| slice.len()).sum();
        if bytes > 0 {
            self.answered += usize::from(Some(id) == self.client) * bytes;
            self.dirty.push(id);
            self.engine
                .handle(self.now, Input::Sent(id, bytes), &mut self.outputs);
            self.perform();
        }
    }

    /// What a thread would say. What a scorer does besides scoring is in the figures.
    fn result(&mut self, id: WorkId, work: Work) -> WorkResult {
        match work {
            Work::Finish(finish) => {
                let (passed, write) = finish.pass_on(self.scores.clone());
                self.work.push((id, Work::Write(Box::new(write))));
                WorkResult::PassedOn(passed)
            }
            Work::Write(_) => WorkResult::Written(Ok(Written::Saved)),
            // Texts without scores are looked for once a minute.
            _ => WorkResult::Found(Ok(Found::Unscored(Vec::new()))),
        }
    }

    fn perform(&mut self) {
        for output in self.outputs.drain(..) {
            match output {
                Output::Flush(id) => self.dirty.push(id),
                Output::Connect(id, _) => self.provider = Some(id),
                Output::Submit(id) => {
                    let work = self.engine.take_work(id).expect("the work is there");
                    self.work.push((id, work));
                }
                // A connection has answered as many requests as it may; the next one comes.
                Output::ShutWrite(_) | Output::Close(..) => {}
                other => panic!("{other:?} was not expected"),
            }
        }
    }

    /// The client sends a request. Whatever was not answered is a mistake of this bench.
    fn ask(&mut self, request: &[u8]) {
        let client = self.client.expect("there is a place");
        self.feed(Input::Received(client, request));
    }

    fn provider_says(&mut self, bytes: &[u8]) {
        let provider = self.provider.expect("it was asked");
        self.feed(Input::Received(provider, bytes));
    }

    /// A request for a text on a topic that nobody had before, up to the provider.
    fn generate(&mut self, stream: bool) {
        self.topics += 1;
        let body = format!(
            r#"{{"topic":"tea, cup {}","stream":{stream}}}"#,
            self.topics
        );
        let request = format!(
            "POST /generate/ HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let is_first = self.provider.is_none();
        self.ask(request.as_bytes());
        if let (true, Some(provider)) = (is_first, self.provider) {
            self.feed(Input::Connected(provider));
        }
    }

    /// Leaves after so many requests as a connection may have, and comes back.
    fn change_places(&mut self, every: u64) {
        if self.topics.is_multiple_of(every) {
            let client = self.client.take().expect("it is there");
            self.feed(Input::EndOfInput(client));
            self.feed(Input::Closed(client, maitred::engine::io::Gone::Reset));
            self.come();
        }
    }
}

fn text_of(bytes: usize) -> String {
    TEXT.chars().cycle().take(bytes).collect()
}

/// A provider's whole answer of 1 KB.
fn whole_answer() -> Vec<u8> {
    let text = text_of(1024);
    let body = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":9,"completion_tokens":200,"total_tokens":209}}}}"#
    );
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    let mut house = House::new();
    group.bench_function("GET /healthz", |bencher| {
        bencher.iter(|| {
            house.topics += 1;
            house.change_places(900);
            let before = house.answered;
            house.ask(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
            assert!(house.answered > before);
        });
    });
    let (mut house, answer) = (House::new(), whole_answer());
    group.bench_function("POST /generate/, whole, 1 KB", |bencher| {
        bencher.iter(|| {
            house.change_places(900);
            house.generate(false);
            let before = house.answered;
            house.provider_says(&answer);
            house.feed(Input::Tick);
            assert!(house.answered > before + 1024);
        });
    });
    group.finish();
}

fn events(criterion: &mut Criterion) {
    let data = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":" drink"},"finish_reason":null}]}"#;
    let event = format!("data: {data}\n\n");
    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let streaming = || {
        let mut house = House::new();
        house.generate(true);
        house.provider_says(head.as_bytes());
        house
    };
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(100));
    group.bench_function("100 tokens of a stream", |bencher| {
        bencher.iter_batched_ref(
            streaming,
            |house| {
                let before = house.answered;
                for _ in 0..100 {
                    house.provider_says(black_box(chunk.as_bytes()));
                    house.feed(Input::Tick);
                }
                assert!(house.answered > before + 600);
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn scores(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("score");
    for bytes in [1024, 16 * 1024] {
        let text = text_of(bytes);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("{} KB", bytes / 1024), |bencher| {
            bencher.iter(|| score(black_box(&text), &|| false).is_some());
        });
    }
    group.finish();
}

criterion_group!(benches, requests, events, scores);
criterion_main!(benches);
