//! `POST /analyze/`

use super::{World, post};
use crate::engine::io::Gone;
use crate::engine::work::{Kind, WorkResult};
use crate::store::{RequestOutcome, StoreError};

const TEXT: &str = r#"{"content":"The food was great!"}"#;

fn held(world: &mut World, kind: Kind) -> crate::engine::ConnId {
    world.held = vec![kind];
    let client = world.post("/analyze/", TEXT);
    assert_eq!(world.jobs.len(), 1);
    client
}

#[test]
fn a_text_is_scored_stored_and_answered() {
    let mut world = World::new("");
    let client = world.post("/analyze/", TEXT);
    let reply = world.reply(client).json();
    assert_eq!(reply["sentiment"]["label"], "positive");
    assert_eq!(reply["readability"]["label"], "very easy");
    let row = world.store.analyses.values().next().unwrap();
    assert_eq!(reply["id"], row.id.to_string());
    assert_eq!(row.content, "The food was great!");
    assert_eq!(world.store.request().outcome, RequestOutcome::Ok);
}

#[test]
fn a_long_text_is_parsed_on_a_thread() {
    let mut world = World::new("");
    world.held = vec![Kind::Parse];
    let text = "The food was great! ".repeat(5_000);
    let client = world.post("/analyze/", &format!(r#"{{"content":"{text}"}}"#));
    assert_eq!(world.jobs[0].1.kind(), Kind::Parse);
    world.held.clear();
    world.settle();
    assert_eq!(world.reply(client).status, 200);

    let client = world.post("/analyze/", &format!(r#"{{"content":"{text}","x":1}}"#));
    assert_eq!(
        world.reply(client).problem(),
        (422, "unknown_field".to_owned())
    );
}

#[test]
fn when_no_scorer_is_free_the_client_is_told_to_try_again() {
    no_scorer_is_free("/analyze/", TEXT);
}

/// Three clients ask for a text to be looked at, and the only scorer does not get on.
pub(super) fn no_scorer_is_free(path: &str, text: &str) {
    let mut world = World::new("");
    world.held = vec![Kind::Score];
    // Two pieces are with the only scorer; the third one waits.
    let clients: Vec<_> = (0..3).map(|_| world.post(path, text)).collect();
    world.pass(1_001);
    let reply = world.reply(clients[2]);
    assert_eq!(reply.problem(), (503, "scorer_timeout".to_owned()));
    assert_eq!(reply.field("retry-after"), Some("1"));
    assert!(
        world.is_quiet(clients[0]),
        "a scorer that has begun gets more time"
    );
    world.pass(5_000);
    assert_eq!(world.reply(clients[0]).status, 503);
    let outcomes = world.store.requests.values().map(|row| row.outcome);
    assert!(outcomes.eq([RequestOutcome::TimedOut; 3]));
}

#[test]
fn a_scorer_that_panics_fails_this_request_and_no_other() {
    let mut world = World::new("");
    let client = held(&mut world, Kind::Score);
    world.fail_work(0, WorkResult::Panicked);
    world.held.clear();
    world.settle();
    assert_eq!(
        world.reply(client).problem(),
        (500, "worker_panicked".to_owned())
    );
    assert_eq!(world.store.request().outcome, RequestOutcome::Failed);
    world.send(client, post("/analyze/", TEXT));
    assert_eq!(world.reply(client).status, 200, "the connection goes on");
}

#[test]
fn what_cannot_be_stored_is_not_acknowledged() {
    let path = || "maitred.db".into();
    for (error, status) in [
        (StoreError::Full { path: path() }, 507),
        (StoreError::Busy { path: path() }, 503),
    ] {
        let mut world = World::new("");
        let client = held(&mut world, Kind::Write);
        assert!(world.is_quiet(client));
        world.fail_work(0, WorkResult::Written(Err(error)));
        world.settle();
        assert_eq!(world.reply(client).status, status);
        assert_eq!(world.metric("rows_lost_total"), 1.0);
    }
    let mut world = World::new("");
    let client = held(&mut world, Kind::Write);
    world.pass(5_001);
    assert_eq!(
        world.reply(client).problem(),
        (503, "store_timeout".to_owned())
    );
}

#[test]
fn a_client_that_leaves_stops_the_scorer_and_leaves_one_row() {
    let mut world = World::new("");
    let client = held(&mut world, Kind::Score);
    world.end(client);
    world.held.clear();
    world.settle();
    assert!(world.store.analyses.is_empty());
    assert_eq!(world.store.request().outcome, RequestOutcome::ClientGone);
}

#[test]
fn a_client_that_leaves_while_its_rows_are_written_leaves_no_second_row() {
    let mut world = World::new("");
    let client = held(&mut world, Kind::Write);
    world.reset(client, Gone::Reset);
    world.held.clear();
    world.settle();
    assert_eq!(world.store.analyses.len(), 1);
    assert_eq!(world.store.request().outcome, RequestOutcome::Ok);
    world.holds_nothing();
}

#[test]
fn bodies_that_are_wrong_name_what_is_wrong() {
    let mut world = World::new("");
    for (json, status, code) in [
        ("", 400, "empty_body"),
        ("{", 400, "not_json"),
        (r#"{"content":"a\u0000"}"#, 400, "json_nul"),
        ("[]", 422, "not_an_object"),
        ("{}", 422, "missing_field"),
        (r#"{"content":7}"#, 422, "invalid_field"),
        (r#"{"content":" "}"#, 422, "invalid_field"),
        (r#"{"content":"a","content":"b"}"#, 422, "duplicate_field"),
    ] {
        let client = world.post("/analyze/", json);
        assert_eq!(
            world.reply(client).problem(),
            (status, code.to_owned()),
            "{json}"
        );
    }
    assert!(world.store.requests.is_empty(), "none of them was accepted");
}
