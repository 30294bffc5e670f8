//! The answer cache: which text answers which prompt.

use super::{Store, text};
use crate::limits::{CACHE_AGE_MAX_S, CACHE_BYTES};
use crate::store::{CachedText, Found, KeyChange, Query, TextRow, ToldChat, Write};

const NOW: i64 = 1_700_000_000_000;

fn keep(store: &mut Store, row: TextRow, prompt: u8, created_ms: i64) {
    let cached = CachedText {
        tenant: row.tenant.clone(),
        prompt: [prompt; 32],
        text: row.id,
        created_ms,
        chat: None,
    };
    store.put(Write::Answered {
        rows: Box::new(Write::Save {
            requests: Vec::new(),
            text: Some(Box::new(row)),
            analysis: None,
        }),
        answers: Vec::new(),
        cached: Some(cached),
    });
}

fn find(store: &mut Store, tenant: &str, prompt: u8, since_ms: i64) -> Option<TextRow> {
    let query = Query::Cached {
        tenant: tenant.to_owned(),
        prompt: [prompt; 32],
        since_ms,
    };
    match store.reader.run(&query).unwrap() {
        Found::One(row) => row.map(|row| *row),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_newest_text_of_a_prompt_is_found_while_it_is_young_and_there() {
    let mut store = Store::new();
    let (old, new) = (text("a", 1, "tea"), text("a", 2, "tea"));
    keep(&mut store, new.clone(), 1, NOW + 1);
    keep(&mut store, old, 1, NOW); // written late
    assert_eq!(find(&mut store, "a", 1, NOW + 1), Some(new.clone()));
    assert_eq!(find(&mut store, "a", 1, NOW + 2), None, "too old");
    assert_eq!(find(&mut store, "a", 2, NOW), None, "another prompt");
    assert_eq!(find(&mut store, "b", 1, NOW), None, "somebody else");
    store.put(Write::Delete {
        tenant: new.tenant,
        id: new.id,
    });
    assert_eq!(find(&mut store, "a", 1, NOW), None, "deleted");
}

#[test]
fn what_nobody_may_be_answered_with_any_more_is_forgotten() {
    let mut store = Store::new();
    keep(&mut store, text("a", 1, "tea"), 1, NOW);
    let now_ms = NOW + (CACHE_AGE_MAX_S * 1000) as i64 + 1;
    let sweep = |now_ms| Write::Keys(Box::new(KeyChange::Sweep { now_ms }));
    store.put(sweep(now_ms - 1));
    assert!(find(&mut store, "a", 1, NOW).is_some());
    store.put(sweep(now_ms));
    assert_eq!(find(&mut store, "a", 1, NOW), None);
}

#[test]
fn past_the_bytes_that_there_may_be_the_oldest_answers_go() {
    let mut store = Store::new();
    keep(&mut store, text("a", 9, "tea"), 9, NOW);
    for n in 1..=3 {
        store.put(Write::Answered {
            rows: Box::new(Write::Save {
                requests: Vec::new(),
                text: None,
                analysis: None,
            }),
            answers: Vec::new(),
            cached: Some(CachedText {
                tenant: "a".to_owned(),
                prompt: [n; 32],
                text: text("a", n.into(), "tea").id,
                created_ms: NOW + i64::from(n),
                chat: Some(Box::new(ToldChat {
                    provider: "p".to_owned(),
                    model: "m".to_owned(),
                    body: "{}".to_owned(),
                })),
            }),
        });
    }
    let half = CACHE_BYTES / 2;
    store.run_sql(&format!(
        "UPDATE answer_cache SET body_bytes = {half} WHERE body IS NOT NULL"
    ));
    store.put(Write::Keys(Box::new(KeyChange::Sweep { now_ms: NOW })));
    let mut is_there = |n: u8| {
        let query = Query::CachedChat {
            tenant: "a".to_owned(),
            prompt: [n; 32],
            since_ms: 0,
        };
        store.reader.run(&query).unwrap() != Found::CachedChat(None)
    };
    assert_eq!([1, 2, 3].map(&mut is_there), [false, true, true]);
    assert!(find(&mut store, "a", 9, NOW).is_some(), "a text takes none");
}
