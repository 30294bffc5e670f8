//! `POST /generate/` with a provider at the other end of a connection.

use super::openai::{self, STREAM, done, finish, word};
use super::{PROVIDER, World};
use crate::store::{RequestOutcome, TextState};

const STREAMED: &str = r#"{"topic":"tea","stream":true}"#;
const WHOLE: &str = r#"{"topic":"tea"}"#;

/// The status and the code of the answer to a request whose provider says this.
fn answered(bytes: impl AsRef<[u8]>) -> (u16, String) {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", WHOLE);
    world.answer(bytes);
    assert_eq!(world.store.request().status, world_status(&world));
    world.reply(client).problem()
}

fn world_status(world: &World) -> u16 {
    let clients = world.sockets.values().filter(|socket| socket.to.is_none());
    let got = clients.map(|socket| String::from_utf8_lossy(&socket.got).into_owned());
    got.collect::<String>()[9..12].parse().unwrap()
}

#[test]
fn the_provider_is_asked_in_its_own_words() {
    let mut world = World::new(PROVIDER);
    world.post("/generate/", r#"{"topic":"tea","max_tokens":7}"#);
    let asked = &world.sockets[&world.upstream()];
    assert_eq!(asked.to, Some(([10, 0, 0, 1], 8000).into()));
    let asked = String::from_utf8(asked.got.clone()).unwrap();
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\nhost: 10.0.0.1:8000\r\n"));
    assert!(head.contains("\r\nauthorization: Bearer sk-secret\r\n"));
    assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["model"], &body["stream"]), (&"m".into(), &().into()));
}

#[test]
fn a_providers_name_for_an_error_is_handed_on_unless_it_quotes_the_key() {
    for (code, shown) in [("context_too_long", true), ("quoted_canarykey_here", false)] {
        let mut world = World::new(&PROVIDER.replace("sk-secret", "CanaryKey"));
        let client = world.post("/generate/", WHOLE);
        let body = format!(r#"{{"error":{{"code":"{code}"}}}}"#);
        let length = body.len();
        world.answer(format!(
            "HTTP/1.1 400 Bad\r\ncontent-length: {length}\r\n\r\n{body}"
        ));
        let text = world.reply(client).json()["detail"].to_string();
        assert_eq!(text.contains(code), shown, "{text}");
    }
}

#[test]
fn an_answer_that_is_not_streamed() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", WHOLE);
    world.answer(openai::whole("Tea is a drink."));
    let reply = world.reply(client).json();
    assert_eq!(reply["generated_text"], "Tea is a drink.");
    assert_eq!(reply["usage"]["total_tokens"], 12);
    assert_eq!(
        (&reply["model"], &reply["finish_reason"]),
        (&"m-1".into(), &"stop".into())
    );
    assert_eq!(world.store.text().text, "Tea is a drink.");
}

#[test]
fn a_stream_is_forwarded_as_it_comes_and_ends_the_same_at_every_split() {
    let whole = openai::stream(&[" Tea", " is", " a drink."]);
    for split in 1..whole.len() {
        let mut world = World::new(PROVIDER);
        let client = world.post("/generate/", STREAMED);
        world.answer(&whole[..split]);
        if world.upstreams().len() == 1 {
            world.answer(&whole[split..]);
        }
        let events = world.reply(client).events();
        let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(
            names,
            ["start", "token", "token", "token", "done"],
            "split {split}"
        );
        assert_eq!(
            events[3].id,
            Some(15),
            "white space before the text is left out"
        );
        assert_eq!(world.store.text().text, "Tea is a drink.");
        assert_eq!(world.upstreams().len(), 1, "the connection is kept");
    }
}

#[test]
fn white_space_that_no_text_has_followed_yet_is_memory_all_the_same() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", STREAMED);
    world.answer([STREAM, &word("  ")].concat());
    world.engine.check().unwrap();
    assert!(world.is_quiet(client), "nothing is said of it");
}

#[test]
fn a_client_sees_each_word_before_the_next_one_comes() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", STREAMED);
    world.answer(STREAM);
    assert!(world.is_quiet(client), "the head waits for content");
    world.answer(word("Tea"));
    assert_eq!(world.events(client).len(), 2);
    world.answer(word(" is"));
    assert_eq!(world.events(client).len(), 3);
}

