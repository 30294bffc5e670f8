//! The many ways in which an honest provider may write the same stream, and what must not get from
//! one answer into the next.

use crate::support::response::text_of;
use crate::support::script::{chunk, stream_head, text_event};
use crate::support::{Act, Provider, Script, Server, generate, ms};

/// Plays `body` as a stream; returns the text and the name of the last event.
fn played(body: &str) -> (String, String) {
    let all = format!("{}{}{}", stream_head(), chunk(body), "0\r\n\r\n");
    let provider = Provider::start(move |_| Script::default().send(&all).in_slices(7));
    let server = Server::start(&provider.config(""));
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    let events = client.events();
    (text_of(&events, 0), events.last().unwrap().name.clone())
}

#[test]
fn line_ends_comments_and_fields_that_mean_nothing() {
    let plain = text_event("☕ one ")
        + &text_event("two")
        + "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
        + "data: [DONE]\n\n";
    let whole = ("☕ one two".to_owned(), "done".to_owned());
    assert_eq!(played(&plain), whole);
    assert_eq!(played(&plain.replace('\n', "\r\n")), whole, "CRLF");
    assert_eq!(played(&plain.replace('\n', "\r")), whole, "CR");
    assert_eq!(
        played(&format!("\u{feff}{plain}")),
        whole,
        "a byte order mark"
    );
    assert_eq!(played(&plain.replace("data: ", "data:")), whole, "no space");
    let noisy = plain.replace(
        "data: ",
        ": ping\nid: 7\nretry: 10\nevent: message\nunknown\ndata: ",
    );
    assert_eq!(played(&noisy), whole, "fields and comments");
    let lines = plain.replace(",\"choices\"", "\ndata: ,\"choices\"");
    assert_eq!(played(&lines), whole, "data in several lines");
    let no_done = plain.replace("data: [DONE]\n\n", "");
    assert_eq!(played(&no_done), whole, "a finish reason and a framed end");
}

#[test]
fn text_of_a_provider_cannot_forge_events() {
    let evil = "\n\ndata: x\n\nevent: done\ndata: {}\n\n\u{0}\r\u{2028}end";
    let provider = Provider::start(move |_| Script::streamed(&["a", evil], ms(0)));
    let server = Server::start(&provider.config(""));
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    let events = client.events();
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(
        names.iter().filter(|name| **name == "done").count(),
        1,
        "{names:?}"
    );
    let text = text_of(&events, 0);
    assert!(text.starts_with("a\n\ndata: x\n\nevent: done"), "{text:?}");
}

#[test]
fn bytes_behind_an_answer_are_nobodys() {
    let second = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let provider = Provider::start(move |_| {
        let mut script = Script::whole("mine");
        let Some(Act::Send(bytes)) = script.0.first_mut() else {
            unreachable!("a whole answer is one piece");
        };
        bytes.extend_from_slice(second.as_bytes());
        script
    });
    let server = Server::start(&provider.config(""));
    for n in 0..5 {
        let answer = server.ask(generate(&format!("topic {n}"), false));
        assert_eq!(
            (answer.status, &answer.json()["generated_text"]),
            (200, &"mine".into())
        );
    }
    assert_eq!(
        provider.connections(),
        5,
        "such a connection is not used again"
    );
}

#[test]
fn a_cancelled_answer_is_not_the_next_ones() {
    // The first answer comes late, when its client has left; the second one is asked for at once.
    let provider = Provider::start(|asked| {
        let text = if asked.before == 0 { "first" } else { "second" };
        let script = Script::default().wait(ms(if asked.before == 0 { 300 } else { 0 }));
        Script([script.0, Script::whole(text).0].concat())
    });
    let server = Server::start(&provider.config("connections = 1\nqueue_ms = 5000\n"));
    let mut first = server.connect();
    first.send(generate("one", false));
    provider.wait_for_requests(1);
    drop(first);
    let second = server.ask(generate("two", false)).json();
    assert_eq!(second["generated_text"], "second");
}

#[test]
fn an_answer_that_ends_with_its_connection() {
    // A FIN alone says nothing about a text; [DONE] does.
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    for (end, expected) in [("data: [DONE]\n\n", "done"), ("", "error")] {
        let stop =
            "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
        let stop = if end.is_empty() { "" } else { stop };
        let all = [head, &text_event("tea"), stop, end].concat();
        let provider = Provider::start(move |_| Script::default().send(&all).then(Act::Close));
        let server = Server::start(&provider.config(""));
        let mut client = server.connect();
        client.send(generate("tea", true)).head();
        assert_eq!(client.events().last().unwrap().name, expected);
    }
}

#[test]
fn a_thousand_calls_over_connections_that_come_and_go() {
    // Every third answer says that its connection ends.
    let provider = Provider::start(|asked| {
        if asked.before % 3 == 2 {
            Script::status(200, "Connection: close\r\n", &body("tea")).then(Act::Close)
        } else {
            Script::status(200, "", &body("tea"))
        }
    });
    let server = Server::start(&provider.config("connections = 8\nqueue_ms = 20000\n"));
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for n in 0..250 {
                    let response = server.ask(generate(&format!("{worker} {n}"), false));
                    assert_eq!(response.status, 200, "{}", response.text());
                }
            });
        }
    });
    assert_eq!(
        provider.asked().len(),
        1_000,
        "none failed, none was asked for twice"
    );
    assert!(
        provider.connections() < 500,
        "{} connections",
        provider.connections()
    );
}

fn body(text: &str) -> String {
    serde_json::json!({
        "choices": [{
            "index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": text},
        }],
    })
    .to_string()
}

#[test]
fn a_stream_of_four_mebibytes_is_the_longest() {
    let page = "x".repeat(64 * 1024);
    let provider = Provider::start(move |_| Script::streamed(&[page.as_str(); 80], ms(0)));
    let server = Server::start(&provider.config(""));
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    let events = client.events();
    let last = events.last().unwrap();
    assert_eq!(
        (last.name.as_str(), last.json()["code"].as_str()),
        ("error", Some("upstream_too_large"))
    );
    let text = text_of(&events, 0);
    assert!(
        text.len() <= maitred::limits::GENERATION_BYTES + 64 * 1024,
        "{}",
        text.len()
    );
}
