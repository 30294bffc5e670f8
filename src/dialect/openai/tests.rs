#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::dialect::tests::words;

/// One streamed call, from the bytes of the body to what the engine would learn.
#[derive(Default)]
struct Call {
    stream: Stream,
    unread: Vec<u8>,
    said: Vec<String>,
    malformed: Option<Malformed>,
}

impl Call {
    /// Takes bytes as they come off a socket. The splitting is just enough for these tests:
    /// `data: …`, a blank line, comments.
    fn received(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
        while let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = self.unread.drain(..end + 2).collect();
            let Some(data) = event[..end].strip_prefix(b"data: ") else {
                continue;
            };
            let said = &mut self.said;
            let read = self
                .stream
                .event(data, &mut |event| said.push(words(event)));
            self.malformed = self.malformed.or(read.err());
        }
    }

    fn whole(body: &str) -> Self {
        let mut call = Self::default();
        call.received(body.as_bytes());
        call
    }

    fn said(&self) -> String {
        self.said.join(" | ")
    }
}

/// A stream as OpenAI sends it.
const GOLDEN: &str = concat!(
    r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aB3"}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":"Caf\u00e9 \ud83d\ude00\n\"☃\""},"finish_reason":null}],"usage":null}"#,
    "\n\n: keep-alive\n\n",
    r#"data: {"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{"content":" 😀."},"finish_reason":null}],"usage":null}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-1","model":"gpt-4o-2024-08-06","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}}"#,
    "\n\n",
    "data: [DONE]\n\n",
);

const GOLDEN_SAID: &str = "model gpt-4o-2024-08-06 | text Café 😀\n\"☃\" | text  😀. | finish stop stop | usage [9, 12, 21, 4, 0] | done";

fn content(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

fn finish(reason: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{reason}\"}}]}}\n\n"
    )
}

fn delta(delta: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n")
}

#[test]
fn a_golden_stream_says_the_same_at_every_split() {
    for split in 0..=GOLDEN.len() {
        let mut call = Call::default();
        call.received(&GOLDEN.as_bytes()[..split]);
        call.received(&GOLDEN.as_bytes()[split..]);
        assert_eq!(call.said(), GOLDEN_SAID, "split at {split}");
        assert_eq!(call.stream.end(), End::Complete);
        assert_eq!(call.malformed, None);
    }
}

