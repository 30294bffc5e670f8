//! `Idempotency-Key`: a request that is sent twice has one effect, and both get the same answer.

use uuid::Uuid;

use super::openai::{self, STREAM, answer, whole, word};
use super::world::{Reply, SIZES};
use super::{PROVIDER, World, post};
use crate::engine::ConnId;
use crate::engine::work::{Kind, WorkResult};
use crate::limits::{KEY_LEASE_MS, KEY_WAITERS};
use crate::store::{KeyChange, KeyScope, StoreError, Write};

pub(super) const TEA: &str = r#"{"topic":"tea"}"#;
const STREAMED: &str = r#"{"topic":"tea","stream":true}"#;
const CHAT: &str = r#"{"model":"m","messages":[{"role":"user","content":"Tea?"}],"stream":true}"#;

/// Without sharing of equal prompts: what is shared here is shared by the key.
pub(super) fn world() -> World {
    World::new(&format!("coalesce = false\n{PROVIDER}"))
}

/// A client sends this with a key.
pub(super) fn keyed(world: &mut World, key: &str, path: &str, body: &str) -> ConnId {
    world.ask(request(key, path, body))
}

fn request(key: &str, path: &str, body: &str) -> String {
    post(path, body).replacen("Host:", &format!("Idempotency-Key: {key}\r\nHost:"), 1)
}

fn is_replayed(reply: &Reply) -> bool {
    reply.field("idempotent-replayed") == Some("true")
}

/// Nothing is left in memory once the clients have gone.
pub(super) fn over(mut world: World) {
    for id in world.open_sockets() {
        world.end(id);
    }
    world.settle();
    world.holds_nothing();
}

/// What a killed process leaves behind, and its successor.
fn successor(world: World) -> World {
    let config = format!("coalesce = false\n{PROVIDER}");
    let mut next = World::with(&config, SIZES, 2);
    next.store = world.store;
    next.jump(world.now.mono);
    next
}

#[test]
fn the_second_time_is_answered_as_the_first_to_the_byte() {
    let mut world = world();
    let first = keyed(&mut world, "a", "/generate/", TEA);
    world.answer(whole("Tea."));
    let first = world.reply(first);
    let second = keyed(&mut world, "a", "/generate/", TEA);
    let second = world.reply(second);
    assert_eq!((first.status, &first.body), (second.status, &second.body));
    assert_eq!(first.field("content-type"), second.field("content-type"));
    assert!(is_replayed(&second) && !is_replayed(&first));
    assert_eq!(world.store.text().text, "Tea.");
    assert_eq!(world.store.requests.len(), 2, "each request has its row");
    assert_eq!(world.metric("calls_total"), 1.0);
    assert_eq!(world.metric("idempotent_replays_total"), 1.0);
    over(world);
}

#[test]
fn a_stream_comes_again_as_events() {
    let mut world = world();
    let first = keyed(&mut world, "a", "/generate/", STREAMED);
    world.answer(openai::stream(&["Tea", " is."]));
    let first = world.reply(first);
    let second = keyed(&mut world, "a", "/generate/", STREAMED);
    let second = world.reply(second);
    assert!(is_replayed(&second));
    assert_eq!(second.field("content-type"), first.field("content-type"));
    assert_eq!(second.text(), "Tea is.");
    let (a, b) = (first.events(), second.events());
    assert_eq!((&a[0], a.last()), (&b[0], b.last()), "start and done");
    assert_eq!(b[1].id, Some(7));
}

