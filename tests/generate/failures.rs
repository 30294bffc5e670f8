//! Providers that fail: 502 and 504 with the reason in words, an error event once a stream has
//! begun, and never a `done` that is not true.

use std::time::Instant;

use crate::support::provider::{config_for, nobody};
use crate::support::response::text_of;
use crate::support::script::{chunk, stream_head, text_event};
use crate::support::{Act, Provider, Script, Server, database, generate, get, ms};

/// What must never be seen by anybody.
const CANARY: &str = "sk-canary-0123456789";

fn with_key(provider: &Provider, further: &str) -> Server {
    Server::start(&provider.config(&format!("key = \"{CANARY}\"\n{further}")))
}

/// Asks for a text, whole, and for the same streamed; both must be the same problem.
fn problem_of(server: &Server) -> (u16, String) {
    let [whole, streamed] = [false, true].map(|stream| {
        let response = server.ask(generate("tea", stream));
        assert!(!response.text().contains(CANARY));
        (response.status, response.problem())
    });
    assert_eq!(whole, streamed);
    whole
}

#[test]
fn nobody_listens() {
    let server = Server::start(&config_for(&format!("http://{}", nobody()), ""));
    let started = Instant::now();
    assert_eq!(problem_of(&server), (502, "upstream_connect".to_owned()));
    assert!(started.elapsed() < ms(1000), "{:?}", started.elapsed());
}

#[test]
fn a_name_that_does_not_exist() {
    let server = Server::start(&config_for("http://nobody.invalid/v1", ""));
    let (status, code) = problem_of(&server);
    assert!(
        [502, 504].contains(&status) && code.starts_with("upstream_name"),
        "{code}"
    );
}

#[test]
fn silence() {
    let provider = Provider::start(|_| Script::hang());
    let server = with_key(&provider, "first_byte_ms = 300\n");
    let started = Instant::now();
    assert_eq!(
        problem_of(&server),
        (504, "upstream_first_byte_timeout".to_owned())
    );
    assert!(started.elapsed() >= ms(550) && started.elapsed() < ms(3000));
    provider.wait_for_deserters(2);
}

#[test]
fn a_head_and_then_silence() {
    let provider = Provider::start(|_| Script::default().send(stream_head()).then(Act::Hang));
    let server = with_key(&provider, "first_content_ms = 300\n");
    let streamed = server.ask(generate("tea", true));
    assert_eq!(
        (streamed.status, streamed.problem().as_str()),
        (504, "upstream_first_content_timeout")
    );
}

#[test]
fn more_than_it_may_take_in_all() {
    let provider = Provider::start(|_| Script::streamed(&["a "; 100], ms(50)));
    let server = with_key(&provider, "total_ms = 400\n");
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    let last = client.events().pop().unwrap();
    assert_eq!(
        (last.name.as_str(), last.json()["code"].as_str()),
        ("error", Some("upstream_total_timeout"))
    );
    provider.wait_for_deserters(1);
}

