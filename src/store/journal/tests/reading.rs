//! Rows that wait are found, hidden and scored as if they were in the database.

use super::*;
use crate::score;
use crate::store::journal::Overlay;
use crate::store::{Found, Listed, Query, Written};

fn one(n: u64) -> Query {
    Query::One {
        tenant: "local".to_owned(),
        id: id(n),
    }
}

fn list(limit: usize, before: Option<u64>) -> Query {
    Query::List {
        tenant: "local".to_owned(),
        term: None,
        words: None,
        limit,
        before: before.map(id),
    }
}

/// What a client gets for `query` if the database has found nothing.
fn alone(journal: &Journal<Model>, query: &Query) -> Option<Found> {
    journal.look(query).unwrap().alone(query)
}

fn ids(found: Found) -> (Vec<u128>, Option<u128>) {
    match found {
        Found::Page { rows, next, .. } => {
            let ids = rows.iter().map(|row| row.id.as_u128()).collect();
            (ids, next.map(|id| id.as_u128()))
        }
        other => panic!("{other:?}"),
    }
}

fn page(ids: &[u64], next: Option<u64>, like: &Listed) -> Found {
    let row = |n: &u64| Listed {
        id: id(*n),
        ..like.clone()
    };
    Found::Page {
        rows: ids.iter().map(row).collect(),
        next: next.map(id),
        indexing: false,
    }
}

fn like(journal: &Journal<Model>) -> Listed {
    match journal
        .look(&list(1, None))
        .unwrap()
        .over(page(&[], None, &any()))
    {
        Found::Page { mut rows, .. } => rows.remove(0),
        other => panic!("{other:?}"),
    }
}

fn any() -> Listed {
    serde_json::from_value(serde_json::json!({
        "id": id(0), "search_term_id": id(0), "term": "", "excerpt": "", "text_bytes": 0,
        "provider": "", "model": "", "offline": false, "finish_reason": null,
        "state": "complete", "prompt_tokens": null, "completion_tokens": null, "created_ms": 0,
        "scores": null
    }))
    .unwrap()
}

#[test]
fn a_text_is_found_scored_and_deleted_while_it_waits() {
    let mut journal = open(&Model::default());
    put(&mut journal, &save(1, "I love tea.")).unwrap();
    assert_eq!(alone(&journal, &one(2)), None); // the database may have it
    let found = alone(&journal, &one(1));
    assert_eq!(
        found,
        Some(Found::One(Some(Box::new(text(1, "I love tea.")))))
    );

    let scores = score::score("I love tea.", &|| false).unwrap();
    let rescore = |n| Write::Rescore {
        tenant: "local".to_owned(),
        id: id(n),
        scores: Box::new(scores.clone()),
    };
    assert_eq!(journal.append_if_here(6, &rescore(2)), None);
    assert_eq!(
        journal.append_if_here(6, &rescore(1)),
        Some(Ok(Written::Rescored(true)))
    );
    let Some(Found::One(Some(row))) = alone(&journal, &one(1)) else {
        panic!("it is there");
    };
    assert_eq!(row.scores, Some(scores.clone()));

    assert_eq!(journal.append_if_here(7, &delete(2)), None);
    assert_eq!(
        journal.append_if_here(7, &delete(1)),
        Some(Ok(Written::Deleted(true)))
    );
    assert_eq!(alone(&journal, &one(1)), Some(Found::One(None)));
    assert_eq!(
        journal.append_if_here(8, &delete(1)),
        Some(Ok(Written::Deleted(false)))
    );
    let order = drain(&mut journal);
    assert_eq!(order, [save(1, "I love tea."), rescore(1), delete(1)]);
    assert_eq!(alone(&journal, &one(1)), None); // the database knows now
}

#[test]
fn another_tenants_text_is_not_there() {
    let mut journal = open(&Model::default());
    put(&mut journal, &save(1, "mine")).unwrap();
    let theirs = Query::One {
        tenant: "other".to_owned(),
        id: id(1),
    };
    assert_eq!(alone(&journal, &theirs), None);
    let delete = Write::Delete {
        tenant: "other".to_owned(),
        id: id(1),
    };
    assert_eq!(journal.append_if_here(5, &delete), None);
}

#[test]
fn a_text_that_is_with_the_database_is_still_here() {
    let mut journal = open(&Model::default());
    put(&mut journal, &save(1, "a")).unwrap();
    let batch = journal.next_batch().unwrap();
    assert!(alone(&journal, &one(1)).is_some());
    // Deleted in between: the deletion comes after the row, and is not forgotten with it.
    assert_eq!(
        journal.append_if_here(6, &delete(1)),
        Some(Ok(Written::Deleted(true)))
    );
    journal.advance(batch.through).unwrap();
    assert_eq!(alone(&journal, &one(1)), Some(Found::One(None)));
    assert_eq!(drain(&mut journal), [delete(1)]);
}

