//! `/contents/export`

use super::World;
use super::contents::with_texts;
use crate::engine::ConnId;
use crate::engine::work::{Kind, WorkResult};
use crate::store::StoreError;

const EXPORT: &str = "GET /contents/export HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The topics in the lines of an export.
fn topics(lines: &str) -> Vec<String> {
    (lines.lines())
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|row| row["topic"].as_str().unwrap().to_owned())
        .collect()
}

fn took(world: &World, client: ConnId) -> String {
    String::from_utf8(world.sockets[&client].got.clone()).unwrap()
}

#[test]
fn all_texts_are_lines_the_oldest_first() {
    let mut world = with_texts(5);
    let reply = world.get("/contents/export");
    assert_eq!(reply.field("content-type"), Some("application/x-ndjson"));
    let name = reply.field("content-disposition");
    assert_eq!(name, Some("attachment; filename=\"contents.ndjson\""));
    assert_eq!(
        topics(&reply.body),
        ["tea 0", "tea 1", "tea 2", "tea 3", "tea 4"]
    );
    // Each line is what a look at the text says.
    let row = world.store.texts.values().next().unwrap();
    let one = format!("/contents/{}", row.id);
    let line = reply.body.lines().next().unwrap().to_owned();
    assert_eq!(line, world.get(&one).body);
}

#[test]
fn an_empty_store_is_an_empty_file() {
    let mut world = World::new("");
    let reply = world.get("/contents/export");
    assert_eq!((reply.status, reply.body.as_str()), (200, ""));
}

#[test]
fn the_connection_goes_on_and_a_head_has_no_lines() {
    let mut world = with_texts(3);
    let client = world.ask([EXPORT, EXPORT].concat());
    let first = world.reply(client);
    assert_eq!(first, world.reply(client));
    let head = EXPORT.replace("GET", "HEAD");
    let client = world.ask([&head, EXPORT].concat());
    assert_eq!(world.reply_to_head(client).body, "");
    assert_eq!(world.reply(client).body, first.body);
}

#[test]
fn old_clients_read_until_the_connection_is_closed() {
    let mut world = with_texts(3);
    let client = world.ask(EXPORT.replace("HTTP/1.1", "HTTP/1.0"));
    assert!(world.is_over(client));
    let reply = world.reply(client);
    assert_eq!(reply.field("transfer-encoding"), None);
    assert_eq!(topics(&reply.body).len(), 3);
}

#[test]
fn texts_that_come_while_it_goes_on_are_not_part_of_it() {
    let mut world = with_texts(3);
    world.held = vec![Kind::Read];
    let client = world.ask(EXPORT);
    let other = world.post("/generate/", r#"{"topic":"newer"}"#);
    world.pass(30_000);
    assert_eq!(world.reply(other).status, 200);
    world.held.clear();
    world.settle();
    // The store was held for longer than it may take.
    assert_eq!(world.reply(client).problem().1, "store_timeout");

    let client = world.client();
    world.sockets.get_mut(&client).unwrap().stalled = true;
    world.send(client, EXPORT);
    let last = world.post("/generate/", r#"{"topic":"newest"}"#);
    world.pass(20_000);
    assert_eq!(world.reply(last).status, 200);
    world.sockets.get_mut(&client).unwrap().stalled = false;
    world.settle();
    assert!(!took(&world, client).contains("newest"));
}

#[test]
fn a_store_that_fails_at_once_is_an_answer_of_its_own() {
    let mut world = with_texts(1);
    world.held = vec![Kind::Read];
    let client = world.ask(EXPORT);
    let error = StoreError::Corrupt { path: "a".into() };
    world.fail_work(0, WorkResult::Found(Err(error)));
    world.settle();
    assert_eq!(
        world.reply(client).problem(),
        (503, "store_corrupt".to_owned())
    );
    assert!(!world.is_over(client));
}

/// A file that is too short must not look like a whole one.
#[test]
fn a_failure_in_the_middle_cuts_the_connection() {
    let error = StoreError::Corrupt { path: "a".into() };
    let failed = WorkResult::Found(Err(error));
    for result in [Some(failed), Some(WorkResult::Panicked), None] {
        let mut world = with_texts(5);
        world.held = vec![Kind::Read];
        let client = world.ask(EXPORT);
        world.work(0);
        world.settle();
        match result {
            Some(result) => world.fail_work(0, result),
            None => world.pass(5_001),
        }
        world.settle();
        assert!(world.sockets[&client].closed.is_some());
        let got = took(&world, client);
        assert!(
            got.contains("tea 1") && !got.ends_with("0\r\n\r\n"),
            "{got}"
        );
        let failures = world.engine.notices().count();
        assert_eq!(failures, 1, "the log says why");
    }
}

#[test]
fn a_client_that_does_not_read_holds_no_more_than_its_buffer() {
    let mut world = World::new("");
    let row = with_texts(1).store.text().clone();
    for n in 0..64u128 {
        let id = uuid::Uuid::from_u128(row.id.as_u128() - n);
        let text = "All about tea. ".repeat(20_000);
        let text = crate::store::TextRow {
            id,
            text,
            ..row.clone()
        };
        world.store.texts.insert(id, text);
    }
    let client = world.client();
    world.sockets.get_mut(&client).unwrap().stalled = true;
    world.send(client, EXPORT);
    let used = world.metric("ledger_bytes");
    assert!(used < 1_500_000.0, "{used} bytes for 19 MB of texts");
    assert_eq!(
        world.jobs.len(),
        0,
        "the store is not asked for what nobody takes"
    );
    world.sockets.get_mut(&client).unwrap().stalled = false;
    world.settle();
    assert_eq!(topics(&world.reply(client).body).len(), 64);
    assert_eq!(world.metric("ledger_bytes"), 0.0);
}

#[test]
fn a_parameter_is_refused_and_not_overlooked() {
    let mut world = World::new("");
    let reply = world.get("/contents/export?topic=tea");
    assert_eq!(reply.problem(), (422, "invalid_parameter".to_owned()));
    assert_eq!(reply.json()["field"], "topic");
}
