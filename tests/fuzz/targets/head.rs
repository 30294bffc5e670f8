//! Requests of a client: whatever comes, and however it is cut, it reads alike and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred::proto::http1::{Server, Step};

/// All that `input` says, when its first `cut` bytes come first and the rest later.
fn read(input: &[u8], cut: usize) -> (Vec<String>, Vec<u8>) {
    let (mut server, mut said, mut body) = (Server::new(), Vec::new(), Vec::new());
    let (mut at, mut end) = (0, cut);
    loop {
        let consumed = match server.step(&input[at..end]) {
            Ok(Step::NeedMore) if end == input.len() => return (said, body),
            Ok(Step::NeedMore) => {
                end = input.len();
                0
            }
            Ok(Step::Head { head, consumed }) => {
                said.push(format!("{head:?}"));
                consumed
            }
            Ok(Step::Body { bytes, consumed }) => {
                assert!(!bytes.is_empty(), "a piece of a body is never empty");
                body.extend_from_slice(bytes);
                consumed
            }
            Ok(Step::End { consumed }) => {
                said.push(format!("end after {}", body.len()));
                server.next_request();
                consumed
            }
            Err(refusal) => {
                assert!((400..600).contains(&refusal.status()));
                said.push(refusal.code().to_string());
                return (said, body);
            }
        };
        at += consumed;
        assert!(at <= end, "more was used than there is");
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, input)) = data.split_first() else {
        return;
    };
    let whole = read(input, input.len());
    let cut = usize::from(*cut) * input.len() / 256;
    assert_eq!(whole, read(input, cut), "cut at {cut}");
});
