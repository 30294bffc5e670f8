//! Clients that are slow on purpose: 408 at a deadline that single bytes do not move.
//!
//! The limits are a twentieth of the real ones, which `limits.rs` asserts.

use std::time::{Duration, Instant};

use crate::support::{Client, Server, get, ms};

const CONFIG: &str = "[limits]\nhead_ms = 500\nbody_gap_ms = 500\nkeep_alive_ms = 3000\n";

/// Sends single bytes until there is an answer; says when it came.
fn drip(client: &mut Client, byte: &str, gap: Duration) -> Duration {
    let started = Instant::now();
    while client.is_silent_for(gap) {
        // It may close while the byte is on its way.
        let _ = client.try_send(byte);
    }
    started.elapsed()
}

#[test]
fn a_slow_head_gets_408_and_single_bytes_do_not_help() {
    let server = Server::start(CONFIG);
    let mut client = server.connect();
    client.send("GET /healthz HTTP/1.1\r\nHost: a\r\nX: ");
    let took = drip(&mut client, "a", ms(50));
    assert!(took >= ms(400) && took < ms(1500), "{took:?}");
    let response = client.response();
    assert_eq!(
        (response.status, response.problem().as_str()),
        (408, "head_timeout")
    );
    assert_eq!(response.field("connection"), Some("close"));
    assert!(client.finish_sending().is_closed_within(ms(1000)));
}

#[test]
fn a_slow_body_gets_408_and_single_bytes_do_not_help() {
    let server = Server::start(CONFIG);
    let mut client = server.connect();
    client.send(
        "POST /generate/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Content-Length: 1000\r\n\r\n{",
    );
    let took = drip(&mut client, " ", ms(50));
    // At 1 KiB a second each byte earns a millisecond.
    assert!(took >= ms(400) && took < ms(1500), "{took:?}");
    let response = client.response();
    assert_eq!(
        (response.status, response.problem().as_str()),
        (408, "body_timeout")
    );
    assert!(client.finish_sending().is_closed_within(ms(1000)));
}

#[test]
fn a_body_in_single_bytes_is_fine_while_it_is_fast_enough() {
    let server = Server::start(CONFIG);
    let mut client = server.connect();
    client.send_in_pieces(
        crate::support::client::post("/analyze/", r#"{"content":"Tea."}"#),
        1,
    );
    assert_eq!(client.response().status, 200);
}

#[test]
fn who_says_nothing_is_closed_without_a_word() {
    let server = Server::start("[limits]\nkeep_alive_ms = 300\n");
    let started = Instant::now();
    let mut silent = server.connect();
    let mut once = server.connect();
    assert_eq!(once.send(get("/healthz")).response().status, 200);
    assert!(silent.is_closed_within(ms(3000)));
    assert!(once.is_closed_within(ms(3000)));
    assert!(started.elapsed() >= ms(250), "not at once either");
}

#[test]
fn a_hundred_slow_heads_do_not_delay_a_probe() {
    let server = Server::start(CONFIG);
    let slow: Vec<Client> = (0..100)
        .map(|_| {
            let mut client = server.connect();
            client.send("GET / HTTP/1.1\r\nHost:");
            client
        })
        .collect();
    let started = Instant::now();
    assert_eq!(server.ask(get("/healthz")).status, 200);
    assert!(started.elapsed() < ms(250), "{:?}", started.elapsed());
    for mut client in slow {
        assert_eq!(client.response().status, 408);
    }
}
