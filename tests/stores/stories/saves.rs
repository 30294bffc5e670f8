//! Changes: whole, repeatable, and nobody else's business.

use maitred::store::{Calls, RequestRow, Tally, TextRow, TextState, Write, Written, term_id};

use crate::Store;
use crate::rows::{
    analysis, delete, id, keywords, request, rescore, save, save_analysis, save_request, scores,
    text,
};

pub(super) fn a_text_comes_back_as_it_was(store: &mut dyn Store) {
    let row = TextRow {
        text: "a 🦀 \u{feff} \u{7f} \u{10ffff} end\n".to_owned(),
        term: " odd\u{1} topic\t".to_owned(),
        search_term_id: term_id("local", " odd\u{1} topic\t"),
        state: TextState::Truncated,
        finish_reason: None,
        offline: false,
        completion_tokens: Some(7),
        created_ms: -1,
        scores: Some(scores(-0.25)),
        ..text("local", 1, "")
    };
    assert_eq!(store.put(save(row.clone())), Written::Saved);
    assert_eq!(store.one("local", row.id), Some(row));
    assert_eq!(store.one("local", id(2)), None);
}

pub(super) fn figures_that_are_no_numbers_lose_no_text(store: &mut dyn Store) {
    let mut odd = scores(f64::NAN);
    odd.readability.smog_index = f64::INFINITY;
    odd.readability.syllable_count = u64::MAX;
    store.put(save(TextRow {
        scores: Some(odd),
        prompt_tokens: Some(u64::MAX),
        ..text("local", 1, "x")
    }));

    let row = store.one("local", id(1)).unwrap();
    assert_eq!(row.prompt_tokens, Some(i64::MAX as u64));
    let scores = row.scores.unwrap();
    assert!(scores.sentiment.compound.is_nan());
    assert_eq!(scores.readability.smog_index, f64::INFINITY);
    assert_eq!(scores.readability.syllable_count, i64::MAX as u64);
}

pub(super) fn a_generation_leaves_its_rows_together(store: &mut dyn Store) {
    store.put(Write::Save {
        requests: vec![request(1), request(2)],
        text: Some(Box::new(text("local", 3, "tea"))),
        analysis: Some(Box::new(analysis(4, "tea"))),
    });
    assert_eq!(store.count("generated_content"), 1);
    assert_eq!(store.count("sentiment_analysis"), 1);
    assert_eq!(store.count("search_terms"), 1);
    let row = "requests WHERE outcome = 'ok' AND streamed = TRUE AND status = 200
               AND duration_us = 1500 AND prompt_tokens = 0 AND completion_tokens IS NULL";
    assert_eq!(store.count(row), 2);
}

/// A text, the request that asked for it, and an analysis.
fn everything() -> Write {
    Write::Save {
        requests: vec![request(1)],
        text: Some(Box::new(TextRow {
            scores: Some(scores(0.5)),
            ..text("local", 1, "tea")
        })),
        analysis: Some(Box::new(analysis(2, "tea"))),
    }
}

pub(super) fn a_repeated_save_changes_nothing(store: &mut dyn Store) {
    let later = TextRow {
        text: "other".to_owned(),
        scores: Some(scores(-0.5)),
        ..text("local", 1, "tea")
    };
    for write in [everything(), everything(), save(later)] {
        assert_eq!(store.put(write), Written::Saved);
    }
    let row = store.one("local", id(1)).unwrap();
    assert_eq!(row.text, "Text 1 about tea.");
    assert_eq!(row.scores, Some(scores(0.5)));
    assert_eq!(store.count("requests"), 1);
    assert_eq!(store.count("sentiment_analysis"), 2);
}