#[test]
fn statuses() {
    let error = format!(r#"{{"error":{{"message":"about {CANARY}","type":"x","code":"y"}}}}"#);
    for (status, fields, expected) in [
        (500, "", (502, "upstream_unavailable")),
        (503, "", (502, "upstream_unavailable")),
        (401, "", (502, "upstream_key")),
        (403, "", (502, "upstream_key")),
        (404, "", (502, "upstream_not_found")),
        (400, "", (502, "upstream_rejected")),
        (429, "Retry-After: 2\r\n", (429, "upstream_rate_limited")),
        (
            302,
            "Location: http://169.254.169.254/\r\n",
            (502, "upstream_status"),
        ),
    ] {
        let body = error.clone();
        let provider = Provider::start(move |_| Script::status(status, fields, &body));
        let server = with_key(&provider, "retries = 0\n");
        let (got, code) = problem_of(&server);
        assert_eq!((got, code.as_str()), expected, "{status}");
        // Whoever says when to come again is not asked before.
        let calls = if status == 429 { 1 } else { 2 };
        assert_eq!(provider.asked().len(), calls, "{status}");
        if status == 429 {
            let response = server.ask(generate("tea", false));
            assert_eq!(response.field("retry-after"), Some("2"));
        }
        assert!(!server.log().contains(CANARY), "{status}: {}", server.log());
    }
}

#[test]
fn answers_that_are_not_http() {
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    for bad in [
        "hello\r\n\r\n".to_owned(),
        format!("{ok}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{{}}..."),
        format!("{ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        format!("{ok}Content-Length: -1\r\n\r\n{{}}"),
        format!("{ok}Transfer-Encoding: chunked\r\n\r\n0x2\r\n{{}}\r\n0\r\n\r\n"),
        format!("{ok}X: a\0b\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("{ok}X: {}\r\n\r\n", "a".repeat(20_000)),
    ] {
        let shown = bad[..bad.len().min(120)].escape_debug().to_string();
        let provider = Provider::start(move |_| Script::default().send(&bad).then(Act::Close));
        let server = with_key(&provider, "");
        assert_eq!(
            problem_of(&server),
            (502, "upstream_http".to_owned()),
            "{shown}"
        );
        assert_eq!(provider.connections(), 2, "{shown}: not used again");
    }
}

#[test]
fn answers_that_cannot_be_understood() {
    for (body, expected) in [
        ("[]", "upstream_malformed"),
        ("{}", "upstream_truncated"),
        ("not json", "upstream_malformed"),
        (
            r#"{"choices":[{"index":0,"message":{"content":""},"finish_reason":"stop"}]}"#,
            "upstream_empty",
        ),
    ] {
        let provider = Provider::start(move |_| Script::status(200, "", body));
        let response = with_key(&provider, "").ask(generate("tea", false));
        assert_eq!(
            (response.status, response.problem().as_str()),
            (502, expected),
            "{body}"
        );
    }
    let provider = Provider::start(|_| Script::status(200, "Content-Encoding: gzip\r\n", "x"));
    let server = with_key(&provider, "");
    assert_eq!(problem_of(&server), (502, "upstream_compressed".to_owned()));
}

#[test]
fn informational_heads_are_passed_over() {
    let provider = Provider::start(|_| {
        let mut script = Script::default()
            .send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
        script.0.extend(Script::whole("tea").0);
        script
    });
    assert_eq!(
        with_key(&provider, "").ask(generate("tea", false)).status,
        200
    );
}

/// Plays two tokens and then `end`; returns the code of the error event.
fn broken_stream(end: Script, further: &str) -> String {
    let provider = Provider::start(move |_| {
        let mut script = Script::default()
            .send(stream_head())
            .send(chunk(&text_event("one ")))
            .send(chunk(&text_event("two")))
            .wait(ms(20));
        script.0.extend(end.0.clone());
        script
    });
    let server = with_key(&provider, further);
    let mut client = server.connect();
    client.send(generate("tea", true)).head();
    let events = client.events();
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["start", "token", "token", "error"]);
    assert_eq!(
        text_of(&events, 0),
        "one two",
        "what came before it is told"
    );
    assert!(
        client.finish_sending().is_closed_within(ms(3000)),
        "an error ends the connection"
    );

    // Its row says so too.
    let id = events[0].json()["id"].as_str().unwrap().to_owned();
    let row = crate::support::until("the row", || {
        let row = server.ask(get(&format!("/contents/{id}")));
        (row.status == 200).then(|| row.json())
    });
    assert_eq!(
        (&row["text"], &row["state"]),
        (&"one two".into(), &"truncated".into())
    );
    let data = server.house().data();
    let truncated = "SELECT count(*) FROM requests WHERE error_code LIKE 'upstream_%'";
    database::wait_for_count(&data, truncated, 1);
    assert_eq!(
        provider.asked().len(),
        1,
        "text that went out is not asked for again"
    );
    let last = events.last().unwrap();
    assert!(!last.data.contains(CANARY));
    last.json()["code"].as_str().unwrap().to_owned()
}

#[test]
fn streams_that_break() {
    let end = Script::default;
    assert_eq!(broken_stream(end().then(Act::Reset), ""), "upstream_broken");
    let cut = broken_stream(end().then(Act::Close), "");
    assert!(
        ["upstream_truncated", "upstream_broken"].contains(&cut.as_str()),
        "{cut}"
    );
    assert_eq!(
        broken_stream(end().send("0\r\n\r\n"), ""),
        "upstream_truncated"
    );
    let done = chunk("data: [DONE]\n\n") + "0\r\n\r\n";
    assert_eq!(broken_stream(end().send(done), ""), "upstream_truncated");
}

#[test]
fn streams_that_go_wrong() {
    let end = Script::default;
    let no_json = chunk("data: {\"choices\":[\n\n");
    assert_eq!(broken_stream(end().send(no_json), ""), "upstream_malformed");
    assert_eq!(broken_stream(end().send("zz\r\n"), ""), "upstream_http");
    assert_eq!(
        broken_stream(end().then(Act::Hang), "content_gap_ms = 200\n"),
        "upstream_content_timeout"
    );
    let error =
        chunk("data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}\n\n");
    assert_eq!(broken_stream(end().send(error), ""), "upstream_unavailable");
    // Bytes that are no content do not move the gap on.
    let comments = (0..40).fold(end(), |script, _| {
        script.send(chunk(": ping\n\n")).wait(ms(50))
    });
    assert_eq!(
        broken_stream(comments, "content_gap_ms = 300\n"),
        "upstream_content_timeout"
    );
}

#[test]
fn an_event_without_end() {
    let flood = "x".repeat(64 * 1024);
    let endless = (0..20).fold(Script::default(), |script, _| script.send(chunk(&flood)));
    assert_eq!(
        broken_stream(endless.then(Act::Hang), ""),
        "upstream_too_large"
    );
}

#[test]
fn the_key_is_nowhere_but_in_the_request() {
    let provider = Provider::start(|_| Script::status(401, "", &format!("\"{CANARY}\"")));
    let server = Server::start(&format!(
        "debug = true\n[log]\nlevel = \"trace\"\n{}",
        provider.config(&format!("key = \"{CANARY}\"\n"))
    ));
    let mut seen = server.ask(generate("tea", false)).text().to_owned();
    for path in ["/", "/metrics", "/debug/spans", "/contents"] {
        seen.push_str(server.ask(get(path)).text());
    }
    assert!(provider.asked()[0].text.contains(CANARY), "it was sent");
    server.terminate();
    let ended = server.wait();
    assert!(!seen.contains(CANARY) && !ended.log.contains(CANARY));
    for path in ended.house.data_files() {
        let bytes = std::fs::read(path).unwrap();
        assert!(!bytes.windows(CANARY.len()).any(|w| w == CANARY.as_bytes()));
    }
    let config = provider.config(&format!("key = \"{CANARY}\"\n"));
    let printed = ended.house.run_to_exit(&config, &["check-config"]).stdout;
    assert!(!String::from_utf8(printed).unwrap().contains(CANARY));
}
