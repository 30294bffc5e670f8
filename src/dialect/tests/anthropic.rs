//! Anthropic's streams and messages.

use proptest::prelude::*;

use super::*;

const DIALECT: Dialect = Dialect::Anthropic;

/// A stream as Anthropic sends it, thinking and padding included.
const GOLDEN: &str = concat!(
    "event: message_start\n",
    r#"data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"cache_creation_input_tokens":2,"cache_read_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":2},"output_tokens":1,"service_tier":"standard"}}}"#,
    "\n\nevent: content_block_start\n",
    r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    "\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm.\n"}       }"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}"#,
    "\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: content_block_start\n",
    r#"data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Caf\u00e9 \ud83d\ude00\n\"☃\""}}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" 😀."}}"#,
    "\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\nevent: message_delta\n",
    r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":12}}"#,
    "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

const GOLDEN_SAID: &str = "model claude-sonnet-4-5-20250929 | usage [15, 1, -1, 4, -1] | thinking Hm.\n | seal EqQB | text Café 😀\n\"☃\" | text  😀. | finish stop end_turn | usage [15, 12, -1, 4, -1] | done";

fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

fn text(text: &str) -> String {
    event(&format!(
        r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{text}"}}}}"#
    ))
}

fn stop(reason: &str) -> String {
    event(&format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}}}}"#
    )) + &event(r#"{"type":"message_stop"}"#)
}

fn error(kind: &str) -> String {
    event(&format!(
        r#"{{"type":"error","error":{{"type":"{kind}","message":"prose"}}}}"#
    ))
}

#[test]
fn a_golden_stream_says_the_same_at_every_split() {
    says_the_same_at_every_split(DIALECT, GOLDEN, GOLDEN_SAID);
}

#[test]
fn a_golden_stream_cut_anywhere_before_message_stop_is_truncated() {
    is_truncated_before(DIALECT, GOLDEN, GOLDEN.len());
}

#[test]
fn every_stop_reason_has_its_place_in_the_table_streamed_and_not() {
    for (native, neutral) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("something_new", "other"),
    ] {
        let said = format!("text x | finish {neutral} {native}");
        let streamed = Call::whole(DIALECT, &(text("x") + &stop(native)));
        assert_eq!(streamed, (format!("{said} | done"), End::Complete));
        let whole = format!(
            r#"{{"type":"message","content":[{{"type":"text","text":"x"}}],"stop_reason":"{native}"}}"#
        );
        assert_eq!(answered(DIALECT, &whole), (said, Ok(End::Complete)));
    }
}

