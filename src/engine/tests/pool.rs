//! Connections to a provider: bounded, waited for, kept, opened by name and with TLS.

use super::openai;
use super::{PROVIDER, World};
use crate::engine::io::{Gone, How, ResolveFault, TlsFault};
use crate::engine::tests::world::End;

const NAMED: &str =
    "[provider.llm]\nbase_url = \"http://llm.test/v1\"\nmodel = \"m\"\nretries = 0\n";
const SECURE: &str =
    "[provider.llm]\nbase_url = \"https://10.0.0.1/v1\"\nmodel = \"m\"\nretries = 0\n";

fn topic(n: usize) -> String {
    format!(r#"{{"topic":"tea {n}"}}"#)
}

#[test]
fn past_the_bound_calls_wait_for_their_turn() {
    let mut world = World::new(&format!("{PROVIDER}connections = 2\n"));
    let clients: Vec<_> = (0..3)
        .map(|n| world.post("/generate/", &topic(n)))
        .collect();
    assert_eq!(world.upstreams().len(), 2);
    assert_eq!(world.metric(r#"gate_waiting{provider="llm"}"#), 1.0);
    let first = world.upstreams()[0];
    world.send(first, openai::whole("One."));
    assert_eq!(world.reply(clients[0]).status, 200);
    world.sockets.get_mut(&first).unwrap().got.clear();
    world.send(first, openai::whole("Three."));
    assert_eq!(world.reply(clients[2]).json()["generated_text"], "Three.");
    assert_eq!(world.upstreams().len(), 2);
}

/// An answer that is complete and whose framed end does not come keeps its connection for a second.
#[test]
fn a_call_that_has_its_turn_does_not_wait_for_a_connection_for_ever() {
    let opening = "resolve_ms = 100\nconnect_ms = 100\ntls_ms = 100\n";
    let mut world = World::new(&format!(
        "{PROVIDER}connections = 1\npool_wait_ms = 200\n{opening}"
    ));
    world.post("/generate/", r#"{"topic":"tea","stream":true}"#);
    let whole = openai::stream(&["Tea."]);
    world.answer(whole.strip_suffix(openai::END).unwrap());
    let client = world.post("/generate/", &topic(1));
    assert_eq!(world.metric(r#"pool_waiting{provider="llm"}"#), 1.0);
    world.pass(499);
    assert!(world.is_quiet(client));
    world.pass(2);
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (503, "upstream_pool_timeout".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("1"));
}

#[test]
fn a_call_that_waited_for_such_an_end_in_vain_has_the_time_to_connect() {
    let mut world = World::new(&format!("{PROVIDER}connections = 1\n"));
    world.post("/generate/", r#"{"topic":"tea","stream":true}"#);
    let whole = openai::stream(&["Tea."]);
    world.answer(whole.strip_suffix(openai::END).unwrap());
    let client = world.post("/generate/", &topic(1));
    world.pass(1_000);
    assert_eq!(world.serve(openai::whole("Tea.")), 1, "on a new connection");
    assert_eq!(world.reply(client).status, 200);
}

#[test]
fn an_idle_connection_is_used_again_and_closed_after_its_time() {
    let mut world = World::new(PROVIDER);
    for n in 0..3 {
        world.post("/generate/", &topic(n));
        world.answer(openai::whole("Tea."));
    }
    assert_eq!(world.sockets.values().filter(|s| s.to.is_some()).count(), 1);
    world.pass(29_999);
    assert_eq!(world.upstreams().len(), 1);
    world.pass(2);
    assert_eq!(world.upstreams(), []);
}

#[test]
fn a_connection_that_the_provider_closes_is_forgotten() {
    let mut world = World::new(PROVIDER);
    world.post("/generate/", &topic(0));
    world.answer(openai::whole("Tea."));
    world.end(world.upstream());
    assert_eq!(world.upstreams(), []);
    world.post("/generate/", &topic(1));
    world.answer("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    world.end(world.upstream());
    assert_eq!(world.upstreams(), []);
}

#[test]
fn a_provider_that_refuses_is_told_at_once() {
    let mut world = World::new(PROVIDER);
    world.slow_network = true;
    let client = world.post("/generate/", &topic(0));
    world.reset(world.upstream(), Gone::Refused);
    world.settle();
    assert_eq!(
        world.reply(client).problem(),
        (502, "upstream_connect".to_owned())
    );
}

#[test]
fn a_provider_that_does_not_answer_the_connect_is_a_timeout() {
    let mut world = World::new(PROVIDER);
    world.slow_network = true;
    let client = world.post("/generate/", &topic(0));
    world.pass(3_001);
    assert_eq!(
        world.reply(client).problem(),
        (504, "upstream_connect_timeout".to_owned())
    );
    assert_eq!(world.upstreams(), []);
}

#[test]
fn a_second_address_is_tried_after_a_quarter_of_a_second_and_the_first_to_answer_wins() {
    let mut world = World::new(NAMED);
    world.slow_network = true;
    world.post("/generate/", &topic(0));
    world.resolve(0, Ok(vec![[10, 0, 0, 1], [10, 0, 0, 2], [10, 0, 0, 3]]));
    assert_eq!(world.upstreams().len(), 1);
    world.pass(251);
    let [slow, fast] = world.upstreams()[..] else {
        panic!("two attempts");
    };
    world.connect(fast);
    assert_eq!(world.upstreams(), [fast]);
    assert_eq!(world.sockets[&slow].closed, Some(End::Engine(How::Plain)));
}

#[test]
fn an_address_that_refuses_makes_way_for_the_next_at_once() {
    let mut world = World::new(NAMED);
    world.slow_network = true;
    let client = world.post("/generate/", &topic(0));
    world.resolve(0, Ok(vec![[10, 0, 0, 1], [10, 0, 0, 2]]));
    world.reset(world.upstream(), Gone::Refused);
    world.connect(world.upstream());
    world.settle();
    world.answer(openai::whole("Tea."));
    assert_eq!(world.reply(client).status, 200);
}

#[test]
fn names_that_cannot_be_looked_up() {
    for (fault, code) in [
        (Ok(vec![]), "upstream_name"),
        (Err(ResolveFault::NoSuchName), "upstream_name"),
        (Err(ResolveFault::Failed), "upstream_name_failed"),
    ] {
        let mut world = World::new(NAMED);
        world.slow_network = true;
        let client = world.post("/generate/", &topic(0));
        world.resolve(0, fault);
        world.settle();
        assert_eq!(world.reply(client).problem(), (502, code.to_owned()));
    }
}

#[test]
fn a_look_up_that_takes_too_long_fails_those_who_wait_and_helps_those_who_come_later() {
    let mut world = World::new(NAMED);
    world.slow_network = true;
    let client = world.post("/generate/", &topic(0));
    world.pass(3_001);
    assert_eq!(
        world.reply(client).problem(),
        (504, "upstream_name_timeout".to_owned())
    );
    let late = world.post("/generate/", &topic(1));
    assert_eq!(world.lookups.len(), 1, "one look-up at a time");
    world.pass(3_001);
    assert_eq!(
        world.reply(late).problem(),
        (504, "upstream_name_timeout".to_owned())
    );
    world.resolve(0, Ok(vec![[10, 0, 0, 1]]));
    world.post("/generate/", &topic(2));
    assert_eq!(world.upstreams().len(), 1);
}

#[test]
fn tls_that_fails_says_why() {
    let mut world = World::new(SECURE);
    world.slow_network = true;
    let client = world.post("/generate/", &topic(0));
    let upstream = world.upstream();
    world.connect(upstream);
    assert!(world.sockets[&upstream].securing && world.sockets[&upstream].got.is_empty());
    world.reset(upstream, Gone::Tls(TlsFault::Expired));
    world.settle();
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (502, "upstream_tls".to_owned()));
    assert!(
        reply.json()["detail"]
            .as_str()
            .unwrap()
            .contains("not valid at this time")
    );
}

#[test]
fn a_handshake_has_a_deadline() {
    let mut world = World::new(SECURE);
    world.slow_network = true;
    let client = world.post("/generate/", &topic(0));
    world.connect(world.upstream());
    world.pass(5_001);
    assert_eq!(
        world.reply(client).problem(),
        (504, "upstream_tls_timeout".to_owned())
    );
    assert_eq!(world.upstreams(), []);
}

#[test]
fn one_failed_attempt_fails_one_call() {
    let mut world = World::new(PROVIDER);
    world.slow_network = true;
    let clients: Vec<_> = (0..3)
        .map(|n| world.post("/generate/", &topic(n)))
        .collect();
    let attempts = world.upstreams();
    assert_eq!(attempts.len(), 3);
    world.reset(attempts[1], Gone::Refused);
    world.settle();
    assert_eq!(world.reply(clients[0]).status, 502, "who waited longest");
    world.slow_network = false;
    world.settle();
    assert!(world.is_quiet(clients[1]) && world.is_quiet(clients[2]));
    assert_eq!(
        world.metric(r#"pool_connections{provider="llm",state="leased"}"#),
        2.0
    );
}
