//! Queues: what is cancelled, what is owed, what is carried out all the same.
#![allow(clippy::unwrap_used)]
use super::*;

pub(super) fn works() -> Works {
    Works::new(&WorkLimits {
        store: [8, 1024],
        scorers: 1,
        waiting: [4, 4, 3, 4, 4, 4],
        reserved: 3,
    })
}

fn text() -> (Work, Cancel) {
    let cancel = Cancel::default();
    let work = Work::Score {
        text: Arc::new("a text".into()),
        cancel: cancel.clone(),
    };
    (work, cancel)
}

#[test]
fn a_waiting_piece_is_cancelled_without_a_trace() {
    let mut works = works();
    let ids: Vec<_> = (0..3)
        .map(|_| works.submit(WorkOwner::House, text().0).unwrap())
        .collect();
    assert_eq!(works.dispatch(), Some(ids[0]));
    assert_eq!(works.dispatch(), Some(ids[1]));
    assert_eq!(works.dispatch(), None, "one thread, two pieces ahead");
    works.cancel(ids[2]);
    assert_eq!(works.len(), 2);
    assert_eq!(works.finish(ids[2]), None);
}

#[test]
fn a_write_is_carried_out_whoever_has_left() {
    let mut works = works();
    let write = || {
        let (tenant, id) = ("local".to_owned(), Uuid::nil());
        Work::Write(Box::new(Write::Delete { tenant, id }))
    };
    let waiting = works.submit(WorkOwner::House, write()).unwrap();
    works.cancel(waiting);
    assert_eq!(works.dispatch(), Some(waiting));
    works.cancel(waiting);
    assert_eq!(works.finish(waiting), Some(WorkOwner::Nobody));
}

#[test]
fn rows_that_somebody_waits_for_keep_nobody_out_until_they_are_given_up() {
    let mut works = works();
    let write = || {
        let (tenant, id) = ("local".to_owned(), Uuid::nil());
        Work::Write(Box::new(Write::Delete { tenant, id }))
    };
    while !works.queues[Kind::Write as usize].is_full() {
        works.submit(WorkOwner::House, write()).unwrap();
        works.dispatch();
    }
    let text = WorkOwner::Generation(GenerationId(crate::engine::Key { index: 0, epoch: 0 }));
    let ids: Vec<_> = (0..5)
        .map(|_| works.submit(text.clone(), write()).unwrap())
        .collect();
    assert_eq!(works.depth(Kind::Write).waiting, 5);
    assert!(works.has_room(Kind::Write));
    for id in ids {
        works.cancel(id);
    }
    assert!(!works.has_room(Kind::Write), "four may wait for nobody");
}

#[test]
fn what_is_owed_has_its_place_when_everything_else_is_full() {
    let mut works = works();
    let read = || {
        Work::Read(Query::Unscored {
            after: None,
            limit: 1,
        })
    };
    for work in [read, || text().0] {
        while works.has_room(work().kind()) {
            works.submit(WorkOwner::Nobody, work()).unwrap();
            works.dispatch();
        }
    }
    assert_eq!(works.depth(Kind::Read).running, 8);
    for _ in 0..3 {
        assert!(works.submit(WorkOwner::House, text().0).is_some());
    }
}

#[test]
fn a_running_piece_is_told_and_its_result_dropped() {
    let mut works = works();
    let (work, cancel) = text();
    let id = works.submit(WorkOwner::House, work).unwrap();
    works.dispatch();
    works.cancel(id);
    assert!(cancel.is_cancelled());
    assert_eq!(works.finish(id), None);
    assert!(works.is_empty());
    assert_eq!(works.depth(Kind::Score).running, 0);
}
