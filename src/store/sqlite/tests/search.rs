//! Search: words and their beginnings, the newest first, right after every write and deletion.

use super::*;
use crate::limits::SEARCH_WALK_ROWS;
use crate::store::Tally;
use crate::store::sqlite::search::MATCHES;

/// An id as we give them: the time in milliseconds, and a random part.
fn id_at(ms: u128, random: u128) -> Uuid {
    Uuid::from_u128(ms << 80 | 0x7 << 76 | 0b10 << 62 | random)
}

fn about(ms: u128, topic: &str, words: &str) -> TextRow {
    TextRow {
        id: id_at(ms, ms),
        text: words.to_owned(),
        ..text("local", ms, topic)
    }
}

fn search(words: &str, limit: usize, before: Option<Uuid>) -> Query {
    Query::List {
        tenant: "local".to_owned(),
        term: None,
        words: Some(words.to_owned()),
        limit,
        before,
    }
}

/// The times of the texts that are found.
fn found(store: &mut Store, words: &str) -> Vec<u128> {
    let (rows, next) = store.page(&search(words, 100, None));
    assert_eq!(next, None);
    rows.iter().map(|row| row.id.as_u128() >> 80).collect()
}

#[test]
fn a_deleted_text_is_not_found_and_leaves_nothing_in_the_index() {
    let mut store = Store::new();
    store.put(save_text(about(1, "tea", "one")));
    store.put(save_text(about(2, "tea", "two")));
    let (tenant, id) = ("local".to_owned(), id_at(1, 1));
    store.put(Write::Delete { tenant, id });
    assert_eq!(found(&mut store, "tea"), [2]);
    // Whoever deletes it.
    store.run_sql("DELETE FROM generated_content");
    assert_eq!(found(&mut store, "tea"), []);
    assert_eq!(store.number("SELECT count(*) FROM search_documents"), 0);
    store.run_sql("INSERT INTO search (search) VALUES ('integrity-check')");
}

/// A peer may import ids that all stand at one place: each still finds a number of its own.
#[test]
fn many_ids_of_one_moment_are_all_found() {
    let mut store = Store::new();
    let rows: Vec<TextRow> = (0..500)
        .map(|n| TextRow {
            id: id_at(7, n),
            ..text("local", n, "tea")
        })
        .collect();
    let imported = Tally {
        imported: 500,
        ..Tally::default()
    };
    let again = Tally {
        skipped: 500,
        ..Tally::default()
    };
    assert_eq!(
        store.put(Write::Import(rows.clone())),
        Written::Imported(imported)
    );
    assert_eq!(store.put(Write::Import(rows)), Written::Imported(again));
    let (mut seen, mut before) = (0, None);
    loop {
        let (rows, next) = store.page(&search("tea", 100, before));
        seen += rows.len();
        before = next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen, 500);
}

#[test]
fn a_long_walk_ends_with_a_short_page_that_goes_on() {
    let mut store = Store::new();
    let others = SEARCH_WALK_ROWS as u128 + 10;
    let rows = (1..=others).map(|ms| TextRow {
        id: id_at(ms, ms),
        ..text("other", ms, "tea")
    });
    store.put(Write::Import(rows.collect()));
    let mut mine = about(0, "tea", "the oldest");
    mine.id = id_at(0, 1);
    store.put(save_text(mine));
    let (rows, next) = store.page(&search("tea", 5, None));
    assert_eq!(rows.len(), 0);
    let (rows, next) = store.page(&search("tea", 5, next));
    assert_eq!((rows.len(), next), (1, None));
}

/// A file of the version before: its tables, and rows that no index knows.
fn old_file(path: &Path, texts: u128) {
    let conn = rusqlite::Connection::open(path).unwrap();
    let tables = include_str!("../../migrations/0001_first_tables.sql");
    conn.execute_batch(tables).unwrap();
    conn.execute_batch("PRAGMA application_id = 0x6d747264; PRAGMA user_version = 1")
        .unwrap();
    let term = term_id("local", "tea");
    conn.execute(
        "INSERT INTO search_terms VALUES ('local', ?1, 'tea', x'00', 0)",
        [term.as_bytes()],
    )
    .unwrap();
    for ms in 1..=texts {
        conn.execute(
            "INSERT INTO generated_content VALUES ('local', ?1, ?2, x'00', 'complete', 'p', 'm', 0,
             NULL, NULL, NULL, 0, 0, 3, 'old', 'old text')",
            (id_at(ms, ms).as_bytes(), term.as_bytes()),
        )
        .unwrap();
    }
}

#[test]
fn texts_of_an_older_version_are_found_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maitred.db");
    old_file(&path, 150);
    let writer = Writer::open(&path).unwrap();
    let reader = Reader::open(&path).unwrap();
    let mut store = Store {
        folder,
        writer,
        reader,
    };
    assert_eq!(store.writer.unindexed().unwrap(), 150);
    let indexing = |store: &mut Store| match store.reader.run(&search("old", 100, None)).unwrap() {
        Found::Page { rows, indexing, .. } => (rows.len(), indexing),
        other => panic!("{other:?}"),
    };
    assert_eq!(indexing(&mut store), (0, true));
    // A new text is found at once, a deleted one is not taken in.
    store.put(save_text(about(1_000, "tea", "old and new")));
    let (tenant, id) = ("local".to_owned(), id_at(150, 150));
    store.put(Write::Delete { tenant, id });
    assert!(store.writer.index_some().unwrap());
    assert_eq!(indexing(&mut store), (65, true));
    while store.writer.index_some().unwrap() {}
    assert_eq!(store.writer.unindexed().unwrap(), 0);
    assert_eq!(store.number("SELECT count(*) FROM search_documents"), 150);
    assert_eq!(indexing(&mut store), (100, false));
}

#[test]
fn the_newest_matches_come_first_without_sorting() {
    let store = Store::new();
    let mut explain = (store.reader.conn)
        .prepare(&format!("EXPLAIN QUERY PLAN {MATCHES}"))
        .unwrap();
    let plan: Vec<String> = (explain.raw_query())
        .mapped(|row| row.get("detail"))
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(plan[0].contains("SCAN search VIRTUAL TABLE"), "{plan:?}");
    assert!(plan[1].contains("INTEGER PRIMARY KEY"), "{plan:?}");
    assert_eq!(plan.len(), 2, "no sorting: {plan:?}");
}
