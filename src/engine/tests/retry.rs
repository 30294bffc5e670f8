//! A provider that fails is asked again: when, how often, and when not.

use super::openai::{self, STREAM, answer, done, event, finish, word};
use super::{RETRIED, World};
use crate::engine::io::Gone;
use crate::store::{RequestOutcome, TextState};

const TEA: &str = r#"{"topic":"tea"}"#;
const STREAMED: &str = r#"{"topic":"tea","stream":true}"#;
/// The longest waits before the second and the third attempt.
const FIRST_MS: u64 = 500;
const SECOND_MS: u64 = 1_000;

fn topic(n: usize) -> String {
    format!(r#"{{"topic":"tea {n}"}}"#)
}

fn busy() -> String {
    answer(503, "", "{}")
}

#[test]
fn what_heals_is_not_seen_by_the_client() {
    let broken = [STREAM, &event(r#"{"error":{"type":"overloaded_error"}}"#)].concat();
    for first in [busy(), answer(429, "", "{}"), answer(529, "", "{}"), broken] {
        let mut world = World::new(RETRIED);
        let client = world.post("/generate/", TEA);
        world.answer(&first);
        assert!(world.is_quiet(client), "{first}");
        assert_eq!(
            world.metric(r#"gate_turns{provider="llm"}"#),
            0.0,
            "it rests without a turn"
        );
        world.pass(FIRST_MS);
        world.serve(openai::whole("Tea."));
        let reply = world.reply(client);
        assert_eq!(reply.json()["generated_text"], "Tea.", "{first}");
        assert_eq!(reply.field("x-maitred-attempts"), Some("2"));
        assert_eq!(world.store.request().outcome, RequestOutcome::Ok);
    }
}

#[test]
fn a_connection_that_breaks_before_the_answer_is_an_attempt() {
    let breaks: [fn(&mut World); 3] = [
        |world| world.reset(world.upstream(), Gone::Reset),
        |world| world.end(world.upstream()),
        |world| {
            world.answer(STREAM);
            world.end(world.upstream());
        },
    ];
    for breaks in breaks {
        let mut world = World::new(RETRIED);
        let client = world.post("/generate/", TEA);
        breaks(&mut world);
        world.pass(FIRST_MS);
        world.serve(openai::whole("Tea."));
        assert_eq!(world.reply(client).status, 200);
    }
}

#[test]
fn three_attempts_and_then_the_client_is_told() {
    let mut world = World::new(RETRIED);
    let client = world.post("/generate/", STREAMED);
    for wait in [FIRST_MS, SECOND_MS, 10_000] {
        assert_eq!(world.serve(busy()), 1);
        world.pass(wait);
    }
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (502, "upstream_unavailable".to_owned()));
    assert_eq!(reply.field("x-maitred-attempts"), Some("3"));
    assert_eq!(reply.field("x-should-retry"), None);
    assert_eq!(world.metric("calls_total"), 3.0);
    assert_eq!(world.metric("calls_retried_total"), 2.0);
    assert_eq!(world.store.requests.len(), 1, "one row, whatever it took");
}

#[test]
fn a_provider_that_is_not_there_is_told_within_200_ms() {
    let mut world = World::new(RETRIED);
    world.slow_network = true;
    let client = world.post("/generate/", TEA);
    for longest_wait in [50, 100, 0] {
        world.reset(world.upstream(), Gone::Refused);
        world.pass(longest_wait);
    }
    assert_eq!(
        world.reply(client).problem(),
        (502, "upstream_connect".to_owned())
    );
}

#[test]
fn what_cannot_heal_is_asked_once_and_said_so() {
    let quota = r#"{"error":{"code":"insufficient_quota"}}"#;
    let day = r#"{"error":{"details":[{"violations":[{"quotaId":"RequestsPerDay"}]}]}}"#;
    for (status, body, code) in [
        (400, "{}", "upstream_rejected"),
        (401, "{}", "upstream_key"),
        (403, "{}", "upstream_key"),
        (404, "{}", "upstream_not_found"),
        (422, "{}", "upstream_rejected"),
        (429, quota, "upstream_quota"),
        (429, day, "upstream_quota"),
    ] {
        let mut world = World::new(RETRIED);
        let client = world.post("/generate/", TEA);
        world.answer(answer(status, "Retry-After: 1\r\n", body));
        let reply = world.reply(client);
        assert_eq!(reply.problem(), (502, code.to_owned()), "{status}");
        assert_eq!(reply.field("x-should-retry"), Some("false"), "{status}");
        assert_eq!(reply.field("retry-after"), None, "{status}");
        world.pass(60_000);
        assert_eq!(world.metric("calls_total"), 1.0, "{status}");
    }
}

#[test]
fn nothing_is_tried_again_once_text_has_come() {
    let mut world = World::new(RETRIED);
    let client = world.post("/generate/", STREAMED);
    world.answer([STREAM, &word("Tea is")].concat());
    world.reset(world.upstream(), Gone::Reset);
    world.settle();
    let last = world.reply(client).events().pop().unwrap();
    assert_eq!(last.data["code"], "upstream_broken");
    assert_eq!(world.metric("calls_total"), 1.0);
    assert_eq!(world.store.text().state, TextState::Truncated);
}

#[test]
fn of_a_failed_attempt_nothing_is_left_in_the_answer() {
    let mut world = World::new(RETRIED);
    let client = world.post("/generate/", TEA);
    let role = event(r#"{"model":"old","choices":[{"index":0,"delta":{"role":"assistant"}}]}"#);
    let usage = event(r#"{"choices":[],"usage":{"prompt_tokens":99,"completion_tokens":99}}"#);
    world.answer([STREAM, &role, &usage].concat());
    world.end(world.upstream());
    world.pass(FIRST_MS);
    let no_usage =
        event(r#"{"choices":[{"index":0,"delta":{"content":"Tea."},"finish_reason":"stop"}]}"#);
    world.serve([STREAM, &no_usage, &done(), openai::END].concat());
    let reply = world.reply(client).json();
    assert_eq!(
        (&reply["model"], &reply["usage"]["prompt_tokens"]),
        (&"m".into(), &().into())
    );
}

#[test]
fn a_hint_is_waited_for_exactly_and_each_answer_has_its_own() {
    let mut world = World::new(RETRIED);
    let client = world.post("/generate/", TEA);
    world.serve(answer(
        429,
        "Retry-After: 9\r\nRetry-After-Ms: 2000\r\n",
        "{}",
    ));
    world.pass(1_999);
    assert_eq!(world.metric("calls_total"), 1.0);
    world.pass(201);
    assert_eq!(world.metric("calls_total"), 2.0);
    world.serve(answer(503, "Retry-After: 0.5\r\n", "{}"));
    world.pass(499);
    assert_eq!(world.metric("calls_total"), 2.0);
    world.pass(51);
    world.serve(openai::whole("Tea."));
    assert_eq!(world.reply(client).field("x-maitred-attempts"), Some("3"));
}

#[test]
fn geminis_hint_is_in_its_body() {
    let gemini = "[provider.g]\nkind = \"gemini\"\nbase_url = \"http://10.0.0.1\"\nmodel = \"m\"\n";
    let detail = r#"{"error":{"code":429,"details":[{"retryDelay":"3s"}]}}"#;
    let prose = r#"{"error":{"code":429,"message":"Please retry in 3.0s."}}"#;
    for body in [detail, prose] {
        let mut world = World::new(gemini);
        world.post("/generate/", TEA);
        world.answer(answer(429, "", body));
        world.pass(2_999);
        assert_eq!(world.metric("calls_total"), 1.0, "{body}");
        world.pass(251);
        assert_eq!(world.metric("calls_total"), 2.0, "{body}");
    }
}

#[test]
fn a_hint_that_is_too_long_is_the_clients_to_wait_for() {
    let mut world = World::new(RETRIED);
    let client = world.post("/generate/", TEA);
    world.answer(answer(429, "Retry-After: 10.001\r\n", "{}"));
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (429, "upstream_rate_limited".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("11"));
    assert_eq!(reply.field("retry-after-ms"), Some("10001"));
    assert_eq!(reply.json()["limit_of"], "provider");
    assert_eq!(reply.json()["retry_after_ms"], 10_001);
}

#[test]
fn while_a_provider_wants_to_be_left_alone_nobody_new_asks_it() {
    let mut world = World::new(&format!("{RETRIED}retries = 0\n"));
    world.post("/generate/", &topic(0));
    world.answer(answer(429, "Retry-After: 2\r\n", "{}"));
    world.pass(500);
    let reply = {
        let client = world.post("/generate/", &topic(1));
        world.reply(client)
    };
    assert_eq!(reply.problem(), (429, "upstream_rate_limited".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("2"));
    assert_eq!(reply.field("retry-after-ms"), Some("1500"));
    assert_eq!(world.metric("calls_total"), 1.0);
    world.pass(1_500);
    let client = world.post("/generate/", &topic(2));
    world.serve(openai::whole("Tea."));
    assert_eq!(world.reply(client).status, 200);
}

#[test]
fn who_waits_for_a_hint_waits_for_a_later_one_as_well() {
    let mut world = World::new(RETRIED);
    let first = world.post("/generate/", &topic(0));
    let second = world.post("/generate/", &topic(1));
    let [a, b] = world.upstreams()[..] else {
        panic!("two calls");
    };
    world.send(a, answer(429, "Retry-After: 1\r\n", "{}"));
    world.send(b, answer(429, "Retry-After: 4\r\n", "{}"));
    for id in [a, b] {
        world.sockets.get_mut(&id).unwrap().got.clear();
    }
    world.pass(3_999);
    assert_eq!(
        world.metric("calls_total"),
        2.0,
        "the first has been told of four seconds"
    );
    world.pass(251);
    assert_eq!(world.serve(openai::whole("Tea.")), 2);
    assert_eq!(
        (world.reply(first).status, world.reply(second).status),
        (200, 200)
    );
}

#[test]
fn the_time_of_the_whole_goes_on() {
    let mut world = World::new(&format!("{RETRIED}total_ms = 3000\n"));
    let client = world.post("/generate/", TEA);
    world.pass(1_500);
    world.answer(answer(429, "Retry-After: 2\r\n", "{}"));
    let reply = world.reply(client);
    assert_eq!(
        reply.problem().0,
        429,
        "the next attempt would be after the end"
    );
    assert_eq!(reply.field("retry-after"), Some("2"));
}

#[test]
fn a_limit_that_ran_out_is_the_end_unless_configured() {
    for (further, attempts) in [("", 1.0), ("retry_timeouts = true\n", 3.0)] {
        let mut world = World::new(&format!("{RETRIED}first_byte_ms = 2000\n{further}"));
        let client = world.post("/generate/", TEA);
        world.pass(10_000);
        let problem = (504, "upstream_first_byte_timeout".to_owned());
        assert_eq!(world.reply(client).problem(), problem);
        assert_eq!(world.metric("calls_total"), attempts);
    }
}

#[test]
fn a_client_that_leaves_during_the_back_off_leaves_nothing() {
    let mut world = World::new(RETRIED);
    let client = world.post("/generate/", TEA);
    world.answer(answer(503, "Retry-After: 5\r\n", "{}"));
    assert_eq!(world.metric("calls"), 1.0);
    world.end(client);
    world.settle();
    assert_eq!(world.metric("calls"), 0.0);
    assert_eq!(world.store.request().outcome, RequestOutcome::ClientGone);
    world.pass(61_000);
    assert_eq!(world.metric("calls_total"), 1.0);
    world.holds_nothing();
}

#[test]
fn a_shutdown_does_not_wait_for_the_next_attempt() {
    let mut world = World::new(&format!("[limits]\nshutdown_ms = 5000\n{RETRIED}"));
    let client = world.post("/generate/", STREAMED);
    world.answer(answer(503, "Retry-After: 9\r\n", "{}"));
    world.feed(crate::engine::io::Input::Shutdown);
    world.pass(5_000);
    assert_eq!(
        world.reply(client).problem(),
        (503, "shutting_down".to_owned())
    );
}

#[test]
fn an_outage_at_a_hundred_calls_a_second_costs_at_most_a_tenth_more() {
    let mut world = World::new(&format!("{RETRIED}breaker_failures = 0\n"));
    let mut calls = Vec::new();
    for n in 0..500 {
        let client = world.post("/generate/", &topic(n));
        world.serve(busy());
        world.pass(10);
        world.serve(busy());
        if world.is_over(client) || !world.is_quiet(client) {
            world.reset(client, Gone::Reset); // it has its answer; its place is for the next one
        }
        if n % 100 == 99 {
            calls.push(world.metric("calls_total"));
            for id in world.open_sockets() {
                if world.sockets[&id].to.is_none() && !world.is_quiet(id) {
                    world.reset(id, Gone::Reset);
                }
            }
        }
    }
    // Those that were put off by up to a second and a half come later, but they come once.
    let after_the_first_second = calls[4] - calls[0];
    assert!(
        (400.0..=440.0).contains(&after_the_first_second),
        "{calls:?}"
    );
    assert!(world.metric(r#"retry_budget_exhausted_total{provider="llm"}"#) > 100.0);
}

#[test]
fn without_retries_the_first_failure_is_the_answer() {
    let mut world = World::new(&format!("{RETRIED}retries = 0\n"));
    let client = world.post("/generate/", TEA);
    world.answer([STREAM, &finish()].concat());
    world.end(world.upstream());
    world.settle();
    assert_eq!(
        world.reply(client).problem(),
        (502, "upstream_truncated".to_owned())
    );
}
