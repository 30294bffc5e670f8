//! What HTTP/1.1 owes to clients that behave: keep-alive, pipelining, HEAD, HTTP/1.0,
//! `100 Continue`, half-close, absolute-form, OPTIONS, and a close that destroys no answer.

use crate::support::client::post;
use crate::support::process::resident_bytes;
use crate::support::{Server, generate, get, ms};

#[test]
fn a_connection_serves_many_requests_in_their_order() {
    let server = Server::start("[offline]\ngap_ms = 0\n");
    let mut client = server.connect();
    let all = [
        get("/healthz"),
        generate("tea", false),
        get("/readyz"),
        get("/nowhere"),
    ];
    client.send(all.concat());
    assert_eq!(client.response().text(), "ok\n");
    assert!(client.response().json()["generated_text"].is_string());
    assert_eq!(client.response().text(), "ready\n");
    assert_eq!(client.response().status, 404);
    assert_eq!(
        client.send(get("/healthz")).response().status,
        200,
        "and goes on"
    );
}

#[test]
fn a_thousand_requests_in_one_write() {
    let server = Server::start("");
    let mut client = server.connect();
    client.send(get("/healthz").repeat(1_000));
    for _ in 0..1_000 {
        assert_eq!(client.response().status, 200);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn who_sends_ahead_and_never_reads_is_made_to_wait() {
    let server = Server::start("");
    assert_eq!(server.ask(get("/metrics")).status, 200);
    let before = resident_bytes(server.pid());
    let mut client = server.connect();
    client.socket().set_write_timeout(Some(ms(500))).unwrap();
    let batch = get("/metrics").repeat(1_000);
    let mut taken = 0;
    while client.try_send(&batch).is_ok() {
        taken += 1;
        assert!(taken < 1_000, "it reads on and on");
    }
    let grown = resident_bytes(server.pid()).saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more");
    assert_eq!(server.ask(get("/healthz")).status, 200);
}

#[test]
fn head_is_get_without_the_body() {
    let server = Server::start("");
    let mut client = server.connect();
    let get_length = client
        .send(get("/healthz"))
        .response()
        .body
        .len()
        .to_string();
    client.send(get("/healthz").replace("GET", "HEAD"));
    let head = client.response_to_head();
    assert_eq!(head.field("content-length"), Some(get_length.as_str()));
    // If a body had come it would be in front of this.
    assert_eq!(client.send(get("/readyz")).response().text(), "ready\n");
    client.send(get("/nowhere").replace("GET", "HEAD"));
    assert_eq!(client.response_to_head().status, 404);
    assert_eq!(client.send(get("/readyz")).response().text(), "ready\n");
}

#[test]
fn http_1_0_gets_no_chunks_and_a_close_unless_it_asks_for_more() {
    let server = Server::start("[offline]\ngap_ms = 0\ntokens = 5\n");
    let mut client = server.connect();
    client.send("GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().text(), "ok\n");
    assert!(client.is_closed_within(ms(3000)));

    let mut client = server.connect();
    client.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(client.response().field("connection"), Some("keep-alive"));
    client.send(generate("tea", true).replace("HTTP/1.1", "HTTP/1.0"));
    let stream = client.response();
    assert_eq!(stream.field("transfer-encoding"), None);
    assert!(
        stream
            .text()
            .trim_end()
            .lines()
            .rev()
            .nth(1)
            .unwrap()
            .starts_with("event: done")
    );
}

#[test]
fn a_client_that_waits_for_continue_is_told_to_go_on() {
    let server = Server::start("[offline]\ngap_ms = 0\ntokens = 5\n");
    let whole = generate("tea", false).replace("\r\nHost", "\r\nExpect: 100-continue\r\nHost");
    let (head, body) = whole.split_at(whole.find("\r\n\r\n").unwrap() + 4);
    let mut client = server.connect();
    client.send(head);
    assert_eq!(client.response().status, 100);
    client.send(body);
    assert_eq!(client.response().status, 200);
    // Who sends the body at once need not be told.
    client.send(&whole);
    assert_eq!(client.response().status, 200);
    // Who will be refused anyway is not asked for the body.
    let refused = head.replace("/generate/", "/nowhere");
    assert_eq!(client.send(refused).response().status, 404);

    let other = get("/healthz").replace("\r\nHost", "\r\nExpect: tea\r\nHost");
    assert_eq!(server.ask(other).status, 417);
}

#[test]
fn a_half_closed_client_gets_what_costs_nothing() {
    let server = Server::start("");
    for path in ["/", "/contents", "/healthz", "/metrics"] {
        let mut client = server.connect();
        client.send(get(path)).finish_sending();
        assert_eq!(client.response().status, 200, "{path}");
        assert!(client.is_closed_within(ms(3000)));
    }
}

#[test]
fn half_close_means_gone_where_it_costs_unless_configured() {
    let slow = "[offline]\ntokens = 10\n[drill]\nstall_scorer_ms = 500\n";
    let server = Server::start(slow);
    let mut client = server.connect();
    client.send(generate("tea", false)).finish_sending();
    assert!(client.is_closed_within(ms(3000)), "and no answer");

    let server = Server::start(&format!("half_close = true\n{slow}"));
    let mut client = server.connect();
    client.send(generate("tea", false)).finish_sending();
    assert_eq!(client.response().status, 200);
}

#[test]
fn an_absolute_target_means_the_same_and_overrides_host() {
    let server = Server::start("");
    let absolute = "GET http://localhost/healthz HTTP/1.1\r\nHost: ignored\r\n\r\n";
    assert_eq!(server.ask(absolute).text(), "ok\n");
    let foreign = "GET http://attacker.com/contents HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(server.ask(foreign).status, 421);
}

#[test]
fn options_tells_what_a_path_takes() {
    let server = Server::start("");
    for (path, allow) in [
        ("/generate/", "POST, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("*", "GET, HEAD, POST, DELETE, OPTIONS"),
    ] {
        let response = server.ask(format!("OPTIONS {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(
            (response.status, response.field("allow")),
            (204, Some(allow)),
            "{path}"
        );
        assert_eq!(response.field("access-control-allow-origin"), None);
    }
}

#[test]
fn an_early_answer_survives_the_bytes_that_were_on_their_way() {
    let server = Server::start("");
    let mut client = server.connect();
    client.send(
        "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
         Content-Length: 900000\r\n\r\n",
    );
    client.send(vec![b' '; 600_000]); // as much again as any socket buffer holds
    let response = client.response();
    assert_eq!(
        (response.status, response.field("connection")),
        (404, Some("close"))
    );
    assert!(client.finish_sending().is_closed_within(ms(3000)));
}

#[test]
fn an_early_answer_does_not_read_for_ever() {
    let server = Server::start("[limits]\nlinger_ms = 300\n");
    let mut client = server.connect();
    client.send("GET / HTTP/9.9\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().status, 505);
    // The FIN has come; the client goes on sending and is reset at last.
    let started = std::time::Instant::now();
    while client.try_send("x").is_ok() {
        assert!(started.elapsed() < ms(5000), "it lingers for ever");
        std::thread::sleep(ms(10));
    }
    assert!(started.elapsed() >= ms(200), "{:?}", started.elapsed());
}

#[test]
fn one_empty_line_before_a_request_is_skipped() {
    let server = Server::start("");
    assert_eq!(server.ask(format!("\r\n{}", get("/healthz"))).status, 200);
}

#[test]
fn every_answer_has_a_date_and_says_what_may_not_be_guessed() {
    let server = Server::start("");
    let response = server.ask(post("/analyze/", r#"{"content":"I love tea."}"#));
    assert_eq!(response.status, 200);
    assert_eq!(response.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(response.field("cache-control"), Some("no-store"));
    assert_eq!(response.field("server"), None);
    assert!(
        response
            .field("date")
            .is_some_and(|date| date.ends_with(" GMT"))
    );
}
