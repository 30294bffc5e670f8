//! Answers under idempotency keys: each is there for as long as its text, and frees its key if it cannot be.

use maitred::store::{Claimed, Found, KeyChange, Query, Write, Written};

use crate::Store;
use crate::rows::{answered, delete, id, request, save, save_request, scope, text, told_chat};

fn answer(store: &mut dyn Store, key: &str) -> Option<String> {
    match store.ask(&Query::Answer(scope(key))).unwrap() {
        Found::Answer(answer) => answer.map(|answer| answer.body),
        other => panic!("a key was looked up and answered with {other:?}"),
    }
}

fn claim(store: &mut dyn Store, key: &str, owner: u128) -> Claimed {
    let change = KeyChange::Claim {
        scope: scope(key),
        fingerprint: [1; 32],
        owner: id(owner),
        now_ms: 1_700_000_000_000,
    };
    match store.put(Write::Keys(Box::new(change))) {
        Written::Claimed(claimed) => claimed,
        other => panic!("a claim was answered with {other:?}"),
    }
}

/// The row of the request that was answered with text 1, and that answer under the key.
fn hit(key: &str) -> Write {
    answered(save_request(request(9)), key, 1)
}

pub(super) fn an_answer_goes_with_the_text_it_came_with(store: &mut dyn Store) {
    // A text, and a chat of which only the answer is kept.
    for new in [save(text("local", 1, "tea")), told_chat(1, 1, "{}")] {
        assert_eq!(claim(store, "a", 1), Claimed::Yours);
        store.put(answered(new, "a", 1));
        assert!(answer(store, "a").is_some());
        assert_eq!(claim(store, "a", 2), Claimed::Answered);
        store.put(delete("local", 1));
        assert_eq!(answer(store, "a"), None);
    }
}

pub(super) fn an_answer_that_was_found_is_kept_while_its_text_is_there(store: &mut dyn Store) {
    for stored in [save(text("local", 1, "tea")), told_chat(1, 1, "{}")] {
        store.put(stored);
        claim(store, "a", 1);
        store.put(hit("a"));
        store.put(hit("b"));
        for key in ["a", "b"] {
            assert!(answer(store, key).is_some());
            assert_eq!(claim(store, key, 2), Claimed::Answered);
        }
        assert_eq!(store.put(delete("local", 1)), Written::Deleted(true));
        assert_eq!((answer(store, "a"), answer(store, "b")), (None, None));
        assert_eq!(store.count("idempotency_keys"), 0);
    }
}

pub(super) fn an_answer_whose_text_is_gone_is_not_kept_and_its_key_is_free(store: &mut dyn Store) {
    for stored in [save(text("local", 1, "tea")), told_chat(1, 1, "{}")] {
        store.put(stored);
        claim(store, "a", 1);
        claim(store, "b", 2); // of which the answer knows nothing
        store.put(delete("local", 1));
        store.put(hit("a"));
        store.put(hit("b"));
        assert_eq!((answer(store, "a"), answer(store, "b")), (None, None));
        assert_eq!(store.count("requests"), 1, "the request has its row");
        assert_eq!(claim(store, "a", 3), Claimed::Yours);
        assert_eq!(claim(store, "b", 3), Claimed::Busy, "it is another's");
        // What has no text has nothing to lose.
        let none = answered(save_request(request(9)), "c", 0);
        store.put(none);
        assert!(answer(store, "c").is_some());
        let others = ["a", "b"].map(|key| KeyChange::Free {
            scope: scope(key),
            owner: id(if key == "a" { 3 } else { 2 }),
        });
        for free in others {
            store.put(Write::Keys(Box::new(free)));
        }
    }
}

pub(super) fn an_answer_that_has_waited_is_kept_if_its_text_is_there_by_then(
    store: &mut dyn Store,
) {
    let tea = || save(text("local", 1, "tea"));
    // Of several with one text, and of a chat that comes with the others.
    for stored in [tea(), told_chat(1, 1, "{}")] {
        store.put(Write::Replay(vec![stored, hit("a"), hit("b")]));
        assert!(answer(store, "a").is_some() && answer(store, "b").is_some());
        store.put(delete("local", 1));
        store.put(Write::Replay(vec![hit("a"), hit("b")]));
        assert_eq!((answer(store, "a"), answer(store, "b")), (None, None));
    }
    store.put(Write::Replay(vec![
        answered(tea(), "a", 1),
        hit("b"),
        delete("local", 1),
    ]));
    assert_eq!((answer(store, "a"), answer(store, "b")), (None, None));
}
