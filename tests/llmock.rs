//! Against a provider that this project did not write: the PyPI package `llmock` plays OpenAI,
//! Anthropic and Gemini, breaks on demand, and grades its client.
//!
//! `TEST_PYTHON` names a Python that has it; without it, plain `python3`.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use support::client::post;
use support::provider::{config_for, nobody};
use support::response::text_of;
use support::{Server, ask, generate, get};

const TEXT: &str = "Hello! This is a mock response from model-1.";

/// A running llmock. Killed when dropped.
struct Mock {
    addr: SocketAddr,
    child: Child,
}

impl Mock {
    fn start() -> Mock {
        let python = std::env::var("TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let addr = nobody();
        let child = Command::new(python)
            .args(["-m", "llmock.cli", "serve", "--host", "127.0.0.1"])
            .args([
                "--port",
                &addr.port().to_string(),
                "--response-style",
                "hello",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Python is there");
        let mock = Mock { addr, child };
        support::until("llmock", || std::net::TcpStream::connect(addr).ok());
        mock
    }

    /// A server that knows it as a provider of this kind.
    fn server(&self, kind: &str) -> Server {
        let path = if kind == "openai" { "v1" } else { kind };
        let url = format!("http://{}/{path}", self.addr);
        Server::start(&config_for(
            &url,
            &format!("kind = \"{kind}\"\nkey = \"sk-test\"\n"),
        ))
    }

    /// What it thinks of its client so far.
    fn verdict(&self) -> Value {
        ask(self.addr, get("/_llmock/verdict")).json()
    }

    /// What is to happen to the next requests.
    fn script(&self, behaviors: &Value) {
        let body = json!({ "behaviors": behaviors }).to_string();
        let response = ask(self.addr, post("/_llmock/scenario", &body));
        assert!(response.status < 300, "{}", response.text());
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_understood_whole_and_streamed_and_finds_no_fault(kind: &str) {
    let mock = Mock::start();
    let server = mock.server(kind);
    let whole = server.ask(generate("tea", false)).json();
    assert_eq!(whole["generated_text"], TEXT);
    assert_eq!(whole["finish_reason"], "stop");

    let mut client = server.connect();
    client.send(generate("coffee", true)).head();
    let events = client.events();
    assert_eq!(text_of(&events, 0), TEXT);
    let done = events.last().unwrap();
    assert_eq!(done.name, "done");
    assert!(done.json()["usage"]["completion_tokens"].is_u64());
    assert!(done.json()["readability"].is_object());

    let verdict = mock.verdict();
    assert_eq!(
        (&verdict["passed"], &verdict["calls"]),
        (&json!(true), &json!(2)),
        "{verdict}"
    );
    assert_eq!(verdict["findings"], json!([]));
}

fn breaks_streams_and_none_is_taken_for_whole(dialect: &str) {
    let mock = Mock::start();
    let server = mock.server(dialect);
    // Anthropic says three things before the first word.
    let after = if dialect == "anthropic" { 5 } else { 3 };
    for kind in ["truncate", "disconnect", "malformed"] {
        mock.script(&json!([{"type": "stream_fault", "kind": kind, "after_chunks": after}]));
        let mut client = server.connect();
        client.send(generate(kind, true)).head();
        let events = client.events();
        let last = events.last().unwrap();
        assert_eq!(last.name, "error", "{kind}");
        let id = events[0].json()["id"].as_str().unwrap().to_owned();
        let row = support::until("the row", || {
            let row = server.ask(get(&format!("/contents/{id}")));
            (row.status == 200).then(|| row.json())
        });
        assert_eq!(row["state"], "truncated", "{kind}");
        assert!(TEXT.starts_with(&text_of(&events, 0)), "{kind}");
    }
    // Its own finding would be that none of them was asked for again: it cannot see the error
    // events, and text that has gone out is never asked for twice.
    assert_eq!(mock.verdict()["faults_injected"], 3);
    assert_eq!(mock.verdict()["attempts"], 3);
}

fn fails_and_finds_no_fault(kind: &str) {
    let mock = Mock::start();
    let server = mock.server(kind);
    for (status, expected, attempts) in [
        (500, 200, "2"),
        (503, 200, "2"),
        (401, 502, "1"),
        (429, 200, "2"),
    ] {
        mock.script(&json!([{"type": "fail", "status": status}]));
        // A topic of its own, or it would be taken for the same call tried again.
        let response = server.ask(generate(&format!("tea {status}"), false));
        assert_eq!(response.status, expected, "{}", response.text());
        assert_eq!(
            response.field("x-maitred-attempts"),
            Some(attempts),
            "{status}"
        );
    }
    let verdict = mock.verdict();
    assert_eq!(verdict["passed"], true, "{verdict}");
}

macro_rules! for_dialect {
    ($($name:ident)*) => { $(
        mod $name {
            #[test]
            #[ignore = "needs llmock"]
            fn llmock_is_understood_whole_and_streamed_and_finds_no_fault() {
                super::is_understood_whole_and_streamed_and_finds_no_fault(stringify!($name));
            }

            #[test]
            #[ignore = "needs llmock"]
            fn llmock_breaks_streams_and_none_is_taken_for_whole() {
                super::breaks_streams_and_none_is_taken_for_whole(stringify!($name));
            }

            #[test]
            #[ignore = "needs llmock"]
            fn llmock_fails_and_finds_no_fault() {
                super::fails_and_finds_no_fault(stringify!($name));
            }
        }
    )* };
}

for_dialect!(openai anthropic gemini);
