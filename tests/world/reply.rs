//! Replies and events as a client reads them, in the plainest way and by no code of the engine.

use serde_json::Value;

/// A whole reply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

/// Bytes that are no reply.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stray(pub(crate) String);

/// One server-sent event; a comment has the name `:`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<u64>,
    /// The `id` as it is, whether it is a number or not.
    pub(crate) mark: String,
    pub(crate) retry_ms: Option<u64>,
    pub(crate) data: Value,
}

impl Reply {
    /// The value of the field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.fields.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The text of a stream, all pieces together.
    pub(crate) fn text(&self) -> String {
        let tokens = self
            .events()
            .into_iter()
            .filter(|event| event.name == "token");
        tokens
            .filter_map(|event| event.data["text"].as_str().map(str::to_owned))
            .collect()
    }

    /// Status and `code` of a problem.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.field("content-type"), Some("application/problem+json"));
        let code = self.json()["code"].as_str().unwrap_or("").to_owned();
        (self.status, code)
    }

    /// The events of a stream.
    pub(crate) fn events(&self) -> Vec<Event> {
        events(&self.body)
    }

    /// Whether the reply says that nothing follows it.
    pub(crate) fn closes(&self) -> bool {
        self.field("connection") == Some("close")
    }
}

/// Takes one reply off the front of `bytes`. `Ok(None)`: it is not whole yet. `head`: the request
/// was a HEAD. `ended`: nothing more will come.
pub(crate) fn take_reply(
    bytes: &mut Vec<u8>,
    head: bool,
    ended: bool,
) -> Result<Option<Reply>, Stray> {
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
    if bytes.starts_with(interim) {
        bytes.drain(..interim.len());
    }
    let Some(at) = find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let lines = text(&bytes[..at])?;
    let mut lines = lines.split("\r\n");
    let status = status(lines.next().unwrap_or(""))?;
    let fields: Vec<(String, String)> = lines.map(field).collect::<Result<_, _>>()?;
    let mut reply = Reply {
        status,
        fields,
        body: String::new(),
    };
    let rest = &bytes[at + 4..];
    let Some((body, used)) = body(&reply, rest, head, ended)? else {
        return Ok(None);
    };
    reply.body = text(&body)?;
    bytes.drain(..at + 4 + used);
    Ok(Some(reply))
}

/// The events of a chunked reply that has not ended.
pub(crate) fn events_so_far(bytes: &[u8]) -> Vec<Event> {
    let Some(at) = find(bytes, b"\r\n\r\n") else {
        return Vec::new();
    };
    let body = match chunked(&bytes[at + 4..]) {
        Ok(Chunks::Whole(body, _) | Chunks::Part(body)) => body,
        Err(stray) => panic!("{stray:?}"),
    };
    events(&String::from_utf8(body).expect("events are text"))
}

fn status(line: &str) -> Result<u16, Stray> {
    let code = line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    code.and_then(|code| code.parse().ok())
        .ok_or_else(|| Stray(line.to_owned()))
}

fn field(line: &str) -> Result<(String, String), Stray> {
    let (name, value) = line
        .split_once(": ")
        .ok_or_else(|| Stray(line.to_owned()))?;
    Ok((name.to_ascii_lowercase(), value.to_owned()))
}

/// The body and how many bytes it took, framing included.
fn body(
    reply: &Reply,
    rest: &[u8],
    head: bool,
    ended: bool,
) -> Result<Option<(Vec<u8>, usize)>, Stray> {
    let length = reply.field("content-length");
    let coding = reply.field("transfer-encoding");
    if length.is_some() && coding.is_some() {
        return Err(Stray("two framings".to_owned()));
    }
    if head || matches!(reply.status, 204 | 304) {
        return Ok(Some((Vec::new(), 0)));
    }
    if coding == Some("chunked") {
        return Ok(match chunked(rest)? {
            Chunks::Whole(body, used) => Some((body, used)),
            Chunks::Part(_) => None,
        });
    }
    let Some(length) = length else {
        return Ok(ended.then(|| (rest.to_vec(), rest.len())));
    };
    let length: usize = length.parse().map_err(|_| Stray(length.to_owned()))?;
    Ok(rest.get(..length).map(|body| (body.to_vec(), length)))
}

enum Chunks {
    Whole(Vec<u8>, usize),
    Part(Vec<u8>),
}

fn chunked(bytes: &[u8]) -> Result<Chunks, Stray> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let rest = &bytes[at..];
        let Some(line) = find(rest, b"\r\n") else {
            return Ok(Chunks::Part(body));
        };
        let size = text(&rest[..line])?;
        let size = usize::from_str_radix(&size, 16).map_err(|_| Stray(size))?;
        let Some(chunk) = rest.get(line + 2..line + 4 + size) else {
            return Ok(Chunks::Part(body));
        };
        if !chunk.ends_with(b"\r\n") {
            return Err(Stray("a chunk without its end".to_owned()));
        }
        at += line + 4 + size;
        body.extend_from_slice(&chunk[..size]);
        if size == 0 {
            return Ok(Chunks::Whole(body, at));
        }
    }
}

fn events(body: &str) -> Vec<Event> {
    let whole = body.rfind("\n\n").map_or("", |end| &body[..end]);
    let blocks = whole.split("\n\n").filter(|block| !block.is_empty());
    blocks.map(parse_event).collect()
}

fn parse_event(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        let (name, value) = line.split_once(": ").expect("a field");
        match name {
            "" => event.name = ":".to_owned(),
            "event" => event.name = value.to_owned(),
            "id" => (event.id, event.mark) = (value.parse().ok(), value.to_owned()),
            "retry" => event.retry_ms = value.parse().ok(),
            "data" => event.data = serde_json::from_str(value).expect("data is JSON"),
            other => panic!("{other} is no field of an event"),
        }
    }
    event
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn text(bytes: &[u8]) -> Result<String, Stray> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Stray("not UTF-8".to_owned()))
}
