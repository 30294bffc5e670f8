//! Answers that answer again: found while they are young and there, and gone with their texts.

use maitred::limits::CACHE_AGE_MAX_S;
use maitred::store::{Found, FoundChat, KeyChange, Query, Table, Write, Written};

use crate::Store;
use crate::rows::{delete, id, save, text, told_chat};

const NOW: i64 = 1_700_000_000_000;

/// An answer to the chat `prompt`, whose text has this number.
fn told(number: u128, prompt: u8, body: &str, created_ms: i64) -> Write {
    let mut told = told_chat(number, prompt, body);
    if let Write::Answered { cached, .. } = &mut told {
        cached.as_mut().unwrap().created_ms = created_ms;
    }
    told
}

fn found(store: &mut dyn Store, tenant: &str, prompt: u8, since_ms: i64) -> Option<FoundChat> {
    let query = Query::CachedChat {
        tenant: tenant.to_owned(),
        prompt: [prompt; 32],
        since_ms,
    };
    match store.ask(&query).unwrap() {
        Found::CachedChat(found) => found.map(|found| *found),
        other => panic!("a chat was looked for and answered with {other:?}"),
    }
}

fn body(store: &mut dyn Store, prompt: u8) -> Option<String> {
    found(store, "local", prompt, 0).map(|found| found.told.body)
}

pub(super) fn an_equal_chat_finds_the_newest_answer(store: &mut dyn Store) {
    store.put(told(2, 1, "{\"new\":\"ü\"}", NOW + 1));
    store.put(told(1, 1, "{}", NOW)); // written late
    let new = found(store, "local", 1, NOW + 1).unwrap();
    assert_eq!((new.text, new.created_ms), (id(2), NOW + 1));
    assert_eq!(new.told.body, "{\"new\":\"ü\"}");
    assert_eq!((&*new.told.provider, &*new.told.model), ("openai", "m"));
    assert_eq!(found(store, "local", 1, NOW + 2), None, "too old");
    assert_eq!(found(store, "local", 2, NOW), None, "another question");
    assert_eq!(found(store, "other", 1, NOW), None, "somebody else's");
    // Two of one question in one go.
    store.put(Write::Replay(vec![
        told(3, 1, "older", NOW + 2),
        told(4, 1, "newer", NOW + 3),
        told(5, 2, "other", NOW),
    ]));
    assert_eq!(body(store, 1).as_deref(), Some("newer"));
    assert_eq!(body(store, 2).as_deref(), Some("other"));
}

pub(super) fn an_answer_to_a_chat_is_no_text(store: &mut dyn Store) {
    store.put(save(text("local", 1, "tea")));
    store.put(told(1, 1, "{}", NOW));
    let mut plain = told(1, 2, "", NOW);
    if let Write::Answered { cached, .. } = &mut plain {
        cached.as_mut().unwrap().chat = None;
    }
    store.put(plain);
    assert_eq!(found(store, "local", 2, 0), None, "a text is no answer");
    assert_eq!(store.count("answer_cache WHERE body IS NULL"), 1);
    assert_eq!(store.count("answer_cache WHERE body_bytes = 2"), 1);
}

pub(super) fn an_answer_goes_with_its_text_whether_that_is_stored_or_not(store: &mut dyn Store) {
    store.put(save(text("local", 1, "tea")));
    store.put(told(1, 1, "{}", NOW));
    store.put(told(2, 2, "{}", NOW));
    for number in [1, 2] {
        assert!(body(store, number as u8).is_some());
        let deleted = store.put(delete("local", number));
        assert_eq!(deleted, Written::Deleted(true));
        assert_eq!(body(store, number as u8), None);
        let again = store.put(delete("local", number));
        assert_eq!(again, Written::Deleted(false));
    }
    assert_eq!(store.put(delete("other", 2)), Written::Deleted(false));
}

pub(super) fn old_answers_are_forgotten(store: &mut dyn Store) {
    for number in 1..=5 {
        store.put(told(number, number as u8, "{}", NOW + number as i64));
    }
    let expire = |before, limit| Write::Expire {
        table: Table::Answers,
        before: id(before),
        limit,
    };
    assert_eq!(store.put(expire(4, 2)), Written::Expired(2));
    assert_eq!((body(store, 1), body(store, 2)), (None, None));
    assert_eq!(store.put(expire(4, 2)), Written::Expired(1));
    assert_eq!(store.put(expire(4, 2)), Written::Expired(0));
    assert!(body(store, 4).is_some());
    let now_ms = NOW + 5 + (CACHE_AGE_MAX_S * 1000) as i64;
    store.put(Write::Keys(Box::new(KeyChange::Sweep { now_ms })));
    assert_eq!(body(store, 4), None);
    assert!(body(store, 5).is_some());
}
