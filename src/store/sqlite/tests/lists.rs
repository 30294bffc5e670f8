//! Lists: complete, without repeats, cut, filtered, and never a scan.

use super::*;
use crate::limits::{EXCERPT_CHARS, GENERATION_BYTES, PAGE_ROWS};
use crate::store::sqlite::reader::{ALL, BY_TERM, EXCERPT, EXPORT, UNSCORED, select};

fn list(tenant: &str, term: Option<&str>, limit: usize, before: Option<Uuid>) -> Query {
    Query::List {
        tenant: tenant.to_owned(),
        term: term.map(str::to_owned),
        words: None,
        limit,
        before,
    }
}

/// Walks all pages and gives the ids in the order they came; `between` runs after each page.
fn walk(store: &mut Store, term: Option<&str>, mut between: impl FnMut(&mut Store)) -> Vec<u128> {
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let (rows, next) = store.page(&list("local", term, 3, before));
        seen.extend(rows.iter().map(|row| row.id.as_u128()));
        if next.is_none() {
            return seen;
        }
        before = next;
        between(store);
    }
}

#[test]
fn a_walk_sees_each_row_once_while_rows_are_added() {
    let mut store = Store::new();
    for number in 1..=10 {
        store.put(save_text(text("local", number, "tea")));
        store.put(save_text(text("other", number, "tea")));
    }
    let mut newer = 100;
    let seen = walk(&mut store, None, |store| {
        newer += 1;
        store.put(save_text(text("local", newer, "tea")));
    });
    assert_eq!(seen, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn the_last_page_knows_that_it_is_the_last() {
    let mut store = Store::new();
    assert_eq!(
        store.page(&list("local", None, 3, None)),
        (Vec::new(), None)
    );
    for number in 1..=3 {
        store.put(save_text(text("local", number, "tea")));
    }
    assert_eq!(store.page(&list("local", None, 3, None)).1, None);
    assert_eq!(
        store.page(&list("local", None, 2, None)).1,
        Some(number_id(2))
    );
}

#[test]
fn a_page_has_its_bounds() {
    let mut store = Store::new();
    let many = PAGE_ROWS as u128 + 1;
    let batch: Vec<_> = (1..=many)
        .map(|n| save_text(text("local", n, "tea")))
        .collect();
    assert!(store.writer.apply(&batch).iter().all(Result::is_ok));
    let (rows, next) = store.page(&list("local", None, usize::MAX, None));
    assert_eq!((rows.len(), next), (PAGE_ROWS, Some(number_id(2))));
    assert_eq!(store.page(&list("local", None, 0, None)).0.len(), 1);
}

#[test]
fn a_term_is_found_in_any_letter_case() {
    let mut store = Store::new();
    for (number, term) in [(1, "Öl"), (2, "tea"), (3, " öl"), (4, "ÖL"), (5, "Ölung")] {
        store.put(save_text(text("local", number, term)));
    }
    assert_eq!(walk(&mut store, Some("öL "), |_| ()), [4, 3, 1]);
    assert_eq!(walk(&mut store, Some("Kaffee"), |_| ()), []);
    let (rows, _) = store.page(&list("local", Some("öl"), 1, None));
    assert_eq!(rows[0].term, "ÖL");
}

#[test]
fn a_list_shows_the_beginning_of_a_text() {
    let mut store = Store::new();
    let long = format!("nul\0{}", "é".repeat(EXCERPT_CHARS));
    let scores = Some(scores(0.5));
    store.put(save_text(TextRow {
        text: long.clone(),
        scores: scores.clone(),
        ..text("local", 1, "tea")
    }));
    let (rows, _) = store.page(&list("local", None, 1, None));
    assert_eq!(rows[0].excerpt.chars().count(), EXCERPT_CHARS);
    assert!(long.starts_with(&rows[0].excerpt));
    assert_eq!(rows[0].text_bytes, long.len() as u64);
    assert_eq!(rows[0].scores, scores);
}

#[test]
fn unscored_texts_are_handed_out_until_they_are_scored() {
    let mut store = Store::new();
    for (number, tenant) in [(1, "a"), (2, "b"), (3, "a")] {
        store.put(save_text(text(tenant, number, "tea")));
    }
    store.put(save_text(TextRow {
        scores: Some(scores(0.5)),
        ..text("a", 4, "tea")
    }));
    let scores = Box::new(scores(0.5));
    store.put(Write::Rescore {
        tenant: "a".to_owned(),
        id: number_id(1),
        scores,
    });

    let mut ids = |after, limit| match store.reader.run(&Query::Unscored { after, limit }).unwrap()
    {
        Found::Unscored(rows) => rows.iter().map(|row| row.id.as_u128()).collect::<Vec<_>>(),
        other => panic!("unscored texts were answered with {other:?}"),
    };
    assert_eq!(ids(None, 10), [2, 3]);
    assert_eq!(ids(None, 1), [2]);
    assert_eq!(ids(Some(number_id(2)), 10), [3]);
}

#[test]
fn unscored_texts_stop_at_a_size() {
    let mut store = Store::new();
    for number in 1..=3 {
        let text = TextRow {
            text: "x".repeat(GENERATION_BYTES / 2),
            ..text("a", number, "tea")
        };
        store.put(save_text(text));
    }
    let found = store
        .reader
        .run(&Query::Unscored {
            after: None,
            limit: 10,
        })
        .unwrap();
    assert!(matches!(found, Found::Unscored(rows) if rows.len() == 2));
}

#[test]
fn every_list_walks_an_index() {
    let store = Store::new();
    let cases = [
        (
            select(EXCERPT, ALL),
            "SEARCH g USING INDEX sqlite_autoindex_generated_content_1",
        ),
        (
            select(EXCERPT, BY_TERM),
            "SEARCH g USING INDEX generated_content_by_key",
        ),
        (
            select("g.text", EXPORT),
            "SEARCH g USING INDEX sqlite_autoindex_generated_content_1",
        ),
        (
            UNSCORED.to_owned(),
            "USING INDEX generated_content_unscored",
        ),
    ];
    for (sql, index) in cases {
        let mut explain = store
            .reader
            .conn
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let plan: Vec<String> = explain
            .raw_query()
            .mapped(|row| row.get("detail"))
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
        assert!(
            !plan
                .iter()
                .any(|step| step.contains("SCAN g") || step.contains("B-TREE"))
        );
    }
}
