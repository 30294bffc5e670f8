//! Requests that are refused, and what becomes of their connections.

use super::{World, post};
use crate::engine::io::How;
use crate::engine::tests::world::End;
use crate::limits::{LINGER_BYTES, LINGER_MS};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn each_has_its_status_and_its_code() {
    let long = "a".repeat(9_000);
    let fields = "X: y\r\n".repeat(101);
    let large = post("/generate/", &" ".repeat(2_000_000));
    for (request, status, code) in [
        (
            "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n",
            404,
            "no_such_route",
        ),
        (
            "GET /generate/ HTTP/1.1\r\nHost: a\r\n\r\n",
            405,
            "method_not_allowed",
        ),
        (
            "POST /analyze/ HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\n",
            415,
            "unsupported_media_type",
        ),
        (
            "POST /analyze/ HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\n",
            415,
            "compressed_body",
        ),
        (
            large.split_inclusive("\r\n\r\n").next().unwrap(),
            413,
            "payload_too_large",
        ),
        (
            &format!("GET /{long} HTTP/1.1\r\n"),
            414,
            "request_line_too_long",
        ),
        (
            &format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"),
            431,
            "too_many_fields",
        ),
        (
            "POST /generate/ HTTP/1.1\r\nHost: evil.io\r\nContent-Length: 2\r\n\r\n{}",
            421,
            "misdirected_host",
        ),
        (
            "POST /generate/ HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.io\r\nContent-Length: 2\r\n\r\n{}",
            403,
            "foreign_origin",
        ),
        (
            "GET https://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
            421,
            "misdirected_scheme",
        ),
        ("GET / HTTP/1.1\r\n\r\n", 400, "missing_host"),
        (
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            505,
            "unsupported_version",
        ),
        ("\x16\x03\x01", 400, "bad_method"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "length_and_transfer_encoding",
        ),
        (
            "GET /contents?limit=0 HTTP/1.1\r\nHost: a\r\n\r\n",
            422,
            "invalid_parameter",
        ),
    ] {
        let mut world = World::new("");
        let client = world.ask(request);
        let (got, name) = world.reply(client).problem();
        let line = request.lines().next().unwrap();
        assert_eq!((got, name.as_str()), (status, code), "{:.40}", line);
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let mut world = World::new("");
    let reply = world.get("/generate/");
    assert_eq!(reply.field("allow"), Some("POST, OPTIONS"));
    let client = world.ask("OPTIONS /contents HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let reply = world.reply(client);
    assert_eq!(
        (reply.status, reply.field("allow")),
        (204, Some("GET, HEAD, OPTIONS"))
    );
}

#[test]
fn a_refusal_without_a_body_leaves_the_connection_as_it_is() {
    let mut world = World::new("");
    let client = world.ask(format!("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n{HEALTH}"));
    assert_eq!(world.reply(client).status, 404);
    assert_eq!(world.reply(client).body, "ok\n");
}

#[test]
fn what_follows_connect_is_a_tunnel_and_no_request() {
    let mut world = World::new("");
    let client = world.ask(format!(
        "CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n{HEALTH}"
    ));
    let reply = world.reply(client);
    assert_eq!((reply.status, reply.closes()), (404, true));
    assert!(world.is_quiet(client) && world.sockets[&client].fin);
}

#[test]
fn an_early_answer_is_followed_by_a_fin_and_the_rest_is_read_and_thrown_away() {
    let mut world = World::new("");
    let large = post("/generate/", &" ".repeat(2_000_000));
    let client = world.ask(&large[..5_000]);
    let reply = world.reply(client);
    assert_eq!((reply.status, reply.closes()), (413, true));
    assert!(world.sockets[&client].fin && world.sockets[&client].closed.is_none());
    world.send(client, &large[5_000..500_000]);
    world.send(client, HEALTH);
    assert!(world.is_quiet(client), "what follows is no request");
    world.pass(LINGER_MS + 1);
    assert_eq!(world.sockets[&client].closed, Some(End::Engine(How::Plain)));
}

#[test]
fn lingering_reads_so_much_and_no_more() {
    let mut world = World::new("");
    let client = world.ask("nonsense\r\n\r\n");
    assert_eq!(world.reply(client).status, 400);
    world.send(client, vec![b'x'; LINGER_BYTES - 1]);
    assert!(world.sockets[&client].closed.is_none());
    world.send(client, "xx");
    assert!(world.sockets[&client].closed.is_some());
}

#[test]
fn a_chunked_body_over_the_limit_is_refused_when_it_passes_it() {
    let mut world = World::new("[limits]\nbody_bytes = 1024\n");
    let client =
        world.ask("POST /generate/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..4 {
        world.send(client, format!("100\r\n{}\r\n", " ".repeat(256)));
        assert!(world.is_quiet(client));
    }
    world.send(client, "1\r\n \r\n");
    assert_eq!(
        world.reply(client).problem(),
        (413, "payload_too_large".to_owned())
    );
}

#[test]
fn more_clients_than_places_are_not_accepted_until_some_have_left() {
    let mut world = World::new("");
    let clients: Vec<_> = (0..64).map(|_| world.client()).collect();
    assert!(!world.accepting);
    assert_eq!(world.try_client(), None);
    for client in &clients[..4] {
        world.end(*client);
    }
    assert!(world.accepting);
    world.client();
}

#[test]
fn more_texts_than_may_be_are_refused() {
    let sizes = crate::engine::Sizes {
        generations: 2,
        ..super::world::SIZES
    };
    let mut world = World::with(super::PROVIDER, sizes, 1);
    let topic = |n| format!(r#"{{"topic":"tea {n}"}}"#);
    let clients: Vec<_> = (0..3)
        .map(|n| world.post("/generate/", &topic(n)))
        .collect();
    assert_eq!(
        world.reply(clients[2]).problem(),
        (503, "generations_full".to_owned())
    );
    let first = world.upstreams()[0];
    world.send(first, super::openai::whole("Tea."));
    let client = world.post("/generate/", &topic(4));
    assert!(world.is_quiet(client), "a finished text makes room");
}
