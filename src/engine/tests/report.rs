//! Reports: what stored texts are like, counted in the background.

use serde_json::Value;

use super::World;
use super::contents::texts_into;
use super::world::{Reply, SIZES};
use crate::engine::work::{Kind, Work, WorkResult};
use crate::limits::jobs::{JOB_LEASE_MS, JOB_POLL_MS, REPORT_NOTE_MS};
use crate::store::{ItemRow, ItemState, Query, StoreError};

/// One item at a time: while there is a report, nobody looks for others.
const ONE: &str = "[jobs]\nparallel = 1\n";

/// A store with texts about `tea 0`, `tea 1` and so on.
fn with_texts(n: usize) -> World {
    let mut world = World::new(ONE);
    texts_into(&mut world, n);
    world
}

/// Asks for a report; its path.
fn make(world: &mut World, body: &str) -> String {
    let client = world.post("/jobs", body);
    let reply = world.reply(client);
    assert_eq!(reply.status, 202, "{}", reply.body);
    format!("/jobs/{}", reply.json()["id"].as_str().unwrap())
}

/// What comes of it.
fn report(world: &mut World, body: &str) -> Value {
    let path = make(world, body);
    world.pass(JOB_POLL_MS);
    let page = world.get(&path).json();
    assert_eq!(
        (&page["kind"], &page["state"]),
        (&"report".into(), &"done".into())
    );
    let item = &page["results"][0];
    assert_eq!(
        (&item["state"], &item["id"]),
        (&"done".into(), &Value::Null)
    );
    item["result"].clone()
}

fn cancel(world: &mut World, path: &str) -> Reply {
    let client = world.ask(format!("DELETE {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    world.reply(client)
}

/// Where the question for a page is.
fn page_asked(world: &World) -> Option<usize> {
    let is_page = |work: &Work| matches!(work, Work::Read(Query::Survey { .. }));
    world.jobs.iter().position(|(_, work)| is_page(work))
}

fn item(world: &World) -> &ItemRow {
    &world.store.jobs.items.values().next().unwrap().row
}

#[test]
fn all_texts_are_counted_page_by_page() {
    let mut world = with_texts(5);
    let said = report(&mut world, r#"{"kind":"report","top":2}"#);
    assert_eq!((&said["texts"], &said["unscored"]), (&5.into(), &0.into()));
    assert_eq!(said["figures"]["flesch_reading_ease"]["texts"], 5);
    assert_eq!(said["topics"].as_array().unwrap().len(), 2);
    assert_eq!(said["other_topics"]["texts"], 3);
    assert_eq!(said["times"][0]["from"], "2023-11-14T00:00:00.000Z");
    assert_eq!(said["times"][0]["texts"], 5);
}

#[test]
fn a_report_is_about_what_was_asked_for() {
    let mut world = with_texts(3);
    let of_topic = report(&mut world, r#"{"kind":"report","topic":" TEA 2 "}"#);
    assert_eq!(
        (&of_topic["texts"], &of_topic["read"]),
        (&1.into(), &1.into())
    );
    assert_eq!(of_topic["topics"][0]["topic"], "tea 2");
    let later = r#"{"kind":"report","from":"2023-11-15T00:00:00Z"}"#;
    let later = report(&mut world, later);
    assert_eq!((&later["texts"], &later["read"]), (&0.into(), &3.into()));
    assert_eq!(later["from"], "2023-11-15T00:00:00.000Z");
    assert_eq!(later["figures"]["compound"]["mean"], Value::Null);
}

#[test]
fn texts_that_come_while_it_goes_on_are_not_part_of_it() {
    let mut world = with_texts(3);
    world.held.push(Kind::Read);
    let path = make(&mut world, r#"{"kind":"report"}"#);
    world.pass(1_000);
    texts_into(&mut world, 2);
    world.held.clear();
    world.pass(JOB_POLL_MS);
    let page = world.get(&path).json();
    assert_eq!(page["results"][0]["result"]["texts"], 3);
    assert_eq!(world.store.texts.len(), 5);
}

#[test]
fn how_far_it_is_can_be_seen_and_whoever_takes_it_over_goes_on_there() {
    let mut world = with_texts(5);
    world.held.push(Kind::Read);
    let path = make(&mut world, r#"{"kind":"report"}"#);
    world.pass(REPORT_NOTE_MS + 1_000);
    world.work(page_asked(&world).unwrap());
    world.settle();
    assert!(page_asked(&world).is_some(), "the second page");
    // It dies. What was counted is not read again.
    let mut next = World::with(ONE, SIZES, 2);
    next.store = std::mem::take(&mut world.store);
    next.now = world.now;
    let page = next.get(&path).json();
    let so_far = &page["results"][0];
    assert_eq!(
        (&so_far["state"], &page["done"]),
        (&"running".into(), &0.into())
    );
    assert_eq!(so_far["result"]["read"], 2);
    let counted: Vec<_> = next.store.texts.keys().take(2).copied().collect();
    counted
        .iter()
        .for_each(|id| drop(next.store.texts.remove(id)));
    next.pass(JOB_LEASE_MS + 2 * JOB_POLL_MS);
    let page = next.get(&path).json();
    assert_eq!((&page["state"], &page["done"]), (&"done".into(), &1.into()));
    assert_eq!(page["results"][0]["result"]["texts"], 5);
    assert_eq!(page["results"][0]["attempts"], 2);
}

#[test]
fn a_report_that_is_cancelled_reads_no_more() {
    let mut world = with_texts(5);
    world.held.push(Kind::Read);
    let path = make(&mut world, r#"{"kind":"report"}"#);
    world.pass(1_000);
    assert!(page_asked(&world).is_some());
    assert_eq!(cancel(&mut world, &path).json()["state"], "cancelled");
    world.work(page_asked(&world).unwrap());
    world.pass(JOB_LEASE_MS);
    assert_eq!(page_asked(&world), None);
    assert_eq!(
        (item(&world).state, &item(&world).result),
        (ItemState::Cancelled, &None)
    );
}

#[test]
fn one_that_somebody_else_has_by_now_is_let_go() {
    let mut world = with_texts(5);
    world.held.push(Kind::Read);
    make(&mut world, r#"{"kind":"report"}"#);
    world.pass(REPORT_NOTE_MS + 1_000);
    let item = world.store.jobs.items.values_mut().next().unwrap();
    item.owner = Some(uuid::Uuid::nil());
    item.due_ms = Some(i64::MAX);
    world.work(page_asked(&world).unwrap());
    world.settle();
    assert_eq!(page_asked(&world), None);
    assert_eq!(world.metric("job_items_total{what=\"lost\"}"), 1.0);
}

#[test]
fn a_page_that_cannot_be_read_is_asked_for_again() {
    let mut world = with_texts(3);
    world.held.push(Kind::Read);
    make(&mut world, r#"{"kind":"report"}"#);
    world.pass(1_000);
    let path = "maitred.db".into();
    let busy = WorkResult::Found(Err(StoreError::Busy { path }));
    world.fail_work(page_asked(&world).unwrap(), busy);
    world.held.clear();
    world.pass(10_000);
    assert_eq!(
        (item(&world).state, item(&world).attempts),
        (ItemState::Done, 2)
    );
}
