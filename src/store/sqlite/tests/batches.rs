//! What becomes of the writes of one batch, and of their neighbours.

use super::*;
use crate::score::keywords::Keyword;
use crate::store::{KeywordMethod, KeywordsRow};

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
fn a_text_comes_back_as_it_was() {
    let mut store = Store::new();
    let row = TextRow {
        text: "a\0b 🦀 \u{feff} end".to_owned(),
        term: "nul\0in topic".to_owned(),
        search_term_id: term_id("local", "nul\0in topic"),
        state: TextState::Truncated,
        completion_tokens: Some(7),
        scores: Some(scores(-0.25)),
        ..text("local", 1, "")
    };
    assert_eq!(store.put(save_text(row.clone())), Written::Saved);
    assert_eq!(store.one("local", row.id), Some(row));
}

#[test]
fn odd_figures_lose_no_text() {
    let mut store = Store::new();
    let mut odd = scores(f64::NAN);
    odd.readability.smog_index = f64::INFINITY;
    let tokens = Some(u64::MAX);
    store.put(save_text(TextRow {
        scores: Some(odd),
        prompt_tokens: tokens,
        ..text("t", 1, "x")
    }));

    let row = store.one("t", number_id(1)).unwrap();
    assert_eq!(row.prompt_tokens, Some(i64::MAX as u64));
    let scores = row.scores.unwrap();
    assert!(scores.sentiment.compound.is_nan());
    assert_eq!(scores.readability.smog_index, f64::INFINITY);
}

#[test]
fn a_generation_leaves_its_rows_together() {
    let mut store = Store::new();
    store.put(Write::Save {
        requests: vec![request("local", 1), request("local", 2)],
        text: Some(Box::new(text("local", 3, "tea"))),
        analysis: Some(Box::new(analysis("local", 4, "tea"))),
    });
    assert_eq!(store.number("SELECT count(*) FROM requests"), 2);
    assert_eq!(store.number("SELECT count(*) FROM generated_content"), 1);
    assert_eq!(store.number("SELECT count(*) FROM sentiment_analysis"), 1);
    assert_eq!(store.number("SELECT count(*) FROM search_terms"), 1);
    let row = "SELECT count(*) FROM requests WHERE outcome = 'ok' AND streamed AND status = 200
               AND duration_us = 1500 AND prompt_tokens = 0 AND completion_tokens IS NULL";
    assert_eq!(store.number(row), 2);
}

