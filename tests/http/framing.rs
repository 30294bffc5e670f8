//! Strict framing: whatever two parsers could read in two ways is refused, and the connection is
//! closed, because nobody knows where the next request would start (RFC 9112 §6, §7).

use crate::support::{Server, get};

/// Sends `bad` and, behind it, a request that is fine. There must be one answer, a refusal, and
/// then the end: a second answer is a smuggled request.
fn refusal(server: &Server, bad: &[u8]) -> (u16, String) {
    let shown = bad.escape_ascii().to_string();
    let mut client = server.connect();
    // It may refuse before all of this is sent.
    let _ = client.try_send([bad, get("/healthz").as_bytes()].concat());
    let response = client.response();
    let code = response.problem();
    assert_eq!(response.field("connection"), Some("close"), "{shown}");
    client.finish_sending();
    let rest = client.rest();
    assert!(
        rest.is_empty(),
        "{shown}: a second answer: {}",
        rest.escape_ascii()
    );
    (response.status, code)
}

fn assert_refused(cases: &[(&str, u16, &str)]) {
    let server = Server::start("");
    for (bad, status, code) in cases {
        let refusal = refusal(&server, bad.as_bytes());
        assert_eq!(
            refusal,
            (*status, (*code).to_owned()),
            "{}",
            bad.escape_debug()
        );
    }
    assert_eq!(
        server.ask(get("/healthz")).status,
        200,
        "it is none the worse for it"
    );
}

#[test]
fn a_request_line_has_one_spelling() {
    assert_refused(&[
        (
            "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n",
            400,
            "bad_request_line",
        ),
        (
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            400,
            "bad_request_line",
        ),
        (
            "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
            400,
            "bad_request_line",
        ),
        ("GET /\r\nHost: a\r\n\r\n", 400, "bad_request_line"),
        ("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target"),
        ("GET healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target"),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target"),
        ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_target"),
        ("GET / HTTP/1.1x\r\nHost: a\r\n\r\n", 400, "bad_version"),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", 400, "bad_version"),
        (
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            505,
            "unsupported_version",
        ),
        ("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_method"),
        (
            "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
            400,
            "bad_method",
        ),
        (
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            400,
            "empty_lines",
        ),
    ]);
}

#[test]
fn a_field_has_one_reading() {
    assert_refused(&[
        ("GET / HTTP/1.1\nHost: a\n\n", 400, "bare_line_feed"),
        (
            "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
            400,
            "bare_line_feed",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
            400,
            "bare_carriage_return",
        ),
        (
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            400,
            "space_before_colon",
        ),
        (
            "GET / HTTP/1.1\r\n: a\r\nHost: a\r\n\r\n",
            400,
            "bad_field_name",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
            400,
            "bad_field_name",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nX\0: y\r\n\r\n",
            400,
            "bad_field_name",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n",
            400,
            "bad_field_value",
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n",
            400,
            "folded_field",
        ),
        ("GET / HTTP/1.1\r\n\r\n", 400, "missing_host"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            400,
            "repeated_host",
        ),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "bad_host"),
        ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "bad_host"),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "bad_host"),
    ]);
}

fn with_field(field: &str) -> String {
    format!(
        "POST /generate/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{field}\r\n\r\n"
    )
}

