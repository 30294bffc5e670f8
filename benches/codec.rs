//! What the codecs cost: the head of a request, a chunked body, a stream of events.
//!
//! `cargo bench --bench codec`. Figures are bytes of input per second on one core.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use maitred::proto::http1::{Client, ClientStep, Server, Step, put_chunk, put_last_chunk};
use maitred::proto::sse::{Reader, write_event};
use std::hint::black_box;

/// About what a browser sends.
const REQUEST: &[u8] = b"POST /v1/generate?stream=true HTTP/1.1\r\n\
    Host: maitred.example:8080\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/event-stream\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Content-Type: application/json\r\n\
    Authorization: Bearer sk-0123456789abcdef0123456789abcdef\r\n\
    Content-Length: 0\r\n\
    Connection: keep-alive\r\n\r\n";

const TOKENS: usize = 1000;

/// A thousand small events, as a provider streams tokens.
fn event_stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..TOKENS {
        let data = br#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":" token"}}]}"#;
        write_event(&mut stream, None, None, data);
    }
    stream
}

/// The same, each event in a chunk of its own.
fn chunked_response() -> Vec<u8> {
    let mut response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let stream = event_stream();
    for event in stream.chunks(stream.len() / TOKENS) {
        put_chunk(&mut response, event);
    }
    put_last_chunk(&mut response);
    response
}

fn head(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("request head");
    group.throughput(Throughput::Bytes(REQUEST.len() as u64));
    group.bench_function("whole", |bencher| {
        bencher.iter(|| {
            let mut server = Server::new();
            match server.step(black_box(REQUEST)) {
                Ok(Step::Head { head, .. }) => head.path.len(),
                other => panic!("{other:?}"),
            }
        });
    });
    group.bench_function("byte by byte", |bencher| {
        bencher.iter(|| {
            let mut server = Server::new();
            (0..=REQUEST.len())
                .filter(|length| {
                    matches!(
                        server.step(black_box(&REQUEST[..*length])),
                        Ok(Step::Head { .. })
                    )
                })
                .count()
        });
    });
    group.finish();
}

fn chunks(criterion: &mut Criterion) {
    let response = chunked_response();
    let mut group = criterion.benchmark_group("chunked body");
    group.throughput(Throughput::Bytes(response.len() as u64));
    group.bench_function("a thousand chunks", |bencher| {
        bencher.iter(|| {
            let mut client = Client::new();
            client.start(false);
            let (mut at, mut content) = (0, 0);
            loop {
                match client.step(black_box(&response[at..])) {
                    Ok(ClientStep::Head { consumed, .. }) => at += consumed,
                    Ok(ClientStep::Body { bytes, consumed }) => {
                        content += bytes.len();
                        at += consumed;
                    }
                    Ok(ClientStep::End { .. }) => break content,
                    other => panic!("{other:?}"),
                }
            }
        });
    });
    group.finish();
}

fn events(criterion: &mut Criterion) {
    let stream = event_stream();
    let mut group = criterion.benchmark_group("server-sent events");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    for (name, piece_bytes) in [("whole", stream.len()), ("in pieces of 100 bytes", 100)] {
        group.bench_function(name, |bencher| {
            let mut reader = Reader::new();
            bencher.iter(|| {
                let mut seen = 0;
                for mut piece in stream.chunks(piece_bytes) {
                    while let Ok(Some(event)) = reader.next(black_box(&mut piece)) {
                        seen += event.data.len();
                    }
                }
                seen
            });
        });
    }
    group.finish();
}

criterion_group!(benches, head, chunks, events);
criterion_main!(benches);
