//! A provider that fails again and again is not asked for a while.

use super::openai::{self, STREAM, answer, word};
use super::world::SIZES;
use super::{PROVIDER, World};
use crate::engine::ConnId;
use crate::engine::io::Gone;
use crate::engine::policy::breaker::State;

fn topic(n: usize) -> String {
    format!(r#"{{"topic":"tea {n}"}}"#)
}

/// A world whose provider, asked once for each text, has just failed five times in a row.
fn after_five_failures() -> World {
    let mut world = World::new(PROVIDER);
    for n in 0..5 {
        let client = ask(&mut world, n);
        world.serve(answer(503, "", "{}"));
        assert_eq!(world.reply(client).status, 502, "{n}");
    }
    world
}

fn ask(world: &mut World, n: usize) -> ConnId {
    world.post("/generate/", &topic(n))
}

fn is(world: &World, state: &str) -> bool {
    let name = format!(r#"breaker_state{{provider="llm",state="{state}"}}"#);
    world.metric(&name) == 1.0
}

#[test]
fn after_five_failures_the_answer_comes_at_once_and_says_when_to_come_again() {
    let mut world = after_five_failures();
    assert!(is(&world, "open"));
    world.pass(1_200);
    let client = ask(&mut world, 9);
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (503, "upstream_breaker_open".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("4"));
    assert_eq!(reply.field("retry-after-ms"), Some("3800"));
    let words = reply.json();
    assert!(
        words["detail"].as_str().unwrap().contains("`llm`"),
        "{words}"
    );
    assert_eq!(words["limit_of"], "provider");
    assert_eq!(world.metric("calls_total"), 5.0);
}

#[test]
fn one_probe_is_let_through_and_closes_it() {
    let mut world = after_five_failures();
    world.pass(5_000);
    let probe = ask(&mut world, 10);
    let other = ask(&mut world, 11);
    assert_eq!(world.reply(other).problem().1, "upstream_breaker_open");
    assert!(is(&world, "probing"));
    assert_eq!(world.serve(openai::whole("Tea.")), 1);
    assert_eq!(world.reply(probe).status, 200);
    assert!(is(&world, "closed"));
    let turns: Vec<State> = world
        .engine
        .breaker_turns()
        .map(|turn| turn.state)
        .collect();
    assert!(matches!(
        turns[..],
        [
            State::Open { .. },
            State::Probing { .. },
            State::Closed { .. }
        ]
    ));
}

#[test]
fn the_first_word_is_enough_to_close_it() {
    let mut world = after_five_failures();
    world.pass(5_000);
    world.post("/generate/", r#"{"topic":"tea","stream":true}"#);
    world.answer([STREAM, &word("Tea")].concat());
    assert!(
        is(&world, "closed"),
        "others need not wait for the last word"
    );
}

#[test]
fn a_probe_that_fails_opens_it_for_twice_as_long() {
    let mut world = after_five_failures();
    let mut n = 20;
    for ms in [5_000, 10_000, 20_000] {
        world.pass(ms - 1);
        n += 1;
        let client = ask(&mut world, n);
        assert_eq!(
            world.reply(client).problem().1,
            "upstream_breaker_open",
            "{ms}"
        );
        world.pass(1);
        n += 1;
        ask(&mut world, n);
        assert_eq!(world.serve(answer(500, "", "{}")), 1, "{ms}");
    }
    assert_eq!(world.metric(r#"breaker_opened_total{provider="llm"}"#), 4.0);
}

#[test]
fn a_probe_whose_client_leaves_makes_way_for_the_next() {
    let mut world = after_five_failures();
    world.pass(5_000);
    let probe = ask(&mut world, 10);
    world.end(probe);
    world.settle();
    ask(&mut world, 11);
    assert_eq!(world.serve(openai::whole("Tea.")), 1);
    assert!(is(&world, "closed"));
}

#[test]
fn connections_that_are_refused_count_and_so_do_limits_that_run_out() {
    let mut world = World::new(&format!(
        "{PROVIDER}first_byte_ms = 100\nbreaker_failures = 3\n"
    ));
    world.slow_network = true;
    for n in 0..2 {
        ask(&mut world, n);
        world.reset(world.upstream(), Gone::Refused);
        world.settle();
    }
    world.slow_network = false;
    ask(&mut world, 2);
    assert!(is(&world, "closed"));
    world.pass(101);
    assert!(is(&world, "open"));
}

#[test]
fn clients_that_leave_and_requests_that_are_wrong_do_not() {
    let mut world = World::new(PROVIDER);
    for n in 0..20 {
        let client = ask(&mut world, n);
        match n % 3 {
            0 => world.reset(client, Gone::Reset),
            1 => assert_eq!(world.serve(answer(400, "", "{}")), 1),
            _ => assert_eq!(world.serve(answer(429, "", "{}")), 1),
        }
        world.settle();
    }
    assert!(is(&world, "closed"));
    assert_eq!(world.metric("calls_total"), 20.0);
}

#[test]
fn those_in_line_are_told_as_well() {
    let mut world = World::new(&format!(
        "{PROVIDER}concurrency = 1\nbreaker_failures = 1\n"
    ));
    let clients: Vec<ConnId> = (0..30).map(|n| ask(&mut world, n)).collect();
    world.serve(answer(503, "", "{}"));
    let codes: Vec<String> = clients
        .iter()
        .map(|id| world.reply(*id).problem().1)
        .collect();
    assert_eq!(codes[0], "upstream_unavailable");
    assert!(
        codes[1..]
            .iter()
            .all(|code| code == "upstream_breaker_open"),
        "{codes:?}"
    );
}

/// A long line is not turned away in one turn of the loop.
#[test]
fn a_long_line_is_told_little_by_little() {
    let sizes = crate::engine::Sizes {
        clients: 700,
        generations: 700,
        ..SIZES
    };
    let config = format!("{PROVIDER}concurrency = 1\nbreaker_failures = 1\n");
    let mut world = World::with(&config, sizes, 1);
    let clients: Vec<ConnId> = (0..600).map(|n| ask(&mut world, n)).collect();
    let upstream = world.upstream();
    world.say(upstream, answer(503, "", "{}").as_bytes());
    let waiting = |world: &World| world.metric(r#"gate_waiting{provider="llm"}"#);
    assert_eq!(waiting(&world), 599.0 - 256.0);
    assert!(
        world.engine.next_deadline() <= world.now.mono,
        "the rest is not forgotten"
    );
    world.tick();
    assert_eq!(waiting(&world), 599.0 - 512.0);
    world.settle();
    assert_eq!(waiting(&world), 0.0);
    assert_eq!(
        world.reply(clients[599]).problem().1,
        "upstream_breaker_open"
    );
}

#[test]
fn zero_failures_is_no_breaker() {
    let mut world = World::new(&format!("{PROVIDER}breaker_failures = 0\n"));
    for n in 0..20 {
        ask(&mut world, n);
        assert_eq!(world.serve(answer(503, "", "{}")), 1);
    }
    assert!(is(&world, "closed"));
}
