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

/// Most of a megabyte of text, wanted whole or streamed by forty clients that do not read.
fn crowd(stream: bool) -> (World, Vec<crate::engine::ConnId>) {
    let mut world = World::new(&format!("{PROVIDER}[limits]\nledger_bytes = 16777216\n"));
    let ask = format!(r#"{{"topic":"tea","stream":{stream}}}"#);
    let clients: Vec<_> = (0..40).map(|_| world.post("/generate/", &ask)).collect();
    for client in &clients {
        world.sockets.get_mut(client).unwrap().stalled = true;
    }
    let text = "All about tea. ".repeat(60_000);
    if stream {
        world.answer(openai::stream(&[&text]));
    } else {
        world.answer(openai::whole(&text));
    }
    (world, clients)
}

#[test]
fn a_crowd_that_does_not_read_stays_within_the_ledger() {
    for stream in [false, true] {
        let (world, _) = crowd(stream);
        let peak = world.metric("ledger_peak_bytes");
        assert!(peak < 16.0 * 1048576.0, "stream {stream}: {peak} bytes");
    }
}

#[test]
fn a_crowd_gets_the_same_text_each() {
    for stream in [false, true] {
        let (mut world, clients) = crowd(stream);
        for client in &clients {
            world.sockets.get_mut(client).unwrap().stalled = false;
        }
        world.settle();
        let first = world.reply(clients[0]);
        assert!(first.body.len() > 800_000 && first.status == 200);
        for client in &clients[1..] {
            let text = |events: Vec<super::world::Event>| -> String {
                events
                    .iter()
                    .filter_map(|event| event.data["text"].as_str())
                    .collect()
            };
            let reply = world.reply(*client);
            if stream {
                assert_eq!(text(reply.events()), text(first.events()));
            } else {
                assert_eq!(reply.body, first.body);
            }
        }
        assert_eq!(world.metric("exchanges{state=\"streaming\"}"), 0.0);
    }
}

#[test]
fn a_store_that_takes_no_rows_turns_requests_away_before_they_cost_anything() {
    let mut world = World::new(PROVIDER);
    world.held = vec![crate::engine::work::Kind::Write];
    let client = world.post("/generate/", r#"{"topic":"tea"}"#);
    world.answer(openai::whole("Tea."));
    let error = crate::store::StoreError::Full {
        path: "maitred.db".into(),
    };
    let result = crate::engine::work::WorkResult::Written(Err(error));
    world.fail_work(0, result);
    world.settle();
    assert_eq!(world.reply(client).problem(), (507, "store_full".into()));
    assert_eq!(world.get("/readyz").status, 503);

    let client = world.post("/generate/", r#"{"topic":"milk"}"#);
    assert_eq!(world.reply(client).status, 507);
    assert_eq!(world.metric("calls_total"), 1.0, "nobody was asked");

    world.held.clear();
    world.pass(1_000);
    let client = world.post("/generate/", r#"{"topic":"milk"}"#);
    world.answer(openai::whole("Milk."));
    assert_eq!(world.reply(client).status, 200, "one is let in to try");
    assert_eq!(world.get("/readyz").status, 200);
}
