//! What differs between the engines, and is meant to.

use maitred::store::TextRow;

use crate::rows::{id, list, save, text, words};
use crate::stories::found;
use crate::support::postgres::Postgres;
use crate::{File, Server, Store};

/// PostgreSQL has no U+0000 in a text (D19): it keeps U+FFFD in its place, and everything else as it was.
fn a_zero_in_a_text(store: &mut dyn Store) {
    let row = TextRow {
        text: "a\0b".to_owned(),
        ..text("local", 1, "nul\0in topic")
    };
    store.put(save(row.clone()));
    let expected = TextRow {
        text: store.kept(&row.text),
        term: store.kept(&row.term),
        ..row
    };
    assert_eq!(store.one("local", id(1)), Some(expected.clone()));
    let (rows, _) = store.page(&list(Some("nul\0in topic"), 5, None));
    assert_eq!(rows[0].excerpt, expected.text);
    assert_eq!(rows[0].text_bytes, expected.text.len() as u64);
}

/// An entry of PostgreSQL's index has a bound: words are found in the first 100,000 characters.
fn a_word_far_behind(store: &mut dyn Store) -> bool {
    let text = format!("{} near {} far", "x ".repeat(40_000), "y ".repeat(40_000));
    store.put(save(words(1, "tea", &text)));
    assert_eq!(found(store, "near"), [1]);
    found(store, "far") == [1]
}

/// Words of several letters that are several words to one of them, and letters that are one letter.
fn letters(store: &mut dyn Store) -> Vec<u128> {
    for (number, text) in [(1, "ΟΔΟΣ"), (2, "x²"), (3, "İstanbul")] {
        store.put(save(words(number, "x", text)));
    }
    let found = ["οδοσ", "x2", "istanbul"].map(|typed| found(store, typed));
    found.concat()
}

#[test]
fn on_sqlite() {
    a_zero_in_a_text(&mut File::new());
    assert!(a_word_far_behind(&mut File::new()));
    assert_eq!(letters(&mut File::new()), [1, 3]);
}

#[test]
#[ignore = "needs postgresql"]
fn on_postgresql() {
    let postgres = Postgres::start();
    a_zero_in_a_text(&mut Server::new(&postgres, "zero"));
    assert!(!a_word_far_behind(&mut Server::new(&postgres, "far")));
    assert_eq!(letters(&mut Server::new(&postgres, "letters")), [3]);
}

/// The longest texts of the most bytes and the most words are stored, whatever the index makes of them.
#[test]
#[ignore = "needs postgresql"]
fn no_text_is_too_long_for_the_index() {
    let postgres = Postgres::start();
    let mut server = Server::new(&postgres, "long");
    let hangul = |n: u32| char::from_u32(0xac00 + n % 11_172).unwrap();
    let texts = [
        (0..100_000).map(|n| hangul(n * 7)).collect::<String>(),
        (0..20_000).map(|n| format!("{} ", n * 37)).collect(),
        (0..30_000_u32)
            .flat_map(|n| [hangul(n), hangul(n / 11_172), ' '])
            .collect(),
        "a".repeat(200_000),
        "🙂".repeat(200_000),
        "\u{fdfa}".repeat(100_000),
        "ΐ ".repeat(60_000),
    ];
    for (number, text) in (1..).zip(texts) {
        let store: &mut dyn Store = &mut server;
        store.put(save(words(number, "x", &text)));
        assert_eq!(store.one("local", id(number)).unwrap().text, text);
    }
}
