//! Requests whose framing is fine and whose meaning is not: 404, 405, 415, 421, 400 and 422.

use serde_json::json;

use crate::support::client::post;
use crate::support::{Server, get};

#[test]
fn a_wrong_path_and_a_wrong_method() {
    let server = Server::start("");
    for path in [
        "/nowhere",
        "//",
        "/healthz/x",
        "/contents/1/2",
        "/debug/spans",
    ] {
        let response = server.ask(get(path));
        assert_eq!(
            (response.status, response.problem().as_str()),
            (404, "no_such_route"),
            "{path}"
        );
    }
    let response = server.ask(get("/contents/1"));
    assert_eq!(
        (response.status, response.problem()),
        (404, "not_found".to_owned())
    );
    for (method, path, allow) in [
        ("GET", "/generate/", "POST, OPTIONS"),
        ("PUT", "/analyze", "POST, OPTIONS"),
        ("DELETE", "/contents", "GET, HEAD, OPTIONS"),
        ("BREW", "/healthz", "GET, HEAD, OPTIONS"),
    ] {
        let response = server.ask(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(response.status, 405, "{method} {path}");
        assert_eq!(response.problem(), "method_not_allowed");
        assert_eq!(response.field("allow"), Some(allow));
    }
}

#[test]
fn a_body_of_another_kind_is_415() {
    let server = Server::start("");
    let with = |fields: &str| {
        let body = r#"{"topic":"tea"}"#;
        let length = body.len();
        let head = "POST /generate/ HTTP/1.1\r\nHost: a\r\n";
        server.ask(format!(
            "{head}Content-Length: {length}\r\n{fields}\r\n{body}"
        ))
    };
    for fields in [
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: application/json; charset=latin1\r\n",
    ] {
        let response = with(fields);
        let got = (response.status, response.problem());
        assert_eq!(got, (415, "unsupported_media_type".to_owned()), "{fields}");
    }
    let zipped = with("Content-Type: application/json\r\nContent-Encoding: gzip\r\n");
    assert_eq!(
        (zipped.status, zipped.problem().as_str()),
        (415, "compressed_body")
    );
}

#[test]
fn what_is_not_json_is_400() {
    let server = Server::start("");
    let deep = |levels: usize| {
        format!(
            r#"{{"topic":{}{}}}"#,
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    let (just_deep, too_deep) = (deep(63), deep(100_000));
    for (body, code) in [
        ("", "empty_body"),
        ("{", "not_json"),
        ("topic=tea", "not_json"),
        (r#"{"topic":"tea",}"#, "not_json"),
        (r#"{"topic":"tea"} x"#, "not_json"),
        (r#"{"topic":"\ud800"}"#, "not_json"),
        (r#"{"topic":"t\u0000a"}"#, "json_nul"),
        (too_deep.as_str(), "json_too_deep"),
    ] {
        let response = server.ask(post("/generate/", body));
        let shown = &body[..body.len().min(40)];
        let got = (response.status, response.problem());
        assert_eq!(got, (400, code.to_owned()), "{shown}");
    }
    let mut not_utf8 = post("/generate/", r#"{"topic":"..."}"#).into_bytes();
    let at = not_utf8.len() - 4;
    not_utf8[at] = 0xff;
    assert_eq!(server.ask(not_utf8).problem(), "not_utf8");
    // Deep, but not too deep: JSON of the wrong shape.
    assert_eq!(server.ask(post("/generate/", &just_deep)).status, 422);
}

#[test]
fn json_of_the_wrong_shape_is_422_and_names_the_field() {
    let server = Server::start("");
    let long = json!({"topic": "x".repeat(2_001)}).to_string();
    for (path, body, code, field) in [
        ("/generate/", "{}", "missing_field", json!("topic")),
        ("/generate/", "[]", "not_an_object", json!(null)),
        (
            "/generate/",
            r#"{"topic":""}"#,
            "invalid_field",
            json!("topic"),
        ),
        (
            "/generate/",
            r#"{"topic":" \n "}"#,
            "invalid_field",
            json!("topic"),
        ),
        (
            "/generate/",
            r#"{"topic":7}"#,
            "invalid_field",
            json!("topic"),
        ),
        ("/generate/", &long, "invalid_field", json!("topic")),
        (
            "/generate/",
            r#"{"topic":"a","topic":"b"}"#,
            "duplicate_field",
            json!("topic"),
        ),
        (
            "/generate/",
            r#"{"topic":"a","tpoic":"b"}"#,
            "unknown_field",
            json!("tpoic"),
        ),
        (
            "/generate/",
            r#"{"topic":"a","stream":"yes"}"#,
            "invalid_field",
            json!("stream"),
        ),
        (
            "/generate/",
            r#"{"topic":"a","max_tokens":0}"#,
            "invalid_field",
            json!("max_tokens"),
        ),
        (
            "/generate/",
            r#"{"topic":"a","provider":"x"}"#,
            "invalid_field",
            json!("provider"),
        ),
        ("/analyze/", "{}", "missing_field", json!("content")),
        (
            "/analyze/",
            r#"{"content":null}"#,
            "invalid_field",
            json!("content"),
        ),
    ] {
        let response = server.ask(post(path, body));
        let got = (response.status, response.problem());
        assert_eq!(got, (422, code.to_owned()), "{body}");
        assert_eq!(response.json()["field"], field, "{body}");
    }
    // Characters are counted, not bytes.
    let topic = json!({"topic": "ö".repeat(2_000), "max_tokens": 1}).to_string();
    assert_eq!(server.ask(post("/generate/", &topic)).status, 200);
}

#[test]
fn a_query_that_means_nothing_is_422() {
    let server = Server::start("");
    for (query, field) in [("limit=0", json!("limit")), ("cursor=5", json!("cursor"))] {
        let response = server.ask(get(&format!("/contents?{query}")));
        let got = (response.status, response.problem());
        assert_eq!(got, (422, "invalid_parameter".to_owned()), "{query}");
        assert_eq!(response.json()["field"], field);
    }
    assert_eq!(server.ask(get("/contents?page=2")).status, 422);
}

#[test]
fn a_web_page_of_somebody_else_gets_nothing() {
    let server =
        Server::start("hosts = [\"shop.example.com\"]\norigins = [\"https://ours.example.com\"]\n");
    let ask = |host: &str, origin: &str| {
        let body = r#"{"topic":"tea","max_tokens":1}"#;
        let length = body.len();
        let request = format!(
            "POST /generate/ HTTP/1.1\r\nHost: {host}\r\n{origin}Content-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        server.ask(request).status
    };
    assert_eq!(ask("localhost:8080", ""), 200);
    assert_eq!(ask("shop.example.com", ""), 200);
    assert_eq!(ask("rebound.attacker.com", ""), 421);
    assert_eq!(ask("localhost", "Origin: https://attacker.com\r\n"), 403);
    assert_eq!(ask("localhost", "Origin: null\r\n"), 403);
    assert_eq!(
        ask("localhost", "Origin: https://ours.example.com\r\n"),
        200
    );
}

#[test]
fn the_limit_of_a_text_is_in_characters_and_413() {
    let server = Server::start("");
    let content = json!({"content": "a".repeat(1_000_001)}).to_string();
    let response = server.ask(post("/analyze/", &content));
    assert_eq!(
        (response.status, response.problem().as_str()),
        (413, "text_too_long")
    );
}
