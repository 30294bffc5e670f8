//! `/jobs`, and what is done about them.

use std::collections::BTreeSet;

use super::world::Reply;
use super::{PROVIDER, World, openai};
use crate::engine::io::Input;
use crate::engine::work::Work;
use crate::engine::work::{Kind, WorkResult};
use crate::limits::jobs::{JOB_ATTEMPTS, JOB_LEASE_MS, JOB_POLL_MS, JOB_RETRY_CAP_MS};
use crate::store::{ItemState, JobState, JobWrite, StoreError, Write};

const TEXTS: &str = r#"{"kind":"generate","topics":["tea","rice","milk"],"max_tokens":9}"#;
const SCORES: &str = r#"{"kind":"analyze","contents":["I like it.","I hate it.","It is."]}"#;

/// Makes a job; its document.
fn make(world: &mut World, body: &str) -> serde_json::Value {
    let client = world.post("/jobs", body);
    let reply = world.reply(client);
    assert_eq!(reply.status, 202, "{}", reply.body);
    let job = reply.json();
    let id = job["id"].as_str().unwrap();
    assert_eq!(reply.field("location"), Some(&*format!("/jobs/{id}")));
    job
}

fn delete(world: &mut World, path: &str) -> Reply {
    let client = world.ask(format!("DELETE {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    world.reply(client)
}

#[test]
fn a_job_is_taken_in_done_and_read() {
    let mut world = World::new("[offline]\ngap_ms = 0\ntokens = 20\n");
    let job = make(&mut world, TEXTS);
    assert_eq!(
        (&job["state"], &job["items"]),
        (&"queued".into(), &3.into())
    );
    world.pass(2_000);
    let path = format!("/jobs/{}", job["id"].as_str().unwrap());
    let page = world.get(&format!("{path}?limit=2")).json();
    assert_eq!((&page["state"], &page["done"]), (&"done".into(), &3.into()));
    assert_eq!(page["next"], 1);
    let rest = world.get(&format!("{path}?cursor=1")).json();
    assert_eq!(
        (&rest["results"][0]["index"], &rest["next"]),
        (&2.into(), &().into())
    );
    let item = &page["results"][0];
    assert_eq!(
        (&item["input"], &item["state"]),
        (&"tea".into(), &"done".into())
    );
    assert_eq!(item["result"]["provider"], "offline");
    let text = world.get(&format!("/contents/{}", item["id"].as_str().unwrap()));
    assert_eq!(text.json()["topic"], "tea");
    assert_eq!(world.store.texts.len(), 3);
    assert_eq!(world.store.request().status, 202);
}

#[test]
fn texts_are_scored_and_their_rows_are_theirs() {
    let mut world = World::new("");
    make(&mut world, SCORES);
    world.pass(1_000);
    assert_eq!(world.store.jobs.states(), [ItemState::Done; 3]);
    assert_eq!(world.store.jobs.only().state, JobState::Done);
    for item in world.store.jobs.items.values() {
        let row = &world.store.analyses[&item.row.row_id];
        assert_eq!(row.content, item.row.input);
        let result = item.row.result.as_deref().unwrap();
        assert_eq!(result, serde_json::to_string(&row.scores).unwrap());
    }
}

#[test]
fn what_fails_is_tried_again_and_then_given_up() {
    let mut world = World::new(PROVIDER);
    make(&mut world, r#"{"kind":"generate","topics":["tea"]}"#);
    let mut asked = 0;
    for _ in 0..10 * JOB_ATTEMPTS {
        world.pass(JOB_RETRY_CAP_MS / 4);
        asked += world.serve(openai::answer(500, "", "{}"));
    }
    assert_eq!(asked, JOB_ATTEMPTS as usize);
    assert_eq!(world.store.jobs.states(), [ItemState::Failed]);
    let job = world.store.jobs.only();
    assert_eq!((job.state, job.failed), (JobState::Done, 1));
    assert!(world.store.texts.is_empty());
    let item = world.store.jobs.items.values().next().unwrap();
    assert_eq!(item.row.error_code.as_deref(), Some("upstream_unavailable"));
}

#[test]
fn a_text_that_was_cut_leaves_no_row_and_the_next_one_does() {
    let mut world = World::new(PROVIDER);
    make(&mut world, r#"{"kind":"generate","topics":["tea"]}"#);
    world.pass(1_000);
    world.serve([openai::STREAM, &openai::word("Tea is"), openai::END].concat());
    world.pass(1_000);
    assert!(world.store.texts.is_empty());
    world.pass(5_000);
    world.serve(openai::stream(&["Tea is good."]));
    world.pass(1_000);
    let text = world.store.text();
    assert_eq!(text.text, "Tea is good.");
    let item = world.store.jobs.items.values().next().unwrap();
    assert_eq!((item.row.row_id, item.row.attempts), (text.id, 2));
}

#[test]
fn a_cancelled_job_ends_its_calls_and_begins_no_more() {
    let mut world = World::new(PROVIDER);
    let job = make(&mut world, TEXTS);
    world.pass(1_000);
    assert!(!world.upstreams().is_empty());
    let path = format!("/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(delete(&mut world, &path).json()["state"], "cancelled");
    assert!(world.upstreams().is_empty());
    world.pass(2 * JOB_POLL_MS);
    assert!(world.upstreams().is_empty() && world.store.texts.is_empty());
    assert_eq!(world.store.jobs.states(), [ItemState::Cancelled; 3]);
    assert_eq!(delete(&mut world, &path).json()["state"], "cancelled");
    let other = path.replace(
        job["id"].as_str().unwrap(),
        "0190d6a5-6f27-7ad0-8a5e-0123456789ab",
    );
    for reply in [delete(&mut world, &other), world.get(&other)] {
        assert_eq!(reply.problem(), (404, "not_found".to_owned()));
    }
}

#[test]
fn no_more_are_in_hand_than_may_be() {
    let mut world = World::new(&format!("{PROVIDER}[jobs]\nparallel = 2\n"));
    make(&mut world, TEXTS);
    world.pass(1_000);
    assert_eq!(world.upstreams().len(), 2);
    world.serve(openai::stream(&["Tea is good."]));
    world.pass(1_000);
    assert_eq!(world.store.texts.len(), 2);
    assert_eq!(world.serve(openai::stream(&["Rice is good."])), 1);
    let mut none = World::new("[jobs]\nparallel = 0\n");
    make(&mut none, TEXTS);
    none.pass(10 * JOB_POLL_MS);
    assert_eq!(none.store.jobs.states(), [ItemState::Waiting; 3]);
}

#[test]
fn clients_go_first() {
    let mut world = World::new(&format!("{PROVIDER}concurrency = 1\n"));
    let first = world.post("/generate/", r#"{"topic":"first"}"#);
    make(&mut world, r#"{"kind":"generate","topics":["tea"]}"#);
    let second = world.post("/generate/", r#"{"topic":"second"}"#);
    world.pass(5_000);
    assert_eq!(world.store.jobs.states(), [ItemState::Waiting]);
    for client in [first, second] {
        world.serve(openai::stream(&["A text."]));
        assert_eq!(world.reply(client).status, 200);
    }
    world.pass(5_000);
    world.serve(openai::stream(&["Tea is good."]));
    world.pass(1_000);
    assert_eq!(world.store.jobs.states(), [ItemState::Done]);
    let item = world.store.jobs.items.values().next().unwrap();
    assert_eq!(item.row.attempts, 1); // to be put off is no attempt
}

#[test]
fn whoever_stops_gives_all_of_it_back() {
    let mut world = World::new(PROVIDER);
    make(&mut world, TEXTS);
    world.pass(1_000);
    assert_eq!(world.store.jobs.states(), [ItemState::Running; 3]);
    world.feed(Input::Shutdown);
    world.settle();
    assert_eq!(world.store.jobs.states(), [ItemState::Waiting; 3]);
    let attempts: BTreeSet<u32> = (world.store.jobs.items.values())
        .map(|item| item.row.attempts)
        .collect();
    assert_eq!(attempts, BTreeSet::from([0]));
    for id in world.open_sockets() {
        world.end(id);
    }
    world.settle();
    assert!(world.engine.is_finished() && world.store.texts.is_empty());
}

/// On another connection of the database, which does not see what the claim is about to do.
#[test]
fn an_item_that_comes_after_all_was_given_back_is_given_back_too() {
    let mut world = World::new(PROVIDER);
    world.held.push(Kind::Write);
    world.post("/jobs", r#"{"kind":"generate","topics":["tea"]}"#);
    world.settle();
    world.work(0);
    world.pass(1_000);
    let claim = world.jobs.pop().expect("a claim");
    world.feed(Input::Shutdown);
    world.held.clear();
    world.settle();
    world.jobs.push(claim);
    world.settle();
    let items: Vec<_> = world.store.jobs.items.values().collect();
    assert_eq!(items[0].row.state, ItemState::Waiting);
    assert_eq!(items[0].row.attempts, 0);
}

#[test]
fn what_somebody_left_is_taken_over_and_written_once() {
    let mut world = World::new(PROVIDER);
    make(&mut world, r#"{"kind":"generate","topics":["tea","rice"]}"#);
    world.pass(1_000);
    // The text of the first is stored, its end is not, and the process dies.
    let first = world.upstreams()[0];
    world.held.push(Kind::Write);
    world.send(first, openai::stream(&["Tea is good."]));
    world.held.clear();
    let saved = world.jobs.drain(..).filter_map(|(_, work)| match work {
        Work::Write(write) => matches!(*write, Write::Save { .. }).then_some(*write),
        _ => None,
    });
    for write in saved {
        world.store.write(write);
    }
    let mut next = World::with(PROVIDER, super::world::SIZES, 2);
    next.store = std::mem::take(&mut world.store);
    next.now = world.now;
    next.pass(5_000);
    assert!(next.upstreams().is_empty()); // the leases of the dead are respected
    next.pass(JOB_LEASE_MS);
    assert_eq!(next.serve(openai::stream(&["Rice is good."])), 1);
    next.pass(1_000);
    assert_eq!(next.store.jobs.states(), [ItemState::Done; 2]);
    assert_eq!(next.store.texts.len(), 2);
    assert_eq!(next.metric("job_items_total{what=\"repeated\"}"), 2.0);
}

#[test]
fn an_owner_that_was_away_for_too_long_is_not_heard() {
    let mut world = World::new(PROVIDER);
    make(&mut world, r#"{"kind":"generate","topics":["tea"]}"#);
    world.pass(1_000);
    assert_eq!(world.upstreams().len(), 1);
    // Somebody else has it by now.
    let item = world.store.jobs.items.values_mut().next().unwrap();
    item.owner = Some(uuid::Uuid::nil());
    item.due_ms = Some(i64::MAX);
    world.pass(JOB_LEASE_MS / 2);
    assert!(world.upstreams().is_empty());
    assert_eq!(world.store.jobs.states(), [ItemState::Running]);
    assert_eq!(world.metric("job_items_total{what=\"lost\"}"), 1.0);
}

/// A job whose end waits to be written.
fn about_to_end() -> World {
    let mut world = World::new("");
    world.held.push(Kind::Write);
    world.post("/jobs", r#"{"kind":"analyze","contents":["I like it."]}"#);
    for what in ["made", "claimed"] {
        assert_eq!(world.jobs.len(), 1, "{what}");
        world.work(0);
        world.settle();
    }
    let ends = |work: &Work| match work {
        Work::Write(write) => {
            matches!(&**write, Write::Job(job) if matches!(**job, JobWrite::End(_)))
        }
        _ => false,
    };
    while !ends(&world.jobs[0].1) {
        world.work(0); // there is no other item to claim
    }
    world
}

#[test]
fn an_end_that_was_stored_and_not_heard_of_counts_as_what_it_was() {
    let mut world = about_to_end();
    world.lose_answer(0);
    world.held.clear();
    world.pass(JOB_LEASE_MS / 2);
    let counted = |what: &str| world.metric(&format!("job_items_total{{what=\"{what}\"}}"));
    assert_eq!((counted("done"), counted("lost")), (1.0, 0.0));
}

#[test]
fn an_end_that_was_not_stored_is_written_again() {
    let mut world = about_to_end();
    let path = "maitred.db".into();
    world.fail_work(0, WorkResult::Written(Err(StoreError::Busy { path })));
    world.held.clear();
    world.pass(JOB_LEASE_MS / 2);
    assert_eq!(world.store.jobs.states(), [ItemState::Done]);
    assert_eq!(world.store.analyses.len(), 1);
}

#[test]
fn what_is_wrong_with_a_job_is_told_at_once() {
    let mut world = World::new(PROVIDER);
    for (body, status) in [
        (
            r#"{"kind":"generate","topics":["tea"],"provider":"nobody"}"#,
            422,
        ),
        (r#"{"kind":"generate"}"#, 422),
        ("{", 400),
    ] {
        let client = world.post("/jobs", body);
        assert_eq!(world.reply(client).status, status, "{body}");
    }
    assert!(world.store.jobs.jobs.is_empty());
    assert_eq!(
        world.get("/jobs?limit=5").json()["jobs"],
        serde_json::json!([])
    );
}
