//! Reading a stream allocates nothing per event, passing it on or telling it in another dialect
//! nothing per piece of text, and writing an offline article nothing per token.
//!
//! Ten thousand streams of twenty events a second are two hundred thousand calls a second of the
//! code below, on one thread. This file has one test, because the heap is counted for the whole
//! process.

use maitred::dialect::offline::Article;
use maitred::dialect::speak::{Identity, Speaker};
use maitred::dialect::{AnyStream, Dialect, Event, Relay};

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// The chunks of a usual stream in OpenAI's dialect, as several servers write them.
const OPENAI: &[&str] = &[
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

/// A usual stream of Anthropic, thinking included.
const ANTHROPIC: &[&str] = &[
    r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":1,"service_tier":"standard"}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    r#"{"type": "ping"}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"so\n"}          }"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"caf\u00e9 \ud83d\ude00\n\t\"☃\" \\"}}"#,
    r#"{"type":"content_block_stop","index":1}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15,"server_tool_use":{"web_search_requests":0}}}"#,
    r#"{"type":"message_stop"}"#,
];

/// A usual stream of Gemini, with the details that every event has and the ratings of older models.
const GEMINI: &[&str] = &[
    r#"{"candidates":[{"content":{"parts":[{"text":"so\n","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"totalTokenCount":14,"promptTokensDetails":[{"modality":"TEXT","tokenCount":9}],"thoughtsTokenCount":5},"modelVersion":"gemini-2.5-flash","responseId":"r"}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":"caf\u00e9 \ud83d\ude00\n\t\"☃\" \\"}],"role":"model"},"index":0,"safetyRatings":[{"category":"HARM_CATEGORY_HATE_SPEECH","probability":"NEGLIGIBLE"}]}],"modelVersion":"gemini-2.5-flash"}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":"."}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":12,"totalTokenCount":26,"promptTokensDetails":[{"modality":"TEXT","tokenCount":9}],"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":12}],"thoughtsTokenCount":5},"modelVersion":"gemini-2.5-flash"}"#,
];

const STREAMS: [(Dialect, &[&str]); 3] = [
    (Dialect::OpenAi, OPENAI),
    (Dialect::Anthropic, ANTHROPIC),
    (Dialect::Gemini, GEMINI),
];

/// Azure adds what its filters found, two levels deep.
const AZURE: &str = r#"{"choices":[{"index":0,"delta":{"content":"x"},"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"violence":{"filtered":false}}}]}"#;

/// Without the test harness: its own thread would allocate beside us, and be counted.
fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    a_usual_event_and_an_offline_token_allocate_nothing();
    passing_on_and_translating_allocate_nothing_per_piece_of_text();
}

fn a_usual_event_and_an_offline_token_allocate_nothing() {
    let mut log = String::with_capacity(64 * 1024);

    // The counter counts: one string is one block.
    assert_eq!(blocks_of(|| drop(String::from("one"))), 1);

    for (dialect, events) in STREAMS {
        log.clear();
        for _ in 0..20 {
            let mut stream = dialect.stream();
            for data in events {
                let blocks = blocks_of(|| read(&mut stream, data, &mut log));
                assert_eq!(blocks, 0, "{data}");
            }
        }
        assert!(log.contains("café 😀\n\t\"☃\" \\"), "{dialect:?}");
    }

    // The known exception: the parser keeps a note of open brackets when it skips nested values.
    let mut stream = Dialect::OpenAi.stream();
    assert_eq!(blocks_of(|| read(&mut stream, AZURE, &mut log)), 1);

    let mut article = Article::new("the price of a heap allocation", None);
    log.clear();
    let blocks = blocks_of(|| while article.next_token(&mut log) {});
    assert_eq!(blocks, 0, "an article of {} bytes", log.len());
    assert!(log.len() > 2_000);
}

/// A stream to a client that begins, or whose model stops, costs a few allocations: that is once.
const ONCE: u64 = 8;

fn passing_on_and_translating_allocate_nothing_per_piece_of_text() {
    let identity = Identity {
        id: "chatcmpl-1".to_owned(),
        created: 1,
        model: "alias".to_owned(),
    };
    let mut out = Vec::with_capacity(64 * 1024);
    for (provider, events) in STREAMS {
        let mut relay = Relay::new(provider, 1, true);
        for data in events {
            let blocks = blocks_of(|| {
                let read = relay.event(b"", data.as_bytes(), &mut out, &mut |_| {});
                assert_eq!(read, Ok(()));
            });
            // The end of Gemini's is held back.
            let most = if data.contains("finishReason") {
                ONCE
            } else {
                0
            };
            assert!(blocks <= most, "{data}: {blocks}");
        }
        for (client, _) in STREAMS {
            let mut stream = provider.stream();
            let mut speaker = Speaker::new(client, &identity, true);
            let mut has_begun = false;
            for data in events {
                let (mut pieces, mut others) = (0, 0);
                let read = stream.event(data.as_bytes(), &mut |event| {
                    let is_piece = matches!(event, Event::Text(_) | Event::Thinking(_));
                    let blocks = blocks_of(|| {
                        assert_eq!(speaker.event(&event, &mut out), Ok(()));
                    });
                    if is_piece && std::mem::replace(&mut has_begun, true) {
                        pieces += blocks;
                    } else {
                        others += blocks;
                    }
                });
                assert_eq!((read, pieces), (Ok(()), 0), "{client:?}: {data}");
                assert!(others <= ONCE, "{client:?}: {data}: {others}");
            }
            let blocks = blocks_of(|| assert_eq!(speaker.end(&mut out), Ok(())));
            assert!(blocks <= ONCE, "{client:?}: {blocks} at the end");
        }
        out.clear();
    }
}

fn read(stream: &mut AnyStream, data: &str, log: &mut String) {
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
