//! Rows that are kept no longer: the oldest go, with all that belongs to them and no more.

use super::*;
use crate::store::{KeywordMethod, KeywordsRow, Table, Weight};

fn expire(store: &mut Store, table: Table, before: u128, limit: usize) -> u64 {
    let before = number_id(before);
    let expire = Write::Expire {
        table,
        before,
        limit,
    };
    match store.put(expire) {
        Written::Expired(rows) => rows,
        other => panic!("an expiry was answered with {other:?}"),
    }
}

fn weights(store: &mut Store, before: Option<u128>) -> Vec<Weight> {
    let before = before.map(number_id);
    match store.reader.run(&Query::Weigh { before }).unwrap() {
        Found::Weighed(weights) => weights,
        other => panic!("a weighing was answered with {other:?}"),
    }
}

fn keywords(tenant: &str, number: u128, term: &str) -> Write {
    let keyword = |word: &str| crate::score::keywords::Keyword {
        keyword: word.into(),
        score: 0.5,
    };
    Write::Keywords {
        requests: Vec::new(),
        row: Box::new(KeywordsRow {
            id: number_id(number),
            tenant: tenant.to_owned(),
            search_term_id: term_id(tenant, term),
            term: term.to_owned(),
            keywords: vec![keyword("leaf"), keyword("cup")],
            method: KeywordMethod::Local,
            created_ms: 1_700_000_000_000,
        }),
    }
}

#[test]
fn the_oldest_go_in_pieces_and_whoever_they_belong_to() {
    let mut store = Store::new();
    for number in 1..=6 {
        for tenant in ["a", "b", "c"] {
            store.put(save_both(tenant, number, &format!("tea {number}")));
        }
    }
    assert_eq!(expire(&mut store, Table::Texts, 5, 5), 5);
    assert_eq!(expire(&mut store, Table::Texts, 5, 5), 5);
    assert_eq!(expire(&mut store, Table::Texts, 5, 5), 2);
    assert_eq!(expire(&mut store, Table::Texts, 5, 5), 0);
    assert_eq!(store.number("SELECT count(*) FROM generated_content"), 6);
    assert_eq!(store.number("SELECT count(*) FROM search_documents"), 6);
    // Their terms have gone with them; requests are another matter.
    assert_eq!(store.number("SELECT count(*) FROM search_terms"), 6);
    assert_eq!(store.number("SELECT count(*) FROM requests"), 18);
    assert_eq!(expire(&mut store, Table::Requests, 4, 100), 9);
    assert_eq!(store.number("SELECT count(*) FROM requests"), 9);
}

#[test]
fn a_term_stays_as_long_as_anything_refers_to_it() {
    let mut store = Store::new();
    let terms = |store: &Store| store.number("SELECT count(*) FROM search_terms");
    let mut scored = text("local", 1, "tea");
    scored.scores = Some(scores(0.5));
    store.put(save_text(scored));
    let analysis = Box::new(analysis("local", 2, "tea"));
    store.put(Write::Save {
        requests: Vec::new(),
        text: None,
        analysis: Some(analysis),
    });
    store.put(keywords("local", 3, "tea"));
    assert_eq!(expire(&mut store, Table::Texts, 9, 10), 1);
    assert_eq!(store.number("SELECT count(*) FROM sentiment_analysis"), 1);
    assert_eq!(expire(&mut store, Table::Analyses, 9, 10), 1);
    assert_eq!(terms(&store), 1);
    assert_eq!(expire(&mut store, Table::Keywords, 9, 10), 2);
    assert_eq!(terms(&store), 0);
}

#[test]
fn texts_are_weighed_the_newest_first_generated_and_analysed() {
    let mut store = Store::new();
    store.put(save_text(text("b", 1, "tea")));
    let analysis = Box::new(analysis("a", 2, "tea"));
    let content = analysis.content.len() as u64;
    store.put(Write::Save {
        requests: Vec::new(),
        text: None,
        analysis: Some(analysis),
    });
    store.put(save_text(text("a", 3, "tea")));
    let weight = |number, bytes| Weight {
        id: number_id(number),
        bytes,
    };
    let size = text("a", 3, "tea").text.len() as u64;
    let all = [weight(3, size), weight(2, content), weight(1, size)];
    assert_eq!(weights(&mut store, None), all);
    assert_eq!(weights(&mut store, Some(3)), all[1..]);
}
