//! Calls of tools, whole and in pieces, and several answers at once.

use super::*;

fn events(events: &[&str]) -> String {
    events
        .iter()
        .map(|data| format!("data: {data}\n\n"))
        .collect()
}

/// A chunk of OpenAI's with this in `tool_calls`.
fn openai(calls: &str) -> String {
    format!(r#"data: {{"choices":[{{"index":0,"delta":{{"tool_calls":[{calls}]}}}}]}}"#) + "\n\n"
}

fn said(dialect: Dialect, body: &str) -> String {
    Call::whole(dialect, body).0
}

#[test]
fn openais_pieces_are_told_apart_by_their_number() {
    let body = openai(
        r#"{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}"#,
    ) + &openai(r#"{"index":0,"function":{"arguments":"{\"x\""}}"#)
        + &openai(r#"{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}"#)
        + &openai(
            r#"{"index":0,"function":{"arguments":":1}"}},{"index":1,"function":{"arguments":"}"}}"#,
        );
    assert_eq!(
        said(Dialect::OpenAi, &body),
        r#"call 0 a f | arguments 0 {"x" | call 1 b g | arguments 1 { | arguments 0 :1} | arguments 1 }"#
    );
}

#[test]
fn servers_that_count_badly_are_understood() {
    let function = |name: &str| format!(r#""function":{{"name":"{name}","arguments":"{{}}"}}"#);
    for (body, expected) in [
        // Every call is number 0, and only the ids differ.
        (
            openai(&format!(r#"{{"index":0,"id":"a",{}}}"#, function("f")))
                + &openai(&format!(r#"{{"index":0,"id":"b",{}}}"#, function("f"))),
            "call 0 a f | arguments 0 {} | call 1 b f | arguments 1 {}",
        ),
        // No number at all.
        (
            openai(&format!(
                r#"{{"id":"a",{}}},{{"id":"b",{}}}"#,
                function("f"),
                function("g")
            )),
            "call 0 a f | arguments 0 {} | call 1 b g | arguments 1 {}",
        ),
        // The name on every piece.
        (
            openai(&format!(r#"{{"index":0,"id":"a",{}}}"#, function("f")))
                + &openai(&format!(r#"{{"index":0,"id":"a",{}}}"#, function("f"))),
            "call 0 a f | arguments 0 {} | arguments 0 {}",
        ),
        // The object itself, and Google's seal.
        (
            openai(
                r#"{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}},
                "extra_content":{"google":{"thought_signature":"c2ln"}}}"#,
            )
            .replace('\n', ""),
            r#"call 0 a f seal c2ln | arguments 0 all {"x":1}"#,
        ),
    ] {
        let body = body.trim_end().to_owned() + "\n\n";
        assert_eq!(said(Dialect::OpenAi, &body), expected);
    }
}

#[test]
fn a_piece_of_nothing_is_malformed() {
    let piece =
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]}"#;
    is_malformed(Dialect::OpenAi, piece, Malformed::Shape, "");
    let mut stream = Dialect::OpenAi.stream();
    for number in 0..=crate::limits::TOOL_CALLS {
        let call = openai(&format!(
            r#"{{"index":{number},"function":{{"name":"f"}}}}"#
        ));
        let data = call.trim().strip_prefix("data: ").unwrap();
        let read = stream.event(data.as_bytes(), &mut |_| {});
        assert_eq!(read.is_ok(), number < crate::limits::TOOL_CALLS, "{number}");
    }
}

#[test]
fn anthropics_blocks_become_calls_and_pieces() {
    let body = events(&[
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x\":1}"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_stop","index":3}"#,
    ]);
    assert_eq!(
        said(Dialect::Anthropic, &body),
        r#"call 0 a f | arguments 0 {"x":1} | call 1 b g | arguments 1 all {}"#
    );
    let whole = r#"{"type":"message","content":[{"type":"text","text":"t"},
        {"type":"tool_use","id":"a","name":"f","input":{"x":1}}],"stop_reason":"tool_use"}"#;
    assert_eq!(
        answered(Dialect::Anthropic, whole).0,
        r#"text t | call 0 a f | arguments 0 all {"x":1} | finish tool_calls tool_use"#
    );
}

#[test]
fn geminis_calls_come_whole() {
    let body = events(&[
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"x":1}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"b","name":"g"}}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[]},"finishReason":"STOP"}]}"#,
    ]);
    assert_eq!(
        said(Dialect::Gemini, &body),
        r#"call 0 - f seal c2ln | arguments 0 all {"x":1} | call 1 b g | arguments 1 all {} | finish tool_calls STOP"#
    );
    for call in [r#"{"args":{}}"#, r#"{"name":"f","args":[]}"#] {
        let data =
            format!(r#"{{"candidates":[{{"content":{{"parts":[{{"functionCall":{call}}}]}}}}]}}"#);
        is_malformed(Dialect::Gemini, &data, Malformed::Shape, "");
    }
}

#[test]
fn several_answers_are_whole_when_each_has_stopped() {
    let openai = |first: &str, second: &str| {
        format!(
            r#"{{"choices":[{{"index":0,"delta":{{"content":"x"}}{first}}},{{"index":1,"delta":{{"content":"x"}}{second}}}]}}"#
        )
    };
    let gemini = |first: &str, second: &str| {
        format!(
            r#"{{"candidates":[{{"index":0,"content":{{"parts":[{{"text":"x"}}]}}{first}}},{{"index":1{second}}}]}}"#
        )
    };
    let (stop, halt) = (r#","finish_reason":"stop""#, r#","finishReason":"STOP""#);
    for (dialect, events) in [
        (Dialect::OpenAi, [openai(stop, ""), openai("", stop)]),
        (Dialect::OpenAi, [openai("", stop), openai(stop, "")]),
        (Dialect::Gemini, [gemini(halt, ""), gemini("", halt)]),
        (Dialect::Gemini, [gemini("", halt), gemini(halt, "")]),
    ] {
        let mut stream = dialect.stream_of(2);
        let mut said = Vec::new();
        for (event, end) in events.iter().zip([End::Truncated, End::Complete]) {
            stream
                .event(event.as_bytes(), &mut |event| said.push(words(event)))
                .unwrap();
            assert_eq!(stream.end(), end, "{dialect:?}");
        }
        assert_eq!(said.len(), 3, "only the first becomes events: {said:?}");
    }
    let broken = r#"{"choices":[{"index":1,"finish_reason":"error"}]}"#;
    let mut stream = Dialect::OpenAi.stream_of(2);
    let mut said = Vec::new();
    stream
        .event(broken.as_bytes(), &mut |event| said.push(words(event)))
        .unwrap();
    assert_eq!(said, ["error Internal Some(error)"]);
}
