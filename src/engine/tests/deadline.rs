//! Time: what clients give themselves, and what each phase of a call has.

use super::openai::{self, STREAM, event, word};
use super::{PROVIDER, RETRIED, World, post};
use crate::engine::ConnId;
use crate::engine::work::Kind;
use crate::store::{RequestOutcome, TextState};

const TEA: &str = r#"{"topic":"tea"}"#;
const STREAMED: &str = r#"{"topic":"tea","stream":true}"#;

/// A request whose client has so many milliseconds.
fn within(ms: &str, path: &str, json: &str) -> String {
    let field = format!("HTTP/1.1\r\nX-Request-Timeout-Ms: {ms}");
    post(path, json).replacen("HTTP/1.1", &field, 1)
}

fn ask(world: &mut World, ms: &str, json: &str) -> ConnId {
    world.ask(within(ms, "/generate/", json))
}

#[test]
fn at_its_deadline_a_client_is_answered_and_the_provider_stopped() {
    let mut world = World::new(PROVIDER);
    let client = ask(&mut world, "2000", TEA);
    world.pass(1_999);
    assert!(world.is_quiet(client) && world.upstreams().len() == 1);
    world.pass(1);
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (504, "deadline_exceeded".to_owned()));
    assert_eq!(world.upstreams(), []);
    let row = world.store.request();
    assert_eq!((row.outcome, row.status), (RequestOutcome::TimedOut, 504));
    assert_eq!(row.error_code.as_deref(), Some("deadline_exceeded"));
    assert_eq!(world.metric("calls"), 0.0);
}

#[test]
fn in_a_stream_it_is_the_last_event_and_what_came_is_kept() {
    let mut world = World::new(PROVIDER);
    let client = ask(&mut world, "2000", STREAMED);
    world.answer([STREAM, &word("Tea is")].concat());
    world.pass(2_000);
    let last = world.reply(client).events().pop().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.data["code"]),
        ("error", &"deadline_exceeded".into())
    );
    assert_eq!(world.upstreams(), [], "no grace: nobody will come back");
    let text = world.store.text();
    assert_eq!(
        (text.text.as_str(), text.state),
        ("Tea is", TextState::Truncated)
    );
    assert!(text.scores.is_none(), "no later stage was begun");
}

#[test]
fn who_shares_the_text_has_its_own_time() {
    let mut world = World::new(PROVIDER);
    let hasty = ask(&mut world, "1000", TEA);
    let patient = world.post("/generate/", TEA);
    world.pass(1_000);
    assert_eq!(world.reply(hasty).status, 504);
    world.answer(openai::whole("Tea."));
    assert_eq!(world.reply(patient).json()["generated_text"], "Tea.");
}

#[test]
fn an_attempt_that_would_come_too_late_is_not_waited_for() {
    let mut world = World::new(RETRIED);
    let client = ask(&mut world, "3000", TEA);
    world.answer(openai::answer(429, "Retry-After: 3\r\n", "{}"));
    assert_eq!(
        world.reply(client).problem().0,
        429,
        "told at once, with two seconds to spare"
    );
}

#[test]
fn in_line_and_while_resting_it_holds_as_well() {
    let mut world = World::new(&format!("{RETRIED}concurrency = 1\n"));
    let first = ask(&mut world, "3000", r#"{"topic":"milk"}"#);
    let second = ask(&mut world, "1000", TEA);
    world.pass(1_000);
    assert_eq!(world.reply(second).problem().1, "deadline_exceeded");
    world.answer(openai::answer(503, "Retry-After: 1.9\r\n", "{}"));
    world.pass(2_000);
    assert!(!world.is_quiet(first));
    world.pass(60_000);
    assert_eq!(world.metric("calls"), 0.0);
}

#[test]
fn a_body_that_is_not_there_in_time() {
    let mut world = World::new("");
    let request = within("500", "/generate/", TEA);
    let client = world.ask(&request[..request.len() - 1]);
    world.pass(500);
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (504, "deadline_exceeded".to_owned()));
    assert!(reply.closes(), "the rest of its body is nobody's request");
}

