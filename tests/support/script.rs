//! What a provider is told to do about one request, down to the byte.

use std::time::Duration;

use serde_json::{Value, json};

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Act {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Send these bytes, so many at a time.
    Slices(Vec<u8>, usize),
    /// Do nothing for this long.
    Wait(Duration),
    /// Do nothing until the other side closes.
    Hang,
    /// Close with a FIN.
    Close,
    /// Close with an RST.
    Reset,
}

/// What to do, in order. A script that ends without closing keeps the connection for the next
/// request.
#[derive(Clone, Debug, Default)]
pub struct Script(pub Vec<Act>);

impl Script {
    /// A stream of tokens with pauses between them, complete and well-formed.
    pub fn streamed(tokens: &[&str], gap: Duration) -> Script {
        let mut script = Script::default().send(stream_head());
        for (at, token) in tokens.iter().enumerate() {
            if at > 0 && !gap.is_zero() {
                script = script.wait(gap);
            }
            script = script.send(chunk(&text_event(token)));
        }
        script.send(stream_end(tokens.len()))
    }

    /// One JSON document.
    pub fn whole(text: &str) -> Script {
        let answer = json!({
            "id": "chatcmpl-1", "object": "chat.completion", "model": "model-1",
            "choices": [{
                "index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }],
            "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
        });
        Script::status(200, "", &answer.to_string())
    }

    /// A response with this status, these further fields (each with its CRLF), and this JSON.
    pub fn status(status: u16, fields: &str, body: &str) -> Script {
        let length = body.len();
        Script::default().send(format!(
            "HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\n{fields}\
             Content-Length: {length}\r\n\r\n{body}"
        ))
    }

    /// Nothing but silence.
    pub fn hang() -> Script {
        Script::default().then(Act::Hang)
    }

    /// Appends bytes.
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Script {
        self.then(Act::Send(bytes.as_ref().to_vec()))
    }

    /// Appends a pause.
    pub fn wait(self, span: Duration) -> Script {
        self.then(Act::Wait(span))
    }

    /// Appends anything.
    pub fn then(mut self, act: Act) -> Script {
        self.0.push(act);
        self
    }

    /// The same bytes, in slices of `size`.
    pub fn in_slices(self, size: usize) -> Script {
        let mut all = Vec::new();
        for act in self.0 {
            match act {
                Act::Send(bytes) => all.extend(bytes),
                other => panic!("{other:?} is nothing that can be sliced"),
            }
        }
        Script::default().then(Act::Slices(all, size))
    }
}

/// The head of a stream.
pub fn stream_head() -> &'static str {
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
}

/// `data` as one chunk.
pub fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// The event of a token.
pub fn text_event(text: &str) -> String {
    let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
    event(&json!([choice]), &Value::Null)
}

/// What says that the model has stopped, the usage, `[DONE]`, and the last chunk.
pub fn stream_end(tokens: usize) -> String {
    let stop = json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]);
    let usage = json!({
        "prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens,
    });
    let all = event(&stop, &Value::Null) + &event(&json!([]), &usage) + "data: [DONE]\n\n";
    chunk(&all) + "0\r\n\r\n"
}

fn event(choices: &Value, usage: &Value) -> String {
    let data = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "model-1",
        "choices": choices, "usage": usage,
    });
    format!("data: {data}\n\n")
}