#[test]
fn pages_are_those_of_both_together() {
    let mut journal = open(&Model::default());
    for n in [2, 4, 6, 8] {
        put(&mut journal, &save(n, "a")).unwrap();
    }
    let like = like(&journal);
    let over = |journal: &Journal<Model>, limit, before, found: &[u64], next| {
        let overlay: Overlay = journal.look(&list(limit, before)).unwrap();
        ids(overlay.over(page(found, next, &like)))
    };
    assert_eq!(
        over(&journal, 9, None, &[7, 5], None),
        (vec![8, 7, 6, 5, 4, 2], None)
    );
    assert_eq!(
        over(&journal, 3, None, &[7, 5, 3], Some(3)),
        (vec![8, 7, 6], Some(6))
    );
    assert_eq!(
        over(&journal, 3, Some(6), &[5, 3, 1], None),
        (vec![5, 4, 3], Some(3))
    );
    assert_eq!(over(&journal, 3, Some(3), &[1], None), (vec![2, 1], None));
    // A row that was replayed meanwhile comes from both, and once.
    assert_eq!(
        over(&journal, 9, None, &[8, 7], None),
        (vec![8, 7, 6, 4, 2], None)
    );
    // A deleted one comes from neither.
    journal.append_if_here(5, &delete(8)).unwrap().unwrap();
    assert_eq!(
        over(&journal, 9, None, &[8, 7], None),
        (vec![7, 6, 4, 2], None)
    );
    // 3 is on the page after this one, and so is 2.
    assert_eq!(over(&journal, 2, None, &[8, 7], Some(7)).0, [7]);
}

#[test]
fn lists_by_topic_are_those_of_both_and_a_search_says_that_it_is_behind() {
    let mut journal = open(&Model::default());
    put(&mut journal, &save(1, "a")).unwrap();
    let by = |term: Option<&str>, words: Option<&str>| {
        let query = Query::List {
            tenant: "local".to_owned(),
            term: term.map(str::to_owned),
            words: words.map(str::to_owned),
            limit: 5,
            before: None,
        };
        journal.look(&query).unwrap().over(page(&[], None, &any()))
    };
    assert_eq!(ids(by(Some(" TEA"), None)).0, [1]);
    assert_eq!(ids(by(Some("coffee"), None)).0, [0_u128; 0]);
    let Found::Page { rows, indexing, .. } = by(None, Some("a")) else {
        panic!("a page");
    };
    assert!(rows.is_empty() && indexing);
}

/// While the database works through the rows, new ones come: a file that is replayed goes, and the one
/// that is begun next has a name of its own and does not take the place of one that still waits.
#[test]
fn a_file_that_is_begun_after_one_was_removed_replaces_none() {
    let disk = Model::default();
    let mut journal = open(&disk);
    let rows: Vec<Write> = (1..=200).map(|n| save(n, &"tea ".repeat(200))).collect();
    let mut rest = rows.iter();
    let mut put_until = |journal: &mut Journal<Model>, segment: u64| {
        while journal.last_segment < segment {
            put(journal, rest.next().unwrap()).unwrap();
        }
        rows.len() - rest.len()
    };
    // All of the first file is replayed, and the first row of the second.
    let replayed = put_until(&mut journal, 2);
    put_until(&mut journal, 3);
    let batch = journal.next_rows(replayed).unwrap();
    journal.advance(batch.through).unwrap();
    assert_eq!(journal.segments.len(), 2);
    let kept = put_until(&mut journal, 5);
    assert_eq!(drain(&mut journal), rows[replayed..kept]);
}

/// The same, and the process is killed before the rest is replayed.
#[test]
fn what_waits_behind_a_removed_file_survives_a_kill() {
    let disk = Model::default();
    let mut journal = open(&disk);
    let rows: Vec<Write> = (1..=60).map(|n| save(n, &"tea ".repeat(200))).collect();
    let (before, after) = rows.split_at(40);
    before
        .iter()
        .for_each(|row| put(&mut journal, row).unwrap());
    let batch = journal.next_rows(30).unwrap();
    journal.advance(batch.through).unwrap();
    after.iter().for_each(|row| put(&mut journal, row).unwrap());
    drop(journal);
    assert_eq!(drain(&mut open(&disk)), rows[30..]);
}