#[test]
fn every_route_that_costs_something_keeps_its_answer() {
    let speech = r#""messages":[{"role":"user","content":"Tea?"}]"#;
    let gemini = r#"{"contents":[{"role":"user","parts":[{"text":"Tea?"}]}]}"#;
    let claude = format!(r#"{{"model":"m","max_tokens":9,{speech}}}"#);
    let content = r#"{"content":"Green tea is good. Everybody likes green tea."}"#;
    for (path, body) in [
        ("/generate/", TEA),
        ("/generate/", STREAMED),
        ("/generate/", r#"{"topic":"tea","candidates":2}"#),
        ("/batch", r#"{"topics":["tea","rice"]}"#),
        ("/analyze/", content),
        ("/keywords/", content),
        ("/v1/chat/completions", CHAT),
        ("/v1/messages", &claude),
        ("/v1beta/models/m:generateContent", gemini),
        ("/v1beta/models/m:streamGenerateContent?alt=sse", gemini),
    ] {
        let mut world = World::new("");
        let first = keyed(&mut world, "a", path, body);
        world.pass(60_000);
        let first = world.reply(first);
        let texts = (
            world.metric("generations_total"),
            world.store.analyses.len(),
        );
        let second = keyed(&mut world, "a", path, body);
        let second = world.reply(second);
        assert_eq!(first.status, 200, "{path}: {}", first.body);
        assert!(is_replayed(&second), "{path}: {second:?}");
        assert_eq!(first.field("content-type"), second.field("content-type"));
        if !body.contains("topic") || !body.contains("stream") {
            assert_eq!(first.body, second.body, "{path}");
        }
        let after = (
            world.metric("generations_total"),
            world.store.analyses.len(),
        );
        assert_eq!(texts, after, "{path}");
        over(world);
    }
}

#[test]
fn a_job_is_made_once_and_told_twice() {
    let body = r#"{"kind":"analyze","contents":["I like it."]}"#;
    let mut world = world();
    let first = keyed(&mut world, "a", "/jobs", body);
    let first = world.reply(first);
    let mut next = successor(world);
    let second = keyed(&mut next, "a", "/jobs", body);
    let second = next.reply(second);
    assert_eq!((first.status, &first.body), (202, &second.body));
    assert_eq!(second.status, 202);
    assert_eq!(first.field("location"), second.field("location"));
    assert!(first.field("location").is_some());
    assert!(is_replayed(&second) && !is_replayed(&first));
    assert_eq!(next.store.jobs.jobs.len(), 1);
    let other = keyed(&mut next, "a", "/jobs", &body.replace("like", "hate"));
    let other = next.reply(other).problem();
    assert_eq!(other, (422, "idempotency_key_reused".to_owned()));
    let statuses: Vec<u16> = next.store.requests.values().map(|row| row.status).collect();
    assert_eq!(statuses, [202, 202]);
    next.pass(5_000);
    assert_eq!(next.store.analyses.len(), 1);
    over(next);
}

#[test]
fn a_job_that_could_not_be_stored_leaves_its_key_free() {
    let body = r#"{"kind":"report"}"#;
    let mut world = world();
    world.held = vec![Kind::Write];
    let first = keyed(&mut world, "a", "/jobs", body);
    world.work(0); // the claim
    world.settle();
    let path = "maitred.db".into();
    let full = WorkResult::Written(Err(StoreError::Full { path }));
    world.fail_work(0, full);
    world.settle();
    world.held.clear();
    assert_eq!(world.reply(first).problem().1, "store_full");
    world.pass(2_000);
    let second = keyed(&mut world, "a", "/jobs", body);
    let second = world.reply(second);
    assert!(second.status == 202 && !is_replayed(&second), "{second:?}");
    assert_eq!(world.store.jobs.jobs.len(), 1);
}

#[test]
fn what_a_provider_gives_as_a_whole_is_kept_too() {
    let vectors = r#"{"data":[{"embedding":[0.5]}],"usage":{"prompt_tokens":1,"total_tokens":1}}"#;
    let content = r#"{"content":"Green tea is good.","method":"provider"}"#;
    for (path, body, said) in [
        (
            "/v1/embeddings",
            r#"{"model":"m","input":"a"}"#,
            answer(200, "", vectors),
        ),
        ("/keywords/", content, whole("green tea, good")),
        (
            "/v1/chat/completions",
            &CHAT.replace("true", "false"),
            whole("Tea."),
        ),
    ] {
        let mut world = world();
        let first = keyed(&mut world, "a", path, body);
        world.answer(said);
        let first = world.reply(first);
        let second = keyed(&mut world, "a", path, body);
        let second = world.reply(second);
        assert_eq!((first.status, &first.body), (200, &second.body), "{path}");
        assert!(is_replayed(&second));
        over(world);
    }
}

#[test]
fn an_equal_request_waits_for_the_first_and_another_one_is_refused() {
    for (path, body, said) in [
        ("/generate/", TEA, whole("Tea.")),
        ("/v1/chat/completions", CHAT, openai::stream(&["Tea."])),
    ] {
        let mut world = world();
        let first = keyed(&mut world, "a", path, body);
        let second = keyed(&mut world, "a", path, body);
        let other = keyed(&mut world, "a", path, &body.replace("ea", "oast"));
        let elsewhere = keyed(&mut world, "b", path, body);
        assert_eq!(
            world.reply(other).status,
            if path == "/generate/" { 422 } else { 400 }
        );
        assert!(world.is_quiet(second));
        world.serve(said);
        let (first, second) = (world.reply(first), world.reply(second));
        assert_eq!(first.body, second.body);
        assert!(is_replayed(&second) && !is_replayed(&world.reply(elsewhere)));
        assert_eq!(world.metric("calls_total"), 2.0, "one for each key");
        over(world);
    }
}

#[test]
fn a_key_is_remembered_with_its_request() {
    let mut world = world();
    keyed(&mut world, "a", "/generate/", TEA);
    world.answer(whole("Tea."));
    let other = keyed(&mut world, "a", "/generate/", STREAMED);
    let refused = world.reply(other).problem();
    assert_eq!(refused, (422, "idempotency_key_reused".to_owned()));
    // On another route it is another key.
    let other = keyed(
        &mut world,
        "a",
        "/analyze/",
        r#"{"content":"Tea is good."}"#,
    );
    assert_eq!(world.reply(other).status, 200);
    over(world);
}

#[test]
fn a_failure_frees_the_key_and_the_next_in_line_asks_again() {
    let mut world = world();
    let first = keyed(&mut world, "a", "/generate/", TEA);
    let second = keyed(&mut world, "a", "/generate/", TEA);
    world.answer(answer(500, "", "{}"));
    assert_eq!(world.reply(first).status, 502);
    world.settle();
    world.answer(whole("Tea."));
    let second = world.reply(second);
    assert_eq!((second.status, is_replayed(&second)), (200, false));
    over(world);
}

#[test]
fn a_failure_that_nobody_waits_for_frees_the_key() {
    let mut world = world();
    let first = keyed(&mut world, "a", "/generate/", TEA);
    world.answer(answer(500, "", "{}"));
    assert_eq!(world.reply(first).status, 502);
    assert!(world.store.keys.0.is_empty());
    let second = keyed(&mut world, "a", "/generate/", TEA);
    world.answer(whole("Tea."));
    assert!(!is_replayed(&world.reply(second)));
    over(world);
}

#[test]
fn a_client_that_leaves_and_a_text_that_is_cut_free_the_key() {
    for (path, body) in [("/generate/", STREAMED), ("/v1/chat/completions", CHAT)] {
        let mut world = world();
        let first = keyed(&mut world, "a", path, body);
        world.answer([STREAM, &word("Tea")].concat());
        world.end(first);
        world.pass(20_000);
        assert!(
            world.store.keys.0.is_empty(),
            "{path}: {:?}",
            world.store.keys
        );

        let second = keyed(&mut world, "a", path, body);
        world.answer([STREAM, &word("Tea"), openai::END].concat());
        assert!(world.reply(second).body.contains("error"), "{path}");
        assert!(
            world.store.keys.0.is_empty(),
            "{path}: {:?}",
            world.store.keys
        );
        over(world);
    }
}

#[test]
fn who_leaves_the_line_takes_nothing_from_the_others() {
    let mut world = world();
    let first = keyed(&mut world, "a", "/generate/", TEA);
    let line: Vec<_> = (0..KEY_WAITERS)
        .map(|_| keyed(&mut world, "a", "/generate/", TEA))
        .collect();
    let late = keyed(&mut world, "a", "/generate/", TEA);
    let late = world.reply(late);
    assert_eq!(late.field("retry-after"), Some("1"));
    assert_eq!(late.problem(), (409, "idempotency_key_in_use".to_owned()));
    world.end(line[0]);
    world.end(first);
    world.settle();
    world.serve(whole("Tea."));
    assert!(
        !is_replayed(&world.reply(line[1])),
        "the next one was the first"
    );
    assert!(is_replayed(&world.reply(line[2])));
    over(world);
}

#[test]
fn a_client_that_leaves_while_its_rows_are_written_gets_that_answer_when_it_comes_again() {
    let mut world = world();
    world.held.push(Kind::Write);
    let first = world.ask(request("a", "/generate/", TEA));
    world.work(0); // the claim
    world.settle();
    world.answer(whole("Tea."));
    world.end(first);
    world.held.clear();
    world.settle();
    let second = keyed(&mut world, "a", "/generate/", TEA);
    assert!(is_replayed(&world.reply(second)));
    assert_eq!(world.store.texts.len(), 1);
    over(world);
}

#[test]
fn an_answer_outlives_the_process_and_goes_with_its_text() {
    let mut world = world();
    let first = keyed(&mut world, "a", "/generate/", TEA);
    world.answer(whole("Tea."));
    let first = world.reply(first);
    let mut next = successor(world);
    let second = keyed(&mut next, "a", "/generate/", TEA);
    assert_eq!(next.reply(second).body, first.body);

    let id = next.store.text().id;
    next.ask(format!(
        "DELETE /contents/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ));
    assert!(next.store.keys.0.is_empty());
}

#[test]
fn the_key_of_a_process_that_was_killed_is_free_after_its_lease() {
    let mut world = world();
    keyed(&mut world, "a", "/generate/", TEA);
    let mut next = successor(world);
    let early = keyed(&mut next, "a", "/generate/", TEA);
    let refused = next.reply(early).problem();
    assert_eq!(refused, (409, "idempotency_key_in_use".to_owned()));
    next.pass(KEY_LEASE_MS);
    let late = keyed(&mut next, "a", "/generate/", TEA);
    next.answer(whole("Tea."));
    assert_eq!(next.reply(late).status, 200);
}

#[test]
fn a_process_that_lives_keeps_its_keys_however_long_it_takes() {
    let mut world = world();
    let first = keyed(&mut world, "a", "/generate/", STREAMED);
    for _ in 0..4 {
        world.pass(KEY_LEASE_MS / 2);
        let row = world.store.keys.0.keys().next().unwrap().clone();
        let claim = claim(row, world.now.wall_ms);
        let mut elsewhere = world.store.clone();
        let claimed = elsewhere.write(claim);
        assert_eq!(
            claimed,
            crate::store::Written::Claimed(crate::store::Claimed::Busy)
        );
    }
    world.end(first);
    world.settle();
}

fn claim(scope: KeyScope, now_ms: i64) -> Write {
    use sha2::Digest;
    let request = sha2::Sha256::new()
        .chain_update("/generate/\0\0\0")
        .chain_update(STREAMED);
    Write::Keys(Box::new(KeyChange::Claim {
        scope,
        fingerprint: request.finalize().into(),
        owner: Uuid::from_u128(7),
        now_ms,
    }))
}

#[test]
fn a_key_is_short_and_plain() {
    let long = "k".repeat(256);
    for key in ["", &long, "caf\u{e9}", "a\r\nIdempotency-Key: b"] {
        let mut world = world();
        let client = keyed(&mut world, key, "/generate/", TEA);
        let refused = world.reply(client).problem();
        assert_eq!(refused, (400, "invalid_header".to_owned()), "{key:?}");
    }
    let mut world = world();
    let reads =
        world.ask("GET /contents HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: a\r\n\r\n");
    assert_eq!(world.reply(reads).status, 200, "elsewhere it means nothing");
    assert!(world.store.keys.0.is_empty());
}

#[test]
fn without_the_store_no_key_is_taken_and_a_late_store_is_told() {
    let mut world = world();
    world.held.push(Kind::Write);
    let away = keyed(&mut world, "a", "/generate/", TEA);
    world.return_work(0, StoreError::TimedOut);
    world.settle();
    assert_eq!(world.reply(away).status, 503);

    let mut world = self::world();
    world.held.push(Kind::Write);
    let late = keyed(&mut world, "a", "/generate/", TEA);
    world.pass(6_000);
    assert_eq!(
        world.reply(late).problem(),
        (503, "store_timeout".to_owned())
    );
    world.held.clear();
    world.settle();
    assert!(
        world.store.keys.0.is_empty(),
        "the claim came, and was given up"
    );
    over(world);
}
