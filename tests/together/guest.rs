//! A guest: asks for one thing after another, as clients do, and writes down what he was told.
//!
//! ```text
//!  visit ─┬─► a text with a key, asked for several times at once, until it is there
//!         ├─► a text as a stream     ├─► a chat     ├─► a job     └─► what there is already
//! ```
//! A request with a key is sent again until it is answered; all others are sent once, so that nothing
//! is there twice unless it is stored twice.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::book::Book;
use crate::support::balancer::Balancer;
use crate::support::client::{Client, last, post};
use crate::support::response::text_of;
use crate::support::{Event, Response, generate, get, ms};

/// Longer than the lease of a key whose server was killed, which is a quarter of a minute.
const LONG: Duration = Duration::from_secs(40);

/// See the module.
pub(crate) struct Guest<'a> {
    desk: Desk<'a>,
    random: fastrand::Rng,
}

/// Where requests are sent from.
#[derive(Clone, Copy)]
struct Desk<'a> {
    book: &'a Book,
    front: &'a Balancer,
}

impl<'a> Guest<'a> {
    /// Who asks for what is up to `random`.
    pub(crate) fn new(book: &'a Book, front: &'a Balancer, random: fastrand::Rng) -> Self {
        let desk = Desk { book, front };
        Guest { desk, random }
    }

    /// One request, or several equal ones.
    pub(crate) fn visit(&mut self) {
        let answered = match self.random.u8(0..12) {
            0..3 => self.text_by_key(),
            3..6 => self.desk.streamed_text(),
            6..8 => self.desk.chat(self.random.bool()),
            8 => self.desk.job(self.random.usize(1..6)),
            _ => self.read(),
        };
        if !answered {
            thread::sleep(ms(5));
        }
    }

    /// As many requests as that, one after the other and as fast as may be.
    pub(crate) fn rush(&self, requests: usize) {
        for _ in 0..requests {
            self.desk
                .ask(&post("/analyze/", r#"{"content":"Tea is good."}"#));
        }
    }

    /// The same request two or three times at once.
    fn text_by_key(&mut self) -> bool {
        let (desk, number) = (self.desk, self.desk.book.number());
        let field = format!("\r\nIdempotency-Key: key {number}\r\nHost");
        let request = generate(&format!("keyed {number}"), false).replacen("\r\nHost", &field, 1);
        thread::scope(|scope| {
            for _ in 0..self.random.usize(2..4) {
                scope.spawn(|| desk.persist(&format!("key {number}"), &request));
            }
        });
        true
    }

    /// What was acknowledged is there, whoever is asked.
    fn read(&mut self) -> bool {
        let book = self.desk.book;
        let pages = book.look();
        let text = self.random.choice(&pages.texts);
        let job = self.random.choice(&pages.jobs);
        let (path, key, expected) = match (text, job) {
            (_, Some((id, topics))) if self.random.u8(0..4) == 0 => {
                (format!("/jobs/{id}"), "items", json!(topics.len()))
            }
            (Some((id, text)), _) => (format!("/contents/{id}"), "text", json!(text)),
            _ => return false,
        };
        drop(pages);
        let Some(response) = self.desk.ask(&get(&path)) else {
            return false;
        };
        if response.status == 200 && response.json()[key] != expected {
            let there = response.json()[key].clone();
            book.wrong(format!("{path}: {there} and not {expected}"));
        }
        response.status == 200
    }
}

impl Desk<'_> {
    /// One request through the one port. `None`: the connection was cut.
    fn ask(&self, request: &str) -> Option<Response> {
        let sent = Instant::now();
        let mut client = Client::connect(self.front.addr);
        let from = client.socket().local_addr().unwrap();
        // Who was refused early has an answer to read.
        let _ = client.try_send(last(request));
        match client.try_response() {
            Ok(response) => {
                self.book.answered(request, sent, &response);
                Some(response)
            }
            Err(cut) => {
                let server = self.front.server_of(from);
                self.book.cut(server, cut, request);
                None
            }
        }
    }

    /// Asks until there is an answer.
    fn persist(&self, key: &str, request: &str) {
        let deadline = Instant::now() + LONG;
        while Instant::now() < deadline {
            let pause = match self.ask(request) {
                Some(response) if response.status == 200 => {
                    self.book.keyed(key, request, &response);
                    let text = response.json();
                    return self.stored(&text, text["generated_text"].as_str().unwrap_or(""));
                }
                Some(response) if response.status == 409 => 100,
                _ => 50,
            };
            thread::sleep(ms(pause));
        }
        self.book.wrong(format!("{key} was never answered"));
    }

    /// A text that is said to be stored.
    fn stored(&self, said: &Value, text: &str) {
        match said["id"].as_str() {
            Some(id) if said["stored"] == true && !text.is_empty() => self.book.stored(id, text),
            _ => self.book.wrong(format!("no text is stored: {said}")),
        }
    }

    fn streamed_text(&self) -> bool {
        let topic = format!("streamed {}", self.book.number());
        let Some(response) = self.ask(&generate(&topic, true)) else {
            return false;
        };
        if response.status == 200 {
            let blocks = response.text().trim_end().split("\n\n");
            let events: Vec<Event> = blocks.map(Event::parse).collect();
            match events.last().filter(|event| event.name == "done") {
                Some(done) => self.stored(&done.json(), &text_of(&events, 0)),
                None => self.book.wrong(format!("no end: {}", response.text())),
            }
        }
        response.status == 200
    }

    /// Its row comes after its answer, so there is nothing to be remembered.
    fn chat(&self, stream: bool) -> bool {
        let words = format!("chat {}", self.book.number());
        let body = json!({
            "model": "model-1", "stream": stream,
            "messages": [{"role": "user", "content": words}],
        });
        let Some(response) = self.ask(&post("/v1/chat/completions", &body.to_string())) else {
            return false;
        };
        let whole = match (response.status, stream) {
            (200, true) => response.text().ends_with("data: [DONE]\n\n"),
            (200, false) => response.json()["choices"][0]["finish_reason"].is_string(),
            _ => return false,
        };
        if !whole {
            self.book.wrong(format!("half a chat: {}", response.text()));
        }
        true
    }

    fn job(&self, items: usize) -> bool {
        let number = self.book.number();
        let topics = (0..items).map(|item| format!("item {item} of {number}"));
        let topics: Vec<String> = topics.collect();
        let body = json!({"kind": "generate", "topics": topics});
        let Some(response) = self.ask(&post("/jobs", &body.to_string())) else {
            return false;
        };
        if response.status == 202 {
            let job = response.json();
            self.book.taken_in(job["id"].as_str().unwrap(), topics);
        }
        response.status == 202
    }
}