#[test]
fn a_body_has_one_length() {
    let server = Server::start("");
    let cases = [
        ("Content-Length: +5", "bad_content_length"),
        ("Content-Length: -5", "bad_content_length"),
        ("Content-Length: 0x5", "bad_content_length"),
        ("Content-Length: 1_0", "bad_content_length"),
        ("Content-Length: 5, 5", "bad_content_length"),
        ("Content-Length:", "bad_content_length"),
        ("Content-Length: 18446744073709551616", "bad_content_length"),
        ("Content-Length: 5\u{a0}", "bad_content_length"),
        (
            "Content-Length: 5\r\nContent-Length: 5",
            "repeated_content_length",
        ),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "length_and_transfer_encoding",
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "length_and_transfer_encoding",
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "bad_transfer_encoding",
        ),
        ("Transfer-Encoding: ,chunked", "bad_transfer_encoding"),
        ("Transfer-Encoding: chunked, gzip", "bad_transfer_encoding"),
        (
            "Transfer-Encoding: chunked, chunked",
            "bad_transfer_encoding",
        ),
        ("Transfer-Encoding: xchunked", "bad_transfer_encoding"),
        ("Transfer-Encoding: identity", "bad_transfer_encoding"),
        ("Transfer-Encoding: \u{b}chunked", "bad_field_value"),
        ("Transfer-Encoding:", "bad_transfer_encoding"),
    ];
    for (field, code) in cases {
        let refusal = refusal(&server, with_field(field).as_bytes());
        assert_eq!(refusal, (400, code.to_owned()), "{field:?}");
    }
    let gzip = refusal(
        &server,
        with_field("Transfer-Encoding: gzip, chunked").as_bytes(),
    );
    assert_eq!(gzip, (501, "unknown_transfer_coding".to_owned()));
    let old = with_field("Transfer-Encoding: chunked").replace("HTTP/1.1", "HTTP/1.0");
    let old = refusal(&server, old.as_bytes());
    assert_eq!(old, (400, "transfer_encoding_in_http10".to_owned()));
}

#[test]
fn a_chunk_has_one_size() {
    let server = Server::start("");
    let cases = [
        ("+5\r\nhello\r\n0\r\n\r\n", "bad_chunk_size"),
        ("-5\r\nhello\r\n0\r\n\r\n", "bad_chunk_size"),
        ("0x5\r\nhello\r\n0\r\n\r\n", "bad_chunk_size"),
        ("1_0\r\nhello\r\n0\r\n\r\n", "bad_chunk_size"),
        (" 5\r\nhello\r\n0\r\n\r\n", "bad_chunk_size"),
        ("\r\nhello\r\n0\r\n\r\n", "bad_chunk_size"),
        ("ffffffffffffffff1\r\nhello\r\n0\r\n\r\n", "bad_chunk_size"),
        ("5\nhello\r\n0\r\n\r\n", "bare_line_feed"),
        ("5\rhello\r\n0\r\n\r\n", "bare_carriage_return"),
        ("5\r\nhelloworld\r\n0\r\n\r\n", "bad_chunk_end"),
        ("5\r\nhello\n0\r\n\r\n", "bad_chunk_end"),
        ("5\r\nhello\r\n0\r\nX : y\r\n\r\n", "space_before_colon"),
    ];
    let head = with_field("Transfer-Encoding: chunked");
    for (body, code) in cases {
        let refusal = refusal(&server, [head.as_str(), body].concat().as_bytes());
        assert_eq!(refusal, (400, code.to_owned()), "{body:?}");
    }
}

#[test]
fn a_body_that_nobody_asked_for_is_not_the_next_request() {
    let server = Server::start("");
    let hidden = "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = server.connect();
    client.send(format!(
        "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}{}",
        hidden.len(),
        get("/nowhere")
    ));
    assert_eq!(client.response().text(), "ok\n");
    assert_eq!(
        client.response().problem(),
        "no_such_route",
        "and not /readyz"
    );
}

#[test]
fn the_answer_is_the_same_at_every_split() {
    let server = Server::start("");
    let fine = get("/healthz");
    let bad = "POST /generate/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nx";
    for size in [1, 2, 3, 7, 16] {
        let mut client = server.connect();
        client.send_in_pieces(&fine, size);
        assert_eq!(client.response().status, 200, "pieces of {size}");
        let _ = bad
            .as_bytes()
            .chunks(size)
            .try_for_each(|piece| client.try_send(piece));
        let response = client.response();
        assert_eq!(
            (response.status, response.problem().as_str()),
            (400, "bare_line_feed")
        );
    }
}
