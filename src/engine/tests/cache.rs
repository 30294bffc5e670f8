//! The answer cache: a stored text answers the same prompt, if it may and is young enough.

use super::openai::{self, whole};
use super::world::Reply;
use super::{PROVIDER, World, over, post};
use crate::engine::work::Kind;
use crate::limits::CACHE_AGE_S;
use crate::store::StoreError;

const ASK: &str = r#"{"topic":"tea","cache":"use"}"#;

fn ask(world: &mut World, json: &str) -> Reply {
    let client = world.post("/generate/", json);
    if world.is_quiet(client) {
        world.serve(whole("Tea."));
    }
    world.reply(client)
}

fn said(reply: &Reply) -> (Option<&str>, bool) {
    let cached = reply.json()["cached"].as_bool().unwrap();
    (reply.field("cache-status"), cached)
}

#[test]
fn a_stored_text_answers_whole_and_as_a_stream() {
    let mut world = World::new(PROVIDER);
    let first = ask(&mut world, ASK);
    assert_eq!(said(&first), (Some("maitred; fwd=miss; stored"), false));
    world.pass(10_000);
    let second = ask(&mut world, ASK);
    assert_eq!(said(&second), (Some("maitred; hit; ttl=86390"), true));
    let (mut a, mut b) = (first.json(), second.json());
    for reply in [&mut a, &mut b] {
        let members = reply.as_object_mut().unwrap();
        members.remove("cached");
        members.remove("usage"); // the sum of tokens is not stored where it is no sum
    }
    assert_eq!(a, b);

    let streamed = world.post("/generate/", &ASK.replace("}", r#","stream":true}"#));
    let streamed = world.reply(streamed);
    assert_eq!(streamed.field("cache-status"), second.field("cache-status"));
    assert_eq!(streamed.text(), "Tea.");
    assert_eq!(streamed.events().last().unwrap().data["cached"], true);
    assert_eq!(world.metric("calls_total"), 1.0);
    assert_eq!(world.metric("cache_hits_total"), 2.0);
    let rows = &world.store.requests;
    assert_eq!(rows.len(), 3);
    assert!(
        rows.values()
            .all(|row| row.generation_id == rows.values().next().unwrap().generation_id)
    );
    over(world);
}

#[test]
fn it_is_looked_at_only_where_somebody_wants_it() {
    let mut world = World::new(PROVIDER);
    let unsaid = ask(&mut world, r#"{"topic":"tea"}"#);
    assert_eq!(said(&unsaid), (None, false));
    assert!(world.store.cached.is_empty());

    let mut world = World::new(&format!("{PROVIDER}[cache]\nmax_age_s = 60\n"));
    ask(&mut world, r#"{"topic":"tea"}"#);
    assert!(said(&ask(&mut world, r#"{"topic":"tea"}"#)).1);
    let skipped = ask(&mut world, r#"{"topic":"tea","cache":"skip"}"#);
    assert_eq!(said(&skipped), (None, false));
    world.pass(61_000);
    assert!(!said(&ask(&mut world, r#"{"topic":"tea"}"#)).1, "too old");
}

#[test]
fn another_prompt_is_another_text() {
    let mut world = World::new(PROVIDER);
    ask(&mut world, ASK);
    for other in [
        r#"{"topic":"Tea","cache":"use"}"#,
        r#"{"topic":"tea","cache":"use","max_tokens":5}"#,
        r#"{"topic":"tea","cache":"use","temperature":0}"#,
        r#"{"topic":"tea","cache":"use","model":"n"}"#,
        r#"{"topic":"tea","cache":"use","provider":"offline"}"#,
    ] {
        let client = world.post("/generate/", other);
        world.serve(whole("Tea."));
        world.pass(60_000);
        assert!(!said(&world.reply(client)).1, "{other}");
    }
    // Another prompt is one although the topic is the same.
    let store = world.store.clone();
    let mut world = World::new(&format!("prompt = 'A poem about {{topic}}'\n{PROVIDER}"));
    world.store.cached = store.cached;
    world.store.texts = store.texts;
    assert!(!said(&ask(&mut world, ASK)).1);
}

#[test]
fn what_is_deleted_cut_or_too_old_answers_nobody() {
    let mut world = World::new(PROVIDER);
    ask(&mut world, ASK);
    let id = world.store.text().id;
    world.ask(format!(
        "DELETE /contents/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ));
    assert!(!said(&ask(&mut world, ASK)).1);
    world.pass(CACHE_AGE_S * 1000 + 1_000);
    assert!(!said(&ask(&mut world, ASK)).1);

    let mut world = World::new(PROVIDER);
    let streamed = ASK.replace("}", r#","stream":true}"#);
    let cut = world.post("/generate/", &streamed);
    world.answer([openai::STREAM, &openai::word("Te"), openai::END].concat());
    assert!(world.reply(cut).body.contains("error"));
    assert_eq!(world.store.texts.len(), 1);
    assert!(world.store.cached.is_empty());
}

#[test]
fn who_asks_while_it_is_written_joins() {
    let mut world = World::new(PROVIDER);
    let first = world.post("/generate/", ASK);
    let second = world.post("/generate/", ASK);
    world.serve(whole("Tea."));
    assert_eq!(
        said(&world.reply(first)).0,
        Some("maitred; fwd=miss; stored")
    );
    assert_eq!(
        said(&world.reply(second)).0,
        Some("maitred; fwd=miss; collapsed")
    );
    assert_eq!(world.metric("calls_total"), 1.0);
}

#[test]
fn a_store_that_says_no_is_no_reason_to_refuse() {
    let mut world = World::new(PROVIDER);
    world.held.push(Kind::Read);
    let client = world.ask(post("/generate/", ASK));
    let failed = crate::engine::work::WorkResult::Found(Err(StoreError::TimedOut));
    world.fail_work(0, failed);
    world.settle();
    world.serve(whole("Tea."));
    assert_eq!(
        said(&world.reply(client)),
        (Some("maitred; fwd=miss; stored"), false)
    );
}

#[test]
fn a_wish_that_nobody_knows_is_refused() {
    let mut world = World::new(PROVIDER);
    let client = world.post("/generate/", r#"{"topic":"tea","cache":"only"}"#);
    let reply = world.reply(client);
    assert_eq!(reply.problem(), (422, "invalid_field".to_owned()));
    assert_eq!(reply.json()["field"], "cache");
}
