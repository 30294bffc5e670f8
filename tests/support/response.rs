//! Responses and server-sent events, read in the plainest way.

use serde_json::Value;

/// A whole response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The head as it came, without its empty line.
    pub head: String,
    /// The body without its framing.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the only field of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.head.lines().skip(1).filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        let first = found.next();
        assert_eq!(found.next(), None, "{name} stands twice in {}", self.head);
        first
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `code` of a problem, after looking at what every problem must have.
    pub fn problem(&self) -> String {
        let body = self.json();
        assert_eq!(self.field("content-type"), Some("application/problem+json"));
        assert_eq!(self.field("cache-control"), Some("no-store"));
        assert_eq!(self.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(self.field("server"), None);
        assert_eq!(body["status"], self.status);
        for member in ["type", "title", "detail", "request_id"] {
            assert!(
                body[member].as_str().is_some_and(|s| !s.is_empty()),
                "{body}"
            );
        }
        body["code"].as_str().expect("a code").to_owned()
    }
}

/// One server-sent event. A comment has the name `:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// `start`, `token`, `done`, `error`, or `:` for a comment.
    pub name: String,
    /// The `id`, if there is one and it is a number.
    pub id: Option<u64>,
    /// The `id` as it is.
    pub mark: String,
    /// After how long to come again.
    pub retry_ms: Option<u64>,
    /// The data.
    pub data: String,
}

impl Event {
    /// Reads the lines between two empty lines.
    pub fn parse(block: &str) -> Event {
        let mut event = Event::default();
        for line in block.lines() {
            let (field, value) = line.split_once(':').expect("every line has a colon");
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" => event.name = ":".to_owned(),
                "event" => event.name = value.to_owned(),
                "id" => (event.id, event.mark) = (value.parse().ok(), value.to_owned()),
                "retry" => event.retry_ms = Some(value.parse().expect("a number")),
                "data" => event.data.push_str(value),
                other => panic!("{other} is not a field of an event"),
            }
        }
        event
    }

    /// The data as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The text of a `token`.
    pub fn text(&self) -> String {
        self.json()["text"].as_str().expect("a text").to_owned()
    }
}

/// The text of all `token` events, after checking that each `id` is the length so far.
pub fn text_of(events: &[Event], from: usize) -> String {
    let mut text = String::new();
    for event in events.iter().filter(|event| event.name == "token") {
        text.push_str(&event.text());
        assert_eq!(event.id, Some((from + text.len()) as u64), "{event:?}");
    }
    text
}
