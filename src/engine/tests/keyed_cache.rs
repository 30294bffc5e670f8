//! A stored answer under an `Idempotency-Key`: it is kept under that key like any other.

use super::openai::{self, whole};
use super::world::{Reply, SIZES};
use super::{PROVIDER, World, over, post};
use crate::engine::ConnId;
use crate::engine::work::{Kind, WorkResult};
use crate::limits::KEY_LEASE_MS;
use crate::store::{StoreError, Write};

const CONFIG: &str = "coalesce = false\n[cache]\nmax_age_s = 60\nchats_max_age_s = 60\n";
const TEA: (&str, &str) = ("/generate/", r#"{"topic":"tea"}"#);
const STREAM: (&str, &str) = ("/generate/", r#"{"topic":"tea","stream":true}"#);
const CHAT: (&str, &str) = (
    "/v1/chat/completions",
    r#"{"model":"m","messages":[{"role":"user","content":"Tea?"}]}"#,
);
const CHAT_STREAM: (&str, &str) = (
    "/v1/chat/completions",
    r#"{"model":"m","messages":[{"role":"user","content":"Tea?"}],"stream":true}"#,
);

fn world() -> World {
    World::new(&[CONFIG, PROVIDER].concat())
}

fn keyed(world: &mut World, key: &str, (path, body): (&str, &str)) -> ConnId {
    world.ask(post(path, body).replacen("Host:", &format!("Idempotency-Key: {key}\r\nHost:"), 1))
}

/// The provider has written an answer once.
fn fill(world: &mut World, (path, body): (&str, &str)) {
    let client = world.post(path, body);
    if body.contains("stream") {
        world.serve(openai::stream(&["Tea."]));
    } else {
        world.serve(whole("Tea."));
    }
    assert_eq!(world.reply(client).status, 200);
}

fn is_replayed(reply: &Reply) -> bool {
    reply.field("idempotent-replayed") == Some("true")
}

fn is_hit(reply: &Reply) -> bool {
    let status = reply.field("cache-status");
    status.is_some_and(|status| status.contains("hit"))
}

#[test]
fn the_same_key_gets_the_same_answer_though_the_cache_has_another() {
    for ask in [TEA, STREAM, CHAT, CHAT_STREAM] {
        let mut world = world();
        fill(&mut world, ask);
        let first = keyed(&mut world, "a", ask);
        let first = world.reply(first);
        assert!(is_hit(&first) && !is_replayed(&first), "{first:?}");
        world.store.cached.clear();
        let second = keyed(&mut world, "a", ask);
        let second = world.reply(second);
        assert!(is_replayed(&second) && !is_hit(&second), "{second:?}");
        assert_eq!(first.body, second.body);
        assert_eq!(first.field("content-type"), second.field("content-type"));
        assert_eq!(world.metric("calls_total"), 1.0);
        assert_eq!(world.store.requests.len(), 3, "each request has its row");
        over(world);
    }
}

#[test]
fn a_text_says_in_both_that_it_is_from_the_cache() {
    let mut world = world();
    fill(&mut world, TEA);
    for _ in 0..2 {
        let client = keyed(&mut world, "a", TEA);
        assert_eq!(world.reply(client).json()["cached"], true);
    }
    let client = keyed(&mut world, "b", STREAM);
    let streamed = world.reply(client);
    assert_eq!(streamed.text(), "Tea.");
    assert_eq!(streamed.events().last().unwrap().data["cached"], true);
    over(world);
}

#[test]
fn it_is_told_when_it_is_kept_and_equal_requests_wait_for_that() {
    let mut world = world();
    fill(&mut world, CHAT);
    world.held = vec![Kind::Write];
    let first = keyed(&mut world, "a", CHAT);
    world.work(0); // the key is claimed
    world.settle();
    let second = keyed(&mut world, "a", CHAT);
    assert!(world.is_quiet(first) && world.is_quiet(second));
    world.held.clear();
    world.settle();
    let (first, second) = (world.reply(first), world.reply(second));
    assert!(is_hit(&first) && is_replayed(&second));
    assert_eq!(first.body, second.body);
    over(world);
}

#[test]
fn what_cannot_be_kept_frees_its_key() {
    let mut world = world();
    fill(&mut world, TEA);
    world.held = vec![Kind::Write];
    let first = keyed(&mut world, "a", TEA);
    world.work(0);
    world.settle();
    world.fail_work(0, WorkResult::Written(Err(StoreError::TimedOut)));
    world.held.clear();
    world.settle();
    assert_eq!(world.reply(first).status, 503);
    assert!(world.store.keys.0.is_empty(), "{:?}", world.store.keys);
    let second = keyed(&mut world, "a", TEA);
    let second = world.reply(second);
    assert!(is_hit(&second) && !is_replayed(&second));
    over(world);
}

#[test]
fn a_server_that_dies_before_it_is_kept_has_told_nothing() {
    let mut world = world();
    fill(&mut world, CHAT);
    world.held = vec![Kind::Write];
    let client = keyed(&mut world, "a", CHAT);
    world.work(0);
    world.settle();
    assert!(world.is_quiet(client));
    let mut next = World::with(&[CONFIG, PROVIDER].concat(), SIZES, 2);
    next.store = world.store;
    next.jump(world.now.mono);
    next.pass(KEY_LEASE_MS + 1);
    let again = keyed(&mut next, "a", CHAT);
    let again = next.reply(again);
    assert!(is_hit(&again) && !is_replayed(&again), "{again:?}");
    over(next);
}

/// It was there when it was asked for, and is told; who asks again gets a new one.
#[test]
fn what_is_deleted_while_it_is_being_kept_is_told_once_and_its_key_is_free() {
    for ask in [TEA, CHAT] {
        let mut world = world();
        fill(&mut world, ask);
        world.held = vec![Kind::Write];
        let first = keyed(&mut world, "a", ask);
        world.work(0); // the key is claimed
        world.settle();
        let gone = Write::Delete {
            tenant: "local".to_owned(),
            id: world.store.text().id,
        };
        world.store.write(gone); // by another process
        world.held.clear();
        world.settle();
        assert!(is_hit(&world.reply(first)));
        let second = keyed(&mut world, "a", ask);
        assert!(world.is_quiet(second), "it is written anew");
        world.serve(whole("Tea."));
        let second = world.reply(second);
        assert!(!is_hit(&second) && !is_replayed(&second), "{second:?}");
        over(world);
    }
}

/// The answer that is told, and that which is kept.
#[test]
fn what_waits_to_be_kept_is_in_the_ledger_and_nothing_is_afterwards() {
    let text = "tea ".repeat(20_000);
    for ask in [TEA, CHAT] {
        let mut world = world();
        let client = world.post(ask.0, ask.1);
        world.serve(whole(&text));
        assert_eq!(world.reply(client).status, 200);
        world.held = vec![Kind::Write];
        let client = keyed(&mut world, "a", ask);
        world.work(0); // the key is claimed
        world.settle();
        let held = world.metric("ledger_bytes") as usize;
        assert!(held >= 2 * text.len(), "{held}");
        world.held.clear();
        world.settle();
        assert!(is_hit(&world.reply(client)));
        assert_eq!(world.metric("ledger_bytes"), 0.0);
    }
}

#[test]
fn it_goes_with_its_text() {
    for ask in [TEA, CHAT] {
        let mut world = world();
        fill(&mut world, ask);
        let first = keyed(&mut world, "a", ask);
        assert!(is_hit(&world.reply(first)));
        let id = world.store.text().id;
        world.ask(format!(
            "DELETE /contents/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
        let again = keyed(&mut world, "a", ask);
        assert!(world.is_quiet(again), "a new one is written");
        world.serve(whole("Tea."));
        assert!(!is_replayed(&world.reply(again)));
        over(world);
    }
}
