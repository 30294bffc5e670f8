//! `concurrency = N`: at most N calls at a provider at a time; the others wait in line.

use super::openai::{self, answer};
use super::{PROVIDER, RETRIED, World};
use crate::engine::ConnId;

fn topic(n: usize) -> String {
    format!(r#"{{"topic":"tea {n}"}}"#)
}

fn ask(world: &mut World, n: usize) -> ConnId {
    world.post("/generate/", &topic(n))
}

fn gauge(world: &World, name: &str) -> f64 {
    world.metric(&format!(r#"{name}{{provider="llm"}}"#))
}

#[test]
fn never_more_than_five_at_a_time_and_first_come_first_served() {
    let mut world = World::new(&format!("{PROVIDER}concurrency = 5\n"));
    let clients: Vec<ConnId> = (0..17).map(|n| ask(&mut world, n)).collect();
    let mut rounds = Vec::new();
    while clients.iter().any(|id| world.is_quiet(*id)) {
        assert_eq!(world.upstreams().len(), 5);
        assert!(gauge(&world, "gate_turns") <= 5.0);
        let quiet = clients.iter().position(|id| world.is_quiet(*id)).unwrap();
        world.pass(100);
        rounds.push(world.serve(openai::whole("Tea.")));
        assert!(!world.is_quiet(clients[quiet]), "the oldest is served");
    }
    assert_eq!(rounds, [5, 5, 5, 2]);
    assert_eq!(gauge(&world, "gate_waits_total"), 12.0);
    let waited = gauge(&world, "gate_waited_seconds_total");
    assert!(
        (waited - 0.1 * (5.0 + 2.0 * 5.0 + 3.0 * 2.0)).abs() < 1e-6,
        "{waited}"
    );
}

#[test]
fn a_turn_is_not_waited_for_for_ever() {
    let mut world = World::new(&format!("{PROVIDER}concurrency = 1\nqueue_ms = 2000\n"));
    ask(&mut world, 0);
    let client = ask(&mut world, 1);
    world.pass(1_999);
    assert!(world.is_quiet(client));
    world.pass(2);
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (503, "queue_timeout".to_owned()));
    assert_eq!(
        (reply.field("retry-after"), reply.field("retry-after-ms")),
        (Some("1"), Some("1000"))
    );
    assert_eq!(reply.json()["limit_of"], "server");
    assert!(reply.json()["detail"].as_str().unwrap().contains("`llm`"));
    assert_eq!(world.metric("calls_total"), 1.0);
}

#[test]
fn without_a_number_of_its_own_the_pool_is_the_bound_and_the_wait_is_a_second() {
    let mut world = World::new(&format!("{PROVIDER}connections = 2\n"));
    for n in 0..2 {
        ask(&mut world, n);
    }
    assert_eq!(gauge(&world, "gate_turns_max"), 2.0);
    let client = ask(&mut world, 2);
    world.pass(1_001);
    assert_eq!(world.reply(client).problem().1, "queue_timeout");
}

#[test]
fn the_line_has_a_bound() {
    let mut world = World::new(&format!("{PROVIDER}concurrency = 1\nqueue_calls = 2\n"));
    for n in 0..3 {
        ask(&mut world, n);
    }
    let client = ask(&mut world, 3);
    assert_eq!(
        world.reply(client).problem(),
        (503, "provider_queue_full".to_owned())
    );
    let refused = r#"gate_refused_total{provider="llm",reason="full"}"#;
    assert_eq!(world.metric(refused), 1.0);
}

#[test]
fn whoever_rests_keeps_nobody_waiting_and_comes_back_to_the_front() {
    let mut world = World::new(&format!("{RETRIED}concurrency = 1\n"));
    let clients: Vec<ConnId> = (0..3).map(|n| ask(&mut world, n)).collect();
    world.serve(answer(503, "Retry-After: 1\r\n", "{}"));
    // The second one has the turn while the first one rests, and the third is still in line when
    // the first one comes back.
    world.pass(1_200);
    assert_eq!(gauge(&world, "gate_waiting"), 2.0);
    world.serve(openai::whole("Second."));
    world.serve(openai::whole("First."));
    world.serve(openai::whole("Third."));
    let texts: Vec<String> = clients
        .iter()
        .map(|id| {
            world.reply(*id).json()["generated_text"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(texts, ["First.", "Second.", "Third."]);
}

#[test]
fn whoever_leaves_the_line_is_passed_over() {
    let mut world = World::new(&format!("{PROVIDER}concurrency = 1\n"));
    let clients: Vec<ConnId> = (0..3).map(|n| ask(&mut world, n)).collect();
    world.end(clients[1]);
    world.settle();
    assert_eq!(gauge(&world, "gate_waiting"), 1.0);
    world.serve(openai::whole("Tea."));
    world.serve(openai::whole("Tea."));
    assert_eq!(world.reply(clients[2]).status, 200);
    assert_eq!(world.metric("calls_total"), 2.0);
}

#[test]
fn the_offline_provider_has_turns_as_well() {
    let mut world = World::new("[offline]\nconcurrency = 2\ngap_ms = 10\ntokens = 20\n");
    let clients: Vec<ConnId> = (0..5)
        .map(|n| {
            world.post(
                "/generate/",
                &format!(r#"{{"topic":"tea {n}","stream":true}}"#),
            )
        })
        .collect();
    let turns = r#"gate_turns{provider="offline"}"#;
    let mut most = 0.0_f64;
    for _ in 0..200 {
        world.pass(10);
        most = most.max(world.metric(turns));
    }
    assert_eq!((most, world.metric(turns)), (2.0, 0.0));
    for id in clients {
        assert_eq!(world.reply(id).events().last().unwrap().name, "done");
    }
}

#[test]
fn turns_go_round_among_addresses() {
    let mut world = World::new(&format!("{PROVIDER}concurrency = 1\n"));
    let ask_from = |world: &mut World, host, n| {
        let id = world.try_client_at([192, 0, 2, host]).unwrap();
        world.send(id, super::post("/generate/", &topic(n)));
        id
    };
    let many: Vec<ConnId> = (0..4).map(|n| ask_from(&mut world, 1, n)).collect();
    let one = ask_from(&mut world, 2, 9);
    world.serve(openai::whole("Tea."));
    world.serve(openai::whole("Tea."));
    let quiet: Vec<bool> = many.iter().map(|id| world.is_quiet(*id)).collect();
    assert_eq!(quiet, [false, false, true, true]);
    world.serve(openai::whole("Tea."));
    assert!(!world.is_quiet(one), "it came last and is third");
}
