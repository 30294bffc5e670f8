//! What is told about a text before, while and after it is scored and stored.

use super::world::Reply;
use super::{PROVIDER, World, openai};
use crate::engine::io::Input;
use crate::engine::work::{Kind, Work, WorkResult};
use crate::score::score;
use crate::store::{StoreError, TextState};

const TEA: &str = r#"{"topic":"tea"}"#;

fn full() -> StoreError {
    let path = "maitred.db".into();
    StoreError::Full { path }
}

/// A text whose work of this kind is with the threads.
fn held(world: &mut World, kind: Kind) -> crate::engine::ConnId {
    world.held = vec![kind];
    let client = world.post("/generate/", TEA);
    assert_eq!(world.jobs.len(), 1);
    client
}

fn is_stored_without_scores(world: &World, reply: &Reply) {
    assert_eq!(
        (reply.status, &reply.json()["readability"]),
        (200, &().into())
    );
    assert_eq!(reply.json()["stored"], true);
    assert_eq!(world.store.text().state, TextState::Complete);
    assert_eq!(world.store.text().scores, None);
}

#[test]
fn nothing_is_acknowledged_before_the_commit() {
    let mut world = World::new("");
    let client = held(&mut world, Kind::Write);
    world.pass(4_000);
    assert!(world.is_quiet(client));
    world.work(0);
    world.settle();
    assert_eq!(world.reply(client).json()["stored"], true);
}

#[test]
fn a_scorer_that_panics_costs_the_scores_and_not_the_text() {
    let mut world = World::new("");
    let client = held(&mut world, Kind::Finish);
    world.fail_work(0, WorkResult::Panicked);
    world.settle();
    let reply = world.reply(client);
    is_stored_without_scores(&world, &reply);
}

#[test]
fn scores_that_come_late_are_stored_when_they_come() {
    let mut world = World::new("");
    let client = held(&mut world, Kind::Finish);
    world.pass(4_999);
    assert!(world.is_quiet(client));
    world.pass(2);
    let reply = world.reply(client);
    is_stored_without_scores(&world, &reply);
    world.work(0);
    world.settle();
    assert!(world.store.text().scores.is_some());
}

#[test]
fn the_rows_of_a_text_whose_scores_are_late_are_written_once() {
    let mut world = World::new("");
    let client = held(&mut world, Kind::Finish);
    let (id, Work::Finish(finish)) = world.jobs.remove(0) else {
        panic!("a text is finished");
    };
    assert!(!finish.withdrawn.is_cancelled());
    let withdrawn = finish.withdrawn.clone();
    // In the very moment in which the engine gives up, the scorer passes them on.
    let (passed, _) = finish.pass_on(score("Tea.", &|| false));
    world.pass(5_001);
    assert!(withdrawn.is_cancelled(), "so the writer leaves them out");
    let reply = world.reply(client);
    is_stored_without_scores(&world, &reply);
    world.feed(Input::Done(id, WorkResult::PassedOn(passed)));
    world.feed(Input::Done(id, WorkResult::Withdrawn));
    world.settle();
    assert!(world.store.text().scores.is_some());
    assert_eq!(world.metric("rows_lost_total"), 0.0);
    world.end(client);
    world.settle();
    world.holds_nothing();
}

#[test]
fn an_answer_is_the_same_whoever_has_prepared_it() {
    let mut world = World::new(PROVIDER);
    let said = openai::whole("Tea \"is\" good.");
    let prepared = world.post("/generate/", TEA);
    world.answer(said.clone());
    let prepared = world.reply(prepared).json();

    world.held = vec![Kind::Finish];
    let client = world.post("/generate/", TEA);
    world.answer(said);
    world.pass(5_001);
    let own = world.reply(client).json();
    for (name, value) in own.as_object().unwrap() {
        match name.as_str() {
            "id" => assert_ne!(*value, prepared["id"]),
            "readability" | "sentiment" => assert!(value.is_null() && prepared[name].is_object()),
            _ => assert_eq!(*value, prepared[name], "{name}"),
        }
    }
}

