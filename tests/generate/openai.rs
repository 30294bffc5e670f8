//! A provider that speaks OpenAI's dialect, over plain TCP and over TLS.

use std::time::Instant;

use serde_json::Value;

use crate::support::provider::config_for;
use crate::support::response::text_of;
use crate::support::script::text_event;
use crate::support::tls::Identity;
use crate::support::{Act, House, Provider, Script, Server, generate, ms};

const TOKENS: &[&str] = &["Tea ", "is a \"drink\"\n", "☕ and ", "more."];
const TEXT: &str = "Tea is a \"drink\"\n☕ and more.";

/// Whole for who asks whole, streamed for who asks streamed.
fn obliging(asked: &crate::support::provider::Asked) -> Script {
    if asked.text.contains("\"stream\":true") {
        Script::streamed(TOKENS, ms(1))
    } else {
        Script::whole(TEXT)
    }
}

fn check_both_ways(server: &Server) {
    let whole = server.ask(generate("tea", false));
    assert_eq!(whole.status, 200, "{}", whole.text());
    let whole = whole.json();
    assert_eq!(
        (&whole["generated_text"], &whole["model"]),
        (&TEXT.into(), &"model-1".into())
    );
    assert_eq!(
        (&whole["finish_reason"], &whole["offline"]),
        (&"stop".into(), &false.into())
    );
    assert_eq!(whole["usage"]["total_tokens"], 12);

    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    let events = client.events();
    assert_eq!(text_of(&events, 0), TEXT);
    let done = events.last().unwrap();
    assert_eq!(done.name, "done");
    assert_eq!(done.json()["usage"]["total_tokens"], 13);
}

#[test]
fn plain() {
    let provider = Provider::start(obliging);
    let server = Server::start(&provider.config("key = \"sk-test\"\n"));
    check_both_ways(&server);

    let asked = &provider.asked()[1].text;
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
        "{head}"
    );
    let head = head.to_ascii_lowercase();
    for line in [
        format!("host: {}", provider.addr),
        "authorization: bearer sk-test".to_owned(),
        "accept-encoding: identity".to_owned(),
        "content-type: application/json".to_owned(),
    ] {
        assert!(head.lines().any(|l| l == line), "{line} is not in {head}");
    }
    let body: Value = serde_json::from_str(body).unwrap();
    let prompt = "You are a helpful assistant. Write a detailed article about tea.";
    assert_eq!(body["messages"][0]["content"], prompt);
    assert_eq!(
        (&body["model"], &body["stream"]),
        (&"model-1".into(), &true.into())
    );
}

#[test]
fn over_tls_with_a_certificate_of_ones_own() {
    let house = House::new();
    let identity = Identity::of(&["127.0.0.1"]);
    let provider = Provider::start_tls(identity.server, obliging);
    let pem = house.write("ca.pem", &identity.pem);
    let config = provider.config(&format!("ca_file = {pem:?}\n"));
    check_both_ways(&Server::start_in(house, &config));
}

#[test]
fn a_certificate_that_is_not_trusted_gets_no_byte_of_the_request() {
    let house = House::new();
    let provider = Provider::start_tls(Identity::of(&["127.0.0.1"]).server, obliging);
    let other = house.write("ca.pem", &Identity::of(&["127.0.0.1"]).pem);
    let config = provider.config(&format!("ca_file = {other:?}\n"));
    let response = Server::start_in(house, &config).ask(generate("tea", false));
    assert_eq!(
        (response.status, response.problem().as_str()),
        (502, "upstream_tls")
    );
    assert!(provider.asked().is_empty());
}

#[test]
fn a_certificate_for_another_name_gets_no_byte_of_the_request() {
    let house = House::new();
    let identity = Identity::of(&["elsewhere.test"]);
    let provider = Provider::start_tls(identity.server, obliging);
    let pem = house.write("ca.pem", &identity.pem);
    let config = provider.config(&format!("ca_file = {pem:?}\n"));
    let response = Server::start_in(house, &config).ask(generate("tea", false));
    assert_eq!(
        (response.status, response.problem().as_str()),
        (502, "upstream_tls")
    );
    let detail = response.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("another name"), "{detail}");
    assert!(provider.asked().is_empty());
}

