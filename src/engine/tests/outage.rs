//! What somebody was told while the store was away is no news for others: rows that can wait in the
//! journal do, whatever became of what cannot.

use super::World;
use super::contents::texts_into;
use crate::engine::work::Kind;
use crate::limits::{KEY_BEAT_MS, RETENTION_MS};
use crate::store::StoreError;

const TEA: &str = r#"{"topic":"tea"}"#;
const QUICK: &str = "[offline]\ngap_ms = 0\ntokens = 20\n";
const DEGRADED: &str = "degraded: the database takes no rows, and rows wait in the journal\n";

fn full() -> StoreError {
    let path = "maitred.db".into();
    StoreError::Full { path }
}

fn ready(world: &mut World) -> (u16, String) {
    let reply = world.get("/readyz");
    (reply.status, reply.body)
}

fn request(head: &str, body: &str) -> String {
    let length = body.len();
    format!("{head}\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// The one write that the store has been given fails, and the next ones are held.
fn fails(world: &mut World) {
    assert_eq!(world.jobs.len(), 1, "{:?}", world.jobs);
    world.return_work(0, full());
    world.settle();
}

fn texts_are_kept(world: &mut World) {
    assert_eq!(ready(world), (200, DEGRADED.into()));
    let client = world.post("/generate/", TEA);
    let reply = world.reply(client);
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.json()["stored_in"], "journal");
    assert_eq!(ready(world), (200, DEGRADED.into()));
}

#[test]
fn a_request_that_cannot_wait_in_the_journal_fails_alone() {
    let json = "Content-Type: application/json";
    let text = r#"{"id":"0190d6a5-6f27-7ad0-8a5e-000000000001","topic":"tea","text":"Tea."}"#;
    for ask in [
        request(
            &format!("POST /jobs HTTP/1.1\r\n{json}"),
            r#"{"kind":"generate","topics":["a"]}"#,
        ),
        request(
            "POST /contents/import HTTP/1.1\r\nContent-Type: application/x-ndjson",
            text,
        ),
        request(
            "DELETE /contents/0190d6a5-6f27-7ad0-8a5e-000000000001 HTTP/1.1",
            "",
        ),
        request(
            &format!("POST /analyze/ HTTP/1.1\r\n{json}\r\nIdempotency-Key: one"),
            r#"{"content":"I like it."}"#,
        ),
    ] {
        let mut world = World::new(&format!("[jobs]\nparallel = 0\n{QUICK}"));
        world.held = vec![Kind::Write];
        let client = world.ask(&ask);
        fails(&mut world);
        assert_eq!(world.reply(client).problem(), (507, "store_full".into()));
        texts_are_kept(&mut world);
    }
}

#[test]
fn neither_do_texts_pay_for_a_job_that_nobody_can_take_in_hand() {
    let mut world = World::new(QUICK);
    world.held = vec![Kind::Write];
    let client = world.post("/jobs", r#"{"kind":"generate","topics":["a"]}"#);
    world.work(0);
    world.settle();
    assert_eq!(world.reply(client).status, 202);
    fails(&mut world); // who takes it?
    texts_are_kept(&mut world);
}

#[test]
fn nor_for_rows_that_cannot_be_removed() {
    let config = format!("[jobs]\nparallel = 0\n[retention]\nrequests_days = 1\n{QUICK}");
    let mut world = World::new(&config);
    texts_into(&mut world, 1);
    world.jump(world.now.mono.plus_ms(24 * 60 * 60 * 1000 + 5_000));
    world.held = vec![Kind::Write];
    world.pass(RETENTION_MS);
    fails(&mut world);
    texts_are_kept(&mut world);
}

#[test]
fn nor_for_a_key_that_cannot_be_renewed() {
    let mut world = World::new(&format!("[jobs]\nparallel = 0\n{}", super::PROVIDER));
    let head = "POST /generate/ HTTP/1.1\r\nContent-Type: application/json\r\nIdempotency-Key: one";
    let _waits = world.ask(request(head, TEA));
    world.held = vec![Kind::Write];
    world.pass(KEY_BEAT_MS);
    while !world.jobs.is_empty() {
        world.return_work(0, full()); // and those whose time is over are not forgotten
    }
    assert_eq!(ready(&mut world), (200, DEGRADED.into()));
    let client = world.post("/analyze/", r#"{"content":"I like it."}"#);
    assert_eq!(world.reply(client).status, 200);
}

/// What the database refuses is a bug of ours, and no reason to send texts elsewhere.
#[test]
fn a_job_that_is_refused_is_no_trouble_of_others() {
    let mut world = World::new(QUICK);
    world.held = vec![Kind::Write];
    let client = world.post("/jobs", r#"{"kind":"generate","topics":["a"]}"#);
    let (path, reason) = ("maitred.db".into(), "no".into());
    world.return_work(0, StoreError::Failed { path, reason });
    world.settle();
    assert_eq!(world.reply(client).problem().1, "store_failed");
    assert_eq!(ready(&mut world), (200, "ready\n".into()));
    world.held.clear();
    let client = world.post("/generate/", TEA);
    assert_eq!(world.reply(client).json()["stored"], true);
}

/// Without a journal a row that was lost is news for all, for as long as they are turned away for it.
#[test]
fn readiness_says_what_is_true_now() {
    let mut world = World::new(&format!("durable = \"strict\"\n{QUICK}"));
    world.held = vec![Kind::Write];
    let client = world.post("/generate/", TEA);
    fails(&mut world);
    assert_eq!(world.reply(client).problem(), (507, "store_full".into()));
    let refused = (503, "not ready: the store takes no rows\n".into());
    assert_eq!(ready(&mut world), refused);
    let client = world.post("/generate/", TEA);
    assert_eq!(world.reply(client).problem(), (507, "store_full".into()));
    world.pass(1_000);
    assert_eq!(ready(&mut world), (200, "ready\n".into()));
    let client = world.post("/generate/", TEA);
    fails(&mut world);
    assert_eq!(world.reply(client).status, 507);
    assert_eq!(ready(&mut world), refused);
}
