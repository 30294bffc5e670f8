//! Rows that are kept no longer.

use super::World;
use super::contents::texts_into;
use crate::engine::work::Kind;
use crate::limits::{EXPIRE_ROWS, RETENTION_MS};
use crate::store::{JobState, StoreError};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn kept(config: &str, texts: usize) -> World {
    let mut world = World::new(&format!("[jobs]\nparallel = 0\n[retention]\n{config}"));
    texts_into(&mut world, texts);
    world
}

#[test]
fn what_is_older_than_its_days_is_removed_and_nothing_before() {
    let mut world = kept("texts_days = 2\nrequests_days = 4\n", 3);
    world.pass(DAY_MS);
    world.pass(RETENTION_MS + 1_000);
    assert_eq!(
        (world.store.texts.len(), world.store.requests.len()),
        (3, 3)
    );
    world.pass(DAY_MS);
    world.pass(RETENTION_MS + 1_000);
    assert_eq!(
        (world.store.texts.len(), world.store.requests.len()),
        (0, 3)
    );
    world.pass(2 * DAY_MS);
    world.pass(RETENTION_MS + 1_000);
    assert!(world.store.requests.is_empty());
    assert_eq!(world.metric("rows_expired_total"), 6.0);
}

#[test]
fn many_rows_go_in_pieces_with_pauses_between() {
    let mut world = World::new("[jobs]\nparallel = 0\n[retention]\nrequests_days = 1\n");
    let some = EXPIRE_ROWS * 2 + 10;
    texts_into(&mut world, some);
    world.jump(world.now.mono.plus_ms(DAY_MS + 5_000));
    world.held = vec![Kind::Write];
    for piece in 1..=2 {
        world.pass(RETENTION_MS);
        assert_eq!(world.jobs.len(), 1, "one at a time");
        world.work(0);
        assert_eq!(world.store.requests.len(), some - piece * EXPIRE_ROWS);
    }
    world.held.clear();
    world.pass(1_000);
    assert!(world.store.requests.is_empty());
    assert_eq!(world.store.texts.len(), some, "texts are kept for ever");
}

#[test]
fn jobs_that_are_over_go_with_their_items_and_others_stay() {
    let mut world = World::new("[retention]\njobs_days = 2\n");
    let scored = r#"{"kind":"analyze","contents":["I like it.","I hate it."]}"#;
    for _ in 0..2 {
        let client = world.post("/jobs", scored);
        assert_eq!(world.reply(client).status, 202);
    }
    world.pass(5_000);
    // One of them has not ended.
    let job = world.store.jobs.jobs.values_mut().next_back().unwrap();
    (job.state, job.finished_ms) = (JobState::Running, None);
    let left = job.id;
    let next_day = |world: &mut World| {
        world.jump(world.now.mono.plus_ms(DAY_MS));
        world.pass(RETENTION_MS + 1_000);
    };
    next_day(&mut world);
    assert_eq!(world.store.jobs.jobs.len(), 2);
    next_day(&mut world);
    let jobs: Vec<_> = world.store.jobs.jobs.keys().copied().collect();
    assert_eq!((jobs, world.store.jobs.items.len()), (vec![left], 2));
    assert_eq!(world.store.analyses.len(), 4, "what they have left stays");
    assert_eq!(world.metric("rows_expired_total"), 3.0);
    (0..3).for_each(|_| next_day(&mut world));
    assert_eq!(world.store.jobs.jobs.len(), 1);
}

#[test]
fn all_texts_together_have_a_bound_and_the_oldest_are_too_many() {
    let mut world = kept("texts_bytes = 1000000\n", 3);
    let ids: Vec<_> = world.store.texts.keys().copied().collect();
    for row in world.store.texts.values_mut() {
        row.text = "x".repeat(400_000);
    }
    world.pass(RETENTION_MS + 1_000);
    let left: Vec<_> = world.store.texts.keys().copied().collect();
    assert_eq!(left, ids[1..]);
}

#[test]
fn a_database_that_is_busy_is_left_alone_until_the_next_look() {
    let mut world = kept("texts_days = 1\n", 1);
    world.held = vec![Kind::Write];
    world.pass(DAY_MS + RETENTION_MS + 2_000);
    let path = "maitred.db".into();
    world.fail_work(
        0,
        crate::engine::work::WorkResult::Written(Err(StoreError::Busy { path })),
    );
    world.pass(5_000);
    assert!(world.jobs.is_empty());
    world.held.clear();
    world.pass(RETENTION_MS);
    assert!(world.store.texts.is_empty());
}

/// Fewer may be left than one piece has, because the first run has taken the others.
#[test]
fn where_nobody_knows_how_many_have_gone_it_is_looked_for_more() {
    let mut world = kept("texts_days = 1\nrequests_days = 1\n", 3);
    world.pass(DAY_MS);
    world.held = vec![Kind::Write];
    world.pass(RETENTION_MS + 2_000);
    world.lose_answer(0);
    world.pass(1_000);
    assert_eq!(world.jobs.len(), 1, "once more");
    world.held.clear();
    world.pass(10_000);
    assert!(world.store.texts.is_empty() && world.store.requests.is_empty());
}

#[test]
fn without_settings_rows_are_kept_for_ever() {
    let mut world = World::new("[jobs]\nparallel = 0\n");
    texts_into(&mut world, 1);
    world.pass(1_000 * DAY_MS);
    assert_eq!(world.store.texts.len(), 1);
}
