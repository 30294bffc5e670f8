//! Search: words and their beginnings, the newest first, right after every change.

use maitred::store::{Query, TextRow, term_key};

use crate::Store;
use crate::rows::{delete, id, ms, save, search, text, words};

/// The times of the texts that are found.
pub(crate) fn found(store: &mut dyn Store, typed: &str) -> Vec<u128> {
    let (rows, next) = store.page(&search(typed, 100, None));
    assert_eq!(next, None);
    rows.iter().map(|row| ms(row.id)).collect()
}

pub(super) fn words_are_found_whatever_their_case_and_accents(store: &mut dyn Store) {
    store.put(save(words(1, "Green tea", "It is drunk in Japan.")));
    store.put(save(words(2, "coffee", "Café crème, not TEA.")));
    store.put(save(words(3, "Ölmühlen", "Nothing\0of that.")));
    assert_eq!(found(store, "tea"), [2, 1]);
    assert_eq!(found(store, "japan GREEN"), [1], "all, in any order");
    assert_eq!(found(store, "cafe creme"), [2]);
    assert_eq!(found(store, "cafe\u{301}"), [2]);
    assert_eq!(found(store, "olmuhl"), [3], "the last may be a beginning");
    for beginning in ["ol", "Öl", "olm", "olmu"] {
        assert_eq!(found(store, beginning), [3], "{beginning}");
    }
    assert_eq!(found(store, "o"), [], "one character begins no word");
    assert_eq!(found(store, "olmuhl nothing"), [], "the others not");
    assert_eq!(found(store, "of"), [3], "also behind a U+0000");
    assert_eq!(found(store, "- ?!"), [], "no word at all");
    store.put(delete("local", 1));
    assert_eq!(found(store, "tea"), [2]);
}

/// Addresses, numbers, tags and dates are words like all others.
pub(super) fn whatever_stands_between_words_separates_them(store: &mut dyn Store) {
    let between = [
        "tea/milk",
        "tea.milk",
        "tea-milk",
        "<tea>milk</tea>",
        "tea@milk.example",
        "“tea”—milk",
        "tea&amp;milk",
        "/tea/milk.html",
        "tea_milk",
        "tea、milk。",
        "tea+milk=good",
        "tea→milk",
    ];
    for (number, text) in (1..).zip(between) {
        store.put(save(words(number, "x", text)));
    }
    let all: Vec<u128> = (1..=between.len() as u128).rev().collect();
    assert_eq!(found(store, "tea"), all);
    assert_eq!(found(store, "milk"), all);
    assert_eq!(found(store, "mil"), all);
    store.put(save(words(
        20,
        "x",
        "On 2024-01-15 it was -5 or 3.14 or 1e5.",
    )));
    for typed in ["2024-01-15", "01", "15", "5 14", "3.14", "-5", "1e5"] {
        assert_eq!(found(store, typed), [20], "{typed}");
    }
    store.put(save(words(30, "x", "हिन्दी चाय, 绿茶好喝, ภาษาไทย")));
    for typed in ["हिन्दी", "चाय", "绿茶", "ภาษาไทย"] {
        assert_eq!(found(store, typed), [30], "{typed}");
    }
}

pub(super) fn nothing_that_is_typed_is_a_fault(store: &mut dyn Store) {
    let text = "a \"quoted\" text: OR not, NEAR(it) x*";
    store.put(save(words(1, "tea", text)));
    for typed in [
        "\"",
        "\"tea",
        "tea\"\"",
        "tea OR",
        "AND",
        "NOT tea",
        "NEAR(a b)",
        "topic:tea",
        "^tea",
        "te*",
        "tea*",
        "(tea",
        "tea)",
        "a+b",
        "{a b}:c",
        "-tea",
        "tea\0",
        "\0\"tea",
        "🙂",
        "x'; DROP TABLE",
        "\u{202e}tea",
        "١٢",
        "ⓐ",
        "tea & !milk",
        "tea:*",
        "a <-> b",
        "tea:A",
        "\\",
        "'",
        "\u{301}",
        "x\u{301}",
        "²",
        "½",
        "ﷺ",
    ] {
        store.page(&search(typed, 1, None));
    }
    assert_eq!(found(store, "\"quoted"), [1]);
    store.page(&search(&"w ".repeat(100), 1, None));
    store.page(&search(&"wort".repeat(500), 1, None));
}

pub(super) fn pages_are_whole_while_texts_come_and_go(store: &mut dyn Store) {
    for number in 1..=10 {
        store.put(save(words(number, "tea", "all about it")));
        store.put(save(words(100 + number, "coffee", "all about it")));
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let (rows, next) = store.page(&search("tea", 3, before));
        seen.extend(rows.iter().map(|row| ms(row.id)));
        let Some(last) = next else { break };
        before = next;
        store.put(save(words(200 + seen.len() as u128, "tea", "newer")));
        // Also the text that the next page begins after.
        store.put(delete("local", ms(last)));
    }
    assert_eq!(seen, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
}

pub(super) fn a_search_knows_its_tenant_and_its_topic(store: &mut dyn Store) {
    store.put(save(words(1, "tea", "hot")));
    store.put(save(words(2, "soup", "hot")));
    store.put(save(TextRow {
        id: id(3),
        ..text("other", 3, "hot tea")
    }));
    assert_eq!(found(store, "hot"), [2, 1]);
    let (rows, _) = store.page(&Query::List {
        tenant: "local".to_owned(),
        term: Some("TEA".to_owned()),
        words: Some("hot".to_owned()),
        limit: 10,
        before: None,
    });
    assert_eq!(rows.len(), 1);
    assert_eq!(term_key(&rows[0].term), term_key("tea"));
}
