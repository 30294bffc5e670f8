//! What becomes of the writes of one batch, and of their neighbours.

use super::*;

/// Makes every request of the route `poison` break a rule of the schema: at its own statement, or
/// only when the transaction commits.
fn poison(store: &Store, when: &str) {
    store.run_sql(&format!(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY {when});
         CREATE TRIGGER poison AFTER INSERT ON requests WHEN new.route = 'poison'
         BEGIN INSERT INTO child VALUES (1); END;"
    ));
}

fn poisoned(number: u128) -> Write {
    save_request(RequestRow {
        route: "poison".to_owned(),
        ..request("local", number)
    })
}

#[test]
fn a_failing_write_does_not_hurt_its_neighbours() {
    let mut store = Store::new();
    poison(&store, "IMMEDIATE");
    // The failing one has stored its text before its second row fails: both must go.
    let half = Write::Save {
        requests: vec![
            request("local", 2),
            RequestRow {
                route: "poison".to_owned(),
                ..request("local", 9)
            },
        ],
        text: Some(Box::new(text("local", 2, "coffee"))),
        analysis: None,
    };
    let results = store.writer.apply(&[
        save_both("local", 1, "tea"),
        half,
        save_both("local", 3, "milk"),
    ]);

    assert_eq!(results[0], Ok(Written::Saved));
    assert_eq!(results[1].as_ref().unwrap_err().code(), "store_failed");
    assert_eq!(results[2], Ok(Written::Saved));
    assert_eq!(store.number("SELECT count(*) FROM requests"), 2);
    assert_eq!(store.number("SELECT count(*) FROM generated_content"), 2);
    assert!(store.one("local", number_id(2)).is_none());
}

#[test]
fn a_failed_commit_fails_all_of_them() {
    let mut store = Store::new();
    poison(&store, "DEFERRED");
    let results = store
        .writer
        .apply(&[save_both("local", 1, "tea"), poisoned(2)]);

    let codes: Vec<_> = results
        .iter()
        .map(|r| r.as_ref().unwrap_err().code())
        .collect();
    assert_eq!(codes, ["store_failed", "store_failed"]);
    assert!(store.one("local", number_id(1)).is_none());
    // The next batch starts afresh.
    assert_eq!(store.put(save_both("local", 1, "tea")), Written::Saved);
}

#[test]
fn an_error_never_quotes_a_row() {
    let mut store = Store::new();
    poison(&store, "IMMEDIATE");
    let secret = RequestRow {
        error_code: Some("SECRET".to_owned()),
        ..request("local", 1)
    };
    let secret = RequestRow {
        route: "poison".to_owned(),
        ..secret
    };
    let error = store
        .writer
        .apply(&[save_request(secret)])
        .remove(0)
        .unwrap_err();
    let words = format!("{error} {error:?}");
    assert!(words.contains("maitred.db"), "{words}");
    assert!(
        !words.contains("SECRET") && !words.contains("poison"),
        "{words}"
    );
}

#[test]
fn a_full_store_says_so_and_stays_usable() {
    let mut store = Store::new();
    store.put(save_both("local", 1, "tea"));
    let pages = store.number("PRAGMA page_count");
    store.run_sql(&format!("PRAGMA max_page_count = {}", pages + 8));
    let big = TextRow {
        text: "x".repeat(100_000),
        ..text("local", 2, "big")
    };
    let delete = Write::Delete {
        tenant: "local".to_owned(),
        id: number_id(1),
    };

    let results = store
        .writer
        .apply(&[save_text(big), save_both("local", 3, "milk"), delete]);
    assert_eq!(results[0], Err(StoreError::Full { path: store.path() }));
    assert_eq!(
        results[1..],
        [Ok(Written::Saved), Ok(Written::Deleted(true))]
    );
    assert_eq!(store.one("local", number_id(1)), None);
    assert_eq!(store.one("local", number_id(2)), None);
    assert!(store.one("local", number_id(3)).is_some());
    let check = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'";
    assert_eq!(store.number(check), 1);
}