#[test]
fn the_text_need_not_wait_for_the_last_chunk() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", STREAMED);
    world.answer([STREAM, &word("Tea."), &finish(), &done()].concat());
    assert_eq!(world.reply(client).events().len(), 3);
    assert_eq!(
        world.metric(r#"pool_connections{provider="llm",state="idle"}"#),
        0.0
    );
    world.answer(openai::END);
    assert_eq!(
        world.metric(r#"pool_connections{provider="llm",state="idle"}"#),
        1.0
    );
}

#[test]
fn a_connection_whose_last_chunk_does_not_come_is_closed_after_a_second() {
    let mut world = World::new(PROVIDER);
    world.post("/generate/", STREAMED);
    world.answer([STREAM, &word("Tea."), &finish(), &done()].concat());
    world.pass(999);
    assert_eq!(world.upstreams().len(), 1);
    world.pass(2);
    assert_eq!(world.upstreams(), []);
}

#[test]
fn a_stream_that_breaks_ends_with_an_error_and_a_row_that_says_so() {
    let cuts: [fn(&mut World); 3] = [
        |world| world.end(world.upstream()),
        |world| world.reset(world.upstream(), crate::engine::io::Gone::Reset),
        |world| world.answer("no chunk\r\n"),
    ];
    for cut in cuts {
        let mut world = World::new(PROVIDER);
        let client = world.post("/generate/", STREAMED);
        world.answer([STREAM, &word("Tea is")].concat());
        cut(&mut world);
        world.settle();
        let events = world.reply(client).events();
        assert_eq!(events.last().unwrap().name, "error");
        assert_eq!(events.last().unwrap().data["status"], 502);
        let row = world.store.text();
        assert_eq!(
            (row.text.as_str(), row.state),
            ("Tea is", TextState::Truncated)
        );
        assert_eq!(world.store.request().outcome, RequestOutcome::Truncated);
        assert!(world.is_over(client), "after an error the connection ends");
    }
}

#[test]
fn a_stream_that_is_silent_too_long_is_given_up_and_comments_do_not_count() {
    let mut world = World::new(&format!("{PROVIDER}content_gap_ms = 5000\n"));
    let client = world.post("/generate/", STREAMED);
    world.answer([STREAM, &word("Tea")].concat());
    world.pass(4_000);
    world.answer("d\r\n: keepalive\n\n\r\n");
    world.pass(900);
    assert_eq!(world.events(client).len(), 2);
    world.pass(200);
    let last = world.reply(client).events().pop().unwrap();
    assert_eq!(last.data["code"], "upstream_content_timeout");
}

#[test]
fn what_a_provider_refuses_has_a_status_of_its_own() {
    let error = r#"{"error":{"message":"secret words","code":"x"}}"#;
    for (theirs, ours, code) in [
        (400, 502, "upstream_rejected"),
        (401, 502, "upstream_key"),
        (404, 502, "upstream_not_found"),
        (429, 429, "upstream_rate_limited"),
        (500, 502, "upstream_unavailable"),
        (302, 502, "upstream_status"),
    ] {
        let reply = answered(openai::answer(theirs, "Retry-After: 7\r\n", error));
        assert_eq!(reply, (ours, code.to_owned()), "{theirs}");
    }
}

#[test]
fn a_rate_limit_is_passed_on_with_its_hint() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", WHOLE);
    world.answer(openai::answer(429, "Retry-After: 7\r\n", "{}"));
    assert_eq!(world.reply(client).field("retry-after"), Some("7"));
    assert_eq!(world.upstreams().len(), 1, "the connection is in order");
}

#[test]
fn an_answer_that_is_none_is_a_bad_gateway() {
    for (bytes, code) in [
        (openai::answer(200, "", "no json"), "upstream_malformed"),
        (openai::whole(""), "upstream_empty"),
        (
            openai::answer(
                200,
                "",
                r#"{"choices":[{"index":0,"message":{"content":"Te"}}]}"#,
            ),
            "upstream_truncated",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n".into(),
            "upstream_compressed",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
            "upstream_http",
        ),
        ("SSH-2.0-x\r\n".into(), "upstream_http"),
    ] {
        assert_eq!(answered(bytes), (502, code.to_owned()));
    }
}

#[test]
fn nothing_in_time_is_a_gateway_timeout() {
    let mut world = World::new(&format!("{PROVIDER}first_byte_ms = 2000\n"));
    let client = world.post("/generate/", WHOLE);
    world.pass(1_999);
    assert!(world.is_quiet(client));
    world.pass(2);
    let problem = (504, "upstream_first_byte_timeout".to_owned());
    assert_eq!(world.reply(client).problem(), problem);
    assert_eq!(world.upstreams(), [], "the connection is closed");
    assert_eq!(world.store.request().outcome, RequestOutcome::TimedOut);
}

#[test]
fn a_text_longer_than_the_bound_is_cut_there() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", WHOLE);
    let mut body = STREAM.to_owned();
    for _ in 0..5 {
        body.push_str(&word(&"tea ".repeat(250_000)));
    }
    world.answer(body);
    assert_eq!(world.reply(client).problem().1, "upstream_too_large");
    assert_eq!(world.store.text().state, TextState::Truncated);
    assert_eq!(world.upstreams(), []);
}

#[test]
fn a_kept_connection_that_died_unseen_is_tried_again_once_on_a_new_one() {
    let mut world = World::new(PROVIDER);
    world.post("/generate/", WHOLE);
    world.answer(openai::whole("First."));
    let old = world.upstream();
    let client = world.post("/generate/", r#"{"topic":"milk"}"#);
    world.end(old);
    world.settle();
    let new = world.upstream();
    assert_ne!(old, new);
    assert!(
        !world.sockets[&new].got.is_empty(),
        "the request went out again"
    );
    world.end(new);
    world.settle();
    assert_eq!(
        world.reply(client).status,
        502,
        "a fresh connection is not tried again"
    );
}

#[test]
fn a_call_is_not_tried_again_once_a_byte_of_its_answer_came() {
    let mut world = World::new(PROVIDER);
    world.post("/generate/", WHOLE);
    world.answer(openai::whole("First."));
    let client = world.post("/generate/", r#"{"topic":"milk"}"#);
    world.answer("HTTP/1.1 200");
    world.end(world.upstream());
    world.settle();
    assert_eq!(world.reply(client).status, 502);
}

#[test]
fn bytes_that_nobody_asked_for_end_a_kept_connection() {
    let mut world = World::new(PROVIDER);
    world.post("/generate/", WHOLE);
    world.answer(openai::whole("First."));
    world.answer(openai::whole("Somebody else's."));
    assert_eq!(world.upstreams(), []);
    let client = world.post("/generate/", r#"{"topic":"milk"}"#);
    world.answer(openai::whole("Mine.") + "HTTP/1.1 200 OK\r\n");
    assert_eq!(world.reply(client).json()["generated_text"], "Mine.");
    assert_eq!(world.upstreams(), [], "more than the answer came");
}