#[test]
fn message_stop_without_a_reason_is_truncated() {
    let (said, end) = Call::whole(DIALECT, &(text("x") + &event(r#"{"type":"message_stop"}"#)));
    assert_eq!((said.as_str(), end), ("text x | done", End::Truncated));
}

#[test]
fn an_error_inside_the_stream_ends_it_before_or_after_content() {
    for (kind, said) in [
        (
            "overloaded_error",
            "error Overloaded Some(overloaded_error)",
        ),
        ("api_error", "error Internal Some(api_error)"),
        (
            "rate_limit_error",
            "error RateLimited Some(rate_limit_error)",
        ),
        ("timeout_error", "error Overloaded Some(timeout_error)"),
        ("new_error", "error Internal Some(new_error)"),
    ] {
        for before in [String::new(), text("x")] {
            let body = before + &error(kind) + &text("late") + &stop("end_turn");
            let (told, end) = Call::whole(DIALECT, &body);
            assert!(told.ends_with(said), "{told}");
            assert_eq!(end, End::Truncated);
        }
    }
    let bare = text("x") + r#"{"type":"error","error":{"type":"api_error","message":"…"}}"#;
    assert_eq!(
        Call::whole(DIALECT, &bare),
        (
            "text x | error Internal Some(api_error)".into(),
            End::Truncated
        )
    );
}

#[test]
fn what_is_not_text_is_passed_over() {
    let body = [
        r#"{"type":"ping"}"#,
        r#"{"type":"event_of_the_future","delta":{"type":"x"}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"t","name":"n","input":{}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"cited_text":"x"}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}"#,
    ];
    assert_eq!(Call::whole(DIALECT, &body.map(event).concat()).0, "");
}

#[test]
fn usage_is_a_running_total_whose_parts_may_be_left_out() {
    let usage = |first: &str, last: &str| {
        let start = event(&format!(
            r#"{{"type":"message_start","message":{{"usage":{first}}}}}"#
        ));
        let last = event(&format!(r#"{{"type":"message_delta","usage":{last}}}"#));
        Call::whole(DIALECT, &(start + &last)).0
    };
    for (first, last, said) in [
        (
            r#"{"input_tokens":3}"#,
            r#"{"output_tokens":5}"#,
            "usage [3, 5, -1, -1, -1]",
        ),
        (
            r#"{"input_tokens":3,"cache_read_input_tokens":7}"#,
            r#"{"input_tokens":4,"output_tokens":0}"#,
            "usage [11, 0, -1, 7, -1]",
        ),
        (
            r#"{"input_tokens":-1}"#,
            r#"{"input_tokens":99999999999,"output_tokens":"2"}"#,
            "usage [-1, -1, -1, -1, -1]",
        ),
    ] {
        let told = usage(first, last);
        assert!(told.ends_with(said), "{told}");
    }
}

#[test]
fn what_is_not_an_event_is_malformed_and_never_skipped() {
    for (data, malformed) in [
        ("hello", Malformed::Syntax),
        ("[DONE]", Malformed::Shape),
        ("{}", Malformed::Shape),
        ("[]", Malformed::Shape),
        (r#"{"type":7}"#, Malformed::Shape),
        (r#"{"type":"content_block_delta"}"#, Malformed::Shape),
        (
            r#"{"type":"content_block_delta","delta":{}}"#,
            Malformed::Shape,
        ),
        (
            r#"{"type":"content_block_delta","delta":{"type":"text_delta"}}"#,
            Malformed::Shape,
        ),
        (
            r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":["x"]}}"#,
            Malformed::Shape,
        ),
    ] {
        is_malformed(
            DIALECT,
            data,
            malformed,
            &(text("late") + &stop("end_turn")),
        );
    }
}

#[test]
fn an_unstreamed_answer_says_what_a_stream_would() {
    let whole = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"Hm","signature":"s"},{"type":"text","text":"Hi\n"},{"type":"text","text":"you"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":2}}"#;
    assert_eq!(
        answered(DIALECT, whole),
        (
            "model m | thinking Hm | seal s | text Hi\n | text you | finish stop end_turn | usage [1, 2, -1, -1, -1]".into(),
            Ok(End::Complete)
        )
    );
    for (body, said, end) in [
        (
            r#"{"type":"message","content":[{"type":"text","text":"Hi"}],"stop_reason":null}"#,
            "text Hi",
            Ok(End::Truncated),
        ),
        (
            r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
            "error Overloaded Some(overloaded_error)",
            Ok(End::Truncated),
        ),
        (r#"{"detail":"?"}"#, "", Ok(End::Truncated)),
        (
            r#"{"content":[{"type":"text"}]}"#,
            "",
            Err(Malformed::Shape),
        ),
        ("<html>", "", Err(Malformed::Syntax)),
    ] {
        assert_eq!(answered(DIALECT, body), (said.to_owned(), end), "{body}");
    }
}

proptest! {
    #[test]
    fn no_bytes_of_a_provider_make_it_panic(
        changes in prop::collection::vec((0..GOLDEN.len(), any::<u8>()), 1..8),
        cut in 0..GOLDEN.len(),
    ) {
        survives(DIALECT, GOLDEN, &changes, cut);
    }
}