#[test]
fn a_text_that_was_answered_whole_is_not_kept_in_memory() {
    let mut world = World::new("");
    let client = world.post("/generate/", TEA);
    assert_eq!(world.reply(client).status, 200);
    assert_eq!(world.metric("generations"), 0.0);
}

#[test]
fn a_text_without_scores_is_found_and_scored_later() {
    let mut world = World::new("");
    held(&mut world, Kind::Finish);
    world.fail_work(0, WorkResult::Panicked);
    world.held.clear();
    world.settle();
    assert_eq!(world.store.text().scores, None);
    world.pass(200_000);
    assert!(world.store.text().scores.is_some());
}

#[test]
fn a_store_that_says_no_is_an_answer_of_its_own() {
    for (result, status, code) in [
        (WorkResult::Written(Err(full())), 507, "store_full"),
        (WorkResult::Panicked, 500, "worker_panicked"),
    ] {
        let mut world = World::new("");
        let client = held(&mut world, Kind::Write);
        world.fail_work(0, result);
        world.settle();
        assert_eq!(world.reply(client).problem(), (status, code.to_owned()));
        assert!(world.store.texts.is_empty());
    }
}

#[test]
fn a_store_that_is_silent_is_not_waited_for_and_the_text_is_stored_late() {
    let mut world = World::new("");
    let client = held(&mut world, Kind::Write);
    world.pass(5_001);
    assert_eq!(
        world.reply(client).problem(),
        (503, "store_timeout".to_owned())
    );
    world.work(0);
    world.end(client);
    world.pass(61_000);
    assert_eq!(world.store.texts.len(), 1);
    world.holds_nothing();
}

#[test]
fn a_store_that_is_behind_is_waited_for_as_long_as_it_writes() {
    let mut world = World::new("coalesce = false\n");
    world.held = vec![Kind::Write];
    let clients: Vec<_> = (0..4).map(|_| world.post("/generate/", TEA)).collect();
    for client in &clients[..3] {
        world.pass(4_000);
        world.work(0);
        world.settle();
        assert_eq!(world.reply(*client).status, 200);
    }
    assert!(world.is_quiet(clients[3]), "after twelve seconds");
    world.pass(5_001);
    let problem = world.reply(clients[3]).problem();
    assert_eq!(problem, (503, "store_timeout".to_owned()));
}

#[test]
fn a_stream_whose_text_cannot_be_stored_ends_with_an_error() {
    let mut world = World::new(PROVIDER);
    world.held = vec![Kind::Write];
    let client = world.post("/generate/", r#"{"topic":"tea","stream":true}"#);
    world.answer(openai::stream(&["Tea."]));
    assert_eq!(world.events(client).len(), 2, "start and the word");
    world.fail_work(0, WorkResult::Written(Err(full())));
    world.settle();
    let last = world.reply(client).events().pop().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.data["code"]),
        ("error", &"store_full".into())
    );
}

#[test]
fn a_failure_of_the_provider_is_told_at_once_without_waiting_for_its_row() {
    let mut world = World::new(PROVIDER);
    world.held = vec![Kind::Write];
    let client = world.post("/generate/", TEA);
    world.answer(openai::answer(500, "", "{}"));
    assert_eq!(world.reply(client).status, 502);
    assert!(world.store.requests.is_empty());
    world.work(0);
    assert_eq!(world.store.request().status, 502);
}

#[test]
fn writes_that_wait_behind_a_stuck_store_are_carried_out_when_it_is_free() {
    let mut world = World::new("coalesce = false\n");
    world.held = vec![Kind::Write];
    let clients: Vec<_> = (0..5).map(|_| world.post("/generate/", TEA)).collect();
    world.pass(5_001);
    for client in clients {
        assert_eq!(world.reply(client).status, 503);
    }
    world.held.clear();
    world.settle();
    assert_eq!(
        (world.store.texts.len(), world.store.requests.len()),
        (5, 5)
    );
}
