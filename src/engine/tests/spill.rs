//! The way of rows by the spill journal, as clients see it.

use super::World;
use crate::engine::ConnId;
use crate::engine::work::Kind;
use crate::store::StoreError;

const TEA: &str = r#"{"topic":"tea"}"#;

fn busy() -> StoreError {
    let path = "maitred.db".into();
    StoreError::Busy { path }
}

/// A world whose store was found to be locked; the text that found out is answered.
fn locked(config: &str) -> (World, ConnId) {
    let mut world = World::new(config);
    world.held = vec![Kind::Write];
    let client = world.post("/generate/", TEA);
    world.return_work(0, busy());
    world.settle();
    (world, client)
}

#[test]
fn a_row_that_comes_back_goes_to_the_journal_and_its_client_is_told_where_it_is() {
    let (mut world, client) = locked("[offline]\ngap_ms = 0\ntokens = 20\n");
    let first = world.reply(client).json();
    assert_eq!(
        (&first["stored"], &first["stored_in"]),
        (&true.into(), &"journal".into())
    );
    // The next one does not ask the store first.
    let client = world.post("/generate/", r#"{"topic":"coffee","stream":true}"#);
    world.pass(200);
    let done = world.events(client).pop().unwrap();
    assert_eq!(
        (done.name.as_str(), &done.data["stored_in"]),
        ("done", &"journal".into())
    );
    assert_eq!(world.metric("journal_rows"), 2.0);
    assert!(world.jobs.is_empty() && world.store.texts.is_empty());
    let ready = world.get("/readyz");
    let why = "degraded: the database takes no rows, and rows wait in the journal\n";
    assert_eq!((ready.status, &*ready.body), (200, why));
    // It is there for whoever asks, and for whoever lists.
    let id = first["id"].as_str().unwrap();
    let row = world.get(&format!("/contents/{id}")).json();
    assert_eq!(row["text"], first["generated_text"]);
    assert_eq!(
        world.get("/contents").json()["contents"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn it_comes_to_the_store_when_that_takes_rows_again_and_once() {
    let (mut world, client) = locked("");
    world.reply(client);
    world.pass(300);
    assert_eq!(world.jobs.len(), 1, "the first try");
    world.return_work(0, busy());
    world.pass(400);
    assert!(world.jobs.is_empty(), "the wait is longer now");
    world.pass(200);
    world.held.clear();
    world.work(0);
    world.settle();
    assert_eq!(
        (world.store.texts.len(), world.store.requests.len()),
        (1, 1)
    );
    assert_eq!(
        (world.metric("journal_rows"), world.metric("database_away")),
        (0.0, 0.0)
    );
    // And what comes now does not take the detour.
    let client = world.post("/generate/", r#"{"topic":"coffee"}"#);
    assert_eq!(world.reply(client).json().get("stored_in"), None);
}

#[test]
fn a_text_that_waits_can_be_deleted_and_does_not_come_back() {
    let (mut world, client) = locked("");
    let answer = world.reply(client).json();
    let path = format!("/contents/{}", answer["id"].as_str().unwrap());
    let delete = format!("DELETE {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let client = world.ask(&delete);
    assert_eq!(world.reply(client).status, 204);
    assert_eq!(world.get(&path).status, 404);
    let client = world.ask(&delete);
    assert_eq!(world.reply(client).status, 404, "twice is once too often");
    world.held.clear();
    world.pass(1_000);
    assert_eq!(
        (world.metric("journal_rows"), world.store.texts.len()),
        (0.0, 0)
    );
    assert_eq!(world.get(&path).status, 404);
}

#[test]
fn what_was_there_before_is_still_the_store_s_to_read_and_to_delete() {
    let mut world = World::new("");
    let client = world.post("/generate/", TEA);
    let path = format!(
        "/contents/{}",
        world.reply(client).json()["id"].as_str().unwrap()
    );
    world.held = vec![Kind::Write];
    let client = world.post("/generate/", r#"{"topic":"coffee"}"#);
    world.return_work(0, busy());
    world.settle();
    world.reply(client);
    assert_eq!(world.get(&path).status, 200);
    world.held.clear();
    let client = world.ask(format!("DELETE {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_eq!(world.reply(client).status, 204);
    assert_eq!(world.get(&path).status, 404);
}

#[test]
fn with_strict_the_row_is_lost_and_its_client_is_told_so() {
    let (mut world, client) = locked("durable = \"strict\"\n");
    assert_eq!(world.reply(client).problem(), (503, "store_busy".into()));
    assert_eq!(world.metric("rows_lost_total"), 1.0);
    assert_eq!(world.metric("journal_rows"), 0.0);
}

#[test]
fn a_shutdown_waits_for_rows_that_go_to_the_journal_and_not_for_the_store() {
    let mut world = World::new("");
    world.held = vec![Kind::Write, Kind::Journal];
    let client = world.post("/generate/", TEA);
    world.feed(crate::engine::io::Input::Shutdown);
    world.return_work(0, busy());
    world.settle();
    assert!(!world.engine.is_finished());
    world.work(0);
    world.settle();
    assert_eq!(world.reply(client).json()["stored_in"], "journal");
    world.end(client);
    world.pass(1_000);
    assert!(world.engine.is_finished() && world.jobs.is_empty());
}
