//! Over real sockets: a provider that fails is asked again, or left alone; so many calls at a time;
//! and clients that have no time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::support::provider::{config_for, nobody};
use crate::support::{Provider, Script, Server, generate, ms, until};

/// Waits that are a twentieth of the usual ones.
const BRISK: &str = "retry_base_ms = 25\nretry_cap_ms = 400\n";

/// Fails so many times, then answers.
fn fails(times: usize, status: u16, fields: &'static str) -> Provider {
    Provider::start(move |asked| {
        if asked.before < times {
            Script::status(status, fields, "{}")
        } else {
            Script::whole("Tea.")
        }
    })
}

/// A request whose client has so many milliseconds.
fn within(ms: u64, topic: &str, stream: bool) -> String {
    let field = format!("HTTP/1.1\r\nX-Request-Timeout-Ms: {ms}");
    generate(topic, stream).replacen("HTTP/1.1", &field, 1)
}

#[test]
fn what_heals_within_three_attempts_is_not_seen() {
    for status in [408, 429, 500, 502, 503, 504, 529] {
        let provider = fails(2, status, "");
        let server = Server::start(&provider.config(BRISK));
        let response = server.ask(generate("tea", false));
        assert_eq!(response.status, 200, "{status}: {}", response.text());
        assert_eq!(response.field("x-maitred-attempts"), Some("3"));
        assert_eq!(provider.asked().len(), 3, "{status}");
    }
}

#[test]
fn a_hint_is_kept_to() {
    let provider = fails(1, 429, "Retry-After: 9\r\nRetry-After-Ms: 400\r\n");
    let server = Server::start(&provider.config(""));
    let started = Instant::now();
    assert_eq!(server.ask(generate("tea", false)).status, 200);
    let took = started.elapsed();
    assert!(took >= ms(400) && took < ms(3000), "{took:?}");
}

#[test]
fn a_provider_that_is_not_there_is_told_fast_and_left_alone_after_five_attempts() {
    let server = Server::start(&config_for(
        &format!("http://{}", nobody()),
        "breaker_open_ms = 60000\n",
    ));
    let first = server.ask(generate("one", false));
    assert_eq!(
        (first.status, first.problem().as_str()),
        (502, "upstream_connect")
    );
    server.ask(generate("two", false));
    let third = server.ask(generate("three", false));
    assert_eq!(
        (third.status, third.problem().as_str()),
        (503, "upstream_breaker_open")
    );
    let after: u64 = third.field("retry-after").unwrap().parse().unwrap();
    assert!((55..=60).contains(&after), "{after}");
    until("the log", || {
        server
            .log()
            .contains("is not asked for a while")
            .then_some(())
    });
}

#[test]
fn a_breaker_closes_when_the_provider_is_back() {
    let provider = fails(5, 503, "");
    let further = "retries = 0\nbreaker_open_ms = 200\n";
    let server = Server::start(&provider.config(further));
    for n in 0..5 {
        assert_eq!(
            server.ask(generate(&format!("topic {n}"), false)).status,
            502
        );
    }
    assert_eq!(server.ask(generate("tea", false)).status, 503);
    until("the probe", || {
        (server.ask(generate("tea", false)).status == 200).then_some(())
    });
    assert_eq!(provider.asked().len(), 6, "one probe, and it was enough");
    assert_eq!(
        server.metric(r#"maitred_breaker_state{provider="fake",state="closed"}"#),
        1.0
    );
}

#[test]
fn five_at_a_time_and_no_more() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = (Arc::clone(&now), Arc::clone(&most));
    let provider = Provider::start(move |_| {
        let at_once = seen.0.fetch_add(1, Ordering::SeqCst) + 1;
        seen.1.fetch_max(at_once, Ordering::SeqCst);
        std::thread::sleep(ms(50));
        seen.0.fetch_sub(1, Ordering::SeqCst);
        Script::whole("Tea.")
    });
    let server = Server::start(&provider.config("concurrency = 5\n"));
    std::thread::scope(|scope| {
        for n in 0..20 {
            let server = &server;
            scope.spawn(move || {
                let response = server.ask(generate(&format!("topic {n}"), false));
                assert_eq!(response.status, 200, "{}", response.text());
            });
        }
    });
    assert_eq!(most.load(Ordering::SeqCst), 5);
    assert_eq!(server.metric(r#"maitred_gate_turns{provider="fake"}"#), 0.0);
    assert!(server.metric(r#"maitred_gate_waits_total{provider="fake"}"#) >= 10.0);
}

#[test]
fn a_client_without_time_is_answered_and_the_provider_stopped() {
    let provider = Provider::start(|_| Script::hang());
    let server = Server::start(&provider.config(""));
    let started = Instant::now();
    let response = server.ask(within(300, "tea", false));
    assert_eq!(
        (response.status, response.problem().as_str()),
        (504, "deadline_exceeded")
    );
    assert!(started.elapsed() >= ms(290) && started.elapsed() < ms(2000));
    let deserted = provider.wait_for_deserters(1);
    assert!(deserted.duration_since(started) < ms(2000));
}

#[test]
fn a_stream_that_takes_too_long_for_its_client_ends_with_an_error() {
    let provider = Provider::start(|_| Script::streamed(&["a "; 200], ms(20)));
    let server = Server::start(&provider.config(""));
    let mut client = server.connect();
    client.send(within(400, "tea", true)).head();
    let last = client.events().pop().unwrap();
    assert_eq!(last.json()["code"], "deadline_exceeded");
    provider.wait_for_deserters(1);
}