/// What the journal replays may be there by half: some of it was written before a crash.
pub(super) fn a_replay_is_the_same_as_its_writes(store: &mut dyn Store) {
    let replay = Write::Replay(vec![
        save(text("local", 7, "milk")),
        everything(),
        keywords(3, &["tea"]),
        save(text("other", 7, "milk")),
        save_request(request(9)),
    ]);
    store.put(save(text("local", 7, "milk")));
    for _ in 0..2 {
        assert_eq!(store.put(replay.clone()), Written::Saved);
        let tables = ["requests", "generated_content", "search_terms"];
        assert_eq!(tables.map(|table| store.count(table)), [3, 3, 4]);
        assert_eq!(store.count("generated_keywords"), 1);
    }
    assert!(store.one("local", id(1)).unwrap().scores.is_some());
    store.put(delete("local", 7));
    assert_eq!(store.put(Write::Replay(Vec::new())), Written::Saved);
    assert_eq!(store.count("generated_content"), 2);
}

/// Texts that wait in a journal may be deleted and scored there.
pub(super) fn a_replay_deletes_and_scores_what_it_brings(store: &mut dyn Store) {
    let replay = Write::Replay(vec![
        save(text("local", 1, "tea")),
        save(text("local", 2, "milk")),
        delete("local", 1),
        rescore("local", 2, 0.25),
    ]);
    for _ in 0..2 {
        assert_eq!(store.put(replay.clone()), Written::Saved);
        assert_eq!(store.one("local", id(1)), None);
        let scored = store.one("local", id(2)).unwrap().scores;
        assert_eq!(scored.unwrap().sentiment.compound, 0.25);
        assert_eq!(store.count("search_terms"), 1);
    }
}

/// A file may hold an id twice, and a journal too: the first is stored, with nothing of the other.
pub(super) fn of_two_with_one_id_the_first_is_stored(store: &mut dyn Store) {
    let without = text("local", 1, "tea");
    let scored = TextRow {
        scores: Some(scores(0.5)),
        ..text("local", 1, "milk")
    };
    // In both orders of their terms' ids.
    for (first, second) in [(&without, &scored), (&scored, &without)] {
        let (one, two) = (first.clone(), second.clone());
        let both = [
            Write::Import(vec![one.clone(), two.clone()]),
            Write::Replay(vec![save(one), save(two)]),
        ];
        for write in both {
            store.put(write);
            assert_eq!(store.one("local", id(1)).as_ref(), Some(first));
            store.put(save(second.clone()));
            assert_eq!(store.one("local", id(1)).as_ref(), Some(first));
            assert_eq!(store.count("search_terms"), 1);
            store.put(delete("local", 1));
        }
    }
}

pub(super) fn an_import_says_what_was_there(store: &mut dyn Store) {
    store.put(save(text("local", 1, "tea")));
    let scored = TextRow {
        scores: Some(scores(0.5)),
        ..text("local", 2, "tea")
    };
    // What is there keeps its term, and gets no scores; a term that is of no use is not left behind.
    let known = TextRow {
        scores: Some(scores(0.5)),
        ..text("local", 1, "milk")
    };
    let rows = vec![known, scored.clone(), text("local", 3, "soup")];
    let tally = Tally {
        imported: 2,
        skipped: 1,
        scored: 1,
    };
    assert_eq!(
        store.put(Write::Import(rows.clone())),
        Written::Imported(tally)
    );
    assert_eq!(store.one("local", id(1)), Some(text("local", 1, "tea")));
    assert_eq!(store.one("local", id(2)), Some(scored));
    assert_eq!(store.count("search_terms"), 2);
    let again = Tally {
        skipped: 3,
        ..Tally::default()
    };
    assert_eq!(store.put(Write::Import(rows)), Written::Imported(again));
    let nothing = Written::Imported(Tally::default());
    assert_eq!(store.put(Write::Import(Vec::new())), nothing);
}

pub(super) fn keywords_are_rows_in_their_order(store: &mut dyn Store) {
    let twice = keywords(1, &["tea", "milk"]);
    for write in [
        twice.clone(),
        twice,
        keywords(2, &["tea"]),
        keywords(3, &[]),
    ] {
        assert_eq!(store.put(write), Written::Saved);
    }
    assert_eq!(store.count("requests"), 3);
    assert_eq!(store.count("search_terms"), 1);
    assert_eq!(store.count("generated_keywords"), 3);
    let second = "generated_keywords WHERE keyword = 'milk' AND position = 1
                  AND method = 'local' AND score = 0.5 AND created_ms = 7";
    assert_eq!(store.count(second), 1);
}

