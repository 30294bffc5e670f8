//! Chunked answers of a provider: they read alike however they are cut, and what was read can be
//! written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred::proto::http1::{Client, ClientStep, put_chunk, put_last_chunk};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The body of an answer, and how it ended; `cut` bytes come first and the rest later.
fn read(chunks: &[u8], cut: usize) -> (Vec<u8>, String) {
    let input = [HEAD, chunks].concat();
    let mut client = Client::new();
    client.start(false);
    let (mut at, mut end) = (0, HEAD.len() + cut);
    let mut body = Vec::new();
    loop {
        let consumed = match client.step(&input[at..end]) {
            Ok(ClientStep::NeedMore) if end == input.len() => return (body, "cut".into()),
            Ok(ClientStep::NeedMore) => {
                end = input.len();
                0
            }
            Ok(ClientStep::Body { bytes, consumed }) => {
                body.extend_from_slice(bytes);
                consumed
            }
            Ok(ClientStep::End { .. }) => return (body, "end".into()),
            Ok(ClientStep::Head { consumed, .. } | ClientStep::Informational { consumed }) => {
                consumed
            }
            Err(violation) => return (body, violation.code().into()),
        };
        at += consumed;
        assert!(at <= end, "more was used than there is");
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, chunks)) = data.split_first() else {
        return;
    };
    let whole = read(chunks, chunks.len());
    let cut = usize::from(*cut) * chunks.len() / 256;
    assert_eq!(whole, read(chunks, cut), "cut at {cut}");
    if whole.1 == "end" {
        let mut again = Vec::new();
        for piece in whole.0.chunks(7) {
            put_chunk(&mut again, piece);
        }
        put_last_chunk(&mut again);
        assert_eq!(read(&again, 0), whole);
    }
});
