//! One byte more than allowed: 413, 414 and 431. And the figures themselves.

use std::fmt::Write as _;

use maitred::limits;

use crate::support::client::post;
use crate::support::{House, Server, get};

fn status_and_code(server: &Server, request: &str) -> (u16, String) {
    let response = server.ask(request);
    (response.status, response.problem())
}

#[test]
fn a_request_line_of_8_kib_is_the_longest() {
    let server = Server::start("");
    let of = |length: usize| {
        let path = format!("/{}", "a".repeat(length - "GET / HTTP/1.1".len()));
        get(&path)
    };
    let fits = status_and_code(&server, &of(8_000));
    assert_eq!(fits, (404, "no_such_route".to_owned()));
    let long = status_and_code(&server, &of(limits::REQUEST_LINE_BYTES + 3));
    assert_eq!(long, (414, "request_line_too_long".to_owned()));
}

#[test]
fn a_head_of_16_kib_or_100_fields_is_the_largest() {
    let server = Server::start("");
    let filler = |bytes: usize| format!("X: {}\r\n", "a".repeat(bytes));
    let with = |fields: &str| format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    assert_eq!(server.ask(with(&filler(15_000))).status, 200);
    let long = status_and_code(&server, &with(&filler(limits::HEAD_BYTES)));
    assert_eq!(long, (431, "head_too_large".to_owned()));

    let fields = |number: usize| {
        (0..number).fold(String::new(), |mut all, n| {
            write!(all, "X{n}: y\r\n").unwrap();
            all
        })
    };
    // `Host` is one of them.
    assert_eq!(
        server.ask(with(&fields(limits::HEADER_COUNT - 1))).status,
        200
    );
    let many = status_and_code(&server, &with(&fields(limits::HEADER_COUNT)));
    assert_eq!(many, (431, "too_many_fields".to_owned()));
}

#[test]
fn a_body_one_byte_too_long_is_413_however_it_is_framed() {
    let server = Server::start("[limits]\nbody_bytes = 2048\nanalyze_body_bytes = 4096\n");
    let topic = |bytes: usize| {
        let frame = r#"{"topic":""}"#.len();
        format!(r#"{{"topic":"{}"}}"#, " ".repeat(bytes - frame))
    };
    // What fits is read, and refused for what it says.
    let fits = status_and_code(&server, &post("/generate/", &topic(2048)));
    assert_eq!(fits, (422, "invalid_field".to_owned()));
    let long = status_and_code(&server, &post("/generate/", &topic(2049)));
    assert_eq!(long, (413, "payload_too_large".to_owned()));
    let fits = status_and_code(&server, &post("/analyze/", &topic(4096)));
    assert_eq!(fits, (422, "unknown_field".to_owned()));

    let mut client = server.connect();
    client.send(
        "POST /generate/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
    );
    let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
    // The third one is over the limit; it may refuse before the fourth.
    let _ = (0..4).try_for_each(|_| client.try_send(&chunk));
    let response = client.response();
    assert_eq!(
        (response.status, response.problem().as_str()),
        (413, "payload_too_large")
    );
}

#[test]
fn a_length_is_refused_before_the_body_is_sent() {
    let server = Server::start("");
    let mut client = server.connect();
    client.send(
        "POST /generate/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: 9999999999\r\n\r\n",
    );
    assert_eq!(client.response().status, 413, "and no 100 before it");
}

#[test]
fn chunk_lines_extensions_and_trailers_are_bounded() {
    let server = Server::start("");
    let body = |chunks: &str| {
        format!(
            "POST /generate/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Transfer-Encoding: chunked\r\n\r\n{chunks}"
        )
    };
    let line = format!("1;{}\r\n \r\n", "a".repeat(limits::CHUNK_LINE_BYTES));
    let long = status_and_code(&server, &body(&line));
    assert_eq!(long, (400, "chunk_line_too_long".to_owned()));

    let extension = format!("1;{}\r\n \r\n", "a".repeat(200));
    let many = status_and_code(&server, &body(&extension.repeat(30)));
    assert_eq!(many, (400, "chunk_extensions_too_long".to_owned()));

    let trailer = format!("0\r\nX: {}\r\n\r\n", "a".repeat(limits::TRAILER_BYTES));
    let long = status_and_code(&server, &body(&trailer));
    assert_eq!(long, (431, "trailers_too_large".to_owned()));
}

#[test]
fn a_connection_ends_after_a_thousand_requests() {
    let server = Server::start("");
    let mut client = server.connect();
    for _ in 1..limits::REQUESTS_PER_CONNECTION {
        assert_eq!(
            client.send(get("/healthz")).response().field("connection"),
            None
        );
    }
    let last = client.send(get("/healthz")).response();
    assert_eq!(
        (last.status, last.field("connection")),
        (200, Some("close"))
    );
    assert!(client.is_closed_within(crate::support::PATIENCE));
}

#[test]
fn the_figures_of_a_server_that_nobody_has_configured() {
    let printed = House::new().run_to_exit("", &["check-config"]);
    assert!(printed.status.success());
    let printed = String::from_utf8(printed.stdout).unwrap();
    let figures: toml::Table = printed.parse().unwrap();
    let figure = |name: &str| figures["limits"][name].as_integer().unwrap();
    for (name, value) in [
        ("body_bytes", 1 << 20),
        ("analyze_body_bytes", 4 << 20),
        ("head_ms", 10_000),
        ("body_gap_ms", 10_000),
        ("keep_alive_ms", 60_000),
        ("write_stall_ms", 30_000),
        ("linger_ms", 2_000),
        ("shutdown_ms", 30_000),
        ("resume_grace_ms", 10_000),
        ("replay_ms", 60_000),
        ("heartbeat_ms", 15_000),
    ] {
        assert_eq!(figure(name), value, "{name}");
    }
    assert_eq!(
        (
            limits::REQUEST_LINE_BYTES,
            limits::HEAD_BYTES,
            limits::HEADER_COUNT
        ),
        (8 << 10, 16 << 10, 100)
    );
}
