//! What a client of a vendor makes of an answer: the plainest reader of each dialect, which trusts
//! nothing but the vendor's own signs that an answer is whole.

use serde_json::{Value, json};

use crate::support::client::post;
use crate::support::{Client, Response};

/// An answer, read as a client of that dialect reads it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
    /// The vendor's word for why it ended.
    pub(crate) finish: Option<String>,
    /// Whether the vendor's sign says that this is all.
    pub(crate) whole: bool,
    /// The error, as the vendor's clients find it.
    pub(crate) error: Option<Value>,
    /// Whether the framing of HTTP came to its end.
    pub(crate) framed: bool,
}

impl Told {
    /// A field of the head.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Whether it is an answer that may be used: all signs say so, or it is none.
    pub(crate) fn is_answer(&self) -> bool {
        let (answer, failure) = (self.whole && self.framed, self.error.is_some());
        assert!(!(answer && failure), "both at once: {self:?}");
        answer
    }
}

/// A request for a text of `model` in a dialect.
pub(crate) fn request(dialect: &str, model: &str, stream: bool) -> String {
    let messages = json!([{"role": "user", "content": "tea?"}]);
    match dialect {
        "openai" => {
            let body = json!({"model": model, "stream": stream, "messages": messages});
            post("/v1/chat/completions", &body.to_string())
        }
        "anthropic" => {
            let body = json!({
                "model": model, "stream": stream, "messages": messages, "max_tokens": 100,
            });
            post("/v1/messages", &body.to_string())
        }
        _ => {
            let verb = if stream {
                "streamGenerateContent?alt=sse"
            } else {
                "generateContent"
            };
            let body = json!({"contents": [{"role": "user", "parts": [{"text": "tea?"}]}]});
            post(&format!("/v1beta/models/{model}:{verb}"), &body.to_string())
        }
    }
}

/// Sends a request and reads what comes.
pub(crate) fn ask(client: &mut Client, dialect: &str, request: &str) -> Told {
    let head = client.send(request).head();
    read(client, dialect, &head)
}

/// Reads the rest of an answer whose head was read.
pub(crate) fn read(client: &mut Client, dialect: &str, head: &Response) -> Told {
    let (body, framed) = client.body_until_cut();
    // Gemini's lines end with CRLF.
    let body = String::from_utf8(body)
        .expect("UTF-8")
        .replace("\r\n", "\n");
    let mut told = Told {
        status: head.status,
        head: head.head.clone(),
        framed,
        ..Told::default()
    };
    let streams = head
        .field("content-type")
        .is_some_and(|kind| kind.starts_with("text/event-stream"));
    if streams {
        assert_eq!(head.status, 200, "{body}");
        for block in body.split("\n\n").filter(|block| !block.is_empty()) {
            event(&mut told, dialect, block);
        }
    } else {
        let document: Value = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e}: {body}"));
        if head.status == 200 {
            whole(&mut told, dialect, &document);
        } else {
            told.error = Some(error_of(dialect, &document));
        }
    }
    told
}

/// The error in a document, after looking at what each of the dialect must have.
fn error_of(dialect: &str, document: &Value) -> Value {
    let error = &document["error"];
    let has = |name: &str| error[name].as_str().is_some_and(|text| !text.is_empty());
    assert!(has("message"), "{dialect}: {document}");
    match dialect {
        "openai" => assert!(has("type") && error.get("param").is_some(), "{document}"),
        "anthropic" => {
            assert!(has("type"), "{document}");
            assert_eq!(document["type"], "error", "{document}");
        }
        _ => assert!(has("status") && error["code"].is_u64(), "{document}"),
    }
    error.clone()
}

/// One event of a stream. After an error nothing may come, nor after the end.
fn event(told: &mut Told, dialect: &str, block: &str) {
    let data = block.lines().filter_map(|line| line.strip_prefix("data:"));
    let data: Vec<&str> = data.map(str::trim_start).collect();
    if data.is_empty() {
        assert!(
            block.starts_with(':'),
            "neither data nor a comment: {block}"
        );
        return;
    }
    let data = data.join("\n");
    assert!(!told.whole || dialect == "gemini", "behind the end: {data}");
    assert!(told.error.is_none(), "behind an error: {data}");
    if data == "[DONE]" {
        told.whole = told.finish.is_some();
        return;
    }
    let event: Value = serde_json::from_str(&data).unwrap_or_else(|e| panic!("{e}: {data}"));
    if event.get("error").is_some() {
        told.error = Some(error_of(dialect, &event));
        return;
    }
    match dialect {
        "openai" => {
            let choice = &event["choices"][0];
            push(&mut told.text, &choice["delta"]["content"]);
            set(&mut told.finish, &choice["finish_reason"]);
        }
        "anthropic" => {
            assert!(block.contains(&format!("event: {}", event["type"].as_str().unwrap())));
            push(&mut told.text, &event["delta"]["text"]);
            set(&mut told.finish, &event["delta"]["stop_reason"]);
            told.whole = event["type"] == "message_stop";
        }
        _ => {
            push(
                &mut told.text,
                &event["candidates"][0]["content"]["parts"][0]["text"],
            );
            set(&mut told.finish, &event["candidates"][0]["finishReason"]);
            told.whole = told.finish.is_some();
        }
    }
}

fn whole(told: &mut Told, dialect: &str, document: &Value) {
    let (text, finish) = match dialect {
        "openai" => ("/choices/0/message/content", "/choices/0/finish_reason"),
        "anthropic" => ("/content/0/text", "/stop_reason"),
        _ => (
            "/candidates/0/content/parts/0/text",
            "/candidates/0/finishReason",
        ),
    };
    push(
        &mut told.text,
        document.pointer(text).unwrap_or(&Value::Null),
    );
    set(
        &mut told.finish,
        document.pointer(finish).unwrap_or(&Value::Null),
    );
    told.whole = told.finish.is_some();
}

fn push(text: &mut String, value: &Value) {
    text.push_str(value.as_str().unwrap_or(""));
}

fn set(finish: &mut Option<String>, value: &Value) {
    if let Some(word) = value.as_str() {
        *finish = Some(word.to_owned());
    }
}