pub(super) fn a_deletion_takes_scores_and_unused_term_along(store: &mut dyn Store) {
    for number in [1, 2] {
        store.put(save(TextRow {
            scores: Some(scores(0.5)),
            ..text("local", number, "tea")
        }));
    }
    store.put(save_request(request(1)));
    assert_eq!(store.put(delete("local", 1)), Written::Deleted(true));
    assert_eq!(store.count("sentiment_analysis"), 1);
    assert_eq!(store.count("search_terms"), 1);
    assert_eq!(store.put(delete("local", 1)), Written::Deleted(false));
    assert_eq!(store.put(delete("local", 2)), Written::Deleted(true));
    assert_eq!(store.count("search_terms"), 0);
    // What happened stays on record.
    assert_eq!(store.count("requests"), 1);
}

pub(super) fn an_analysis_keeps_its_term_alive(store: &mut dyn Store) {
    store.put(save(text("local", 1, "tea")));
    store.put(save_analysis(analysis(2, "tea")));
    store.put(save(text("local", 3, "a text")));
    store.put(keywords(4, &["tea"]));
    for number in [1, 3] {
        assert_eq!(store.put(delete("local", number)), Written::Deleted(true));
    }
    assert_eq!(store.count("search_terms"), 2);
    assert_eq!(store.count("sentiment_analysis"), 1);
}

pub(super) fn scores_can_come_later_and_again(store: &mut dyn Store) {
    store.put(save(text("local", 1, "tea")));
    for compound in [0.1, -0.9] {
        assert_eq!(
            store.put(rescore("local", 1, compound)),
            Written::Rescored(true)
        );
        let row = store.one("local", id(1)).unwrap();
        assert_eq!(row.scores, Some(scores(compound)));
    }
    assert_eq!(store.count("sentiment_analysis"), 1);
    let missing = store.put(rescore("local", 2, 0.0));
    assert_eq!(missing, Written::Rescored(false));
}

pub(super) fn tenants_do_not_see_each_other(store: &mut dyn Store) {
    store.put(save(text("alice", 1, "tea")));
    assert_eq!(store.one("bob", id(1)), None);
    assert_eq!(store.put(delete("bob", 1)), Written::Deleted(false));
    assert_eq!(store.put(rescore("bob", 1, 0.5)), Written::Rescored(false));
    // The same id under another tenant is another text.
    store.put(save(text("bob", 1, "coffee")));
    assert_eq!(store.one("alice", id(1)).unwrap().term, "tea");
    assert_eq!(store.one("bob", id(1)).unwrap().term, "coffee");
    assert_eq!(store.put(delete("bob", 1)), Written::Deleted(true));
    assert_eq!(store.one("alice", id(1)).unwrap().term, "tea");
    assert_eq!(store.export(), (Vec::new(), 1));
}

pub(super) fn what_a_request_cost_is_kept(store: &mut dyn Store) {
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
        ..request(1)
    }));
    let row = "requests
               WHERE inbound = 'openai' AND asked_model = 'fast' AND key_name = 'spare'
               AND attempts = 2 AND finish_reason = 'stop' AND native_finish_reason = 'end_turn'
               AND cached_tokens = 0 AND reasoning_tokens IS NULL AND cost = 0.00025
               AND queue_us = 0 AND connect_us = 1200 AND lost_us = 40
               AND first_byte_us = 9223372036854775807 AND first_content_us IS NULL";
    assert_eq!(store.count(row), 1);
}

/// D18
pub(super) fn sql_is_stored_as_it_is(store: &mut dyn Store) {
    let evil = "'; DROP TABLE generated_content; -- $1 \\ \" ?1 %s";
    let row = TextRow {
        text: evil.to_owned(),
        provider: evil.to_owned(),
        model: evil.to_owned(),
        ..text(evil, 1, evil)
    };
    store.put(save(row.clone()));
    assert_eq!(store.one(evil, id(1)), Some(row));
    assert_eq!(store.put(delete(evil, 1)), Written::Deleted(true));
    assert_eq!(store.count("generated_content"), 0);
}