#[test]
fn an_end_that_tls_does_not_vouch_for_is_no_end() {
    // The model has stopped, but without [DONE] only the end of the body says that this is all;
    // and whoever can cut a TCP connection could have sent that FIN.
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let stop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let all = [head, &text_event("tea"), stop].concat();
    let house = House::new();
    let identity = Identity::of(&["127.0.0.1"]);
    let pem = house.write("ca.pem", &identity.pem);
    let provider = Provider::start_tls(identity.server, move |_| {
        Script::default().send(&all).then(Act::Close)
    });
    let server = Server::start_in(house, &provider.config(&format!("ca_file = {pem:?}\n")));
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    let last = client.events().pop().unwrap();
    let code = last.json()["code"].clone();
    assert_eq!(
        (last.name.as_str(), code.as_str()),
        ("error", Some("upstream_truncated"))
    );
}

#[test]
fn a_provider_that_does_not_speak_tls() {
    let plain = Provider::start(obliging);
    let config = config_for(&format!("https://{}/v1", plain.addr), "tls_ms = 2000\n");
    let response = Server::start(&config).ask(generate("tea", false));
    let code = response.problem();
    let fine = [(502, "upstream_tls"), (504, "upstream_tls_timeout")];
    assert!(fine.contains(&(response.status, code.as_str())), "{code}");
}

#[test]
fn a_stream_cut_into_any_slices_is_the_same_stream() {
    let sizes = [1, 2, 3, 5, 7, 64];
    let provider = Provider::start(move |asked| {
        Script::streamed(TOKENS, ms(0)).in_slices(sizes[asked.before % sizes.len()])
    });
    let server = Server::start(&provider.config(""));
    for size in sizes {
        let mut client = server.connect();
        client.send(generate("tea", true)).head();
        let events = client.events();
        assert_eq!(text_of(&events, 0), TEXT, "slices of {size}");
        assert_eq!(events.last().unwrap().name, "done", "slices of {size}");
    }
}

#[test]
fn each_token_goes_on_when_it_comes() {
    let provider = Provider::start(|_| Script::streamed(&["one ", "two ", "three"], ms(300)));
    let server = Server::start(&provider.config(""));
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    let mut times = Vec::new();
    while let Some(event) = client.event() {
        if event.name == "token" {
            times.push(Instant::now());
        }
    }
    assert_eq!(times.len(), 3);
    assert!(
        times[2] - times[0] > ms(450),
        "held back: {:?}",
        times[2] - times[0]
    );
}

#[test]
fn connections_are_used_again() {
    let provider = Provider::start(obliging);
    let server = Server::start(&provider.config(""));
    for n in 0..50 {
        let response = server.ask(generate(&format!("topic {n}"), n % 2 == 0));
        assert_eq!(response.status, 200);
    }
    assert_eq!((provider.asked().len(), provider.connections()), (50, 1));
}

#[test]
fn a_connection_that_died_while_idle_is_noticed_by_nobody() {
    // Each connection serves one request and closes without having said that it would.
    let provider = Provider::start(|_| Script::whole(TEXT).then(Act::Close));
    let server = Server::start(&provider.config(""));
    for n in 0..30 {
        let response = server.ask(generate(&format!("topic {n}"), false));
        assert_eq!(response.status, 200, "{}", response.text());
    }
    assert_eq!(provider.asked().len(), 30, "and none was asked for twice");
}

#[test]
fn a_bounded_pool_makes_calls_wait() {
    let provider = Provider::start(|_| Script::default().wait(ms(100)).send(whole_bytes()));
    let config = provider.config("connections = 2\nqueue_ms = 20000\n");
    let server = Server::start(&config);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let response = server.ask(generate(&format!("topic {n}"), false));
                assert_eq!(response.status, 200);
            });
        }
    });
    assert_eq!((provider.asked().len(), provider.connections()), (8, 2));
}

#[test]
fn a_call_that_waits_too_long_for_its_turn_gets_503() {
    let provider = Provider::start(|_| Script::hang());
    let config = provider.config("connections = 1\nqueue_ms = 100\n");
    let server = Server::start(&config);
    let mut first = server.connect();
    first.send(generate("one", false));
    provider.wait_for_requests(1);
    let second = server.ask(generate("two", false));
    assert_eq!(
        (second.status, second.problem().as_str()),
        (503, "queue_timeout")
    );
    assert_eq!(second.field("retry-after"), Some("1"));
}

fn whole_bytes() -> Vec<u8> {
    match Script::whole(TEXT).0.remove(0) {
        Act::Send(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}
