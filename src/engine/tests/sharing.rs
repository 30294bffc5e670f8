//! Equal prompts in flight share one call.

use super::openai::{self, STREAM, done, finish, word};
use super::{PROVIDER, World};

const TEA: &str = r#"{"topic":"tea","stream":true}"#;

#[test]
fn the_second_to_ask_gets_what_there_is_and_then_the_same_words() {
    let mut world = World::new(PROVIDER);
    let first = world.post("/generate/", TEA);
    world.answer([STREAM, &word("Tea")].concat());
    let second = world.post("/generate/", TEA);
    assert_eq!(world.events(second).len(), 2, "start and the first word");
    world.answer([&word(" is."), &finish(), &done(), openai::END].concat());

    let (a, b) = (world.reply(first).events(), world.reply(second).events());
    assert_eq!(a, b);
    assert_eq!(world.metric("calls_total"), 1.0);
    assert_eq!(world.metric("generations_coalesced_total"), 1.0);
    assert_eq!(
        (world.store.texts.len(), world.store.requests.len()),
        (1, 2)
    );
}

#[test]
fn one_who_leaves_takes_nothing_from_the_other() {
    let mut world = World::new(PROVIDER);
    let first = world.post("/generate/", TEA);
    let second = world.post("/generate/", TEA);
    world.answer([STREAM, &word("Tea")].concat());
    world.end(first);
    world.settle();
    world.answer([&finish(), &done(), openai::END].concat());
    assert_eq!(world.reply(second).events().last().unwrap().name, "done");
    let mut outcomes: Vec<_> = world
        .store
        .requests
        .values()
        .map(|row| row.status)
        .collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [200, 499]);
}

#[test]
fn a_finished_text_is_not_shared_and_neither_is_another_prompt() {
    let mut world = World::new(PROVIDER);
    world.post("/generate/", TEA);
    world.answer(openai::stream(&["Tea."]));
    world.post("/generate/", TEA);
    world.post(
        "/generate/",
        r#"{"topic":"tea","stream":true,"max_tokens":5}"#,
    );
    world.post("/generate/", r#"{"topic":"tea"}"#);
    assert_eq!(world.metric("calls_total"), 4.0);
}

#[test]
fn sharing_can_be_switched_off() {
    let mut world = World::new(&format!("coalesce = false\n{PROVIDER}"));
    world.post("/generate/", TEA);
    world.post("/generate/", TEA);
    assert_eq!(world.upstreams().len(), 2);
}
