//! Every client in front of every provider: nine pairs, eight endings, to the byte.
//!
//! ```text
//!   tests/golden/upstream.rs ──▶ provider's bytes ──▶ sse, dialect ──▶ client's bytes
//!                                                                           ║ has to be
//!   tests/golden/CLIENT-PROVIDER-ENDING.txt ════════════════════════════════╝
//! ```
//!
//! Each file holds what the client gets of a stream, and below a line of its own what it gets if it
//! did not ask for one. The stream is fed at every split in two and byte by byte, and always has
//! to give the same. With `GOLDEN=write` the files are written; then read the difference.
//!
//! What is in the files is checked once more by reading it as the client would: what is whole has
//! to come out whole, and nothing else may.
#![allow(clippy::unwrap_used)]

#[path = "golden/upstream.rs"]
mod upstream;

use std::fs;
use std::path::PathBuf;

use maitred::dialect::speak::{Answer, Identity, Problem, ProblemKind, Speaker};
use maitred::dialect::{AnyStream, Dialect, End, Event, Relay};
use maitred::proto::sse;
use upstream::Ending;

const DIALECTS: [(Dialect, &str); 3] = [
    (Dialect::OpenAi, "openai"),
    (Dialect::Anthropic, "anthropic"),
    (Dialect::Gemini, "gemini"),
];

const NOT_STREAMED: &str = "-------- not streamed --------\n";

fn identity(dialect: Dialect) -> Identity {
    Identity {
        id: match dialect {
            Dialect::OpenAi => "chatcmpl-7",
            Dialect::Anthropic => "msg_7",
            Dialect::Gemini => "7",
        }
        .to_owned(),
        created: 1_700_000_000,
        model: "alias".to_owned(),
    }
}

fn problem(kind: ProblemKind) -> Problem<'static> {
    Problem {
        kind,
        code: "stream_interrupted",
        message: "The provider broke off.".into(),
        field: None,
        retry_after: None,
        request_id: "req_7",
    }
}

/// One call of a client, as the engine leads it: the provider's bytes in, the client's out.
struct Call {
    client: Dialect,
    sse: sse::Reader,
    way: Way,
    out: Vec<u8>,
    failure: Option<ProblemKind>,
    is_done: bool,
}

enum Way {
    /// The same dialect on both sides.
    Relay(Relay),
    Translation(AnyStream, Box<Speaker>),
}

impl Call {
    fn new(client: Dialect, provider: Dialect) -> Self {
        let way = if client == provider {
            Way::Relay(Relay::new(provider, 1, true))
        } else {
            let speaker = Speaker::new(client, &identity(client), true);
            Way::Translation(provider.stream(), Box::new(speaker))
        };
        Self {
            client,
            sse: sse::Reader::new(),
            way,
            out: Vec::new(),
            failure: None,
            is_done: false,
        }
    }

    fn received(&mut self, mut bytes: &[u8]) {
        let mut sse = std::mem::take(&mut self.sse);
        while let Some(event) = sse.next(&mut bytes).unwrap() {
            self.event(event.name, event.data);
        }
        self.sse = sse;
    }

    fn event(&mut self, name: &[u8], data: &[u8]) {
        if self.failure.is_some() || self.is_done {
            return;
        }
        let (failure, is_done) = (&mut self.failure, &mut self.is_done);
        let mut told = |event: &Event<'_>| match event {
            Event::Error(error) => *failure = Some(ProblemKind::of(error.kind)),
            Event::Done => *is_done = true,
            _ => {}
        };
        match &mut self.way {
            Way::Relay(relay) => relay
                .event(name, data, &mut self.out, &mut |event| told(&event))
                .unwrap(),
            Way::Translation(stream, speaker) => stream
                .event(data, &mut |event| {
                    told(&event);
                    speaker.event(&event, &mut self.out).unwrap();
                })
                .unwrap(),
        }
    }

    /// The body has ended, properly framed.
    fn ended(mut self) -> String {
        let mut sse = std::mem::take(&mut self.sse);
        if let Some(event) = sse.end() {
            self.event(event.name, event.data);
        }
        let end = match &self.way {
            Way::Relay(relay) => relay.end(),
            Way::Translation(stream, _) => stream.end(),
        };
        let broken = match (self.failure, end) {
            (None, End::Complete) => None,
            (failure, _) => Some(problem(failure.unwrap_or(ProblemKind::Upstream))),
        };
        match (&mut self.way, broken) {
            (Way::Relay(relay), None) => relay.finish(&mut self.out),
            (Way::Relay(_), Some(problem)) => problem.frame(self.client, &mut self.out),
            (Way::Translation(_, speaker), None) => speaker.end(&mut self.out).unwrap(),
            (Way::Translation(_, speaker), Some(problem)) => speaker.error(&problem, &mut self.out),
        }
        String::from_utf8(self.out).unwrap()
    }
}

