//! JSON of clients and of providers: never a panic, and nothing is taken for a request that is no
//! JSON to others.
#![no_main]

use libfuzzer_sys::fuzz_target;
use maitred::dialect::Dialect;
use maitred::engine::flow::body::{Shape, parse};

fuzz_target!(|data: &[u8]| {
    for shape in [
        Shape::Generate,
        Shape::Batch,
        Shape::Analyze,
        Shape::Keywords,
    ] {
        match parse(shape, data) {
            Ok(_) => assert!(serde_json::from_slice::<serde_json::Value>(data).is_ok()),
            Err(fault) => assert!(matches!(fault.status(), 400 | 413 | 422)),
        }
    }
    for dialect in [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini] {
        let mut stream = dialect.stream();
        for line in data.split(|byte| *byte == b'\n') {
            if stream.event(line, &mut |_| {}).is_err() {
                break;
            }
        }
        // An answer that is understood is JSON.
        if dialect.answer(data, &mut |_| {}).is_ok() {
            assert!(serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok());
        }
    }
});
