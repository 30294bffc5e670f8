//! What a provider of OpenAI's dialect sends, byte by byte.

/// The head of a streamed answer.
pub(crate) const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The last chunk.
pub(crate) const END: &str = "0\r\n\r\n";

/// One event in a chunk of its own.
pub(crate) fn event(data: &str) -> String {
    let event = format!("data: {data}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len())
}

/// An event with a piece of text.
pub(crate) fn word(text: &str) -> String {
    let text = serde_json::to_string(text).expect("a string is JSON");
    event(&format!(
        r#"{{"model":"m-1","choices":[{{"index":0,"delta":{{"content":{text}}},"finish_reason":null}}]}}"#
    ))
}

/// The event that says why the model stopped, and the usage.
pub(crate) fn finish() -> String {
    event(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
        + &event(
            r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}"#,
        )
}

/// The event that nothing follows.
pub(crate) fn done() -> String {
    event("[DONE]")
}

/// A whole streamed answer.
pub(crate) fn stream(words: &[&str]) -> String {
    let words: String = words.iter().map(|text| word(text)).collect();
    [STREAM, &words, &finish(), &done(), END].concat()
}

/// A whole answer that is not streamed.
pub(crate) fn whole(text: &str) -> String {
    let text = serde_json::to_string(text).expect("a string is JSON");
    let body = format!(
        r#"{{"model":"m-1","choices":[{{"index":0,"message":{{"content":{text}}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}}}"#
    );
    answer(200, "", &body)
}

/// An answer with this status, these further fields (each with its CRLF) and this JSON.
pub(crate) fn answer(status: u16, fields: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{fields}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
