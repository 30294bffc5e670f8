//! The client of a chat hangs up: in every phase the provider learns of it at once, and one row
//! says so.

use super::openai::{STREAM, word};
use super::{World, ask, is_gone, provider};
use crate::dialect::Dialect;
use crate::engine::ConnId;
use crate::store::RequestOutcome;

fn hangs_up(mut world: World, client: ConnId) {
    world.end(client);
    world.settle();
    assert_eq!(world.upstreams(), [], "connections to the provider");
    let row = world.store.request();
    assert_eq!((row.outcome, row.status), (RequestOutcome::ClientGone, 499));
    assert_eq!(world.metric("calls"), 0.0);
    is_gone(&mut world);
}

fn named() -> String {
    provider(Dialect::OpenAi).replace("http://10.0.0.1:8000", "https://llm.test/v1")
}

#[test]
fn while_the_name_is_looked_up() {
    let mut world = World::new(&named());
    world.slow_network = true;
    let client = ask(&mut world, Dialect::OpenAi, true);
    assert_eq!(world.lookups, [0]);
    hangs_up(world, client);
}

#[test]
fn while_the_connection_is_opened_and_secured() {
    for secured in [false, true] {
        let mut world = World::new(&named());
        world.slow_network = true;
        let client = ask(&mut world, Dialect::Anthropic, false);
        world.resolve(0, Ok(vec![[10, 0, 0, 9]]));
        if secured {
            world.connect(world.upstream());
            assert!(world.sockets[&world.upstream()].securing);
        }
        hangs_up(world, client);
    }
}

#[test]
fn while_it_waits_for_its_turn() {
    let mut world = World::new(&format!("{}concurrency = 1\n", provider(Dialect::OpenAi)));
    ask(&mut world, Dialect::OpenAi, true);
    let upstream = world.upstream();
    let client = ask(&mut world, Dialect::Gemini, true);
    world.end(client);
    world.settle();
    assert_eq!(world.upstreams(), [upstream], "the other's call goes on");
    assert_eq!(world.metric(r#"gate_waiting{provider="llm"}"#), 0.0);
    assert_eq!(world.store.request().status, 499);
}

#[test]
fn before_the_answer_begins_and_before_there_is_content() {
    for head in ["", STREAM] {
        let mut world = World::new(&provider(Dialect::OpenAi));
        let client = ask(&mut world, Dialect::OpenAi, true);
        world.answer(head);
        hangs_up(world, client);
    }
}

#[test]
fn in_the_middle_of_the_answer_and_what_came_of_it_is_kept() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    let client = ask(&mut world, Dialect::Anthropic, true);
    world.answer([STREAM, &word("Tea")].concat());
    world.end(client);
    world.settle();
    assert_eq!(world.store.text().text, "Tea");
    hangs_up(world, client);
}

#[test]
fn while_its_long_body_is_read_on_a_thread() {
    let mut world = World::new(&provider(Dialect::OpenAi));
    world.held = vec![crate::engine::work::Kind::Parse];
    let long = "tea ".repeat(20_000);
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{long}"}}]}}"#);
    let client = world.post("/v1/chat/completions", &body);
    assert_eq!(world.jobs.len(), 1);
    world.end(client);
    world.held.clear();
    world.settle();
    assert_eq!(world.upstreams(), []);
    assert_eq!(world.store.requests.len(), 0, "it was not accepted yet");
    is_gone(&mut world);
}
