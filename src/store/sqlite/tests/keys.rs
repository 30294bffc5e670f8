//! Idempotency keys: claims, leases, and answers that are there with their rows or not at all.

use uuid::Uuid;

use super::{Store, text};
use crate::limits::{KEY_LEASE_MS, KEYS_BYTES};
use crate::store::{
    Answer, Claimed, Found, KeptAnswer, KeyChange, KeyScope, Query, StoreError, Write, Written,
};

const NOW: i64 = 1_700_000_000_000;
const LEASE: i64 = KEY_LEASE_MS as i64;

fn scope(key: &str) -> KeyScope {
    KeyScope {
        tenant: "local".into(),
        route: "/generate/".into(),
        key: key.into(),
    }
}

fn claim(store: &mut Store, owner: u128, request: u8, now_ms: i64) -> Claimed {
    let change = KeyChange::Claim {
        scope: scope("a"),
        fingerprint: [request; 32],
        owner: Uuid::from_u128(owner),
        now_ms,
    };
    match store.put(Write::Keys(Box::new(change))) {
        Written::Claimed(claimed) => claimed,
        other => panic!("{other:?}"),
    }
}

fn change(store: &mut Store, change: KeyChange) {
    assert_eq!(store.put(Write::Keys(Box::new(change))), Written::Keys);
}

fn kept(key: &str, owner: u128, until_ms: i64) -> KeptAnswer {
    KeptAnswer {
        scope: scope(key),
        fingerprint: [1; 32],
        owner: Uuid::from_u128(owner),
        until_ms,
        text: None,
        answer: Answer {
            status: 200,
            streamed: false,
            body: format!("by {owner}"),
        },
    }
}

/// An answer with rows, of which there are none.
fn answered(answers: Vec<KeptAnswer>) -> Write {
    Write::Answered {
        rows: Box::new(Write::Save {
            requests: Vec::new(),
            text: None,
            analysis: None,
        }),
        answers,
        cached: None,
    }
}

fn answer(store: &mut Store, key: &str) -> Option<String> {
    match store.reader.run(&Query::Answer(scope(key))).unwrap() {
        Found::Answer(answer) => answer.map(|answer| answer.body),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_of_two_has_it_until_it_answers_or_is_late() {
    let mut store = Store::new();
    assert_eq!(claim(&mut store, 1, 1, NOW), Claimed::Yours);
    assert_eq!(
        claim(&mut store, 1, 1, NOW),
        Claimed::Yours,
        "the same once more"
    );
    assert_eq!(claim(&mut store, 2, 1, NOW), Claimed::Busy);
    assert_eq!(claim(&mut store, 2, 9, NOW), Claimed::Reused);
    change(
        &mut store,
        KeyChange::Renew {
            held: vec![(scope("a"), Uuid::from_u128(1))],
            now_ms: NOW + LEASE - 1,
        },
    );
    assert_eq!(
        claim(&mut store, 2, 1, NOW + LEASE),
        Claimed::Busy,
        "renewed"
    );
    assert_eq!(answer(&mut store, "a"), None);
    assert_eq!(
        claim(&mut store, 2, 1, NOW + 2 * LEASE),
        Claimed::Yours,
        "late"
    );

    // Who was late changes nothing any more.
    store.put(answered(vec![kept("a", 1, NOW + 9 * LEASE)]));
    change(
        &mut store,
        KeyChange::Free {
            scope: scope("a"),
            owner: Uuid::from_u128(1),
        },
    );
    assert_eq!(answer(&mut store, "a"), None);
    store.put(answered(vec![kept("a", 2, NOW + 9 * LEASE)]));
    assert_eq!(answer(&mut store, "a").as_deref(), Some("by 2"));
    for owner in [1, 2, 3] {
        assert_eq!(
            claim(&mut store, owner, 1, NOW + 3 * LEASE),
            Claimed::Answered
        );
    }
    assert_eq!(claim(&mut store, 3, 9, NOW + 3 * LEASE), Claimed::Reused);
    assert_eq!(
        claim(&mut store, 3, 9, NOW + 9 * LEASE),
        Claimed::Yours,
        "its day is over"
    );
}

#[test]
fn a_key_that_is_freed_is_anybodys_but_an_answer_stays() {
    let mut store = Store::new();
    let free = || KeyChange::Free {
        scope: scope("a"),
        owner: Uuid::from_u128(1),
    };
    claim(&mut store, 1, 1, NOW);
    change(&mut store, free());
    assert_eq!(claim(&mut store, 2, 2, NOW), Claimed::Yours);

    let mut store = Store::new();
    claim(&mut store, 1, 1, NOW);
    store.put(answered(vec![kept("a", 1, NOW + LEASE)]));
    change(&mut store, free());
    store.put(answered(vec![kept("a", 1, NOW + LEASE)])); // as the journal would replay it
    assert_eq!(answer(&mut store, "a").as_deref(), Some("by 1"));
}

#[test]
fn an_answer_is_there_with_its_rows_or_not_at_all() {
    let mut store = Store::new();
    claim(&mut store, 1, 1, NOW);
    // A text that cannot be stored: a table that it needs is gone.
    store.run_sql("ALTER TABLE search_terms RENAME TO away");
    let rows = |row| Write::Save {
        requests: Vec::new(),
        text: Some(Box::new(row)),
        analysis: None,
    };
    let row = text("local", 7, "tea");
    let mut kept = kept("a", 1, NOW + LEASE);
    kept.text = Some(row.id);
    let write = Write::Answered {
        rows: Box::new(rows(row.clone())),
        answers: vec![kept],
        cached: None,
    };
    let failed = store.writer.apply(std::slice::from_ref(&write)).remove(0);
    assert!(
        matches!(failed, Err(StoreError::Failed { .. })),
        "{failed:?}"
    );
    assert_eq!(answer(&mut store, "a"), None);
    store.run_sql("ALTER TABLE away RENAME TO search_terms");
    store.put(write);
    assert!(answer(&mut store, "a").is_some());

    store.put(Write::Delete {
        tenant: row.tenant,
        id: row.id,
    });
    assert_eq!(answer(&mut store, "a"), None, "it goes with its text");
}

#[test]
fn what_is_old_or_too_much_is_forgotten_the_oldest_first() {
    let mut store = Store::new();
    let all = ["a", "b", "c"].into_iter().zip(1..);
    let all = all.map(|(key, at)| kept(key, 1, NOW + at * LEASE));
    store.put(answered(all.collect()));
    change(
        &mut store,
        KeyChange::Sweep {
            now_ms: NOW + LEASE,
        },
    );
    let left = |store: &mut Store| ["a", "b", "c"].map(|key| answer(store, key).is_some());
    assert_eq!(left(&mut store), [false, true, true]);

    let half = KEYS_BYTES / 2 + 1;
    store.run_sql(&format!("UPDATE idempotency_keys SET body_bytes = {half}"));
    change(
        &mut store,
        KeyChange::Sweep {
            now_ms: NOW + LEASE,
        },
    );
    assert_eq!(left(&mut store), [false, false, true]);
}

#[test]
fn a_start_frees_what_was_not_answered() {
    let mut store = Store::new();
    claim(&mut store, 1, 1, NOW);
    store.put(answered(vec![kept("b", 1, NOW + LEASE)]));
    store.writer.free_keys().unwrap();
    assert_eq!(claim(&mut store, 2, 1, NOW), Claimed::Yours);
    assert!(answer(&mut store, "b").is_some());
}
