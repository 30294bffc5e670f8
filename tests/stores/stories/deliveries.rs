//! Deliveries: who is told that a job has ended, once it has.

use maitred::store::{
    Attempted, ClaimedDelivery, DeliveryRow, DeliveryState, DeliveryWrite, Found, JobFound,
    JobQuery, JobState, JobWrite, JobWritten, NewDelivery, Query,
};

use super::jobs::{ME, claim as claim_item, done, end as end_item, job, make_told, page};
use crate::Store;
use crate::rows::id;

/// Job `number` of so many items, whose delivery has the id 900 and the job's number.
fn make(store: &mut dyn Store, number: u128, items: u128) {
    let delivery = NewDelivery {
        id: id(900 + number),
        hook: "orders".into(),
    };
    make_told(store, number, items, Some(&delivery));
}

/// The same, and all of its items have ended, at 5,000.
fn make_ended(store: &mut dyn Store, number: u128) {
    make(store, number, 1);
    let item = claim_item(store, ME, 1_000).unwrap();
    assert!(end_item(store, ME, &item.key, done()));
}

fn claim(store: &mut dyn Store, claim: u128, now_ms: i64) -> Option<ClaimedDelivery> {
    let write = DeliveryWrite::Claim {
        claim: id(claim),
        now_ms,
        until_ms: now_ms + 1_000,
    };
    match job(store, JobWrite::Delivery(write)) {
        JobWritten::Delivery(delivery) => delivery.map(|delivery| *delivery),
        other => panic!("a claim was answered with {other:?}"),
    }
}

fn end(store: &mut dyn Store, claim: u128, came: Attempted) -> bool {
    let claim = id(claim);
    let write = JobWrite::Delivery(DeliveryWrite::End { claim, came });
    job(store, write) == JobWritten::Ended(true)
}

fn due(store: &mut dyn Store) -> Option<i64> {
    match store.ask(&Query::Job(JobQuery::DeliveryDue)).unwrap() {
        Found::Job(JobFound::Due(due_ms)) => due_ms,
        other => panic!("a time was answered with {other:?}"),
    }
}

fn shown(store: &mut dyn Store, number: u128) -> DeliveryRow {
    page(store, number, None, 20).unwrap().webhook.unwrap()
}

pub(super) fn what_ends_a_job_makes_its_delivery_due(store: &mut dyn Store) {
    make(store, 3, 2);
    make_told(store, 4, 1, None);
    assert_eq!(page(store, 4, None, 20).unwrap().webhook, None);
    let items = [1, 2].map(|_| claim_item(store, ME, 1_000).unwrap().key);
    assert!(end_item(store, ME, &items[0], done()));
    let before = DeliveryRow {
        id: id(903),
        hook: "orders".into(),
        state: DeliveryState::Waiting,
        attempts: 0,
        last_error: None,
        due_ms: None,
    };
    assert_eq!((shown(store, 3), due(store)), (before.clone(), None));
    assert_eq!(claim(store, 81, i64::MAX / 2), None);
    assert!(end_item(store, ME, &items[1], done()));
    // What was said twice makes nothing due twice.
    assert!(!end_item(store, ME, &items[1], done()));
    let after = DeliveryRow {
        state: DeliveryState::Due,
        due_ms: Some(5_000),
        ..before
    };
    assert_eq!((shown(store, 3), due(store)), (after, Some(5_000)));
}

pub(super) fn a_delivery_is_one_claims_at_a_time(store: &mut dyn Store) {
    make_ended(store, 3);
    make_ended(store, 4);
    assert_eq!(claim(store, 81, 4_999), None);
    let first = claim(store, 81, 5_000).unwrap();
    assert_eq!(
        (first.id, &*first.hook, first.attempts),
        (id(903), "orders", 1)
    );
    assert_eq!((first.job.id, first.job.state), (id(3), JobState::Done));
    assert_eq!((first.job.done, first.job.finished_ms), (1, Some(5_000)));
    assert_eq!(shown(store, 3).state, DeliveryState::Sending);
    assert_eq!(claim(store, 82, 5_000).unwrap().id, id(904));
    assert_eq!((claim(store, 83, 5_999), due(store)), (None, Some(6_000)));
    // Who had it has said nothing: it is told again, under the same id.
    let again = claim(store, 83, 6_000).unwrap();
    assert_eq!((again.id, again.attempts), (id(903), 2));
    assert!(!end(store, 81, Attempted::Delivered));
    assert!(end(store, 83, Attempted::Delivered));
    assert!(!end(store, 83, Attempted::Delivered));
    assert_eq!(shown(store, 3).state, DeliveryState::Delivered);
}

/// Whoever makes a claim and does not hear the answer makes it again.
pub(super) fn a_claim_that_is_made_again_finds_what_it_has(store: &mut dyn Store) {
    make_ended(store, 3);
    make_ended(store, 4);
    assert_eq!(claim(store, 81, 5_000).unwrap().id, id(903));
    let again = claim(store, 81, 5_500).unwrap();
    assert_eq!((again.id, again.attempts), (id(903), 1));
    // It has the time of the second one, and nobody else's delivery.
    assert_eq!(shown(store, 3).due_ms, Some(6_500));
    assert_eq!(shown(store, 4).state, DeliveryState::Due);
    assert_eq!(claim(store, 82, 6_000).unwrap().id, id(904));
    // Somebody else has it by now.
    assert_eq!(claim(store, 83, 6_500).unwrap().id, id(903));
    assert_eq!(claim(store, 81, 6_600), None);
    assert_eq!(claim(store, 81, 7_000).unwrap().id, id(904));
}

pub(super) fn a_delivery_ends_in_one_of_three_ways(store: &mut dyn Store) {
    make_ended(store, 3);
    claim(store, 81, 5_000).unwrap();
    let error = Some("it answered 500".to_owned());
    assert!(end(
        store,
        81,
        Attempted::Again {
            error: error.clone(),
            due_ms: 7_000
        }
    ));
    let row = shown(store, 3);
    assert_eq!((row.state, row.attempts), (DeliveryState::Due, 1));
    assert_eq!((row.last_error, row.due_ms), (error.clone(), Some(7_000)));
    assert_eq!(claim(store, 82, 6_999), None);
    assert_eq!(claim(store, 82, 7_000).unwrap().attempts, 2);
    // What was not tried does not count, and says nothing of what was.
    assert!(end(
        store,
        82,
        Attempted::Again {
            error: None,
            due_ms: 7_100
        }
    ));
    let row = shown(store, 3);
    assert_eq!((row.attempts, row.last_error), (1, error));
    assert_eq!(claim(store, 83, 7_100).unwrap().attempts, 2);
    let error = "it answered 410".to_owned();
    assert!(end(
        store,
        83,
        Attempted::GivenUp {
            error: error.clone()
        }
    ));
    let row = shown(store, 3);
    assert_eq!(
        (row.state, row.last_error),
        (DeliveryState::GivenUp, Some(error))
    );
    assert_eq!((due(store), claim(store, 84, i64::MAX / 2)), (None, None));
}

pub(super) fn a_cancelled_job_is_told_too(store: &mut dyn Store) {
    make(store, 3, 2);
    for now_ms in [300, 400] {
        let cancel = JobWrite::Cancel {
            tenant: "local".into(),
            id: id(3),
            now_ms,
        };
        job(store, cancel);
    }
    let told = claim(store, 81, 300).unwrap();
    assert_eq!(told.job.state, JobState::Cancelled);
    assert!(end(store, 81, Attempted::Delivered));
    assert_eq!(due(store), None);
}