fn streamed(client: Dialect, provider: Dialect, body: &str) -> String {
    let bytes = body.as_bytes();
    let of = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut call = Call::new(client, provider);
        pieces.for_each(|piece| call.received(piece));
        call.ended()
    };
    let whole = of(&mut [bytes].into_iter());
    for split in 0..=bytes.len() {
        let (left, right) = bytes.split_at(split);
        assert_eq!(
            of(&mut [left, right].into_iter()),
            whole,
            "split at {split}"
        );
    }
    assert_eq!(of(&mut bytes.chunks(1)), whole, "byte by byte");
    whole
}

fn not_streamed(client: Dialect, provider: Dialect, body: &str) -> String {
    let mut answer = Answer::new(client, identity(client));
    let mut failure = None;
    let end = provider.answer(body.as_bytes(), &mut |event| {
        if let Event::Error(error) = &event {
            failure = Some(ProblemKind::of(error.kind));
        }
        answer.event(&event).unwrap();
    });
    let mut out = Vec::new();
    if failure.is_some() || end != Ok(End::Complete) {
        let problem = problem(failure.unwrap_or(ProblemKind::Upstream));
        out.extend_from_slice(format!("{} ", problem.kind.status(client)).as_bytes());
        problem.body(client, &mut out);
    } else if client == provider {
        out.extend_from_slice(body.as_bytes());
    } else {
        answer.write(&mut out).unwrap();
    }
    String::from_utf8(out).unwrap()
}

/// All pairs of a client and a provider, with each ending.
fn cases() -> impl Iterator<Item = (String, Dialect, Dialect, Ending)> {
    DIALECTS.into_iter().flat_map(|(client, in_name)| {
        DIALECTS.into_iter().flat_map(move |(provider, out_name)| {
            Ending::ALL.into_iter().map(move |ending| {
                let name = format!("{in_name}-{out_name}-{}.txt", ending.name());
                (name, client, provider, ending)
            })
        })
    })
}

#[test]
fn every_client_gets_every_providers_answer_in_its_own_words() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let writes = std::env::var("GOLDEN").is_ok_and(|word| word == "write");
    let mut wrong = Vec::new();
    for (name, client, provider, ending) in cases() {
        let mut text = streamed(client, provider, &upstream::stream(provider, ending));
        if let Some(body) = upstream::whole(provider, ending) {
            text += NOT_STREAMED;
            text += &not_streamed(client, provider, &body);
            text += "\n";
        }
        assert!(
            !text.contains("secret"),
            "{name}: a provider's prose got out"
        );
        if writes {
            fs::write(folder.join(&name), &text).unwrap();
        } else if fs::read_to_string(folder.join(&name)).is_ok_and(|golden| golden == text) {
            continue;
        }
        wrong.push(name);
    }
    assert!(
        writes || wrong.is_empty(),
        "other than the files: {wrong:?}"
    );
}

/// What a client reads out of the bytes that it gets.
fn read_as(client: Dialect, body: &str) -> (String, End) {
    let mut reader = sse::Reader::new();
    let mut stream = client.stream();
    let mut said = String::new();
    let mut bytes = body.as_bytes();
    while let Some(event) = reader.next(&mut bytes).unwrap() {
        let read = stream.event(event.data, &mut |event| note(&event, &mut said));
        read.unwrap_or_else(|error| panic!("{error}: {}", event.data.escape_ascii()));
    }
    (said, stream.end())
}

fn note(event: &Event<'_>, said: &mut String) {
    match event {
        Event::Text(text) | Event::Refusal(text) => text.append_to(said),
        Event::ToolCall { index, name, .. } => {
            said.push_str(&format!("[{index} "));
            name.append_to(said);
        }
        Event::Finish { reason, .. } => said.push_str(&format!(" ({})", reason.as_str())),
        _ => {}
    }
}

#[test]
fn what_is_whole_is_read_as_whole_and_nothing_else_is() {
    for (name, client, provider, ending) in cases() {
        let out = streamed(client, provider, &upstream::stream(provider, ending));
        let (said, end) = read_as(client, &out);
        let expected = if ending.is_whole() {
            End::Complete
        } else {
            End::Truncated
        };
        assert_eq!(end, expected, "{name}");
        let (first, _) = read_as(provider, &upstream::stream(provider, ending));
        match ending {
            // A refusal has other words in each dialect.
            Ending::Refusal => assert!(said.contains("I will"), "{name}: {said}"),
            Ending::Cut | Ending::Error => assert!(said.contains("Café 😀\n"), "{name}: {said}"),
            _ => assert_eq!(said, first, "{name}"),
        }
        if let Some(body) = upstream::whole(provider, ending).filter(|_| ending.is_whole()) {
            let mut again = String::new();
            let body = not_streamed(client, provider, &body);
            let end = client.answer(body.as_bytes(), &mut |event| note(&event, &mut again));
            assert_eq!(end, Ok(End::Complete), "{name}");
            assert!(
                ending == Ending::Refusal || again == first,
                "{name}: {again}"
            );
        }
    }
}
