//! Reading a stream allocates nothing per event, and writing an offline article nothing per token.
//!
//! Ten thousand streams of twenty events a second are two hundred thousand calls a second of the
//! code below, on one thread. This file has one test, because the heap is counted for the whole
//! process.

use maitred::dialect::Event;
use maitred::dialect::offline::Article;
use maitred::dialect::openai::Stream;

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// The chunks of a usual stream, as several servers write them.
const EVENTS: &[&str] = &[
    // OpenAI: the role, then text with escapes, then usage with all its details.
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aB3"}"#,
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"caf\u00e9 \ud83d\ude00\n\t\"☃\" \\"},"logprobs":null,"finish_reason":null}],"usage":null}"#,
    r#"{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}}"#,
    // DeepSeek and OpenRouter: thinking.
    r#"{"choices":[{"index":0,"delta":{"content":null,"reasoning_content":"so\n"},"finish_reason":null}]}"#,
    r#"{"provider":"x","choices":[{"index":0,"delta":{"content":"","reasoning":"so\n"},"native_finish_reason":null}]}"#,
    // Ollama and llama.cpp: bare chunks, timings beside them.
    r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":" then"},"finish_reason":null}],"timings":{"prompt_n":1,"prompt_ms":2.5}}"#,
    r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "[DONE]",
];

/// Azure adds what its filters found, two levels deep.
const AZURE: &str = r#"{"choices":[{"index":0,"delta":{"content":"x"},"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"violence":{"filtered":false}}}]}"#;

/// Without the test harness: its own thread would allocate beside us, and be counted.
fn main() {
    a_usual_event_and_an_offline_token_allocate_nothing();
}

fn a_usual_event_and_an_offline_token_allocate_nothing() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut log = String::with_capacity(64 * 1024);

    // The counter counts: one string is one block.
    assert_eq!(blocks_of(|| drop(String::from("one"))), 1);

    for _ in 0..20 {
        let mut stream = Stream::default();
        for data in EVENTS {
            let blocks = blocks_of(|| read(&mut stream, data, &mut log));
            assert_eq!(blocks, 0, "{data}");
        }
    }
    assert!(log.contains("café 😀\n\t\"☃\" \\"));

    // The known exception: the parser keeps a note of open brackets when it skips nested values.
    let mut stream = Stream::default();
    assert_eq!(blocks_of(|| read(&mut stream, AZURE, &mut log)), 1);

    let mut article = Article::new("the price of a heap allocation", None);
    log.clear();
    let blocks = blocks_of(|| while article.next_token(&mut log) {});
    assert_eq!(blocks, 0, "an article of {} bytes", log.len());
    assert!(log.len() > 2_000);
}

fn read(stream: &mut Stream, data: &str, log: &mut String) {
    let read = stream.event(data.as_bytes(), &mut |event| {
        if let Event::Text(piece) | Event::Thinking(piece) = event {
            piece.append_to(log);
        }
    });
    assert_eq!(read, Ok(()));
}

fn blocks_of(work: impl FnOnce()) -> u64 {
    let before = dhat::HeapStats::get().total_blocks;
    work();
    dhat::HeapStats::get().total_blocks - before
}
