//! Gemini's streams and responses.

use proptest::prelude::*;

use super::*;

const DIALECT: Dialect = Dialect::Gemini;

/// A stream as Gemini sends it, thinking and details included.
const GOLDEN: &str = concat!(
    r#"data: {"candidates":[{"content":{"parts":[{"text":"Hm.\n","thought":true}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":9,"totalTokenCount":14,"promptTokensDetails":[{"modality":"TEXT","tokenCount":9}],"thoughtsTokenCount":5},"modelVersion":"gemini-2.5-flash","responseId":"r1"}"#,
    "\n\n",
    r#"data: {"candidates":[{"content":{"parts":[{"text":"Caf\u00e9 \ud83d\ude00\n\"☃\""}],"role":"model"},"index":0}],"modelVersion":"gemini-2.5-flash"}"#,
    "\n\n",
    r#"data: {"candidates":[{"content":{"parts":[{"text":" 😀."}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":12,"totalTokenCount":26,"cachedContentTokenCount":4,"promptTokensDetails":[{"modality":"TEXT","tokenCount":9}],"thoughtsTokenCount":5},"modelVersion":"gemini-2.5-flash","responseId":"r1"}"#,
    "\n\n",
);

const GOLDEN_SAID: &str = "model gemini-2.5-flash | thinking Hm.\n | usage [9, 5, 14, -1, 5] | text Café 😀\n\"☃\" | text  😀. | finish stop STOP | usage [9, 17, 26, 4, 5]";

fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

fn parts(parts: &str, reason: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}]}},"finishReason":{reason}}}]}}"#)
}

