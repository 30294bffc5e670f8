//! Lists: complete, without repeats, cut, filtered.

use maitred::limits::{EXCERPT_CHARS, EXPORT_BYTES, GENERATION_BYTES, PAGE_ROWS};
use maitred::store::{Found, Query, TextRow, Write};
use uuid::Uuid;

use crate::Store;
use crate::rows::{id, list, ms, rescore, save, scores, text};

/// Walks all pages and gives the times in the order they came; `between` runs after each page.
fn walk(
    store: &mut dyn Store,
    term: Option<&str>,
    mut between: impl FnMut(&mut dyn Store),
) -> Vec<u128> {
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let (rows, next) = store.page(&list(term, 3, before));
        seen.extend(rows.iter().map(|row| ms(row.id)));
        if next.is_none() {
            return seen;
        }
        before = next;
        between(store);
    }
}

pub(super) fn a_walk_sees_each_row_once_while_rows_are_added(store: &mut dyn Store) {
    for number in 1..=10 {
        store.put(save(text("local", number, "tea")));
        store.put(save(text("other", number, "tea")));
    }
    let mut newer = 100;
    let seen = walk(store, None, |store| {
        newer += 1;
        store.put(save(text("local", newer, "tea")));
    });
    assert_eq!(seen, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
}

pub(super) fn the_last_page_knows_that_it_is_the_last(store: &mut dyn Store) {
    assert_eq!(store.page(&list(None, 3, None)), (Vec::new(), None));
    for number in 1..=3 {
        store.put(save(text("local", number, "tea")));
    }
    assert_eq!(store.page(&list(None, 3, None)).1, None);
    assert_eq!(store.page(&list(None, 2, None)).1, Some(id(2)));
    assert_eq!(store.page(&list(None, 2, Some(id(1)))).0, Vec::new());
}

pub(super) fn a_page_has_its_bounds(store: &mut dyn Store) {
    let many = PAGE_ROWS as u128 + 1;
    let rows = (1..=many).map(|n| text("local", n, "tea"));
    store.put(Write::Import(rows.collect()));
    let (rows, next) = store.page(&list(None, usize::MAX, None));
    assert_eq!((rows.len(), next), (PAGE_ROWS, Some(id(2))));
    assert_eq!(store.page(&list(None, 0, None)).0.len(), 1);
}

pub(super) fn a_term_is_found_in_any_letter_case(store: &mut dyn Store) {
    for (number, term) in [(1, "Öl"), (2, "tea"), (3, " öl"), (4, "ÖL"), (5, "Ölung")] {
        store.put(save(text("local", number, term)));
    }
    assert_eq!(walk(store, Some("öL "), |_| ()), [4, 3, 1]);
    assert_eq!(walk(store, Some("Kaffee"), |_| ()), []);
    let (rows, _) = store.page(&list(Some("öl"), 1, None));
    assert_eq!(rows[0].term, "ÖL");
}

pub(super) fn a_list_shows_the_beginning_of_a_text(store: &mut dyn Store) {
    let long = format!("cut: {}", "é".repeat(EXCERPT_CHARS));
    let scores = Some(scores(0.5));
    store.put(save(TextRow {
        text: long.clone(),
        scores: scores.clone(),
        ..text("local", 1, "tea")
    }));
    let (rows, _) = store.page(&list(None, 1, None));
    assert_eq!(rows[0].excerpt.chars().count(), EXCERPT_CHARS);
    assert!(long.starts_with(&rows[0].excerpt));
    assert_eq!(rows[0].text_bytes, long.len() as u64);
    assert_eq!(rows[0].scores, scores);
    assert_eq!(rows[0].finish_reason.as_deref(), Some("stop"));
}

/// The times of the texts that wait for scores.
fn unscored(store: &mut dyn Store, after: Option<Uuid>, limit: usize) -> Vec<u128> {
    match store.ask(&Query::Unscored { after, limit }).unwrap() {
        Found::Unscored(rows) => rows.iter().map(|row| ms(row.id)).collect(),
        other => panic!("unscored texts were answered with {other:?}"),
    }
}

pub(super) fn unscored_texts_are_handed_out_until_they_are_scored(store: &mut dyn Store) {
    for (number, tenant) in [(1, "local"), (2, "other"), (3, "local")] {
        store.put(save(text(tenant, number, "tea")));
    }
    store.put(save(TextRow {
        scores: Some(scores(0.5)),
        ..text("local", 4, "tea")
    }));
    store.put(rescore("local", 1, 0.5));
    assert_eq!(unscored(store, None, 10), [2, 3]);
    assert_eq!(unscored(store, None, 1), [2]);
    assert_eq!(unscored(store, None, 0), [2]);
    assert_eq!(unscored(store, Some(id(2)), 10), [3]);
}

pub(super) fn unscored_texts_stop_at_a_size(store: &mut dyn Store) {
    for number in 1..=3 {
        store.put(save(TextRow {
            text: "x".repeat(GENERATION_BYTES / 2),
            ..text("local", number, "tea")
        }));
    }
    assert_eq!(unscored(store, None, 10), [1, 2]);
}

pub(super) fn an_export_is_whole_and_ends(store: &mut dyn Store) {
    assert_eq!(store.export(), (Vec::new(), 1));
    let large = TextRow {
        text: "x".repeat(EXPORT_BYTES),
        scores: Some(scores(0.5)),
        ..text("local", 500, "large")
    };
    let mut rows: Vec<_> = (1..=1_000).map(|n| text("local", n, "tea")).collect();
    rows[499] = large;
    for part in rows.chunks(250) {
        store.put(Write::Import(part.to_vec()));
    }
    store.put(save(text("other", 7, "tea")));
    let (found, pages) = store.export();
    assert_eq!(found, rows);
    assert!((2..=10).contains(&pages), "{pages}");
    // What comes while it runs is not waited for.
    let until = Some(id(3));
    let after = Some(id(1));
    let tenant = "local".to_owned();
    let part = store.ask(&Query::Export {
        tenant,
        after,
        until,
    });
    let Found::Texts { rows: part, more } = part.unwrap() else {
        panic!("an export was answered with something else");
    };
    assert_eq!((part.as_slice(), more), (&rows[1..3], None));
}