#[test]
fn other_routes_keep_to_it_too() {
    let mut world = World::new("");
    world.held = vec![Kind::Score, Kind::Read];
    let scores = world.ask(within("300", "/analyze/", r#"{"content":"I like this."}"#));
    let page =
        world.ask("GET /contents HTTP/1.1\r\nHost: localhost\r\nX-Request-Timeout-Ms: 300\r\n\r\n");
    world.pass(300);
    for client in [scores, page] {
        assert_eq!(world.reply(client).problem().1, "deadline_exceeded");
    }
    assert_eq!(world.store.request().outcome, RequestOutcome::TimedOut);
}

#[test]
fn an_answer_that_is_on_its_way_is_not_cut_off() {
    let mut world = World::new(PROVIDER);
    let client = ask(&mut world, "2000", TEA);
    world.sockets.get_mut(&client).unwrap().stalled = true;
    world.answer(openai::whole(&"tea ".repeat(200_000)));
    world.pass(2_000);
    world.sockets.get_mut(&client).unwrap().stalled = false;
    world.take(client, usize::MAX);
    world.settle();
    assert_eq!(world.reply(client).status, 200);
}

/// What the row says is on its way to the disk already.
#[test]
fn neither_is_one_whose_rows_are_being_written() {
    let mut world = World::new(PROVIDER);
    world.held = vec![Kind::Write];
    let text = ask(&mut world, "2000", TEA);
    world.answer(openai::whole("Tea."));
    let scores = world.ask(within("2000", "/analyze/", r#"{"content":"I like this."}"#));
    world.pass(3_000);
    assert!(world.is_quiet(text) && world.is_quiet(scores));
    world.held.clear();
    world.settle();
    assert_eq!(
        (world.reply(text).status, world.reply(scores).status),
        (200, 200)
    );
    assert!(world.store.requests.values().all(|row| row.status == 200));

    world.held = vec![Kind::Write];
    let scores = world.ask(within("1000", "/analyze/", r#"{"content":"I like that."}"#));
    world.pass(6_000);
    assert_eq!(
        world.reply(scores).problem().1,
        "store_timeout",
        "but not for ever"
    );
}

#[test]
fn a_heartbeat_comes_before_a_later_deadline() {
    let mut world = World::new(PROVIDER);
    let client = ask(&mut world, "40000", STREAMED);
    world.pass(39_999);
    let names: Vec<String> = (world.events(client).into_iter())
        .map(|event| event.name)
        .collect();
    assert_eq!(names, ["start", ":"], "after 15 and 30 seconds");
    world.pass(1);
    assert_eq!(world.reply(client).events().last().unwrap().name, "error");
}

#[test]
fn a_wrong_deadline_is_named() {
    let mut world = World::new("");
    for wrong in ["soon", "0", "2s", "-5", "3600001"] {
        let client = ask(&mut world, wrong, TEA);
        let reply = world.reply(client);
        assert_eq!(
            reply.problem(),
            (400, "invalid_header".to_owned()),
            "{wrong}"
        );
        assert_eq!(reply.json()["field"], "x-request-timeout-ms");
        assert_eq!(reply.field("x-should-retry"), Some("false"));
    }
}

#[test]
fn the_first_content_has_a_limit_that_bytes_do_not_move() {
    let mut world = World::new(&format!("{PROVIDER}first_content_ms = 3000\n"));
    let client = world.post("/generate/", STREAMED);
    world.pass(1_000);
    let role = event(r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#);
    world.answer([STREAM, &role].concat());
    world.pass(1_000);
    world.answer("d\r\n: keepalive\n\n\r\n");
    world.pass(999);
    assert!(world.is_quiet(client), "counted from the request");
    world.pass(2);
    let problem = (504, "upstream_first_content_timeout".to_owned());
    assert_eq!(world.reply(client).problem(), problem);
}

#[test]
fn thinking_is_content_and_the_gap_counts_from_it() {
    let config = format!("{PROVIDER}first_content_ms = 3000\ncontent_gap_ms = 5000\n");
    let mut world = World::new(&config);
    let client = world.post("/generate/", STREAMED);
    let thought = event(r#"{"choices":[{"index":0,"delta":{"reasoning_content":"Hm."}}]}"#);
    world.answer([STREAM, &thought].concat());
    world.pass(4_999);
    assert!(world.is_quiet(client));
    world.pass(2);
    assert_eq!(world.reply(client).problem().1, "upstream_content_timeout");
}