#[test]
fn a_repeated_save_changes_nothing() {
    let mut store = Store::new();
    let first = Write::Save {
        requests: vec![request("local", 1)],
        text: Some(Box::new(TextRow {
            scores: Some(scores(0.5)),
            ..text("local", 1, "tea")
        })),
        analysis: Some(Box::new(analysis("local", 2, "tea"))),
    };
    let later = TextRow {
        text: "other".to_owned(),
        ..text("local", 1, "tea")
    };
    store.put(first.clone());
    let results = store.writer.apply(&[first, save_text(later)]);
    assert_eq!(results, [Ok(Written::Saved), Ok(Written::Saved)]);

    let row = store.one("local", number_id(1)).unwrap();
    assert_eq!(
        (row.text.as_str(), row.scores),
        ("Text 1 about tea.", Some(scores(0.5)))
    );
    assert_eq!(store.number("SELECT count(*) FROM requests"), 1);
    assert_eq!(store.number("SELECT count(*) FROM sentiment_analysis"), 2);
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
fn keywords_are_rows_in_their_order_under_one_term() {
    let mut store = Store::new();
    let row = |number, words: &[&str]| KeywordsRow {
        id: number_id(number),
        tenant: "local".to_owned(),
        search_term_id: term_id("local", "a text"),
        term: "a text".to_owned(),
        method: KeywordMethod::Local,
        keywords: (words.iter())
            .map(|word| Keyword {
                keyword: (*word).to_owned(),
                score: 0.5,
            })
            .collect(),
        created_ms: 7,
    };
    let save = |number, words: &[&str]| Write::Keywords {
        requests: vec![request("local", number)],
        row: Box::new(row(number, words)),
    };
    let twice = save(1, &["tea", "milk"]);
    for write in [twice.clone(), twice, save(2, &["tea"]), save(3, &[])] {
        assert_eq!(store.put(write), Written::Saved);
    }
    let count = |sql: &str| store.number(&format!("SELECT count(*) FROM {sql}"));
    assert_eq!(count("requests"), 3);
    assert_eq!(count("search_terms"), 1);
    assert_eq!(count("generated_keywords"), 3);
    let second = "generated_keywords WHERE keyword = 'milk' AND position = 1 AND method = 'local' \
                  AND score = 0.5 AND created_ms = 7";
    assert_eq!(count(second), 1);
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
fn delete_takes_scores_and_unused_term_along() {
    let mut store = Store::new();
    for number in [1, 2] {
        let scores = Some(scores(0.5));
        store.put(save_text(TextRow {
            scores,
            ..text("local", number, "tea")
        }));
    }
    store.put(save_request(request("local", 1)));
    let delete = |number| Write::Delete {
        tenant: "local".to_owned(),
        id: number_id(number),
    };

    assert_eq!(store.put(delete(1)), Written::Deleted(true));
    assert_eq!(store.number("SELECT count(*) FROM sentiment_analysis"), 1);
    assert_eq!(store.number("SELECT count(*) FROM search_terms"), 1);
    assert_eq!(store.put(delete(1)), Written::Deleted(false));
    assert_eq!(store.put(delete(2)), Written::Deleted(true));
    assert_eq!(store.number("SELECT count(*) FROM search_terms"), 0);
    // What happened stays on record.
    assert_eq!(store.number("SELECT count(*) FROM requests"), 1);
}

#[test]
fn an_analysis_keeps_its_term_alive() {
    let mut store = Store::new();
    store.put(save_text(text("local", 1, "tea")));
    let analysis = Some(Box::new(analysis("local", 2, "tea")));
    store.put(Write::Save {
        requests: Vec::new(),
        text: None,
        analysis,
    });
    store.put(Write::Delete {
        tenant: "local".to_owned(),
        id: number_id(1),
    });
    assert_eq!(store.number("SELECT count(*) FROM search_terms"), 1);
    assert_eq!(store.number("SELECT count(*) FROM sentiment_analysis"), 1);
}

#[test]
fn scores_can_come_later_and_again() {
    let mut store = Store::new();
    store.put(save_text(text("local", 1, "tea")));
    for compound in [0.1, -0.9] {
        let scores = Box::new(scores(compound));
        let rescore = Write::Rescore {
            tenant: "local".to_owned(),
            id: number_id(1),
            scores,
        };
        assert_eq!(store.put(rescore), Written::Rescored(true));
        let row = store.one("local", number_id(1)).unwrap();
        assert_eq!(row.scores.unwrap().sentiment.compound, compound);
    }
    let scores = Box::new(scores(0.0));
    let missing = Write::Rescore {
        tenant: "local".to_owned(),
        id: number_id(2),
        scores,
    };
    assert_eq!(store.put(missing), Written::Rescored(false));
}

#[test]
fn tenants_do_not_see_each_other() {
    let mut store = Store::new();
    store.put(save_text(text("alice", 1, "tea")));
    let id = number_id(1);
    assert_eq!(store.one("bob", id), None);
    let delete = Write::Delete {
        tenant: "bob".to_owned(),
        id,
    };
    assert_eq!(store.put(delete), Written::Deleted(false));
    let scores = Box::new(scores(0.5));
    let rescore = Write::Rescore {
        tenant: "bob".to_owned(),
        id,
        scores,
    };
    assert_eq!(store.put(rescore), Written::Rescored(false));

    // The same id under another tenant is another text.
    store.put(save_text(text("bob", 1, "coffee")));
    assert_eq!(store.one("alice", id).unwrap().term, "tea");
    assert_eq!(store.one("bob", id).unwrap().term, "coffee");
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

#[test]
fn what_a_request_cost_is_kept_and_zero_is_not_nothing() {
    let mut store = Store::new();
    let calls = Calls {
        asked_model: Some("fast".to_owned()),
        key_name: Some("spare".to_owned()),
        attempts: 2,
        finish_reason: Some("stop".into()),
        native_finish_reason: Some("end_turn".into()),
        cached_tokens: Some(0),
        reasoning_tokens: None,
        cost: Some(0.000_25),
        queue_us: Some(0),
        connect_us: Some(1_200),
        lost_us: Some(40),
        first_byte_us: Some(u64::MAX),
        first_content_us: None,
    };
    store.put(save_request(RequestRow {
        calls,
        ..request("local", 1)
    }));
    let row = "SELECT count(*) FROM requests
               WHERE inbound = 'openai' AND asked_model = 'fast' AND key_name = 'spare'
               AND attempts = 2 AND finish_reason = 'stop' AND native_finish_reason = 'end_turn'
               AND cached_tokens = 0 AND reasoning_tokens IS NULL AND cost = 0.00025
               AND queue_us = 0 AND connect_us = 1200 AND lost_us = 40
               AND first_byte_us = 9223372036854775807 AND first_content_us IS NULL";
    assert_eq!(store.number(row), 1);
}