fn text(text: &str) -> String {
    event(&parts(&format!(r#"{{"text":"{text}"}}"#), "null"))
}

#[test]
fn a_golden_stream_says_the_same_at_every_split() {
    says_the_same_at_every_split(DIALECT, GOLDEN, GOLDEN_SAID);
}

#[test]
fn a_golden_stream_cut_anywhere_before_its_finish_reason_is_truncated() {
    is_truncated_before(DIALECT, GOLDEN, GOLDEN.len());
}

#[test]
fn every_finish_reason_has_its_place_in_the_table_streamed_and_not() {
    let filtered = [
        "SAFETY",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "LANGUAGE",
        "RECITATION",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
    ];
    let other = [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "OTHER",
        "NO_IMAGE",
        "IMAGE_OTHER",
        "FINISH_REASON_UNSPECIFIED",
        "SOMETHING_NEW",
    ];
    let table = [("STOP", "stop"), ("MAX_TOKENS", "length")].into_iter();
    let table = table.chain(filtered.map(|native| (native, "content_filter")));
    for (native, neutral) in table.chain(other.map(|native| (native, "other"))) {
        let body = parts(r#"{"text":"x"}"#, &format!("\"{native}\""));
        let said = format!("text x | finish {neutral} {native}");
        assert_eq!(
            Call::whole(DIALECT, &event(&body)),
            (said.clone(), End::Complete)
        );
        assert_eq!(answered(DIALECT, &body), (said, Ok(End::Complete)));
    }
}

#[test]
fn a_function_call_makes_stop_a_tool_call_in_the_same_event_or_a_later_one() {
    let call = r#"{"functionCall":{"name":"f","args":{"a":[1]}}}"#;
    let stop = parts("", "\"STOP\"");
    for body in [
        event(&parts(call, "\"STOP\"")),
        event(&parts(call, "null")) + &event(&stop),
    ] {
        let said = r#"call 0 - f | arguments 0 all {"a":[1]} | finish tool_calls STOP"#;
        let expected = (said.to_owned(), End::Complete);
        assert_eq!(Call::whole(DIALECT, &body), expected);
    }
}

#[test]
fn a_blocked_prompt_is_an_answer_that_was_filtered() {
    for reason in [
        "SAFETY",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "JAILBREAK",
    ] {
        let body = format!(
            r#"{{"promptFeedback":{{"blockReason":"{reason}","safetyRatings":[]}},"usageMetadata":{{"promptTokenCount":3}}}}"#
        );
        let said = format!("finish content_filter {reason} | usage [3, -1, -1, -1, -1]");
        assert_eq!(
            Call::whole(DIALECT, &event(&body)),
            (said.clone(), End::Complete)
        );
        assert_eq!(answered(DIALECT, &body), (said, Ok(End::Complete)));
    }
    // Feedback beside an answer is only a comment on it.
    let beside = r#"{"candidates":[{"content":{"parts":[{"text":"x"}]}}],"promptFeedback":{"safetyRatings":[]}}"#;
    assert_eq!(
        Call::whole(DIALECT, &event(beside)),
        ("text x".into(), End::Truncated)
    );
}

#[test]
fn an_error_is_seen_in_every_shape_before_and_after_content() {
    let error = r#"{"error":{"code":503,"message":"prose","status":"UNAVAILABLE"}}"#;
    let pretty = "{\n  \"error\": {\n    \"code\": 503,\n    \"status\": \"UNAVAILABLE\"\n  }\n}";
    let finished = event(&parts(r#"{"text":"x"}"#, "\"STOP\""));
    for shape in [
        event(error),
        event(&format!("[{error}]")),
        format!("{pretty}\n\n"),
        format!("[{pretty}\n]\n\n"),
    ] {
        for before in ["", &text("x"), &finished] {
            let (said, end) = Call::whole(DIALECT, &format!("{before}{shape}{}", text("late")));
            assert!(
                said.ends_with("error Overloaded Some(unavailable)"),
                "{said}"
            );
            assert_eq!(end, End::Truncated);
        }
    }
    // The end of the body does for the empty line.
    for bare in [error, pretty, &format!("[{error}\n")] {
        let bare = if bare.starts_with('[') {
            format!("{bare}]")
        } else {
            bare.to_owned()
        };
        let (said, end) = Call::whole(DIALECT, &(finished.clone() + &bare));
        assert!(
            said.ends_with("error Overloaded Some(unavailable)"),
            "{said}"
        );
        assert_eq!(end, End::Truncated);
    }
}

#[test]
fn an_error_inside_a_stream_is_sorted_by_code_then_word() {
    for (error, said) in [
        (
            r#"{"code":429,"status":"RESOURCE_EXHAUSTED"}"#,
            "error RateLimited Some(resource_exhausted)",
        ),
        (
            r#"{"status":"PERMISSION_DENIED"}"#,
            "error Auth Some(permission_denied)",
        ),
        (
            r#"{"code":200,"status":"INTERNAL"}"#,
            "error Internal Some(internal)",
        ),
        (
            r#"{"code":500,"status":"SOMETHING NEW"}"#,
            "error Internal None",
        ),
        (r#""prose""#, "error Internal None"),
    ] {
        let body = format!(r#"{{"error":{error}}}"#);
        assert_eq!(Call::whole(DIALECT, &event(&body)).0, said, "{error}");
        assert_eq!(
            answered(DIALECT, &body),
            (said.to_owned(), Ok(End::Truncated))
        );
    }
}

#[test]
fn several_parts_keep_their_order_and_others_candidates_do_not_count() {
    let body = r#"{"candidates":[{"index":1,"content":{"parts":[{"text":"B"}]},"finishReason":"STOP"},{"content":{"parts":[{"text":"hm","thought":true},{"text":"a"},{"inlineData":{"data":"x"}},{"text":""},{"text":"b","thought":false}]}}]}"#;
    let expected = ("thinking hm | text a | text b".to_owned(), End::Truncated);
    assert_eq!(Call::whole(DIALECT, &event(body)), expected);
}

#[test]
fn what_is_not_a_response_is_malformed_and_never_skipped() {
    for (data, malformed) in [
        ("hello", Malformed::Syntax),
        ("[DONE]", Malformed::Syntax),
        ("null", Malformed::Shape),
        ("[]", Malformed::Shape),
        ("[{}]", Malformed::Shape),
        (r#"[{"candidates":[]}]"#, Malformed::Shape),
        (r#"{"candidates":{}}"#, Malformed::Shape),
        (
            r#"{"candidates":[{"content":{"parts":[{"text":7}]}}]}"#,
            Malformed::Shape,
        ),
        (
            r#"{"candidates":[{"content":{"parts":["x"]}}]}"#,
            Malformed::Shape,
        ),
        (r#"{"candidates":[{},{}]}"#, Malformed::Shape),
    ] {
        let after = text("late") + &event(&parts("", "\"STOP\""));
        is_malformed(DIALECT, data, malformed, &after);
    }
}

#[test]
fn an_answer_that_is_no_answer_is_never_whole() {
    for (body, end) in [
        ("{}", Ok(End::Truncated)),
        (r#"{"candidates":[]}"#, Ok(End::Truncated)),
        (
            r#"{"candidates":[{"finishReason":""}]}"#,
            Ok(End::Truncated),
        ),
        ("<html>", Err(Malformed::Syntax)),
    ] {
        assert_eq!(answered(DIALECT, body), (String::new(), end), "{body}");
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