#[test]
fn a_golden_stream_cut_anywhere_before_its_finish_reason_is_truncated() {
    let finished = GOLDEN.find(r#""finish_reason":"stop""#).unwrap();
    let finished = finished + GOLDEN[finished..].find("\n\n").unwrap() + 2;
    for cut in 0..GOLDEN.len() {
        let mut call = Call::default();
        call.received(&GOLDEN.as_bytes()[..cut]);
        let expected = if cut < finished {
            End::Truncated
        } else {
            End::Complete
        };
        assert_eq!(call.stream.end(), expected, "cut at {cut}");
    }
}

#[test]
fn every_finish_reason_has_its_place_in_the_table() {
    for (native, neutral) in [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("something_new", "other"),
    ] {
        let call = Call::whole(&(content("x") + &finish(native)));
        assert_eq!(call.said(), format!("text x | finish {neutral} {native}"));
        assert_eq!(call.stream.end(), End::Complete);
    }
}

#[test]
fn a_finish_reason_counts_once_and_only_when_it_says_something() {
    let call = Call::whole(&(finish("") + &content("x") + &finish("length") + &finish("stop")));
    assert_eq!(call.said(), "text x | finish length length");
}

#[test]
fn done_without_a_finish_reason_is_truncated() {
    let call = Call::whole(&(content("x") + "data: [DONE]\n\n" + &finish("stop")));
    assert_eq!(call.said(), "text x | done");
    assert_eq!(call.stream.end(), End::Truncated);
}

#[test]
fn an_error_inside_the_stream_ends_it_before_or_after_content() {
    let error = r#"data: {"error":{"message":"secret prose","type":"server_error","code":null}}"#;
    for before in ["", &content("x"), &(content("x") + &finish("stop"))] {
        let call = Call::whole(&format!("{before}{error}\n\n{}", content("late")));
        assert!(call.said().ends_with("error Internal Some(server_error)"));
        assert!(!call.said().contains("late"));
        assert_eq!(call.stream.end(), End::Truncated);
    }
}

#[test]
fn errors_of_every_shape_are_seen_and_sorted() {
    for (error, said) in [
        (r#""model crashed""#, "error Internal None"),
        (
            r#"{"code":429,"message":"slow down"}"#,
            "error RateLimited None",
        ),
        (r#"{"code":"429"}"#, "error Internal Some(429)"),
        (
            r#"{"code":502,"message":"Provider disconnected"}"#,
            "error Internal None",
        ),
        (
            r#"{"type":"overloaded_error"}"#,
            "error Overloaded Some(overloaded_error)",
        ),
        (
            r#"{"type":"insufficient_quota","code":"insufficient_quota"}"#,
            "error QuotaExceeded Some(insufficient_quota)",
        ),
        (
            r#"{"type":"tokens","code":"rate_limit_exceeded"}"#,
            "error RateLimited Some(rate_limit_exceeded)",
        ),
        (r#"{"code":42}"#, "error Internal None"),
        ("true", "error Internal None"),
        ("[{}]", "error Internal None"),
    ] {
        let event = format!("data: {{\"choices\":[],\"error\":{error}}}\n\n");
        assert_eq!(Call::whole(&event).said(), said, "{error}");
    }
    for nothing in ["null", "false", "0", "\"\"", "{}", "[]"] {
        let event = format!("data: {{\"choices\":[],\"error\":{nothing}}}\n\n");
        assert_eq!(Call::whole(&event).said(), "", "{nothing}");
    }
}

#[test]
fn a_finish_reason_that_means_failure_is_an_error() {
    for (native, said) in [
        ("error", "error Internal Some(error)"),
        ("abort", "error Internal Some(abort)"),
        (
            "insufficient_system_resource",
            "error Overloaded Some(insufficient_system_resource)",
        ),
    ] {
        let call = Call::whole(&(content("x") + &finish(native)));
        assert_eq!(call.said(), format!("text x | {said}"));
        assert_eq!(call.stream.end(), End::Truncated);
    }
}

#[test]
fn thinking_and_refusals_are_kept_apart_from_the_answer() {
    let body = [
        r#"{"content":null,"reasoning_content":"hm"}"#,
        r#"{"content":"","reasoning":"hm"}"#,
        r#"{"reasoning":"same","reasoning_content":"same"}"#,
        r#"{"reasoning":"only","reasoning_content":""}"#,
        r#"{"content":"yes","reasoning_content":null}"#,
        r#"{"content":null,"refusal":"I can't."}"#,
    ];
    assert_eq!(
        Call::whole(&body.map(delta).concat()).said(),
        "thinking hm | thinking hm | thinking same | thinking only | text yes | refusal I can't."
    );
}

#[test]
fn usage_may_come_on_any_chunk_and_a_zero_is_not_missing() {
    for (usage, said) in [
        ("null", ""),
        ("{}", ""),
        (r#"{"prompt_tokens":0}"#, "usage [0, -1, -1, -1, -1]"),
        (
            r#"{"prompt_tokens":3,"completion_tokens":null}"#,
            "usage [3, -1, -1, -1, -1]",
        ),
        (
            r#"{"prompt_tokens":-1,"completion_tokens":2.5,"total_tokens":"7"}"#,
            "",
        ),
        (
            r#"{"prompt_tokens":99999999999999999999999,"total_tokens":5}"#,
            "usage [-1, -1, 5, -1, -1]",
        ),
        (
            r#"{"prompt_tokens":5,"prompt_cache_hit_tokens":4,"prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":6}}"#,
            "usage [5, -1, -1, 4, 6]",
        ),
    ] {
        let event = format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\n");
        assert_eq!(Call::whole(&event).said(), said, "{usage}");
    }
    let beside = r#"data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"usage":{"total_tokens":1}}"#;
    assert_eq!(
        Call::whole(&format!("{beside}\n\n")).said(),
        "text x | finish stop stop | usage [-1, -1, 1, -1, -1]"
    );
}

#[test]
fn only_the_choice_that_was_asked_for_counts() {
    let call = Call::whole(concat!(
        r#"data: {"choices":[{"index":1,"delta":{"content":"B"},"finish_reason":"stop"},{"index":0,"delta":{"content":"A"}}]}"#,
        "\n\n"
    ));
    assert_eq!(call.said(), "text A");
    assert_eq!(call.stream.end(), End::Truncated);
}

#[test]
fn what_is_not_a_chunk_is_malformed_and_never_skipped() {
    for (data, malformed) in [
        ("hello", Malformed::Syntax),
        ("{\"choices\":[", Malformed::Syntax),
        ("{} {}", Malformed::Syntax),
        ("[]", Malformed::Shape),
        ("null", Malformed::Shape),
        ("\"[DONE]\"", Malformed::Shape),
        (r#"{"choices":{}}"#, Malformed::Shape),
        (r#"{"choices":[["x"]]}"#, Malformed::Shape),
        (r#"{"choices":[{"delta":["x"]}]}"#, Malformed::Shape),
        (
            r#"{"choices":[{"delta":{"content":[{"text":"x"}]}}]}"#,
            Malformed::Shape,
        ),
        (r#"{"choices":[{"delta":{"content":7}}]}"#, Malformed::Shape),
        (
            r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}"#,
            Malformed::Shape,
        ),
        (
            r#"{"choices":[{"delta":{"content":"a","content":"b"}}]}"#,
            Malformed::Shape,
        ),
    ] {
        let call = Call::whole(&(finish("stop") + &format!("data: {data}\n\n") + &content("late")));
        assert_eq!(call.malformed, Some(malformed), "{data}");
        assert_eq!(call.said(), "finish stop stop", "{data}");
        assert_eq!(call.stream.end(), End::Truncated, "{data}");
    }
}

#[test]
fn an_unstreamed_answer_says_what_a_stream_would() {
    let read = |body: &str| {
        let mut said = Vec::new();
        let end = answer(body.as_bytes(), 1, &mut |event| said.push(words(event)));
        (said.join(" | "), end)
    };
    assert_eq!(
        read(
            r#"{"id":"chatcmpl-1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi\n","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#
        ),
        (
            "model m | text Hi\n | finish stop stop | usage [1, 2, 3, -1, -1]".into(),
            Ok(End::Complete)
        )
    );
    let unfinished = r#"{"choices":[{"message":{"content":"Hi"}}]}"#;
    assert_eq!(read(unfinished), ("text Hi".into(), Ok(End::Truncated)));
    let failed = r#"{"error":{"code":"server_error"}}"#;
    assert_eq!(
        read(failed),
        (
            "error Internal Some(server_error)".into(),
            Ok(End::Truncated)
        )
    );
    assert_eq!(
        read(r#"{"detail":"?"}"#),
        (String::new(), Ok(End::Truncated))
    );
    assert_eq!(read("<html>"), (String::new(), Err(Malformed::Syntax)));
}

proptest! {
    /// A golden stream with a few bytes changed: it may say less, it may be malformed, it never
    /// panics, and it never turns an unfinished answer into a whole one.
    #[test]
    fn no_bytes_of_a_provider_make_it_panic(
        changes in prop::collection::vec((0..GOLDEN.len(), any::<u8>()), 1..8),
        cut in 0..GOLDEN.len(),
    ) {
        let mut body = GOLDEN.as_bytes().to_vec();
        for (at, byte) in changes {
            body[at] = byte;
        }
        let mut call = Call::default();
        call.received(&body[..cut]);
        let finished = call.said.iter().any(|said| said.starts_with("finish"));
        prop_assert!(finished || call.stream.end() == End::Truncated);
        let _ = answer(&body, 1, &mut |_| {});
        let _ = failure(500, &body);
    }
}
